//! Which wirings a gate is about.

use std::fmt;

/// The wirings that a gate is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GateSubject {
    /// All there are.
    Every,
    /// One.
    Named(String),
}

impl GateSubject {
    pub(super) fn includes(&self, wiring: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Named(name) => name == wiring,
        }
    }
}

impl fmt::Display for GateSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Named(name) => f.write_str(name),
        }
    }
}
