//! Scenarios: experiments as data, embedded in the program or read from a file.

mod file;
mod library;

pub use file::{DriverClaim, GoFigures, Judgement, Scenario};
pub use library::{all, text};
