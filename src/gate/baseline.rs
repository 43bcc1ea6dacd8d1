//! A report held against a saved one, its baseline: no rate may have grown, and no spawn site may
//! leak that did not.

use std::collections::BTreeMap;
use std::fmt;

use super::judge::PartialReports;
use super::metric::Metric;
use crate::report::model::{
    Config, GateResult, Outcome, Rate, Report, SiteReport, Verdict, WiringReport,
};

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
    /// They must be the same.
    Same,
    /// They may differ; what is compared are the wirings that both have.
    Any,
}

/// Refuses a baseline that was measured otherwise than `config` says, or has none of the wirings.
///
/// # Errors
/// Names the first condition that differs, with both values.
pub fn check<'a>(
    baseline: &Report,
    config: &Config,
    wirings: impl IntoIterator<Item = &'a str>,
    conditions: Conditions,
) -> Result<(), Mismatch> {
    if baseline.partial {
        return Err(Mismatch(
            "the baseline is the report of a run that was cut short: measure it again".into(),
        ));
    }
    if conditions == Conditions::Same
        && let Some((name, was, is)) = difference(&baseline.config, config)
    {
        return Err(Mismatch(format!(
            "the baseline was measured with {name} {was}, this with {is}: measure alike, or compare \
             all the same with --baseline-any"
        )));
    }
    let known = |wiring: &&str| baseline.wirings.iter().any(|one| one.name == *wiring);
    let (there, missing): (Vec<&str>, Vec<&str>) = wirings.into_iter().partition(known);
    if let (Conditions::Same, Some(wiring)) = (conditions, missing.first()) {
        return Err(Mismatch(format!(
            "the baseline has no wiring {wiring}: measure it too, or compare the others with \
             --baseline-any"
        )));
    }
    match there.is_empty() {
        true => Err(Mismatch(
            "the baseline has none of the wirings: there is nothing to compare".into(),
        )),
        false => Ok(()),
    }
}

/// The first condition that differs: its flag, its value then, its value now.
fn difference(was: &Config, is: &Config) -> Option<(&'static str, String, String)> {
    fn told<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(|| "unknown".into(), |value| value.to_string())
    }
    let of = |config: &Config| {
        [
            ("--engine", config.engine.clone()),
            ("--containers", config.containers.to_string()),
            ("--rotation", format!("{} ms", config.rotation_ms)),
            ("--silent", told(config.silent)),
            ("--lines-per-second", told(config.lines_per_second)),
            ("--burst", told(config.burst)),
            ("--restart", told(config.restart_ms)),
            ("--health-check", told(config.health_check_ms)),
            (
                "--consumer-delay",
                format!("{} ms", config.consumer_delay_ms),
            ),
        ]
    };
    let mut pairs = of(was).into_iter().zip(of(is));
    let ((name, was), (_, is)) = pairs.find(|((_, was), (_, is))| was != is)?;
    Some((name, was, is))
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
                "no new spawn site leaks",
                (Outcome::NoVerdict, None),
                "one of the two was measured by a build that attributes no hidden tasks".into(),
            ),
        };
        let mut results = vec![of_verdict(wiring, before)];
        let containers = report.config.containers as f64;
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
            Self::Rate(_) => Some((lower(now), upper(then))),
            // What the baseline's rate allows for in as many rotations as were measured now.
            Self::OverBaseline(_) => {
                let rotations = wiring.samples.len().saturating_sub(1) as f64;
                let allowed = upper(then).max(0.0) * containers * rotations;
                let noise = (now.per_rotation_per_container - lower(now)) * containers * rotations;
                Some((metric.of(wiring)? - noise, allowed.ceil()))
            }
        }
    }
}

fn lower(rate: Rate) -> f64 {
    rate.ci95
        .map_or(rate.per_rotation_per_container, |[low, _]| low)
}

fn upper(rate: Rate) -> f64 {
    rate.ci95
        .map_or(rate.per_rotation_per_container, |[_, high]| high)
}

/// No spawn site may leak in every rotation that did not leak in the baseline.
fn of_sites(wiring: &WiringReport, before: &WiringReport) -> GateResult {
    let rotations = i64::try_from(wiring.samples.len().saturating_sub(1)).unwrap_or(i64::MAX);
    let leaked_before = leaks(before);
    let new: Vec<String> = leaks(wiring)
        .into_iter()
        .filter(|(key, leaked)| {
            let known = leaked_before.get(key).is_some_and(|before| *before > 0);
            *leaked >= rotations.max(1) && !known
        })
        .map(|((package, site), leaked)| format!("{site} in {package} ({leaked:+})"))
        .collect();
    let (outcome, reason) = match (new.is_empty(), wiring.verdict) {
        (false, _) => (Outcome::Failed, format!("new: {}", new.join(", "))),
        (true, Verdict::Hung | Verdict::Starved) => (Outcome::Failed, state(wiring)),
        (true, Verdict::Inconclusive) => (Outcome::NoVerdict, state(wiring)),
        (true, _) => (Outcome::Held, "none".into()),
    };
    result(wiring, "no new spawn site leaks", (outcome, None), reason)
}

/// Growth by package and site. Neither the line that a task is spawned at nor a package's version
/// makes a site another one.
fn leaks(wiring: &WiringReport) -> BTreeMap<(String, String), i64> {
    let mut leaks = BTreeMap::new();
    for site in &wiring.sites {
        *leaks.entry(key(site)).or_default() += site.leaked;
    }
    leaks
}

fn key(site: &SiteReport) -> (String, String) {
    let package = site.package.as_deref().unwrap_or("unknown");
    let name = match package.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => name,
        _ => package,
    };
    // A site without a name is called by its file, line and column.
    let label = site.label.split(".rs:").next().unwrap_or(&site.label);
    (name.into(), label.into())
}

fn state(wiring: &WiringReport) -> String {
    format!(
        "{} is {}: {}",
        wiring.name,
        wiring.verdict.word(),
        wiring.reason
    )
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
        }
    }

    #[test]
    fn the_same_again_holds_whatever_it_leaks() {
        for (verdict, growth) in [(Clean, 0.0), (Leaking, 2.0)] {
            let same = wiring("one", verdict, growth);
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
    fn other_conditions_are_refused_by_their_flag_unless_any_will_do() {
        let (one, mut other) = (report([wiring("one", Clean, 0.0)]), report([]));
        other.config.containers = 7;
        let names = ["one"];
        let refused = check(&one, &other.config, names, Conditions::Same).expect_err("differs");
        assert!(refused.to_string().contains("--containers 1"), "{refused}");
        assert!(check(&one, &other.config, names, Conditions::Any).is_ok());
        let missing = check(&one, &one.config, ["two"], Conditions::Any).expect_err("nothing");
        assert!(
            missing.to_string().contains("none of the wirings"),
            "{missing}"
        );
    }
}
