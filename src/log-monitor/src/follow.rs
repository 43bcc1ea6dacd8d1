//! One stream from its opening to its rotation: the code that the incident's one line stood in.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::errors::Error;
use docker_engine::error_text::is_not_found;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use super::app_hook;
use super::body::Body;
use super::chunk::Chunk;
use super::client::{Client, Pooling, Reach, is_fd_exhaustion};
use super::context::Context;
use super::drain;
use super::heartbeat;
use super::pace::Pace;
use super::reader::Reader;
use super::record::{At, Forgotten, Present, Record};
use super::step::RotationStep;
use super::stop_message::StopMessage;
use super::wiring::{ClientFate, ClientUse, Heartbeat, Resume, Scope, Wiring};

/// How many streams are being opened at once. An engine's accept queue is finite, and a unix
/// socket refuses a connection outright where that queue is full.
pub const OPENING_AT_ONCE: usize = 64;

/// The incident's heartbeat beat every 30 s.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);

/// What all containers' tasks share.
pub(super) struct Shared {
    pub(super) wiring: Wiring,
    pub(super) engine: Reach,
    pub(super) client: Client,
    pub(super) pace: Pace,
    pub(super) consumer_delay: Duration,
    pub(super) beats: Arc<AtomicU64>,
    /// Whether opening a stream ever failed for want of file descriptors.
    pub(super) fds_exhausted: std::sync::atomic::AtomicBool,
    opening: Semaphore,
    /// Room for containers, where the wiring has a limit.
    pub(super) room: Option<Arc<Semaphore>>,
    /// Containers that are being followed: each keeps a client busy, from stream to stream.
    pub(super) followed: AtomicUsize,
    /// Throwaway clients that the wiring never closes. Nothing the monitor does ends them.
    never_closed: Mutex<Vec<Client>>,
}

impl Shared {
    pub(super) fn new(
        wiring: Wiring,
        engine: Reach,
        pace: Pace,
        consumer_delay: Duration,
    ) -> std::io::Result<Self> {
        Ok(Self {
            client: Client::new(&engine, Pooling::None, pace)?,
            room: wiring
                .stream_limit
                .map(|limit| Arc::new(Semaphore::new(limit))),
            wiring,
            engine,
            pace,
            consumer_delay,
            beats: Arc::default(),
            fds_exhausted: false.into(),
            opening: Semaphore::new(OPENING_AT_ONCE),
            followed: AtomicUsize::new(0),
            never_closed: Mutex::default(),
        })
    }

    /// Notes that opening something failed because the process may open no more files.
    pub(super) fn note_fd_exhaustion(&self, error: &Error) {
        if is_fd_exhaustion(error) {
            self.fds_exhausted.store(true, Ordering::Relaxed);
        }
    }

    /// A new client whose idle connections stay open as its fate says.
    pub(super) fn throwaway_client(&self, fate: ClientFate) -> std::io::Result<Client> {
        let limit = match fate {
            ClientFate::NeverClosed | ClientFate::Closed => None,
            ClientFate::IdleTimeout(limit) => Some(self.pace.of(limit)),
        };
        Client::new(&self.engine, Pooling::Keep(limit), self.pace)
    }

    /// Closes a throwaway client or keeps it, as its fate says.
    pub(super) fn part_with(&self, client: Client, fate: ClientFate) {
        if fate != ClientFate::Closed {
            self.never_closed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(client);
        }
    }
}

/// How a stream came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// Its rotation was due, and has been carried out as the wiring says.
    Rotated,
    /// The engine ended it.
    EndedByEngine,
    /// It broke, or could not be opened.
    Broken,
    /// The monitor shuts down.
    Shutdown,
}

/// A container's surroundings that outlive its streams.
pub(super) struct FollowContext<'a> {
    pub(super) app: &'a Context,
    pub(super) container: &'a Context,
    pub(super) record: &'a Record,
    pub(super) shared: &'a Arc<Shared>,
    /// The client that the container has to itself, where the wiring gives it one.
    pub(super) client: Option<&'a Client>,
    pub(super) heartbeat: &'a mut JoinHandle<()>,
}

