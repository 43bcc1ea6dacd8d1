//! What all steps of a run share.

use tokio_util::sync::CancellationToken;

use crate::events::{Consumer, Event};
use crate::experiment::plan::Plan;

/// The plan, who hears of what happens, and what ends it early.
#[derive(Clone, Copy)]
pub(super) struct RunContext<'a> {
    pub(super) plan: &'a Plan,
    pub(super) events: &'a dyn Consumer,
    pub(super) interrupt: &'a CancellationToken,
}

impl RunContext<'_> {
    /// Tells that so many of the containers run.
    pub(super) fn creating(&self, running: u64) {
        self.events.hear(&Event::Creating {
            running,
            containers: self.plan.settings.containers as u64,
        });
    }
}
