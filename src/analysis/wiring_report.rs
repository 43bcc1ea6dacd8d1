//! What one wiring did, from what its workers said.

use std::collections::{BTreeMap, BTreeSet};

use leakcheck_report::model::report::{
    Churn, Delivery, EngineSide, FdsByKind, GoReference, HostReport, Hung, HungPlace, Rates,
    Rotations, Sample, SiteReport, WaitPoint, WiringReport,
};
use leakcheck_text::duration::millis;
use log_monitor::wiring::Wiring;

use super::prediction::{Load, predict};
use super::rates::{RateScale, rate};
use super::samples::Samples;
use super::shards;
use super::verdict::{Evidence, answers, judge};
use crate::protocol::{TaskSite, WorkerResult};

/// What a wiring's workers said so far, added up, and what it was asked to do.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The wiring.
    pub wiring: Wiring,
    /// Rotations asked for.
    pub rotations: u64,
    /// The load that the wiring was under.
    pub load: Load,
    /// What is counted beside tasks.
    pub fd_unit: &'static str,
    /// Whether all wirings used one engine at once.
    pub engine_shared: bool,
    /// The samples so far.
    pub samples: Samples,
    /// Live tasks by spawn site at the baseline.
    pub sites_baseline: BTreeMap<TaskSite, u64>,
    /// Live tasks by spawn site after the last rotation whose sample tells a rate.
    pub sites_final: BTreeMap<TaskSite, u64>,
    /// The rotation in which a process could open no more files.
    pub fds_exhausted_at_rotation: Option<u64>,
    /// Whether the samples sufficed for a verdict before all rotations were made.
    pub evidence_sufficed: bool,
    /// Their last words; `None` while they have not been said, or were never.
    pub finding: Option<WorkerResult>,
    /// Why the wiring's run ended early, where it did.
    pub cut_short: Option<String>,
    /// The same of each host's containers by themselves, where there are several hosts.
    pub hosts: Vec<HostObservation>,
}

/// What was observed on one of several hosts.
#[derive(Debug, Clone)]
pub struct HostObservation {
    /// What the host is called.
    pub host: String,
    /// What was observed there.
    pub observed: Observation,
}

impl Observation {
    /// Nothing yet, of a wiring under this load that is to make so many rotations.
    pub fn new(wiring: Wiring, rotations: u64, load: Load, fd_unit: &'static str) -> Self {
        Self {
            wiring,
            rotations,
            load,
            fd_unit,
            engine_shared: false,
            samples: Samples::default(),
            sites_baseline: BTreeMap::new(),
            sites_final: BTreeMap::new(),
            fds_exhausted_at_rotation: None,
            evidence_sufficed: false,
            finding: None,
            cut_short: None,
            hosts: Vec::new(),
        }
    }

    /// Takes in what was read after the next rotation, the baseline first.
    pub fn add(&mut self, sample: Sample, sites: BTreeMap<TaskSite, u64>, fds_exhausted: bool) {
        match sample.rotation {
            Some(0) => {
                self.sites_baseline.clone_from(&sites);
                self.sites_final = sites;
            }
            rotation if fds_exhausted => self.fds_exhausted_at_rotation = rotation,
            _ => self.sites_final = sites,
        }
        self.samples.add(sample, !fds_exhausted);
    }

    /// Notes that the wiring's run ended early, on all hosts. What was noted first stays.
    pub fn cut_short(&mut self, why: &str) {
        self.cut_short.get_or_insert_with(|| why.to_owned());
        for host in &mut self.hosts {
            host.observed.cut_short(why);
        }
    }

    /// Notes that the run ended early because of one host, or of the only one.
    pub fn cut_short_on(&mut self, host: usize, why: &str) {
        let all = match self.hosts.get_mut(host) {
            Some(host) => {
                host.observed.cut_short(why);
                format!("{}: {why}", host.host)
            }
            None => why.to_owned(),
        };
        self.cut_short.get_or_insert(all);
    }

