//! Where lines are drawn anew in their place.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use leakcheck_text::printable::printable_lines;

use crate::sys::stderr;

/// Standard error; nothing is drawn where that is no terminal, or nobody wants to see it. What shares the
/// place draws below each other.
#[derive(Debug, Clone)]
pub struct Drawing(MultiProgress);

impl Drawing {
    /// The place; a quiet one shows nothing.
    pub fn new(quiet: bool) -> Self {
        let target = match quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        Self(MultiProgress::with_draw_target(target))
    }

    /// Whether nothing is drawn.
    pub(super) fn is_hidden(&self) -> bool {
        self.0.is_hidden()
    }

    /// Draws a bar below the others.
    pub(super) fn add(&self, bar: ProgressBar) -> ProgressBar {
        self.0.add(bar)
    }

    /// Prints a line above what is drawn, or as it is where nothing is.
    pub(super) fn print_above(&self, line: &str) {
        if self.is_hidden() {
            stderr::say(printable_lines(line));
        } else {
            // A terminal that cannot be written to shows no bars either.
            let _ = self.0.println(printable_lines(line));
        }
    }
}

/// The templates are constants of these files: a wrong one falls back to the default look.
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
