//! The report: one documented struct that every output reads and that the JSON prints.
//!
//! Field names are a contract. Counts are integers, durations end in `_ms`, rates are floats, and
//! what is unknown is null, never 0.

use std::collections::BTreeMap;

use leakcheck_text::duration::millis;
use serde::{Deserialize, Serialize};

pub use super::gate_result::{GateResult, Outcome};
use super::process_gauges::ProcessGauges;
use super::provenance::Provenance;
use super::settings::{Settings, Until, Workload};

/// The document's type and version.
pub const SCHEMA: &str = "leakcheck.report/v1";

/// What one run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// What measured.
    pub tool: Tool,
    /// Whether the run was cut short: what follows was measured until then.
    pub partial: bool,
    /// Where the report comes from; not there in one that an earlier version wrote, and in one that was
    /// added up of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// What was asked for.
    pub config: Config,
    /// What each wiring did.
    pub wirings: Vec<WiringReport>,
    /// The gates that were judged.
    pub gates: Vec<GateResult>,
}

/// What measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tool {
    /// leakcheck's version.
    pub version: String,
    /// The version of tokio whose tasks were counted.
    pub tokio: String,
    /// Whether hidden tasks are attributed to their spawn sites.
    pub spawn_sites: bool,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Config {
    /// `synthetic`, `docker` or `swarm`; null where a process is watched.
    pub engine: Option<String>,
    /// The engines' endpoints, where there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Whether leakcheck itself ran on each node of a swarm and followed the containers there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub agents: bool,
    /// Label of the containers that were found rather than made; null where they were made.
    #[serde(default)]
    pub attach: Option<String>,
    /// Image of the containers that were made; null where none was needed.
    #[serde(default)]
    pub image: Option<String>,
    /// Containers followed; null where nobody told.
    pub containers: Option<u64>,
    /// Into how many parts the containers were divided; each wiring follows each part in a process of its
    /// own. Null where leakcheck did not run the monitor itself, and where several hosts did.
    #[serde(default)]
    pub shards: Option<u64>,
    /// Rotation interval on the monitor's clock; null where nobody told.
    pub rotation_ms: Option<u64>,
    /// Rotations asked for; null where none were.
    pub rotations: Option<u64>,
    /// Whether each wiring was to make no more of them than its verdict needed (`--until verdict`).
    #[serde(default)]
    pub until_verdict: bool,
    /// `real`, `compressed` or `virtual`: paused time over connections in memory, which are counted in
    /// place of file descriptors.
    pub clock: String,
    /// The factor by which the monitor's durations were divided.
    pub time_scale: f64,
    /// Mean line rate of a chatty container, in wall time or that of the virtual clock; null for
    /// attached containers.
    pub lines_per_second: Option<f64>,
    /// Share of the containers that print nothing; null for attached containers.
    pub silent: Option<f64>,
    /// What the consumer takes for each chunk, in wall time; null where nobody knows.
    pub consumer_delay_ms: Option<u64>,
    /// Lines that a container prints at once; null for attached containers.
    #[serde(default)]
    pub burst: Option<u64>,
    /// Interval at which each container ends and starts again, on the monitor's clock; null where
    /// they run on.
    #[serde(default)]
    pub restart_ms: Option<u64>,
    /// Whether the engine keeps a container's streams open when the container ends.
    #[serde(default)]
    pub keep_ended_streams: bool,
    /// Faults that the synthetic engine was to inject, as `NAME` or `NAME=SHARE` of the containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Interval of the health checks, on the monitor's clock, in wirings that have one; null where
    /// none has.
    #[serde(default)]
    pub health_check_ms: Option<u64>,
    /// The scenario that the run was made from.
    pub scenario: Option<String>,
    /// The seed of the containers' schedule; null where there is none.
    pub seed: Option<u64>,
    /// Of whom a process was watched; null where leakcheck ran the monitor itself.
    #[serde(default)]
    pub watched: Option<Watched>,
    /// What was exercised, and how; null elsewhere.
    #[serde(default)]
    pub exercised: Option<Exercised>,
    /// All settings of the run, resolved; not there where leakcheck did not run the monitor itself, and in
    /// a report that an earlier version wrote. Whatever of them stands above, too, is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

impl From<&Settings> for Config {
    fn from(settings: &Settings) -> Self {
        let workload = settings.workload.as_ref();
        Self {
            containers: Some(settings.containers as u64),
            rotation_ms: Some(millis(settings.rotation)),
            rotations: Some(settings.rotations),
            until_verdict: settings.until == Until::Verdict,
            clock: settings.clock.name().into(),
            time_scale: settings.time_scale,
            consumer_delay_ms: Some(millis(settings.consumer_delay)),
            health_check_ms: settings.health_check.map(millis),
            settings: Some(settings.clone()),
            ..workload.map(Self::from).unwrap_or_default()
        }
    }
}

impl From<&Workload> for Config {
    fn from(workload: &Workload) -> Self {
        Self {
            lines_per_second: Some(workload.lines_per_second),
            silent: Some(workload.silent),
            burst: Some(workload.burst.into()),
            restart_ms: workload.restart.map(millis),
            keep_ended_streams: workload.keep_ended_streams,
            faults: workload.faults.iter().map(ToString::to_string).collect(),
            seed: Some(workload.seed),
            ..Self::default()
        }
    }
}

impl Config {
    /// What is counted beside tasks, in short and in full: under the virtual clock nothing is a file, and
    /// open connections stand for file descriptors.
    pub fn fd_unit(&self) -> (&'static str, &'static str) {
        match self.clock.as_str() {
            "virtual" => ("connections", "connections in memory"),
            _ => ("fds", "file descriptors"),
        }
    }

    /// The conditions of somebody else's process, of which no more is known yet: its clock is the real
    /// one.
    pub fn of_real_time() -> Self {
        Self {
            clock: "real".into(),
            time_scale: 1.0,
            ..Self::default()
        }
    }
}

/// A follower that was exercised, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Exercised {
    /// Its command, with `***` in place of each secret.
    pub command: Vec<String>,
    /// Whether there was a process for each container.
    pub per_container: bool,
    /// Whether a process that ended was started again.
    pub restarted: bool,
    /// How the engine rotated its streams.
    pub rotate_by: String,
    /// Whether a line that is handed over again at a resume is a fault.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exactly_once: bool,
    /// How often a process ended by itself.
    pub ended_by_itself: u64,
    /// Processes that did not heed SIGTERM at the end.
    pub killed: u64,
    /// Processes that were still there when it had ended.
    pub left_behind: u64,
    /// What the containers did, all settings of it; not there in a report that an earlier version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
}

