//! Which known mechanisms fit a growth that somebody observed.
//!
//! Two figures tell mechanisms apart that a total does not: the tasks for each file descriptor,
//! which depend on no clock, and the rate, which names the clock.

use leakcheck_report::model::predict::{
    Candidate, Driver, Fit, RuntimeKind, Source, WiringPrediction,
};
use log_monitor::wiring::Wiring;

use super::expectation::{Horizon, expect};
use super::go_reference;
use super::observed::Observed;

/// What counts as fitting, a choice of ours: other work comes and goes in a process, so that counts
/// of an hour are seldom exact, and the known ratios lie further apart than this.
const TOLERANCE: f64 = 0.10;

/// The wiring that shows what an idle connection holds in Go: each rotation of a container leaves
/// one, and nothing else.
const IDLE_CONNECTION: &str = "throwaway-client";

/// What a mechanism leaves.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LeftByMechanism {
    source: Source,
    driver: Driver,
    tasks_per_fd: Option<f64>,
    tasks_per_minute: f64,
}

/// Holds each wiring against an observed growth, best first.
///
/// # Errors
/// Only where the catalogue lacks what an idle connection holds in Go.
pub fn fit(
    observed: Observed,
    wirings: &[Wiring],
    runtime: RuntimeKind,
    horizon: Horizon,
) -> anyhow::Result<Fit> {
    let minutes = horizon.duration.as_secs_f64() / 60.0;
    let mut fit = Fit {
        tasks: observed.tasks,
        fds: observed.fds,
        tasks_per_fd: observed.fds.map(|fds| observed.tasks as f64 / fds as f64),
        tasks_per_minute: observed.tasks as f64 / minutes,
        runtime,
        tolerance: TOLERANCE,
        candidates: Vec::new(),
        leave_nothing: Vec::new(),
        without_figures: Vec::new(),
    };
    let per_idle_connection = go_reference::goroutines(IDLE_CONNECTION)?;
    for wiring in wirings {
        let expected = expect(wiring, horizon);
        let left = match runtime {
            RuntimeKind::Go => in_go(&expected, per_idle_connection),
            RuntimeKind::Rust => in_rust(&expected),
        };
        match left {
            None => fit.without_figures.push(expected.name),
            Some(None) => fit.leave_nothing.push(expected.name),
            Some(Some(left)) => add(&mut fit, expected, left),
        }
    }
    fit.candidates.sort_by_key(order);
    Ok(fit)
}

/// What a wiring leaves in Rust: `None` where nobody knows, `Some(None)` for nothing.
fn in_rust(expected: &WiringPrediction) -> Option<Option<LeftByMechanism>> {
    let (tasks, fds) = (expected.rust.tasks?, expected.rust.fds?);
    let tasks = (tasks.per_rotation_per_container, tasks.per_minute);
    let fds = fds.per_rotation_per_container;
    Some(left(Source::ClosedForm, expected.driver, tasks, fds))
}

/// What a wiring leaves in Go. Where health checks leave connections, the closed form counts these.
fn in_go(expected: &WiringPrediction, per_idle_connection: f64) -> Option<Option<LeftByMechanism>> {
    if let Some(go) = expected.go_reference {
        let (tasks, fds) = (go.tasks?, go.fds?);
        let tasks = (tasks.per_rotation_per_container, tasks.per_minute);
        let fds = fds.per_rotation_per_container;
        return Some(left(Source::GoReference, expected.driver, tasks, fds));
    }
    let connections = expected.rust.fds?;
    if expected.driver != Some(Driver::HealthCheck) {
        return None;
    }
    let tasks = (
        connections.per_rotation_per_container * per_idle_connection,
        connections.per_minute * per_idle_connection,
    );
    let fds = connections.per_rotation_per_container;
    Some(left(Source::Inferred, expected.driver, tasks, fds))
}

fn left(
    source: Source,
    driver: Option<Driver>,
    (tasks, tasks_per_minute): (f64, f64),
    fds: f64,
) -> Option<LeftByMechanism> {
    (tasks_per_minute > 0.0).then_some(LeftByMechanism {
        source,
        driver: driver?,
        tasks_per_fd: (fds > 0.0).then(|| tasks / fds),
        tasks_per_minute,
    })
}

/// Adds a mechanism, or its name to one with the very same figures.
fn add(fit: &mut Fit, expected: WiringPrediction, left: LeftByMechanism) {
    let hung = expected.containers_hung.unwrap_or(0);
    let same = fit.candidates.iter_mut().find(|known| {
        known.tasks_per_fd == left.tasks_per_fd
            && known.tasks_per_minute == left.tasks_per_minute
            && known.driver == left.driver
            && known.containers_hung == hung
    });
    if let Some(same) = same {
        same.same_figures.push(expected.name);
        return;
    }
    let upper_bound = left.driver == Driver::HealthCheck;
    let of_expected = fit.tasks_per_minute / left.tasks_per_minute;
    let rate_misfit = match upper_bound {
        true => (of_expected - 1.0).max(0.0),
        false => (of_expected - 1.0).abs(),
    };
    // A mechanism without file descriptors has an infinite ratio, of which any other is nothing.
    let ratio_misfit = fit.tasks_per_fd.map(|observed| {
        let of_expected = left
            .tasks_per_fd
            .map_or(0.0, |expected| observed / expected);
        (of_expected - 1.0).abs()
    });
    fit.candidates.push(Candidate {
        mechanism: expected.name,
        same_figures: Vec::new(),
        source: left.source,
        driver: left.driver,
        containers_hung: hung,
        tasks_per_fd: left.tasks_per_fd,
        tasks_per_minute: left.tasks_per_minute,
        upper_bound,
        share_of_checks: upper_bound.then_some(of_expected),
        ratio_misfit,
        rate_misfit,
        ratio_fits: ratio_misfit.is_none_or(|misfit| misfit <= fit.tolerance),
        rate_fits: rate_misfit <= fit.tolerance,
    });
}

