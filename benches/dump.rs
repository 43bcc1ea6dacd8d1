//! How fast a goroutine dump is read and grouped, by `cargo bench --bench dump`.
//!
//! What is read is the dump of a real Go program that leaks (the incident's wiring, 650 connections),
//! again and again until it has 500 MB. Each time its goroutines have new numbers, so no two of the
//! whole are the same one.
//!
//! `LEAKCHECK_BENCH_MEGABYTES` asks for another size, and with `LEAKCHECK_BENCH_DUMP` the dump is
//! written to that file and nothing is measured, as `scripts/bench-dump` does.

#![allow(clippy::expect_used, reason = "a benchmark may panic like a test")]

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use flate2::read::GzDecoder;
use leakcheck::dump::{Keep, Source, read};

/// What pprof served under `debug=2`.
const TEXT: &[u8] = include_bytes!("leaking-follower.debug2.txt.gz");
/// What it served of the same goroutines under `debug=1`.
const PROFILE: &[u8] = include_bytes!("leaking-follower.debug1.txt.gz");

fn main() {
    let megabytes = env::var("LEAKCHECK_BENCH_MEGABYTES").map_or(500, |megabytes| {
        megabytes.parse().expect("a number of megabytes")
    });
    let size = megabytes * 1_000_000;
    match env::var_os("LEAKCHECK_BENCH_DUMP") {
        Some(path) => {
            let mut file = BufWriter::new(File::create(path).expect("a file that can be written"));
            write_goroutines(size, &mut file).expect("the file has room");
            file.flush().expect("the file has room");
        }
        None => measure(size),
    }
}

fn measure(size: usize) {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(6))
        .configure_from_args();
    let mut group = criterion.benchmark_group("dump");
    group.sampling_mode(SamplingMode::Flat);

    let mut dump = Vec::with_capacity(size);
    write_goroutines(size, &mut dump).expect("memory can be written");
    group.throughput(Throughput::Bytes(dump.len() as u64));
    group.bench_function("counts, from memory", |bencher| {
        bencher.iter(|| read(&dump[..], Keep::Counts).expect("memory can be read"));
    });
    group.bench_function("numbers as watch keeps them, from memory", |bencher| {
        bencher.iter(|| read(&dump[..], Keep::Ids).expect("memory can be read"));
    });

    // What was just written is in the page cache.
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&dump).expect("room for a temporary file");
    let source = Source::File(file.path().to_owned());
    group.bench_function("counts, from a file", |bencher| {
        bencher.iter(|| source.read(&[], Keep::Counts).expect("the file is there"));
    });

    dump.clear();
    write_profile(size, &mut dump).expect("memory can be written");
    group.throughput(Throughput::Bytes(dump.len() as u64));
    group.bench_function("debug=1, from memory", |bencher| {
        bencher.iter(|| read(&dump[..], Keep::Counts).expect("memory can be read"));
    });
    group.finish();
    criterion.final_summary();
}

/// Writes whole goroutines, about so many bytes of them.
fn write_goroutines(size: usize, to: &mut impl Write) -> io::Result<()> {
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

/// Writes the profile's head, and then its stacks until there are about so many bytes.
fn write_profile(size: usize, to: &mut impl Write) -> io::Result<()> {
    let text = unzipped(PROFILE);
    let (head, stacks) = text.split_once('\n').expect("more than a head");
    writeln!(to, "{head}")?;
    for _ in 0..size / stacks.len() {
        writeln!(to, "{}\n", stacks.trim_end())?;
    }
    Ok(())
}

fn unzipped(gzipped: &[u8]) -> String {
    let mut text = String::new();
    let read = GzDecoder::new(gzipped).read_to_string(&mut text);
    read.expect("the dump is whole");
    text
}