/// A process that was watched, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Watched {
    /// Its number.
    pub pid: Option<u32>,
    /// Where its goroutines were read.
    pub pprof: Option<String>,
    /// Where its tokio tasks were read.
    pub console: Option<String>,
    /// Where its Prometheus metrics were read.
    pub metrics: Option<String>,
    /// Between two readings.
    pub every_ms: u64,
    /// For so long it was to be watched.
    pub for_ms: u64,
    /// What was read before is not judged: a process that has just started grows.
    pub warm_up_ms: u64,
}

impl Watched {
    /// What its tasks are called.
    pub fn unit(&self) -> &'static str {
        match self.pprof {
            Some(_) => "goroutines",
            None => "tasks",
        }
    }
}

/// What one wiring did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WiringReport {
    /// Its name.
    pub name: String,
    /// What it is, in a line.
    pub summary: String,
    /// Liveness first, then leaks.
    pub verdict: Verdict,
    /// The figures behind the verdict, in a sentence.
    pub reason: String,
    /// What the verdict is drawn from: liveness, leak and delivery, each judged by itself; not there in a report
    /// that an earlier version wrote, and in one that was added up of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// The counts that were read, and that the verdict rests on: `tasks`, `goroutines`, `threads`, `fds`,
    /// `children`, `zombies`, `memory`. Empty in a report that an earlier version wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// Where its unit of concurrency was read: `hooks`, `pprof`, `console`, `metrics` or `proc`; null where
    /// nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When the growth began that is called a leak, as RFC 3339; null where none is, and where leakcheck ran the
    /// monitor itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_at: Option<String>,
    /// Why the run of this wiring ended early or lacks evidence; null where it is whole.
    pub cut_short: Option<String>,
    /// Rotations per container.
    pub rotations: Rotations,
    /// The settled counts with every container followed and no rotation done.
    pub baseline: Option<Counts>,
    /// The settled counts after the last rotation that was sampled.
    pub r#final: Option<Counts>,
    /// The settled counts after the monitor was cancelled as a whole.
    pub after_shutdown: Option<Counts>,
    /// Growth.
    pub rates: Rates,
    /// What the closed form expects of this wiring.
    pub predicted: Predicted,
    /// What the same wiring did in Go; a reference, not measured in this run.
    pub go_reference: Option<GoReference>,
    /// Tasks by spawn site, the most leaked first.
    pub sites: Vec<SiteReport>,
    /// File descriptors by kind.
    pub fds_by_kind: FdsByKind,
    /// Lines.
    pub delivery: Delivery,
    /// Containers that stopped rotating.
    pub hung: Hung,
    /// Containers that ended during the run and did not start again; null where nobody can tell.
    #[serde(default)]
    pub containers_ended: Option<u64>,
    /// Where the readers of forgotten streams stand that have not ended; empty where none is left.
    #[serde(default)]
    pub forgotten_readers: Vec<WaitPoint>,
    /// Streams that could not be opened or that broke.
    pub stream_errors: StreamErrors,
    /// The rotation at which a worker could open no more files; null where all always could.
    pub fds_exhausted_at_rotation: Option<u64>,
    /// What the runtime did.
    pub runtime: Runtime,
    /// What the engine counted on its side.
    pub engine_side: EngineSide,
    /// How the counts of a watched process went; null where leakcheck ran the monitor itself.
    #[serde(default)]
    pub trends: Option<Trends>,
    /// What the process's own leak profile says (Go, from 1.26 on); null where it serves none.
    #[serde(default)]
    pub leak_profile: Option<LeakProfile>,
    /// What was found on each host, where there were several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostReport>,
    /// Containers that a scheduler replaced meanwhile; null where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<Churn>,
    /// How many samples the list leaves out: of a run of some thousand rotations or more it has a part, at
    /// one distance. Rates and verdict are of all of them.
    #[serde(default)]
    pub samples_left_out: u64,
    /// The samples, the baseline first and the last one last.
    pub samples: Vec<Sample>,
}

