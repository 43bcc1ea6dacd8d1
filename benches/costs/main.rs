//! What leakcheck costs, by `cargo bench --bench costs`: a table of ratios, each of two figures that were
//! measured one beside the other in this run. `scripts/bench` writes it into the README.
//!
//! The program is the release build that cargo makes for benchmarks. `LEAKCHECK_BENCH_ONLY=census,lines`
//! measures some parts alone.

#![allow(clippy::expect_used, reason = "a benchmark may panic like a test")]

mod census;
mod dump;
#[path = "../dump/goroutines.rs"]
mod goroutines;
mod lines;
mod program;
mod streams;
mod times;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One line of the table.
struct Row {
    what: String,
    /// The figures that are compared.
    measured: String,
    /// Their ratio, or what else they come to.
    ratio: String,
}

impl Row {
    fn new(what: impl Into<String>, measured: impl Into<String>, ratio: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            ratio: ratio.into(),
        }
    }
}

/// A part of the benchmark: its name, and what measures it.
type Part = (&'static str, fn() -> Vec<Row>);

fn main() {
    let parts: [Part; 5] = [
        ("census", census::measure),
        ("times", times::measure),
        ("lines", lines::measure),
        ("streams", streams::measure),
        ("dump", dump::measure),
    ];
    let only = std::env::var("LEAKCHECK_BENCH_ONLY").ok();
    let wanted = |part: &str| match &only {
        Some(only) => only.split(',').any(|one| one == part),
        None => true,
    };
    println!("| what | measured | ratio |");
    println!("|---|---|---|");
    for (name, measure) in parts {
        if !wanted(name) {
            continue;
        }
        eprintln!("measuring {name}");
        for row in measure() {
            println!("| {} | {} | {} |", row.what, row.measured, row.ratio);
        }
    }
}

/// The middle one of some figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
