//! What the engine does by itself as time passes, for as long as it is polled.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::rotation::Rotation;

/// Tells of each restart as it comes.
pub async fn announce_restarts(daemon: Arc<Daemon>) {
    let now_ns = daemon.clock.now_ns();
    let containers = daemon.registry.all();
    let restarting = containers.iter().enumerate();
    let mut next: BinaryHeap<Reverse<(i64, usize)>> = restarting
        .filter_map(|(n, container)| Some(Reverse((container.restarts?.next_after(now_ns), n))))
        .collect();
    while let Some(Reverse((at_ns, n))) = next.pop() {
        tokio::time::sleep_until(daemon.clock.instant(at_ns)).await;
        let container = &containers[n];
        // Whoever was stopped for good is not started again.
        if let (Some(restarts), None) = (container.restarts, container.lifecycle().exit()) {
            daemon.restarted(container, at_ns);
            next.push(Reverse((restarts.next_after(at_ns), n)));
        }
    }
}

/// Rotates all containers at an interval.
pub async fn rotate_at_intervals(daemon: Arc<Daemon>, rotation: Rotation, every: Duration) {
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        ticks.tick().await;
        daemon.rotate(rotation);
    }
}
