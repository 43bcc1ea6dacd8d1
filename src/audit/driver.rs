//! The driver of a leak: which clock it goes by.
//!
//! A leak's rate per minute is measured again with each clock at twice its interval. The rate halves
//! with the clock that drives it and stays with any other; where it stays with all of them, what is
//! left is left as time goes by.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use leakcheck_report::exit_code::{Failure, all_done};
use leakcheck_report::model::audit::{ClockTrial, DriverFinding, PerEvent};
use leakcheck_report::model::predict::Driver;
use leakcheck_report::model::report::{Rates, Report, Verdict, WiringReport};
use leakcheck_report::model::settings::Settings;
use log_monitor::wiring::Wiring;
use tokio_util::sync::CancellationToken;

use crate::events::Consumer;
use crate::experiment::plan::{Engine, Plan};
use crate::experiment::scenario::DriverClaim;
use crate::runner;
use crate::sys::pause::Hold;

/// A clock drives a leak whose rate, with the clock's interval doubled, is such a share of what it
/// was: about half. Checks and restarts are counted over some rotations only, so that a fraction of
/// one more or less falls into each.
const HALVED: std::ops::RangeInclusive<f64> = 0.35..=0.68;
/// A clock does not drive it where the share is about one.
const UNCHANGED: std::ops::RangeInclusive<f64> = 0.80..=1.25;

/// How often the doubled intervals are measured where the rates name no clock: a machine that is busy
/// with something else skips ticks of the faster clocks.
const ATTEMPTS: usize = 3;

/// Measures the rates of a wiring at other intervals and finds the clock that they go by; `base` is
/// what the scenario itself measured. `None` where it was interrupted.
///
/// # Errors
/// As a run.
pub(super) async fn find(
    claim: &DriverClaim,
    plan: &Plan,
    base: &Report,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
) -> Result<Option<DriverFinding>, Failure> {
    let Some(wiring) = wiring_of(base, &claim.wiring) else {
        return Ok(None);
    };
    let base_trial = trial(None, base, wiring);
    let mut doubled = Vec::new();
    let mut measured = None;
    for _ in 0..ATTEMPTS {
        let Some(tried) = try_doubled(claim, plan, events, interrupt).await? else {
            return Ok(None);
        };
        doubled = tried;
        measured = name_driver(&base_trial, &doubled);
        if measured.is_some() {
            break;
        }
    }
    Ok(Some(DriverFinding {
        wiring: claim.wiring.clone(),
        claimed: claim.expected,
        measured,
        per_event: measured.and_then(|clock| per_event(clock, base, wiring.rates)),
        base: base_trial,
        doubled,
    }))
}

/// Measures the rates with each clock at twice its interval. `None` where it was interrupted, or where
/// a wiring is missing.
async fn try_doubled(
    claim: &DriverClaim,
    plan: &Plan,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
) -> Result<Option<Vec<ClockTrial>>, Failure> {
    let stop = interrupt.child_token();
    let trials = doubled(plan, &claim.wiring)?
        .into_iter()
        .map(|(clock, plan)| {
            let stop = &stop;
            async move {
                let ran = runner::run(plan, events, stop, &Hold::never()).await;
                let ran = ran.and_then(|outcome| outcome.released.map(|()| outcome.report));
                // Whatever runs beside it is ended in order, and removes what it has made.
                let report = ran.inspect_err(|_| stop.cancel())?;
                let wiring = wiring_of(&report, &claim.wiring);
                Ok::<_, Failure>(wiring.map(|wiring| trial(Some(clock), &report, wiring)))
            }
        });
    let ran = match plan.engine {
        Engine::Synthetic => join_all(trials).await,
        // Real containers share one engine: one trial after the other.
        Engine::Docker { .. } | Engine::Swarm(_) => {
            stream::iter(trials).then(|trial| trial).collect().await
        }
    };
    let mut tried = Vec::new();
    // What could not be removed must be said, whoever was interrupted.
    all_done(
        ran.into_iter()
            .map(|ran| ran.map(|trial| tried.push(trial))),
    )?;
    match interrupt.is_cancelled() {
        true => Ok(None),
        false => Ok(tried.into_iter().collect()),
    }
}

fn wiring_of<'a>(report: &'a Report, name: &str) -> Option<&'a WiringReport> {
    report.wirings.iter().find(|wiring| wiring.name == name)
}

