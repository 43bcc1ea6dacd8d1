//! All readings of a watch, in their order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::reading::{Ages, Concurrency, Reading};
use super::turnover::Waiting;
use crate::model::report::LeakProfile;

/// What was seen.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// When the first reading was made; `None` before.
    pub started: Option<Instant>,
    /// The same by the clock on the wall.
    pub started_at: Option<SystemTime>,
    /// For how long a member has been there that has stayed.
    pub ages: Ages,
    /// What the program runs beside threads, as far as that could be seen.
    pub concurrency: BTreeSet<Concurrency>,
    /// The readings in their order.
    pub readings: Vec<Reading>,
    /// When somebody else rotated the streams, since the first reading.
    pub rotated: Vec<Duration>,
    /// Readings that failed.
    pub failed: u64,
    /// When nothing was read because somebody paused the watch.
    pub pauses: Vec<Pause>,
    /// Why the watch ended early, where it did.
    pub cut_short: Option<String>,
    /// Goroutines from the first reading that wait for another at the end.
    pub waiting: Vec<Waiting<Arc<str>>>,
    /// Go's own leak profile, where it is served.
    pub leak_profile: Option<LeakProfile>,
}

/// A time in which nothing was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When it began, since the first reading.
    pub from: Duration,
    /// How long it was.
    pub lasted: Duration,
}

impl Recording {
    /// From the first reading to the last one.
    pub fn lasted(&self) -> Duration {
        self.readings.last().map_or(Duration::ZERO, |last| last.at)
    }

    /// How long nothing was read in all.
    pub fn paused(&self) -> Duration {
        self.pauses.iter().map(|pause| pause.lasted).sum()
    }

    /// The same, ended by somebody who did not wait.
    pub fn interrupted(self) -> Self {
        Self {
            cut_short: Some("it was interrupted".into()),
            ..self
        }
    }
}
