//! leakcheck turns the story of a leaking log follower into an experiment.

// They panic where nobody reads any more: `sys::stderr::say` and `commands::output::print` do not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod analysis;
pub mod audit;
pub mod cli;
pub mod commands;
pub mod consumers;
pub mod docker;
pub mod doctor;
pub mod engine_process;
pub mod events;
pub mod exercise;
pub mod exit_code;
pub mod experiment;
pub mod gate;
pub mod live;
pub mod merge;
pub mod model;
pub mod monitor;
pub mod probe;
pub mod protocol;
pub mod readings;
pub mod render;
pub mod runner;
pub mod swarm;
pub mod sys;
pub mod text;
pub mod watch;
pub mod worker;
