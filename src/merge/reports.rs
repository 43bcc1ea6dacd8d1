//! Reports added up one by one: of all that were taken in no more is kept than their sum, and a row for
//! each host.

use std::fmt;

use leakcheck_report::gate::baseline::difference;
use leakcheck_report::model::report::{Config, Report};
use leakcheck_report::model::settings::Settings;

use super::wiring::Sum;

/// Why a report cannot be added to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlike(String);

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unlike {}

/// Reports of the same configuration, as far as they have been taken in.
#[derive(Debug)]
pub struct Merge {
    /// What the first was called.
    first: String,
    /// Without its wirings.
    report: Report,
    wirings: Vec<Sum>,
}

impl Merge {
    /// Begins with a report, by the name of its host.
    ///
    /// # Errors
    /// Refuses a report that is not of a run, and one that keeps a part of its samples.
    pub fn of(host: &str, mut report: Report) -> Result<Self, Unlike> {
        check(host, &report)?;
        let wirings = std::mem::take(&mut report.wirings).into_iter();
        let containers = report.config.containers.unwrap_or(0);
        let wirings = wirings.map(|wiring| Sum::of(host, wiring, containers));
        report.gates.clear();
        // Each of them was made by a command of its own.
        report.provenance = None;
        Ok(Self {
            first: host.into(),
            wirings: wirings.collect(),
            report,
        })
    }

    /// Adds a report.
    ///
    /// # Errors
    /// Refuses what [`Merge::of`] refuses, and a report of another configuration or of other wirings, and
    /// names what differs.
    pub fn add(&mut self, host: &str, report: Report) -> Result<(), Unlike> {
        check(host, &report)?;
        if let Some((what, was, is)) = unlike(&self.report.config, &report.config) {
            return Err(Unlike(format!(
                "{host} was measured with {what} {is}, and {} with {was}: only reports of the same \
                 configuration are merged",
                self.first
            )));
        }
        let named = |sum: &Sum, wirings: &[_]| wirings.iter().any(|one| sum.is_of(one));
        let missing = self.wirings.iter().find(|sum| !named(sum, &report.wirings));
        if let Some(sum) = missing {
            return Err(Unlike(format!(
                "{host} has no wiring {}, which {} has: only reports of the same wirings are merged",
                sum.name(),
                self.first
            )));
        }
        let containers = report.config.containers.unwrap_or(0);
        for wiring in report.wirings {
            match self.wirings.iter_mut().find(|sum| sum.is_of(&wiring)) {
                Some(sum) => sum.add(host, wiring, containers),
                None => {
                    return Err(Unlike(format!(
                        "{host} has a wiring {}, which {} has not: only reports of the same wirings are \
                         merged",
                        wiring.name, self.first
                    )));
                }
            }
        }
        let (all, config) = (&mut self.report, report.config);
        all.partial |= report.partial;
        all.tool.spawn_sites &= report.tool.spawn_sites;
        let containers = all.config.containers.zip(config.containers);
        all.config.containers = containers.map(|(all, one)| all.saturating_add(one));
        all.config.shards = None;
        for host in config.hosts {
            if !all.config.hosts.contains(&host) {
                all.config.hosts.push(host);
            }
        }
        all.config.seed = all.config.seed.filter(|seed| config.seed == Some(*seed));
        let settings = all.config.settings.take().zip(config.settings);
        all.config.settings = settings.and_then(|(all, one)| added(all, &one));
        Ok(())
    }

    /// Notes a host of so many containers that made no report, and why: all of them are a partial one then.
    pub fn miss(&mut self, host: &str, containers: u64, why: &str) {
        self.report.partial = true;
        for sum in &mut self.wirings {
            sum.miss(host, containers, why);
        }
    }

    /// The reports as one.
    pub fn finish(mut self) -> Report {
        let config = &self.report.config;
        let (containers, rotation_ms) = (config.containers, config.rotation_ms.unwrap_or(0));
        let wirings = self.wirings.into_iter();
        let wirings = wirings.map(|sum| sum.report(containers.unwrap_or(0), rotation_ms));
        self.report.wirings = wirings.collect();
        self.report
    }
}

