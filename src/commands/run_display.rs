//! What `leakcheck run` shows and writes while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::display::Display;
use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::exit_code::Failure;
use crate::experiment::plan::Plan;
use crate::live::progress::ProgressDisplay;
use crate::live::{Count, Fact, News, Site};
use crate::model::report::{Rate, Report, SiteReport, WiringReport};
use crate::protocol::Glance;
use crate::render::export::Export;
use crate::render::format::Format;
use crate::render::section_text::Terminal;
use crate::render::summary;
use crate::runner;
use crate::sys::stderr;

/// How a run shows on the terminal and in the exports while it goes on.
pub(super) struct RunDisplay<'a> {
    /// Progress and warnings.
    pub(super) shown: Arc<RunShown>,
    /// Files that are rewritten after each rotation.
    pub(super) exports: &'a [Export<Format>],
    /// Containers of the run.
    pub(super) containers: u64,
    /// The last rotation that any wiring began.
    pub(super) rotation: AtomicU64,
    /// What could not be written of them last.
    pub(super) failed: Mutex<Vec<String>>,
}

/// Where a run shows.
pub(super) type RunShown = Display<ProgressDisplay>;

impl RunShown {
    /// The progress lines, or the whole terminal.
    pub(super) fn of_run(live: bool, quiet: bool) -> Result<Self, Failure> {
        Self::new(live, "no rotation begins", || ProgressDisplay::new(quiet))
    }

    /// Says something beside what is shown.
    pub(super) fn say(&self, line: &str) {
        match self {
            Self::Lines(lines) => lines.say(line),
            Self::Live(view) => view.say(line),
        }
    }

    /// Somebody who ended the run does not want to wait until it has ended.
    pub(super) fn still_ending(&self) {
        let line = "leakcheck: still ending what was started; `leakcheck clean` removes leftovers";
        match self {
            Self::Lines(_) => stderr::say(line),
            Self::Live(view) => view.say(line),
        }
    }

    /// Takes the progress lines off the terminal.
    pub(super) fn clear(&self) {
        if let Self::Lines(lines) = self {
            lines.clear();
        }
    }
}

impl runner::Listener for RunDisplay<'_> {
    fn pulling(&self, image: &str, progress: &PullProgress) {
        match &*self.shown {
            Display::Lines(lines) => lines.pulling(image, progress),
            Display::Live(view) => view.tell(News::Progress(format!(
                "pulling {image}: {} ({} of {} MiB)",
                progress.status,
                progress.current_bytes >> 20,
                progress.total_bytes >> 20
            ))),
        }
    }

    fn creating(&self, running: u64) {
        match &*self.shown {
            Display::Lines(lines) => lines.creating(running, self.containers),
            Display::Live(view) => view.tell(News::Progress(format!(
                "creating containers: {running} of {}",
                self.containers
            ))),
        }
    }

    fn waiting_for_agents(&self, reported: usize, nodes: usize) {
        match &*self.shown {
            Display::Lines(lines) => lines.waiting_for_agents(reported as u64, nodes as u64),
            Display::Live(view) => view.tell(News::Progress(format!(
                "measured on each node: {reported} of {nodes} have reported"
            ))),
        }
    }

    fn starting(&self, plan: &Plan, console_ports: &[Option<u16>]) {
        match &*self.shown {
            Display::Lines(lines) => lines.starting(plan),
            Display::Live(view) => {
                let conditions = summary::conditions(&plan.config());
                let title = format!("leakcheck run: {conditions}");
                view.tell(News::Title(title, "a rotation of one container"));
                view.tell(News::Progress("starting".into()));
                let names = plan.wirings.iter().map(|wiring| wiring.name.clone());
                view.tell(News::Subjects(names.collect()));
            }
        }
        for (wiring, port) in plan.wirings.iter().zip(console_ports) {
            if let Some(port) = port {
                let command = format!("tokio-console http://127.0.0.1:{port}");
                self.shown.say(&format!("{command}   # {}", wiring.name));
            }
        }
    }

    fn glance(&self, wiring: usize, glance: Glance, observation: &Observation) {
        match &*self.shown {
            Display::Lines(lines) => lines.glance(wiring, glance, observation),
            Display::Live(view) => {
                let begun = self.rotation.fetch_max(glance.rotation, Ordering::Relaxed);
                let begun = begun.max(glance.rotation);
                view.tell(News::Progress(
                    match observation.samples.first().is_none() {
                        true if begun == 0 => "waiting until all containers are followed".into(),
                        _ => format!("rotation {begun} of {}", observation.rotations),
                    },
                ));
                let (counts, facts) = (counts(glance, observation), facts(glance, observation));
                view.tell(News::Counts(wiring, counts, facts));
            }
        }
    }

    fn measured(&self, so_far: &dyn Fn() -> Report) {
        let exports = || self.exports.iter().filter(|one| !one.format().is_for_ci());
        if matches!(&*self.shown, Display::Lines(_)) && exports().next().is_none() {
            return;
        }
        let so_far = &so_far();
        if let Display::Live(view) = &*self.shown {
            for (number, wiring) in so_far.wirings.iter().enumerate() {
                view.tell(News::Sites(number, sites(wiring)));
            }
        }
        let mut failed = Vec::new();
        for export in exports() {
            // A disk that is full now may have room at the next rotation, or at the end.
            if let Err(error) = export.write(|format| format.render(so_far, Terminal::PLAIN)) {
                failed.push(format!("warning: {error:#}"));
            }
        }
        // One that cannot be written at this rotation as at the one before is told once.
        let mut told = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in failed.iter().filter(|warning| !told.contains(warning)) {
            self.shown.say(warning);
        }
        *told = failed;
    }
}

fn counts(glance: Glance, observation: &Observation) -> Vec<Count> {
    let baseline = observation.samples.first();
    let rates = observation.rates();
    let each = |rate: Option<Rate>| rate.and_then(|rate| rate.per_rotation_per_container);
    let tasks = Count {
        what: "tasks",
        first: baseline.and_then(|baseline| baseline.tasks),
        now: glance.tasks,
        each: each(rates.tasks),
    };
    let fds = glance.fds.map(|now| Count {
        what: observation.fd_unit,
        first: baseline.and_then(|baseline| baseline.fds),
        now,
        each: each(rates.fds),
    });
    std::iter::once(tasks).chain(fds).collect()
}

fn facts(glance: Glance, observation: &Observation) -> Vec<Fact> {
    let fact = |heading, value| Fact { heading, value };
    vec![
        fact(
            "rotations",
            format!("{} of {}", glance.rotation, observation.rotations),
        ),
        fact("behind", glance.behind.to_string()),
        fact("lines", glance.lines_read.to_string()),
        fact(
            "followed",
            format!("{} of {}", glance.followed, observation.load.containers),
        ),
    ]
}

/// The spawn sites at the baseline, and at the last sample.
fn sites(wiring: &WiringReport) -> Vec<Site> {
    let site = |site: &SiteReport| Site {
        label: site.label.as_str().into(),
        first: site.baseline,
        now: site.r#final,
        each: site.per_rotation_per_container,
    };
    wiring.sites.iter().map(site).collect()
}
