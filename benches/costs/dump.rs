//! How fast a goroutine dump is read and grouped, against a pass that only counts its lines.

use std::hint::black_box;
use std::time::Instant;

use goroutine_dump::{Keep, read};

use super::goroutines::write_goroutines;
use super::{Row, median};

const BYTES: usize = 200_000_000;
/// Passes of each, in turn.
const PASSES: usize = 5;

pub fn measure() -> Vec<Row> {
    let mut dump = Vec::with_capacity(BYTES);
    write_goroutines(BYTES, &mut dump).expect("memory can be written");
    let speed = |pass: &dyn Fn()| {
        let started = Instant::now();
        pass();
        dump.len() as f64 / f64::from(1 << 20) / started.elapsed().as_secs_f64()
    };
    let (mut reading, mut counting) = (Vec::new(), Vec::new());
    for _ in 0..PASSES {
        reading.push(speed(&|| {
            let summary = read(&dump[..], Keep::Counts);
            black_box(summary.expect("memory can be read"));
        }));
        counting.push(speed(&|| {
            black_box(memchr::memchr_iter(b'\n', black_box(&dump)).count());
        }));
    }
    let (reading, counting) = (median(reading), median(counting));
    vec![Row::new(
        "a goroutine dump of 200 MB in memory: read and grouped, and its lines counted alone",
        format!("{reading:.0} and {counting:.0} MiB/s"),
        format!("{:.2}", reading / counting),
    )]
}