    /// Takes the workers' last words, one for each host where there are several, and their sum.
    pub fn conclude(&mut self, findings: Vec<WorkerResult>) {
        for (host, finding) in self.hosts.iter_mut().zip(&findings) {
            host.observed.finding = Some(finding.clone());
        }
        self.finding = Some(shards::findings(findings));
    }

    /// Weighs what was observed.
    pub fn report(&self) -> WiringReport {
        let finding = self.finding.clone().unwrap_or_default();
        let measured = self.samples.counted_rotations();
        let rotations = match &self.finding {
            Some(finding) => Rotations {
                due: Some(finding.rotations_due),
                made: Some(finding.rotations_made),
                missed: Some(finding.rotations_missed),
                sufficed: (self.evidence_sufficed).then_some(finding.rotations_due),
            },
            None => self.rotations_sampled(),
        };
        let (rates, delivery) = (self.rates(), self.delivery());
        let hung = match &self.finding {
            Some(finding) => hung(finding),
            None => Hung::default(),
        };
        let forgotten_readers = wait_points(&finding);
        let faults = self.load.faults.then(|| self.faults().values().sum());
        let evidence = Evidence {
            containers: self.load.containers,
            rotations_asked: rotations.sufficed.unwrap_or(self.rotations),
            rotations,
            samples: &self.samples,
            rates,
            delivery,
            hung: &hung,
            containers_ended: finding.containers_ended,
            containers_without_room: finding.containers_without_room,
            restarts: self.load.restart.is_some(),
            faults,
            replaced: finding.replacements.replaced,
            rotations_excused: finding.replacements.rotations_excused,
            fd_unit: self.fd_unit,
            fds_exhausted_at_rotation: self.fds_exhausted_at_rotation,
            stream_error: finding.stream_errors.example.as_deref(),
            cut_short: self.cut_short.as_deref(),
        };
        let (verdict, mut reason) = judge(evidence);
        let replacements = finding.replacements;
        let churn = (replacements.replaced > 0).then_some(Churn {
            replaced: replacements.replaced,
            rotations_excused: replacements.rotations_excused,
        });
        if churn.is_some() {
            let times = times(replacements.replaced);
            reason += &format!("; a container was replaced {times}, which is not in the rates");
        }
        if let Some(injected) = faults.filter(|injected| *injected > 0) {
            reason += &format!("; the engine failed on purpose {}", times(injected));
        }
        if let Some(sufficed) = rotations.sufficed {
            reason += &format!(
                "; {sufficed} rotations sufficed of {} at most",
                self.rotations
            );
        }
        WiringReport {
            name: self.wiring.name.clone(),
            summary: self.wiring.summary.clone(),
            verdict,
            reason,
            answers: Some(answers(evidence)),
            covers: self.covers(),
            source: Some("hooks".into()),
            began_at: None,
            cut_short: self.cut_short.clone(),
            rotations,
            baseline: self.samples.first().map(Sample::counts),
            r#final: self.samples.last().map(Sample::counts),
            after_shutdown: finding.after_shutdown,
            rates,
            predicted: predict(&self.wiring, self.load),
            go_reference: self.go_reference(),
            sites: self.sites(measured),
            fds_by_kind: FdsByKind {
                baseline: finding.fds_baseline,
                r#final: finding.fds_final,
            },
            delivery,
            hung,
            containers_ended: self
                .finding
                .as_ref()
                .map(|finding| finding.containers_ended),
            forgotten_readers,
            stream_errors: finding.stream_errors,
            fds_exhausted_at_rotation: self.fds_exhausted_at_rotation,
            runtime: finding.runtime,
            engine_side: self.engine_side(),
            trends: None,
            leak_profile: None,
            hosts: self.hosts.iter().map(HostObservation::report).collect(),
            churn,
            samples_left_out: self.samples.left_out(),
            samples: self.samples.kept().to_vec(),
        }
    }

