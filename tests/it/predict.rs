//! `leakcheck predict`: the closed form, the post-mortem's arithmetic, and what fits a growth.

use std::process::{Command, Output};

use serde_json::Value;

use crate::common::leakcheck;

const SCHEMA: &str = "leakcheck.predict/v1";

fn predict(flags: &[&str]) -> Output {
    Command::new(leakcheck())
        .arg("predict")
        .args(flags)
        .output()
        .expect("runs")
}

/// What people read, where it fits 80 columns.
fn text(flags: &[&str]) -> String {
    let output = predict(flags);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    text
}

fn json(flags: &[&str]) -> Value {
    let output = predict(&[flags, &["--format", "json"]].concat());
    assert!(output.status.success(), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!(document["schema"], SCHEMA);
    assert_eq!(document["measured"], false);
    document
}

fn wiring<'a>(document: &'a Value, name: &str) -> &'a Value {
    let wirings = document["wirings"].as_array().expect("a list");
    let found = wirings.iter().find(|wiring| wiring["name"] == name);
    found.expect("the wiring was asked for")
}

#[test]
fn plainly_it_shows_the_incident_and_redoes_its_arithmetic() {
    insta::assert_snapshot!("incident", text(&[]));
}

#[test]
fn the_incidents_growth_fits_the_health_check_and_not_the_reader() {
    let observed = text(&["--observed", "tasks=1830,fds=937"]);
    let from = observed.find("What fits 1830").expect("a section");
    let to = observed.find("The post-mortem's").expect("the incident's");
    insta::assert_snapshot!("observed", &observed[from..to]);

    let fit = &json(&["--observed", "goroutines=1830,fds=937"])["observed"];
    let best = &fit["candidates"][0];
    assert_eq!(best["mechanism"], "health-check-throwaway");
    assert_eq!(best["driver"], "health_check");
    assert_eq!(best["source"], "inferred");
    assert_eq!(best["tasks_per_fd"], 2.0);
    assert_eq!(best["upper_bound"], true);
    let fitting = fit["candidates"].as_array().expect("a list").iter();
    let fitting = fitting.filter(|c| c["ratio_fits"] == true && c["rate_fits"] == true);
    assert_eq!(fitting.count(), 1);
}

#[test]
fn other_conditions_than_the_incidents_have_no_post_mortem() {
    let flags = [
        "--containers",
        "8",
        "--rotation",
        "30s",
        "--duration",
        "10m",
        "--observed",
        "goroutines=314,fds=157",
    ];
    insta::assert_snapshot!("eight-containers", text(&flags));
    assert_eq!(json(&flags)["post_mortem"], Value::Null);
    let another_growth = json(&["--observed", "tasks=500,fds=200"]);
    assert_eq!(another_growth["post_mortem"], Value::Null);
}

#[test]
fn a_growth_that_nothing_explains_fits_nothing() {
    let observed = text(&["--observed", "tasks=100,fds=3000"]);
    assert!(observed.contains("No known mechanism fits"), "{observed}");
}

#[test]
fn rusts_own_figures_can_be_asked_for() {
    let flags = [
        "--observed",
        "tasks=1100,fds=550",
        "--runtime",
        "rust",
        "--duration",
        "55m",
    ];
    let fit = &json(&flags)["observed"];
    assert_eq!(fit["runtime"], "rust");
    assert_eq!(fit["candidates"][0]["mechanism"], "old");
    assert_eq!(fit["candidates"][0]["source"], "closed_form");
    assert_eq!(fit["candidates"][0]["ratio_misfit"], 0.0);
    assert_eq!(fit["candidates"][0]["rate_misfit"], 0.0);
}

