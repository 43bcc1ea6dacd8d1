//! `leakcheck merge`: what several hosts measured, as one report.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::program::run;
use crate::common::report::{self, count, rates, samples, wiring};

/// A host's report, saved as it would be; the containers are its own.
fn measured(folder: &TempDir, name: &str, flags: &[&str]) -> String {
    let path = folder.path().join(name);
    let export = format!("--export=json={}", path.display());
    let common = [
        "run",
        "--rotations=3",
        "--time-scale=600",
        "--quiet",
        &export,
    ];
    let ended = run(&[&common, flags].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    path.display().to_string()
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(Path::new(path)).expect("saved")).expect("JSON")
}

#[test]
fn the_reports_of_two_hosts_are_one_with_a_row_for_each() {
    let folder = tempfile::tempdir().expect("a directory");
    let one = measured(&folder, "one.json", &["--containers=4"]);
    let two = measured(&folder, "two.json", &["--containers=6", "--seed=2"]);
    let ended = run(&["merge", &one, &two, "--format=json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let document = report::of(&ended);
    assert_eq!(document["config"]["containers"], 10);
    let (old, fixed) = (wiring(&document, "old"), wiring(&document, "fixed"));
    assert_eq!((rates(old), rates(fixed)), ((2.0, 1.0), (0.0, 0.0)));
    assert_eq!(
        (&old["verdict"], &fixed["verdict"]),
        (&json!("leaking"), &json!("clean"))
    );
    assert_eq!(old["sites"][0]["per_rotation_per_container"], 1.0);
    assert_eq!(old["predicted"]["tasks_per_rotation_per_container"], 2.0);

    let (one, two) = (read(&one), read(&two));
    for name in ["old", "fixed"] {
        let (all, parts) = (
            wiring(&document, name),
            [&one, &two].map(|one| wiring(one, name)),
        );
        let sum = |of: &dyn Fn(&Value) -> u64| parts.iter().map(|part| of(part)).sum::<u64>();
        for pointer in [
            "/delivery/emitted",
            "/delivery/read",
            "/baseline/fds",
            "/final/tasks",
        ] {
            let at = |wiring: &Value| count(wiring.pointer(pointer).expect("there"));
            assert_eq!(at(all), sum(&at), "{name}{pointer}");
        }
        let hosts = all["hosts"].as_array().expect("rows");
        for (host, part) in hosts.iter().zip(parts) {
            for field in ["verdict", "baseline", "final", "rates"] {
                assert_eq!(host[field], part[field]);
            }
        }
        assert_eq!(hosts.len(), 2);
        assert_eq!(samples(all).len(), 4);
    }
    let saved = folder.path().join("all.json");
    std::fs::write(&saved, &ended.stdout).expect("written");
    let gates = [
        "--gate=old.tasks_per_rotation >= 2",
        "--gate=fixed.verdict == clean",
    ];
    let judged = run(&["gate", &saved.display().to_string(), gates[0], gates[1]]);
    assert_eq!(judged.code, Some(0), "{judged:?}");
}

#[test]
fn a_person_reads_which_host_leaks() {
    let folder = tempfile::tempdir().expect("a directory");
    let hosts = ["a.json", "b.json"]
        .map(|name| measured(&folder, name, &["--containers=2", "--wiring=smallest-leak"]));
    let ended = run(&["merge", &hosts[0], &hosts[1]]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("On each host: from the baseline to the end"),
        "{ended:?}"
    );
    assert!(
        ended.stdout.contains("leaking: on all of 2 hosts"),
        "{ended:?}"
    );
    let page = folder.path().join("all.html");
    let export = format!("--export=html={}", page.display());
    assert_eq!(run(&["merge", &hosts[0], &hosts[1], &export]).code, Some(0));
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("On each host") && page.contains("several hosts"));
}

#[test]
fn what_cannot_be_merged_is_refused_with_the_report_and_what_differs() {
    let folder = tempfile::tempdir().expect("a directory");
    let one = measured(&folder, "one.json", &["--containers=2", "--wiring=fixed"]);
    let two = measured(
        &folder,
        "two.json",
        &["--containers=2", "--wiring=fixed", "--silent=0"],
    );
    let garbage = folder.path().join("garbage.json");
    std::fs::write(&garbage, "{\"schema\"").expect("written");
    let garbage = garbage.display().to_string();
    for (other, says) in [
        (&two, "two.json was measured with --silent 0, and"),
        (&garbage, "garbage.json: not JSON"),
        (&"missing.json".to_owned(), "missing.json: cannot be read"),
    ] {
        let ended = run(&["merge", &one, other]);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let none = run(&["merge"]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("<REPORT>"), "{}", none.stderr);
}
