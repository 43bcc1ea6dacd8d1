//! What `leakcheck run` shows and writes while it goes on.

use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::plan::Plan;
use crate::progress::ProgressDisplay;
use crate::report::export::Export;
use crate::report::format::Format;
use crate::report::model::Report;
use crate::report::table::Terminal;
use crate::runner;
use crate::worker::protocol::Glance;

/// How a run shows on the terminal and in the exports while it goes on.
pub(super) struct RunDisplay<'a> {
    /// Progress and warnings.
    pub(super) display: ProgressDisplay,
    /// Files that are rewritten after each rotation.
    pub(super) exports: &'a [Export<Format>],
    /// Containers of the run.
    pub(super) containers: u64,
}

impl runner::Listener for RunDisplay<'_> {
    fn pulling(&self, image: &str, progress: &PullProgress) {
        self.display.pulling(image, progress);
    }

    fn creating(&self, running: u64) {
        self.display.creating(running, self.containers);
    }

    fn starting(&self, plan: &Plan, console_ports: &[Option<u16>]) {
        self.display.starting(plan);
        for (wiring, port) in plan.wirings.iter().zip(console_ports) {
            if let Some(port) = port {
                let command = format!("tokio-console http://127.0.0.1:{port}");
                self.display.say(&format!("{command}   # {}", wiring.name));
            }
        }
    }

    fn glance(&self, wiring: usize, glance: Glance, observation: &Observation) {
        self.display.glance(wiring, glance, observation);
    }

    fn measured(&self, so_far: &Report) {
        for export in self
            .exports
            .iter()
            .filter(|export| !export.format().is_for_ci())
        {
            // A disk that is full now may have room at the next rotation, or at the end.
            if let Err(error) = export.write(|format| format.render(so_far, Terminal::PLAIN)) {
                self.display.say(&format!("warning: {error:#}"));
            }
        }
    }
}