impl WiringReport {
    /// How often the counts were read after the baseline: in a run, once after each rotation.
    pub fn samples_after_baseline(&self) -> u64 {
        let kept = (self.samples.len() as u64).saturating_sub(1);
        kept.saturating_add(self.samples_left_out)
    }
}

/// What was found on one of several hosts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HostReport {
    /// The host: an engine's endpoint, a node of a swarm, or the name of its report.
    pub host: String,
    /// Its containers; null where nobody told. Of a swarm's node, those that were placed there at first:
    /// where the swarm moves them later, they stay in this row.
    #[serde(default)]
    pub containers: Option<u64>,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why its part ended early or is missing; null where it is whole.
    #[serde(default)]
    pub cut_short: Option<String>,
    /// The counts at its baseline.
    pub baseline: Option<Counts>,
    /// The counts at its end.
    pub r#final: Option<Counts>,
    /// Their growth.
    pub rates: Rates,
}

/// Containers that a scheduler replaced while they were followed: they moved to another host, or were
/// started anew as another container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Churn {
    /// How often one was replaced.
    pub replaced: u64,
    /// Rotations that were due while a container was away: it is not held to them.
    pub rotations_excused: u64,
}

/// What a monitor was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every rotation made, every line delivered once, and tasks and fds back at the baseline.
    Clean,
    /// Tasks or fds grew in every rotation.
    Leaking,
    /// Containers stopped rotating.
    Hung,
    /// Lines were lost, delivered twice, or not delivered.
    Starved,
    /// Too little evidence.
    Inconclusive,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 5] = [
        Self::Clean,
        Self::Leaking,
        Self::Hung,
        Self::Starved,
        Self::Inconclusive,
    ];

    /// The word that stands in JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Leaking => "leaking",
            Self::Hung => "hung",
            Self::Starved => "starved",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What a verdict is drawn from, in this order: where nothing could be read it is inconclusive; then liveness
