//! What the monitor holds of one container: where its supervisor stands, what was delivered, and
//! the streams that its rotations forgot.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::errors::Error;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::body::Body;
use super::delivery::Delivery;
use super::reader::Chunk;
use super::tally::Tally;
use crate::docker::error_text::told;
use crate::duration::millis;
use crate::timestamps::split_timestamp;

/// A container to follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followed {
    /// What its lines and its tasks call it: `web-07`.
    pub name: String,
    /// How the engine knows it: a name or an id.
    pub reference: String,
}

/// One container's record. It lives as long as the monitor.
pub(super) struct Record {
    /// What its lines and its tasks call it.
    pub(super) name: String,
    /// How the engine knows it at present.
    reference: Mutex<Arc<str>>,
    /// How often another container was put in its place.
    replaced: AtomicU64,
    /// Tells its supervisor of that.
    moved: Notify,
    /// Rotations that were due while it was away.
    excused: AtomicU64,
    /// Whether it is the first of the monitor's containers.
    pub(super) is_first: bool,
    pub(super) stage: Stage,
    /// The last line that any reader has read.
    pub(super) last_read: Arc<LastRead>,
    /// What is counted of all containers.
    tally: Arc<Tally>,
    streams_opened: AtomicU64,
    rotations_made: AtomicU64,
    last_error: Mutex<Option<String>>,
    delivery: Mutex<Delivery>,
    reader: Mutex<Arc<ReaderStage>>,
    forgotten: Mutex<Vec<Forgotten>>,
}

/// A stream that its rotation forgot.
///
/// In Go the connection of an unclosed response keeps itself alive, and a channel that nobody
/// receives from keeps its sender waiting. Rust's drop would end both, so the record keeps them.
pub(super) struct Forgotten {
    pub(super) body: Arc<Body>,
    /// `None` where a drain task receives in the rotation's place.
    pub(super) chunks: Option<mpsc::Receiver<Chunk>>,
    pub(super) reader: JoinHandle<()>,
    /// Where the reader stands.
    pub(super) reader_stage: Arc<ReaderStage>,
}

