//! Claims put to the test, and the scenarios that they are made of.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use common::program::{self, Program};
use common::report;
use nix::sys::signal::Signal;
use serde_json::Value;

/// An audit of ten containers and three rotations, with the exit code that it should have.
fn audit(scenarios: &[&str], code: i32) -> Value {
    let flags = ["audit", "--format=json", "--containers=10", "--rotations=3"];
    let ended = program::run(&[&flags[..], scenarios].concat());
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("one JSON document")
}

fn verdicts(audit: &Value) -> Vec<(&str, &str)> {
    let claims = audit["claims"].as_array().expect("claims");
    claims
        .iter()
        .map(|claim| {
            (
                report::text(&claim["scenario"]),
                report::text(&claim["verdict"]),
            )
        })
        .collect()
}

#[test]
fn the_post_mortems_root_cause_and_the_declared_success_are_refuted() {
    let audit = audit(&["wrong-parent", "frozen-success", "wait-before-close"], 0);
    assert_eq!(audit["schema"], "leakcheck.audit/v1");
    assert_eq!(
        verdicts(&audit),
        [
            ("wrong-parent", "refuted"),
            ("frozen-success", "refuted"),
            ("wait-before-close", "refuted"),
        ]
    );
    let frozen = &audit["claims"][1]["report"];
    assert_eq!(report::wiring(frozen, "shared-wait")["verdict"], "hung");
    assert_eq!(frozen["config"]["scenario"], "frozen-success");
}

#[test]
fn the_line_fix_is_partly_right_and_the_full_fix_is_confirmed() {
    let audit = audit(
        &[
            "line-fix",
            "full-fix",
            "untracked-heartbeat",
            "client-per-rotation",
        ],
        0,
    );
    assert_eq!(
        verdicts(&audit),
        [
            ("line-fix", "partly"),
            ("full-fix", "confirmed"),
            ("untracked-heartbeat", "confirmed"),
            ("client-per-rotation", "confirmed"),
        ]
    );
    let full = report::wiring(&audit["claims"][1]["report"], "fixed");
    assert_eq!(full["delivery"]["lost"], 0);
}

#[test]
fn a_larger_buffer_and_a_drain_are_refuted() {
    let audit = audit(&["buffer-100", "drain-without-close", "fix-with-drain"], 0);
    let refuted = verdicts(&audit)
        .iter()
        .all(|(_, verdict)| *verdict == "refuted");
    assert!(refuted, "{:?}", verdicts(&audit));
}

#[test]
fn a_claim_that_nothing_can_be_said_of_is_inconclusive_with_its_own_exit_code() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("silence.toml");
    let text = r#"
        title = "Nothing is printed"
        claim = "The fix is clean."
        claimed-by = "a test"
        [run]
        silent = 1.0
        wirings = ["fixed"]
        [judgement]
        predicts = "Clean."
        confirmed-if = ["fixed.verdict == clean"]
        refuted-if = ["fixed.verdict == leaking"]
    "#;
    std::fs::write(&path, text).expect("writable");
    let audit = audit(&[path.to_str().expect("UTF-8")], 3);
    assert_eq!(verdicts(&audit), [("silence", "inconclusive")]);
}

#[test]
fn an_interrupted_audit_prints_the_claims_that_it_tried() {
    let mut program = Program::start(&["audit", "--format=json", "--quiet"]);
    common::poll("a worker", || {
        let worker = |process: &program::Process| process.words.contains("worker");
        program.processes().iter().any(worker).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let audit: Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    assert_eq!(verdicts(&audit), []);
    assert_eq!(program.temporary_files(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_misspelt_scenario_is_answered_with_the_nearest_name() {
    for flags in [&["audit", "ful-fix"][..], &["run", "--scenario=ful-fix"]] {
        let ended = program::run(flags);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("did you mean full-fix?"), "{ended:?}");
    }
}

#[test]
fn a_scenario_runs_with_its_conditions_and_gives_way_to_flags() {
    let flags = [
        "run",
        "--scenario=frozen-success",
        "--containers=4",
        "--rotations=1",
        "--format=json",
    ];
    let report = report::of(&program::run(&flags));
    assert_eq!(report["config"]["scenario"], "frozen-success");
    assert_eq!(report["config"]["containers"], 4);
    assert_eq!(report["config"]["rotations"], 1);
    assert_eq!(report::wiring(&report, "shared-wait")["verdict"], "hung");
}

#[test]
fn the_scenarios_are_listed_and_shown_as_they_stand() {
    let listed = program::run(&["scenarios"]);
    let shown = program::run(&["scenarios", "show", "wrong-parent"]);
    assert!(listed.stdout.contains("wrong-parent\n"), "{listed:?}");
    let file = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios/wrong-parent.toml"
    ));
    assert_eq!(shown.stdout, file.expect("the file"));
}
