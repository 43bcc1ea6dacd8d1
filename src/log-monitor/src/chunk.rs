//! What a reader hands to the consumer of its stream.

use bollard::errors::Error;
use bytes::Bytes;

/// What a reader sends.
#[derive(Debug)]
pub(super) enum Chunk {
    /// The lines of one read.
    Lines(Vec<Bytes>),
    /// The stream ended or failed. A Go reader sends its last error like any other result, and
    /// waits for room in the channel to do so.
    End(Option<Error>),
}
