//! What the live view is told of a run.

use leakcheck_report::model::report::{Rate, Report, SiteReport, WiringReport};
use leakcheck_report::render::summary;

use crate::analysis::wiring_report::Observation;
use crate::docker::image::PullProgress;
use crate::experiment::plan::Plan;
use crate::live::{Count, Fact, LiveSite, News};
use crate::protocol::LiveCounts;

pub(super) fn pulling(image: &str, progress: &PullProgress) -> News {
    News::Progress(format!(
        "pulling {image}: {} ({} of {} MiB)",
        progress.status,
        progress.current_bytes >> 20,
        progress.total_bytes >> 20
    ))
}

pub(super) fn creating(running: u64, containers: u64) -> News {
    News::Progress(format!("creating containers: {running} of {containers}"))
}

pub(super) fn awaiting_agents(reported: u64, nodes: u64) -> News {
    News::Progress(format!(
        "measured on each node: {reported} of {nodes} have reported"
    ))
}

pub(super) fn start(plan: &Plan) -> [News; 3] {
    let conditions = summary::conditions(&plan.config());
    let title = format!("leakcheck run: {conditions}");
    let names = plan.wirings.iter().map(|wiring| wiring.name.clone());
    [
        News::Title(title, "a rotation of one container"),
        News::Progress("starting".into()),
        News::Subjects(names.collect()),
    ]
}

/// A wiring's live counts; `begun` is the last rotation that any wiring began.
pub(super) fn glance(
    wiring: usize,
    glance: LiveCounts,
    observation: &Observation,
    begun: u64,
) -> [News; 2] {
    let progress = match observation.samples.first().is_none() {
        true if begun == 0 => "waiting until all containers are followed".into(),
        _ => format!("rotation {begun} of {}", observation.rotations),
    };
    let (counts, facts) = (counts(glance, observation), facts(glance, observation));
    [
        News::Progress(progress),
        News::Counts(wiring, counts, facts),
    ]
}

/// The spawn sites of all wirings.
pub(super) fn sites(so_far: &Report) -> impl Iterator<Item = News> {
    let wirings = so_far.wirings.iter().enumerate();
    wirings.map(|(number, wiring)| News::Sites(number, sites_of(wiring)))
}

fn counts(glance: LiveCounts, observation: &Observation) -> Vec<Count> {
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

fn facts(glance: LiveCounts, observation: &Observation) -> Vec<Fact> {
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
fn sites_of(wiring: &WiringReport) -> Vec<LiveSite> {
    let site = |site: &SiteReport| LiveSite {
        label: site.label.as_str().into(),
        first: site.baseline,
        now: site.r#final,
        each: site.per_rotation_per_container,
    };
    wiring.sites.iter().map(site).collect()
}
