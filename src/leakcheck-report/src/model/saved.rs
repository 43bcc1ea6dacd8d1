//! A document that was saved as JSON, read again: a report, or whatever has a schema of its own.

use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::report::{Report, SCHEMA};

/// Why a document is no report that can be read.
#[derive(Debug)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// A document's bytes, and what it is called in what is said of it.
#[derive(Debug)]
pub struct Saved {
    name: String,
    bytes: Vec<u8>,
}

impl Saved {
    /// Reads a file, or standard input where the path is `-`.
    ///
    /// # Errors
    /// Says why it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Unreadable> {
        let (name, bytes) = if path == Path::new("-") {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            ("standard input".to_owned(), read.map(|_| bytes))
        } else {
            (path.display().to_string(), std::fs::read(path))
        };
        let unread = |error| Unreadable(format!("{name}: cannot be read: {error}"));
        let bytes = bytes.map_err(unread)?;
        Ok(Self { name, bytes })
    }

    /// A document that came some other way, and what it is called.
    pub fn of(name: &str, bytes: Vec<u8>) -> Self {
        let name = name.to_owned();
        Self { name, bytes }
    }

    /// Whether the document says that it has this schema.
    pub fn claims_schema(&self, schema: &str) -> bool {
        let value: Option<Value> = serde_json::from_slice(&self.bytes).ok();
        value.is_some_and(|value| value.get("schema").and_then(Value::as_str) == Some(schema))
    }

    /// Reads it as a document of this schema.
    ///
    /// # Errors
    /// Says what is wrong with the document, and where.
    pub fn parse<T: DeserializeOwned>(&self, schema: &str) -> Result<T, Unreadable> {
        let named = |Unreadable(why)| Unreadable(format!("{}: {why}", self.name));
        parse_as(&self.bytes, schema).map_err(named)
    }
}

/// Reads a report from a file, or from standard input where the path is `-`.
///
/// # Errors
/// Says why it cannot be read, with line and column where the document is wrong.
pub fn read(path: &Path) -> Result<Report, Unreadable> {
    Saved::open(path)?.parse(SCHEMA)
}

/// Reads a report from its JSON document. Unknown fields are ignored: a later version of the same
/// major version may add some.
///
/// # Errors
/// Says what is wrong with the document, and where.
pub fn parse(document: &[u8]) -> Result<Report, Unreadable> {
    parse_as(document, SCHEMA)
}

fn parse_as<T: DeserializeOwned>(document: &[u8], schema: &str) -> Result<T, Unreadable> {
    let value: Value = serde_json::from_slice(document).map_err(|error| {
        Unreadable(format!(
            "not JSON: {error} (`leakcheck run --format json` writes a report)"
        ))
    })?;
    check_schema(&value, schema)?;
    // Read from the text again, since only that knows its lines.
    let mut reader = serde_json::Deserializer::from_slice(document);
    T::deserialize(&mut reader)
        .map_err(|error| Unreadable(format!("no whole {schema} document: {error}")))
}

/// Makes sure that the document says it has this schema.
fn check_schema(document: &Value, own: &str) -> Result<(), Unreadable> {
    let schema = match document.get("schema") {
        Some(Value::String(schema)) if schema == own => return Ok(()),
        Some(Value::String(schema)) => schema,
        _ => {
            return Err(Unreadable(format!(
                "JSON, but no report: there is no \"schema\": {own:?} at its top"
            )));
        }
    };
    let (kind, version) = split(schema);
    let (own_kind, own_version) = split(own);
    let advice = match (version, own_version) {
        (Some(version), Some(known)) if kind == own_kind && version > known => {
            "; a newer leakcheck wrote it, and is needed to read it"
        }
        _ => "",
    };
    Err(Unreadable(format!(
        "its schema is {schema:?}, and this leakcheck reads {own:?}{advice}"
    )))
}

/// `leakcheck.report/v1` as its kind and its major version.
fn split(schema: &str) -> (&str, Option<u64>) {
    match schema.rsplit_once("/v") {
        Some((kind, version)) => (kind, version.parse().ok()),
        None => (schema, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(document: &str) -> String {
        parse(document.as_bytes()).expect_err(document).to_string()
    }

    #[test]
    fn what_is_not_json_is_refused_with_line_and_column() {
        let message = refusal("{\n  \"schema\": ");
        assert!(message.contains("line 2 column"), "{message}");
    }

    #[test]
    fn json_of_something_else_is_refused() {
        for document in ["[]", "null", "{}", "{\"schema\": 1}"] {
            let message = refusal(document);
            assert!(message.contains("leakcheck.report/v1"), "{message}");
        }
    }

    #[test]
    fn another_schema_and_a_newer_version_are_refused_by_both_names() {
        let other = refusal(r#"{"schema": "leakcheck.audit/v1"}"#);
        let newer = refusal(r#"{"schema": "leakcheck.report/v2"}"#);
        for (message, name) in [
            (&other, "leakcheck.audit/v1"),
            (&newer, "leakcheck.report/v2"),
        ] {
            assert!(
                message.contains(name) && message.contains(SCHEMA),
                "{message}"
            );
        }
        assert!(newer.contains("a newer leakcheck"), "{newer}");
        assert!(!other.contains("newer"), "{other}");
    }

    #[test]
    fn a_report_that_lacks_a_field_is_refused_with_its_name_and_place() {
        let message = refusal("{\"schema\": \"leakcheck.report/v1\",\n \"partial\": false}");
        assert!(
            message.contains("missing field `tool` at line 2"),
            "{message}"
        );
    }

    #[test]
    fn brackets_without_end_are_refused_and_exhaust_no_stack() {
        assert!(refusal(&"[".repeat(1_000_000)).contains("not JSON"));
    }

    proptest! {
        #[test]
        fn no_document_makes_the_reader_panic(document in any::<Vec<u8>>()) {
            prop_assert!(parse(&document).is_err());
        }
    }
}
