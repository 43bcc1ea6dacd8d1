//! The supervisor: one task per container that follows it, start after start, stream after stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use docker_engine::error_text::is_not_found;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use super::client::Client;
use super::context::Context;
use super::follow::{FollowContext, HEARTBEAT, Shared, StreamEnd, follow_one_stream};
use super::health_check;
use super::heartbeat;
use super::record::{At, Record};
use super::spawn::spawn;
use super::task_kind::TaskKind;
use super::wiring::ClientUse;

/// The pause before something that failed is tried again, on the monitor's clock.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// However fast the monitor's clock runs, an engine that refuses is not asked again sooner.
const SHORTEST_RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Starts the supervisor of one container.
pub(super) fn start(
    record: Arc<Record>,
    app: Context,
    shared: Arc<Shared>,
    rotation: watch::Receiver<u64>,
) -> JoinHandle<()> {
    let name = format!("supervisor {}", record.name);
    let supervisor = Supervisor {
        record,
        app,
        shared,
        rotation,
        rotating: false,
    };
    spawn(TaskKind::Supervisor, &name, supervisor.run())
}

struct Supervisor {
    record: Arc<Record>,
    app: Context,
    shared: Arc<Shared>,
    rotation: watch::Receiver<u64>,
    /// Whether a rotation has ended a stream and the next one is not open yet.
    rotating: bool,
}

/// Why a container is followed no longer.
#[derive(PartialEq, Eq)]
enum End {
    /// The engine ended its stream: the container may have ended.
    Stream,
    /// The monitor shuts down.
    Shutdown,
}

impl Supervisor {
    async fn run(mut self) {
        let Some(_room) = self.take_room().await else {
            return;
        };
        while self.follow().await == End::Stream && self.wait_for_start().await {}
        self.record.stage.set(At::Done);
    }

    /// Takes one of the places for containers; `None` where the monitor shuts down before one is
    /// free. Nothing is held where the wiring has no limit.
    async fn take_room(&self) -> Option<Option<OwnedSemaphorePermit>> {
        let Some(room) = &self.shared.room else {
            return Some(None);
        };
        loop {
            match Arc::clone(room).try_acquire_owned() {
                Ok(place) => return Some(Some(place)),
                Err(_) => self.note_overflow(room),
            }
            if !self.pause(At::WaitingForRoom).await {
                return None;
            }
        }
    }

    fn note_overflow(&self, room: &Semaphore) {
        let limit = self.shared.wiring.stream_limit.unwrap_or_default();
        let taken = limit - room.available_permits();
        let why = format!("no room: {taken} of {limit} places are taken");
        self.record.note_problem(why);
    }

    /// Follows the container from one of its starts on, until its stream ends by itself.
    async fn follow(&mut self) -> End {
        let Self {
            record,
            app,
            shared,
            ..
        } = self;
        let container = app.child();
        let name = &record.name;
        let mut heartbeat = heartbeat::start(
            &format!("heartbeat {name}"),
            shared.pace.of(HEARTBEAT),
            container.token(),
            Arc::clone(&shared.beats),
        );
        let health_check = shared.wiring.health_check.map(|check| {
            let reference = record.present().reference;
            let (shared, cancelled) = (Arc::clone(shared), container.token());
            let name = format!("health check {name}");
            health_check::start(&name, check, reference, shared, cancelled)
        });

        shared.followed.fetch_add(1, Ordering::Relaxed);
        let client = self.client_of_its_own().await;
        let end = self
            .follow_streams(&container, client.as_ref(), &mut heartbeat)
            .await;
        self.shared.followed.fetch_sub(1, Ordering::Relaxed);

        container.cancel();
        // A heartbeat that the rotation has waited for already must not be awaited twice.
        if !heartbeat.is_finished() {
            drop(heartbeat.await);
        }
        if let Some(health_check) = health_check {
            drop(health_check.await);
        }
        if let (Some(client), ClientUse::PerContainerStart(fate)) =
            (client, self.shared.wiring.client)
        {
            self.shared.part_with(client, fate);
        }
        end
    }

    async fn follow_streams(
        &mut self,
        container: &Context,
        client: Option<&Client>,
        heartbeat: &mut JoinHandle<()>,
    ) -> End {
        loop {
            let mut around = FollowContext {
                app: &self.app,
                container,
                record: &self.record,
                shared: &self.shared,
                client,
                heartbeat,
            };
            // A rotation is made when the next stream is open, not when the last one was ended.
            let rotating = &mut self.rotating;
            let (record, due) = (&self.record, self.rotation.clone());
            let rotation_made = || {
                if std::mem::take(rotating) {
                    record.rotation_made(*due.borrow());
                }
            };
            match follow_one_stream(&mut around, &mut self.rotation, rotation_made).await {
                StreamEnd::Rotated => self.rotating = true,
                StreamEnd::EndedByEngine => return End::Stream,
                StreamEnd::Broken => {
                    if !self.pause(At::PausingAfterError).await {
                        return End::Shutdown;
                    }
                }
                StreamEnd::Shutdown => return End::Shutdown,
            }
        }
    }

    /// The client that the wiring gives a container at each of its starts, the container inspected
    /// by it.
    async fn client_of_its_own(&self) -> Option<Client> {
        let ClientUse::PerContainerStart(fate) = self.shared.wiring.client else {
            return None;
        };
        let client = self.shared.throwaway_client(fate).ok()?;
        self.record.stage.set(At::Inspecting);
        let reference = self.record.present().reference;
        let inspecting = client.inspect(&reference);
        if let Some(Err(error)) = self.app.until_cancelled(inspecting).await {
            self.record.note_error(&error);
            self.shared.note_fd_exhaustion(&error);
        }
        Some(client)
    }

    /// Waits until a container whose stream ended runs, which it mostly does again at once; false
    /// where the monitor shuts down before that.
    async fn wait_for_start(&self) -> bool {
        let mut at = At::Inspecting;
        loop {
            // A container that has ended has, while it is looked for again.
            if at != At::WaitingForStart {
                self.record.stage.set(At::Inspecting);
            }
            let reference = self.record.present().reference;
            let inspecting = self.shared.client.inspect(&reference);
            at = match self.app.until_cancelled(inspecting).await {
                Some(Ok(true)) => return true,
                Some(Ok(false)) => At::WaitingForStart,
                // Removed with its end: it is gone as well.
                Some(Err(error)) if is_not_found(&error) => At::WaitingForStart,
                Some(Err(error)) => {
                    self.record.note_error(&error);
                    self.shared.note_fd_exhaustion(&error);
                    At::PausingAfterError
                }
                None => return false,
            };
            if !self.pause(at).await {
                return false;
            }
        }
    }

    /// Pauses before something is tried again; false where the monitor shuts down meanwhile.
    async fn pause(&self, at: At) -> bool {
        self.record.stage.set(at);
        let pause = self.shared.pace.of(RETRY_PAUSE).max(SHORTEST_RETRY_PAUSE);
        self.app
            .until_cancelled(tokio::time::sleep(pause))
            .await
            .is_some()
    }
}
