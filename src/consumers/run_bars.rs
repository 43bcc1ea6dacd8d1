//! The progress of a run: a bar for what is being prepared, then a bar per wiring.

use std::sync::OnceLock;
use std::time::Duration;

use indicatif::ProgressBar;

use super::drawing::{Drawing, style};
use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::events::{Consumer, Event};
use crate::experiment::plan::Plan;
use crate::protocol::LiveCounts;

/// The bars.
#[derive(Debug)]
pub struct RunBars {
    drawing: Drawing,
    preparation: ProgressBar,
    wirings: OnceLock<Vec<ProgressBar>>,
}

impl RunBars {
    /// Bars in a drawing.
    pub fn on(drawing: &Drawing) -> Self {
        Self {
            drawing: drawing.clone(),
            preparation: drawing.add(ProgressBar::new(0).with_style(style("{msg}"))),
            wirings: OnceLock::new(),
        }
    }

    fn pulling(&self, image: &str, progress: &PullProgress) {
        self.preparation
            .set_style(style("pulling {msg} [{bar:30}] {bytes}/{total_bytes}"));
        self.preparation
            .set_message(format!("{image}: {}", progress.status));
        self.prepared(progress.current_bytes, progress.total_bytes);
    }

    fn prepared(&self, done: u64, all: u64) {
        self.preparation.set_length(all);
        self.preparation.set_position(done);
    }

    fn start(&self, plan: &Plan) {
        self.preparation.finish_and_clear();
        let width = plan
            .wirings
            .iter()
            .map(|wiring| wiring.name.len())
            .max()
            .unwrap_or(0);
        self.wirings.get_or_init(|| {
            plan.wirings
                .iter()
                .map(|wiring| {
                    let bar = ProgressBar::new(plan.settings.rotations)
                        .with_style(style("{prefix} [{bar:20}] {pos:>2}/{len} {wide_msg}"))
                        .with_prefix(format!("{:width$}", wiring.name))
                        .with_message("starting");
                    let bar = self.drawing.add(bar);
                    bar.enable_steady_tick(Duration::from_millis(250));
                    bar
                })
                .collect()
        });
    }

    fn glance(&self, wiring: usize, glance: LiveCounts, observation: &Observation) {
        let Some(bar) = self.wirings.get().and_then(|bars| bars.get(wiring)) else {
            return;
        };
        bar.set_position(glance.rotation);
        bar.set_message(match observation.samples.first() {
            None => format!(
                "{} of {} followed",
                glance.followed, observation.load.containers
            ),
            Some(baseline) => {
                let grown = |now: u64, first: u64| now as i64 - first as i64;
                let fds = match (glance.fds, baseline.fds) {
                    (Some(now), Some(first)) => {
                        format!(", {now} {} ({:+})", observation.fd_unit, grown(now, first))
                    }
                    _ => String::new(),
                };
                let behind = match glance.behind {
                    0 => String::new(),
                    behind => format!(", {behind} containers behind"),
                };
                let tasks = glance.tasks;
                format!(
                    "{tasks} tasks ({:+}){fds}{behind}",
                    grown(tasks, baseline.tasks.unwrap_or(0))
                )
            }
        });
    }

    /// Takes the bars off the terminal.
    fn clear(&self) {
        for bar in self.wirings.get().into_iter().flatten() {
            bar.finish_and_clear();
        }
        self.preparation.finish_and_clear();
    }
}

impl Consumer for RunBars {
    fn hear(&self, event: &Event<'_>) {
        match *event {
            Event::Pulling { image, progress } => self.pulling(image, progress),
            Event::Creating {
                running,
                containers,
            } => {
                self.preparation
                    .set_style(style("creating containers [{bar:30}] {pos}/{len}"));
                self.prepared(running, containers);
            }
            Event::AwaitingAgents { reported, nodes } => {
                self.preparation.set_style(style(
                    "measured on each node [{bar:30}] {pos}/{len} reported {elapsed}",
                ));
                self.prepared(reported, nodes);
            }
            Event::RunStarts(plan) => self.start(plan),
            Event::Glanced {
                wiring,
                glance,
                observation,
            } => self.glance(wiring, glance, observation),
            Event::Over => self.clear(),
            _ => {}
        }
    }
}
