//! Lines longer than the reader of dumps takes, out of inputs that are short.

/// The control character that stands for a long run: shift out.
const LONG_RUN: u8 = 0x0e;
/// Just short of the 64 KiB at which the reader of dumps cuts a line, so that what stands beside the
/// run decides on which side of the limit it lies.
const LENGTH: usize = 64 * 1024 - 8;
/// More runs than this show nothing more.
const MOST: usize = 2;

/// The bytes with the first [`LONG_RUN`]s of them replaced by long runs of a letter.
pub fn long_lines(bytes: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes.len());
    for (number, part) in bytes.split(|byte| *byte == LONG_RUN).enumerate() {
        if (1..=MOST).contains(&number) {
            lines.resize(lines.len() + LENGTH, b'a');
        }
        lines.extend_from_slice(part);
    }
    lines
}
