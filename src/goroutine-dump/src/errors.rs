//! What could not be read of a dump, and where.

use super::document::ReadError;

/// More errors than this tell nothing more.
const MOST: usize = 100;

/// A list that is only so long.
#[derive(Debug, Default)]
pub(super) struct Errors {
    errors: Vec<ReadError>,
    more: u64,
}

impl Errors {
    /// Adds what is wrong with a line.
    pub(super) fn add(&mut self, line: u64, message: impl FnOnce() -> String) {
        self.push(Some(line), message);
    }

    /// Adds what is wrong with a dump that has no lines.
    pub(super) fn add_of_binary(&mut self, message: impl FnOnce() -> String) {
        self.push(None, message);
    }

    fn push(&mut self, line: Option<u64>, message: impl FnOnce() -> String) {
        if self.errors.len() < MOST {
            let message = message();
            self.errors.push(ReadError { line, message });
        } else {
            self.more += 1;
        }
    }

    /// The list; its last entry tells how many it leaves out.
    pub(super) fn into_list(mut self) -> Vec<ReadError> {
        if self.more > 0 {
            self.errors.push(ReadError {
                line: None,
                message: format!("{} more that are not listed", self.more),
            });
        }
        self.errors
    }
}
