//! The heartbeat: one task per container that says every 30 s that its container is followed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::spawn::spawn;
use super::task_kind::TaskKind;

/// Starts a heartbeat that beats until it is cancelled.
pub(super) fn start(
    name: &str,
    every: Duration,
    cancelled: CancellationToken,
    beats: Arc<AtomicU64>,
) -> JoinHandle<()> {
    spawn(TaskKind::Heartbeat, name, async move {
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while cancelled.run_until_cancelled(ticks.tick()).await.is_some() {
            beats.fetch_add(1, Ordering::Relaxed);
        }
    })
}
