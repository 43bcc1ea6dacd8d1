//! One wiring's reports added up.

use std::time::Duration;

use leakcheck_report::model::report::{
    Churn, Counts, Delivery, EngineSide, HostReport, Predicted, Rates, Rotations, Sample,
    SiteReport, Verdict, WaitPoint, WiringReport,
};

use crate::analysis::rates::{RateScale, rate};
use crate::analysis::samples::Samples;
use crate::analysis::shards;

/// From the best to the worst. What could not be judged is worse than what was found to be clean.
const FROM_BEST: [Verdict; 5] = [
    Verdict::Clean,
    Verdict::Inconclusive,
    Verdict::Leaking,
    Verdict::Starved,
    Verdict::Hung,
];

/// Hosts that a reason names one by one.
const NAMED: usize = 3;

/// The reports of one wiring so far.
#[derive(Debug)]
pub(super) struct Sum {
    /// All of them added up; what is worked out of sums is worked out at the end.
    all: WiringReport,
    reports: u64,
    /// Hosts that made none.
    missing: u64,
    /// How many containers made how many rotations: each rotation of each.
    container_rotations: u64,
    /// The worst verdict, its first host's reason, and whose verdicts are as bad.
    worst: Verdict,
    reason: String,
    caused_by: Vec<String>,
}

impl Sum {
    /// Begins with a host's report on so many containers.
    pub(super) fn of(host: &str, mut wiring: WiringReport, containers: u64) -> Self {
        let rows = rows(host, &wiring, containers);
        wiring.predicted = times(&wiring.predicted, containers);
        wiring.cut_short = cut_short(host, &wiring);
        wiring.hosts = Vec::new();
        // They are the host's alone.
        wiring.answers = None;
        let mut sum = Self {
            reports: 1,
            missing: 0,
            container_rotations: wiring.samples_after_baseline().saturating_mul(containers),
            worst: Verdict::Clean,
            reason: wiring.reason.clone(),
            caused_by: Vec::new(),
            all: wiring,
        };
        let (verdict, reason) = (sum.all.verdict, sum.all.reason.clone());
        sum.note(host, verdict, reason, rows);
        sum
    }

    /// Adds a host's report on so many containers.
    pub(super) fn add(&mut self, host: &str, wiring: WiringReport, containers: u64) {
        let rows = rows(host, &wiring, containers);
        self.reports += 1;
        let made = wiring.samples_after_baseline().saturating_mul(containers);
        self.container_rotations = self.container_rotations.saturating_add(made);
        let all = &mut self.all;
        all.cut_short = all.cut_short.take().or_else(|| cut_short(host, &wiring));
        all.rotations = rotations(all.rotations, wiring.rotations);
        all.after_shutdown =
            (all.after_shutdown.zip(wiring.after_shutdown)).map(|(all, one)| Counts {
                tasks: total(all.tasks, one.tasks),
                fds: total(all.fds, one.fds),
            });
        all.predicted = added_predictions(&all.predicted, &times(&wiring.predicted, containers));
        add_sites(&mut all.sites, wiring.sites);
        let kinds = |all: &mut Option<_>, one: Option<_>| {
            *all = (all.take().zip(one)).map(|(all, one)| shards::added([&all, &one]));
        };
        kinds(&mut all.fds_by_kind.baseline, wiring.fds_by_kind.baseline);
        kinds(&mut all.fds_by_kind.r#final, wiring.fds_by_kind.r#final);
        all.delivery = delivery(all.delivery, wiring.delivery);
        all.hung.containers = total(all.hung.containers, wiring.hung.containers);
        for place in wiring.hung.r#where {
            match all
                .hung
                .r#where
                .iter_mut()
                .find(|one| one.place == place.place)
            {
                Some(one) => {
                    one.containers = one.containers.saturating_add(place.containers);
                    one.shortest_ms = one.shortest_ms.min(place.shortest_ms);
                    one.longest_ms = one.longest_ms.max(place.longest_ms);
                }
                None => all.hung.r#where.push(place),
            }
        }
        all.churn = churn(all.churn, wiring.churn);
        all.containers_ended = total(all.containers_ended, wiring.containers_ended);
        add_wait_points(&mut all.forgotten_readers, wiring.forgotten_readers);
        all.stream_errors.count = total(all.stream_errors.count, wiring.stream_errors.count);
        if all.stream_errors.example.is_none() {
            all.stream_errors.example = wiring.stream_errors.example;
        }
        let exhausted = [
            all.fds_exhausted_at_rotation,
            wiring.fds_exhausted_at_rotation,
        ];
        all.fds_exhausted_at_rotation = exhausted.into_iter().flatten().min();
        all.runtime.busy_ratio = total_share(all.runtime.busy_ratio, wiring.runtime.busy_ratio);
        all.runtime.polls = total(all.runtime.polls, wiring.runtime.polls);
        all.engine_side = engine_side(&all.engine_side, &wiring.engine_side);
        all.samples = samples(&all.samples, wiring.samples);
        self.note(host, wiring.verdict, wiring.reason, rows);
    }

