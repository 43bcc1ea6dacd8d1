//! The `filters` parameter: a JSON object of names and values, in both of Docker's forms.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::errors::ApiError;
use crate::query::Query;

/// The values asked for, by filter.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filters {
    values: BTreeMap<String, Vec<String>>,
}

/// `["x"]`, or the older `{"x": true}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    List(Vec<String>),
    Set(BTreeMap<String, bool>),
}

impl Filters {
    /// Reads the parameter `filters`, of which this engine understands `supported` and Docker
    /// also `known`.
    ///
    /// # Errors
    /// 400 for what is no such JSON and for a filter that Docker does not have, 501 for one that
    /// only Docker has.
    pub fn parse(query: &Query, supported: &[&str], known: &[&str]) -> Result<Self, ApiError> {
        let Some(text) = query.get("filters") else {
            return Ok(Self::default());
        };
        let parsed: BTreeMap<String, Values> = serde_json::from_str(text).map_err(|error| {
            ApiError::bad_parameter(format!(
                "invalid filters {text:?}: {error}; write JSON, as in {{\"name\":[\"web\"]}}"
            ))
        })?;
        for name in parsed.keys().map(String::as_str) {
            if known.contains(&name) {
                return Err(ApiError::unsupported_filter(name));
            }
            if !supported.contains(&name) {
                return Err(ApiError::invalid_filter(name));
            }
        }
        let values = (parsed.into_iter())
            .map(|(name, values)| match values {
                Values::List(list) => (name, list),
                Values::Set(set) => (name, set.into_keys().collect()),
            })
            .collect();
        Ok(Self { values })
    }

    /// The values of a filter; empty where it was not given.
    pub fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a filter is absent or has a value that `matches`.
    pub fn any(&self, name: &str, matches: impl Fn(&str) -> bool) -> bool {
        let values = self.values(name);
        values.is_empty() || values.iter().any(|value| matches(value))
    }

    /// Whether every `label` filter (`key` or `key=value`) is met.
    pub fn labels_match(&self, labels: &[(&str, &str)]) -> bool {
        self.values("label")
            .iter()
            .all(|wanted| match wanted.split_once('=') {
                None => labels.iter().any(|(key, _)| key == wanted),
                Some(pair) => labels.contains(&pair),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Filters, ApiError> {
        let encoded: String = form_urlencoded::byte_serialize(json.as_bytes()).collect();
        let query = Query::parse(Some(&format!("filters={encoded}")));
        Filters::parse(&query, &["name", "label"], &["ancestor"])
    }

    #[test]
    fn both_json_forms_mean_the_same() {
        assert_eq!(parse(r#"{"name":["x"]}"#), parse(r#"{"name":{"x":true}}"#));
    }

    #[test]
    fn an_unknown_filter_is_refused_in_dockers_words() {
        let error = parse(r#"{"bad":["x"]}"#).expect_err("unknown");
        assert_eq!(error.message, "Invalid filter 'bad'");
        assert_eq!(
            parse(r#"{"ancestor":["x"]}"#)
                .expect_err("unsupported")
                .status
                .as_u16(),
            501
        );
        assert_eq!(parse("xx").expect_err("no JSON").status.as_u16(), 400);
    }

    #[test]
    fn every_label_must_match_by_key_or_by_value() {
        let labels = [("a", "b"), ("c", "")];
        for (json, expected) in [
            (r#"{"label":["a"]}"#, true),
            (r#"{"label":["a=b","c"]}"#, true),
            (r#"{"label":["a=x"]}"#, false),
            (r#"{"label":["a","d"]}"#, false),
        ] {
            assert_eq!(
                parse(json).expect("valid").labels_match(&labels),
                expected,
                "{json}"
            );
        }
    }
}
