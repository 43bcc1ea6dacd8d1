//! The containers of a run: served by synthetic engines, created on a real one, or found there.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bollard::Docker;
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;
use leakcheck_report::exit_code::{ExitCode, Failure, all_done};
use log_monitor::Followed;
use log_monitor::log_position::LogsOf;
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::workload::containers::Fleet;
use tokio_util::sync::CancellationToken;

use super::context::RunContext;
use super::engine_handle::EngineHandle;
use super::hosts::Hosts;
use crate::docker::containers;
use crate::docker::containers::RunningContainer;
use crate::docker::endpoint::Endpoint;
use crate::docker::run_id::RunId;
use crate::docker::{attach, image, removal};
use crate::engine_process::EngineProcess;
use crate::events::Event;
use crate::experiment::plan::{ContainerSource, Engine, Plan, SwarmPlan};
use crate::swarm::replicas::{Placed, Replicas};
use crate::swarm::{self, manager, printers, replicas};
use crate::sys::signals::until_enough_waited;

/// How much longer than its rotations a run may take before its containers end by themselves: for
/// their creation, for settling, and for the last lines.
pub(super) const SPARE_LIFE: Duration = Duration::from_secs(15 * 60);

/// What is done before anything is made.
pub(super) const CONNECTING: &str = "the engine was being connected to";

/// What takes no time, unless an engine's process hangs.
const STARTING_ENGINES: &str = "the engines were being started";

/// When virtual time begins, in ns of unix time: always at the same moment (2026-01-01T00:00:00Z), so that
/// a run's lines are the same each time.
const VIRTUAL_START_NS: i64 = 1_767_225_600_000_000_000;

/// What a run follows.
pub(super) struct Containers {
    /// What serves them.
    pub(super) engines: Engines,
    /// What each worker of a wiring follows, in the order of their names.
    pub(super) shares: Vec<Share>,
    /// Lines printed before this moment are not wanted.
    pub(super) since: Option<Timestamp>,
    /// Where a swarm has placed them.
    placed: Option<PlacedBySwarm>,
    /// What to remove at the end.
    created: Vec<Created>,
}

/// The containers that one worker of each wiring follows.
pub(super) struct Share {
    /// Their host, where there are several.
    pub(super) host: Option<String>,
    /// The containers.
    pub(super) containers: Vec<Followed>,
}

/// Containers that were placed by a swarm.
struct PlacedBySwarm {
    docker: Docker,
    run: RunId,
    shares: Vec<Vec<Placed>>,
}

/// What a run has created on an engine, or in a swarm through one of its managers.
enum Created {
    Containers(Docker, RunId),
    Services(Docker, RunId),
}

impl Created {
    async fn remove(self) -> Result<(), Failure> {
        match self {
            Self::Containers(docker, run) => removal::remove_run(&docker, &run).await.map(drop),
            Self::Services(docker, run) => swarm::removal::remove_run(&docker, &run).await,
        }
    }
}

/// The engines of a run.
pub(super) enum Engines {
    /// One for all wirings, or one for each share of the containers.
    Shared(Vec<EngineHandle>),
    /// For each wiring one for each shard of the containers.
    Own(Vec<Vec<EngineHandle>>),
}

impl Engines {
    /// Whether there is one for all.
    pub(super) fn are_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// The engine that serves a wiring's shard.
    pub(super) fn of(&self, wiring: usize, shard: usize) -> &EngineHandle {
        match self {
            Self::Shared(engines) => &engines[shard.min(engines.len() - 1)],
            Self::Own(engines) => &engines[wiring][shard],
        }
    }

    /// The engines that serve a wiring's shards, each of them once.
    pub(super) fn all_of(&self, wiring: usize) -> Vec<&EngineHandle> {
        match self {
            Self::Shared(engines) => engines.iter().collect(),
            Self::Own(engines) => engines[wiring].iter().collect(),
        }
    }

    async fn end(self) {
        let engines = match self {
            Self::Shared(engines) => engines,
            Self::Own(engines) => engines.into_iter().flatten().collect(),
        };
        join_all(engines.into_iter().map(EngineHandle::end)).await;
    }
}

