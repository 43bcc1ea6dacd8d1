//! The process that started a run, so that a killed run is told from one that is still going.

use std::collections::HashMap;
use std::fmt;

use super::labels;
use crate::sys::host_name::host_name;

/// A process, by what tells it from every other: its host, its id, and when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOwner {
    /// The host's name; empty when it was not recorded.
    pub host: String,
    /// The process id there.
    pub pid: u32,
    /// When the process started, in clock ticks after boot; `None` where the system does not tell.
    pub start_ticks: Option<u64>,
}

/// Whether the process that started a run is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerStanding {
    /// It runs on this host.
    Alive,
    /// It ran on this host and is no more.
    Gone,
    /// It runs or ran on another host: from here nobody can tell.
    Elsewhere,
}

impl RunOwner {
    /// This process.
    pub fn this_process() -> Self {
        let pid = std::process::id();
        Self {
            host: host_name(),
            pid,
            start_ticks: start_ticks(pid),
        }
    }

    /// The labels that record the owner.
    pub fn to_labels(&self) -> HashMap<String, String> {
        let mut labels = HashMap::from([
            (labels::HOST.to_owned(), self.host.clone()),
            (labels::PID.to_owned(), self.pid.to_string()),
        ]);
        if let Some(ticks) = self.start_ticks {
            labels.insert(labels::PID_START.to_owned(), ticks.to_string());
        }
        labels
    }

    /// Reads the owner back; `None` when the labels name no process.
    pub fn from_labels(labels: &HashMap<String, String>) -> Option<Self> {
        Some(Self {
            host: labels.get(labels::HOST).cloned().unwrap_or_default(),
            pid: labels.get(labels::PID)?.parse().ok()?,
            start_ticks: labels.get(labels::PID_START).and_then(|t| t.parse().ok()),
        })
    }

    /// Whether the owner still runs.
    pub fn standing(&self) -> OwnerStanding {
        if self.host != host_name() {
            return OwnerStanding::Elsewhere;
        }
        match (start_ticks(self.pid), self.start_ticks) {
            (Some(now), Some(then)) if now == then => OwnerStanding::Alive,
            // Nothing was recorded to tell a reused id by: rather keep than end a live run.
            (Some(_), None) => OwnerStanding::Alive,
            _ => OwnerStanding::Gone,
        }
    }
}

impl fmt::Display for RunOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// When a living process started, in clock ticks after boot; `None` when there is no such process.
fn start_ticks(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold spaces and parentheses itself.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie has ended; only its parent has not noticed.
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    // Field 22 of the line; the state just taken was field 3.
    fields.nth(18)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_survives_the_way_through_its_labels() {
        let me = RunOwner::this_process();
        assert_eq!(RunOwner::from_labels(&me.to_labels()), Some(me.clone()));
        assert_eq!(me.standing(), OwnerStanding::Alive);
    }

    #[test]
    fn a_reused_process_id_does_not_keep_a_dead_run_alive() {
        let mut other = RunOwner::this_process();
        other.start_ticks = other.start_ticks.map(|ticks| ticks + 1);
        assert_eq!(other.standing(), OwnerStanding::Gone);
    }

    #[test]
    fn a_process_that_ended_is_gone_and_one_on_another_host_is_out_of_sight() {
        let mut child = std::process::Command::new("true").spawn().expect("true");
        let ended = RunOwner {
            pid: child.id(),
            ..RunOwner::this_process()
        };
        child.wait().expect("ended");
        assert_eq!(ended.standing(), OwnerStanding::Gone);
        let far = RunOwner {
            host: "elsewhere".into(),
            ..RunOwner::this_process()
        };
        assert_eq!(far.standing(), OwnerStanding::Elsewhere);
    }
}
