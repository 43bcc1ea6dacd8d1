//! The trial of claims: each scenario run and weighed, side by side as far as they do not disturb
//! each other.

use futures_util::future::join_all;
use leakcheck_report::exit_code::{ExitCode, Failure, all_done};
use leakcheck_report::model::audit::{AUDIT_SCHEMA, Audit, Claim};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::claim::weigh;
use super::driver;
use crate::events::{Consumer, Event};
use crate::experiment::plan::{Engine, Plan};
use crate::experiment::scenario::{Judgement, Scenario};
use crate::runner;
use crate::sys::pause::Hold;

/// So many streams are followed at once, over all scenarios: what two cores do without any of them
/// waiting for another. A scenario that follows more runs alone. What a driver's trials follow
/// besides is not counted.
const STREAMS_AT_ONCE: u32 = 400;

/// A claim that is to be tried.
pub struct Trial<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What it is judged by.
    pub judgement: &'a Judgement,
    /// How it is run.
    pub plan: Plan,
}

impl Trial<'_> {
    /// The streams that it follows at once.
    fn streams(&self) -> u32 {
        let streams = self
            .plan
            .settings
            .containers
            .saturating_mul(self.plan.wirings.len());
        u32::try_from(streams).unwrap_or(u32::MAX).max(1)
    }

    async fn run(
        &self,
        events: &dyn Consumer,
        interrupt: &CancellationToken,
    ) -> (Option<Claim>, Result<(), Failure>) {
        if interrupt.is_cancelled() {
            return (None, Ok(()));
        }
        events.hear(&Event::ScenarioStarts(&self.scenario.name));
        let outcome = match runner::run(self.plan.clone(), events, interrupt, &Hold::never()).await
        {
            Ok(outcome) => outcome,
            Err(failure) => return (None, Err(failure)),
        };
        let report = outcome.report;
        let driver = match &self.scenario.driver {
            Some(claim) if !interrupt.is_cancelled() => {
                driver::find(claim, &self.plan, &report, events, interrupt).await
            }
            _ => Ok(None),
        };
        if interrupt.is_cancelled() {
            return (None, all_done([outcome.released, driver.map(drop)]));
        }
        let (driver, failed) = match driver {
            Ok(driver) => (driver, Ok(())),
            Err(failure) => (None, Err(failure)),
        };
        // What could not be removed must be said; the figures stand either way.
        let claim = weigh(self.scenario, self.judgement, report, driver);
        (Some(claim), all_done([outcome.released, failed]))
    }
}

/// Tries claims and returns them in their order, with the failures of runs: one ends
/// the audit, and what was weighed by then stands. When `interrupt` is cancelled, those that are
/// under way are left out.
pub async fn try_all(
    trials: &[Trial<'_>],
    events: &dyn Consumer,
    interrupt: &CancellationToken,
) -> (Audit, Result<(), Failure>) {
    let room = Semaphore::new(STREAMS_AT_ONCE as usize);
    let stop = interrupt.child_token();
    let claims = std::sync::Mutex::new(vec![None; trials.len()]);
    let so_far = |claims: &[Option<Claim>]| Audit {
        schema: AUDIT_SCHEMA.into(),
        partial: claims.iter().any(Option::is_none),
        provenance: trials.first().map(|trial| trial.plan.provenance()),
        claims: claims.iter().flatten().cloned().collect(),
    };
    let lock = || {
        claims
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    let running = trials.iter().enumerate().map(|(number, trial)| {
        let (room, stop, so_far, lock) = (&room, &stop, &so_far, &lock);
        async move {
            // Real containers share one engine, whose own counts are part of what is measured.
            let streams = match trial.plan.engine {
                Engine::Synthetic => trial.streams().min(STREAMS_AT_ONCE),
                Engine::Docker { .. } | Engine::Swarm(_) => STREAMS_AT_ONCE,
            };
            // The semaphore is never closed.
            let _room = room.acquire_many(streams).await;
            let (claim, ended) = trial.run(events, stop).await;
            if let Some(claim) = claim {
                let mut claims = lock();
                claims[number] = Some(claim.clone());
                let so_far = &so_far(&claims);
                let claim = &claim;
                events.hear(&Event::ClaimWeighed { claim, so_far });
            }
            match ended {
                Err(failure) if failure.code == ExitCode::Interrupted => Ok(()),
                // Whatever runs beside it is ended in order, and removes what it has made.
                ended => ended.inspect_err(|_| stop.cancel()),
            }
        }
    });
    let ended = join_all(running).await;
    let audit = so_far(&lock());
    (audit, all_done(ended))
}
