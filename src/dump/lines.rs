//! The lines of a dump, one at a time in a buffer that is used again.

use std::io::{self, BufRead};

/// A line that is longer than this is cut: no stack has such.
const LONGEST: usize = 64 * 1024;

/// Reads lines and numbers them.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            number: 0,
        }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end, and its number; `None` at the end of the dump.
    ///
    /// # Errors
    /// As the reader's.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &str)>> {
        self.buffer.clear();
        let mut read = 0;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', available);
            let taken = end.map_or(available.len(), |end| end + 1);
            let room = LONGEST.saturating_sub(self.buffer.len()).min(taken);
            self.buffer.extend_from_slice(&available[..room]);
            self.reader.consume(taken);
            read += taken;
            if end.is_some() {
                break;
            }
        }
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        while matches!(self.buffer.last(), Some(b'\n' | b'\r')) {
            self.buffer.pop();
        }
        if std::str::from_utf8(&self.buffer).is_err() {
            self.buffer = String::from_utf8_lossy(&self.buffer)
                .into_owned()
                .into_bytes();
        }
        let line = std::str::from_utf8(&self.buffer).ok();
        Ok(line.map(|line| (self.number, line)))
    }
}
