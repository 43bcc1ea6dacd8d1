//! What an audit found: claims, what was measured, and what became of them.

use serde::{Deserialize, Serialize};

use super::predict::Driver;
use super::provenance::Provenance;
use super::report::Report;

/// The document's type and version.
pub const AUDIT_SCHEMA: &str = "leakcheck.audit/v1";

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Audit {
    /// [`AUDIT_SCHEMA`].
    pub schema: String,
    /// Whether the audit was cut short: claims are missing.
    pub partial: bool,
    /// Where the audit comes from; not there in one that an earlier version wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// The claims, in the order in which they were named.
    pub claims: Vec<Claim>,
}

/// A claim and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Claim {
    /// The scenario that tried it.
    pub scenario: String,
    /// What is claimed.
    pub claim: String,
    /// Who claimed it.
    pub claimed_by: String,
    /// How sure they were; null where they did not say.
    pub confidence: Option<String>,
    /// What the claim predicts, in words.
    pub predicted: String,
    /// What was measured, a sentence per wiring.
    pub measured: Vec<String>,
    /// What the same wirings did in Go under the same conditions, measured once elsewhere; those
    /// that have a figure.
    pub go_reference: Vec<WiringInGo>,
    /// What the incident's own logs say of it; null where they say nothing.
    pub in_the_incident: Option<String>,
    /// What became of the claim.
    pub verdict: ClaimVerdict,
    /// By which figures.
    pub why: String,
    /// What leaked and where it stands, or what hangs and where; null where neither does.
    pub evidence: Option<String>,
    /// Which clock drives the leak; null where the scenario does not ask.
    pub driver: Option<DriverFinding>,
    /// What was measured, whole.
    pub report: Report,
}

/// A wiring's figures in Go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct WiringInGo {
    /// The wiring.
    pub wiring: String,
    /// Goroutines left per rotation per container; null where that is not known.
    pub goroutines_per_rotation_per_container: Option<f64>,
    /// File descriptors left per rotation per container; null where that is not known.
    pub fds_per_rotation_per_container: Option<f64>,
    /// Containers that stopped rotating; null where none did, or nobody looked.
    pub hung: Option<String>,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// It was measured as claimed.
    Confirmed,
    /// It was measured as claimed under a condition only.
    Partly,
    /// Its contrary was measured.
    Refuted,
    /// Neither was measured.
    Inconclusive,
}

impl ClaimVerdict {
    /// The word that stands in JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Partly => "partly",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Claim {
    /// Whether the claim could neither be confirmed nor refuted.
    pub fn is_inconclusive(&self) -> bool {
        self.verdict == ClaimVerdict::Inconclusive
    }

    /// Whether its scenario could not be run to the end.
    pub fn is_cut_short(&self) -> bool {
        self.report.partial
    }
}

/// What was found of the clock that drives a leak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DriverFinding {
    /// The wiring that leaks.
    pub wiring: String,
    /// The clock that is claimed.
    pub claimed: Driver,
    /// The clock that was found; null where the rates name none.
    pub measured: Option<Driver>,
    /// The rates as the scenario says.
    pub base: ClockTrial,
    /// The rates with one clock at twice its interval, for each clock there is.
    pub doubled: Vec<ClockTrial>,
    /// What one event of the measured clock leaves in one container; null for plain time.
    pub per_event: Option<PerEvent>,
}

/// What each event of a clock leaves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PerEvent {
    /// Tasks.
    pub tasks: f64,
    /// File descriptors; null where they were not counted.
    pub fds: Option<f64>,
}

/// The rates at one choice of intervals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClockTrial {
    /// The clock whose interval was doubled; null for the scenario's own.
    pub clock: Option<Driver>,
    /// The rotation interval.
    pub rotation_ms: Option<u64>,
    /// The interval of the health checks; null where there are none.
    pub health_check_ms: Option<u64>,
    /// The interval of the containers' restarts; null where they run on.
    pub restart_ms: Option<u64>,
    /// All containers' growth of tasks per minute, on the monitor's clock; null where unknown.
    pub tasks_per_minute: Option<f64>,
    /// The same of file descriptors.
    pub fds_per_minute: Option<f64>,
    /// Whether the monitor was alive to the end, so that the rates say something.
    pub alive: bool,
}

impl DriverFinding {
    /// Whether the clock that is claimed is the one that was found; `None` where none was.
    pub fn is_as_claimed(&self) -> Option<bool> {
        self.measured.map(|measured| measured == self.claimed)
    }

    /// What was found, in a sentence.
    pub fn in_words(&self) -> String {
        let rate = |trial: &ClockTrial| {
            let figure = |rate: Option<f64>| rate.map_or_else(|| "-".into(), |r| format!("{r:.1}"));
            let (tasks, fds) = (trial.tasks_per_minute, trial.fds_per_minute);
            format!("{} tasks and {} fds", figure(tasks), figure(fds))
        };
        let doubled = self.doubled.iter().filter_map(|trial| {
            let clock = trial.clock?.word();
            Some(format!(
                "{} with the {clock} at twice its interval",
                rate(trial)
            ))
        });
        let rates = format!(
            "{} leaves {} per minute, {}",
            self.wiring,
            rate(&self.base),
            doubled.collect::<Vec<_>>().join(", ")
        );
        let verdict = match self.measured {
            None => "they name no clock".to_owned(),
            Some(Driver::Time) => "it goes by plain time".to_owned(),
            Some(clock) => format!("the {} drives it", clock.word()),
        };
        let per_event = match (self.per_event, self.measured) {
            (Some(left), Some(clock)) => {
                let fds = left
                    .fds
                    .map_or_else(String::new, |fds| format!(" and {fds:.2} fds"));
                format!(
                    ", and each {} of a container leaves {:.2} tasks{fds}",
                    clock.word(),
                    left.tasks
                )
            }
            _ => String::new(),
        };
        format!("{rates}: {verdict}{per_event}")
    }
}
