//! What killed runs left in a swarm.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bollard::Docker;

use super::removal;
use crate::docker::containers::RunId;
use crate::docker::error_text::told;
use crate::docker::labels;
use crate::docker::leftovers::FoundRun;
use crate::docker::run_owner::RunOwner;
use crate::exit_code::Failure;

/// All runs that have services in the swarm, oldest first, with the number of their replicas.
///
/// # Errors
/// An environment failure where the manager does not answer.
pub async fn find(docker: &Docker) -> Result<Vec<FoundRun>, Failure> {
    let services = removal::list(docker, labels::RUN).await.map_err(|error| {
        Failure::environment(format!("cannot look for leftovers: {}", told(&error)))
    })?;
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or_default();
    let mut runs: BTreeMap<RunId, FoundRun> = BTreeMap::new();
    for service in services {
        let spec = service.spec.unwrap_or_default();
        let labels = spec.labels.unwrap_or_default();
        let Some(id) = labels
            .get(labels::RUN)
            .map(|value| RunId::from_label(value))
        else {
            continue;
        };
        let created = service
            .created_at
            .and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let age = created.map_or(Duration::ZERO, |created| {
            Duration::try_from(now.duration_since(created)).unwrap_or_default()
        });
        let replicas = spec.mode.and_then(|mode| mode.replicated);
        let replicas = replicas
            .and_then(|replicated| replicated.replicas)
            .unwrap_or(0);
        let run = runs.entry(id.clone()).or_insert_with(|| FoundRun {
            id,
            containers: 0,
            age,
            owner: RunOwner::from_labels(&labels),
        });
        run.containers += usize::try_from(replicas).unwrap_or(0);
        run.age = run.age.max(age);
    }
    let mut runs: Vec<_> = runs.into_values().collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.age));
    Ok(runs)
}
