//! The one type of event.

use leakcheck_report::model::audit::{Audit, Claim};
use leakcheck_report::model::report::{Config, GateResult, Report};
use leakcheck_report::readings::Recording;

use super::so_far::SoFar;
use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::experiment::plan::Plan;
use crate::protocol::LiveCounts;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A run's image is being pulled.
    Pulling {
        /// The image.
        image: &'a str,
        /// How far it is.
        progress: &'a PullProgress,
    },
    /// A run's containers are being created.
    Creating {
        /// Those that run.
        running: u64,
        /// All of them.
        containers: u64,
    },
    /// A run waits for its agents.
    AwaitingAgents {
        /// Those that have reported.
        reported: u64,
        /// All of them: one on each node.
        nodes: u64,
    },
    /// The workers of a run start.
    RunStarts(&'a Plan),
    /// A worker has told its live counts in passing.
    Glanced {
        /// Which of the run's wirings it is of.
        wiring: usize,
        /// The counts.
        glance: LiveCounts,
        /// What was observed of the wiring, with its baseline once that is taken.
        observation: &'a Observation,
    },
    /// A run has taken a sample, or a wiring is done.
    Sampled(&'a SoFar<'a>),
    /// A process is watched, or a follower exercised.
    WatchStarts {
        /// Its name in the report.
        name: &'a str,
        /// How it is watched.
        config: &'a Config,
    },
    /// A watch or an exercise waits for something.
    Waiting(&'a str),
    /// A watch or an exercise has made a reading.
    Read(&'a Recording),
    /// An audit has begun to try the claim of a scenario.
    ScenarioStarts(&'a str),
    /// An audit has weighed a claim.
    ClaimWeighed {
        /// The claim.
        claim: &'a Claim,
        /// All claims that have been weighed, in their order.
        so_far: &'a Audit,
    },
    /// There is something to be said: a warning, or what somebody wants to know meanwhile.
    Said(&'a str),
    /// Nothing more is measured.
    Over,
    /// Gates were judged, and the report is written.
    Judged(&'a [GateResult]),
    /// The report is whole, with its gates.
    Reported(&'a Report),
}
