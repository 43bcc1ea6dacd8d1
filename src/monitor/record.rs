//! What the monitor holds of one container: where its supervisor stands, what was delivered, and
//! the streams that its rotations forgot.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bollard::errors::Error;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::body::Body;
use super::delivery::Delivery;
use super::reader::Chunk;
use crate::docker::error_text::told;

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
    pub(super) container: Followed,
    pub(super) streams_opened: AtomicU64,
    pub(super) rotations_made: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) stage: Stage,
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
}

impl Record {
    pub(super) fn new(container: Followed, since: Option<Timestamp>) -> Self {
        Self {
            container,
            streams_opened: AtomicU64::new(0),
            rotations_made: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            last_error: Mutex::default(),
            stage: Stage::default(),
            delivery: Mutex::new(Delivery::starting_at(since)),
            reader: Mutex::default(),
            forgotten: Mutex::default(),
        }
    }

    pub(super) fn delivery(&self) -> MutexGuard<'_, Delivery> {
        lock(&self.delivery)
    }

    /// Counts a stream that could not be opened or that broke, and keeps why.
    pub(super) fn note_error(&self, error: &Error) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_error) = Some(told(error));
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
    pub(super) fn standing(&self) -> String {
        let at = self.stage.get();
        match at {
            At::WaitingForReader | At::WaitingForReaderAndHeartbeat => {
                format!(
                    "{}; the reader is {}",
                    at.words(),
                    lock(&self.reader).get().words()
                )
            }
            _ => at.words().into(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a supervisor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum At {
    Starting,
    Opening,
    Inspecting,
    Receiving,
    Consuming,
    WaitingForReader,
    WaitingForReaderAndHeartbeat,
    PausingAfterError,
    Done,
}

impl At {
    const ALL: [Self; 9] = [
        Self::Starting,
        Self::Opening,
        Self::Inspecting,
        Self::Receiving,
        Self::Consuming,
        Self::WaitingForReader,
        Self::WaitingForReaderAndHeartbeat,
        Self::PausingAfterError,
        Self::Done,
    ];

    fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Opening => "opening a stream: the engine has not answered",
            Self::Inspecting => "inspecting the container: the engine has not answered",
            Self::Receiving => "receiving from the channel",
            Self::Consuming => "consuming a chunk",
            Self::WaitingForReader => "waiting for the reader to end",
            Self::WaitingForReaderAndHeartbeat => {
                "waiting for the wait group that reader and heartbeat share"
            }
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
    Ended,
}

impl ReaderAt {
    const ALL: [Self; 3] = [Self::Reading, Self::Sending, Self::Ended];

    fn words(self) -> &'static str {
        match self {
            Self::Reading => "in a read that nothing ends",
            Self::Sending => "sending into a full channel that nobody receives from",
            Self::Ended => "gone",
        }
    }
}

/// A place in a fixed list, written by one task and read by others.
macro_rules! shared_place {
    ($name:ident of $place:ident) => {
        #[derive(Debug, Default)]
        pub(super) struct $name(AtomicU8);

        impl $name {
            pub(super) fn set(&self, at: $place) {
                self.0.store(at as u8, Ordering::Relaxed);
            }

            pub(super) fn get(&self) -> $place {
                let index = usize::from(self.0.load(Ordering::Relaxed));
                $place::ALL.get(index).copied().unwrap_or($place::ALL[0])
            }
        }
    };
}

shared_place!(Stage of At);
shared_place!(ReaderStage of ReaderAt);
