//! A run's JSON, as its tests read it.

use leakcheck_report::model::schema::Document;
use serde_json::Value;

use super::program::Ended;

/// The one JSON document that a run printed, and nothing beside it; it keeps to its schema.
pub fn of(ended: &Ended) -> Value {
    let report = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("no JSON document: {error}: {ended:?}"));
    assert_valid(&report, Document::Report);
    report
}

/// Makes sure that a document keeps to its JSON Schema.
pub fn assert_valid(document: &Value, kind: Document) {
    let schema = serde_json::from_str(kind.schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The wiring of this name.
pub fn wiring<'a>(report: &'a Value, name: &str) -> &'a Value {
    wirings(report)
        .iter()
        .find(|wiring| wiring["name"] == name)
        .unwrap_or_else(|| panic!("no wiring {name} in {report}"))
}

/// All wirings.
pub fn wirings(report: &Value) -> &[Value] {
    report["wirings"].as_array().expect("an array of wirings")
}

/// Its samples.
pub fn samples(wiring: &Value) -> &[Value] {
    wiring["samples"].as_array().expect("an array of samples")
}

/// Tasks and fds per rotation per container.
pub fn rates(wiring: &Value) -> (f64, f64) {
    let rate = |of: &str| {
        let rate = &wiring["rates"][of]["per_rotation_per_container"];
        rate.as_f64().unwrap_or_else(|| panic!("no rate: {wiring}"))
    };
    (rate("tasks"), rate("fds"))
}

/// A whole number.
pub fn count(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("no count: {value}"))
}

/// A text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The report that a run under way has exported to `path`, once it has measured so many rotations
/// of each wiring.
pub fn poll_exported(path: &std::path::Path, rotations: usize) -> Value {
    super::poll("an export with rotations in it", || {
        let exported = std::fs::read(path).ok().filter(|text| !text.is_empty())?;
        let report: Value = serde_json::from_slice(&exported).expect("whole JSON at any time");
        let measured = |wiring: &Value| samples(wiring).len() > rotations;
        wirings(&report).iter().all(measured).then_some(report)
    })
}

/// That a report finds what the incident's wiring leaks, and that its fix does not.
pub fn assert_the_incidents_figures(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = of(ended);
    let found = |name| {
        let wiring = wiring(&report, name);
        (text(&wiring["verdict"]).to_owned(), rates(wiring))
    };
    assert_eq!(found("old"), ("leaking".into(), (2.0, 1.0)));
    assert_eq!(found("fixed"), ("clean".into(), (0.0, 0.0)));
}

/// A report for people, but for what is another with each run or each build.
pub fn without_what_varies(table: &str) -> String {
    // How many lines were printed until the end is a matter of time; where a task is spawned
    // changes with the code.
    let replace = |text: &str, pattern: &str, by: &str| {
        let pattern = regex_lite::Regex::new(pattern).expect("a pattern");
        pattern.replace_all(text, by).into_owned()
    };
    let text = replace(table, r"\b\d+(\s+)lines", "N${1}lines");
    // Where a reader waits that has filled its channel by now, or not yet, is a matter of time too.
    let text = replace(
        &text,
        r"(?s)readers( wait)?: .*?\.\n",
        "readers${1}: PLACES.\n",
    );
    replace(&text, r"\S+\.rs:\d+:\d+", "FILE:LINE:COLUMN")
}