/// Best first. Any slow rate keeps below an upper bound, so that a fitting rate of its own says
/// more than a bound, and a bound more than a rate that does not fit.
fn order(candidate: &Candidate) -> (Millionths, bool, bool, Millionths) {
    (
        millionths(candidate.ratio_misfit.unwrap_or(0.0)),
        !candidate.rate_fits,
        candidate.upper_bound,
        millionths(candidate.rate_misfit),
    )
}

/// A misfit in steps that no rounding error reaches: equal ratios must tie.
type Millionths = u64;

fn millionths(misfit: f64) -> Millionths {
    (misfit * 1e6).round() as Millionths
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::analysis::prediction::Load;
    use crate::wirings;

    fn fitted(text: &str, runtime: RuntimeKind, horizon: Horizon) -> Fit {
        let observed = Observed::parse(text).expect("well-formed");
        fit(observed, &wirings::all(), runtime, horizon).expect("fits something")
    }

    fn horizon(containers: u64, rotation_s: u64, minutes: u64) -> Horizon {
        Horizon {
            load: Load {
                containers,
                silent: Some(containers / 2),
                back_pressure: false,
                rotation: Duration::from_secs(rotation_s),
                restart: None,
                faults: false,
            },
            duration: Duration::from_secs(minutes * 60),
        }
    }

    fn fitting(fit: &Fit) -> Vec<&str> {
        let both = fit
            .candidates
            .iter()
            .filter(|c| c.ratio_fits && c.rate_fits);
        both.map(|c| c.mechanism.as_str()).collect()
    }

    #[test]
    fn the_incident_fits_the_health_check_and_not_the_reader() {
        let fit = fitted("tasks=1830,fds=937", RuntimeKind::Go, horizon(50, 300, 58));
        assert_eq!(fitting(&fit), ["health-check-throwaway"]);
        assert_eq!(fit.candidates[0].mechanism, "health-check-throwaway");
        assert_eq!(fit.candidates[0].source, Source::Inferred);
        let share = fit.candidates[0].share_of_checks.expect("driven by checks");
        assert!((share - 0.158).abs() < 0.001, "{share}");
        let reader = fit.candidates.iter().find(|c| c.mechanism == "old");
        let reader = reader.expect("measured in Go");
        assert!((reader.ratio_misfit.expect("fds are known") - 0.349).abs() < 0.001);
        assert!((reader.rate_misfit - 0.052).abs() < 0.001);
    }

    /// The incident's own later runs: 8 containers leaked alike at rotations of 5 min and of 30 s.
    #[test]
    fn eight_containers_leak_at_the_rate_of_their_checks_whatever_the_rotation() {
        for (rotation_s, goroutines) in [(30, 314), (300, 275)] {
            let text = format!("goroutines={goroutines},fds={}", goroutines / 2);
            let fit = fitted(&text, RuntimeKind::Go, horizon(8, rotation_s, 10));
            assert_eq!(fit.candidates[0].tasks_per_minute, 32.0);
            assert!(fitting(&fit).contains(&"health-check-throwaway"));
            assert!(!fitting(&fit).contains(&"old"));
        }
    }

    #[test]
    fn every_mechanism_fits_the_growth_that_it_leaves() {
        for runtime in [RuntimeKind::Go, RuntimeKind::Rust] {
            for wiring in wirings::all() {
                let horizon = horizon(50, 300, 60);
                let expected = expect(&wiring, horizon);
                let growth = match runtime {
                    RuntimeKind::Go => expected.go_reference.unwrap_or_default(),
                    RuntimeKind::Rust => expected.rust,
                };
                let (Some(tasks), Some(fds)) = (growth.tasks, growth.fds) else {
                    continue;
                };
                if tasks.total == 0.0 || fds.total == 0.0 {
                    continue;
                }
                let text = format!("tasks={},fds={}", tasks.total.round(), fds.total.round());
                let fit = fitted(&text, runtime, horizon);
                let found = fit
                    .candidates
                    .iter()
                    .find(|c| c.mechanism == wiring.name || c.same_figures.contains(&wiring.name));
                let found = found.expect("a candidate");
                assert!(found.ratio_misfit < Some(1e-6), "{found:?}");
                assert!(found.rate_misfit < 1e-6, "{found:?}");
            }
        }
    }

    #[test]
    fn without_fds_a_rate_of_its_own_says_more_than_a_bound() {
        let fit = fitted("goroutines=1830", RuntimeKind::Go, horizon(50, 300, 58));
        assert_eq!(fit.candidates[0].mechanism, "old");
        assert_eq!(fit.candidates[1].mechanism, "health-check-throwaway");
        assert_eq!(fit.candidates[0].ratio_misfit, None);
    }

    #[test]
    fn above_its_bound_a_health_check_does_not_fit() {
        let fit = fitted(
            "goroutines=23200,fds=11600",
            RuntimeKind::Go,
            horizon(50, 300, 58),
        );
        let check = fit.candidates.iter().find(|c| c.upper_bound);
        assert!(!check.expect("a candidate").rate_fits);
    }
}
