//! What the monitor holds of one container: where its supervisor stands, what was delivered, and
//! the streams that its rotations forgot.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bollard::errors::Error;
use bytes::Bytes;
use docker_engine::error_text::told;
use jiff::Timestamp;
use leakcheck_text::duration::millis;
use serde::{Deserialize, Serialize};
use synthetic_engine::timestamps::split_timestamp;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::body::Body;
use super::chunk::Chunk;
use super::delivery::LineDelivery;
use super::tally::Tally;

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
    /// The container that stands in its place at present.
    present: Mutex<Present>,
    /// Tells its supervisor that another does.
    moved: Notify,
    /// Whether it is the first of the monitor's containers.
    pub(super) is_first: bool,
    pub(super) stage: Stage,
    /// What is counted of all containers.
    tally: Arc<Tally>,
    streams_opened: AtomicU64,
    rotations: Mutex<RotationsMade>,
    last_error: Mutex<Option<String>>,
    delivery: Mutex<LineDelivery>,
    reader: Mutex<Arc<ReaderStage>>,
    forgotten: Mutex<Vec<Forgotten>>,
}

/// The container in a record's place.
#[derive(Clone)]
pub(super) struct Present {
    /// How the engine knows it.
    pub(super) reference: Arc<str>,
    /// How often another was put in the place before it.
    pub(super) replaced: u64,
    /// The last line of it that any reader has read.
    pub(super) last_read: Arc<LastRead>,
}

/// The rotations of one container.
#[derive(Debug, Clone, Copy, Default)]
struct RotationsMade {
    /// Made, or excused.
    made: u64,
    /// Of these, due while it was away, and not made since.
    excused: u64,
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
            present: Mutex::new(Present {
                reference: container.reference.into(),
                replaced: 0,
                last_read: Arc::default(),
            }),
            moved: Notify::new(),
            is_first,
            tally,
            streams_opened: AtomicU64::new(0),
            rotations: Mutex::default(),
            last_error: Mutex::default(),
            stage: Stage::default(),
            delivery: Mutex::new(LineDelivery::starting_at(since)),
            reader: Mutex::default(),
            forgotten: Mutex::default(),
        }
    }

    pub(super) fn delivery(&self) -> MutexGuard<'_, LineDelivery> {
        lock(&self.delivery)
    }

    /// The container that stands in its place at present.
    pub(super) fn present(&self) -> Present {
        lock(&self.present).clone()
    }

    /// Follows another container in place of this from now on: one whose lines begin anew. Rotations that
    /// were due while it was away, from one on, are not asked of it, unless it was the monitor's own doing
    /// that they were not made.
    pub(super) fn replace(&self, reference: String, away_from: u64, due: u64) {
        {
            let mut delivery = self.delivery();
            let mut present = lock(&self.present);
            present.reference = reference.into();
            present.replaced += 1;
            // What a reader of the other container reads late is noted where nobody looks any more.
            present.last_read = Arc::default();
            delivery.begin_anew();
        }
        let at = self.stage.get();
        if at == At::WaitingForStart {
            self.stage.set(At::Starting);
        }
        if at.waits_for_container() {
            let mut rotations = lock(&self.rotations);
            let asked = rotations.made.max(away_from.saturating_sub(1));
            for _ in asked..due {
                rotations.made += 1;
                rotations.excused += 1;
                self.tally.rotation_made(rotations.made);
            }
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
        lock(&self.present).replaced
    }

    /// Rotations that it was not held to, and did not make.
    pub(super) fn excused(&self) -> u64 {
        lock(&self.rotations).excused
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
        let mut rotations = lock(&self.rotations);
        // One that was replaced may make a rotation that it had been excused from.
        if rotations.made >= due {
            rotations.excused = rotations.excused.saturating_sub(1);
            return;
        }
        rotations.made += 1;
        self.tally.rotation_made(rotations.made);
    }

    /// Rotations made so far.
    pub(super) fn rotations_made(&self) -> u64 {
        lock(&self.rotations).made
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
    pub(super) fn standing(&self) -> ContainerStanding {
        let (at, since) = (self.stage.get(), self.stage.since());
        let place = match at {
            At::WaitingForReader | At::WaitingForReaderAndHeartbeat | At::TellingReader => {
                let reader = lock(&self.reader).get();
                format!("{}; the reader is {}", at.words(), reader.words())
            }
            _ => at.words().into(),
        };
        ContainerStanding { at, place, since }
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
pub(super) struct ContainerStanding {
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

    /// Whether a supervisor that stands here does so for want of its container, which opens no stream,
    /// tells no end or is gone; elsewhere it stands by the monitor's own doing.
    fn waits_for_container(self) -> bool {
        match self {
            Self::Starting
            | Self::Opening
            | Self::Inspecting
            | Self::Receiving
            | Self::WaitingForStart
            | Self::PausingAfterError => true,
            Self::WaitingForRoom
            | Self::Consuming
            | Self::Closing
            | Self::TellingReader
            | Self::WaitingForReader
            | Self::WaitingForReaderAndHeartbeat
            | Self::Done => false,
        }
    }

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

    /// When the last line that was read had been printed.
    pub(super) fn get(&self) -> Option<Timestamp> {
        *lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let container = Followed {
            name: "web-0".into(),
            reference: "a".into(),
        };
        Record::new(container, true, None, Arc::default())
    }

    #[test]
    fn a_container_that_was_away_is_not_held_to_the_rotations_of_that_time() {
        let record = record();
        record.rotation_made(1);
        record.stage.set(At::WaitingForStart);
        record.replace("b".into(), 2, 3);
        assert_eq!((record.rotations_made(), record.excused()), (3, 2));
        // The monitor makes one of them after all.
        record.rotation_made(3);
        assert_eq!((record.rotations_made(), record.excused()), (3, 1));
        assert_eq!(&*record.present().reference, "b");
    }

    #[test]
    fn a_monitor_that_hangs_by_itself_is_not_excused_by_a_container_that_is_replaced() {
        for at in [
            At::WaitingForReader,
            At::WaitingForReaderAndHeartbeat,
            At::TellingReader,
            At::Closing,
        ] {
            let record = record();
            record.stage.set(at);
            record.replace("b".into(), 1, 3);
            assert_eq!((record.rotations_made(), record.excused()), (0, 0));
        }
    }

    #[test]
    fn a_rotation_that_was_missed_before_the_container_went_away_stays_missed() {
        let record = record();
        record.rotation_made(1);
        record.stage.set(At::Receiving);
        record.replace("b".into(), 8, 8);
        assert_eq!((record.rotations_made(), record.excused()), (2, 1));
    }

    #[test]
    fn lines_and_last_reads_of_a_container_that_was_replaced_are_nobodys() {
        let record = record();
        let before = record.present();
        record.replace("b".into(), 0, 0);
        let line = Bytes::from("2026-01-01T00:00:00.000000000Z leakcheck web-0 line 0\n");
        before.last_read.note(std::slice::from_ref(&line));
        record.deliver(&[line], before.replaced);
        assert_eq!(record.present().last_read.get(), None);
        assert_eq!(record.delivery().read, 0);
    }
}
