//! The flags that describe synthetic containers.

use clap::Args;

use synthetic_engine::spec::MAX_LINES_PER_SECOND;
use synthetic_engine::workload::containers::{DEFAULT_LINES_PER_SECOND, Fleet};
use synthetic_engine::workload::fault_choice::FaultChoice;
use synthetic_engine::workload::faults;

/// Synthetic containers.
#[derive(Debug, Args)]
pub(super) struct FleetArgs {
    /// Containers to serve
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Containers")]
    pub(super) containers: u32,

    /// Lines per second that a container prints, on average
    #[arg(long, value_name = "X", default_value_t = DEFAULT_LINES_PER_SECOND, value_parser = parse_rate, help_heading = "Containers")]
    pub(super) lines_per_second: f64,

    /// Share of the containers that print nothing, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = parse_share, help_heading = "Containers")]
    pub(super) silent: f64,

    /// Share of the containers that have a terminal (raw logs), from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = parse_share, help_heading = "Containers")]
    tty: f64,

    /// Fault that the engine injects now and then into the streams of its containers, or of a share of
    /// them; repeatable
    #[arg(
        long = "fault",
        value_name = "NAME[=SHARE]",
        long_help = faults::help(),
        help_heading = "Containers"
    )]
    pub(super) faults: Vec<FaultChoice>,

    /// Seed of the containers' rates: the same seed gives the same lines, and faults
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        help_heading = "Containers"
    )]
    pub(super) seed: u64,
}

impl FleetArgs {
    /// The containers.
    pub(super) fn fleet(&self) -> Fleet {
        Fleet::generate(
            self.containers as usize,
            self.silent,
            self.lines_per_second,
            self.seed,
        )
        .with_terminals(self.tty)
        .with_faults(&self.faults, self.seed, None)
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    (text.parse().ok())
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "must be a number from 0 to 1, as in 0.5".into())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    // The fastest container of a fleet has 1.6 times the mean: see `Fleet::generate`.
    let fastest_mean = MAX_LINES_PER_SECOND / 1.6;
    (text.parse().ok()).filter(|rate| *rate > 0.0 && *rate <= fastest_mean).ok_or_else(|| {
        format!("must be a number above 0 and up to {fastest_mean}, as in 12.5; for silence use --silent 1")
    })
}
