//! The flags that describe synthetic containers which somebody else follows.

use clap::Args;
use leakcheck_report::model::settings::{Clock, Workload, limits};
use log_monitor::Pace;
use synthetic_engine::workload::containers::Fleet;

use crate::experiment::plan;
use crate::experiment::settings::{TypedFleet, number};

/// Synthetic containers.
#[derive(Debug, Args)]
pub(super) struct FleetArgs {
    #[command(flatten)]
    typed: TypedFleet,

    /// Share of the containers that have a terminal (raw logs), 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = number(limits::SHARE), help_heading = "Containers")]
    tty: f64,
}

impl FleetArgs {
    /// How many containers there are.
    pub(super) fn containers(&self) -> usize {
        self.typed.containers()
    }

    /// What they do: whoever follows them does so in wall time.
    pub(super) fn workload(&self) -> Workload {
        self.typed.workload(Clock::Real)
    }

    /// The containers.
    pub(super) fn fleet(&self) -> Fleet {
        plan::fleet(self.containers(), &self.workload(), Pace::REAL, None).with_terminals(self.tty)
    }
}