/// makes it hung, delivery starved, and a leak leaking; where any of them is inconclusive, so is it; else it is
/// clean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Answers {
    /// Does it do its work? `clean`, `hung` or `inconclusive`.
    pub liveness: Answer,
    /// Does anything grow? `clean`, `leaking` or `inconclusive`.
    pub leak: Answer,
    /// Did every line arrive? `clean`, `starved` or `inconclusive`.
    pub delivery: Answer,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Answer {
    /// What it was found to be in this respect.
    pub verdict: Verdict,
    /// The figures behind it.
    pub reason: String,
}

/// Rotations per container; null where nobody can tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rotations {
    /// Rotations that were due.
    pub due: Option<u64>,
    /// Rotations that the container made which made the fewest.
    pub made: Option<u64>,
    /// Rotations that were due and not made, over all containers.
    pub missed: Option<u64>,
    /// After how many the evidence sufficed, so that no more were made; null where it did not, and where
    /// all were to be made.
    #[serde(default)]
    pub sufficed: Option<u64>,
}

/// Live counts of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// The monitor's tasks; null where nobody tells.
    pub tasks: Option<u64>,
    /// The process's file descriptors, or under the virtual clock its connections in memory; null where
    /// the system does not tell.
    pub fds: Option<u64>,
}

/// Growth of tasks and of file descriptors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rates {
    /// Of tasks.
    pub tasks: Option<Rate>,
    /// Of file descriptors.
    pub fds: Option<Rate>,
}

/// Growth of one count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rate {
    /// Per rotation of one container; null where rotations or containers are not known.
    pub per_rotation_per_container: Option<f64>,
    /// Per rotation of all containers; null where rotations are not known.
    pub per_rotation: Option<f64>,
    /// Per minute on the monitor's own clock.
    pub per_minute: f64,
    /// Growth of all containers in the rotation in which it was least; null where rotations are not
    /// known.
    pub weakest_rotation: Option<i64>,
    /// The 95 % interval of the growth per rotation per container; null with fewer than two rotations.
    pub ci95: Option<[f64; 2]>,
}

impl Rate {
    /// What people are told: per rotation of one container where that is known, else per rotation,
    /// else per minute.
    pub fn told(self) -> f64 {
        let each = self.per_rotation_per_container.or(self.per_rotation);
        each.unwrap_or(self.per_minute)
    }
}

/// What the closed form expects.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Predicted {
    /// Null where the form has no answer, as under back-pressure.
    pub tasks_per_rotation_per_container: Option<f64>,
    /// Null where the form has no answer.
    pub fds_per_rotation_per_container: Option<f64>,
    /// Containers that are expected to stop rotating; null where the form has no answer.
    pub containers_hung: Option<u64>,
}

/// What the same wiring did in Go, measured once elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GoReference {
    /// The letter of its row in the reference table.
    pub row: Option<String>,
    /// Null where the run hung.
    pub goroutines_per_rotation_per_container: Option<f64>,
    /// Null where the run hung.
    pub fds_per_rotation_per_container: Option<f64>,
    /// Containers that stopped rotating, where any did.
    pub hung: Option<String>,
}

/// Tasks of one spawn site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SiteReport {
    /// What its tasks are called.
    pub label: String,
    /// `file:line:column`; null in a build without spawn sites, for tasks of others.
    pub location: Option<String>,
    /// The package that holds it.
    pub package: Option<String>,
    /// Tasks at the baseline.
    pub baseline: u64,
    /// Tasks at the end.
    pub r#final: u64,
    /// Growth; negative where tasks went missing.
    pub leaked: i64,
    /// Growth per rotation per container.
    pub per_rotation_per_container: Option<f64>,
    /// What its tasks do, in words, where that is known of a watched process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
}

/// File descriptors by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FdsByKind {
    /// At the baseline; null where they could not be listed.
    pub baseline: Option<BTreeMap<String, u64>>,
    /// At the end; null where they could not be listed.
    pub r#final: Option<BTreeMap<String, u64>>,
}

