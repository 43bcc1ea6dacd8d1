//! A run: all wirings side by side, from nothing to a report, and back to nothing.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use super::agents;
use super::containers::Containers;
use super::drive::{Drive, Watcher};
use crate::analysis::sufficiency::Sufficiency;
use crate::analysis::wiring_report::{HostObservation, Observation};
use crate::docker::image::PullProgress;
use crate::exit_code::Failure;
use crate::experiment::plan::{Engine, Plan};
use crate::model::report::{Report, SCHEMA, Tool};
use crate::model::settings::Until;
use crate::monitor::MonitorPlan;
use crate::monitor::wiring::Wiring;
use crate::protocol::{Glance, WorkerPlan};
use crate::sys::pause::Hold;

/// Hears how a run goes on.
pub trait Listener: Sync {
    /// The image is being pulled.
    fn pulling(&self, image: &str, progress: &PullProgress);
    /// So many real containers run.
    fn creating(&self, running: u64);
    /// The agents of so many nodes have reported.
    fn waiting_for_agents(&self, reported: usize, nodes: usize);
    /// The workers start; each wiring's console listens on its port, where one was asked for.
    fn starting(&self, plan: &Plan, console_ports: &[Option<u16>]);
    /// A wiring's live counts in passing, with its baseline once that is taken.
    fn glance(&self, wiring: usize, glance: Glance, observation: &Observation);
    /// A sample was taken or a wiring is done. What is known by now, marked partial, is worked out where
    /// it is asked for: it takes the longer the more samples there are.
    fn measured(&self, so_far: &dyn Fn() -> Report);
}

/// What a run came to.
pub struct Outcome {
    /// What was measured.
    pub report: Report,
    /// Whether everything that was made for the run is gone again; else what is left, and how to
    /// remove it.
    pub released: Result<(), Failure>,
}

/// Carries a plan out. When `interrupt` is cancelled, no further rotation begins, and what was
/// measured is reported as partial. While `hold` is on, no wiring begins its next rotation.
///
/// Beside the report it says whether all containers could be removed: the figures stand either way.
///
/// # Errors
/// Fails where the engine, the image or the containers cannot be had. Whatever was started has
/// ended by then.
pub async fn run(
    mut plan: Plan,
    listener: &impl Listener,
    interrupt: &CancellationToken,
    hold: &Hold,
) -> Result<Outcome, Failure> {
    if let Engine::Swarm(swarm) = &plan.engine
        && let Some(agent) = &swarm.agents
    {
        return agents::run(&plan, swarm, agent, listener, interrupt).await;
    }
    let containers = Containers::provide(&plan, listener, interrupt).await?;
    plan.settings.containers = containers.count();
    plan.shards = containers.shares.len();
    // A panic must not leave containers behind: they are removed before it goes on.
    let measuring = AssertUnwindSafe(measure(&plan, &containers, listener, interrupt, hold));
    let outcome = measuring.catch_unwind().await;
    let released = containers.release().await;
    match outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(report) => Ok(Outcome { report, released }),
        Err(failure) => Err(failure.after(released)),
    }
}

