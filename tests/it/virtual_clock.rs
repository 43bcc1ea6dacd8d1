//! `--clock virtual`: the same monitor, engine and analysis in paused time over connections in memory.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::program::{Program, run};
use crate::common::report::{self, count, rates, samples, text, wiring, wirings};
use crate::common::{only_one_is_busy, poll};

fn virtual_run(flags: &[&str]) -> Value {
    let common = ["run", "--clock=virtual", "--format=json", "--quiet"];
    report::of(&run(&[&common, flags].concat()))
}

#[test]
fn an_hour_of_the_incident_leaves_what_it_leaves_in_wall_time() {
    let _busy = only_one_is_busy();
    let document = virtual_run(&["--containers=50", "--rotation=5m", "--rotations=12"]);
    let (old, fixed) = (wiring(&document, "old"), wiring(&document, "fixed"));
    assert_eq!(
        (text(&old["verdict"]), text(&fixed["verdict"])),
        ("leaking", "clean")
    );
    assert_eq!((rates(old), rates(fixed)), ((2.0, 1.0), (0.0, 0.0)));
    for wiring in wirings(&document) {
        assert_eq!(count(&wiring["rotations"]["made"]), 12);
        let delivery = &wiring["delivery"];
        // 25 containers print a line a second, on average, for more than an hour.
        assert!(count(&delivery["emitted"]) > 80_000, "{delivery}");
        assert_eq!(delivery["emitted"], delivery["read"]);
        let last = samples(wiring).last().expect("samples");
        assert!(
            (3_600_000..4_000_000).contains(&count(&last["t_ms"])),
            "{last}"
        );
    }
    // What is counted beside tasks is no file.
    assert_eq!(fixed["baseline"], json!({"tasks": 200, "fds": 50}));
    let kinds = &old["fds_by_kind"]["final"];
    assert_eq!(*kinds, json!({"connection in memory": 650}));
    assert_eq!(count(&old["engine_side"]["connections_final"]), 650);
    assert!(text(&old["reason"]).contains("1.00 connections per rotation"));
}

#[test]
fn the_same_seed_gives_the_same_report_to_the_byte_and_another_gives_another() {
    let of = |seed: &str| {
        let flags = [
            "run",
            "--clock=virtual",
            "--containers=10",
            "--rotations=3",
            "--format=json",
        ];
        run(&[
            &flags[..],
            &["--wiring=old", "--wiring=line-fix", "--seed", seed],
        ]
        .concat())
        .stdout
    };
    let first = of("7");
    assert_eq!(first, of("7"));
    assert_ne!(first, of("8"));
    let document: Value = serde_json::from_str(&first).expect("a report");
    let from = &document["provenance"];
    assert!(from["argv"].is_array() && from["os"].is_string(), "{from}");
    for varying in ["started_at", "duration_ms", "host"] {
        assert!(from[varying].is_null(), "{from}");
    }
}

#[test]
fn no_more_rotations_are_made_than_a_verdict_needs() {
    let names = ["old", "fixed", "smallest-leak", "line-fix"];
    let wirings = names.map(|name| format!("--wiring={name}"));
    let wirings: Vec<&str> = wirings.iter().map(String::as_str).collect();
    let flags = ["--until=verdict", "--rotations=1000", "--containers=6"];
    let document = virtual_run(&[&flags[..], &wirings].concat());
    assert_eq!(document["partial"], false);
    assert_eq!(document["config"]["until_verdict"], true);
    for (name, verdict) in names
        .into_iter()
        .zip(["leaking", "clean", "leaking", "leaking"])
    {
        let wiring = wiring(&document, name);
        assert_eq!(text(&wiring["verdict"]), verdict, "{wiring}");
        let expected = json!({"due": 5, "made": 5, "missed": 0, "sufficed": 5});
        assert_eq!(wiring["rotations"], expected, "{name}");
        let reason = text(&wiring["reason"]);
        assert!(
            reason.ends_with("; 5 rotations sufficed of 1000 at most"),
            "{reason}"
        );
    }
}

#[test]
fn a_monitor_that_hangs_needs_no_more_rotations_either() {
    let load = [
        "--silent=0",
        "--consumer-delay=3s",
        "--containers=6",
        "--rotations=100",
        "--until=verdict",
        "--wiring=close-wait",
    ];
    let document = virtual_run(&load);
    let waiting = wiring(&document, "close-wait");
    assert_eq!(text(&waiting["verdict"]), "hung", "{waiting}");
    assert!(
        waiting["rotations"]["sufficed"].as_u64() < Some(10),
        "{waiting}"
    );
}

