//! What `leakcheck audit` shows and writes while it goes on.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::analysis::wiring_report::Observation;
use crate::audit::{AuditListener, Format};
use crate::docker::image::PullProgress;
use crate::experiment::plan::Plan;
use crate::model::audit::{Audit, Claim};
use crate::model::report::Report;
use crate::protocol::Glance;
use crate::render::export::Export;
use crate::render::section_text::Terminal;
use crate::runner::Listener;
use crate::sys::stderr;

/// One bar over all claims, which names those that are being tried.
pub(super) struct AuditDisplay<'a> {
    bar: ProgressBar,
    exports: &'a [Export<Format>],
    /// Scenarios under way.
    trying: Mutex<Vec<String>>,
}

impl<'a> AuditDisplay<'a> {
    /// A display over so many claims; a quiet one shows nothing.
    pub(super) fn new(claims: usize, quiet: bool, exports: &'a [Export<Format>]) -> Self {
        let target = match quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        // The template is a constant: a wrong one falls back to the default look.
        let style = ProgressStyle::with_template("{pos}/{len} claims [{bar:20}] {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(Some(claims as u64), target).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self {
            bar,
            exports,
            trying: Mutex::default(),
        }
    }

    /// Takes the bar off the terminal.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut trying = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut trying);
        self.bar.set_message(trying.join(", "));
    }
}

/// A run's own progress is too much where several go on at once.
impl Listener for AuditDisplay<'_> {
    fn pulling(&self, image: &str, progress: &PullProgress) {
        let status = &progress.status;
        self.bar.set_message(format!("pulling {image}: {status}"));
    }

    fn creating(&self, _running: u64) {}

    fn waiting_for_agents(&self, _reported: usize, _nodes: usize) {}

    fn starting(&self, _plan: &Plan, _console_ports: &[Option<u16>]) {}

    fn glance(&self, _wiring: usize, _glance: Glance, _observation: &Observation) {}

    fn measured(&self, _so_far: &dyn Fn() -> Report) {}
}

impl AuditListener for AuditDisplay<'_> {
    fn begins(&self, scenario: &str) {
        self.change(|trying| trying.push(scenario.into()));
    }

    fn weighed(&self, claim: &Claim, so_far: &Audit) {
        // Nothing is printed where there is no terminal.
        self.bar
            .println(format!("{}: {}", claim.scenario, claim.verdict.word()));
        self.bar.inc(1);
        self.change(|trying| trying.retain(|scenario| *scenario != claim.scenario));
        for export in self.exports {
            // A disk that is full now may have room at the next claim, or at the end.
            let written = export.write(|format| format.render(so_far, Terminal::PLAIN));
            if let Err(error) = written {
                self.bar
                    .suspend(|| stderr::say(format_args!("warning: {error:#}")));
            }
        }
    }
}