/// Opens a stream, delivers its lines until `rotation` is due, and ends it as the wiring says.
///
/// `on_open` is called when the engine has answered.
pub(super) async fn follow_one_stream(
    around: &mut FollowContext<'_>,
    rotation: &mut watch::Receiver<u64>,
    on_open: impl FnOnce(),
) -> StreamEnd {
    let FollowContext {
        app,
        container,
        record,
        shared,
        ..
    } = around;
    let (record, wiring) = (*record, &shared.wiring);
    let stream_context = container.child();
    let request_context = match wiring.request {
        Scope::App => *app,
        Scope::Container => *container,
        Scope::Stream => &stream_context,
    };

    record.stage.set(At::Opening);
    let present = record.present();
    let replaced = present.replaced;
    let opened = tokio::select! {
        opened = open(record, &present, shared, around.client) => opened,
        // The container that was to be followed is no more.
        () = record.moved(replaced) => return StreamEnd::EndedByEngine,
        () = request_context.cancelled() => return StreamEnd::Shutdown,
        () = app.cancelled() => return StreamEnd::Shutdown,
    };
    let (body, throwaway) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            record.note_error(&error);
            shared.note_fd_exhaustion(&error);
            // A container that is no more ends no stream by breaking it.
            return match is_not_found(&error) {
                true => StreamEnd::EndedByEngine,
                false => StreamEnd::Broken,
            };
        }
    };
    request_context.tie(&body);
    let number = record.stream_opened();
    on_open();

    let name = &record.name;
    let (sender, mut chunks) = mpsc::channel(wiring.channel_capacity.max(1));
    let cancelled = match wiring.reader_parent {
        Scope::App => app.token(),
        Scope::Container => container.token(),
        Scope::Stream => stream_context.token(),
    };
    let (reader_stage, stop) = (record.new_reader_stage(), Arc::<StopMessage>::default());
    let reader = Reader {
        name: format!("reader {name} #{number}"),
        body: Arc::clone(&body),
        chunks: sender,
        unbuffered: wiring.channel_capacity == 0,
        cancelled: cancelled.clone(),
        stop: Arc::clone(&stop),
        read: wiring.read,
        pace: shared.pace,
        send: wiring.send,
        closes: wiring.reader_closes,
        stage: Arc::clone(&reader_stage),
        last_read: (wiring.resume == Resume::LastRead).then_some(present.last_read),
    }
    .spawn();
    let beats_besides = match wiring.heartbeat {
        Heartbeat::Tracked => false,
        Heartbeat::UntrackedInOneContainer => record.is_first,
        Heartbeat::UntrackedPerRotation | Heartbeat::LeftOnEngineEnd => true,
    };
    let beat = beats_besides.then(|| {
        let token = app.token();
        let every = shared.pace.of(HEARTBEAT);
        let beats = Arc::clone(&shared.beats);
        let name = format!("heartbeat {name} #{number}");
        heartbeat::start(&name, every, token.clone(), beats);
        token
    });
    if wiring.hook_on_app {
        let name = format!("hook {name} #{number}");
        app_hook::start(&name, Arc::clone(&body), app.token());
    }

    let end = receive(record, replaced, shared, app, rotation, &mut chunks).await;

    // The stream's scope ends with its time, as a Go context with a deadline does.
    stream_context.cancel();
    if wiring.cancel_reader_on_return {
        cancelled.cancel();
    }
    if let (Heartbeat::LeftOnEngineEnd, Some(beat)) = (wiring.heartbeat, beat)
        && end == StreamEnd::Rotated
    {
        beat.cancel();
    }
    let steps = match end {
        StreamEnd::EndedByEngine | StreamEnd::Broken => wiring.steps_at_engine_end(),
        StreamEnd::Rotated | StreamEnd::Shutdown => &wiring.at_rotation,
    };
    let forgotten = Forgotten {
        body,
        chunks: Some(chunks),
        reader,
        reader_stage,
    };
    let stop = (end != StreamEnd::Shutdown).then_some(&*stop);
    end_stream(record, shared, around.heartbeat, steps, forgotten, stop).await;
    if let (Some(client), ClientUse::ThrowawayPerRotation(fate)) =
        (throwaway, around.shared.wiring.client)
    {
        around.shared.part_with(client, fate);
    }
    end
}