/// Lines: counted by the numbers that they carry, or, of containers that were there before the
/// run, by reading the engine's log again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Lines that the containers are known to have printed until the end of the last rotation;
    /// null where nobody could tell.
    pub emitted: Option<u64>,
    /// Lines that reached the consumer.
    pub read: Option<u64>,
    /// Emitted lines that did not reach the consumer; null where it is unknown what was emitted.
    pub lost: Option<u64>,
    /// Lines that reached the consumer again.
    pub duplicated: Option<u64>,
    /// Lines that an exercised follower was handed again as it resumed from the last one that it had, or from
    /// before: that is how Docker's `since` works, and no fault. Null elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redelivered: Option<u64>,
}

/// Containers that stopped rotating.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Hung {
    /// How many; null where nobody can tell.
    pub containers: Option<u64>,
    /// Where they stand.
    pub r#where: Vec<HungPlace>,
}

/// A place at which containers stand that stopped rotating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HungPlace {
    /// What the container's supervisor waits for and, where that is its reader, what the reader
    /// waits for.
    pub place: String,
    /// How many containers stand there.
    pub containers: u64,
    /// How long the container has stood there that came last, in wall time.
    #[serde(default)]
    pub shortest_ms: u64,
    /// How long the container has stood there that came first, in wall time.
    #[serde(default)]
    pub longest_ms: u64,
}

/// How the counts of a watched process went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Trends {
    /// Its tasks, or goroutines.
    pub tasks: Option<Trend>,
    /// Its file descriptors.
    pub fds: Option<Trend>,
    /// Its threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<Trend>,
    /// Processes that it has started and not waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<Trend>,
    /// Those of them that have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zombies: Option<Trend>,
    /// Its resident memory in bytes. It can withhold `clean` and never makes a leak: an allocator keeps what a
    /// leak once took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<Trend>,
    /// Readings that failed.
    pub failed_readings: u64,
    /// How often the process was started anew; what is judged is the longest stretch without.
    pub restarts: u64,
    /// For how long nothing was read because somebody paused the watch; how the counts went meanwhile
    /// is unknown. The watch lasted so much longer.
    #[serde(default)]
    pub paused_ms: u64,
    /// Which known mechanism the growth fits, in words; null where it fits none.
    #[serde(default)]
    pub mechanism: Option<String>,
    /// Whether its tasks are a lower bound: its console had not told of all of them at more than a tenth of
    /// the readings.
    pub tasks_are_lower_bound: bool,
    /// Of what there was one per container at the baseline: how many were replaced by others since,
    /// as the streams' readers by rotations. The largest count of all kinds; a process that replaces
    /// nothing shows no sign of life.
    pub replaced: u64,
}

/// How a count went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Trend {
    /// Points that it was worked out from: one per rotation where that is known.
    pub points: u64,
    /// The Theil-Sen slope.
    pub per_minute: f64,
    /// Its 95 % interval (Sen 1968).
    pub ci95_per_minute: [f64; 2],
    /// The probability of so clear a trend where there is none (Mann-Kendall, two-sided, with Hamed and Rao's
    /// correction for readings that depend on each other).
    pub mann_kendall_p: f64,
    /// The probability of so clear a rise where there is none, by the moves from one reading to the next; this
    /// one is judged by. Null in a report that an earlier version wrote.
    #[serde(default)]
    pub p: Option<f64>,
    /// `level`, `growing` (until the end), `ended` (it grew, and has been level since) or `unclear` (it grew,
    /// and whether it goes on cannot be told); null where there are too few readings.
    #[serde(default)]
    pub course: Option<Course>,
    /// The rise, where there is one.
    #[serde(default)]
    pub rise: Option<Rise>,
    /// Whether what makes up the growth stays, or other members take its place; null where members cannot be
    /// told apart, and where nothing grew.
    #[serde(default)]
    pub members_stay: Option<bool>,
    /// Where the count moved from one level to another.
    pub steps: Vec<Step>,
}

/// How a count went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Course {
    /// It shows no growth.
    Level,
    /// It grows, and did so until the end.
    Growing,
    /// It grew, and has been level since.
    Ended,
    /// It grew, and whether it goes on cannot be told.
    Unclear,
}

/// A rise of a count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Rise {
    /// When it began, since the first reading.
    pub from_ms: u64,
    /// When the count came near its last level, since the first reading.
    pub until_ms: u64,
    /// How large it is.
    pub by: f64,
}

