//! The progress display of a run, on standard error: nothing where that is no terminal.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::experiment::plan::Plan;
use crate::protocol::Glance;
use crate::render::section_text::Terminal;
use crate::sys::stderr;
use crate::text::printable::printable_lines;

/// A bar for what is being prepared, then a bar per wiring.
pub struct ProgressDisplay {
    all: MultiProgress,
    preparation: ProgressBar,
    wirings: std::sync::OnceLock<Vec<ProgressBar>>,
}

impl ProgressDisplay {
    /// A display; a quiet one shows nothing.
    pub fn new(quiet: bool) -> Self {
        let target = match quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let all = MultiProgress::with_draw_target(target);
        let preparation = all.add(ProgressBar::new(0).with_style(style("{msg}")));
        Self {
            all,
            preparation,
            wirings: std::sync::OnceLock::new(),
        }
    }

    /// Prints a line above the bars, or as it is where there are none.
    pub fn say(&self, line: &str) {
        if self.all.is_hidden() {
            stderr::say(printable_lines(line));
        } else {
            // A terminal that cannot be written to shows no bars either.
            let _ = self.all.println(printable_lines(line));
        }
    }

    /// Prints a line above the bars; nothing where there are none.
    pub fn note(&self, line: &str) {
        if !self.all.is_hidden() {
            self.say(line);
        }
    }

    /// The image is being pulled.
    pub fn pulling(&self, image: &str, progress: &PullProgress) {
        self.preparation
            .set_style(style("pulling {msg} [{bar:30}] {bytes}/{total_bytes}"));
        self.preparation
            .set_message(format!("{image}: {}", progress.status));
        self.preparation.set_length(progress.total_bytes);
        self.preparation.set_position(progress.current_bytes);
    }

    /// So many of the containers run.
    pub fn creating(&self, running: u64, containers: u64) {
        self.preparation
            .set_style(style("creating containers [{bar:30}] {pos}/{len}"));
        self.preparation.set_length(containers);
        self.preparation.set_position(running);
    }

    /// The agents of so many nodes have reported.
    pub fn waiting_for_agents(&self, reported: u64, nodes: u64) {
        self.preparation.set_style(style(
            "measured on each node [{bar:30}] {pos}/{len} reported {elapsed}",
        ));
        self.preparation.set_length(nodes);
        self.preparation.set_position(reported);
    }

    /// The workers start.
    pub fn starting(&self, plan: &Plan) {
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
                    let bar = self.all.add(bar);
                    bar.enable_steady_tick(Duration::from_millis(250));
                    bar
                })
                .collect()
        });
    }

    /// A wiring's live counts.
    pub fn glance(&self, wiring: usize, glance: Glance, observation: &Observation) {
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
    pub fn clear(&self) {
        for bar in self.wirings.get().into_iter().flatten() {
            bar.finish_and_clear();
        }
        self.preparation.finish_and_clear();
    }
}

/// The templates are constants of this file: a wrong one falls back to the default look.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// A text that is drawn anew in its place, on standard error.
pub struct LiveText {
    all: MultiProgress,
    text: ProgressBar,
}

impl LiveText {
    /// An empty text; a quiet one shows nothing.
    pub fn new(quiet: bool) -> Self {
        let target = match quiet {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let all = MultiProgress::with_draw_target(target);
        let text = all.add(ProgressBar::new_spinner().with_style(style("{msg}")));
        Self { all, text }
    }

    /// Draws what `render` makes for the terminal; nothing where there is none.
    pub fn show(&self, render: impl FnOnce(Terminal) -> String) {
        if !self.all.is_hidden() {
            let width = terminal_size::terminal_size_of(std::io::stderr());
            let width = width.map_or(80, |(width, _)| width.0);
            self.text.set_message(render(Terminal {
                width: width.clamp(40, 120),
                colours: false,
                charts: false,
            }));
            self.text.tick();
        }
    }

    /// Prints a line above the text, or as it is where there is none.
    pub fn say(&self, line: &str) {
        if self.all.is_hidden() {
            stderr::say(printable_lines(line));
        } else {
            // A terminal that cannot be written to shows no text either.
            let _ = self.all.println(printable_lines(line));
        }
    }

    /// Takes the text off the terminal.
    pub fn clear(&self) {
        self.text.finish_and_clear();
    }
}
