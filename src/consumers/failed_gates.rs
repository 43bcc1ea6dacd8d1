//! Which gates did not hold, on standard error: whatever the report's format is, and wherever it goes to,
//! who reads a build's log sees why it ended.

use crate::events::{Consumer, Event};
use crate::sys::stderr;

/// Says it.
#[derive(Debug)]
pub struct FailedGates;

impl Consumer for FailedGates {
    fn hear(&self, event: &Event<'_>) {
        if let Event::Judged(gates) = event {
            for gate in gates.iter().filter(|gate| !gate.held) {
                stderr::say(format_args!("leakcheck: {gate}"));
            }
        }
    }
}