impl Record {
    pub(super) fn new(
        container: Followed,
        is_first: bool,
        since: Option<Timestamp>,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            name: container.name,
            reference: Mutex::new(container.reference.into()),
            replaced: AtomicU64::new(0),
            moved: Notify::new(),
            excused: AtomicU64::new(0),
            is_first,
            tally,
            streams_opened: AtomicU64::new(0),
            rotations_made: AtomicU64::new(0),
            last_error: Mutex::default(),
            stage: Stage::default(),
            last_read: Arc::default(),
            delivery: Mutex::new(Delivery::starting_at(since)),
            reader: Mutex::default(),
            forgotten: Mutex::default(),
        }
    }

    pub(super) fn delivery(&self) -> MutexGuard<'_, Delivery> {
        lock(&self.delivery)
    }

    /// How the engine knows the container, and how often another was put in its place until now.
    pub(super) fn reference(&self) -> (Arc<str>, u64) {
        let reference = lock(&self.reference);
        (Arc::clone(&reference), self.replaced())
    }

    /// Follows another container in place of this from now on: one whose lines begin anew, and that is not
    /// held to the rotations that were due before.
    pub(super) fn replace(&self, reference: String, due: u64) {
        {
            let mut delivery = self.delivery();
            *lock(&self.reference) = reference.into();
            self.replaced.fetch_add(1, Ordering::Relaxed);
            delivery.begin_anew();
        }
        self.last_read.forget();
        if self.stage.get() == At::WaitingForStart {
            self.stage.set(At::Starting);
        }
        while self.rotations_made() < due {
            self.excused.fetch_add(1, Ordering::Relaxed);
            self.rotation_made(due);
        }
        self.moved.notify_one();
    }

    /// Waits until another container is put in the place of the one that it was after so many replacements.
    /// Its supervisor alone waits here.
    pub(super) async fn moved(&self, replaced: u64) {
        while self.replaced() == replaced {
            self.moved.notified().await;
        }
    }

    /// How often another container was put in its place.
    pub(super) fn replaced(&self) -> u64 {
        self.replaced.load(Ordering::Relaxed)
    }

    /// Rotations that it was not held to.
    pub(super) fn excused(&self) -> u64 {
        self.excused.load(Ordering::Relaxed)
    }

    /// Takes lines as the engine sent them, of the container that it was after so many replacements. What
    /// comes late of one that was replaced is nobody's any more.
    pub(super) fn deliver(&self, lines: &[Bytes], replaced: u64) {
        let mut delivery = self.delivery();
        if self.replaced() != replaced {
            return;
        }
        let (read, missing) = (delivery.read, delivery.missing);
        lines.iter().for_each(|line| delivery.deliver(line));
        self.tally
            .delivered(delivery.read - read, delivery.missing - missing);
    }

    /// Counts a stream that was opened; says its number, from 1.
    pub(super) fn stream_opened(&self) -> u64 {
        let number = self.streams_opened.fetch_add(1, Ordering::Relaxed) + 1;
        self.tally.stream_opened(number == 1);
        number
    }

    /// Streams opened so far.
    pub(super) fn streams_opened(&self) -> u64 {
        self.streams_opened.load(Ordering::Relaxed)
    }

    /// Counts a rotation that was made, of so many that are due.
    pub(super) fn rotation_made(&self, due: u64) {
        // One that was replaced may make a rotation that it had been excused from.
        if self.rotations_made() >= due {
            return;
        }
        let number = self.rotations_made.fetch_add(1, Ordering::Relaxed) + 1;
        self.tally.rotation_made(number);
    }

    /// Rotations made so far.
    pub(super) fn rotations_made(&self) -> u64 {
        self.rotations_made.load(Ordering::Relaxed)
    }

    /// Counts a stream that could not be opened or that broke, and keeps why.
    pub(super) fn note_error(&self, error: &Error) {
        self.note_problem(told(error));
    }

    /// Counts a stream that could not be opened, and keeps why in words.
    pub(super) fn note_problem(&self, why: String) {
        self.tally.failed();
        *lock(&self.last_error) = Some(why);
    }

    /// Why the last stream failed that did.
    pub(super) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }

    /// A fresh stage for the reader of a new stream.
    pub(super) fn new_reader_stage(&self) -> Arc<ReaderStage> {
        let stage = Arc::new(ReaderStage::default());
        *lock(&self.reader) = Arc::clone(&stage);
        stage
    }

    /// Keeps a forgotten stream, and lets go of those that Go's garbage collector would free:
    /// closed, with their reader gone.
    pub(super) fn forget(&self, stream: Forgotten) {
        let mut forgotten = lock(&self.forgotten);
        forgotten.push(stream);
        forgotten.retain(|stream| !(stream.body.is_closed() && stream.reader.is_finished()));
    }

    /// Where the supervisor stands and, where it waits for its reader, where the reader stands.
    pub(super) fn standing(&self) -> Standing {
        let (at, since) = (self.stage.get(), self.stage.since());
        let place = match at {
            At::WaitingForReader | At::WaitingForReaderAndHeartbeat | At::TellingReader => {
                let reader = lock(&self.reader).get();
                format!("{}; the reader is {}", at.words(), reader.words())
            }
            _ => at.words().into(),
        };
        Standing { at, place, since }
    }

    /// Where the readers of forgotten streams stand that have not ended, and how many stand there.
    pub(super) fn forgotten_readers(&self) -> BTreeMap<&'static str, u64> {
        let mut places = BTreeMap::new();
        for stream in lock(&self.forgotten).iter() {
            if !stream.reader.is_finished() {
                *places.entry(stream.reader_stage.get().words()).or_default() += 1;
            }
        }
        places
    }
}

