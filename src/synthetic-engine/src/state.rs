//! The engine's own live counts, read by the parent over `GET /_leakcheck/state`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::faults::injector::Injected;

/// One reading of the counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineState {
    /// Open connections, without the one that asked.
    pub connections: u64,
    /// Log streams that follow a container.
    pub streams: u64,
    /// Log lines handed to a connection since the start.
    pub lines_sent: u64,
    /// API requests since the start, without those for this state.
    pub requests: u64,
    /// How often each fault was injected that it was to inject, by name.
    pub faults: BTreeMap<String, u64>,
}

/// The counts as they change.
#[derive(Debug, Default)]
pub struct EngineTotals {
    connections: AtomicU64,
    streams: AtomicU64,
    lines_sent: AtomicU64,
    requests: AtomicU64,
    /// Faults that were injected.
    pub faults: Arc<Injected>,
}

impl EngineTotals {
    /// None so far, of an engine that is to inject these faults.
    pub fn with_faults(faults: Injected) -> Self {
        Self {
            faults: Arc::new(faults),
            ..Self::default()
        }
    }

    /// Counts a connection until the guard is dropped.
    pub fn connection(self: &Arc<Self>) -> CountGuard {
        CountGuard::new(self, |counts| &counts.connections)
    }

    /// Counts a follow stream until the guard is dropped.
    pub fn stream(self: &Arc<Self>) -> CountGuard {
        CountGuard::new(self, |counts| &counts.streams)
    }

    /// Counts log lines that were handed to a connection.
    pub fn sent_lines(&self, lines: u64) {
        self.lines_sent.fetch_add(lines, Ordering::Relaxed);
    }

    /// Counts an API request.
    pub fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections that are open.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// What a client sees that asks over a connection of its own.
    pub fn seen_by_client(&self) -> EngineState {
        EngineState {
            connections: self.connections.load(Ordering::Relaxed).saturating_sub(1),
            streams: self.streams.load(Ordering::Relaxed),
            lines_sent: self.lines_sent.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            faults: self.faults.by_name(),
        }
    }
}

/// One of something that is open; dropping it counts it off.
#[derive(Debug)]
pub struct CountGuard {
    counts: Arc<EngineTotals>,
    which: fn(&EngineTotals) -> &AtomicU64,
}

impl CountGuard {
    fn new(counts: &Arc<EngineTotals>, which: fn(&EngineTotals) -> &AtomicU64) -> Self {
        which(counts).fetch_add(1, Ordering::Relaxed);
        Self {
            counts: Arc::clone(counts),
            which,
        }
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        (self.which)(&self.counts).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_counts_for_as_long_as_it_lives() {
        let counts = Arc::new(EngineTotals::default());
        let asker = counts.connection();
        let stream = counts.stream();
        assert_eq!(
            (
                counts.seen_by_client().connections,
                counts.seen_by_client().streams
            ),
            (0, 1)
        );
        drop((asker, stream));
        assert_eq!(counts.seen_by_client().streams, 0);
    }
}
