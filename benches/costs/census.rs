//! What the census adds to a spawn, and what a reading of the live counts takes.

use std::time::{Duration, Instant};

use leakcheck_test::census::Census;
use leakcheck_test::fds;
use tokio::runtime::Builder;

use super::{Row, median};

/// Tasks that are spawned for one figure.
const SPAWNS: u32 = 200_000;
/// Figures of each, taken in turn.
const ROUNDS: usize = 11;
/// Readings that are timed together.
const READINGS: u32 = 2_000;
/// How often a worker reads the live counts.
const READ_EVERY: Duration = Duration::from_millis(50);

pub fn measure() -> Vec<Row> {
    let plain = runtime(|_| ());
    let census = Census::new();
    let counted = runtime(|runtime| census.observe(runtime));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(ns_per_spawn(&plain));
        with.push(ns_per_spawn(&counted));
    }
    let (without, with) = (median(without), median(with));
    let reading = counted.block_on(async { seconds_per_reading(&census) });
    let share = reading / READ_EVERY.as_secs_f64();
    vec![
        Row::new(
            "a task spawned and ended, with the census and without",
            format!("{with:.0} ns and {without:.0} ns"),
            format!("{:.2}", with / without),
        ),
        Row::new(
            "a reading of the live counts, 20 a second, of a core",
            format!("{:.1} µs", reading * 1e6),
            format!("{:.3} %", share * 100.0),
        ),
    ]
}

/// One thread: what several do at once differs from time to time.
fn runtime(prepare: impl Fn(&mut Builder)) -> tokio::runtime::Runtime {
    let mut builder = Builder::new_current_thread();
    prepare(&mut builder);
    builder.build().expect("a runtime")
}

fn ns_per_spawn(runtime: &tokio::runtime::Runtime) -> f64 {
    let started = Instant::now();
    runtime.block_on(async {
        for _ in 0..SPAWNS {
            tokio::spawn(async {}).await.expect("ends");
        }
    });
    started.elapsed().as_nanos() as f64 / f64::from(SPAWNS)
}

fn seconds_per_reading(census: &Census) -> f64 {
    let started = Instant::now();
    for _ in 0..READINGS {
        std::hint::black_box((census.live_tasks(), fds::open()));
    }
    started.elapsed().as_secs_f64() / f64::from(READINGS)
}
