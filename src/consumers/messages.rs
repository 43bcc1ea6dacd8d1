//! What is said beside what is shown: warnings above all, on standard error.

use super::drawing::Drawing;
use crate::events::{Consumer, Event};

/// Prints what is said above a drawing, or as it is where nothing is drawn.
#[derive(Debug)]
pub struct Messages(Drawing);

impl Messages {
    /// Those above a drawing.
    pub fn above(drawing: &Drawing) -> Self {
        Self(drawing.clone())
    }
}

impl Consumer for Messages {
    fn hear(&self, event: &Event<'_>) {
        if let Event::Said(line) = event {
            self.0.print_above(line);
        }
    }
}