    /// The counts that every sample has.
    fn covers(&self) -> Vec<String> {
        let samples = self.samples.kept();
        let counts = [
            ("tasks", samples.iter().all(|sample| sample.tasks.is_some())),
            (
                self.fd_unit,
                samples.iter().all(|sample| sample.fds.is_some()),
            ),
        ];
        let read = counts
            .into_iter()
            .filter(|(_, read)| *read && !samples.is_empty());
        read.map(|(name, _)| name.to_owned()).collect()
    }

    /// The rotations as the samples tell them, while the worker has not said its last word.
    fn rotations_sampled(&self) -> Rotations {
        let Some(last) = self.samples.last() else {
            return Rotations {
                due: Some(0),
                made: Some(0),
                missed: None,
                sufficed: None,
            };
        };
        Rotations {
            due: last.rotation,
            made: Some(self.samples.made_by_all().unwrap_or(0)),
            // Only the worker's last word tells whether those that were due later were made.
            missed: None,
            sufficed: None,
        }
    }

    /// The growth so far.
    pub fn rates(&self) -> Rates {
        let scale = RateScale {
            containers: self.load.containers,
            rotation: self.load.rotation,
        };
        let (tasks, fds) = self.samples.growths();
        Rates {
            tasks: tasks.and_then(|growths| rate(growths, scale)),
            fds: fds.and_then(|growths| rate(growths, scale)),
        }
    }

    fn delivery(&self) -> Delivery {
        let Some(finding) = &self.finding else {
            return Delivery::default();
        };
        match finding.delivery {
            Some(totals) => Delivery {
                emitted: totals.emitted,
                read: Some(totals.read),
                lost: totals.lost,
                duplicated: Some(totals.duplicated),
                redelivered: None,
            },
            None => Delivery {
                read: Some(finding.delivered.iter().map(|one| one.lines).sum()),
                ..Delivery::default()
            },
        }
    }

    fn go_reference(&self) -> Option<GoReference> {
        self.wiring.go.as_ref().map(|go| GoReference {
            row: self.wiring.letter.clone(),
            goroutines_per_rotation_per_container: go.goroutines,
            fds_per_rotation_per_container: go.fds,
            hung: go.hung.clone(),
        })
    }

