//! A report held against a saved one, its baseline: no rate may have grown, and no spawn site may
//! leak that did not.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use leakcheck_text::duration;

use super::evaluate::state;
use super::judge::PartialReports;
use crate::model::metric::Metric;
use crate::model::report::{
    Config, GateResult, Outcome, Rate, Report, Sample, SiteReport, Verdict, WiringReport,
};
use crate::model::settings;

/// Why two reports cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

/// Whether reports are compared that were measured under other conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// They must be the same, and so must the wirings.
    Same,
    /// They may differ; what is compared are the wirings that both have.
    Any,
}

/// Refuses a baseline that was measured otherwise than `config` says, has other wirings, or says
/// nothing of them. Containers that were found, and not asked for, are `None` in `containers`.
///
/// Returns the wirings that only one of the two has, which are not compared.
///
/// # Errors
/// Names the first condition or wiring that differs, or that the baseline says nothing of.
pub fn check<'a>(
    baseline: &Report,
    config: &Config,
    containers: Option<u64>,
    wirings: impl IntoIterator<Item = &'a str>,
    conditions: Conditions,
) -> Result<Vec<String>, Mismatch> {
    if baseline.partial {
        return Err(Mismatch(
            "the baseline is the report of a run that was cut short: measure it again".into(),
        ));
    }
    let mut config = config.clone();
    config.containers = containers.or(baseline.config.containers);
    if conditions == Conditions::Same
        && let Some((name, was, is)) =
            difference(&baseline.config, &config, &["rotations", "until"])
    {
        return Err(Mismatch(format!(
            "the baseline was measured with {name} {was}, this with {is}: measure alike, or compare \
             all the same with --baseline-any"
        )));
    }
    let wirings: Vec<&str> = wirings.into_iter().collect();
    let known = |wiring: &&&str| baseline.wirings.iter().any(|one| one.name == **wiring);
    let (both, new): (Vec<&str>, Vec<&str>) = wirings.iter().partition(|wiring| known(wiring));
    let gone = baseline.wirings.iter().map(|one| one.name.as_str());
    let gone: Vec<&str> = gone.filter(|wiring| !wirings.contains(wiring)).collect();
    if conditions == Conditions::Same {
        for (only, whose, other) in [(&new, "the baseline", "it"), (&gone, "this run", "it")] {
            if let Some(wiring) = only.first() {
                return Err(Mismatch(format!(
                    "{whose} has no wiring {wiring}: measure {other} too, or compare the others with \
                     --baseline-any"
                )));
            }
        }
    }
    if both.is_empty() {
        return Err(Mismatch(
            "the baseline has none of the wirings: there is nothing to compare".into(),
        ));
    }
    let compared = |wiring: &&WiringReport| both.contains(&wiring.name.as_str());
    let says_nothing = |wiring: &&WiringReport| !is_sound(wiring);
    let mut before = baseline.wirings.iter().filter(compared);
    if let Some(wiring) = before.find(says_nothing) {
        return Err(Mismatch(format!(
            "the baseline's {}: it says nothing of what leaks; measure it again",
            state(wiring)
        )));
    }
    Ok(new.into_iter().chain(gone).map(str::to_owned).collect())
}

/// Whether a wiring's figures say what it leaks, so that others may be held to them: it was alive,
/// and there was evidence enough.
pub fn is_sound(wiring: &WiringReport) -> bool {
    matches!(wiring.verdict, Verdict::Clean | Verdict::Leaking)
}

/// The first condition that differs: its flag, its value then, its value now. Of the settings, those in
/// `besides` may differ too.
pub fn difference(was: &Config, is: &Config, besides: &[&str]) -> Option<(String, String, String)> {
    let settings = || {
        let (was, is) = was.settings.as_ref().zip(is.settings.as_ref())?;
        settings::difference(was, is, &[&MAY_DIFFER, besides].concat())
    };
    let workload = || {
        let of = |config: &Config| config.exercised.as_ref()?.workload.clone();
        settings::difference(&of(was)?, &of(is)?, &MAY_DIFFER)
    };
    (difference_of_old(was, is).or_else(settings)).or_else(workload)
}

