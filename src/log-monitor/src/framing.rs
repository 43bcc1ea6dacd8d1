//! Whether what came of a log response is a frame of the engine's, or what was left where its framing
//! broke.
//!
//! bollard hands out as raw text whatever is no whole frame: bytes that name no stream, and the part of a
//! frame at which a response ended. Of a container with a terminal raw text is all there is. Of any other it
//! is no line, though it may look like one that was cut short, with another number.

use std::io;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::Bytes;

/// How a response is framed, as far as is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Framing {
    /// Whether each line is a frame. An engine of API 1.42 or later says so in the response's head; of an
    /// older one the first frame tells.
    framed: bool,
}

impl Framing {
    /// That of a response whose head says that it is framed, or does not say.
    pub(super) fn said(framed: bool) -> Self {
        Self { framed }
    }

    /// The bytes of a line.
    ///
    /// # Errors
    /// Fails on raw text among frames.
    pub(super) fn line(&mut self, output: LogOutput) -> Result<Bytes, Error> {
        match output {
            LogOutput::Console { message } if self.framed => Err(Error::from(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "the log's framing broke: {} bytes that are no frame",
                    message.len()
                ),
            ))),
            LogOutput::Console { message } => Ok(message),
            framed => {
                self.framed = true;
                Ok(framed.into_bytes())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> LogOutput {
        LogOutput::Console {
            message: Bytes::from_static(b"2026-01-01T00:00:00Z leakcheck web-00 line 1"),
        }
    }

    #[test]
    fn raw_text_is_a_terminals_line_and_among_frames_an_error() {
        let mut terminal = Framing::default();
        assert!(terminal.line(raw()).is_ok() && terminal.line(raw()).is_ok());
        assert!(Framing::said(true).line(raw()).is_err());
        let mut learned = Framing::default();
        let frame = LogOutput::StdOut {
            message: Bytes::from_static(b"line"),
        };
        assert!(learned.line(frame).is_ok());
        let error = learned.line(raw()).expect_err("no frame").to_string();
        assert!(error.contains("44 bytes that are no frame"), "{error}");
    }
}
