//! Baselines: a leak that comes back fails a build, and a moved line or noise does not.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::program::{self, Ended};
use crate::common::report;

const SMALL: [&str; 5] = [
    "run",
    "--containers=6",
    "--rotations=2",
    "--wiring=fixed",
    "--format=json",
];

/// A baseline of `fixed`, saved by a run, and that run's report.
struct Saved {
    folder: TempDir,
    path: PathBuf,
    report: Value,
}

static SAVED: LazyLock<Saved> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("leaks.json");
    let save = format!("--save-baseline={}", path.display());
    let ended = program::run(&[&SMALL[..], &[&save]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    Saved {
        report: report::of(&ended),
        folder,
        path,
    }
});

/// Judges a report by the saved baseline.
fn judge(name: &str, report: &Value, more: &[&str]) -> Ended {
    let path = SAVED.folder.path().join(name);
    std::fs::write(&path, report.to_string()).expect("writable");
    let path = path.to_str().expect("UTF-8");
    let baseline = format!("--baseline={}", SAVED.path.display());
    program::run(&[&["gate", path, &baseline], more].concat())
}

/// The saved report with one change, made at a JSON pointer.
fn changed(pointer: &str, value: Value) -> Value {
    let mut report = SAVED.report.clone();
    *report.pointer_mut(pointer).expect(pointer) = value;
    report
}

/// The saved report as if its wiring leaked one task per rotation.
fn leaking() -> Value {
    let mut leaking = changed("/wirings/0/verdict", json!("leaking"));
    leaking["wirings"][0]["rates"]["tasks"] = json!({
        "per_rotation_per_container": 1.0, "per_rotation": 6.0, "per_minute": 1.2,
        "weakest_rotation": 6, "ci95": [1.0, 1.0],
    });
    leaking["wirings"][0]["final"]["tasks"] =
        json!(report::count(&leaking["wirings"][0]["baseline"]["tasks"]) + 12);
    leaking
}

#[test]
fn a_saved_baseline_is_the_report_of_its_run() {
    let saved = std::fs::read_to_string(&SAVED.path).expect("saved");
    let saved: Value = serde_json::from_str(&saved).expect("JSON");
    assert_eq!(saved, SAVED.report);
}

#[test]
fn the_same_again_holds_by_gate_and_by_run() {
    let ended = judge("same.json", &SAVED.report, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .lines()
            .all(|line| line.starts_with("held: baseline: fixed: "))
    );
    let baseline = format!("--baseline={}", SAVED.path.display());
    let again = program::run(&[&SMALL[..], &[&baseline]].concat());
    assert_eq!(again.code, Some(0), "{again:?}");
    let gates = report::of(&again)["gates"].as_array().expect("gates").len();
    assert_eq!(
        gates, 6,
        "the verdict, two rates, two counts, and the sites"
    );
}

