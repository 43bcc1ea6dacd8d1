//! Dumps that may be gzipped.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::document::Dump;
use super::groups::Keep;
use super::read::read;

/// So much of a gzipped dump is read at once. It is less than what [`read`] asks for, so that what is
/// not gzipped comes to it without a copy in between.
const BUFFER: usize = 32 * 1024;
/// How a gzip file begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Reads a dump that may be gzipped.
///
/// # Errors
/// As the reader's.
pub fn read_either(mut raw: impl Read, keep: Keep) -> io::Result<Dump> {
    read_either_from(&mut raw, keep)
}

/// By a pointer, as [`read`] does.
fn read_either_from(raw: &mut dyn Read, keep: Keep) -> io::Result<Dump> {
    let mut reader = BufReader::with_capacity(BUFFER, raw);
    match reader.fill_buf()?.starts_with(&GZIP) {
        true => read(MultiGzDecoder::new(reader), keep),
        false => read(reader, keep),
    }
}