/// Where a supervisor stands, and for how long.
pub(super) struct Standing {
    pub(super) at: At,
    /// In words.
    pub(super) place: String,
    pub(super) since: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a supervisor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum At {
    Starting,
    WaitingForRoom,
    Opening,
    Inspecting,
    Receiving,
    Consuming,
    Closing,
    TellingReader,
    WaitingForReader,
    WaitingForReaderAndHeartbeat,
    WaitingForStart,
    PausingAfterError,
    Done,
}

impl At {
    const ALL: [Self; 13] = [
        Self::Starting,
        Self::WaitingForRoom,
        Self::Opening,
        Self::Inspecting,
        Self::Receiving,
        Self::Consuming,
        Self::Closing,
        Self::TellingReader,
        Self::WaitingForReader,
        Self::WaitingForReaderAndHeartbeat,
        Self::WaitingForStart,
        Self::PausingAfterError,
        Self::Done,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::WaitingForRoom => "waiting for room: the limit of followed containers is reached",
            Self::Opening => "opening a stream: the engine has not answered",
            Self::Inspecting => "inspecting the container: the engine has not answered",
            Self::Receiving => "receiving from the channel",
            Self::Consuming => "consuming a chunk",
            Self::Closing => "closing the stream: waiting for the lock that a read holds",
            Self::TellingReader => "telling the reader to stop: waiting until it takes the message",
            Self::WaitingForReader => "waiting for the reader to end",
            Self::WaitingForReaderAndHeartbeat => {
                "waiting for the wait group that reader and heartbeat share"
            }
            Self::WaitingForStart => "waiting for the container to start again",
            Self::PausingAfterError => "pausing after an error, before it opens a stream again",
            Self::Done => "done",
        }
    }
}

/// Where a reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ReaderAt {
    Reading,
    Sending,
    SendingEnd,
    Ended,
}

impl ReaderAt {
    const ALL: [Self; 4] = [Self::Reading, Self::Sending, Self::SendingEnd, Self::Ended];

    fn words(self) -> &'static str {
        match self {
            Self::Reading => "in a read",
            Self::Sending => "sending into a full channel",
            Self::SendingEnd => "sending its last word into a channel",
            Self::Ended => "gone",
        }
    }
}

/// A place in a fixed list, written by one task and read by others.
macro_rules! shared_place {
    ($name:ident of $place:ident) => {
        #[derive(Debug, Default)]
        pub(super) struct $name {
            place: AtomicU8,
            /// When it was reached, in ms of this process.
            at_ms: AtomicU64,
        }

        impl $name {
            pub(super) fn set(&self, at: $place) {
                // Whoever comes to the same place again stands there since it first did.
                if self.place.swap(at as u8, Ordering::Relaxed) != at as u8 {
                    self.at_ms.store(now_ms(), Ordering::Relaxed);
                }
            }

            pub(super) fn get(&self) -> $place {
                let index = usize::from(self.place.load(Ordering::Relaxed));
                $place::ALL.get(index).copied().unwrap_or($place::ALL[0])
            }
        }
    };
}

shared_place!(Stage of At);
shared_place!(ReaderStage of ReaderAt);

impl Stage {
    /// For how long the place is that of the task.
    fn since(&self) -> Duration {
        Duration::from_millis(now_ms().saturating_sub(self.at_ms.load(Ordering::Relaxed)))
    }
}

/// Milliseconds since this was first asked.
fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    millis(START.elapsed())
}

/// The time of the last line that a reader has read, whoever it reached.
#[derive(Debug, Default)]
pub(super) struct LastRead(Mutex<Option<Timestamp>>);

impl LastRead {
    /// Notes that these lines were read.
    pub(super) fn note(&self, lines: &[Bytes]) {
        let last = lines.last().and_then(|line| split_timestamp(line));
        if let Some((timestamp, _)) = last {
            let mut last = lock(&self.0);
            *last = (*last).max(Some(timestamp));
        }
    }

    /// What was read is of a container that was replaced.
    fn forget(&self) {
        *lock(&self.0) = None;
    }

    /// When the last line that was read had been printed.
    pub(super) fn get(&self) -> Option<Timestamp> {
        *lock(&self.0)
    }
}
