//! Opening and rotating from 1,000 to 19,000 streams: time, its growth, and memory on each side.

use super::program::{figure, report_of, samples};
use super::{Row, median};

/// As many as fit a process with 20,000 file descriptors.
const FLEETS: [u32; 4] = [1_000, 5_000, 10_000, 19_000];

const ROTATIONS: u32 = 5;

/// What a fleet took.
struct Fleet {
    streams: f64,
    opened_s: f64,
    rotated_s: f64,
    /// kB per stream at the baseline and at the end: in the worker, and in the engine.
    worker_kb: [f64; 2],
    engine_kb: [f64; 2],
}

pub fn measure() -> Vec<Row> {
    let fleets = FLEETS.map(fleet);
    let exponent = |time: fn(&Fleet) -> f64| {
        let points = fleets
            .iter()
            .map(|fleet| (fleet.streams.ln(), time(fleet).ln()));
        slope(&points.collect::<Vec<_>>())
    };
    let mut rows = vec![Row::new(
        "growth of the time to open, and to rotate, 1,000 to 19,000 streams",
        "n to the power of",
        format!(
            "{:.2} and {:.2}",
            exponent(|fleet| fleet.opened_s),
            exponent(|fleet| fleet.rotated_s)
        ),
    )];
    let per_stream = |fleet: &Fleet| fleet.rotated_s / fleet.streams;
    for fleet in &fleets {
        rows.push(Row::new(
            format!("{} streams: opened, and one rotation of all", fleet.streams),
            format!("{:.2} s and {:.2} s", fleet.opened_s, fleet.rotated_s),
            format!(
                "{:.2} times as long per stream as with {}",
                per_stream(fleet) / per_stream(&fleets[0]),
                fleets[0].streams
            ),
        ));
    }
    // In a small fleet the processes' own memory counts for more.
    for fleet in &fleets[2..] {
        let row = |what: &str, [baseline, end]: [f64; 2]| {
            Row::new(
                format!(
                    "memory of {what} per stream of {}: at the baseline, and after {ROTATIONS} \
                     rotations",
                    fleet.streams
                ),
                format!("{baseline:.0} and {end:.0} kB"),
                format!("{:.2}", end / baseline),
            )
        };
        rows.push(row("the worker", fleet.worker_kb));
        rows.push(row("the engine", fleet.engine_kb));
    }
    rows
}

fn fleet(containers: u32) -> Fleet {
    let containers_flag = format!("--containers={containers}");
    let report = report_of(&[
        &containers_flag,
        "--wiring=fixed",
        "--shards=1",
        "--rotation=5m",
        &format!("--rotations={ROTATIONS}"),
        "--lines-per-second=2",
    ]);
    let wiring = &report["wirings"][0];
    assert_eq!(wiring["verdict"], "clean", "{}", wiring["reason"]);
    let samples = samples(&report);
    let (first, rotations) = samples.split_first().expect("a baseline");
    let last = rotations.last().expect("a rotation");
    let seconds = |sample| figure(sample, "/settle_ms") / 1000.0;
    let streams = f64::from(containers);
    let kb = |pointer| [first, last].map(|sample| figure(sample, pointer) / 1000.0 / streams);
    Fleet {
        streams,
        opened_s: seconds(first),
        rotated_s: median(rotations.iter().map(seconds).collect()),
        worker_kb: kb("/rss_bytes"),
        engine_kb: kb("/engine/rss_bytes"),
    }
}

/// The slope of the line through some points: least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let together: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    together
        / points
            .iter()
            .map(|point| (point.0 - x).powi(2))
            .sum::<f64>()
}