/// A move of a count from one level to another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    /// When, since the first reading.
    pub t_ms: u64,
    /// By how much.
    pub size: f64,
}

/// Goroutines that Go's runtime itself found to be leaked. It does not see those that are parked on
/// input or output, nor those that something still refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakProfile {
    /// How many.
    pub goroutines: u64,
    /// By the function that they run, the most first.
    pub by_function: Vec<LeakedGoroutines>,
}

/// Leaked goroutines of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeakedGoroutines {
    /// The function.
    pub function: String,
    /// How many.
    pub goroutines: u64,
}

/// A place at which tasks of a spawn site wait that a rotation has left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WaitPoint {
    /// What they wait for.
    pub place: String,
    /// How many wait there.
    pub tasks: u64,
}

/// Streams that could not be opened or that broke.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StreamErrors {
    /// How many; null where nobody can tell.
    pub count: Option<u64>,
    /// Why one of them failed.
    pub example: Option<String>,
}

/// What the worker's runtime did during the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Runtime {
    /// Share of the runtime's threads' time spent on tasks; null under the virtual clock.
    pub busy_ratio: Option<f64>,
    /// Polls of tasks; null in a build without `tokio_unstable`.
    pub polls: Option<u64>,
}

/// What the engine counted on its side; null where it does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EngineSide {
    /// Whether all wirings used this engine at once, so that its counts are of all together.
    pub shared: bool,
    /// Open connections at the baseline.
    pub connections_baseline: Option<u64>,
    /// Open connections at the end.
    pub connections_final: Option<u64>,
    /// The engine's goroutines (synthetic: tasks) at the baseline.
    pub goroutines_baseline: Option<u64>,
    /// The engine's goroutines (synthetic: tasks) at the end.
    pub goroutines_final: Option<u64>,
    /// The engine's file descriptors at the baseline.
    pub fds_baseline: Option<u64>,
    /// The engine's file descriptors at the end.
    pub fds_final: Option<u64>,
    /// How often the synthetic engine injected each fault that it was to inject, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, u64>,
    /// What the synthetic engine knows of the follower that was exercised; null elsewhere.
    #[serde(default)]
    pub followers: Option<FollowersSide>,
}

/// What a synthetic engine knows of those who follow its containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FollowersSide {
    /// Containers that were never followed.
    pub never_followed: u64,
    /// Containers that nobody has followed for longer than the pauses before make plausible.
    pub starved: u64,
    /// Containers of which the last two rotations, or more, were not followed by a new stream, while an
    /// old one is still open; of a follower that rotates by itself, those of which no stream was opened for
    /// several of its own rotations.
    pub stopped: u64,
    /// For how long the one of these has that has for the longest, in ms.
    pub stopped_for_ms: u64,
    /// Streams that were open before the first rotation that counts.
    pub streams_baseline: u64,
    /// Streams that are open at the end.
    pub streams_final: u64,
    /// Containers that are followed by more than one stream at the end.
    pub followed_twice: u64,
    /// The most connections that are open at the end over which one container's log was asked for.
    pub most_connections_of_one: u64,
    /// Streams that were opened, those before the first rotation included.
    pub streams_opened: u64,
    /// Rotations that the engine made, over all containers.
    pub rotations: u64,
    /// After how many of these a stream was opened anew before the next.
    pub reopened: u64,
    /// How long that took, in ms: the median, and the longest; null where none was.
    pub reopen_delay_ms: Option<ReopenDelay>,
    /// Lines that were handed to the follower's connections, each once.
    pub lines_sent: u64,
    /// Lines that were handed to none, of those that came after the first that was: a later stream has
    /// passed them by, or nobody follows any more.
    pub lines_lost: u64,
    /// Lines that were handed to several connections at the same time.
    pub lines_repeated: u64,
    /// Lines that were handed over again at a resume from the last one that the follower was handed, or
    /// from before: no fault, unless each is to be handed over exactly once.
    #[serde(default)]
    pub lines_redelivered: u64,
    /// Lines that are due and that the open streams have not taken yet.
    pub lines_behind: u64,
    /// Lines that came when no stream was open, and that the next one can still ask for.
    #[serde(default)]
    pub lines_waiting: u64,
    /// How the follower rotates by itself; not there where it does not, or the engine rotates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_rotations: Option<OwnRotations>,
    /// Connections to the engine on which bytes lie unread at the end, and nobody reads them; null where
    /// the system does not tell.
    pub unread_connections: Option<u64>,
    /// How many bytes that are.
    pub unread_bytes: Option<u64>,
    /// Bytes that lay unread on all connections to the engine right before a rotation, of those that
    /// count: what a rotation that breaks connections may take from the follower. Null where the system
    /// does not tell, or the engine made none.
    #[serde(default)]
    pub unread_at_rotations: Option<UnreadAtRotations>,
    /// Requests per minute by method and path.
    pub requests_per_minute: BTreeMap<String, f64>,
    /// Requests for what the synthetic engine does not know, all in all.
    pub unknown_requests: BTreeMap<String, u64>,
}

