//! Faults that the synthetic engine injects: what the monitor comes through, and what it is found to be
//! where it cannot.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use leakcheck_report::model::report::Verdict;
use serde_json::Value;
use synthetic_engine::workload::faults::Fault;
use synthetic_engine::workload::faults::{ALL, Known};

use crate::common::program::{Program, run};
use crate::common::report::{self, count, text, wiring};
use crate::common::{only_one_is_busy, poll};

const README: &str = include_str!("../../README.md");

/// So many times a fault is injected at least.
const REPETITIONS: u64 = 20;
/// Runs at a time: each of them mostly waits.
const AT_ONCE: usize = 4;

/// What a run under one fault came to.
struct Measured {
    known: &'static Known,
    injected: u64,
    lost: u64,
    /// The monitor's tasks, the run's processes and its files that were there when it had ended.
    left_behind: usize,
}

/// Containers, rotations and lines enough for the repetitions.
fn flags(fault: Fault) -> &'static [&'static str] {
    match fault {
        // Each rotation restarts the engine once.
        Fault::EngineRestart => &["--containers=4", "--rotations=24", "--time-scale=750"],
        // Who gets no answer asks again every two seconds.
        Fault::NeverAccepts => &["--containers=20", "--rotations=3"],
        _ => &["--containers=20", "--rotations=4"],
    }
}

fn measure(known: &'static Known) -> Measured {
    let name = known.name;
    let fault = format!("--fault={name}");
    let common = [
        "run",
        "--silent=0",
        "--lines-per-second=40",
        "--seed=11",
        "--format=json",
        &fault,
    ];
    let mut program = Program::start(&[&common, flags(known.fault)].concat());
    let ended = program.wait();
    assert_eq!(ended.code, Some(0), "{name}: {ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{name}: {ended:?}");
    let document = report::of(&ended);
    assert_eq!(document["config"]["faults"], serde_json::json!([name]));

    poll("all of its processes gone", || {
        program.processes().is_empty().then_some(())
    });
    let mut left_behind = program.temporary_files().len();
    let expected = Expected::under(known.fault);
    for (wiring_name, expected) in [("old", expected.old), ("fixed", expected.fixed)] {
        let wiring = wiring(&document, wiring_name);
        let told = format!("{name}: {wiring_name}: {}", wiring["reason"]);
        assert_eq!(text(&wiring["verdict"]), expected.word(), "{told}");
        let injected = count(&wiring["engine_side"]["faults"][name]);
        assert!(
            text(&wiring["reason"]).contains(&format!("on purpose {injected} times")),
            "{told}"
        );
        assert!(injected >= REPETITIONS, "{told}: {injected} times");
        let delivery = &wiring["delivery"];
        assert_eq!(count(&delivery["duplicated"]), 0, "{told}");
        let loses = matches!(expected, Verdict::Starved | Verdict::Hung);
        assert_eq!(count(&delivery["lost"]) > 0, loses, "{told}");
        left_behind += count(&wiring["after_shutdown"]["tasks"]) as usize;
    }
    let fixed = wiring(&document, "fixed");
    if Expected::under(known.fault).fixed == Verdict::Clean {
        assert_eq!(fixed["baseline"], fixed["final"], "{name}");
    }
    Measured {
        known,
        injected: count(&fixed["engine_side"]["faults"][name]),
        lost: count(&fixed["delivery"]["lost"]),
        left_behind,
    }
}

/// The verdicts that the two default wirings must have under a fault.
struct Expected {
    fixed: Verdict,
    old: Verdict,
}

impl Expected {
    /// A good follower comes through most faults, and the incident's leaks as ever.
    fn under(fault: Fault) -> Self {
        let (fixed, old) = match fault {
            Fault::ClockJumpBack => (Verdict::Starved, Verdict::Starved),
            // What old forgot ends with the engine's connections.
            Fault::EngineRestart => (Verdict::Clean, Verdict::Inconclusive),
            Fault::NeverAccepts => (Verdict::Hung, Verdict::Hung),
            _ => (Verdict::Clean, Verdict::Leaking),
        };
        Self { fixed, old }
    }
}

#[test]
fn what_fixed_cannot_come_through_is_explained() {
    for known in &ALL {
        let clean = Expected::under(known.fault).fixed == Verdict::Clean;
        assert_eq!(clean, known.why_not.is_none(), "{}", known.name);
    }
}

/// All faults, measured several at a time, in the order of the catalogue.
fn measure_all() -> Vec<Measured> {
    let next = Mutex::new(ALL.iter());
    let measured = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let known = next.lock().expect("no panic while locked").next();
                    let Some(known) = known else { return };
                    let one = measure(known);
                    measured.lock().expect("no panic while locked").push(one);
                }
            });
        }
    });
    let mut measured = measured.into_inner().expect("no panic while locked");
    measured.sort_by_key(|one| one.known.fault);
    measured
}

/// The README's table of what was measured.
fn table(measured: &[Measured]) -> String {
    let mut table = String::from(
        "| fault | what happens | times injected | `fixed` | lines lost | left behind | `old` |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for one in measured {
        let Known {
            name,
            meaning,
            fault,
            ..
        } = one.known;
        let Expected { fixed, old } = Expected::under(*fault);
        let _ = writeln!(
            table,
            "| `{name}` | {meaning} | {} | {} | {} | {} | {} |",
            one.injected,
            fixed.word(),
            one.lost,
            one.left_behind,
            old.word(),
        );
    }
    table
}

