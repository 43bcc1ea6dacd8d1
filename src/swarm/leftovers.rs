//! What killed runs left in a swarm.

use std::time::{Duration, SystemTime};

use bollard::Docker;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;

use super::manager::{self, Part};
use super::removal;
use crate::docker::labels;
use crate::docker::leftovers::{FoundRun, by_run};

/// What an engine knows of the services of runs.
#[derive(Debug)]
pub enum Services {
    /// It manages a swarm: these are there, oldest first, with the number of their replicas. Of a run that
    /// has agents alone there are none.
    Found(Vec<FoundRun>),
    /// It works for a swarm, whose managers know.
    ToldByManagers,
    /// It is in no swarm.
    None,
}

/// The services that runs have left in the engine's swarm.
///
/// # Errors
/// An environment failure where the engine does not answer.
pub async fn find(docker: &Docker) -> Result<Services, Failure> {
    Ok(match manager::part_of(docker).await? {
        Part::Manager => Services::Found(list(docker).await?),
        Part::Worker => Services::ToldByManagers,
        Part::None => Services::None,
    })
}

async fn list(docker: &Docker) -> Result<Vec<FoundRun>, Failure> {
    let services = removal::list(docker, labels::RUN).await.map_err(|error| {
        Failure::environment(format!("cannot look for leftovers: {}", told(&error)))
    })?;
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    let ours = services.into_iter().map(|service| {
        let spec = service.spec.unwrap_or_default();
        let created = service
            .created_at
            .and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let age = created.map_or(Duration::ZERO, |created| {
            Duration::try_from(now.duration_since(created)).unwrap_or_default()
        });
        let replicas = spec.mode.and_then(|mode| mode.replicated);
        let replicas = replicas.and_then(|replicated| replicated.replicas);
        let replicas = replicas.and_then(|replicas| usize::try_from(replicas).ok());
        (spec.labels.unwrap_or_default(), replicas.unwrap_or(0), age)
    });
    Ok(by_run(ours))
}
