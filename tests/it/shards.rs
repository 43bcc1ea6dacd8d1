//! `--shards`: a wiring's containers shared out among several processes, whose figures are one wiring's.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::program::{Ended, Program, run, send};
use crate::common::report::{self, count, poll_exported, rates, samples, text, wiring, wirings};
use crate::common::{only_one_is_busy, poll};

/// Ten containers in three shards, of which one is larger than the others.
const SHARED_OUT: [&str; 4] = ["run", "--containers=10", "--shards=3", "--format=json"];

#[test]
fn shards_leak_as_one_process_does_and_each_line_is_counted_once() {
    let flags = ["--rotations=3", "--time-scale=600"];
    let ended = run(&[&SHARED_OUT[..], &flags].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let document = report::of(&ended);
    assert_eq!(document["config"]["shards"], 3);
    let (old, fixed) = (wiring(&document, "old"), wiring(&document, "fixed"));
    assert_eq!((rates(old), rates(fixed)), ((2.0, 1.0), (0.0, 0.0)));
    assert_eq!(
        (&old["verdict"], &fixed["verdict"]),
        (&json!("leaking"), &json!("clean"))
    );
    for wiring in wirings(&document) {
        let delivery = &wiring["delivery"];
        assert!(count(&delivery["emitted"]) > 0, "{delivery}");
        assert_eq!(delivery["emitted"], delivery["read"]);
        // Each shard's engine has the connections of its own containers.
        assert_eq!(wiring["engine_side"]["connections_baseline"], 10);
        assert_eq!(wiring["engine_side"]["shared"], false);
    }
    assert_eq!(old["engine_side"]["connections_final"], 40);
}

/// The engine's tasks are told from the monitor's by their spawn sites.
#[cfg(tokio_unstable)]
#[test]
fn in_paused_time_shards_give_the_same_report_as_one_process() {
    let _busy = only_one_is_busy();
    let measured = |shards: &str| {
        let flags = [
            "run",
            "--clock=virtual",
            "--containers=10",
            "--format=json",
            "--quiet",
        ];
        let wirings = ["--wiring=old", "--wiring=smallest-leak", "--wiring=fixed"];
        let until = ["--rotations=50", "--until=verdict", "--shards", shards];
        report::of(&run(&[&flags[..], &wirings, &until].concat()))
    };
    let (one, three) = (measured("1"), measured("3"));
    assert_eq!(one["wirings"], three["wirings"]);
    // The leak of one container alone is in one shard alone.
    assert_eq!(rates(wiring(&three, "smallest-leak")), (0.1, 0.0));
    for wiring in wirings(&three) {
        assert_eq!(wiring["rotations"]["sufficed"], 5);
    }
}

#[test]
fn containers_that_one_process_cannot_hold_are_shared_out_by_themselves() {
    let flags = [
        "run",
        "--containers=100",
        "--wiring=fixed",
        "--rotations=2",
        "--time-scale=600",
        "--format=json",
    ];
    let ended = Program::start_with_fd_limit(120, &flags).wait();
    let document = report::of(&ended);
    assert_eq!(document["config"]["shards"], 4, "{ended:?}");
    let fixed = wiring(&document, "fixed");
    assert_eq!(fixed["verdict"], "clean", "{}", fixed["reason"]);
    assert_eq!(fixed["baseline"]["tasks"], 400);
}

#[test]
fn the_shards_that_a_refusal_advises_suffice() {
    let flags = [
        "run",
        "--containers=16",
        "--rotations=6",
        "--time-scale=600",
    ];
    let refused = Program::start_with_fd_limit(120, &flags).wait();
    assert_eq!(refused.code, Some(4), "{refused:?}");
    let (_, advised) = refused.stderr.split_once("--shards ").expect("advice");
    let shards: String = advised.chars().take_while(char::is_ascii_digit).collect();
    let advised = [&flags[..], &["--format=json", "--shards", &shards]].concat();
    let ended = Program::start_with_fd_limit(120, &advised).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let document = report::of(&ended);
    assert_eq!(rates(wiring(&document, "old")), (2.0, 1.0));
}

#[test]
fn descriptors_that_run_out_in_one_shard_end_the_rotations_of_all() {
    let flags = [
        "--wiring=old",
        "--rotations=50",
        "--time-scale=600",
        "--force",
    ];
    let ended = Program::start_with_fd_limit(100, &[&SHARED_OUT[..], &flags].concat()).wait();
    let document = report::of(&ended);
    let old = wiring(&document, "old");
    let exhausted = count(&old["fds_exhausted_at_rotation"]);
    assert_eq!(
        samples(old).len() as u64,
        exhausted + 1,
        "no rotation after it"
    );
    assert_eq!(rates(old), (2.0, 1.0), "what was measured before it stands");
    assert_eq!(old["verdict"], "hung", "{}", old["reason"]);
    for site in old["sites"].as_array().expect("sites") {
        let rate = site["per_rotation_per_container"].as_f64();
        assert_eq!(rate.map(f64::fract), Some(0.0), "{site}");
    }
}

/// A run in three shards whose rotations nobody waits for, once it has made some; and its end.
fn cut_short(by: impl FnOnce(&Program)) -> (Ended, Program) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("report.json");
    let export = format!("--export=json={}", path.display());
    let flags = ["--rotations=1000", "--time-scale=600", &export];
    let mut program = Program::start(&[&SHARED_OUT[..], &flags].concat());
    poll_exported(&path, 2);
    by(&program);
    let ended = program.wait();
    (ended, program)
}

