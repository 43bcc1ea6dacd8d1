//! What is done with what the workers of a wiring say.

use crate::analysis::wiring_report::Observation;
use crate::protocol::Glance;

/// What is to be done with what the workers say.
pub(super) trait Watcher {
    /// The live counts in passing.
    fn glance(&self, glance: Glance);
    /// Changes what was observed of the wiring.
    fn observe(&self, change: impl FnOnce(&mut Observation));
    /// The run of this wiring ends early.
    fn cut_short(&self, why: &str) {
        self.observe(|observation| observation.cut_short(why));
    }
    /// It ends early because of one of its shares.
    fn cut_short_on(&self, share: usize, why: &str) {
        self.observe(|observation| observation.cut_short_on(share, why));
    }
}