impl Containers {
    /// Makes or finds the plan's containers.
    pub(super) async fn provide(context: &RunContext<'_>) -> Result<Self, Failure> {
        let RunContext {
            plan, interrupt, ..
        } = *context;
        match &plan.engine {
            Engine::Synthetic => {
                let served = until_enough_waited(interrupt, Self::serve(plan)).await;
                served.unwrap_or_else(|| Err(Failure::interrupted(STARTING_ENGINES)))
            }
            Engine::Docker { hosts, source } => {
                let engines = interruptible(interrupt, CONNECTING, connect(hosts)).await?;
                match source {
                    ContainerSource::Created { image } => {
                        Self::create(context, engines, image).await
                    }
                    ContainerSource::Attached { label } => {
                        let attaching = Self::attach(plan, engines, label);
                        interruptible(interrupt, "containers were being looked for", attaching)
                            .await
                    }
                }
            }
            Engine::Swarm(swarm) => Self::place(context, swarm).await,
        }
    }

    /// Starts a synthetic engine per wiring and shard; those of all wirings print the same lines at the
    /// same times.
    async fn serve(plan: &Plan) -> Result<Self, Failure> {
        let fleet = plan.fleet();
        let started_at_ns = match plan.settings.clock.has_sockets() {
            true => i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
            false => VIRTUAL_START_NS,
        };
        let mut engines = Vec::new();
        for _ in &plan.wirings {
            let mut of_shards = Vec::new();
            for containers in plan.shares(&fleet.containers) {
                let containers = containers.to_vec();
                let spec = EngineSpec {
                    fleet: Fleet { containers },
                    started_at_ns,
                };
                of_shards.push(match plan.settings.clock.has_sockets() {
                    true => synthetic(&spec).await?,
                    false => EngineHandle::InWorker(spec),
                });
            }
            engines.push(of_shards);
        }
        let followed = fleet.containers.into_iter().map(|container| Followed {
            reference: container.name.clone(),
            name: container.name,
        });
        let followed: Vec<Followed> = followed.collect();
        Ok(Self {
            engines: Engines::Own(engines),
            shares: shared_out(plan, &followed),
            since: None,
            placed: None,
            created: Vec::new(),
        })
    }

    /// Finds containers that are there already. They are followed from now on, and never touched.
    async fn attach(
        plan: &Plan,
        engines: Vec<(Docker, Endpoint)>,
        label: &str,
    ) -> Result<Self, Failure> {
        let mut found = Vec::new();
        for (docker, endpoint) in &engines {
            let labelled = attach::labelled(docker, label).await;
            found.push(labelled.map_err(|failure| about(endpoint, failure, &engines))?);
        }
        Ok(Self {
            shares: shares(plan, &engines, found),
            engines: Engines::Shared(handles(engines)),
            since: Some(Timestamp::now()),
            placed: None,
            created: Vec::new(),
        })
    }