/// Opens a stream where the last one ended, through the client that the wiring says.
async fn open(
    record: &Record,
    present: &Present,
    shared: &Shared,
    own: Option<&Client>,
) -> Result<(Arc<Body>, Option<Client>), Error> {
    let container = &*present.reference;
    let last_delivered = record.delivery().resume();
    let since = match shared.wiring.resume {
        Resume::LastDelivered => last_delivered,
        Resume::LastRead => present.last_read.get(),
    };
    let permit = shared.opening.acquire().await;
    let opened = match shared.wiring.client {
        ClientUse::Shared | ClientUse::PerContainerStart(_) => {
            let client = own.unwrap_or(&shared.client);
            (client.follow(container, since).await?, None)
        }
        ClientUse::ThrowawayPerRotation(fate) => {
            let client = shared.throwaway_client(fate).map_err(Error::from)?;
            let body = client.follow(container, since).await?;
            record.stage.set(At::Inspecting);
            client.inspect(container).await?;
            (body, Some(client))
        }
    };
    drop(permit);
    Ok(opened)
}

/// Delivers lines until the rotation is due, the stream ends, or the monitor shuts down.
async fn receive(
    record: &Record,
    replaced: u64,
    shared: &Shared,
    app: &Context,
    rotation: &mut watch::Receiver<u64>,
    chunks: &mut mpsc::Receiver<Chunk>,
) -> StreamEnd {
    loop {
        record.stage.set(At::Receiving);
        let chunk = tokio::select! {
            biased;
            () = app.cancelled() => return StreamEnd::Shutdown,
            due = rotation.changed() => return match due {
                Ok(()) => StreamEnd::Rotated,
                Err(_) => StreamEnd::Shutdown,
            },
            // A swarm's manager keeps the stream of a container open that is no more.
            () = record.moved(replaced) => return StreamEnd::EndedByEngine,
            chunk = chunks.recv() => chunk,
        };
        match chunk {
            Some(Chunk::Lines(lines)) => {
                record.stage.set(At::Consuming);
                record.deliver(&lines, replaced);
                if !shared.consumer_delay.is_zero() {
                    tokio::time::sleep(shared.consumer_delay).await;
                }
            }
            Some(Chunk::End(Some(error))) => {
                record.note_error(&error);
                return StreamEnd::Broken;
            }
            Some(Chunk::End(None)) | None => return StreamEnd::EndedByEngine,
        }
    }
}

/// Carries out steps on a stream, and leaves what they forgot to the record.
async fn end_stream(
    record: &Record,
    shared: &Shared,
    heartbeat: &mut JoinHandle<()>,
    steps: &[RotationStep],
    mut stream: Forgotten,
    stop: Option<&StopMessage>,
) {
    for step in steps {
        match step {
            RotationStep::Close => stream.body.close(),
            RotationStep::CloseBetweenReads => {
                record.stage.set(At::Closing);
                stream.body.close_between_reads().await;
            }
            RotationStep::TellReader => {
                // At shutdown every reader is cancelled: there is nobody to tell.
                if let Some(stop) = stop {
                    record.stage.set(At::TellingReader);
                    stop.send().await;
                }
            }
            RotationStep::Drain => {
                if let Some(chunks) = stream.chunks.take() {
                    let number = record.streams_opened();
                    drain::start(&format!("drain {} #{number}", record.name), chunks);
                }
            }
            RotationStep::WaitReader { limit } => {
                record.stage.set(At::WaitingForReader);
                let reader = &mut stream.reader;
                // A reader that panicked has ended too: the wait is over either way.
                match limit {
                    None => drop(reader.await),
                    Some(limit) => drop(tokio::time::timeout(shared.pace.of(*limit), reader).await),
                }
            }
            RotationStep::WaitReaderAndHeartbeat => {
                record.stage.set(At::WaitingForReaderAndHeartbeat);
                drop((&mut stream.reader).await);
                drop((&mut *heartbeat).await);
            }
        }
    }
    record.forget(stream);
}
