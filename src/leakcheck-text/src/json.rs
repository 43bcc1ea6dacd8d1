//! JSON that is a text, as the lines between parent and child are.

use serde::de::DeserializeOwned;

/// Reads a document. As bytes: the deserialiser of those is compiled for saved reports and an engine's answers
/// anyway, and `serde_json::from_str` would have it compiled once more for each type.
///
/// # Errors
/// Says what is wrong with the text, and where.
pub fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_slice(text.as_bytes())
}
