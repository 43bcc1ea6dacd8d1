//! The steps of a wiring as its file writes them: a word says what needs no figure.

use serde::{Deserialize, Deserializer};

use super::wiring::Step;

/// A step, or the word for one whose figures are left out.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a step, as \"close\" or \"wait-reader\""
)]
enum WrittenStep {
    InAWord(Word),
    Whole(Step),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Word {
    /// Waits for ever.
    WaitReader,
}

impl From<WrittenStep> for Step {
    fn from(written: WrittenStep) -> Self {
        match written {
            WrittenStep::InAWord(Word::WaitReader) => Self::WaitReader { limit: None },
            WrittenStep::Whole(step) => step,
        }
    }
}

/// Reads a list of steps.
pub(super) fn steps<'de, D: Deserializer<'de>>(file: D) -> Result<Vec<Step>, D::Error> {
    let written = Vec::<WrittenStep>::deserialize(file)?;
    Ok(written.into_iter().map(Step::from).collect())
}

/// Reads a list of steps that may be missing.
pub(super) fn steps_if_any<'de, D: Deserializer<'de>>(
    file: D,
) -> Result<Option<Vec<Step>>, D::Error> {
    let written = Option::<Vec<WrittenStep>>::deserialize(file)?;
    Ok(written.map(|steps| steps.into_iter().map(Step::from).collect()))
}
