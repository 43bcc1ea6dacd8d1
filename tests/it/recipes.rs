//! The README's recipes for CI, each run as it is printed.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use yaml_rust2::{Yaml, YamlLoader};

use crate::common::leakcheck;

const README: &str = include_str!("../../README.md");

/// The blocks of code in a language that follow a heading, up to the next heading.
fn blocks(heading: &str, language: &str) -> Vec<&'static str> {
    let (_, section) = README
        .split_once(&format!("\n### {heading}\n"))
        .expect(heading);
    let section = section.split("\n##").next().expect("a section");
    let fence = format!("\n```{language}\n");
    section
        .split(&fence)
        .skip(1)
        .map(|block| block.split("\n```").next().expect("closed"))
        .collect()
}

/// Runs commands as a CI job does: by a shell that stops at the first that fails, in an empty folder,
/// with leakcheck installed.
fn job(folder: &Path, commands: &str, environment: &[(&str, &Path)]) -> Output {
    let installed = leakcheck().parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(installed).chain(std::env::split_paths(&path));
    Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", commands])
        .current_dir(folder)
        .env_remove("GITHUB_ACTIONS")
        .env("PATH", std::env::join_paths(path).expect("a path"))
        .envs(environment.iter().copied())
        .output()
        .expect("a shell")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn assert_passed(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
}

fn yaml(heading: &str, number: usize) -> Yaml {
    let text = blocks(heading, "yaml")[number];
    YamlLoader::load_from_str(text).expect("YAML").remove(0)
}

#[test]
fn the_shell_recipes_pass_and_write_what_they_say() {
    let scripts = blocks("In a CI job", "sh");
    let written = [
        &["report.json", "summary.md"][..],
        &["virtual.json"],
        &[],
        &["leaks.json"],
    ];
    let what = "one with gates, one in virtual time, one until a verdict, one with a baseline";
    assert_eq!(scripts.len(), written.len(), "{what}");
    for (script, files) in scripts.iter().zip(written) {
        let folder = folder();
        assert_passed(&job(folder.path(), script, &[]));
        for file in files {
            assert!(folder.path().join(file).exists(), "{file}");
        }
    }
}

#[test]
fn the_shell_recipe_fails_where_the_wiring_leaks() {
    let script = blocks("In a CI job", "sh")[0];
    let leaking = script.replace("fixed", "old");
    let output = job(folder().path(), &leaking, &[]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_github_job_passes_and_writes_its_summary() {
    let job_of = yaml("In a CI job", 0);
    let steps = job_of["jobs"]["leaks"]["steps"].as_vec().expect("steps");
    let commands: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["run"].as_str())
        .collect();
    let [install, run] = commands[..] else {
        panic!("{commands:?}");
    };
    assert!(install.starts_with("cargo install"), "{install}");
    let folder = folder();
    let summary = folder.path().join("summary");
    let environment = [
        ("GITHUB_ACTIONS", Path::new("true")),
        ("GITHUB_STEP_SUMMARY", &summary),
    ];
    assert_passed(&job(folder.path(), run, &environment));
    let summary = std::fs::read_to_string(summary).expect("written");
    assert!(summary.starts_with("### Leak rates"), "{summary}");
    assert!(folder.path().join("leaks.xml").exists());
}

#[test]
fn the_gitlab_job_passes_and_writes_its_artifacts() {
    let leaks = &yaml("In a CI job", 1)["leaks"];
    let commands = leaks["script"].as_vec().expect("a script");
    let commands: Vec<&str> = commands.iter().filter_map(Yaml::as_str).collect();
    let [install, run] = commands[..] else {
        panic!("{commands:?}");
    };
    assert!(install.starts_with("cargo install"), "{install}");
    let folder = folder();
    assert_passed(&job(folder.path(), run, &[]));
    for report in ["junit", "codequality"] {
        let path = leaks["artifacts"]["reports"][report]
            .as_str()
            .expect("a path");
        assert!(folder.path().join(path).exists(), "{path}");
    }
}

#[test]
fn the_count_of_false_alarms_finds_none_and_takes_a_failing_judge_for_one() {
    let count = |program: &Path| {
        Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/false-alarms"))
            .args(["--runs", "2", "--leakcheck"])
            .arg(program)
            .output()
            .expect("a shell")
    };
    let output = count(leakcheck());
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.starts_with("0 wrong verdicts in 4 "), "{said}");
    assert_passed(&output);
    let output = count(Path::new("/bin/false"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("4 wrong verdicts in 4 "), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_test_that_calls_the_library_is_one_of_these_tests() {
    let printed = blocks("In your own tests", "rust");
    let run = include_str!("../../src/leakcheck-test/tests/readme_of_leakcheck.rs");
    assert_eq!(printed, [run.trim_end()]);
}
