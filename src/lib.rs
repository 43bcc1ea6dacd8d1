//! leakcheck turns the story of a leaking log follower into an experiment.
//!
//! Data flows one way through these modules:
//!
//! ```text
//! plan ─► runner ─► per wiring and shard: engine process ◄─socket─► worker process (monitor + census)
//!                                                                     │ JSON lines: samples, events
//! exercise: engine ◄─socket─► somebody's own follower ─► the same readings, beside what the engine knows
//! watch: /proc · pprof · console · metrics ─► readings ─►  analysis (rates, trends, verdict, prediction)
//! dump:  goroutine dumps ─► groups, growth                    │
//!                                                          report ─► gates ─► table · json · csv · markdown · CI's formats
//! ```
//!
//! Inside your own tests, [`assert_no_leak`] is what goleak is in Go: see [`no_leak`].

// They panic where nobody reads any more: `standard_error::say` and `commands::output::print` do not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod analysis;
pub mod audit;
pub mod chart;
pub mod cli;
pub mod commands;
pub mod conditions;
pub mod docker;
pub mod doctor;
pub mod dump;
pub mod duration;
pub mod engine;
pub mod exercise;
pub mod exit_code;
pub mod fleet;
pub mod gate;
pub mod hold;
pub mod http_get;
pub mod interrupt;
mod last_words;
pub mod live;
pub mod merge;
pub mod monitor;
pub mod nearest;
pub mod no_leak;
mod own_console;
mod plain_text;
pub mod plan;
pub mod probe;
pub mod progress;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod stale_sockets;
pub mod standard_error;
pub mod swarm;
pub mod timestamps;
pub mod watch;
pub mod worker;

pub use no_leak::assert_no_leak;
