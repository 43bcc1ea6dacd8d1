//! leakcheck turns the story of a leaking log follower into an experiment.
//!
//! Data flows one way. The modules lie in layers, and each imports only what lies below it; a test holds the
//! sources to this picture, the highest layer first:
//!
//! ```text
//! cli                                    what can be typed, and what runs it
//! commands                               one file per subcommand
//! consumers                              who hears of events: progress, full screen, exports, annotations
//! audit · exercise                       claims put to the test; somebody's own follower, run and watched
//! runner · watch                         engines and workers, started and removed; a process that runs already
//! events · render                        what happens; what people read of a document
//! experiment · merge                     what was asked for, resolved and checked; several hosts' reports as one
//! analysis · doctor · worker             rates, verdicts, predictions; the machine; the child that is measured
//! protocol · swarm                       what parent and worker say to each other; a swarm's containers
//! monitor                                the system under test: it follows containers' logs and rotates them
//! docker · engine_process · live · probe a real engine; the synthetic one as a child; the terminal; a process
//! gate · readings · sys                  conditions that a report must meet; readings; what the system is asked
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
