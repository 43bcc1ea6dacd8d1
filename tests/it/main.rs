//! What leakcheck does, tried on the real program: a module for each capability, in one binary, so that
//! tests that wait for a process overlap.
//!
//! Tests run side by side in one process. None may change its environment or its working directory, and
//! none counts what the process itself has open: the tests of leakcheck-test do, in processes of their own.

#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod audit;
mod bad_input;
mod baseline;
mod ci_formats;
mod common;
#[cfg(feature = "console")]
mod console;
mod docker;
mod docker_endpoint;
#[cfg(target_os = "linux")]
mod docker_ssh;
mod docker_tls;
mod dump;
mod engine;
mod engine_docker_cli;
#[cfg(target_os = "linux")]
mod engine_faults;
mod engine_process;
mod exercise;
mod fuzz_corpus;
mod gate;
mod help;
#[cfg(target_os = "linux")]
mod interruption;
#[cfg(target_os = "linux")]
mod live;
mod merge;
mod module_graph;
mod mutated_inputs;
mod predict;
mod recipes;
mod report;
mod run;
mod run_docker;
#[cfg(target_os = "linux")]
mod shards;
mod swarm;
mod tables;
#[cfg(target_os = "linux")]
mod tool_faults;
// The engine's tasks are told from the monitor's by their spawn sites.
#[cfg(tokio_unstable)]
mod virtual_clock;
mod watch;
mod watch_sources;
mod watch_verdicts;
mod wirings;
