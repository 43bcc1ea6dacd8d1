//! Documents as they are saved and read again.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Checks that a document which is written as JSON and read again is the same.
pub fn survives_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(document: &T) {
    let json = serde_json::to_vec(document).expect("a document can be written as JSON");
    let read: T = serde_json::from_slice(&json).expect("what is written as JSON can be read");
    assert_eq!(&read, document, "JSON changes the document");
}
