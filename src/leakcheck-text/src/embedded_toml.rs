//! Data that is written as TOML and is a part of the program.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a document by way of JSON: the deserialiser of that is compiled for most types anyway. Errors have no
/// line; a file of a user's is read by `toml` itself.
///
/// # Errors
/// Says what is wrong with the text.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let value: Value = toml::from_str(text).map_err(|error| error.to_string())?;
    let json = serde_json::to_vec(&value).map_err(|error| error.to_string())?;
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}