#[test]
fn a_leak_that_comes_back_fails_and_says_what_grew() {
    let ended = judge("back.json", &leaking(), &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for said in [
        "FAILED: baseline: fixed: the verdict is no worse: fixed is leaking",
        "FAILED: baseline: fixed: tasks_per_rotation <= 0: fixed measured 1, more than the baseline",
        "FAILED: baseline: fixed: tasks_over_baseline <= 0: fixed measured 12",
        "held: baseline: fixed: fds_per_rotation <= 0",
    ] {
        assert!(ended.stdout.contains(said), "{said}: {}", ended.stdout);
    }
}

#[test]
fn a_new_spawn_site_that_leaks_fails_and_a_moved_line_does_not() {
    let site = |label: &str, location: &str, leaked: i64| {
        json!({"label": label, "location": location, "package": "leakcheck", "baseline": 6,
               "final": 6 + leaked, "leaked": leaked, "per_rotation_per_container": 1.0})
    };
    let new = changed(
        "/wirings/0/sites/0",
        site("drain", "src/monitor/drain.rs:1:1", 12),
    );
    let ended = judge("new.json", &new, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.contains("new: drain in leakcheck (+12)"),
        "{}",
        ended.stdout
    );
    let moved = changed(
        "/wirings/0/sites/0/location",
        json!("src/elsewhere.rs:999:9"),
    );
    assert_eq!(judge("moved.json", &moved, &[]).code, Some(0));
}

#[test]
fn a_dead_monitor_fails_though_it_leaks_nothing() {
    for verdict in ["hung", "starved"] {
        let dead = changed("/wirings/0/verdict", json!(verdict));
        let ended = judge(&format!("{verdict}.json"), &dead, &[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(!ended.stdout.contains("held:"), "{}", ended.stdout);
    }
}

#[test]
fn too_little_evidence_gives_no_verdict() {
    let unsure = changed("/wirings/0/verdict", json!("inconclusive"));
    assert_eq!(judge("unsure.json", &unsure, &[]).code, Some(3));
    let partial = changed("/partial", json!(true));
    assert_eq!(judge("partial.json", &partial, &[]).code, Some(3));
    assert_eq!(
        judge("allowed.json", &partial, &["--allow-partial"]).code,
        Some(0)
    );
}

#[test]
fn a_baseline_of_a_dead_monitor_is_neither_saved_nor_compared_with() {
    let path = SAVED.folder.path().join("dead.json");
    let flags = [
        "run",
        "--containers=4",
        "--rotations=1",
        "--wiring=shared-wait",
        "--format=json",
    ];
    let save = format!("--save-baseline={}", path.display());
    let ended = program::run(&[&flags[..], &[&save]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "no baseline was saved: shared-wait is hung";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(!path.exists());
    // One that was saved as a report all the same is refused.
    std::fs::write(&path, &ended.stdout).expect("writable");
    let baseline = format!("--baseline={}", path.display());
    let refused = program::run(&[&flags[..], &[&baseline]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("says nothing of what leaks"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_run_that_is_worse_does_not_replace_its_baseline() {
    let path = SAVED.folder.path().join("kept.json");
    std::fs::write(&path, SAVED.report.to_string()).expect("writable");
    let (baseline, save) = (
        format!("--baseline={}", path.display()),
        format!("--save-baseline={}", path.display()),
    );
    let gate = "--gate=fixed.tasks_per_rotation > 0";
    let ended = program::run(&[&SMALL[..], &[&baseline, &save, gate]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let kept = std::fs::read_to_string(&path).expect("there");
    assert_eq!(kept, SAVED.report.to_string());
}

#[test]
fn other_conditions_are_refused_by_their_flag_before_anything_starts() {
    let other = changed("/config/containers", json!(7));
    let ended = judge("other.json", &other, &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let said = "measured with --containers 6, this with 7";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(judge("any.json", &other, &["--baseline-any"]).code, Some(0));

    let baseline = format!("--baseline={}", SAVED.path.display());
    for (flags, said) in [
        (
            &["run", "--wiring=fixed", "--containers=6", "--rotation=1m"][..],
            "--rotation 5m",
        ),
        (
            &["run", "--wiring=close", "--containers=6"],
            "the baseline has no wiring close",
        ),
        (
            &["run", "--wiring=close", "--containers=6", "--baseline-any"],
            "none of the wirings",
        ),
    ] {
        let ended = program::run(&[flags, &[&baseline]].concat());
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
        assert!(ended.stderr.contains("--baseline"), "{}", ended.stderr);
    }
}

#[test]
fn what_is_no_report_is_no_baseline() {
    let path = SAVED.folder.path().join("none.json");
    std::fs::write(&path, "{\n \"schema\": ").expect("writable");
    let baseline = format!("--baseline={}", path.display());
    let ended = program::run(&["run", "--wiring=fixed", &baseline]);
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
    for said in ["none.json", "line 2 column"] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}
