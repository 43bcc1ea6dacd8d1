//! The reader: one task per stream that moves chunks from the response into the channel.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::body::{Body, Read};
use super::chunk::Chunk;
use super::nested_read;
use super::pace::Pace;
use super::record::{LastRead, ReaderAt, ReaderStage};
use super::spawn::spawn;
use super::stop_message::StopMessage;
use super::task_kind::TaskKind;
use super::wiring::{ReadStyle, SendStyle};

/// All that a reader works with.
pub(super) struct Reader {
    /// Such as `reader web-07 #3`.
    pub(super) name: String,
    pub(super) body: Arc<Body>,
    pub(super) chunks: mpsc::Sender<Chunk>,
    /// Whether a send waits until its chunk is taken.
    pub(super) unbuffered: bool,
    pub(super) cancelled: CancellationToken,
    pub(super) stop: Arc<StopMessage>,
    pub(super) read: ReadStyle,
    pub(super) pace: Pace,
    pub(super) send: SendStyle,
    pub(super) closes: bool,
    pub(super) stage: Arc<ReaderStage>,
    /// Where to note what was read, where the next stream resumes from there.
    pub(super) last_read: Option<Arc<LastRead>>,
}

impl Reader {
    /// Starts the reader under its name.
    pub(super) fn spawn(self) -> JoinHandle<()> {
        let name = self.name.clone();
        spawn(TaskKind::Reader, &name, self.run())
    }

    async fn run(self) {
        while !self.cancelled.is_cancelled() {
            self.stage.set(ReaderAt::Reading);
            let chunk = match self.read().await {
                NextRead::Read(Read::Lines(lines)) => {
                    if let Some(last_read) = &self.last_read {
                        last_read.note(&lines);
                    }
                    Chunk::Lines(lines)
                }
                NextRead::Read(Read::Ended) => Chunk::End(None),
                NextRead::Read(Read::Failed(error)) => Chunk::End(Some(error)),
                NextRead::GivenUp => continue,
                NextRead::Stopped => break,
            };
            let last = matches!(chunk, Chunk::End(_));
            self.stage.set(match last {
                true => ReaderAt::SendingEnd,
                false => ReaderAt::Sending,
            });
            if !self.send(chunk).await || last {
                break;
            }
        }
        if self.closes {
            self.body.close();
        }
        self.stage.set(ReaderAt::Ended);
        // Leaving drops the sender: the consumer sees the end of the channel.
    }

    /// One read, as far as the wiring waits for it.
    async fn read(&self) -> NextRead {
        match self.read {
            ReadStyle::CheckedBetweenReads => NextRead::Read(self.body.read().await),
            ReadStyle::Cancellable => tokio::select! {
                read = self.body.read() => NextRead::Read(read),
                () = self.cancelled.cancelled() => NextRead::Stopped,
                () = self.stop.take() => NextRead::Stopped,
            },
            ReadStyle::Nested { timeout } => {
                let read = nested_read::start(&format!("read of {}", self.name), self.body.clone());
                match tokio::time::timeout(self.pace.of(timeout), read).await {
                    Ok(Ok(read)) => NextRead::Read(read),
                    // A read that panicked has ended the stream for its reader.
                    Ok(Err(_)) => NextRead::Read(Read::Ended),
                    Err(_) => NextRead::GivenUp,
                }
            }
        }
    }

    /// Hands a chunk over; false where the reader has to end instead.
    async fn send(&self, chunk: Chunk) -> bool {
        match self.send {
            SendStyle::OrCancelled => {
                let sending = self.hand_over(chunk);
                self.cancelled.run_until_cancelled(sending).await == Some(true)
            }
            SendStyle::Blocking => self.hand_over(chunk).await,
            SendStyle::OrDrop => !matches!(
                self.chunks.try_send(chunk),
                Err(mpsc::error::TrySendError::Closed(_))
            ),
        }
    }

    /// Waits for room in the channel, and in one without a buffer until the chunk is taken; false
    /// where nobody can take it any more.
    async fn hand_over(&self, chunk: Chunk) -> bool {
        if self.chunks.send(chunk).await.is_err() {
            return false;
        }
        // There is room for one: it is free again when the chunk has been taken.
        !self.unbuffered || self.chunks.reserve().await.is_ok()
    }
}

/// What came of waiting for a read.
enum NextRead {
    Read(Read),
    /// It took too long; it goes on without its reader.
    GivenUp,
    /// The wiring lets cancellation, or a message, end it.
    Stopped,
}
