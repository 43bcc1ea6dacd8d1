//! What a gate came to, as the report tells it.

use std::fmt;

use leakcheck_text::printable::printable;
use serde::{Deserialize, Serialize};

/// A gate and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GateResult {
    /// The expression.
    pub expr: String,
    /// Whether it held; false too where there was no verdict.
    pub held: bool,
    /// What it came to.
    pub outcome: Outcome,
    /// The wiring that decided: of several, the one that came off worst.
    pub wiring: String,
    /// What was measured; null where nothing was, or no figure was asked for.
    pub measured: Option<f64>,
    /// Why, in a sentence.
    pub reason: String,
}

/// What a gate came to, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What it demands is so.
    Held,
    /// Too little evidence to tell.
    NoVerdict,
    /// What it demands is not so.
    Failed,
}

impl Outcome {
    /// The words that stand in tables. What stops a build is the easiest to find.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NoVerdict => "no verdict",
            Self::Failed => "FAILED",
        }
    }
}

/// In a line: the outcome, the gate, and why.
impl fmt::Display for GateResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What it says of a wiring comes from outside: a name, an engine's words.
        let (outcome, expr) = (self.outcome.words(), printable(&self.expr));
        let reason = printable(&self.reason);
        write!(f, "{outcome}: {expr}: {reason}")
    }
}
