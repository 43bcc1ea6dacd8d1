//! Gates: a leak ends a build, and neither a typo nor a dead monitor passes one.

use std::sync::OnceLock;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use leakcheck_report::model::schema::Document;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::common::report;

/// The report of one small run of `old` and `fixed`, which all tests judge.
fn saved() -> Value {
    static REPORT: OnceLock<Value> = OnceLock::new();
    let run = || {
        let small = ["--containers", "6", "--rotations", "2"];
        let run = leakcheck(&["run", "--format", "json"]).args(small).assert();
        let report = serde_json::from_slice(&run.success().get_output().stdout);
        let report = report.expect("a JSON report");
        report::assert_valid(&report, Document::Report);
        report
    };
    REPORT.get_or_init(run).clone()
}

fn leakcheck(args: &[&str]) -> Command {
    let mut command = Command::new(crate::common::leakcheck());
    command
        .args(args)
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// Judges a document on standard input.
fn judge(document: &str, gate: &str) -> Assert {
    leakcheck(&["gate", "-", "--gate", gate])
        .write_stdin(document)
        .assert()
}

fn judge_report(report: &Value, gate: &str) -> Assert {
    judge(&report.to_string(), gate)
}

/// The report with one change, made at a JSON pointer.
fn changed(pointer: &str, value: Value) -> Value {
    let mut report = saved();
    *report.pointer_mut(pointer).expect(pointer) = value;
    report
}

#[test]
fn the_incident_fails_a_gate_on_tasks_and_is_told_what_was_measured() {
    judge_report(&saved(), "old.tasks_per_rotation <= 0")
        .code(1)
        .stdout("FAILED: old.tasks_per_rotation <= 0: old measured 2, not <= 0\n");
}

#[test]
fn the_fix_passes_every_gate_on_leaks() {
    for metric in [
        "tasks_per_rotation",
        "fds_per_rotation",
        "tasks_per_minute",
        "fds_per_minute",
        "tasks_over_baseline",
        "fds_over_baseline",
    ] {
        judge_report(&saved(), &format!("fixed.{metric} <= 0"))
            .code(0)
            .stdout(contains(format!("held: fixed.{metric} <= 0")));
    }
    judge_report(&saved(), "fixed.verdict == clean").code(0);
}

#[test]
fn a_report_is_read_from_a_file_too_and_judged_by_each_of_several_gates() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), saved().to_string()).expect("writable");
    let gates = ["--gate", "*.tasks_per_rotation <= 0"];
    leakcheck(&["gate", "--gate", "fixed.verdict == clean"])
        .args(gates)
        .arg(file.path())
        .assert()
        .code(1)
        .stdout(contains("held: fixed").and(contains("FAILED: *.tasks_per_rotation <= 0: old")));
}

#[test]
fn quiet_judging_says_nothing_and_exits_alike() {
    leakcheck(&["gate", "-", "--quiet", "--gate", "*.verdict == clean"])
        .write_stdin(saved().to_string())
        .assert()
        .code(1)
        .stdout("");
}

#[test]
fn a_misspelt_metric_is_answered_with_the_right_one_by_gate_and_by_run() {
    let gate = "old.task_per_rotation <= 0";
    let told = || contains("did you mean tasks_per_rotation?").and(contains("\n      ^^^^^"));
    judge_report(&saved(), gate).code(2).stderr(told());
    leakcheck(&["run", "--gate", gate])
        .assert()
        .code(2)
        .stderr(told());
}

#[test]
fn a_misspelt_wiring_is_answered_with_the_right_one_by_gate_and_by_run() {
    let gate = "fixd.tasks_per_rotation <= 0";
    let told = || contains("did you mean fixed?");
    judge_report(&saved(), gate).code(2).stderr(told());
    leakcheck(&["run", "--gate", gate])
        .assert()
        .code(2)
        .stdout("")
        .stderr(told());
}

#[test]
fn judging_by_nothing_is_refused_with_an_example() {
    leakcheck(&["gate", "-"])
        .write_stdin(saved().to_string())
        .assert()
        .code(2)
        .stderr(contains("--gate '*.verdict == clean'"));
}

#[test]
fn a_report_without_wirings_passes_nothing() {
    judge_report(&changed("/wirings", json!([])), "*.verdict == clean")
        .code(2)
        .stderr(contains("no wiring to judge"));
}

#[test]
fn a_truncated_report_is_refused_with_line_and_column() {
    let whole = serde_json::to_string_pretty(&saved()).expect("JSON");
    let half: String = whole.chars().take(whole.len() / 2).collect();
    // A half that ends with a line's end stops at the beginning of the next.
    let line = format!("line {} column", half.matches('\n').count() + 1);
    judge(&half, "*.verdict == clean")
        .code(2)
        .stderr(contains("not JSON").and(contains(line)));
}

#[test]
fn what_is_no_report_is_refused() {
    for foreign in ["", "wiring,verdict\n", "[]", "{\"schema\": 1}", "null"] {
        judge(foreign, "*.verdict == clean").code(2).stdout("");
    }
    leakcheck(&[
        "gate",
        "no-such-report.json",
        "--gate",
        "*.verdict == clean",
    ])
    .assert()
    .code(2)
    .stderr(contains("no-such-report.json"));
}

#[test]
fn a_report_that_lacks_a_field_is_refused_with_its_name_and_place() {
    let mut lacking = saved();
    let wiring = lacking.pointer_mut("/wirings/0").expect("a wiring");
    wiring.as_object_mut().expect("an object").remove("verdict");
    judge_report(&lacking, "*.verdict == clean")
        .code(2)
        .stderr(contains("missing field `verdict` at line 1 column"));
}