fn workers(program: &Program) -> Vec<i32> {
    let processes = program.processes().into_iter();
    let workers = processes.filter(|process| process.words == "worker");
    workers.map(|process| process.pid).collect()
}

fn assert_nothing_left(program: &Program) {
    poll("all of its processes gone", || {
        program.processes().is_empty().then_some(())
    });
    let no_sockets = || program.temporary_files().is_empty().then_some(());
    poll("all of its sockets gone", no_sockets);
}

#[test]
fn an_interrupt_ends_all_shards_and_keeps_what_they_measured() {
    let (ended, program) = cut_short(|program| {
        assert_eq!(workers(program).len(), 6);
        program.send(Signal::SIGINT);
    });
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let document = report::of(&ended);
    assert_eq!(document["partial"], true);
    let (old, fixed) = (wiring(&document, "old"), wiring(&document, "fixed"));
    assert_eq!(
        (old["verdict"].as_str(), rates(old)),
        (Some("leaking"), (2.0, 1.0))
    );
    assert_eq!(fixed["verdict"], "inconclusive");
    for wiring in wirings(&document) {
        assert_eq!(wiring["delivery"]["lost"], 0, "{}", wiring["delivery"]);
        assert_eq!(wiring["after_shutdown"]["tasks"], 0);
    }
    assert_nothing_left(&program);
}

#[test]
fn a_shard_that_dies_ends_its_wiring_and_loses_nothing_that_was_measured() {
    let (ended, program) = cut_short(|program| {
        // Those of the first wiring are started first; the other is ended by hand.
        send(workers(program)[1], Signal::SIGKILL);
        poll("the shards beside it ended", || {
            (workers(program).len() == 3).then_some(())
        });
        program.send(Signal::SIGINT);
    });
    let document = report::of(&ended);
    let (dead, alive): (Vec<&Value>, Vec<&Value>) = wirings(&document)
        .iter()
        .partition(|wiring| text(&wiring["cut_short"]).contains("signal: 9"));
    assert_eq!((dead.len(), alive.len()), (1, 1), "{ended:?}");
    assert_ne!(dead[0]["verdict"], "clean");
    assert!(samples(dead[0]).len() > 2);
    assert!(!dead[0]["sites"].as_array().expect("sites").is_empty());
    assert_eq!(dead[0]["delivery"]["lost"], Value::Null, "nobody knows");
    assert_eq!(alive[0]["delivery"]["lost"], 0);
    assert_nothing_left(&program);
}

#[test]
fn shards_that_cannot_be_had_are_refused_with_what_to_do() {
    for (flags, says) in [
        (
            &["--containers=3"][..],
            "more than --containers 3: use as many or fewer",
        ),
        (
            &["--wiring=stream-limit"],
            "limits what one process follows",
        ),
        (&["--console"], "shows one process of each wiring"),
    ] {
        let ended = run(&[&["run", "--shards=4"], flags].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}
