//! A followed log response with the life of a Go response body: it stays open until somebody
//! closes it or the engine ends it, whoever holds it and whether or not anybody reads.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as PollContext, Poll, Waker};

use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::Bytes;
use futures_util::Stream;

use super::framing::Framing;

/// One read takes what has arrived, up to about this many bytes: the size of the incident's buffer.
const READ_BYTES: usize = 8192;

/// The frames of a log response, one log line each.
pub(super) type LogFrames = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// What one read returned.
#[derive(Debug)]
pub(super) enum Read {
    /// The lines that had arrived, at least one.
    Lines(Vec<Bytes>),
    /// The engine ended the stream, or somebody closed it.
    Ended,
    /// The connection or its framing broke.
    Failed(Error),
}

/// An open log response.
#[derive(Default)]
pub struct Body {
    state: Mutex<BodyState>,
    /// Held by the one read that is in progress.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct BodyState {
    /// `None` once the body is closed.
    frames: Option<LogFrames>,
    /// A frame that arrived together with the response's head.
    first: Option<Result<LogOutput, Error>>,
    framing: Framing,
    /// The reader that waits in a read, to be woken by a close.
    reader: Option<Waker>,
}

impl Body {
    pub(super) fn new(
        frames: LogFrames,
        first: Option<Result<LogOutput, Error>>,
        framing: Framing,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(BodyState {
                frames: Some(frames),
                first,
                framing,
                reader: None,
            }),
            reading: tokio::sync::Mutex::default(),
        })
    }

    #[cfg(test)]
    pub(super) fn open_for_ever() -> Arc<Self> {
        let frames = futures_util::stream::pending();
        Self::new(Box::pin(frames), None, Framing::default())
    }

    /// Waits for lines, for the end of the stream, or for a close. Reads take turns.
    pub(super) async fn read(&self) -> Read {
        let _turn = self.reading.lock().await;
        poll_fn(|cx| self.poll_read(cx)).await
    }

    fn poll_read(&self, cx: &mut PollContext<'_>) -> Poll<Read> {
        let mut state = self.lock();
        let mut lines = Vec::new();
        let mut bytes = 0;
        while bytes < READ_BYTES {
            let next = match state.first.take() {
                Some(first) => Poll::Ready(Some(first)),
                None => match state.frames.as_mut() {
                    Some(frames) => frames.as_mut().poll_next(cx),
                    None => Poll::Ready(None),
                },
            };
            match next {
                Poll::Ready(Some(Ok(frame))) => match state.framing.line(frame) {
                    Ok(line) => {
                        bytes += line.len();
                        lines.push(line);
                    }
                    Err(error) if lines.is_empty() => return Poll::Ready(Read::Failed(error)),
                    Err(error) => {
                        state.first = Some(Err(error));
                        break;
                    }
                },
                // What was read before the end or the error is delivered first.
                Poll::Ready(end) if !lines.is_empty() => {
                    state.first = end;
                    break;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Read::Failed(error)),
                Poll::Ready(None) => return Poll::Ready(Read::Ended),
                Poll::Pending if lines.is_empty() => {
                    state.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(Read::Lines(lines))
    }

    /// Closes the body: its connection ends, and a read in progress returns.
    pub(super) fn close(&self) {
        let (frames, reader) = {
            let mut state = self.lock();
            state.first = None;
            (state.frames.take(), state.reader.take())
        };
        // Dropped outside of the lock: it ends the connection, which wakes other tasks.
        drop(frames);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Closes the body once no read is in progress: a close that takes the lock which a read holds.
    pub(super) async fn close_between_reads(&self) {
        let _turn = self.reading.lock().await;
        self.close();
    }

    /// Whether somebody closed the body.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().frames.is_none()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BodyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, StreamExt, stream};

    fn frame(text: &str) -> Result<LogOutput, Error> {
        Ok(LogOutput::StdOut {
            message: Bytes::copy_from_slice(text.as_bytes()),
        })
    }

    #[tokio::test]
    async fn closing_wakes_the_reader_that_waits() {
        let body = Body::open_for_ever();
        let mut reading = Box::pin(body.read());
        assert!(reading.as_mut().now_or_never().is_none());
        body.close();
        assert!(matches!(reading.await, Read::Ended));
    }

    #[tokio::test]
    async fn a_close_between_reads_waits_for_the_read_in_progress() {
        let body = Body::open_for_ever();
        let mut reading = Box::pin(body.read());
        assert!(reading.as_mut().now_or_never().is_none());
        let mut closing = Box::pin(body.close_between_reads());
        assert!(closing.as_mut().now_or_never().is_none());
        drop(reading);
        closing.await;
        assert!(body.is_closed());
    }

    #[tokio::test]
    async fn one_read_takes_all_lines_that_have_arrived() {
        let frames = stream::iter([frame("a"), frame("b")]).chain(stream::pending());
        let body = Body::new(Box::pin(frames), Some(frame("first")), Framing::default());
        let Read::Lines(lines) = body.read().await else {
            panic!("three lines have arrived");
        };
        assert_eq!(lines, ["first", "a", "b"]);
    }

    #[tokio::test]
    async fn lines_that_precede_an_error_are_not_lost() {
        let broken = Err(Error::RequestTimeoutError);
        let frames = Box::pin(stream::iter([frame("a"), broken]));
        let body = Body::new(frames, None, Framing::default());
        assert!(matches!(body.read().await, Read::Lines(lines) if lines == ["a"]));
        assert!(matches!(body.read().await, Read::Failed(_)));
        assert!(matches!(body.read().await, Read::Ended));
    }
}