fn check(host: &str, report: &Report) -> Result<(), Unlike> {
    if report.config.watched.is_some() {
        return Err(Unlike(format!(
            "{host} tells of a process that was watched: only reports of `leakcheck run` are merged"
        )));
    }
    match report
        .wirings
        .iter()
        .find(|wiring| wiring.samples_left_out > 0)
    {
        Some(wiring) => Err(Unlike(format!(
            "{host} keeps a part of the samples of {} only, out of which no rate can be worked out again",
            wiring.name
        ))),
        None => Ok(()),
    }
}

/// The settings of both, whose containers are together; `None` where they are not of one seed.
fn added(all: Settings, one: &Settings) -> Option<Settings> {
    (all.workload == one.workload).then(|| Settings {
        containers: all.containers.saturating_add(one.containers),
        ..all
    })
}

/// What differs between two configurations beside what differs from host to host: how many containers
/// there are, what they print when, and among how many processes they are shared out.
fn unlike(was: &Config, is: &Config) -> Option<(String, String, String)> {
    fn told<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "none".into(), |value| value.to_string())
    }
    let of = |config: &Config| {
        [
            ("--rotations", told(config.rotations)),
            ("--until verdict", config.until_verdict.to_string()),
            ("--image", told(config.image.as_deref())),
            ("--attach", told(config.attach.as_deref())),
            ("--scenario", told(config.scenario.as_deref())),
        ]
    };
    let is = Config {
        containers: was.containers,
        ..is.clone()
    };
    difference(was, &is, &[]).or_else(|| {
        let mut pairs = of(was).into_iter().zip(of(&is));
        let ((what, was), (_, is)) = pairs.find(|((_, was), (_, is))| was != is)?;
        Some((what.into(), was, is))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use leakcheck_test::growth::signed_difference;

    use crate::analysis::rates::{Growths, RateScale, rate};
    use leakcheck_report::gate::test_report;
    use leakcheck_report::model::report::{Rate, Sample, Verdict};

    /// A host's report: its containers, and its tasks and file descriptors after each rotation.
    fn report(containers: u64, verdict: Verdict, counts: &[(u64, u64)]) -> Report {
        let mut wiring = test_report::wiring("old", verdict, 0.0);
        let sample = |(rotation, &(tasks, fds)): (u64, &(u64, u64))| Sample {
            rotation: Some(rotation),
            tasks: Some(tasks),
            fds: Some(fds),
            settled: true,
            ..Sample::default()
        };
        wiring.samples = (0..).zip(counts).map(sample).collect();
        let (first, last) = (counts[0].0, counts[counts.len() - 1].0);
        let leaked = last as i64 - first as i64;
        let site = json!({"label": "reader", "location": "reader.rs:1:1", "package": "leakcheck",
            "baseline": first, "final": last, "leaked": leaked, "per_rotation_per_container": null});
        wiring.sites = vec![serde_json::from_value(site).expect("a site")];
        let mut report = test_report::report([wiring]);
        report.config.containers = Some(containers);
        report
    }

    fn merged<'a>(reports: impl IntoIterator<Item = (&'a str, Report)>) -> Result<Report, Unlike> {
        let mut reports = reports.into_iter();
        let (host, first) = reports.next().expect("some");
        let mut merge = Merge::of(host, first)?;
        for (host, report) in reports {
            merge.add(host, report)?;
        }
        Ok(merge.finish())
    }

    fn rate_of(counts: &[u64], containers: u64) -> Option<Rate> {
        let pairs = counts.windows(2);
        let growths: Growths = pairs
            .map(|pair| signed_difference(pair[0], pair[1]))
            .collect();
        let rotation = Duration::from_secs(1);
        rate(
            growths,
            RateScale {
                containers,
                rotation,
            },
        )
    }

    const STEADY: [(u64, u64); 3] = [(4, 9), (4, 9), (4, 9)];
    const LEAKING: [(u64, u64); 3] = [(4, 9), (6, 10), (8, 11)];

    #[test]
    fn the_worst_verdict_is_told_with_the_hosts_that_it_was_found_on() {
        let clean = || report(1, Verdict::Clean, &STEADY);
        let leaking = || report(1, Verdict::Leaking, &LEAKING);
        let verdict = |reports: Vec<(&str, Report)>| {
            let wiring = merged(reports).expect("alike").wirings.remove(0);
            (wiring.verdict, wiring.reason)
        };
        let reason = |whose: &str| format!("{whose}: so it was measured");
        assert_eq!(
            verdict(vec![("a", clean()), ("b", leaking()), ("c", clean())]),
            (Verdict::Leaking, reason("on 1 of 3 hosts (b)"))
        );
        assert_eq!(
            verdict(vec![("a", clean()), ("b", clean())]),
            (Verdict::Clean, reason("on all of 2 hosts, as on a"))
        );
        // What nobody could judge is not clean, and what hangs is worse than what leaks.
        let unknown = report(1, Verdict::Inconclusive, &STEADY);
        assert_eq!(
            verdict(vec![("a", clean()), ("b", unknown)]).0,
            Verdict::Inconclusive
        );
        let hung = report(1, Verdict::Hung, &STEADY);
        assert_eq!(
            verdict(vec![("a", hung), ("b", leaking())]).0,
            Verdict::Hung
        );
        let many: Vec<String> = (0..9).map(|host| host.to_string()).collect();
        let many = many.iter().map(|host| (host.as_str(), leaking()));
        let with_a_clean_one = many.chain([("z", clean())]).collect();
        let (_, told) = verdict(with_a_clean_one);
        assert_eq!(told, reason("on 9 of 10 hosts (0, 1, 2 and 6 more)"));
    }

    #[test]
    fn each_host_has_a_row_and_a_merged_report_hands_its_rows_on() {
        let host = |verdict| report(2, verdict, &LEAKING);
        let two = merged([("a", host(Verdict::Leaking)), ("b", host(Verdict::Hung))]);
        let all = merged([("ab", two.expect("alike")), ("c", host(Verdict::Leaking))]);
        let all = all.expect("alike");
        let wiring = &all.wirings[0];
        let hosts: Vec<&str> = wiring.hosts.iter().map(|host| host.host.as_str()).collect();
        assert_eq!(
            (hosts, all.config.containers),
            (vec!["a", "b", "c"], Some(6))
        );
        let rate = wiring.rates.tasks.expect("a rate");
        assert_eq!(
            (rate.per_rotation, rate.per_rotation_per_container),
            (Some(6.0), Some(1.0))
        );
    }

    #[test]
    fn other_configurations_and_other_wirings_are_refused_with_what_differs() {
        let other = |change: fn(&mut Report)| {
            let mut other = report(1, Verdict::Clean, &STEADY);
            change(&mut other);
            let refusal = merged([("a", report(1, Verdict::Clean, &STEADY)), ("b", other)]);
            refusal.expect_err("unlike").to_string()
        };
        let rotation = other(|report| report.config.rotation_ms = Some(2000));
        assert!(
            rotation.contains("b was measured with --rotation 2s, and a with 1s"),
            "{rotation}"
        );
        let rotations = other(|report| report.config.rotations = Some(3));
        assert!(rotations.contains("--rotations 3"), "{rotations}");
        let gone = other(|report| report.wirings.clear());
        assert!(gone.contains("b has no wiring old"), "{gone}");
        let new = other(|report| {
            report
                .wirings
                .push(test_report::wiring("fixed", Verdict::Clean, 0.0));
        });
        assert!(new.contains("b has a wiring fixed"), "{new}");
        let thinned = other(|report| report.wirings[0].samples_left_out = 1);
        assert!(thinned.contains("a part of the samples"), "{thinned}");
        let watched = other(|report| report.config.watched = Some(Default::default()));
        assert!(
            watched.contains("only reports of `leakcheck run`"),
            "{watched}"
        );
        // Hosts have as many containers as they have, and other lines.
        let alike = |report: &mut Report| {
            (report.config.containers, report.config.seed) = (Some(7), Some(9));
        };
        let mut other = report(1, Verdict::Clean, &STEADY);
        alike(&mut other);
        let both = merged([("a", report(1, Verdict::Clean, &STEADY)), ("b", other)]);
        let config = both.expect("alike").config;
        assert_eq!((config.containers, config.seed), (Some(8), None));
    }

    #[test]
    fn every_setting_is_compared_and_those_of_hosts_are_one_with_all_containers() {
        let of = |containers, change: fn(&mut Settings)| {
            let mut settings = Settings {
                containers,
                ..Settings::default()
            };
            change(&mut settings);
            let mut report = report(1, Verdict::Clean, &STEADY);
            report.config.settings = Some(settings);
            report
        };
        let settings = |second| {
            let both = merged([("a", of(3, |_| ())), ("b", second)]);
            both.map(|report| report.config.settings)
        };
        let together = settings(of(4, |_| ())).expect("alike").expect("settings");
        assert_eq!(together.containers, 7);
        let seed = |all: &mut Settings| all.workload.as_mut().expect("made").seed = 9;
        assert_eq!(settings(of(4, seed)), Ok(None), "no seed is that of both");
        let delay = |all: &mut Settings| all.consumer_delay = Duration::from_millis(5);
        let refusal = settings(of(4, delay)).expect_err("unlike").to_string();
        assert!(
            refusal.contains("b was measured with --consumer-delay 5ms, and a with 0s"),
            "{refusal}"
        );
    }

    proptest! {
        #[test]
        fn no_figures_of_others_make_a_merge_panic(
            hosts in prop::collection::vec(
                (any::<u64>(), prop::collection::vec(any::<(u64, u64)>(), 1..5)), 1..5
            ),
        ) {
            let reports = hosts.iter().map(|(containers, counts)| {
                let mut report = report(*containers, Verdict::Leaking, &[(0, 0)]);
                let sample = |&(tasks, fds): &(u64, u64)| Sample {
                    rotation: Some(fds % 7),
                    tasks: Some(tasks),
                    fds: Some(fds),
                    ..Sample::default()
                };
                report.wirings[0].samples = counts.iter().map(sample).collect();
                report.wirings[0].delivery.emitted = Some(counts[0].0);
                report.wirings[0].sites[0].r#final = counts[0].1;
                ("host", report)
            });
            let all = merged(reports).expect("alike");
            prop_assert_eq!(all.wirings.len(), 1);
        }

        #[test]
        fn merged_figures_are_those_of_the_added_samples_however_they_are_grouped(
            hosts in (2usize..14).prop_flat_map(|samples| prop::collection::vec(
                (1u64..100, prop::collection::vec((0u64..100_000, 0u64..100_000), samples)), 2..6
            )),
            split in 1usize..5,
        ) {
            let reports = || hosts.iter().map(|(containers, counts)| {
                ("host", report(*containers, Verdict::Leaking, counts))
            });
            let all = merged(reports()).expect("alike");
            let containers = hosts.iter().map(|(containers, _)| containers).sum();
            let sums = |of: fn(&(u64, u64)) -> u64| -> Vec<u64> {
                let at = |index: usize| hosts.iter().map(|(_, counts)| of(&counts[index])).sum();
                (0..hosts[0].1.len()).map(at).collect()
            };
            let (tasks, fds) = (sums(|counts| counts.0), sums(|counts| counts.1));
            let wiring = &all.wirings[0];
            prop_assert_eq!(wiring.rates.tasks, rate_of(&tasks, containers));
            prop_assert_eq!(wiring.rates.fds, rate_of(&fds, containers));
            prop_assert_eq!(wiring.baseline.and_then(|counts| counts.tasks), tasks.first().copied());
            prop_assert_eq!(wiring.r#final.and_then(|counts| counts.fds), fds.last().copied());
            prop_assert_eq!(wiring.sites.len(), 1);
            let leaked = *tasks.last().expect("some") as i64 - tasks[0] as i64;
            prop_assert_eq!(wiring.sites[0].leaked, leaked);
            prop_assert_eq!(wiring.delivery.emitted, Some(9 * hosts.len() as u64));

            let split = split.min(hosts.len() - 1);
            let first = merged(reports().take(split)).expect("alike");
            let rest = merged(reports().skip(split)).expect("alike");
            let grouped = merged([("first", first), ("rest", rest)]).expect("alike");
            prop_assert_eq!(grouped.wirings[0].rates, wiring.rates);
            prop_assert_eq!(&grouped.wirings[0].samples, &wiring.samples);
            prop_assert_eq!(&grouped.wirings[0].hosts, &wiring.hosts);
            prop_assert_eq!(grouped.config, all.config);
        }
    }
}
