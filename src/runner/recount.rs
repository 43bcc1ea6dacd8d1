//! Whether each line of containers that were there before the run was delivered once.

use jiff::Timestamp;

use super::engine_handle::ListeningEngine;
use crate::exit_code::Failure;
use crate::monitor::{Delivered, DeliveryTotals, LastLine};

/// The engine's own log of containers whose lines carry no numbers, read again to tell whether
/// each line was delivered once.
pub(super) struct Recount<'a> {
    pub(super) containers: Vec<String>,
    pub(super) last_lines: &'a [Option<LastLine>],
    pub(super) since: Timestamp,
}

impl Recount<'_> {
    /// Compares what was delivered with what the log holds: up to the last line that was printed
    /// when the rotations were done, or to the last that was delivered, whichever is later.
    ///
    /// `None` where a container's log holds fewer lines than were delivered: an engine that rotates
    /// its own log files has dropped some, and nobody can tell any more.
    pub(super) async fn of(
        self,
        engine: &ListeningEngine,
        delivered: &[Delivered],
    ) -> Result<Option<DeliveryTotals>, Failure> {
        let ends = self
            .last_lines
            .iter()
            .zip(delivered)
            .map(|(last, delivered)| {
                let printed = last.map(|last| last.timestamp);
                printed.max(delivered.last)
            });
        let ranges: Vec<_> = self.containers.into_iter().zip(ends).collect();
        let printed = engine.count_lines(&ranges, self.since).await?;
        let mut totals = DeliveryTotals::default();
        for (&emitted, delivered) in printed.iter().zip(delivered) {
            let Some(lost) = emitted.checked_sub(delivered.lines) else {
                return Ok(None);
            };
            totals.emitted += emitted;
            totals.read += delivered.lines;
            totals.lost += lost;
        }
        Ok(Some(totals))
    }
}