    /// Creates the containers, as many on each engine, or one more.
    async fn create(
        context: &RunContext<'_>,
        engines: Vec<(Docker, Endpoint)>,
        image: &str,
    ) -> Result<Self, Failure> {
        let RunContext {
            plan,
            events,
            interrupt,
        } = *context;
        for (docker, endpoint) in &engines {
            let pulled = image::ensure(docker, image, |progress| {
                let progress = &progress;
                events.hear(&Event::Pulling { image, progress });
            });
            interruptible(interrupt, "the image was being pulled", pulled)
                .await
                .map_err(|failure| about(endpoint, failure, &engines))?;
        }
        let run = RunId::generate();
        let life = plan.duration_wall() + SPARE_LIFE;
        let fleet = plan.fleet();
        let (all, running) = (fleet.containers.len(), AtomicU64::new(0));
        // What one engine refuses ends the others' creation too.
        let stop = interrupt.child_token();
        let creating = engines
            .iter()
            .enumerate()
            .map(|(number, (docker, endpoint))| {
                let (from, to) = (
                    number * all / engines.len(),
                    (number + 1) * all / engines.len(),
                );
                let fleet = Fleet {
                    containers: fleet.containers[from..to].to_vec(),
                };
                let (run, stop, running, engines) = (&run, &stop, &running, &engines);
                async move {
                    let on_progress = |_| {
                        context.creating(running.fetch_add(1, Ordering::Relaxed) + 1);
                    };
                    let created =
                        containers::create(docker, &fleet, image, run, life, stop, on_progress)
                            .await;
                    created.map_err(|failure| {
                        stop.cancel();
                        about(endpoint, failure, engines)
                    })
                }
            });
        // A panic must not leave behind what was created until then.
        let outcomes = AssertUnwindSafe(join_all(creating)).catch_unwind().await;
        let failure = match outcomes {
            Ok(outcomes) => match all_or_first_failure(outcomes) {
                Ok(created) => {
                    let docker = |(docker, _): &(Docker, _)| {
                        Created::Containers(docker.clone(), run.clone())
                    };
                    return Ok(Self {
                        shares: shares(plan, &engines, created),
                        created: engines.iter().map(docker).collect(),
                        engines: Engines::Shared(handles(engines)),
                        since: None,
                        placed: None,
                    });
                }
                Err(failure) => Ok(failure),
            },
            Err(panic) => Err(panic),
        };
        let removals = engines
            .iter()
            .map(|(docker, _)| removal::remove_run(docker, &run));
        let left = join_all(removals).await.into_iter().filter_map(Result::err);
        match failure {
            Ok(failure) => Err(left.fold(failure, |failure, left| failure.and(&left))),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Has a swarm place the containers.
    async fn place(context: &RunContext<'_>, swarm: &SwarmPlan) -> Result<Self, Failure> {
        let RunContext {
            plan, interrupt, ..
        } = *context;
        let connecting = manager::connect(swarm.manager.as_deref());
        let (docker, endpoint) = interruptible(interrupt, CONNECTING, connecting).await?;
        let run = RunId::generate();
        let life = plan.duration_wall() + SPARE_LIFE;
        let placing = placed_by_swarm(context, &docker, &run, &swarm.image, life);
        // A panic must not leave behind what was created until then.
        let placed = match AssertUnwindSafe(placing).catch_unwind().await {
            Ok(Ok(placed)) => placed,
            Ok(Err(failure)) => {
                return Err(failure.after(swarm::removal::remove_run(&docker, &run).await));
            }
            Err(panic) => {
                let _ = swarm::removal::remove_run(&docker, &run).await;
                std::panic::resume_unwind(panic)
            }
        };
        let share = |(node, containers): (&String, &Vec<Placed>)| Share {
            host: Some(node.clone()),
            containers: containers.iter().map(Placed::followed).collect(),
        };
        let url = endpoint.url();
        Ok(Self {
            shares: placed.iter().map(share).collect(),
            placed: Some(PlacedBySwarm {
                docker: docker.clone(),
                run: run.clone(),
                shares: placed.into_values().collect(),
            }),
            engines: Engines::Shared(vec![EngineHandle::real(docker.clone(), url, LogsOf::Tasks)]),
            since: None,
            created: vec![Created::Services(docker, run)],
        })
    }

    /// The hosts as one wiring's workers are to look at them.
    pub(super) fn hosts(&self, wiring: usize) -> Hosts<'_> {
        let engines = (0..self.shares.len()).map(|share| self.engines.of(wiring, share));
        let replicas = self.placed.as_ref().map(|placed| {
            Replicas::new(
                placed.docker.clone(),
                placed.run.clone(),
                placed.shares.clone(),
            )
        });
        Hosts::new(engines.collect(), replicas)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.shares.iter().map(|share| share.containers.len()).sum()
    }

    /// Ends what was started and removes what was created.
    pub(super) async fn release(self) -> Result<(), Failure> {
        self.engines.end().await;
        all_done(join_all(self.created.into_iter().map(Created::remove)).await)
    }
}

/// Creates the plan's containers as services of a swarm, and waits until all of them run; returns them by
/// node. What was created until an error stays for the caller to remove.
pub(super) async fn placed_by_swarm(
    context: &RunContext<'_>,
    docker: &Docker,
    run: &RunId,
    image: &str,
    life: Duration,
) -> Result<BTreeMap<String, Vec<Placed>>, Failure> {
    let (fleet, interrupt) = (context.plan.fleet(), context.interrupt);
    let services = printers::create(docker, &fleet, image, run, life, interrupt).await?;
    let on_progress = |running| context.creating(running as u64);
    replicas::placed(docker, run, &services, &fleet, interrupt, on_progress).await
}

/// Does something that an interrupt ends, and that leaves nothing to be removed.
pub(super) async fn interruptible<T>(
    interrupt: &CancellationToken,
    what: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = interrupt.run_until_cancelled(work).await;
    done.unwrap_or_else(|| Err(Failure::interrupted(what)))
}

/// Connects to the engines; without a name, to the one that the environment says.
async fn connect(hosts: &[String]) -> Result<Vec<(Docker, Endpoint)>, Failure> {
    let mut named: Vec<Option<&str>> = hosts.iter().map(|host| Some(host.as_str())).collect();
    if named.is_empty() {
        named.push(None);
    }
    let mut engines = Vec::new();
    for host in named {
        engines.push(Endpoint::resolve(host)?.connect().await?);
    }
    Ok(engines)
}

/// A failure with the engine that it is about, where there are several.
fn about(endpoint: &Endpoint, failure: Failure, engines: &[(Docker, Endpoint)]) -> Failure {
    match engines.len() {
        1 => failure,
        _ => Failure {
            error: failure.error.context(endpoint.address().to_string()),
            ..failure
        },
    }
}

fn handles(engines: Vec<(Docker, Endpoint)>) -> Vec<EngineHandle> {
    let handle = |(docker, endpoint): (Docker, Endpoint)| {
        EngineHandle::real(docker, endpoint.url(), LogsOf::Containers)
    };
    engines.into_iter().map(handle).collect()
}

/// What went wrong first; that others were told to stop then says nothing.
fn all_or_first_failure<T>(outcomes: Vec<Result<T, Failure>>) -> Result<Vec<T>, Failure> {
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(one) => all.push(one),
            Err(failure) => failures.push(failure),
        }
    }
    failures.sort_by_key(|failure| failure.code == ExitCode::Interrupted);
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(all),
    }
}