#[test]
fn the_json_has_the_figures_of_the_incident() {
    let document = json(&[]);
    let streams = &document["streams"];
    assert_eq!(streams["rotations_per_container"], 11);
    assert_eq!(streams["rotations_per_container_fractional"], 11.6);
    assert_eq!(streams["rotations_due"], 550);
    assert_eq!(streams["rotations_due_fractional"], 580.0);
    let old = wiring(&document, "old");
    assert_eq!(old["rust"]["tasks"]["per_minute"], 20.0);
    assert_eq!(old["rust"]["tasks"]["total"], 1100.0);
    assert_eq!(old["go_reference"]["tasks"]["total"], 1650.0);
    assert_eq!(
        wiring(&document, "line-fix")["go_reference"]["tasks"]["per_minute"],
        25.0
    );
    let fixed = wiring(&document, "fixed");
    assert_eq!(fixed["rust"]["fds"]["total"], 0.0);
    assert_eq!(fixed["driver"], Value::Null);
    let checked = wiring(&document, "health-check-throwaway");
    assert_eq!(checked["driver"], "health_check");
    assert_eq!(checked["rust"]["fds"]["total"], 5800.0);
    assert_eq!(checked["go_reference"], Value::Null);
    assert_eq!(document["observed"], Value::Null);
    let lines = document["post_mortem"].as_array().expect("the lines");
    let slips = lines.iter().filter(|line| line["verdict"] == "slips");
    assert_eq!((lines.len(), slips.count()), (14, 10));
}

#[test]
fn where_containers_stop_rotating_there_is_no_rate() {
    let document = json(&["--wiring", "wait-only", "--silent", "0.2"]);
    let hung = wiring(&document, "wait-only");
    assert_eq!(hung["containers_hung"], 10);
    assert_eq!(hung["rust"]["tasks"], Value::Null);
    let said = text(&["--wiring", "wait-only", "--silent", "0.2"]);
    assert!(said.contains("10 of 50 containers stop rotating"), "{said}");
}

#[test]
fn a_health_checks_rate_follows_its_interval_and_not_the_rotation() {
    let per_minute = |flags: &[&str]| {
        let document = json(&[flags, &["--wiring", "health-check-throwaway"]].concat());
        wiring(&document, "health-check-throwaway")["rust"]["fds"]["per_minute"].clone()
    };
    assert_eq!(per_minute(&[]), 100.0);
    assert_eq!(per_minute(&["--rotation", "30s"]), 100.0);
    assert_eq!(per_minute(&["--health-check", "1m"]), 50.0);
}

#[test]
fn the_markdown_has_the_same_tables() {
    let markdown = text_of_any_width(&["--format", "markdown"]);
    assert!(
        markdown.starts_with("### Prediction, nothing was measured"),
        "{markdown}"
    );
    assert!(
        markdown.contains("| old | tasks | 2.00 | 20.00 | 1100 |"),
        "{markdown}"
    );
}

fn text_of_any_width(flags: &[&str]) -> String {
    String::from_utf8(predict(flags).stdout).expect("UTF-8")
}

#[test]
fn wrong_flags_end_with_status_2_and_say_what_is_wrong() {
    for (flags, said) in [
        (&["--observed", "task=1830"][..], "did you mean tasks?"),
        (&["--observed", "tasks=lots"], "not a whole number above 0"),
        (&["--observed", "tasks=0"], "nothing to fit"),
        (&["--observed", "tasks=5,tasks=5"], "given twice"),
        (
            &["--observed", "tasks=1,830"],
            "no separator within a number",
        ),
        (&["--runtime", "rust"], "--observed"),
        (&["--rotation", "90"], "90s, 5m or 1h30m"),
        (&["--rotation", "10us"], "at least 1ms"),
        (&["--duration", "0s"], "longer than zero"),
        (&["--silent", "2"], "between 0 and 1"),
        (&["--containers", "0"], "between 1 and 100000"),
        (&["--wiring", "fixd"], "did you mean fixed?"),
        (&["--wiring", "old", "--wiring", "A"], "given twice"),
    ] {
        let output = predict(flags);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {stderr}");
        assert!(stderr.contains(said), "{flags:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{flags:?}");
    }
}
