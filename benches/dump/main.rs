//! How fast a goroutine dump is read and grouped, by `cargo bench --bench dump`.
//!
//! What is read is the dump of a real Go program that leaks (the incident's wiring, 650 connections),
//! again and again until it has 500 MB. Each time its goroutines have new numbers, so no two of the
//! whole are the same one.
//!
//! `LEAKCHECK_BENCH_MEGABYTES` asks for another size, and with `LEAKCHECK_BENCH_DUMP` the dump is
//! written to that file and nothing is measured, as `scripts/bench-dump` does.

#![allow(clippy::expect_used, reason = "a benchmark may panic like a test")]

mod goroutines;

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput};
use goroutine_dump::{Keep, read};
use goroutines::{unzipped, write_goroutines};
use leakcheck::internals::probe::dump_source::DumpSource;

/// What pprof served of the same goroutines under `debug=1`.
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
    let source = DumpSource::File(file.path().to_owned());
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