/// The containers of each engine as a share; those of a single one as the plan shares them out.
fn shares(
    plan: &Plan,
    engines: &[(Docker, Endpoint)],
    containers: Vec<Vec<RunningContainer>>,
) -> Vec<Share> {
    let mut of_engines: Vec<Vec<Followed>> = containers.into_iter().map(followed).collect();
    if let [only] = &mut of_engines[..] {
        return shared_out(plan, only);
    }
    let share = |(containers, (_, endpoint)): (Vec<Followed>, &(Docker, Endpoint))| Share {
        host: Some(endpoint.address().to_string()),
        containers,
    };
    of_engines.into_iter().zip(engines).map(share).collect()
}

/// The containers of one host as the plan shares them out.
fn shared_out(plan: &Plan, containers: &[Followed]) -> Vec<Share> {
    let share = |containers: &[Followed]| Share {
        host: None,
        containers: containers.to_vec(),
    };
    plan.shares(containers).map(share).collect()
}

/// Starts a process that serves containers.
async fn synthetic(spec: &EngineSpec) -> Result<EngineHandle, Failure> {
    let process = EngineProcess::start(spec).await?;
    let url = format!("unix://{}", process.socket().display());
    let endpoint = Endpoint::parse(&url).map_err(Failure::environment)?;
    let (docker, _) = endpoint.connect().await?;
    Ok(EngineHandle::synthetic(docker, url, process))
}

fn followed(containers: Vec<RunningContainer>) -> Vec<Followed> {
    let followed = |container: RunningContainer| Followed {
        name: container.name,
        reference: container.id,
    };
    containers.into_iter().map(followed).collect()
}
