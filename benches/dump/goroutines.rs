//! Goroutine dumps of any size, made of a real Go program's.

use std::io::{self, Read, Write};

use flate2::read::GzDecoder;

/// What pprof served under `debug=2` of the incident's wiring with 650 connections.
const TEXT: &[u8] = include_bytes!("leaking-follower.debug2.txt.gz");

/// Writes whole goroutines, about so many bytes of them.
pub fn write_goroutines(size: usize, to: &mut impl Write) -> io::Result<()> {
    let text = unzipped(TEXT);
    let goroutines: Vec<(u64, &str)> = text.trim_end().split("\n\n").map(numbered).collect();
    // Each repetition's numbers begin behind those of the one before.
    let step = 1 + goroutines.iter().map(|(id, _)| id).max().expect("some");
    let mut written = 0;
    for first in (0..).step_by(step as usize) {
        for (id, rest) in &goroutines {
            if written >= size {
                return Ok(());
            }
            let goroutine = format!("goroutine {} {rest}\n\n", first + id);
            to.write_all(goroutine.as_bytes())?;
            written += goroutine.len();
        }
    }
    Ok(())
}

/// The number of a goroutine, and all that follows it.
fn numbered(goroutine: &str) -> (u64, &str) {
    let numbered = goroutine.strip_prefix("goroutine ");
    let (id, rest) = numbered.and_then(|text| text.split_once(' ')).expect("one");
    (id.parse().expect("a number"), rest)
}

pub fn unzipped(gzipped: &[u8]) -> String {
    let mut text = String::new();
    let read = GzDecoder::new(gzipped).read_to_string(&mut text);
    read.expect("the dump is whole");
    text
}
