//! A step of ending a stream, and how a wiring's file writes it: a word says what needs no figure.

use std::time::Duration;

use leakcheck_text::duration;
use serde::{Deserialize, Deserializer, Serialize};

/// One step of ending a stream at its rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RotationStep {
    /// Close the response body: its connection ends, and a read in progress returns.
    Close,
    /// Close it under the lock that a reader holds while it reads: this waits until no read is in
    /// progress.
    CloseBetweenReads,
    /// Send the reader a message to stop, and wait until it takes it (Go: `stop <- true`).
    TellReader,
    /// Start a task that receives from the channel until the reader is gone.
    Drain,
    /// Wait for the reader to end.
    WaitReader {
        /// Give up after this long on the monitor's clock; `None` waits for ever.
        #[serde(default, deserialize_with = "duration::deserialize_if_any")]
        limit: Option<Duration>,
    },
    /// Wait for the reader and the heartbeat, which share one wait group.
    WaitReaderAndHeartbeat,
}

/// A step, or the word for one whose figures are left out.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a step, as \"close\" or \"wait-reader\""
)]
enum WrittenStep {
    InAWord(Word),
    Whole(RotationStep),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// Waits for ever.
    WaitReader,
}

impl From<WrittenStep> for RotationStep {
    fn from(written: WrittenStep) -> Self {
        match written {
            WrittenStep::InAWord(Word::WaitReader) => Self::WaitReader { limit: None },
            WrittenStep::Whole(step) => step,
        }
    }
}

/// Reads a list of steps.
pub(super) fn list<'de, D: Deserializer<'de>>(file: D) -> Result<Vec<RotationStep>, D::Error> {
    let written = Vec::<WrittenStep>::deserialize(file)?;
    Ok(written.into_iter().map(RotationStep::from).collect())
}

/// Reads a list of steps that may be missing.
pub(super) fn list_if_any<'de, D: Deserializer<'de>>(
    file: D,
) -> Result<Option<Vec<RotationStep>>, D::Error> {
    let written = Option::<Vec<WrittenStep>>::deserialize(file)?;
    Ok(written.map(|steps| steps.into_iter().map(RotationStep::from).collect()))
}
