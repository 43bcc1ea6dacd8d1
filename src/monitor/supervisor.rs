//! The supervisor: one task per container that follows it, stream after stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::context::Context;
use super::follow::{HEARTBEAT, Shared, StreamEnd, Surroundings, follow_one_stream};
use super::health_check;
use super::heartbeat;
use super::record::{At, Record};
use super::spawn::spawn;

/// The pause before a broken stream is opened again, on the monitor's clock.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// However fast the monitor's clock runs, an engine that refuses a stream is not asked again sooner.
const SHORTEST_REOPEN_PAUSE: Duration = Duration::from_millis(100);

/// Starts the supervisor of one container.
pub(super) fn start(
    record: Arc<Record>,
    app: Context,
    shared: Arc<Shared>,
    rotation: watch::Receiver<u64>,
) -> JoinHandle<()> {
    let name = format!("supervisor {}", record.container.name);
    spawn(&name, supervise(record, app, shared, rotation))
}

async fn supervise(
    record: Arc<Record>,
    app: Context,
    shared: Arc<Shared>,
    mut rotation: watch::Receiver<u64>,
) {
    let container = app.child();
    let name = &record.container.name;
    let every = shared.pace.of(HEARTBEAT);
    let beats = Arc::clone(&shared.beats);
    let mut heartbeat = heartbeat::start(
        &format!("heartbeat {name}"),
        every,
        container.token(),
        beats,
    );
    let health_check = shared.wiring.health_check.map(|check| {
        let reference = record.container.reference.clone();
        let (shared, cancelled) = (Arc::clone(&shared), container.token());
        health_check::start(
            &format!("health check {name}"),
            check,
            reference,
            shared,
            cancelled,
        )
    });

    let mut rotating = false;
    loop {
        let mut around = Surroundings {
            app: &app,
            container: &container,
            record: &record,
            shared: &shared,
            heartbeat: &mut heartbeat,
        };
        // A rotation is made when the next stream is open, not when the last one was ended.
        let rotation_made = || {
            if rotating {
                record.rotations_made.fetch_add(1, Ordering::Relaxed);
            }
        };
        let streams_before = record.streams_opened.load(Ordering::Relaxed);
        let end = follow_one_stream(&mut around, &mut rotation, rotation_made).await;
        if record.streams_opened.load(Ordering::Relaxed) > streams_before {
            rotating = false;
        }
        match end {
            StreamEnd::Rotated => rotating = true,
            StreamEnd::Broken => {
                record.stage.set(At::PausingAfterError);
                let pause = shared.pace.of(REOPEN_PAUSE).max(SHORTEST_REOPEN_PAUSE);
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = app.cancelled() => break,
                }
            }
            StreamEnd::Shutdown => break,
        }
    }

    container.cancel();
    // A heartbeat that the rotation has waited for already must not be awaited twice.
    if !heartbeat.is_finished() {
        drop(heartbeat.await);
    }
    if let Some(health_check) = health_check {
        drop(health_check.await);
    }
    record.stage.set(At::Done);
}