/// The rotations of a follower that opens streams anew by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OwnRotations {
    /// Between two streams of a container, in ms: the median.
    pub interval_ms: f64,
    /// How many it made of a container: the median.
    pub made: u64,
}

/// How long it took until a stream that was rotated was opened anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReopenDelay {
    /// The median.
    pub median: f64,
    /// The longest.
    pub longest: f64,
}

/// Bytes that lay unread right before a rotation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnreadAtRotations {
    /// The median.
    pub median_bytes: f64,
    /// The most.
    pub most_bytes: u64,
}

/// One reading of a wiring's live counts: the sum over its processes, where several share its containers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sample {
    /// The rotation after which it was taken, 0 at the baseline; null where rotations are not known.
    /// What follows is null where a process was watched that does not tell.
    pub rotation: Option<u64>,
    /// Time since the first stream was asked for: wall time, or that of the virtual clock. Of several
    /// processes the longest.
    pub t_ms: u64,
    /// The monitor's tasks.
    pub tasks: Option<u64>,
    /// The process's file descriptors, or under the virtual clock its connections in memory.
    pub fds: Option<u64>,
    /// What the system counts of the process beside them.
    #[serde(flatten)]
    pub gauges: ProcessGauges,
    /// Time from the rotation until the counts changed for the last time before the sample;
    /// read every few milliseconds.
    pub settle_ms: Option<u64>,
    /// Whether they settled before the deadline.
    pub settled: bool,
    /// Streams opened so far.
    pub streams_opened: Option<u64>,
    /// Rotations made so far, over all containers.
    pub rotations_made: Option<u64>,
    /// Containers that had not made this rotation when the sample was taken; at the baseline,
    /// containers that were not followed.
    pub behind: Option<u64>,
    /// Lines delivered so far.
    pub lines_read: Option<u64>,
    /// Lines that have not been delivered so far although later ones of their containers have; null
    /// where lines carry no numbers.
    #[serde(default)]
    pub lines_missing: Option<u64>,
    /// Tasks by the label of their spawn site.
    pub sites: BTreeMap<String, u64>,
    /// The engine's counts at about the same time.
    pub engine: Option<EngineCounts>,
    /// For how long somebody held this rotation up before it was made, in wall time; 0 where nobody
    /// did. What grows by time grew meanwhile, so that the rates leave such a rotation out.
    #[serde(default)]
    pub held_ms: u64,
    /// Containers that a scheduler had taken away in this rotation or the one before, or not brought back
    /// by its end: their tasks went and came, so that the rates leave it out.
    #[serde(default, skip_serializing_if = "is_none_of_them")]
    pub moved: u64,
}

impl Sample {
    /// The sample's counts.
    pub fn counts(&self) -> Counts {
        Counts {
            tasks: self.tasks,
            fds: self.fds,
        }
    }
}

/// An engine's counts of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EngineCounts {
    /// Open connections.
    pub connections: Option<u64>,
    /// Goroutines; of the synthetic engine, tasks.
    pub goroutines: Option<u64>,
    /// File descriptors.
    pub fds: Option<u64>,
    /// Resident memory in bytes, of the synthetic engine's process; null where nobody tells it.
    #[serde(default)]
    pub rss_bytes: Option<u64>,
    /// Faults that the synthetic engine has injected so far, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, u64>,
}

/// Whether a count is 0, which goes without saying.
fn is_none_of_them(count: &u64) -> bool {
    *count == 0
}