/// The settings whose difference, if it is one, is told otherwise: of what is measured, and how often.
const MAY_DIFFER: [&str; 4] = ["containers", "seed", "wirings", "health_check_ms"];

/// The first condition that differs of those that stand in every report, whoever wrote it.
fn difference_of_old(was: &Config, is: &Config) -> Option<(String, String, String)> {
    fn told<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "none".into(), |value| value.to_string())
    }
    fn time(ms: u64) -> String {
        duration::format(Duration::from_millis(ms))
    }
    fn faults(config: &Config) -> Option<String> {
        (!config.faults.is_empty()).then(|| config.faults.join(" "))
    }
    let of = |config: &Config| {
        [
            ("--engine", told(config.engine.as_deref())),
            ("--containers", told(config.containers)),
            ("--rotation", told(config.rotation_ms.map(time))),
            ("--clock", config.clock.clone()),
            ("--time-scale", config.time_scale.to_string()),
            ("--silent", told(config.silent)),
            ("--lines-per-second", told(config.lines_per_second)),
            ("--burst", told(config.burst)),
            ("--restart", told(config.restart_ms.map(time))),
            (
                "--keep-ended-streams",
                config.keep_ended_streams.to_string(),
            ),
            ("--fault", told(faults(config))),
            (
                "--rotate-by",
                told((config.exercised.as_ref()).map(|exercised| &exercised.rotate_by)),
            ),
            (
                "--exactly-once",
                told((config.exercised.as_ref()).map(|exercised| exercised.exactly_once)),
            ),
            ("--consumer-delay", told(config.consumer_delay_ms.map(time))),
        ]
    };
    let checks = (was.health_check_ms, is.health_check_ms);
    let mut pairs = of(was).into_iter().zip(of(is));
    let differing = pairs.find(|((_, was), (_, is))| was != is);
    match (differing, checks) {
        (Some(((name, was), (_, is))), _) => Some((name.into(), was, is)),
        // Where only one has a wiring that checks, it is the wirings that differ.
        (None, (Some(was), Some(is))) if was != is => {
            Some(("--health-check".into(), time(was), time(is)))
        }
        (None, _) => None,
    }
}

/// Compares each wiring that both reports have, in the order of `report`.
pub fn compare(report: &Report, baseline: &Report, partial: PartialReports) -> Vec<GateResult> {
    let both = report.wirings.iter().filter_map(|wiring| {
        let before = baseline
            .wirings
            .iter()
            .find(|one| one.name == wiring.name)?;
        Some((wiring, before))
    });
    both.flat_map(|(wiring, before)| {
        let sites = match report.tool.spawn_sites == baseline.tool.spawn_sites {
            true => of_sites(wiring, before),
            false => result(
                wiring,
                NO_NEW_SITE,
                (Outcome::NoVerdict, None),
                "one of the two was measured by a build that attributes no hidden tasks".into(),
            ),
        };
        let mut results = vec![of_verdict(wiring, before)];
        let containers = report.config.containers.unwrap_or(1) as f64;
        results.extend(Bounded::ALL.map(|figure| figure.compare(wiring, before, containers)));
        results.push(sites);
        results
    })
    .map(
        |one| match report.partial && partial == PartialReports::Refused {
            true => GateResult {
                held: false,
                outcome: Outcome::NoVerdict,
                reason: format!("the report is partial: {}", one.reason),
                ..one
            },
            false => one,
        },
    )
    .collect()
}