#[test]
fn a_newer_major_version_is_refused_by_both_names() {
    judge_report(
        &changed("/schema", json!("leakcheck.report/v2")),
        "*.verdict == clean",
    )
    .code(2)
    .stderr(contains("leakcheck.report/v2").and(contains("leakcheck.report/v1")));
}

#[test]
fn fields_of_a_later_version_are_ignored() {
    let mut later = saved();
    later["later"] = json!({"unheard": "of"});
    later["wirings"][0]["later"] = json!(1);
    judge_report(&later, "fixed.verdict == clean").code(0);
}

#[test]
fn a_partial_report_gives_no_verdict_unless_it_is_allowed() {
    let partial = changed("/partial", json!(true));
    judge_report(&partial, "fixed.verdict == clean")
        .code(3)
        .stdout(contains("no verdict: fixed.verdict == clean").and(contains("--allow-partial")));
    for (gate, code) in [("fixed.verdict == clean", 0), ("old.verdict == clean", 1)] {
        leakcheck(&["gate", "-", "--allow-partial", "--gate", gate])
            .write_stdin(partial.to_string())
            .assert()
            .code(code);
    }
}

#[test]
fn a_dead_monitor_fails_a_gate_on_leaks_though_it_leaks_nothing() {
    for verdict in ["hung", "starved"] {
        let dead = changed("/wirings/1/verdict", json!(verdict));
        judge_report(&dead, "fixed.tasks_per_rotation <= 0")
            .code(1)
            .stdout(contains(format!("fixed is {verdict}")));
    }
}

#[test]
fn a_figure_that_is_not_known_gives_no_verdict() {
    judge_report(
        &changed("/wirings/1/rates/tasks", json!(null)),
        "fixed.tasks_per_rotation <= 0",
    )
    .code(3)
    .stdout(contains("no verdict: ").and(contains("is not known")));
}

#[test]
fn an_inconclusive_wiring_gives_no_verdict() {
    let unsure = changed("/wirings/1/verdict", json!("inconclusive"));
    for gate in ["fixed.tasks_per_rotation <= 0", "fixed.verdict == clean"] {
        judge_report(&unsure, gate).code(3);
    }
    judge_report(&unsure, "fixed.verdict == inconclusive").code(0);
}

#[test]
fn a_run_ends_by_its_gates_and_reports_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let markdown = folder.path().join("summary.md");
    let run = leakcheck(&["run", "--containers", "6", "--rotations", "2"])
        .args(["--wiring", "old", "--format", "json"])
        .args(["--gate", "old.fds_per_rotation == 1"])
        .args(["--gate", "*.tasks_per_rotation <= 0"])
        .arg(format!("--export=markdown={}", markdown.display()))
        .assert()
        .code(1)
        .stderr("leakcheck: FAILED: *.tasks_per_rotation <= 0: old measured 2, not <= 0\n");
    let report: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(
        report["gates"],
        json!([
            {"expr": "old.fds_per_rotation == 1", "held": true, "outcome": "held",
             "wiring": "old", "measured": 1.0, "reason": "old measured 1"},
            {"expr": "*.tasks_per_rotation <= 0", "held": false, "outcome": "failed",
             "wiring": "old", "measured": 2.0, "reason": "old measured 2, not <= 0"},
        ])
    );
    let markdown = std::fs::read_to_string(markdown).expect("an export");
    assert!(markdown.contains("### Gates"), "{markdown}");
    assert!(markdown.contains("| **FAILED** |"), "{markdown}");
}

#[test]
fn what_a_report_says_cannot_command_a_terminal_or_github() {
    let hostile = "x\u{1b}[31m\n::stop-commands::y";
    let report = changed("/wirings/1/reason", json!(hostile));
    let report = {
        let mut report = report;
        report["wirings"][1]["verdict"] = json!("hung");
        report
    };
    leakcheck(&[
        "gate",
        "-",
        "--github",
        "--gate",
        "fixed.tasks_per_rotation <= 0",
    ])
    .write_stdin(report.to_string())
    .assert()
    .code(1)
    .stdout(contains("\u{1b}").not().and(contains("\n::stop").not()));
}

#[test]
fn quiet_judging_prints_no_annotation_either() {
    let judged = leakcheck(&[
        "gate",
        "-",
        "--github",
        "--quiet",
        "--gate",
        "*.verdict == clean",
    ])
    .write_stdin(saved().to_string())
    .assert();
    judged.code(1).stdout("");
}

#[test]
fn a_report_that_the_first_version_wrote_is_judged_shown_and_merged() {
    let saved = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/saved/run-0.1.0.json");
    let page = tempfile::tempdir().expect("a directory");
    let page = page.path().join("page.html");
    let page = page.to_str().expect("UTF-8");
    leakcheck(&["gate", saved, "--baseline", saved])
        .args(["--gate", "old.tasks_per_rotation == 2"])
        .args(["--gate", "fixed.verdict == clean"])
        .assert()
        .success();
    leakcheck(&["report", saved, "-o", page]).assert().success();
    let merged = leakcheck(&["merge", saved, "--format", "json"]).assert();
    let merged: Value =
        serde_json::from_slice(&merged.success().get_output().stdout).expect("a report");
    let of = |name: &str| report::rates(report::wiring(&merged, name));
    assert_eq!(of("old"), (2.0, 1.0));
    assert_eq!(of("fixed"), (0.0, 0.0));
}