    /// Notes a host of so many containers that made no report: nobody knows what happened there.
    pub(super) fn miss(&mut self, host: &str, containers: u64, why: &str) {
        self.missing += 1;
        self.all
            .cut_short
            .get_or_insert_with(|| format!("{host}: {why}"));
        let row = HostReport {
            host: host.into(),
            containers: Some(containers),
            verdict: Verdict::Inconclusive,
            cut_short: Some(why.into()),
            baseline: None,
            r#final: None,
            rates: Rates::default(),
        };
        self.note(host, row.verdict, format!("no report: {why}"), vec![row]);
    }

    fn note(&mut self, host: &str, verdict: Verdict, reason: String, rows: Vec<HostReport>) {
        if badness(verdict) > badness(self.worst) {
            (self.worst, self.reason) = (verdict, reason);
            self.caused_by.clear();
        }
        if verdict == self.worst {
            self.caused_by.push(host.into());
        }
        self.all.hosts.extend(rows);
    }

    /// The reports as one, on so many containers with so long a rotation.
    pub(super) fn report(mut self, containers: u64, rotation_ms: u64) -> WiringReport {
        let whose = whose(&self.caused_by, self.reports + self.missing);
        let mut samples = Samples::default();
        for sample in &self.all.samples {
            let exhausted = self.all.fds_exhausted_at_rotation;
            let counts = exhausted.is_none_or(|rotation| sample.rotation < Some(rotation));
            samples.add(sample.clone(), counts);
        }
        let scale = RateScale {
            containers,
            rotation: Duration::from_millis(rotation_ms),
        };
        let (tasks, fds) = samples.growths();
        let all = &mut self.all;
        all.rates = Rates {
            tasks: tasks.and_then(|growths| rate(growths, scale)),
            fds: fds.and_then(|growths| rate(growths, scale)),
        };
        all.baseline = all.samples.first().map(Sample::counts);
        all.r#final = all.samples.last().map(Sample::counts);
        all.verdict = self.worst;
        all.reason = format!("{whose}{}", self.reason);
        let rotations = self.container_rotations as f64;
        for site in &mut all.sites {
            site.per_rotation_per_container =
                (self.container_rotations > 0).then(|| site.leaked as f64 / rotations);
        }
        (all.sites).sort_by(|a, b| b.leaked.cmp(&a.leaked).then(b.r#final.cmp(&a.r#final)));
        (all.hung.r#where).sort_by_key(|place| std::cmp::Reverse(place.containers));
        (all.forgotten_readers).sort_by_key(|point| std::cmp::Reverse(point.tasks));
        all.predicted = shared_out(&all.predicted, containers);
        all.runtime.busy_ratio = (all.runtime.busy_ratio).map(|busy| busy / self.reports as f64);
        self.all
    }

    /// Whether a report is of this wiring.
    pub(super) fn is_of(&self, wiring: &WiringReport) -> bool {
        self.all.name == wiring.name
    }

    pub(super) fn name(&self) -> &str {
        &self.all.name
    }
}

/// A row for the host, or those of the hosts that its report was merged of.
fn rows(host: &str, wiring: &WiringReport, containers: u64) -> Vec<HostReport> {
    if !wiring.hosts.is_empty() {
        return wiring.hosts.clone();
    }
    vec![HostReport {
        host: host.into(),
        containers: Some(containers),
        verdict: wiring.verdict,
        cut_short: wiring.cut_short.clone(),
        baseline: wiring.baseline,
        r#final: wiring.r#final,
        rates: wiring.rates,
    }]
}

fn cut_short(host: &str, wiring: &WiringReport) -> Option<String> {
    (wiring.cut_short.as_ref()).map(|why| format!("{host}: {why}"))
}

fn badness(verdict: Verdict) -> Option<usize> {
    FROM_BEST.iter().position(|one| *one == verdict)
}

/// Whose verdict it is, before its reason.
fn whose(hosts: &[String], of: u64) -> String {
    let count = hosts.len() as u64;
    match hosts {
        [] => String::new(),
        [only] if of == 1 => format!("{only}: "),
        [first, ..] if count == of => format!("on all of {of} hosts, as on {first}: "),
        _ => {
            let named = hosts[..hosts.len().min(NAMED)].join(", ");
            let more = match hosts.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("on {count} of {of} hosts ({named}{more}): ")
        }
    }
}

fn total(all: Option<u64>, one: Option<u64>) -> Option<u64> {
    Some(all?.saturating_add(one?))
}

fn total_share(all: Option<f64>, one: Option<f64>) -> Option<f64> {
    Some(all? + one?)
}

fn churn(all: Option<Churn>, one: Option<Churn>) -> Option<Churn> {
    let (Some(all), Some(one)) = (all, one) else {
        return all.or(one);
    };
    Some(Churn {
        replaced: all.replaced.saturating_add(one.replaced),
        rotations_excused: (all.rotations_excused).saturating_add(one.rotations_excused),
    })
}

fn rotations(all: Rotations, one: Rotations) -> Rotations {
    let fewest = |all: Option<u64>, one: Option<u64>| Some(all?.min(one?));
    Rotations {
        due: fewest(all.due, one.due),
        made: fewest(all.made, one.made),
        missed: total(all.missed, one.missed),
        sufficed: (all.sufficed.zip(one.sufficed)).map(|(all, one)| all.max(one)),
    }
}

fn delivery(all: Delivery, one: Delivery) -> Delivery {
    Delivery {
        emitted: total(all.emitted, one.emitted),
        read: total(all.read, one.read),
        lost: total(all.lost, one.lost),
        duplicated: total(all.duplicated, one.duplicated),
        redelivered: total(all.redelivered, one.redelivered),
    }
}

fn engine_side(all: &EngineSide, one: &EngineSide) -> EngineSide {
    EngineSide {
        shared: all.shared || one.shared,
        connections_baseline: total(all.connections_baseline, one.connections_baseline),
        connections_final: total(all.connections_final, one.connections_final),
        goroutines_baseline: total(all.goroutines_baseline, one.goroutines_baseline),
        goroutines_final: total(all.goroutines_final, one.goroutines_final),
        fds_baseline: total(all.fds_baseline, one.fds_baseline),
        fds_final: total(all.fds_final, one.fds_final),
        faults: shards::added([&all.faults, &one.faults]),
        followers: None,
    }
}

/// The samples of the rotations that both have, added up.
fn samples(all: &[Sample], one: Vec<Sample>) -> Vec<Sample> {
    let mut left = all.iter().peekable();
    let mut both = Vec::with_capacity(all.len());
    for sample in one {
        while left
            .next_if(|other| other.rotation < sample.rotation)
            .is_some()
        {}
        if let Some(other) = left.next_if(|other| other.rotation == sample.rotation) {
            both.push(shards::samples(&[other.clone(), sample]));
        }
    }
    both
}

/// Sites are the same whose tasks are called alike, in one package.
fn add_sites(all: &mut Vec<SiteReport>, one: Vec<SiteReport>) {
    for site in one {
        let same = |other: &&mut SiteReport| {
            (&other.label, &other.package) == (&site.label, &site.package)
        };
        match all.iter_mut().find(same) {
            Some(other) => {
                other.baseline = other.baseline.saturating_add(site.baseline);
                other.r#final = other.r#final.saturating_add(site.r#final);
                other.leaked = other.leaked.saturating_add(site.leaked);
                // Of builds at other places, or of other versions, there is none for both.
                other.location = other
                    .location
                    .take()
                    .filter(|here| Some(here) == site.location.as_ref());
            }
            None => all.push(site),
        }
    }
}

fn add_wait_points(all: &mut Vec<WaitPoint>, one: Vec<WaitPoint>) {
    for point in one {
        match all.iter_mut().find(|other| other.place == point.place) {
            Some(other) => other.tasks = other.tasks.saturating_add(point.tasks),
            None => all.push(point),
        }
    }
}

/// What is expected of each container, for so many.
fn times(predicted: &Predicted, containers: u64) -> Predicted {
    let times = |rate: Option<f64>| rate.map(|rate| rate * containers as f64);
    Predicted {
        tasks_per_rotation_per_container: times(predicted.tasks_per_rotation_per_container),
        fds_per_rotation_per_container: times(predicted.fds_per_rotation_per_container),
        containers_hung: predicted.containers_hung,
    }
}

fn added_predictions(all: &Predicted, one: &Predicted) -> Predicted {
    Predicted {
        tasks_per_rotation_per_container: total_share(
            all.tasks_per_rotation_per_container,
            one.tasks_per_rotation_per_container,
        ),
        fds_per_rotation_per_container: total_share(
            all.fds_per_rotation_per_container,
            one.fds_per_rotation_per_container,
        ),
        containers_hung: total(all.containers_hung, one.containers_hung),
    }
}

/// What is expected of all of so many containers, for each.
fn shared_out(predicted: &Predicted, containers: u64) -> Predicted {
    let each = |rate: Option<f64>| {
        let rate = rate.filter(|_| containers > 0);
        rate.map(|rate| rate / containers as f64)
    };
    Predicted {
        tasks_per_rotation_per_container: each(predicted.tasks_per_rotation_per_container),
        fds_per_rotation_per_container: each(predicted.fds_per_rotation_per_container),
        containers_hung: predicted.containers_hung,
    }
}
