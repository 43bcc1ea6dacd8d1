//! The lines of a dump, one at a time, out of a buffer that is used again.

use std::io::{self, ErrorKind, Read};

/// So much is read at once.
const BUFFER: usize = 256 * 1024;
/// A line that is longer than this is cut: no call has such.
const LONGEST: usize = 64 * 1024;

/// Reads lines and numbers them.
pub(super) struct Lines<'a> {
    reader: &'a mut dyn Read,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet handed over.
    unread: std::ops::Range<usize>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(reader: &'a mut dyn Read) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER],
            unread: 0..0,
            number: 0,
        }
    }

    /// The number of the line that was read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The bytes that come next, at least `wanted` of them where there are so many. None is taken.
    ///
    /// # Errors
    /// As the reader's.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        while self.unread.len() < wanted && self.fill()? {}
        Ok(&self.buffer[self.unread.clone()])
    }

    /// All that comes next, as one piece; `None` where that is more than `most` bytes.
    ///
    /// # Errors
    /// As the reader's.
    pub(super) fn rest(self, most: usize) -> io::Result<Option<Vec<u8>>> {
        let mut rest = self.buffer[self.unread.clone()].to_vec();
        let room = (most + 1).saturating_sub(rest.len()) as u64;
        self.reader.take(room).read_to_end(&mut rest)?;
        Ok((rest.len() <= most).then_some(rest))
    }

    /// The next line without its end, and its number; `None` at the end of the dump.
    ///
    /// # Errors
    /// As the reader's.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        let mut searched = 0;
        let (line, taken) = loop {
            let unread = &self.buffer[self.unread.clone()];
            if let Some(end) = memchr::memchr(b'\n', &unread[searched..]) {
                break (searched + end, searched + end + 1);
            }
            searched = unread.len();
            if searched >= LONGEST {
                self.skip_line()?;
                self.number += 1;
                // What was read for it lies at the start of the buffer.
                return Ok(Some((
                    self.number,
                    without_returns(&self.buffer[..LONGEST]),
                )));
            }
            if !self.fill()? {
                break (searched, searched);
            }
        };
        if taken == 0 {
            return Ok(None);
        }
        let start = self.unread.start;
        self.unread.start += taken;
        self.number += 1;
        let line = &self.buffer[start..start + line.min(LONGEST)];
        Ok(Some((self.number, without_returns(line))))
    }

    /// Reads more behind what is unread; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.unread.start > 0 {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
        }
        if self.unread.end == self.buffer.len() {
            return Ok(false);
        }
        let read = read_some(&mut self.reader, &mut self.buffer[self.unread.end..])?;
        self.unread.end += read;
        Ok(read > 0)
    }

    /// Passes over a line of which all that is unread is part, and keeps its start where the buffer
    /// starts.
    fn skip_line(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.unread.clone(), 0);
        loop {
            let read = read_some(&mut self.reader, &mut self.buffer[LONGEST..])?;
            let end = memchr::memchr(b'\n', &self.buffer[LONGEST..LONGEST + read]);
            if end.is_some() || read == 0 {
                let next = LONGEST + end.map_or(0, |end| end + 1);
                self.unread = next..LONGEST + read;
                return Ok(());
            }
        }
    }
}

/// The line without the carriage returns at its end.
fn without_returns(mut line: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    line
}

/// Reads until something comes; 0 is the end.
fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands over a byte at a time.
    struct Bytewise<'a>(&'a [u8]);

    impl Read for Bytewise<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let room = buffer.len().min(1);
            self.0.read(&mut buffer[..room])
        }
    }

    fn lines(mut reader: impl Read) -> Vec<(u64, Vec<u8>)> {
        let mut lines = Lines::new(&mut reader);
        let next = || {
            let next = lines.next().expect("memory can be read");
            next.map(|(number, line)| (number, line.to_vec()))
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn a_long_line_is_cut_alike_however_much_is_read_at_once() {
        for length in [LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + 9] {
            for end in ["", "\n", "\r\n", "\r\r\nnext\n", "b\nnext"] {
                let text = format!("first\n{}{end}", "a".repeat(length));
                let whole = lines(text.as_bytes());
                assert!(whole.iter().all(|(_, line)| line.len() <= LONGEST));
                assert_eq!(whole[1].0, 2);
                assert!(
                    whole == lines(Bytewise(text.as_bytes())),
                    "{length} {end:?}"
                );
            }
        }
    }
}
