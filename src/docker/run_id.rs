//! One run's name.

use std::fmt;
use std::hash::BuildHasher;
use std::time::{SystemTime, UNIX_EPOCH};

use super::labels;

/// One run's name: in its containers' names and labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// A fresh one: 8 hexadecimal digits.
    pub fn generate() -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seed = (now.as_nanos(), std::process::id());
        let hash = std::hash::RandomState::new().hash_one(seed);
        Self(format!("{:08x}", hash as u32))
    }

    /// The run that a label names.
    pub fn from_label(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The label that all containers of the run carry, as `key=value`.
    pub fn label(&self) -> String {
        format!("{}={}", labels::RUN, self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
