//! What a run comes to.

use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::report::{Report, SCHEMA};
use log_monitor::wiring::Wiring;

use crate::analysis::wiring_report::{HostObservation, Observation};
use crate::experiment::plan::Plan;
use crate::sys::this_tool::this_tool;

/// What a run came to.
pub struct RunOutcome {
    /// What was measured.
    pub report: Report,
    /// Whether everything that was made for the run is gone again; else what is left, and how to
    /// remove it.
    pub released: Result<(), Failure>,
}

/// What is still to be observed of each wiring, on hosts with so many containers each.
pub(super) fn observations(
    plan: &Plan,
    hosts: &[(String, u64)],
    engine_shared: bool,
) -> Vec<Observation> {
    let observation = |wiring: &Wiring| Observation {
        engine_shared: engine_shared && plan.wirings.len() > 1,
        ..Observation::new(
            wiring.clone(),
            plan.settings.rotations,
            plan.load(),
            plan.settings.clock.fd_unit(),
        )
    };
    let on_host = |wiring: &Wiring, (host, containers): &(String, u64)| {
        let mut observed = observation(wiring);
        observed.load.containers = *containers;
        HostObservation {
            host: host.clone(),
            observed,
        }
    };
    let of = |wiring: &Wiring| Observation {
        hosts: hosts.iter().map(|host| on_host(wiring, host)).collect(),
        ..observation(wiring)
    };
    plan.wirings.iter().map(of).collect()
}

/// The report of what was observed.
pub(super) fn report(plan: &Plan, observations: &[Observation], partial: bool) -> Report {
    Report {
        schema: SCHEMA.into(),
        tool: this_tool(),
        partial,
        provenance: Some(plan.provenance()),
        config: plan.config(),
        wirings: observations.iter().map(Observation::report).collect(),
        gates: Vec::new(),
    }
}
