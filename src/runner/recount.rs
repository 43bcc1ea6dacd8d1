//! Whether each line of containers that were there before the run was delivered once.

use jiff::Timestamp;
use leakcheck_report::exit_code::Failure;
use log_monitor::log_position::LastLine;
use log_monitor::{Delivered, DeliveryTotals};

use super::engine_handle::ListeningEngine;

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
        let (mut emitted, mut read, mut lost) = (0, 0, 0);
        for (&printed, delivered) in printed.iter().zip(delivered) {
            let Some(missing) = printed.checked_sub(delivered.lines) else {
                return Ok(None);
            };
            emitted += printed;
            read += delivered.lines;
            lost += missing;
        }
        Ok(Some(DeliveryTotals {
            emitted: Some(emitted),
            read,
            lost: Some(lost),
            duplicated: 0,
        }))
    }
}
