//! The progress of an audit: one bar over all claims, which names those that are being tried.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use leakcheck_report::model::audit::Claim;

use super::drawing::{Drawing, style};
use crate::events::{Consumer, Event};

/// The bar. A run's own progress is too much where several go on at once.
#[derive(Debug)]
pub struct AuditBar {
    bar: ProgressBar,
    /// Scenarios under way.
    trying: Mutex<Vec<String>>,
}

impl AuditBar {
    /// A bar over so many claims, in a drawing.
    pub fn on(drawing: &Drawing, claims: usize) -> Self {
        let style = style("{pos}/{len} claims [{bar:20}] {wide_msg}");
        let bar = drawing.add(ProgressBar::new(claims as u64).with_style(style));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self {
            bar,
            trying: Mutex::default(),
        }
    }

    fn weighed(&self, claim: &Claim) {
        // Nothing is printed where there is no terminal.
        self.bar
            .println(format!("{}: {}", claim.scenario, claim.verdict.word()));
        self.bar.inc(1);
        self.change(|trying| trying.retain(|scenario| *scenario != claim.scenario));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut trying = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut trying);
        self.bar.set_message(trying.join(", "));
    }
}

impl Consumer for AuditBar {
    fn hear(&self, event: &Event<'_>) {
        match *event {
            Event::Pulling { image, progress } => {
                let status = &progress.status;
                self.bar.set_message(format!("pulling {image}: {status}"));
            }
            Event::ScenarioStarts(scenario) => self.change(|trying| trying.push(scenario.into())),
            Event::ClaimWeighed { claim, .. } => self.weighed(claim),
            Event::Over => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}
