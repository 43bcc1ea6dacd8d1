//! One file per subcommand.

pub mod audit;
pub mod clean;
pub mod completions;
pub mod doctor;
mod document_format;
pub mod dump;
pub mod engine;
mod engine_choice;
pub mod exercise;
mod fleet_args;
pub mod gate;
mod gating;
pub mod merge;
pub mod output;
pub mod predict;
mod process_sources;
pub mod report;
mod report_output;
pub mod run;
mod runtime;
pub mod scenarios;
pub mod schema;
pub mod watch;
mod watch_target;
pub mod wirings;
pub mod worker;
