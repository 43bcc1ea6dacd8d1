//! The text of `debug=1`: pprof's goroutine profile, a paragraph per stack with its count.

use super::document::{Frame, ReadError};
use super::goroutines::file_and_line;

/// A stack and how many goroutines are there.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Counted {
    pub(super) count: u64,
    pub(super) stack: Vec<Frame>,
}

/// Reads a profile line by line and hands over each stack as it is complete.
#[derive(Default)]
pub(super) struct Profile {
    current: Option<Counted>,
    errors: Vec<ReadError>,
}

/// How a profile begins.
pub(super) const HEAD: &str = "goroutine profile: total ";

impl Profile {
    /// Takes a line; returns the stack that it completes.
    pub(super) fn take(&mut self, line: &str, number: u64) -> Option<Counted> {
        if let Some(count) = count(line) {
            let complete = self.current.take();
            self.current = Some(Counted {
                count,
                stack: Vec::new(),
            });
            return complete;
        }
        if line.trim().is_empty() {
            return self.current.take();
        }
        // What stands before the first count is no part of the profile.
        let current = self.current.as_mut()?;
        match line.strip_prefix("#\t") {
            Some(call) => match frame(call) {
                Some(frame) => current.stack.push(frame),
                None => self.errors.push(ReadError {
                    line: number,
                    message: "a call without an address, a function and a place".into(),
                }),
            },
            // Labels, as in `# labels: {"a":"b"}`, are no part of the stack.
            None if line.starts_with('#') => {}
            None => self.errors.push(ReadError {
                line: number,
                message: "neither a count nor a call".into(),
            }),
        }
        None
    }

    /// Takes the end of the profile.
    pub(super) fn end(&mut self) -> Option<Counted> {
        self.current.take()
    }

    /// What could not be read.
    pub(super) fn into_errors(self) -> Vec<ReadError> {
        self.errors
    }
}

/// `650 @ 0x43be56 0x44bc1c` as its count.
fn count(line: &str) -> Option<u64> {
    let (count, addresses) = line.split_once(" @")?;
    let are_addresses = addresses.is_empty() || addresses.starts_with(" 0x");
    are_addresses.then(|| count.parse().ok()).flatten()
}

/// `0x6ed004\tnet/http.(*persistConn).readLoop+0xd84\t/usr/lib/go/x.go:2213` as its call.
fn frame(call: &str) -> Option<Frame> {
    let mut parts = call.split('\t').filter(|part| !part.is_empty());
    let (_address, func, place) = (parts.next()?, parts.next()?, parts.next()?);
    let func = func.rsplit_once("+0x").map_or(func, |(func, _)| func);
    let (file, line) = file_and_line(place)?;
    Some(Frame {
        func: func.into(),
        file: Some(file.into()),
        line: Some(line),
    })
}
