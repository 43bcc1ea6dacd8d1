//! Log lines as bytes: Docker's multiplexed frames, or raw for a container with a terminal.

use crate::timestamps;
use crate::workload::containers;

/// The first byte of a frame that carries stdout.
const STDOUT: u8 = 1;
/// Stream type, three zero bytes, big-endian length.
const HEADER_BYTES: usize = 8;

/// How a client wants its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFormat {
    /// Whether each line starts with its timestamp.
    pub timestamps: bool,
    /// Whether the container has a terminal: no frames, and lines end in CR LF.
    pub tty: bool,
}

impl LineFormat {
    /// Appends line `sequence` of `container`, due at `due_ns`.
    pub fn write_line(self, out: &mut Vec<u8>, container: &str, sequence: u64, due_ns: i64) {
        let frame = out.len();
        if !self.tty {
            out.extend_from_slice(&[STDOUT, 0, 0, 0, 0, 0, 0, 0]);
        }
        if self.timestamps {
            timestamps::write_fixed(out, due_ns);
            out.push(b' ');
        }
        containers::write_line_text(out, container, sequence);
        if self.tty {
            out.extend_from_slice(b"\r\n");
            return;
        }
        out.push(b'\n');
        // A line is as long as a name and two numbers: far from 4 GiB.
        let length = (out.len() - frame - HEADER_BYTES) as u32;
        out[frame + 4..frame + HEADER_BYTES].copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(timestamps: bool, tty: bool) -> Vec<u8> {
        let mut out = b"before".to_vec();
        LineFormat { timestamps, tty }.write_line(&mut out, "web-00", 7, 1_800_000_000_000_000_000);
        out.split_off("before".len())
    }

    #[test]
    fn a_line_is_one_frame_of_stdout() {
        assert_eq!(
            written(false, false),
            b"\x01\0\0\0\0\0\0\x18leakcheck web-00 line 7\n"
        );
    }

    #[test]
    fn a_terminals_line_is_raw_and_ends_in_cr_lf() {
        assert_eq!(written(false, true), b"leakcheck web-00 line 7\r\n");
    }

    #[test]
    fn the_frame_counts_the_timestamp_in() {
        let line = written(true, false);
        assert_eq!(usize::from(line[7]), line.len() - HEADER_BYTES);
        assert_eq!(&line[8..39], b"2027-01-15T08:00:00.000000000Z ");
    }
}