#[test]
fn all_rotations_are_made_where_the_evidence_never_suffices() {
    // Without a line nothing proves that the streams are alive.
    let flags = [
        "--until=verdict",
        "--rotations=8",
        "--containers=4",
        "--silent=1",
        "--wiring=fixed",
    ];
    let document = virtual_run(&flags);
    let fixed = wiring(&document, "fixed");
    assert_eq!(text(&fixed["verdict"]), "inconclusive", "{fixed}");
    let expected = json!({"due": 8, "made": 8, "missed": 0, "sufficed": null});
    assert_eq!(fixed["rotations"], expected);
}

#[test]
fn every_wiring_leaves_what_the_closed_form_says_and_hangs_where_it_says_so() {
    let _busy = only_one_is_busy();
    let names = leakcheck::internals::wirings::all()
        .into_iter()
        .map(|wiring| wiring.name);
    let flags: Vec<String> = names.map(|name| format!("--wiring={name}")).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let load = ["--containers=4", "--rotations=3", "--lines-per-second=0.2"];
    let document = virtual_run(&[&flags[..], &load].concat());
    assert!(wirings(&document).len() > 40);
    for wiring in wirings(&document) {
        let predicted = &wiring["predicted"];
        assert_eq!(
            predicted["containers_hung"], wiring["hung"]["containers"],
            "{wiring}"
        );
        for (of, predicted) in [
            ("tasks", &predicted["tasks_per_rotation_per_container"]),
            ("fds", &predicted["fds_per_rotation_per_container"]),
        ] {
            let measured = &wiring["rates"][of]["per_rotation_per_container"];
            // The form has no answer where containers hang.
            assert!(predicted.is_null() || predicted == measured, "{wiring}");
        }
    }
}

#[test]
fn a_consumer_that_falls_behind_hangs_a_wiring_that_waits() {
    let load = [
        "--silent=0",
        "--consumer-delay=3s",
        "--containers=6",
        "--rotations=2",
    ];
    let document = virtual_run(&[&load[..], &["--wiring=close-wait", "--wiring=fixed"]].concat());
    let (waiting, fixed) = (wiring(&document, "close-wait"), wiring(&document, "fixed"));
    assert_eq!(text(&waiting["verdict"]), "hung");
    // It rotates on, however far its consumer is behind.
    assert_eq!(count(&fixed["hung"]["containers"]), 0);
    assert_eq!(rates(fixed), (0.0, 0.0));
}

#[test]
fn one_leaked_task_per_rotation_among_thousands_of_containers_is_found_with_its_site() {
    let _busy = only_one_is_busy();
    let load = [
        "--containers=2000",
        "--rotations=3",
        "--lines-per-second=0.05",
    ];
    let document = virtual_run(&[&load[..], &["--wiring=smallest-leak"]].concat());
    let wiring = wiring(&document, "smallest-leak");
    assert_eq!(text(&wiring["verdict"]), "leaking");
    // It is not told as none, though each container has hardly any part in it.
    let reason = text(&wiring["reason"]);
    assert!(reason.starts_with("0.0005 tasks"), "{reason}");
    let sites = wiring["sites"].as_array().expect("sites");
    let leaked = sites.iter().filter(|site| site["leaked"] != 0);
    let leaked: Vec<_> = leaked
        .map(|site| (text(&site["label"]), count(&site["leaked"])))
        .collect();
    assert_eq!(leaked, [("heartbeat", 3)]);
}

#[test]
fn the_tables_call_connections_by_their_name() {
    let ended = run(&["run", "--clock=virtual", "--containers=4", "--rotations=2"]);
    for words in [
        "2 rotations of 5m, virtual clock",
        "Live tasks and connections in memory after each rotation",
        "2.00 tasks and 1.00 connections per rotation",
    ] {
        assert!(ended.stdout.contains(words), "{words}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("1.00 fds per"), "{}", ended.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn no_engine_process_and_no_socket_is_made_and_ctrl_c_ends_it_at_once() {
    let mut program = Program::start(&[
        "run",
        "--clock=virtual",
        "--containers=50",
        "--rotations=100000",
        "--format=json",
    ]);
    // Between its start and its program a child is called as its parent.
    poll("two workers and nobody else", || {
        let processes = program.processes();
        let workers = processes.iter().filter(|process| process.words == "worker");
        (workers.count() == 2 && processes.len() == 3).then_some(())
    });
    assert!(program.temporary_files().is_empty());
    poll("its signal handler", || {
        program.handles(Signal::SIGINT).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(report::of(&ended)["partial"], true);
    assert!(program.processes().is_empty());
}

#[test]
fn what_needs_time_that_passes_by_itself_is_refused() {
    for (flags, says) in [
        (&["--engine=docker"][..], "--engine synthetic"),
        (&["--time-scale=10"], "--clock compressed"),
        (&["--console"], "--console"),
    ] {
        let ended = run(&[&["run", "--clock=virtual"], flags].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
}