/// A wiring that was clean must be clean.
fn of_verdict(wiring: &WiringReport, before: &WiringReport) -> GateResult {
    let (now, then) = (wiring.verdict, before.verdict);
    let outcome = match now {
        Verdict::Hung | Verdict::Starved => Outcome::Failed,
        Verdict::Inconclusive => Outcome::NoVerdict,
        Verdict::Leaking if then == Verdict::Clean => Outcome::Failed,
        Verdict::Leaking | Verdict::Clean => Outcome::Held,
    };
    let reason = format!("{}; the baseline is {}", state(wiring), then.word());
    result(wiring, "the verdict is no worse", (outcome, None), reason)
}

/// A figure that may not grow.
#[derive(Debug, Clone, Copy)]
enum Bounded {
    Rate(Metric),
    OverBaseline(Metric),
}

impl Bounded {
    const ALL: [Self; 4] = [
        Self::Rate(Metric::TasksPerRotation),
        Self::Rate(Metric::FdsPerRotation),
        Self::OverBaseline(Metric::TasksOverBaseline),
        Self::OverBaseline(Metric::FdsOverBaseline),
    ];

    fn metric(self) -> Metric {
        match self {
            Self::Rate(metric) | Self::OverBaseline(metric) => metric,
        }
    }

    fn compare(self, wiring: &WiringReport, before: &WiringReport, containers: f64) -> GateResult {
        let metric = self.metric();
        let measured = metric.of(wiring);
        let demand = |bound: Option<f64>| match bound {
            Some(bound) => format!("{} <= {bound}", metric.name()),
            None => format!("{} has not grown", metric.name()),
        };
        let bounds = self.bounds(wiring, before, containers);
        let demand = demand(bounds.map(|(_, bound)| bound));
        if matches!(wiring.verdict, Verdict::Hung | Verdict::Starved) {
            return result(wiring, &demand, (Outcome::Failed, measured), state(wiring));
        }
        if wiring.verdict == Verdict::Inconclusive {
            return result(
                wiring,
                &demand,
                (Outcome::NoVerdict, measured),
                state(wiring),
            );
        }
        let (Some(measured), Some((least, bound))) = (measured, bounds) else {
            let reason = format!("{} is not known of both", metric.name());
            return result(wiring, &demand, (Outcome::NoVerdict, measured), reason);
        };
        let (outcome, reason) = match least <= bound {
            true => (
                Outcome::Held,
                format!("{} measured {measured}", wiring.name),
            ),
            false => (
                Outcome::Failed,
                format!(
                    "{} measured {measured}, more than the baseline",
                    wiring.name
                ),
            ),
        };
        result(wiring, &demand, (outcome, Some(measured)), reason)
    }

    /// The least that the figure is, and the most that it was: the ends of their 95 % intervals,
    /// where there are any. What leaks alike in every rotation has an interval without width.
    fn bounds(
        self,
        wiring: &WiringReport,
        before: &WiringReport,
        containers: f64,
    ) -> Option<(f64, f64)> {
        let metric = self.metric();
        let rate = |wiring: &WiringReport| match metric {
            Metric::TasksPerRotation | Metric::TasksOverBaseline => wiring.rates.tasks,
            _ => wiring.rates.fds,
        };
        let (now, then) = (rate(wiring)?, rate(before)?);
        match self {
            Self::Rate(_) => Some((lower(now)?, upper(then)?)),
            // What the baseline's rate allows for in as many rotations as were measured now.
            Self::OverBaseline(_) => {
                let rotations = wiring.samples_after_baseline() as f64;
                let allowed = upper(then)?.max(0.0) * containers * rotations;
                let noise =
                    (now.per_rotation_per_container? - lower(now)?) * containers * rotations;
                Some((metric.of(wiring)? - noise, allowed.ceil()))
            }
        }
    }
}

fn lower(rate: Rate) -> Option<f64> {
    rate.ci95
        .map_or(rate.per_rotation_per_container, |[low, _]| Some(low))
}

fn upper(rate: Rate) -> Option<f64> {
    rate.ci95
        .map_or(rate.per_rotation_per_container, |[_, high]| Some(high))
}

