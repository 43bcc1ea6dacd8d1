//! What a worker's monitor has around it: a process with sockets to an engine, or paused time with an
//! engine in memory. The experiment is the same in both.

use leakcheck_report::model::process_gauges::ProcessGauges;
use leakcheck_report::model::report::EngineCounts;
use leakcheck_test::fds;
use leakcheck_test::fds::FdKinds;
use log_monitor::log_position::{LastLine, LogsOf};
use log_monitor::{MonitorPlan, Reach};

use super::in_memory::InMemoryEngine;
use crate::docker::last_lines::{self, ASKED_AT_A_TIME};
use crate::probe::process;
use crate::protocol::WorkerEngine;

/// What is around a monitor.
pub(super) enum Surroundings {
    /// A process, and an engine somewhere else.
    Process(Reach),
    /// An engine in memory.
    Memory(InMemoryEngine),
}

impl Surroundings {
    /// The surroundings that a plan asks for; must be called within the worker's runtime.
    ///
    /// # Errors
    /// Fails where the engine's address is none.
    pub(super) fn new(engine: &WorkerEngine) -> std::io::Result<Self> {
        Ok(match engine {
            WorkerEngine::At(address) => Self::Process(address.reach()?),
            WorkerEngine::InMemory(spec) => Self::Memory(InMemoryEngine::start(spec)),
        })
    }

    /// How the monitor reaches the engine.
    pub(super) fn reach(&self) -> Reach {
        match self {
            Self::Process(reach) => reach.clone(),
            Self::Memory(engine) => engine.reach(),
        }
    }

    /// Whether time passes by itself.
    pub(super) fn has_wall_time(&self) -> bool {
        matches!(self, Self::Process(_))
    }

    /// Open file descriptors; in memory, open connections stand for them.
    pub(super) fn fds(&self) -> Option<u64> {
        match self {
            Self::Process(_) => fds::open(),
            Self::Memory(engine) => Some(engine.connections()),
        }
    }

    /// The same by kind; `None` where they cannot be listed.
    pub(super) fn fd_kinds(&self) -> Option<FdKinds> {
        match self {
            Self::Process(_) => fds::kinds().ok(),
            Self::Memory(engine) => Some(FdKinds::from([(
                "connection in memory".into(),
                engine.connections(),
            )])),
        }
    }

    /// What the kernel tells of the process. It would be another each time, and under the virtual clock
    /// nothing is.
    pub(super) fn gauges(&self) -> ProcessGauges {
        match self {
            Self::Process(_) => process::read(),
            Self::Memory(_) => ProcessGauges::default(),
        }
    }

    /// The last line of each container by now, where nobody else can ask the engine.
    pub(super) async fn last_lines(&self, monitor: &MonitorPlan) -> Option<Vec<Option<LastLine>>> {
        let Self::Memory(engine) = self else {
            return None;
        };
        let containers = monitor.containers.iter();
        let containers: Vec<String> = containers.map(|one| one.reference.clone()).collect();
        // An engine in memory always answers.
        let docker = engine.reach().docker().ok()?;
        last_lines::read(&docker, LogsOf::Containers, &containers, ASKED_AT_A_TIME)
            .await
            .ok()
    }

    /// What the engine counts of itself, where nobody else can ask it.
    pub(super) fn engine_counts(&self) -> Option<EngineCounts> {
        match self {
            Self::Process(_) => None,
            Self::Memory(engine) => Some(engine.counts()),
        }
    }
}