    /// The sites by growth, the most leaked first.
    fn sites(&self, rotations: u64) -> Vec<SiteReport> {
        let (first, last) = (&self.sites_baseline, &self.sites_final);
        let names: BTreeSet<&TaskSite> = first.keys().chain(last.keys()).collect();
        let divisor = (rotations * self.load.containers) as f64;
        let row = |label, location, package, baseline: u64, last: u64| {
            let leaked = last as i64 - baseline as i64;
            SiteReport {
                label,
                location,
                package,
                baseline,
                r#final: last,
                leaked,
                per_rotation_per_container: (rotations > 0).then(|| leaked as f64 / divisor),
                meaning: None,
            }
        };
        let of = |counts: &BTreeMap<TaskSite, u64>, site| counts.get(site).copied().unwrap_or(0);
        let mut sites: Vec<SiteReport> = names
            .into_iter()
            .map(|site| {
                let TaskSite {
                    label,
                    location,
                    package,
                } = site.clone();
                let (baseline, last) = (of(first, site), of(last, site));
                row(label, Some(location), Some(package), baseline, last)
            })
            .collect();
        // What the runtime counted beyond the sites that are known: all of it hidden in a build
        // without spawn sites, and nothing in one with them.
        if let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) {
            let known = |of: fn(&SiteReport) -> u64| sites.iter().map(of).sum::<u64>();
            let hidden =
                |sample: &Sample, known: u64| sample.tasks.unwrap_or(0).saturating_sub(known);
            let hidden_first = hidden(first, known(|site| site.baseline));
            let hidden_last = hidden(last, known(|site| site.r#final));
            if !cfg!(tokio_unstable) && (hidden_first > 0 || hidden_last > 0) {
                let label = "hidden (not attributed)".to_owned();
                sites.push(row(label, None, None, hidden_first, hidden_last));
            }
        }
        sites.sort_by(|a, b| b.leaked.cmp(&a.leaked).then(b.r#final.cmp(&a.r#final)));
        sites
    }

    /// The faults that the engine told of last.
    fn faults(&self) -> BTreeMap<String, u64> {
        let mut engines = self.samples.kept().iter().rev();
        let told =
            engines.find_map(|sample| sample.engine.as_ref().filter(|e| !e.faults.is_empty()));
        told.map(|engine| engine.faults.clone()).unwrap_or_default()
    }

    fn engine_side(&self) -> EngineSide {
        let of = |sample: Option<&Sample>| sample.and_then(|sample| sample.engine.clone());
        let first = of(self.samples.first()).unwrap_or_default();
        let last = of(self.samples.last()).unwrap_or_default();
        EngineSide {
            shared: self.engine_shared,
            connections_baseline: first.connections,
            connections_final: last.connections,
            goroutines_baseline: first.goroutines,
            goroutines_final: last.goroutines,
            fds_baseline: first.fds,
            fds_final: last.fds,
            faults: self.faults(),
            followers: None,
        }
    }
}

impl HostObservation {
    fn report(&self) -> HostReport {
        let report = self.observed.report();
        HostReport {
            host: self.host.clone(),
            containers: Some(self.observed.load.containers),
            verdict: report.verdict,
            cut_short: report.cut_short,
            baseline: report.baseline,
            r#final: report.r#final,
            rates: report.rates,
        }
    }
}

fn times(count: u64) -> String {
    match count {
        1 => "once".into(),
        count => format!("{count} times"),
    }
}

fn hung(finding: &WorkerResult) -> Hung {
    let mut places: Vec<HungPlace> = finding
        .hung
        .iter()
        .map(|hung| HungPlace {
            place: hung.place.clone(),
            containers: hung.containers,
            shortest_ms: millis(hung.shortest),
            longest_ms: millis(hung.longest),
        })
        .collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.containers));
    Hung {
        containers: Some(places.iter().map(|place| place.containers).sum()),
        r#where: places,
    }
}

fn wait_points(finding: &WorkerResult) -> Vec<WaitPoint> {
    let mut points: Vec<WaitPoint> = finding
        .forgotten_readers
        .iter()
        .map(|(place, &tasks)| WaitPoint {
            place: place.clone(),
            tasks,
        })
        .collect();
    points.sort_by_key(|point| std::cmp::Reverse(point.tasks));
    points
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wirings;

    /// What a wiring did whose tasks were so many after each rotation, some of them held up for so long.
    fn observation(samples: &[(u64, u64)]) -> Observation {
        let sample = |(rotation, &(tasks, held_ms)): (u64, &(u64, u64))| Sample {
            rotation: Some(rotation),
            tasks: Some(tasks),
            fds: Some(9),
            settled: true,
            held_ms,
            ..Sample::default()
        };
        let load = Load {
            containers: 4,
            silent: Some(2),
            back_pressure: false,
            rotation: Duration::from_secs(300),
            restart: None,
            faults: false,
        };
        let wiring = wirings::find("old").expect("a wiring");
        let mut observation = Observation::new(wiring, 3, load, "fds");
        for sample in (0..).zip(samples).map(sample) {
            observation.add(sample, BTreeMap::new(), false);
        }
        observation
    }

    fn each(samples: &[(u64, u64)]) -> Option<f64> {
        observation(samples)
            .rates()
            .tasks?
            .per_rotation_per_container
    }

    #[test]
    fn what_grew_while_a_rotation_was_held_up_is_not_in_the_rates() {
        assert_eq!(each(&[(16, 0), (24, 0), (32, 9000), (40, 0)]), Some(2.0));
        // As health checks leak: with time.
        assert_eq!(each(&[(16, 0), (24, 0), (400, 9000), (408, 0)]), Some(2.0));
        assert_eq!(each(&[(16, 0), (24, 9000)]), Some(2.0), "there is no other");
        assert_eq!(each(&[(16, 0)]), None);
    }
}