/// No spawn site may leak in every rotation that did not in the baseline.
fn of_sites(wiring: &WiringReport, before: &WiringReport) -> GateResult {
    let (leaks_now, leaked_before) = (leaks(wiring), leaks(before));
    let new: Vec<String> = leaks_now
        .iter()
        .filter(|(key, _)| !leaked_before.contains_key(key))
        .map(|((package, site), leaked)| format!("{site} in {package} ({leaked:+})"))
        .collect();
    let (outcome, reason) = match (new.is_empty(), wiring.verdict) {
        (false, _) => (Outcome::Failed, format!("new: {}", new.join(", "))),
        (true, Verdict::Hung | Verdict::Starved) => (Outcome::Failed, state(wiring)),
        (true, Verdict::Inconclusive) => (Outcome::NoVerdict, state(wiring)),
        (true, _) if wiring.sites.is_empty() => (
            Outcome::NoVerdict,
            format!("no site of {} is known", wiring.name),
        ),
        (true, _) => (Outcome::Held, "none".into()),
    };
    result(wiring, NO_NEW_SITE, (outcome, None), reason)
}

const NO_NEW_SITE: &str = "no new spawn site leaks";

/// The sites that leaked in every rotation, by package and site, with their growth. Neither the line
/// that a task is spawned at nor a package's version makes a site another one.
fn leaks(wiring: &WiringReport) -> BTreeMap<(String, String), i64> {
    let mut leaks: BTreeMap<_, i64> = BTreeMap::new();
    for site in &wiring.sites {
        let growth = leaks.entry(key(site)).or_default();
        *growth = growth.saturating_add(site.leaked);
    }
    leaks.retain(|(_, label), leaked| {
        *leaked > 0 && grew_from_sample_to_sample(wiring, label, *leaked)
    });
    leaks
}

/// Whether a site has more tasks in each sample than in the one before, and as many more as there were
/// rotations between them; where the samples do not name it, whether it has grown by as many as there were.
fn grew_from_sample_to_sample(wiring: &WiringReport, label: &str, leaked: i64) -> bool {
    let counts = |sample: &Sample| Some((sample.rotation, *sample.sites.get(label)?));
    let counts: Option<Vec<_>> = wiring.samples.iter().map(counts).collect();
    let grew = |pair: &[(Option<u64>, u64)]| {
        let rotations = pair[1].0.zip(pair[0].0);
        let rotations = rotations.map_or(1, |(after, before)| after.saturating_sub(before));
        pair[1].1.saturating_sub(pair[0].1) >= rotations.max(1)
    };
    match counts {
        Some(counts) if counts.len() > 1 => counts.windows(2).all(grew),
        _ => {
            let rotations = wiring.samples_after_baseline().max(1);
            i64::try_from(rotations).is_ok_and(|rotations| leaked >= rotations)
        }
    }
}

