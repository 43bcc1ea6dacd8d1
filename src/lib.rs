//! leakcheck turns the story of a leaking log follower into an experiment.
//!
//! Data flows one way. The modules lie in layers, and each imports only what lies below it; a test holds the
//! sources to this picture, the highest layer first:
//!
//! ```text
//! cli                                    what can be typed, and what runs it
//! commands                               one file per subcommand
//! audit · live                           claims put to the test; what is seen while a run goes on
//! render · runner                        what people read of a document; engines and workers, started and removed
//! experiment · merge                     what was asked for, resolved and checked; several hosts' reports as one
//! analysis · doctor · worker             rates, verdicts, predictions; the machine; the child that is measured
//! exercise · protocol · swarm            somebody's own follower; what parent and worker say; a swarm's containers
//! monitor · watch                        the system under test; a process that runs already
//! docker · engine_process · probe        a real engine; the synthetic one as a child; what can be read of a process
//! gate · sys                             conditions that a report must meet; what is asked of the system
//! exit_code · model                      errors; every document
//! text                                   figures, durations, names
//! ```
//!
//! Below them lie three packages that others can use by themselves: `leakcheck-test` (the leak check, its
//! census, settle loop and growth rule), `goroutine-dump`, and `synthetic-engine` with its workload.

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
