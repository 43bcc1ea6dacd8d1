//! The tables that people read: of what is measured anew where that gives the same figures each time, else of
//! saved reports (`saved/`: a run, a watch and an exercise, each as it was exported).

use std::path::{Path, PathBuf};
use std::process::Command;

use leakcheck_report::model::saved;
use leakcheck_report::render::format::Format;
use leakcheck_report::render::section_text::Terminal;

use crate::common::leakcheck_command;
use crate::common::program::{Program, Streams, run};
use crate::common::report::without_what_varies;

/// What a command prints for people, in 80 columns.
fn told(flags: &[&str]) -> String {
    told_by(leakcheck_command().args(flags))
}

fn told_by(command: &mut Command) -> String {
    let ended = Program::start_on(command, Streams::default()).wait();
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    fits_80_columns(&ended.stdout);
    ended.stdout
}

fn fits_80_columns(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

fn saved_report(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/saved");
    folder.join(format!("{name}.json"))
}

/// A saved report as its command printed it.
fn table_of(name: &str) -> String {
    let text = std::fs::read(saved_report(name)).expect("a report");
    let report = saved::parse(&text).expect("a report");
    let table = Format::Table.render(&report, Terminal::PLAIN);
    let table = table.expect("a table");
    fits_80_columns(&table);
    table
}

// Without it no build has a virtual clock.
#[cfg(tokio_unstable)]
#[test]
fn a_run_on_the_virtual_clock_is_told_to_the_last_line() {
    let flags = [
        "run",
        "--clock=virtual",
        "--quiet",
        "--containers=4",
        "--rotations=3",
        "--gate=old.tasks_per_rotation <= 0",
        "--gate=fixed.verdict == clean",
    ];
    let ended = run(&flags);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    insta::assert_snapshot!(without_what_varies(&ended.stdout));
}

#[test]
fn a_saved_run_is_told_as_it_was() {
    insta::assert_snapshot!(table_of("run"));
}

#[test]
fn a_watched_process_is_told_with_what_grew_in_it() {
    insta::assert_snapshot!(table_of("watch"));
}

#[test]
fn an_exercised_follower_is_told_with_what_the_engine_saw() {
    insta::assert_snapshot!(table_of("exercise"));
}

#[test]
fn several_hosts_are_told_with_a_row_for_each() {
    let folder = tempfile::tempdir().expect("a directory");
    let hosts = ["east.json", "west.json"];
    for host in hosts {
        std::fs::copy(saved_report("run"), folder.path().join(host)).expect("copied");
    }
    let mut command = leakcheck_command();
    // By the names that they are given, they are named.
    command.current_dir(folder.path()).arg("merge").args(hosts);
    insta::assert_snapshot!(told_by(&mut command));
}

#[test]
fn gates_are_told_with_what_was_measured() {
    let report = saved_report("run").display().to_string();
    let baseline = format!("--baseline={report}");
    let ended = run(&[
        "gate",
        &report,
        "--gate=old.tasks_per_rotation <= 0",
        "--gate=*.verdict == clean",
        &baseline,
    ]);
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""), "{ended:?}");
    insta::assert_snapshot!(ended.stdout);
}

#[test]
fn an_audited_claim_is_told_with_why() {
    let folder = tempfile::tempdir().expect("a directory");
    let scenario = folder.path().join("mine.toml");
    let text = r#"
title = "The incident, in small"
claim = "Two tasks are left by each rotation of a container."
claimed-by = "us"

[run]
containers = 4
rotations = 2
time-scale = 600.0
wirings = ["old", "fixed"]

[judgement]
predicts = "2 tasks per rotation per container."
confirmed-if = ["old.tasks_per_rotation >= 2", "fixed.verdict == clean"]
refuted-if = ["old.tasks_per_rotation < 2"]

[go-reference]
old = { goroutines = 3.0, fds = 1.0 }
"#;
    std::fs::write(&scenario, text).expect("written");
    let scenario = scenario.display().to_string();
    let told = told(&["audit", "--quiet", &scenario]);
    insta::assert_snapshot!(without_what_varies(&told));
}

#[test]
fn the_scenarios_are_listed_with_their_wirings() {
    insta::assert_snapshot!(told(&["scenarios", "list"]));
}