async fn measure(
    plan: &Plan,
    containers: &Containers,
    listener: &impl Listener,
    interrupt: &CancellationToken,
    hold: &Hold,
) -> Result<Report, Failure> {
    let console_ports = console_ports(plan)?;
    listener.starting(plan, &console_ports);
    let hosts = containers.shares.iter().filter_map(|share| {
        let containers = share.containers.len() as u64;
        share.host.clone().map(|host| (host, containers))
    });
    let hosts: Vec<(String, u64)> = hosts.collect();
    let observations = observations(plan, &hosts, containers.engines.are_shared());
    let watch = Watch {
        plan,
        listener,
        observations: Mutex::new(observations),
    };
    let drives = plan.wirings.iter().enumerate().map(|(index, wiring)| {
        let shares = containers.shares.iter().enumerate();
        let workers = shares.map(|(shard, share)| {
            let engine = containers.engines.of(index, shard);
            let worker = WorkerPlan {
                monitor: MonitorPlan {
                    wiring: wiring.clone(),
                    containers: share.containers.clone(),
                    has_first: shard == 0,
                    pace: plan.pace(),
                    consumer_delay: plan.settings.consumer_delay,
                    since: containers.since,
                },
                engine: engine.for_worker(),
                rotation: plan.rotation_wall(),
                console_port: console_ports[index],
            };
            (worker, engine)
        });
        let drive = Drive {
            workers: workers.collect(),
            engines: containers.engines.all_of(index),
            hosts: containers.hosts(index),
            rotations: plan.settings.rotations,
            disturbed: Vec::new(),
            sufficiency: (plan.settings.until == Until::Verdict)
                .then(|| Sufficiency::of_run(plan.settings.restart().is_some())),
        };
        let watch = &watch;
        async move {
            let watcher = WatchOne { watch, index };
            drive.run(&watcher, interrupt, hold).await;
        }
    });
    join_all(drives).await;
    let observations = watch.lock();
    let partial = observations
        .iter()
        .any(|observation| observation.cut_short.is_some());
    Ok(report(plan, &observations, partial))
}

/// A free port per wiring, from tokio-console's own on.
fn console_ports(plan: &Plan) -> Result<Vec<Option<u16>>, Failure> {
    /// Where tokio-console connects by default.
    const FIRST: u16 = 6669;
    if !plan.console {
        return Ok(vec![None; plan.wirings.len()]);
    }
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let ports: Vec<Option<u16>> = (FIRST..=u16::MAX)
        .filter(is_free)
        .take(plan.wirings.len())
        .map(Some)
        .collect();
    if ports.len() < plan.wirings.len() {
        return Err(Failure::environment(
            "no port is free for tokio-console (--console)",
        ));
    }
    Ok(ports)
}

/// What is still to be observed of each wiring, on hosts with so many containers each.
pub(super) fn observations(
    plan: &Plan,
    hosts: &[(String, u64)],
    engine_shared: bool,
) -> Vec<Observation> {
    let observation = |wiring: &Wiring| Observation {
        engine_shared: engine_shared && plan.wirings.len() > 1,
        ..Observation::new(
            wiring.clone(),
            plan.settings.rotations,
            plan.load(),
            plan.settings.clock.fd_unit(),
        )
    };
    let on_host = |wiring: &Wiring, (host, containers): &(String, u64)| {
        let mut observed = observation(wiring);
        observed.load.containers = *containers;
        HostObservation {
            host: host.clone(),
            observed,
        }
    };
    let of = |wiring: &Wiring| Observation {
        hosts: hosts.iter().map(|host| on_host(wiring, host)).collect(),
        ..observation(wiring)
    };
    plan.wirings.iter().map(of).collect()
}

pub(super) fn report(plan: &Plan, observations: &[Observation], partial: bool) -> Report {
    Report {
        schema: SCHEMA.into(),
        tool: Tool::this(),
        partial,
        provenance: Some(plan.provenance()),
        config: plan.config(),
        wirings: observations.iter().map(Observation::report).collect(),
        gates: Vec::new(),
    }
}

/// What all drives tell, in one place.
struct Watch<'a, L> {
    plan: &'a Plan,
    listener: &'a L,
    observations: Mutex<Vec<Observation>>,
}

impl<L> Watch<'_, L> {
    fn lock(&self) -> MutexGuard<'_, Vec<Observation>> {
        self.observations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One wiring's part of the watch.
struct WatchOne<'a, L> {
    watch: &'a Watch<'a, L>,
    index: usize,
}

impl<L: Listener> Watcher for WatchOne<'_, L> {
    fn glance(&self, glance: Glance) {
        let observations = self.watch.lock();
        self.watch
            .listener
            .glance(self.index, glance, &observations[self.index]);
    }

    fn observe(&self, change: impl FnOnce(&mut Observation)) {
        let mut observations = self.watch.lock();
        change(&mut observations[self.index]);
        let so_far = || report(self.watch.plan, &observations, true);
        self.watch.listener.measured(&so_far);
    }
}
