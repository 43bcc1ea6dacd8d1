//! What CI servers read: JUnit XML, GitHub's annotations and job summary, OpenMetrics, GitLab's code
//! quality report.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::common::peers::prometheus_client;
use crate::common::{fed, leakcheck, program, skip};

/// A run of `old` and `fixed` with one gate that holds, one that fails and every export.
struct Exported {
    folder: TempDir,
    code: Option<i32>,
}

impl Exported {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("exported")
    }
}

static EXPORTED: LazyLock<Exported> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory");
    let export =
        |format: &str| format!("--export={format}={}", folder.path().join(format).display());
    let ended = program::run(&[
        "run",
        "--containers=6",
        "--rotations=2",
        "--gate=fixed.verdict == clean",
        "--gate=old.tasks_per_rotation <= 0",
        &export("json"),
        &export("junit"),
        &export("openmetrics"),
        &export("gitlab"),
    ]);
    Exported {
        folder,
        code: ended.code,
    }
});

#[test]
fn junit_has_a_case_for_each_gate_and_the_failed_one_says_why() {
    assert_eq!(EXPORTED.code, Some(1));
    let xml = EXPORTED.text("junit");
    assert!(
        xml.contains(r#"<testsuite name="gates" tests="2" skipped="0" errors="0" failures="1">"#),
        "{xml}"
    );
    assert!(
        xml.contains(r#"name="fixed.verdict == clean" classname="leakcheck.fixed""#),
        "{xml}"
    );
    assert!(
        xml.contains(r#"<failure message="old measured 2, not &lt;= 0" type="FAILED"></failure>"#),
        "{xml}"
    );
    assert!(
        xml.contains("<system-out>leaking: 2.00 tasks and 1.00 fds"),
        "{xml}"
    );
}

#[test]
fn junit_keeps_to_the_published_schema() {
    let Some(schema) = std::env::var_os("LEAKCHECK_JUNIT_XSD") else {
        skip("LEAKCHECK_JUNIT_XSD names no JUnit schema (junit-10.xsd of Jenkins)");
        return;
    };
    if !crate::common::have("xmllint") {
        return;
    }
    let output = Command::new("xmllint")
        .args(["--noout", "--schema"])
        .args([Path::new(&schema), &EXPORTED.path("junit")])
        .output()
        .expect("starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn openmetrics_is_read_by_prometheus_own_parsers() {
    let script = "import sys
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as prometheus
text = sys.stdin.read()
for parser in openmetrics, prometheus:
    values = {}
    for family in parser.text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ','.join(f'{k}={v}' for k, v in sorted(sample.labels.items()))
            values[f'{sample.name}[{labels}]'] = float(sample.value)
    print(values['leakcheck_tasks_per_rotation[wiring=old]'],
          values['leakcheck_fds_over_baseline[wiring=old]'],
          values['leakcheck_verdict[verdict=clean,wiring=fixed]'],
          values['leakcheck_verdict[verdict=clean,wiring=old]'],
          values['leakcheck_gate_held[gate=old.tasks_per_rotation <= 0,wiring=old]'])
";
    let Some(python) = prometheus_client() else {
        return;
    };
    let text = EXPORTED.text("openmetrics");
    let output = fed(Command::new(python).args(["-c", script]), text.as_bytes());
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        said, "2.0 12.0 1.0 0.0 0.0\n2.0 12.0 1.0 0.0 0.0\n",
        "{errors}\n{text}"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
}

#[test]
fn gitlab_gets_an_entry_for_the_gate_that_failed_at_the_site_that_leaked() {
    let entries: Value = serde_json::from_str(&EXPORTED.text("gitlab")).expect("JSON");
    let entries = entries.as_array().expect("a list");
    assert_eq!(entries.len(), 1, "{entries:?}");
    let entry = &entries[0];
    assert_eq!(
        entry["description"],
        "old.tasks_per_rotation <= 0: old measured 2, not <= 0"
    );
    assert_eq!(entry["severity"], "critical");
    assert!(
        entry["fingerprint"]
            .as_str()
            .is_some_and(|print| print.len() == 16)
    );
    let path = entry["location"]["path"].as_str().expect("a path");
    assert!(path.ends_with(".rs"), "{path}");
    assert!(entry["location"]["lines"]["begin"].as_u64() > Some(1));
}

/// What `gate` tells GitHub of the exported report; with what it appends to the job summary.
fn on_github(environment: &[(&str, &str)], flags: &[&str]) -> (Output, String) {
    let summary = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(summary.path(), "what an earlier command wrote\n").expect("writable");
    let output = Command::new(leakcheck())
        .arg("gate")
        .arg(EXPORTED.path("json"))
        .args([
            "--gate",
            "old.tasks_per_rotation <= 0",
            "--gate",
            "*.lines_lost == 0",
        ])
        .args(flags)
        .env_remove("GITHUB_ACTIONS")
        .env("GITHUB_STEP_SUMMARY", summary.path())
        .envs(environment.iter().copied())
        .output()
        .expect("starts");
    let summary = std::fs::read_to_string(summary.path()).expect("text");
    (output, summary)
}

#[test]
fn github_gets_an_annotation_and_a_summary_under_actions_and_where_asked() {
    let asked = on_github(&[], &["--github"]);
    let under_actions = on_github(&[("GITHUB_ACTIONS", "true")], &[]);
    for (output, summary) in [asked, under_actions] {
        assert_eq!(output.status.code(), Some(1));
        let stdout = String::from_utf8_lossy(&output.stdout);
        insta::allow_duplicates! {
            insta::assert_snapshot!(stdout, @"
            FAILED: old.tasks_per_rotation <= 0: old measured 2, not <= 0
            held: *.lines_lost == 0: old measured 0
            ::error title=leakcheck%3A old.tasks_per_rotation <= 0::old measured 2, not <= 0
            ");
        }
        assert!(
            summary.starts_with("what an earlier command wrote\n### Leak rates"),
            "{summary}"
        );
        assert!(
            summary.contains("| **FAILED** | old.tasks\\_per\\_rotation &lt;= 0 |"),
            "{summary}"
        );
    }
}

#[test]
fn elsewhere_github_is_told_nothing() {
    let (output, summary) = on_github(&[], &[]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("::error"));
    assert_eq!(summary, "what an earlier command wrote\n");
}

#[test]
fn a_run_tells_github_beside_its_report() {
    let output = Command::new(leakcheck())
        .args([
            "run",
            "--containers=2",
            "--rotations=1",
            "--wiring=old",
            "--format=json",
        ])
        .args(["--gate", "old.tasks_per_rotation <= 0", "--github"])
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(1));
    let _: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("\n::error title=leakcheck%3A "), "{stderr}");
}

#[test]
fn a_gate_writes_junit_where_it_is_told() {
    let path = EXPORTED.path("gate.xml");
    let output = Command::new(leakcheck())
        .arg("gate")
        .arg(EXPORTED.path("json"))
        .args(["--gate", "fixed.verdict == clean", "--junit"])
        .arg(&path)
        .output()
        .expect("starts");
    assert_eq!(output.status.code(), Some(0));
    let xml = std::fs::read_to_string(path).expect("written");
    assert!(
        xml.contains(r#"<testsuite name="gates" tests="1" skipped="0" errors="0" failures="0">"#),
        "{xml}"
    );
}
