//! What is done with what the workers say: it is observed, and told.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::outcome::report;
use crate::analysis::wiring_report::Observation;
use crate::events::{Consumer, Event, SoFar};
use crate::experiment::plan::Plan;
use crate::protocol::LiveCounts;

/// What is observed of all wirings, in one place.
pub(super) struct WatchedRun<'a> {
    plan: &'a Plan,
    events: &'a dyn Consumer,
    observations: Mutex<Vec<Observation>>,
}

impl<'a> WatchedRun<'a> {
    /// A watch over these wirings, whose events are heard.
    pub(super) fn new(
        plan: &'a Plan,
        events: &'a dyn Consumer,
        observations: Vec<Observation>,
    ) -> Self {
        Self {
            plan,
            events,
            observations: Mutex::new(observations),
        }
    }

    /// What was observed by now.
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Observation>> {
        self.observations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One wiring's part of the watch.
    pub(super) fn over(&'a self, wiring: usize) -> Watcher<'a> {
        Watcher {
            watch: self,
            wiring,
        }
    }
}

/// One wiring's part of the watch.
pub(super) struct Watcher<'a> {
    watch: &'a WatchedRun<'a>,
    wiring: usize,
}

impl Watcher<'_> {
    /// Tells the live counts in passing.
    pub(super) fn glance(&self, glance: LiveCounts) {
        let observations = self.watch.lock();
        self.watch.events.hear(&Event::Glanced {
            wiring: self.wiring,
            glance,
            observation: &observations[self.wiring],
        });
    }

    /// Changes what was observed of the wiring.
    pub(super) fn observe(&self, change: impl FnOnce(&mut Observation)) {
        let mut observations = self.watch.lock();
        change(&mut observations[self.wiring]);
        let so_far = || report(self.watch.plan, &observations, true);
        self.watch
            .events
            .hear(&Event::Sampled(&SoFar::new(&so_far)));
    }

    /// The run of this wiring ends early.
    pub(super) fn cut_short(&self, why: &str) {
        self.observe(|observation| observation.cut_short(why));
    }

    /// It ends early because of one of its shares.
    pub(super) fn cut_short_on(&self, share: usize, why: &str) {
        self.observe(|observation| observation.cut_short_on(share, why));
    }
}