fn key(site: &SiteReport) -> (String, String) {
    let package = site.package.as_deref().unwrap_or("unknown");
    // A version begins with the first hyphen that a digit follows: hyper-util-0.1.21-rc.1.
    let version = package
        .match_indices('-')
        .find(|(at, _)| package[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    let name = version.map_or(package, |(at, _)| &package[..at]);
    // A site without a name is called by its file, line and column.
    let label = site.label.split(".rs:").next().unwrap_or(&site.label);
    (name.into(), label.into())
}

fn result(
    wiring: &WiringReport,
    demand: &str,
    (outcome, measured): (Outcome, Option<f64>),
    reason: String,
) -> GateResult {
    GateResult {
        expr: format!("baseline: {}: {demand}", wiring.name),
        held: outcome == Outcome::Held,
        outcome,
        wiring: wiring.name.clone(),
        measured,
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::test_report::{report, wiring};
    use crate::model::report::Sample;
    use crate::model::settings::Settings;
    use Verdict::{Clean, Hung, Inconclusive, Leaking};

    fn outcomes(now: WiringReport, before: WiringReport) -> Vec<Outcome> {
        let results = compare(&report([now]), &report([before]), PartialReports::Refused);
        results.iter().map(|result| result.outcome).collect()
    }

    fn site(label: &str, package: &str, leaked: i64) -> SiteReport {
        SiteReport {
            label: label.into(),
            location: None,
            package: Some(package.into()),
            baseline: 0,
            r#final: 0,
            leaked,
            per_rotation_per_container: None,
            meaning: None,
        }
    }

    #[test]
    fn the_same_again_holds_whatever_it_leaks() {
        for (verdict, growth) in [(Clean, 0.0), (Leaking, 2.0)] {
            let same = WiringReport {
                sites: vec![site("reader", "leakcheck", 0)],
                ..wiring("one", verdict, growth)
            };
            assert!(
                outcomes(same.clone(), same)
                    .iter()
                    .all(|one| *one == Outcome::Held)
            );
        }
    }

    #[test]
    fn a_leak_that_comes_back_fails_and_one_that_went_away_does_not() {
        let (clean, leaking) = (wiring("one", Clean, 0.0), wiring("one", Leaking, 1.0));
        assert!(outcomes(leaking.clone(), clean.clone()).contains(&Outcome::Failed));
        assert!(!outcomes(clean, leaking).contains(&Outcome::Failed));
    }

    #[test]
    fn a_dead_monitor_fails_against_any_baseline_and_one_without_a_verdict_has_none() {
        let clean = wiring("one", Clean, 0.0);
        let dead = outcomes(wiring("one", Hung, 0.0), clean.clone());
        assert!(dead.iter().all(|one| *one == Outcome::Failed), "{dead:?}");
        let unknown = outcomes(wiring("one", Inconclusive, 0.0), clean);
        assert!(
            unknown.iter().all(|one| *one == Outcome::NoVerdict),
            "{unknown:?}"
        );
    }

    #[test]
    fn a_moved_line_and_a_new_version_are_no_new_leak_and_another_site_is() {
        let with = |sites: Vec<SiteReport>| WiringReport {
            sites,
            ..wiring("one", Leaking, 1.0)
        };
        let before = with(vec![
            site("reader", "leakcheck", 600),
            site("src/pool.rs:12:3", "tower-0.5.2", 600),
        ]);
        let moved = with(vec![
            site("reader", "leakcheck", 600),
            site("src/pool.rs:99:3", "tower-0.5.3", 600),
        ]);
        assert_eq!(outcomes(moved, before.clone()).last(), Some(&Outcome::Held));
        let other = with(vec![site("drain", "leakcheck", 600)]);
        let results = compare(&report([other]), &report([before]), PartialReports::Refused);
        let sites = results.last().expect("a result");
        assert_eq!(sites.outcome, Outcome::Failed);
        assert_eq!(sites.reason, "new: drain in leakcheck (+600)");
    }

    #[test]
    fn a_rate_within_the_noise_of_its_baseline_has_not_grown() {
        let noisy = |rate: f64, low: f64, high: f64| {
            let mut one = wiring("one", Leaking, rate);
            let rates = [&mut one.rates.tasks, &mut one.rates.fds];
            for rate in rates.into_iter().flatten() {
                rate.ci95 = Some([low, high]);
            }
            one
        };
        let before = noisy(9.8, 9.4, 10.2);
        assert_eq!(
            outcomes(noisy(10.0, 9.9, 10.1), before.clone())[1],
            Outcome::Held
        );
        assert_eq!(
            outcomes(noisy(12.0, 11.5, 12.5), before)[1],
            Outcome::Failed
        );
    }

    #[test]
    fn a_site_that_grew_in_some_rotations_only_is_no_new_leak() {
        let grown = |counts: [u64; 4]| WiringReport {
            sites: vec![site("drain", "leakcheck", counts[3] as i64)],
            samples: counts
                .into_iter()
                .map(|tasks| Sample {
                    sites: BTreeMap::from([("drain".into(), tasks)]),
                    ..Sample::default()
                })
                .collect(),
            ..wiring("one", Leaking, 1.0)
        };
        let before = || WiringReport {
            sites: vec![site("reader", "leakcheck", 600)],
            ..wiring("one", Leaking, 1.0)
        };
        let last = |counts| outcomes(grown(counts), before()).pop();
        assert_eq!(last([0, 1, 2, 3]), Some(Outcome::Failed));
        assert_eq!(last([0, 9, 9, 9]), Some(Outcome::Held), "a burst");
    }

    #[test]
    fn without_any_site_nobody_knows_whether_one_is_new() {
        let none = wiring("one", Clean, 0.0);
        let some = WiringReport {
            sites: vec![site("reader", "leakcheck", 0)],
            ..none.clone()
        };
        assert_eq!(outcomes(none, some).pop(), Some(Outcome::NoVerdict));
    }

    #[test]
    fn a_baseline_that_says_nothing_is_refused() {
        for verdict in [Hung, Verdict::Starved, Inconclusive] {
            let baseline = report([wiring("one", verdict, 0.0)]);
            for conditions in [Conditions::Same, Conditions::Any] {
                let refused = check(&baseline, &baseline.config, None, ["one"], conditions);
                let said = refused.expect_err("says nothing").to_string();
                assert!(said.contains("one is"), "{said}");
            }
        }
    }

    #[test]
    fn every_setting_is_compared_but_how_often_and_which_containers() {
        let of = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            let mut report = report([wiring("one", Clean, 0.0)]);
            report.config.settings = Some(settings);
            report
        };
        let checked = |now: &Report| {
            let before = of(|_| ());
            let checked = check(&before, &now.config, None, ["one"], Conditions::Same);
            checked.map(drop).map_err(|error| error.to_string())
        };
        let other = |settings: &mut Settings| {
            (settings.containers, settings.rotations) = (7, 100);
            settings.workload.as_mut().expect("made").seed = 9;
        };
        assert_eq!(checked(&of(other)), Ok(()));
        let burst = |settings: &mut Settings| settings.workload.as_mut().expect("made").burst = 3;
        let refusal = checked(&of(burst)).expect_err("differs");
        assert!(refusal.contains("--burst 1, this with 3"), "{refusal}");
        let mut old = of(burst);
        old.config.settings = None;
        assert_eq!(checked(&old), Ok(()), "an earlier version recorded none");
    }

    #[test]
    fn other_conditions_and_other_wirings_are_refused_unless_any_will_do() {
        let one = report([wiring("one", Clean, 0.0)]);
        let both = report([wiring("one", Clean, 0.0), wiring("two", Clean, 0.0)]);
        let check = |baseline: &Report, containers, wirings: &[&str], conditions| {
            let names = wirings.iter().copied();
            let checked = check(baseline, &one.config, Some(containers), names, conditions);
            checked.map_err(|error| error.to_string())
        };
        let refused = |baseline, containers, wirings: &[&str]| {
            check(baseline, containers, wirings, Conditions::Same).expect_err("differs")
        };
        assert!(refused(&one, 7, &["one"]).contains("--containers 1, this with 7"));
        assert!(refused(&one, 1, &["one", "two"]).contains("the baseline has no wiring two"));
        assert!(refused(&both, 1, &["one"]).contains("this run has no wiring two"));
        assert_eq!(check(&one, 1, &["one"], Conditions::Same), Ok(Vec::new()));
        let any = |baseline, wirings: &[&str]| check(baseline, 7, wirings, Conditions::Any);
        assert_eq!(any(&both, &["one"]), Ok(vec!["two".into()]));
        assert!(
            any(&one, &["two"])
                .expect_err("nothing")
                .contains("none of the wirings")
        );
    }
}
