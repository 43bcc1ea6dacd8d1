//! What the system counts of a process.

use serde::{Deserialize, Serialize};

/// What the system counts of a process beside its tasks and file descriptors. Of these, memory is no leak
/// signal: an allocator keeps what a leak once took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProcessGauges {
    /// Resident memory; null under the virtual clock.
    pub rss_bytes: Option<u64>,
    /// Threads; null under the virtual clock.
    pub threads: Option<u64>,
    /// Processes that it has started and that it has not waited for; null where nobody counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<u64>,
    /// Those of them that have ended; null where nobody counted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zombies: Option<u64>,
}

impl ProcessGauges {
    /// Those of two processes together; what one of them does not know is unknown.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other| one.zip(other).map(|(one, other)| one + other);
        Self {
            rss_bytes: sum(self.rss_bytes, other.rss_bytes),
            threads: sum(self.threads, other.threads),
            children: sum(self.children, other.children),
            zombies: sum(self.zombies, other.zombies),
        }
    }
}
