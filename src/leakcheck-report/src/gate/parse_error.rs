//! What is wrong with an expression, and where.

use std::fmt;
use std::ops::Range;

/// An expression that is none. Shown as what is wrong, the expression, and carets below the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    message: String,
    expression: String,
    /// In bytes; empty at the end of the expression.
    place: Range<usize>,
}

impl ParseError {
    pub(super) fn new(expression: &str, place: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            expression: expression.into(),
            place,
        }
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |until: usize| {
            let before = self.expression.get(..until).unwrap_or(&self.expression);
            before.chars().count()
        };
        let (start, end) = (columns(self.place.start), columns(self.place.end));
        // A column for each character, so that the carets stand where they should.
        let shown: String = self.expression.chars().map(printable).collect();
        let carets = "^".repeat(end.saturating_sub(start).max(1));
        let message = &self.message;
        write!(f, "{message}\n  {shown}\n  {:start$}{carets}", "")
    }
}

impl std::error::Error for ParseError {}

fn printable(character: char) -> char {
    match character {
        space if space.is_whitespace() => ' ',
        control if control.is_control() => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}
