//! The health check: one task per container that inspects it at an interval, where a wiring has one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::follow::Shared;
use super::spawn::spawn;
use super::task_kind::TaskKind;
use super::wiring::HealthCheck;

/// Starts a health check that inspects `container` until it is cancelled.
pub(super) fn start(
    name: &str,
    check: HealthCheck,
    container: Arc<str>,
    shared: Arc<Shared>,
    cancelled: CancellationToken,
) -> JoinHandle<()> {
    spawn(TaskKind::HealthCheck, name, async move {
        let every = shared.pace.of(check.every);
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while cancelled.run_until_cancelled(ticks.tick()).await.is_some() {
            cancelled
                .run_until_cancelled(inspect(check, &container, &shared))
                .await;
        }
    })
}

/// One check. That it fails is no matter of this task: a health check only looks.
async fn inspect(check: HealthCheck, container: &str, shared: &Shared) {
    let busy = shared.followed.load(Ordering::Relaxed);
    let pooled = check.pool.is_some_and(|clients| busy < clients);
    match check.throwaway.filter(|_| !pooled) {
        None => drop(shared.client.inspect(container).await),
        Some(fate) => {
            if let Ok(client) = shared.throwaway_client(fate) {
                drop(client.inspect(container).await);
                shared.part_with(client, fate);
            }
        }
    }
}
