//! However a run is cut short, it says what it measured, and leaves nothing behind.

use std::path::PathBuf;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::poll;
use crate::common::program::{Process, Program, send};
use crate::common::report::{self, count, poll_exported, rates, samples, text, wiring, wirings};

/// A run that would take longer than any test waits.
struct LongRun {
    program: Program,
    export: PathBuf,
    _folder: TempDir,
}

impl LongRun {
    fn start() -> Self {
        Self::of_rotations("1000")
    }

    fn of_rotations(rotations: &str) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let export = folder.path().join("report.json");
        let program = Program::start(&[
            "run",
            "--containers=4",
            "--time-scale=600",
            "--format=json",
            "--rotations",
            rotations,
            &format!("--export=json={}", export.display()),
        ]);
        Self {
            program,
            export,
            _folder: folder,
        }
    }

    fn exported(&self) -> Value {
        serde_json::from_slice(&std::fs::read(&self.export).expect("exported")).expect("JSON")
    }

    fn children(&self, words: &str) -> Vec<Process> {
        let mut processes = self.program.processes();
        processes.retain(|process| process.words == words);
        processes
    }

    fn assert_nothing_left(&self) {
        poll("all of its processes gone", || {
            self.program.processes().is_empty().then_some(())
        });
        poll("all of its sockets gone", || {
            self.program.temporary_files().is_empty().then_some(())
        });
    }
}

#[test]
fn an_interrupted_run_reports_its_leak_and_calls_nothing_clean() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut run = LongRun::start();
        poll_exported(&run.export, 2);
        run.program.send(signal);
        let ended = run.program.wait();

        assert_eq!(ended.code, Some(130), "{ended:?}");
        let report = report::of(&ended);
        assert_eq!(report["partial"], true);
        assert_eq!(report["config"]["rotations"], 1000);
        let (old, fixed) = (wiring(&report, "old"), wiring(&report, "fixed"));
        assert_eq!(old["verdict"], "leaking");
        assert_eq!(rates(old), (2.0, 1.0));
        assert_eq!(fixed["verdict"], "inconclusive");
        for wiring in wirings(&report) {
            assert!(text(&wiring["reason"]).contains("interrupted"), "{wiring}");
            let (due, made) = (&wiring["rotations"]["due"], &wiring["rotations"]["made"]);
            assert!(count(due) >= 2 && due == made, "{}", wiring["rotations"]);
            assert_eq!(wiring["delivery"]["lost"], 0, "{}", wiring["delivery"]);
            assert_eq!(wiring["after_shutdown"]["tasks"], 0);
        }
        assert_eq!(run.exported(), report, "the export is the report");
        run.assert_nothing_left();
    }
}

#[test]
fn a_run_that_is_interrupted_before_its_baseline_still_reports() {
    let mut run = LongRun::start();
    poll("an engine of it", || {
        (!run.program.temporary_files().is_empty()).then_some(())
    });
    run.program.send(Signal::SIGINT);
    let ended = run.program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let report = report::of(&ended);
    assert_eq!(report["partial"], true);
    for wiring in wirings(&report) {
        assert_eq!(wiring["verdict"], "inconclusive", "{wiring}");
        assert_eq!(wiring["rotations"]["due"], 0);
    }
    run.assert_nothing_left();
}

#[test]
fn a_killed_run_takes_its_workers_its_engines_and_their_sockets_along() {
    let mut run = LongRun::start();
    poll_exported(&run.export, 1);
    assert_eq!(run.children("worker").len(), 2);
    assert_eq!(run.children("engine --child").len(), 2);
    assert_eq!(run.program.temporary_files().len(), 2);

    run.program.send(Signal::SIGKILL);
    assert_eq!(run.program.wait().code, None, "killed");
    run.assert_nothing_left();
    let exported = run.exported();
    assert_eq!(exported["partial"], true, "what was exported stays");
}

#[test]
fn a_killed_worker_ends_its_wiring_and_no_other() {
    let mut run = LongRun::of_rotations("5");
    poll_exported(&run.export, 1);
    // Started in the order of the wirings.
    let workers = run.children("worker");
    send(workers[0].pid, Signal::SIGKILL);
    let ended = run.program.wait();

    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("the wiring old could not be measured")
            && ended.stderr.contains("the worker died (signal: 9"),
        "{}",
        ended.stderr
    );
    let report = report::of(&ended);
    assert_eq!(report["partial"], true);
    let (old, fixed) = (wiring(&report, "old"), wiring(&report, "fixed"));
    assert_eq!(old["verdict"], "leaking", "it had leaked by then");
    assert_eq!(fixed["cut_short"], Value::Null);
    assert!(text(&old["reason"]).contains("the worker died"), "{old}");
    let measured = samples(old).len() - 1;
    // Whether one was due that it did not make, only its last word would tell.
    let rotations = json!({"due": measured, "made": measured, "missed": null, "sufficed": null});
    assert_eq!(old["rotations"], rotations);
    assert_eq!(old["delivery"]["lost"], Value::Null, "nobody knows");
    assert_eq!(fixed["verdict"], "clean");
    assert_eq!(
        fixed["rotations"],
        json!({"due": 5, "made": 5, "missed": 0, "sufficed": null})
    );
    run.assert_nothing_left();
}

#[test]
fn a_killed_engine_fails_its_wiring_and_no_other() {
    let mut run = LongRun::of_rotations("5");
    poll_exported(&run.export, 1);
    let engines = run.children("engine --child");
    send(engines[1].pid, Signal::SIGKILL);
    let ended = run.program.wait();
    let report = report::of(&ended);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    let (old, fixed) = (wiring(&report, "old"), wiring(&report, "fixed"));
    assert_eq!(rates(old), (2.0, 1.0), "{old}");
    assert_eq!(old["verdict"], "leaking");
    assert_ne!(fixed["verdict"], "clean", "{fixed}");
    let why = text(&fixed["cut_short"]);
    assert!(ended.stderr.contains(why), "{why}: {}", ended.stderr);
    assert!(count(&fixed["stream_errors"]["count"]) > 0, "{fixed}");
    run.assert_nothing_left();
}

#[test]
fn an_interruption_while_the_engine_stands_still_calls_nothing_hung() {
    let run = LongRun::start();
    poll_exported(&run.export, 2);
    let engines = run.children("engine --child");
    assert!(!engines.is_empty());
    for engine in &engines {
        send(engine.pid, Signal::SIGSTOP);
    }
    // The rotation that comes meanwhile is on its way when the end does.
    let mut run = run;
    run.program.send(Signal::SIGTERM);
    let ended = run.program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let report = report::of(&ended);
    for wiring in wirings(&report) {
        let verdict = text(&wiring["verdict"]);
        assert!(matches!(verdict, "leaking" | "inconclusive"), "{wiring}");
        assert_ne!(wiring["answers"]["liveness"]["verdict"], "hung");
    }
    run.assert_nothing_left();
}