/// The plan with each clock at twice its interval, for the wiring alone. The factor of the
/// monitor's clock stays; half as many rotations of twice the length take about as long.
fn doubled(plan: &Plan, wiring: &str) -> Result<Vec<(Driver, Plan)>, Failure> {
    let mut alone = plan.settings.clone();
    alone.wirings.retain(|other| other == wiring);
    let rotation = Settings {
        rotation: alone.rotation * 2,
        rotations: (alone.rotations / 2).max(2),
        ..alone.clone()
    };
    let mut plans = vec![(Driver::Rotation, plan.with(rotation)?)];
    let is_checked = |one: &Wiring| one.name == wiring && one.health_check.is_some();
    if plan.wirings.iter().any(is_checked) {
        let checks = Settings {
            health_check: alone.health_check.map(|every| every * 2),
            ..alone.clone()
        };
        plans.push((Driver::HealthCheck, plan.with(checks)?));
    }
    if let Some(every) = (alone.workload.as_mut()).and_then(|made| made.restart.as_mut()) {
        *every *= 2;
        plans.push((Driver::Restart, plan.with(alone)?));
    }
    Ok(plans)
}

fn trial(clock: Option<Driver>, report: &Report, wiring: &WiringReport) -> ClockTrial {
    let config = &report.config;
    ClockTrial {
        clock,
        rotation_ms: config.rotation_ms,
        health_check_ms: config.health_check_ms,
        restart_ms: config.restart_ms,
        tasks_per_minute: wiring.rates.tasks.map(|rate| rate.per_minute),
        fds_per_minute: wiring.rates.fds.map(|rate| rate.per_minute),
        alive: !report.partial && matches!(wiring.verdict, Verdict::Leaking | Verdict::Clean),
    }
}

/// The clock whose doubled interval halves the rate, where one does and the others leave it.
fn name_driver(base: &ClockTrial, doubled: &[ClockTrial]) -> Option<Driver> {
    // What leaks most tells most: of a leak of tasks, a file descriptor more or less is noise.
    let by_fds = base.fds_per_minute >= base.tasks_per_minute;
    let rate = |trial: &ClockTrial| match by_fds {
        true => trial.fds_per_minute,
        false => trial.tasks_per_minute,
    };
    if !std::iter::once(base)
        .chain(doubled)
        .all(|trial| trial.alive)
    {
        return None;
    }
    let base = rate(base).filter(|rate| *rate > 0.0)?;
    let shares: Vec<(Driver, f64)> = doubled
        .iter()
        .map(|trial| Some((trial.clock?, rate(trial)? / base)))
        .collect::<Option<_>>()?;
    let driven: Vec<Driver> = shares
        .iter()
        .filter(|(_, share)| HALVED.contains(share))
        .map(|(clock, _)| *clock)
        .collect();
    let others =
        |(clock, share): &(Driver, f64)| driven.contains(clock) || UNCHANGED.contains(share);
    match driven[..] {
        _ if !shares.iter().all(others) => None,
        [] => Some(Driver::Time),
        [clock] => Some(clock),
        _ => None,
    }
}

/// What each event of the clock leaves in one container.
fn per_event(clock: Driver, base: &Report, rates: Rates) -> Option<PerEvent> {
    let config = &base.config;
    let interval_ms = match clock {
        Driver::Rotation => config.rotation_ms,
        Driver::HealthCheck => config.health_check_ms,
        Driver::Restart => config.restart_ms,
        Driver::Time => None,
    };
    let minute = Duration::from_secs(60).as_millis() as f64;
    let events_per_minute = config.containers? as f64 * minute / interval_ms? as f64;
    Some(PerEvent {
        tasks: rates.tasks?.per_minute / events_per_minute,
        fds: rates.fds.map(|rate| rate.per_minute / events_per_minute),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial_at(clock: Option<Driver>, fds_per_minute: f64) -> ClockTrial {
        ClockTrial {
            clock,
            rotation_ms: Some(300_000),
            health_check_ms: Some(30_000),
            restart_ms: None,
            tasks_per_minute: Some(fds_per_minute),
            fds_per_minute: Some(fds_per_minute),
            alive: true,
        }
    }

    fn named(rotation: f64, health_check: f64) -> Option<Driver> {
        let doubled = [
            trial_at(Some(Driver::Rotation), rotation),
            trial_at(Some(Driver::HealthCheck), health_check),
        ];
        name_driver(&trial_at(None, 16.0), &doubled)
    }

    #[test]
    fn the_clock_that_halves_the_rate_drives_the_leak() {
        assert_eq!(named(16.0, 8.0), Some(Driver::HealthCheck));
        assert_eq!(named(8.1, 15.8), Some(Driver::Rotation));
    }

    #[test]
    fn a_rate_that_no_clock_changes_goes_by_time() {
        assert_eq!(named(16.2, 15.5), Some(Driver::Time));
    }

    #[test]
    fn the_rates_of_a_dead_monitor_name_no_clock() {
        let dead = ClockTrial {
            alive: false,
            ..trial_at(Some(Driver::Rotation), 8.0)
        };
        assert_eq!(name_driver(&trial_at(None, 16.0), &[dead]), None);
    }

    #[test]
    fn rates_that_agree_with_no_clock_name_none() {
        assert_eq!(named(8.0, 8.0), None, "two clocks");
        assert_eq!(named(12.0, 16.0), None, "a part of the leak");
        assert_eq!(named(16.0, 30.0), None, "it grew");
    }
}