/// The table with its figures brought to what must be the same in each run: how often a fault was injected
/// varies where it goes by the lines that were sent, and so do the lines that a monitor loses which loses any.
fn stable(table: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| {
        let mut cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        if let Some(Ok(injected)) = cells.get(3).map(|cell| cell.parse::<u64>()) {
            assert!(injected >= REPETITIONS, "{line}");
            cells[3] = "enough".into();
        }
        if let Some(Ok(1..)) = cells.get(5).map(|cell| cell.parse::<u64>()) {
            cells[5] = "some".into();
        }
        cells
    };
    table.trim().lines().map(cells).collect()
}

#[test]
fn each_fault_has_the_outcome_that_the_catalogue_and_the_readme_tell() {
    let _busy = only_one_is_busy();
    let table = table(&measure_all());
    let of_readme = README
        .split_once("<!-- tests/it/engine_faults.rs checks from here -->")
        .and_then(|(_, rest)| rest.split_once("<!-- to here -->"))
        .map(|(table, _)| table);
    let of_readme = of_readme.expect("the README has a table of faults");
    assert_eq!(
        stable(of_readme),
        stable(&table),
        "the README's table is another one; this was measured:\n{table}"
    );
}

// Without it no build has a virtual clock.
#[cfg(tokio_unstable)]
#[test]
fn the_same_seed_injects_the_same_faults_and_the_virtual_clock_gives_the_same_report() {
    let of = |seed: &str| {
        let ended = run(&[
            "run",
            "--clock=virtual",
            "--containers=10",
            "--rotations=4",
            "--fault=reset-mid-frame",
            "--fault=stall=0.5",
            "--format=json",
            seed,
        ]);
        report::of(&ended)
    };
    let (once, again, another) = (of("--seed=3"), of("--seed=3"), of("--seed=4"));
    assert_eq!(once, again);
    let faults = |document: &Value| wiring(document, "fixed")["engine_side"]["faults"].clone();
    assert_ne!(faults(&once), faults(&another));
    assert_eq!(wiring(&once, "fixed")["verdict"], "clean");
}

#[test]
fn a_fault_that_cannot_be_injected_is_refused_before_anything_starts() {
    for (flags, says) in [
        (
            &["--fault=reset-midframe"][..],
            "did you mean reset-mid-frame?",
        ),
        (&["--fault=stall=2"], "as in stall=0.2"),
        (
            &["--fault=stall", "--engine=docker"],
            "needs --engine synthetic",
        ),
        (
            &["--fault=stall", "--engine=swarm"],
            "needs --engine synthetic",
        ),
        (&["--fault=stall", "--fault=stall=0.5"], "given twice"),
        (&["--fault=stall=0.001"], "strikes none of 50 containers"),
        (&["--fault=garbage", "--silent=1"], "containers that print"),
        (&["--fault=stall", "--rotations=1"], "--rotations 2 or more"),
        (
            &["--fault=stall", "--until=verdict"],
            "leave one of them out",
        ),
    ] {
        let ended = run(&[&["run"], flags].concat());
        assert_eq!(ended.code, Some(2), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{flags:?}: {}", ended.stderr);
    }
}

#[test]
fn a_scenarios_file_names_faults_and_a_misspelt_one_is_shown_in_its_line() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("faults.toml");
    let scenario = |faults: &str| {
        let head = "title = \"t\"\nclaim = \"c\"\nclaimed-by = \"we\"\n[run]\n";
        let run = format!("containers = 4\nrotations = 2\ntime-scale = 600.0\nfaults = {faults}\n");
        std::fs::write(&path, format!("{head}{run}")).expect("written");
        let path = path.to_str().expect("text");
        crate::common::program::run(&["run", "--scenario", path, "--format=json"])
    };
    let document = report::of(&scenario("[\"error-500=0.5\"]"));
    assert_eq!(
        document["config"]["faults"],
        serde_json::json!(["error-500=0.5"])
    );
    let ended = scenario("[\"stall\", \"garbbage\"]");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    for says in ["faults.toml", "line 8, column", "did you mean garbage?"] {
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
}

#[test]
fn the_table_tells_how_often_each_fault_was_injected() {
    let ended = run(&[
        "run",
        "--containers=4",
        "--rotations=3",
        "--time-scale=600",
        "--wiring=fixed",
        "--fault=error-500",
        "--seed=11",
    ]);
    let section = ended.stdout.split("Faults that the engine injected").nth(1);
    let section = section.expect("a section of faults");
    assert!(section.contains("fixed"), "{section}");
    assert!(
        section.contains("error-500: a log request is answered with 500"),
        "{section}"
    );
}

#[test]
fn an_engine_for_other_clients_injects_faults_too() {
    let folder = tempfile::tempdir().expect("a directory");
    let socket = folder.path().join("engine.sock");
    let listen = format!("--listen=unix://{}", socket.display());
    let flags = ["engine", "--containers=1", "--fault=error-500", &listen];
    let engine = Program::start(&flags);
    let connect = || UnixStream::connect(&socket).ok();
    drop(poll("an engine that listens", connect));
    let refused: Vec<bool> = (0..60)
        .map(|_| {
            let mut connection = connect().expect("listens");
            let request =
                "GET /containers/web-00/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: it\r\n\r\n";
            connection.write_all(request.as_bytes()).expect("sent");
            let mut status = String::new();
            let mut answer = BufReader::new(connection);
            answer.read_line(&mut status).expect("a status");
            status.contains(" 500 ")
        })
        .collect();
    assert!(!refused[0], "the first stream is never struck");
    assert!((10..30).contains(&refused.iter().filter(|refused| **refused).count()));
    assert!(
        !refused.windows(2).any(|pair| pair == [true, true]),
        "{refused:?}"
    );
    drop(engine);
}
