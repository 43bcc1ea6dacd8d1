//! The reader: one task per stream that moves chunks from the response into the channel.

use std::sync::Arc;

use bollard::errors::Error;
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::body::{Body, Read};
use super::record::{ReaderAt, ReaderStage};
use super::spawn::spawn;
use super::wiring::{ReadStyle, SendStyle};

/// What a reader sends.
#[derive(Debug)]
pub(super) enum Chunk {
    /// The lines of one read.
    Lines(Vec<Bytes>),
    /// The stream ended or failed. A Go reader sends its last error like any other result, and
    /// waits for room in the channel to do so.
    End(Option<Error>),
}

/// All that a reader works with.
pub(super) struct Reader {
    pub(super) body: Arc<Body>,
    pub(super) chunks: mpsc::Sender<Chunk>,
    pub(super) cancelled: CancellationToken,
    pub(super) read: ReadStyle,
    pub(super) send: SendStyle,
    pub(super) stage: Arc<ReaderStage>,
}

impl Reader {
    /// Starts the reader under a name such as `reader web-07 #3`.
    pub(super) fn spawn(self, name: &str) -> JoinHandle<()> {
        spawn(name, self.run())
    }

    async fn run(self) {
        while !self.cancelled.is_cancelled() {
            self.stage.set(ReaderAt::Reading);
            let chunk = match self.read().await {
                Some(Read::Lines(lines)) => Chunk::Lines(lines),
                Some(Read::Ended) => Chunk::End(None),
                Some(Read::Failed(error)) => Chunk::End(Some(error)),
                None => break,
            };
            let last = matches!(chunk, Chunk::End(_));
            self.stage.set(ReaderAt::Sending);
            if !self.send(chunk).await || last {
                break;
            }
        }
        self.stage.set(ReaderAt::Ended);
        // Leaving drops the sender: the consumer sees the end of the channel.
    }

    /// One read; `None` where the wiring lets cancellation end it.
    async fn read(&self) -> Option<Read> {
        match self.read {
            ReadStyle::CheckedBetweenReads => Some(self.body.read().await),
            ReadStyle::Cancellable => self.cancelled.run_until_cancelled(self.body.read()).await,
        }
    }

    /// Hands a chunk over; false where the reader has to end instead.
    async fn send(&self, chunk: Chunk) -> bool {
        match self.send {
            SendStyle::OrCancelled => {
                let sending = self.chunks.send(chunk);
                matches!(
                    self.cancelled.run_until_cancelled(sending).await,
                    Some(Ok(()))
                )
            }
            SendStyle::Blocking => self.chunks.send(chunk).await.is_ok(),
            SendStyle::OrDrop => !matches!(
                self.chunks.try_send(chunk),
                Err(mpsc::error::TrySendError::Closed(_))
            ),
        }
    }
}
