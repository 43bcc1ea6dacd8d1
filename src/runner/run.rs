//! A run: all wirings side by side, from nothing to a report, and back to nothing.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::join_all;
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::report::Report;
use leakcheck_report::model::settings::Until;
use log_monitor::MonitorPlan;
use tokio_util::sync::CancellationToken;

use super::agents;
use super::containers::Containers;
use super::context::RunContext;
use super::drive::Drive;
use super::outcome::{RunOutcome, observations, report};
use super::watcher::WatchedRun;
use crate::analysis::sufficiency::Sufficiency;
use crate::events::{Consumer, Event};
use crate::experiment::plan::{Engine, Plan};
use crate::protocol::WorkerPlan;
use crate::sys::pause::Hold;

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
    events: &dyn Consumer,
    interrupt: &CancellationToken,
    hold: &Hold,
) -> Result<RunOutcome, Failure> {
    let context = RunContext {
        plan: &plan,
        events,
        interrupt,
    };
    if let Engine::Swarm(swarm) = &plan.engine
        && let Some(agent) = &swarm.agents
    {
        return agents::run(&context, swarm, agent).await;
    }
    let containers = Containers::provide(&context).await?;
    plan.settings.containers = containers.count();
    plan.shards = containers.shares.len();
    let context = RunContext {
        plan: &plan,
        events,
        interrupt,
    };
    // A panic must not leave containers behind: they are removed before it goes on.
    let measuring = AssertUnwindSafe(measure(&context, &containers, hold));
    let outcome = measuring.catch_unwind().await;
    let released = containers.release().await;
    match outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
        Ok(report) => Ok(RunOutcome { report, released }),
        Err(failure) => Err(failure.after(released)),
    }
}

async fn measure(
    context: &RunContext<'_>,
    containers: &Containers,
    hold: &Hold,
) -> Result<Report, Failure> {
    let RunContext {
        plan,
        events,
        interrupt,
    } = *context;
    let console_ports = console_ports(plan)?;
    events.hear(&Event::RunStarts(plan));
    for (wiring, port) in plan.wirings.iter().zip(&console_ports) {
        if let Some(port) = port {
            let command = format!("tokio-console http://127.0.0.1:{port}");
            events.hear(&Event::Said(&format!("{command}   # {}", wiring.name)));
        }
    }
    let hosts = containers.shares.iter().filter_map(|share| {
        let containers = share.containers.len() as u64;
        share.host.clone().map(|host| (host, containers))
    });
    let hosts: Vec<(String, u64)> = hosts.collect();
    let observations = observations(plan, &hosts, containers.engines.are_shared());
    let watch = WatchedRun::new(plan, events, observations);
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
            drive.run(&watch.over(index), interrupt, hold).await;
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
