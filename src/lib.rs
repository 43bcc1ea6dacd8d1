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
//! events                                 what happens
//! experiment · merge                     what was asked for, resolved and checked; several hosts' reports as one
//! analysis · doctor · worker             rates, verdicts, predictions; the machine; the child that is measured
//! protocol · swarm                       what parent and worker say to each other; a swarm's containers
//! docker · engine_process · live · probe a real engine; the synthetic one as a child; the terminal; a process
//! sys · wirings                          what the system is asked; the monitor's wirings by their names
//! ```
//!
//! Below them lie packages. Four are for others to use by themselves: `leakcheck-test` (the leak check, its
//! census, settle loop and growth rule), `goroutine-dump`, `synthetic-engine` with its workload, and
//! `leakcheck-report` (the documents, conditions on them, and what people read of them). Three are the program's
//! own, cut out so that they are compiled side by side, each as suits it: `log-monitor` (the system under test: it
//! follows containers' logs and rotates them), `docker-engine` (where an engine is, and what it answers), and
//! `leakcheck-text` (figures, durations, names).

// They panic where nobody reads any more: `sys::stderr::say` and `commands::output::print` do not.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod analysis;
mod audit;
pub mod cli;
mod commands;
mod consumers;
mod docker;
mod doctor;
mod engine_process;
mod events;
mod exercise;
mod experiment;
mod live;
mod merge;
mod probe;
mod protocol;
mod runner;
mod swarm;
mod sys;
mod watch;
mod wirings;
mod worker;

pub use sys::stderr;

/// What this package's own tests, benchmarks and fuzz targets reach. It is no interface: any version may change
/// it.
#[doc(hidden)]
pub mod internals {
    pub mod docker {
        pub use crate::docker::{
            attach, containers, endpoint, engine_load, image, labels, last_lines, removal, run_id,
            run_owner,
        };
    }
    pub mod engine_process {
        pub use crate::engine_process::{EngineProcess, Introduction, Listening};
    }
    pub mod experiment {
        pub use crate::experiment::scenario;
    }
    pub mod live {
        pub use crate::live::LiveView;
    }
    pub mod merge {
        pub use crate::merge::Merge;
    }
    pub mod probe {
        pub use crate::probe::{dump_source, prometheus_text};
    }
    pub mod protocol {
        pub use crate::protocol::{WorkerCommand, WorkerEvent, WorkerPlan};
    }
    pub mod sys {
        pub use crate::sys::socket_dirs;
    }
    pub mod wirings {
        pub use crate::wirings::{all, find};
    }
}
