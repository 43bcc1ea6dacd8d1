//! What is asked for of an engine's logs, and how far they are known to go.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What an engine is asked for the logs of: what a reference names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogsOf {
    /// A container of its own.
    Containers,
    /// A task of the swarm that it manages: a service's container on any node.
    Tasks,
}

/// The last line that a container is known to have printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLine {
    /// When it was printed, by the engine's clock.
    pub timestamp: Timestamp,
    /// Its number; `None` where it carries none of ours.
    pub sequence: Option<u64>,
}
