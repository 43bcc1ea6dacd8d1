//! Keys, read from the terminal byte by byte.
//!
//! crossterm's own reader does not come back from a terminal that is gone: it reads for ever.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyPress {
    /// A letter or a sign.
    Char(char),
    /// The arrow keys, and those that go by pages.
    Up,
    Down,
    PageUp,
    PageDown,
    Escape,
    /// Ctrl-C, which a terminal in raw mode makes no signal of.
    Interrupt,
    /// Ctrl-L.
    Redraw,
}

/// The terminal's keyboard.
#[derive(Debug)]
pub(super) struct Keyboard(File);

impl Keyboard {
    /// The terminal that standard input is, or the process's own.
    pub(super) fn open() -> io::Result<Self> {
        let stdin = io::stdin();
        match stdin.is_terminal() {
            true => Ok(Self(stdin.as_fd().try_clone_to_owned()?.into())),
            false => File::open("/dev/tty").map(Self),
        }
    }

    /// Waits for keys, but not for longer than so; there may be none.
    ///
    /// # Errors
    /// Where the terminal is gone.
    pub(super) fn keys(&mut self, patience: Duration) -> io::Result<Vec<KeyPress>> {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
        match poll(&mut polled, patience) {
            Ok(0) | Err(Errno::EINTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut bytes = [0; 256];
        match self.0.read(&mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => Ok(parse(&bytes[..count])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// The keys that a terminal sends such bytes for; what means nothing is left out.
fn parse(mut bytes: &[u8]) -> Vec<KeyPress> {
    let mut keys = Vec::new();
    while let [byte, rest @ ..] = bytes {
        bytes = rest;
        match byte {
            0x03 => keys.push(KeyPress::Interrupt),
            0x0c => keys.push(KeyPress::Redraw),
            0x1b => {
                let (key, after) = escape(rest);
                keys.extend(key);
                bytes = after;
            }
            0x20..=0x7e => keys.push(KeyPress::Char(char::from(*byte))),
            _ => {}
        }
    }
    keys
}

/// What an escape and such bytes after it mean, and the bytes that do not belong to it.
fn escape(bytes: &[u8]) -> (Option<KeyPress>, &[u8]) {
    let [b'[' | b'O', rest @ ..] = bytes else {
        return (Some(KeyPress::Escape), bytes);
    };
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return (None, &[]);
    };
    let key = match &rest[..=end] {
        b"A" => Some(KeyPress::Up),
        b"B" => Some(KeyPress::Down),
        b"5~" => Some(KeyPress::PageUp),
        b"6~" => Some(KeyPress::PageDown),
        _ => None,
    };
    (key, &rest[end + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_read_in_both_modes_of_a_terminal_and_other_sequences_passed_over() {
        assert_eq!(parse(b"\x1b[A\x1bOB"), [KeyPress::Up, KeyPress::Down]);
        assert_eq!(
            parse(b"\x1b[5~\x1b[6~"),
            [KeyPress::PageUp, KeyPress::PageDown]
        );
        assert_eq!(parse(b"\x1b[1;5Cq\x1b[15~"), [KeyPress::Char('q')]);
        assert_eq!(parse(b"\x1b"), [KeyPress::Escape]);
        assert_eq!(parse(b"\x1b[1;"), []);
    }

    #[test]
    fn ctrl_c_is_a_key_and_ctrl_z_is_none() {
        assert_eq!(
            parse(b"\x03p\x1a"),
            [KeyPress::Interrupt, KeyPress::Char('p')]
        );
        assert_eq!(parse("ü\u{0}".as_bytes()), []);
    }
}
