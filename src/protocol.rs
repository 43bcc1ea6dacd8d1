//! What a worker process and its parent say to each other: JSON, one message a line.
//!
//! The parent writes a [`WorkerPlan`] and then [`WorkerCommand`]s to the worker's standard input; the
//! worker writes [`WorkerEvent`]s to its standard output. The end of the input means that the parent is
//! gone, and the worker goes too.

use std::collections::BTreeMap;
use std::time::Duration;

use leakcheck_report::model::report::{Counts, Runtime, Sample, StreamErrors};
use leakcheck_test::fds::FdKinds;
use log_monitor::log_position::LastLine;
use log_monitor::{Delivered, DeliveryTotals, EngineAddress, HungAt, MonitorPlan, Replacements};
use serde::{Deserialize, Serialize};
use synthetic_engine::spec::EngineSpec;

/// What a worker does from its start to its end. How many rotations it makes, its parent says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerPlan {
    /// The monitor to run.
    pub monitor: MonitorPlan,
    /// The engine that serves the containers.
    pub engine: WorkerEngine,
    /// The rotation interval in wall time.
    pub rotation: Duration,
    /// Where to serve tokio-console, on the loopback interface.
    pub console_port: Option<u16>,
}

/// The engine of a worker's containers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerEngine {
    /// It listens somewhere, and time passes by itself.
    At(EngineAddress),
    /// The worker serves it to itself in memory, in paused time: the virtual clock.
    InMemory(EngineSpec),
}

/// What the parent says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum WorkerCommand {
    /// Begin the next rotation when it is due. A worker waits for this after each sample.
    Rotate,
    /// Begin no further rotation.
    Stop,
    /// The same, and wait for nothing long: somebody wants it to end. Nobody is asked for what was on its way.
    Interrupt,
    /// The present rotation counts for nothing: its containers went away in it, so that nobody is asked
    /// for it.
    Disregard,
    /// Begin the next rotation only once told to resume.
    Hold,
    /// Go on with the rotations.
    Resume,
    /// A scheduler has put another container in the place of one: follow that from now on.
    Replace {
        /// Which one, in the order of the plan's containers.
        container: usize,
        /// How the engine knows the other.
        reference: String,
        /// The first rotation in which the one was away.
        away_from: u64,
    },
    /// The last line that each container is known to have printed: deliver them and finish.
    Finish {
        /// In the order of the plan's containers; null for one that printed nothing, or for all where the
        /// engine did not tell.
        last_lines: Option<Vec<Option<LastLine>>>,
    },
}

/// What a worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum WorkerEvent {
    /// A glance at the live counts, for the progress display; not settled.
    Progress(LiveCounts),
    /// A settled reading.
    Sample {
        /// The reading.
        sample: Box<Sample>,
        /// Its live tasks by the place that spawned them.
        sites: Vec<(TaskSite, u64)>,
        /// Whether the process may open no more files: a further rotation would say nothing.
        fds_exhausted: bool,
    },
    /// The parent said stop, and those that were late have had their time; the worker waits for the last
    /// lines.
    RotationsDone,
    /// The last thing that a worker says.
    Finished(Box<WorkerResult>),
    /// The worker could not begin.
    Failed {
        /// Why, and what to do about it.
        message: String,
    },
}

/// A place that spawned tasks of a worker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskSite {
    /// What its tasks are called.
    pub label: String,
    /// Where it stands.
    pub location: String,
    /// The package that holds it.
    pub package: String,
}

/// Live counts in passing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveCounts {
    /// Containers followed so far.
    pub followed: u64,
    /// The rotation that is under way.
    pub rotation: u64,
    /// Live tasks.
    pub tasks: u64,
    /// Open file descriptors.
    pub fds: Option<u64>,
    /// Containers that have not made the rotation before the one that is under way.
    pub behind: u64,
    /// Lines delivered.
    pub lines_read: u64,
}

/// What a worker found, beside its samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerResult {
    /// Rotations that were made due.
    pub rotations_due: u64,
    /// Rotations that the container made which made the fewest.
    pub rotations_made: u64,
    /// Rotations due and not made, over all containers.
    pub rotations_missed: u64,
    /// Where the containers stand that made fewer rotations than were due.
    pub hung: Vec<HungAt>,
    /// Containers that ended and did not start again.
    pub containers_ended: u64,
    /// Containers for which the wiring had no room.
    pub containers_without_room: u64,
    /// Containers that were replaced.
    pub replacements: Replacements,
    /// Where the readers of forgotten streams stand after the last rotation, and how many do.
    pub forgotten_readers: BTreeMap<String, u64>,
    /// What was delivered once; null where only a look at the engine's log can tell.
    pub delivery: Option<DeliveryTotals>,
    /// All lines, by container in the plan's order; told where they carry no numbers of ours, for
    /// the parent to compare with the engine's log.
    pub delivered: Vec<Delivered>,
    /// File descriptors by kind at the baseline.
    pub fds_baseline: Option<FdKinds>,
    /// File descriptors by kind after the last rotation.
    pub fds_final: Option<FdKinds>,
    /// Counts after the monitor was cancelled.
    pub after_shutdown: Option<Counts>,
    /// Streams that failed.
    pub stream_errors: StreamErrors,
    /// What the runtime did.
    pub runtime: Runtime,
}
