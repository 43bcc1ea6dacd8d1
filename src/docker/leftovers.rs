//! What killed runs left on an engine.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::Docker;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;

use super::run_id::RunId;
use super::run_owner::{OwnerStanding, RunOwner};
use super::{labels, removal};

/// The containers of one run, as an engine lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRun {
    /// The run.
    pub id: RunId,
    /// How many containers there are.
    pub containers: usize,
    /// How long ago the oldest was created, by the engine's clock against ours.
    pub age: Duration,
    /// Who started the run; `None` when the labels do not say.
    pub owner: Option<RunOwner>,
}

impl FoundRun {
    /// Whether the process that started the run is still there. A run that names no process has
    /// nobody to come back for it.
    pub fn standing(&self) -> OwnerStanding {
        self.owner
            .as_ref()
            .map_or(OwnerStanding::Gone, RunOwner::standing)
    }
}

/// All runs that have containers on the engine, oldest first, whether or not they still go on. Containers
/// of a swarm's services are not among them: the swarm would put others in their place.
///
/// # Errors
/// An environment failure when the engine does not answer.
pub async fn find(docker: &Docker) -> Result<Vec<FoundRun>, Failure> {
    let containers = removal::list(docker, labels::RUN).await.map_err(|error| {
        Failure::environment(format!("cannot look for leftovers: {}", told(&error)))
    })?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let ours = containers.into_iter().filter_map(|container| {
        let labels = container.labels.unwrap_or_default();
        let created = container.created.and_then(|s| u64::try_from(s).ok());
        let age = now.saturating_sub(Duration::from_secs(created.unwrap_or(0)));
        (!labels.contains_key(labels::SERVICE)).then_some((labels, 1, age))
    });
    Ok(by_run(ours))
}

/// The runs that labels name, oldest first, of what has so many containers and is so old.
pub(crate) fn by_run(
    found: impl IntoIterator<Item = (HashMap<String, String>, usize, Duration)>,
) -> Vec<FoundRun> {
    let mut runs: BTreeMap<RunId, FoundRun> = BTreeMap::new();
    for (labels, containers, age) in found {
        let Some(id) = labels
            .get(labels::RUN)
            .map(|value| RunId::from_label(value))
        else {
            continue;
        };
        let run = runs.entry(id.clone()).or_insert_with(|| FoundRun {
            id,
            containers: 0,
            age,
            owner: RunOwner::from_labels(&labels),
        });
        run.containers += containers;
        run.age = run.age.max(age);
    }
    let mut runs: Vec<_> = runs.into_values().collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.age));
    runs
}
