//! Where a document comes from: when, where, and by which command.

use serde::{Deserialize, Serialize};

/// Where a document comes from. Under the virtual clock, what differs from one run to the next is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Provenance {
    /// When the command was started, in UTC, as RFC 3339 has it.
    pub started_at: Option<String>,
    /// How long after that the document was made.
    pub duration_ms: Option<u64>,
    /// The name of the host that it ran on.
    pub host: Option<String>,
    /// The operating system and the architecture, as in `linux x86_64`.
    pub os: Option<String>,
    /// The command as it was typed, word by word, with `***` in place of each secret.
    pub argv: Vec<String>,
}
