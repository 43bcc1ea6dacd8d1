//! The containers of a run: served by synthetic engines, created on a real one, or found there.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bollard::Docker;
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::engine_handle::EngineHandle;
use super::run::Listener;
use crate::docker::containers::{self, RunId, RunningContainer};
use crate::docker::endpoint::Endpoint;
use crate::docker::{attach, image, removal};
use crate::engine::process::EngineProcess;
use crate::engine::spec::EngineSpec;
use crate::exit_code::{ExitCode, Failure};
use crate::fleet::Fleet;
use crate::monitor::Followed;
use crate::plan::{Engine, Plan, Source};

/// How much longer than its rotations a run may take before its containers end by themselves: for
/// their creation, for settling, and for the last lines.
const SPARE_LIFE: Duration = Duration::from_secs(15 * 60);

/// When virtual time begins, in ns of unix time: always at the same moment (2026-01-01T00:00:00Z), so that
/// a run's lines are the same each time.
const VIRTUAL_START_NS: i64 = 1_767_225_600_000_000_000;

/// What a run follows.
pub(super) struct Containers {
    /// What serves them.
    pub(super) engines: Engines,
    /// The containers, in the order of their names.
    pub(super) followed: Vec<Followed>,
    /// Lines printed before this moment are not wanted.
    pub(super) since: Option<Timestamp>,
    /// What to remove at the end.
    created: Option<(Docker, RunId)>,
}

/// The engines of a run.
pub(super) enum Engines {
    /// One for all wirings.
    Shared(EngineHandle),
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
            Self::Shared(engine) => engine,
            Self::Own(engines) => &engines[wiring][shard],
        }
    }

    /// The engines that serve a wiring's shards, each of them once.
    pub(super) fn all_of(&self, wiring: usize) -> Vec<&EngineHandle> {
        match self {
            Self::Shared(engine) => vec![engine],
            Self::Own(engines) => engines[wiring].iter().collect(),
        }
    }

    async fn end(self) {
        let engines = match self {
            Self::Shared(engine) => vec![engine],
            Self::Own(engines) => engines.into_iter().flatten().collect(),
        };
        join_all(engines.into_iter().map(EngineHandle::end)).await;
    }
}

impl Containers {
    /// Makes or finds the plan's containers.
    pub(super) async fn provide(
        plan: &Plan,
        listener: &impl Listener,
        interrupt: &CancellationToken,
    ) -> Result<Self, Failure> {
        let fleet = plan.fleet();
        match &plan.engine {
            Engine::Synthetic => Self::serve(plan, fleet).await,
            Engine::Docker { host, source } => {
                let endpoint = Endpoint::resolve(host.as_deref())?;
                let docker = endpoint.connect().await?;
                let url = endpoint.address().to_string();
                match source {
                    Source::Created { image } => {
                        let created = Created {
                            docker,
                            url,
                            image,
                            fleet: &fleet,
                        };
                        created.create(plan, listener, interrupt).await
                    }
                    Source::Attached { label } => Self::attach(docker, url, label).await,
                }
            }
        }
    }

    /// Starts a synthetic engine per wiring and shard; those of all wirings print the same lines at the
    /// same times.
    async fn serve(plan: &Plan, fleet: Fleet) -> Result<Self, Failure> {
        let started_at_ns = match plan.clock.has_sockets() {
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
                of_shards.push(match plan.clock.has_sockets() {
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
        Ok(Self {
            engines: Engines::Own(engines),
            followed: followed.collect(),
            since: None,
            created: None,
        })
    }

    /// Finds containers that are there already. They are followed from now on, and never touched.
    async fn attach(docker: Docker, url: String, label: &str) -> Result<Self, Failure> {
        let found = attach::labelled(&docker, label).await?;
        Ok(Self {
            followed: followed(found),
            engines: Engines::Shared(EngineHandle::real(docker, url)),
            since: Some(Timestamp::now()),
            created: None,
        })
    }

    /// Ends what was started and removes what was created.
    pub(super) async fn release(self) -> Result<(), Failure> {
        self.engines.end().await;
        match self.created {
            Some((docker, run)) => removal::remove_run(&docker, &run).await.map(drop),
            None => Ok(()),
        }
    }
}

/// Starts a process that serves containers.
async fn synthetic(spec: &EngineSpec) -> Result<EngineHandle, Failure> {
    let process = EngineProcess::start(spec).await?;
    let url = format!("unix://{}", process.socket().display());
    let endpoint = Endpoint::parse(&url).map_err(Failure::environment)?;
    Ok(EngineHandle::synthetic(
        endpoint.connect().await?,
        url,
        process,
    ))
}

/// Containers to be created.
struct Created<'a> {
    docker: Docker,
    url: String,
    image: &'a str,
    fleet: &'a Fleet,
}

impl Created<'_> {
    async fn create(
        self,
        plan: &Plan,
        listener: &impl Listener,
        interrupt: &CancellationToken,
    ) -> Result<Containers, Failure> {
        let Self {
            docker,
            url,
            image,
            fleet,
        } = self;
        let pulled = image::ensure(&docker, image, |pull| listener.pulling(image, &pull));
        interrupt
            .run_until_cancelled(pulled)
            .await
            .unwrap_or_else(|| {
                Err(Failure {
                    code: ExitCode::Interrupted,
                    error: anyhow::anyhow!("interrupted while the image was being pulled"),
                })
            })?;
        let run = RunId::generate();
        let life = plan.duration_wall() + SPARE_LIFE;
        let on_progress = |running| listener.creating(running as u64);
        let creating =
            containers::create(&docker, fleet, image, &run, life, interrupt, on_progress);
        // A panic must not leave behind what was created until then.
        let created = match AssertUnwindSafe(creating).catch_unwind().await {
            Ok(created) => created?,
            Err(panic) => {
                let _ = removal::remove_run(&docker, &run).await;
                std::panic::resume_unwind(panic)
            }
        };
        Ok(Containers {
            followed: followed(created),
            engines: Engines::Shared(EngineHandle::real(docker.clone(), url)),
            since: None,
            created: Some((docker, run)),
        })
    }
}

fn followed(containers: Vec<RunningContainer>) -> Vec<Followed> {
    let followed = |container: RunningContainer| Followed {
        name: container.name,
        reference: container.id,
    };
    containers.into_iter().map(followed).collect()
}
