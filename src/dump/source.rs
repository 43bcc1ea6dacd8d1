//! Where a dump comes from: a file, gzipped or not, or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// So much is read at once.
const BUFFER: usize = 256 * 1024;
/// How a gzip file begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens a dump; `-` is standard input.
///
/// # Errors
/// As the system's.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path)?),
    };
    let mut reader = BufReader::with_capacity(BUFFER, raw);
    Ok(match reader.fill_buf()?.starts_with(&GZIP) {
        true => Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(reader),
        )),
        false => Box::new(reader),
    })
}
