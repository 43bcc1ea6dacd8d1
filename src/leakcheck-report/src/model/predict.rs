//! The document of `leakcheck predict`: what is expected, with nothing measured.
//!
//! Field names are a contract, as in [`super::report`]. Counts are integers, durations end in `_ms`,
//! rates and expected totals are floats, and what is unknown is null, never 0. A misfit is a
//! fraction: 0.05 is 5 %.

use serde::{Deserialize, Serialize};

/// The document's type and version.
pub const SCHEMA: &str = "leakcheck.predict/v1";

/// What a closed form expects of a monitor, without running it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Prediction {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of leakcheck that predicted.
    pub version: String,
    /// Always false: no figure of this document was measured by this program.
    pub measured: bool,
    /// What was asked.
    pub config: PredictionConfig,
    /// Stream rotations that come due.
    pub streams: Streams,
    /// What each wiring is expected to leave.
    pub wirings: Vec<WiringPrediction>,
    /// Which mechanisms fit the observed growth; null where none was given.
    pub observed: Option<Fit>,
    /// The post-mortem's arithmetic, redone; null where the figures asked about are not its own.
    pub post_mortem: Option<Vec<ArithmeticLine>>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PredictionConfig {
    /// Containers followed.
    pub containers: u64,
    /// Of these, containers that print nothing.
    pub silent: u64,
    /// Rotation interval.
    pub rotation_ms: u64,
    /// How far ahead the prediction looks, from the moment at which every stream is open.
    pub duration_ms: u64,
    /// Interval of the health checks, in wirings that have one.
    pub health_check_ms: u64,
}

/// Stream rotations that come due.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Streams {
    /// Whole rotations per container within the duration.
    pub rotations_per_container: u64,
    /// The duration over the rotation interval, fraction included. No stream rotates a fraction of
    /// a time: this is the mean over many windows of that duration.
    pub rotations_per_container_fractional: f64,
    /// Whole rotations of all containers.
    pub rotations_due: u64,
    /// The fractional rotations of all containers.
    pub rotations_due_fractional: f64,
}

/// What one wiring is expected to leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WiringPrediction {
    /// Its name.
    pub name: String,
    /// What drives its leak; null where it leaves nothing, or nothing is known.
    pub driver: Option<Driver>,
    /// Containers that are expected to stop rotating; null where the form has no answer.
    pub containers_hung: Option<u64>,
    /// What the closed form expects in Rust; null where containers stop rotating.
    pub rust: Growth,
    /// What the same wiring left in Go per rotation of a container, measured once elsewhere with
    /// half of the containers silent, scaled to these containers and this duration; null where
    /// there is no such figure.
    pub go_reference: Option<Growth>,
}

/// The clock that a leak follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Driver {
    /// Each rotation of a stream leaves something.
    Rotation,
    /// Each health check leaves something, whatever the rotation.
    #[serde(alias = "health-check")]
    HealthCheck,
    /// Each end of a container leaves something.
    Restart,
    /// Something is left as time goes by, whatever the intervals are.
    Time,
}

impl Driver {
    /// The driver as people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rotation => "rotation",
            Self::HealthCheck => "health check",
            Self::Restart => "restart",
            Self::Time => "time",
        }
    }
}

/// Expected growth of both counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Growth {
    /// Tasks; goroutines in Go.
    pub tasks: Option<Scaled>,
    /// File descriptors.
    pub fds: Option<Scaled>,
}

/// One count's expected growth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Scaled {
    /// Per rotation of a container; a leak that health checks drive is spread over the rotations.
    pub per_rotation_per_container: f64,
    /// Per minute in the long run, all containers together.
    pub per_minute: f64,
    /// After the duration, all containers together: of whole rotations and whole health checks.
    pub total: f64,
}

/// Which mechanisms fit an observed growth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fit {
    /// Tasks (goroutines) that the observed process grew by within the duration.
    pub tasks: u64,
    /// File descriptors that it grew by; null where nobody counted.
    pub fds: Option<u64>,
    /// Tasks for each file descriptor.
    pub tasks_per_fd: Option<f64>,
    /// Tasks per minute.
    pub tasks_per_minute: f64,
    /// Whose figures the mechanisms have.
    pub runtime: RuntimeKind,
    /// A mechanism fits whose misfits are at most this large.
    pub tolerance: f64,
    /// The mechanisms, best first: by the misfit of the ratio where file descriptors are known,
    /// then by that of the rate.
    pub candidates: Vec<Candidate>,
    /// Wirings that leave nothing, and so explain no growth.
    pub leave_nothing: Vec<String>,
    /// Wirings of which there is no figure: not measured in Go, or they stop rotating.
    pub without_figures: Vec<String>,
}

/// Whose figures a mechanism has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
    /// Goroutines, as measured in Go
    Go,
    /// Tasks, by the closed form
    Rust,
}

impl RuntimeKind {
    /// What this runtime's tasks are called, in the plural.
    pub fn tasks(self) -> &'static str {
        match self {
            Self::Go => "goroutines",
            Self::Rust => "tasks",
        }
    }
}

/// A known mechanism, held against the observed growth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Candidate {
    /// The wiring that has it.
    pub mechanism: String,
    /// Further wirings with the very same figures.
    pub same_figures: Vec<String>,
    /// Where its figures come from.
    pub source: Source,
    /// The clock that drives it.
    pub driver: Driver,
    /// Containers that it would also have stopped.
    pub containers_hung: u64,
    /// Tasks that it leaves for each file descriptor; null where it leaves none.
    pub tasks_per_fd: Option<f64>,
    /// Tasks that it leaves per minute in the long run.
    pub tasks_per_minute: f64,
    /// Whether that is the most that it can leave: only those health checks leave a connection that
    /// find the pool of clients busy, and their share is unknown.
    pub upper_bound: bool,
    /// The share of the health checks that would leave the observed tasks; null where rotations do.
    pub share_of_checks: Option<f64>,
    /// |observed / expected − 1| of the tasks per file descriptor; null where the observed file
    /// descriptors are unknown.
    pub ratio_misfit: Option<f64>,
    /// |observed / expected − 1| of the tasks per minute; below an upper bound, 0.
    pub rate_misfit: f64,
    /// Whether the ratio is within the tolerance, or unknown.
    pub ratio_fits: bool,
    /// Whether the rate is within the tolerance.
    pub rate_fits: bool,
}

/// Where a mechanism's figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Measured in Go as this wiring.
    GoReference,
    /// No run in Go had this wiring: what an idle connection holds there, at each health check.
    Inferred,
    /// The closed form for Rust.
    ClosedForm,
}

/// One line of the post-mortem's arithmetic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ArithmeticLine {
    /// The section of the document.
    pub section: u8,
    /// What is worked out.
    pub claim: String,
    /// The figure that the document gives, or that follows from what it says.
    pub says: String,
    /// Whether the document does not write the figure down, but implies it.
    pub implied: bool,
    /// The figure that the same arithmetic gives.
    pub gives: f64,
    /// Whether the document's figure holds.
    pub verdict: LineVerdict,
    /// Why.
    pub why: String,
}

/// Whether a figure of the post-mortem holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LineVerdict {
    /// It holds.
    Holds,
    /// It does not.
    Slips,
}

impl LineVerdict {
    /// The verdict as people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Slips => "slips",
        }
    }
}
