//! The tasks of a run's services: which container stands in which slot, where, and how it is.

use bollard::Docker;
use bollard::models::TaskState;
use docker_engine::error_text::told;
use docker_engine::{answers, ask};
use leakcheck_report::exit_code::Failure;

use crate::docker::run_id::RunId;

/// A replica, by what stays the same when its task is replaced: its service, and which replica it is.
pub type Slot = (String, usize);

/// A task: one container of a service, from its placement to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// The id of its service.
    pub service: String,
    /// Which replica of the service it is, from 1; 0 in a global service.
    pub slot: usize,
    /// The id of its node, once it is placed.
    pub node: Option<String>,
    /// How it is.
    pub state: Option<TaskState>,
    /// Why it is as it is, where that went wrong.
    pub trouble: Option<String>,
    /// Whether the swarm wants it to run: it has not been replaced, and its service is not removed.
    pub is_wanted: bool,
}

impl Task {
    /// The replica that it is.
    pub fn in_slot(&self) -> Slot {
        (self.service.clone(), self.slot)
    }

    /// Whether its container runs.
    pub fn runs(&self) -> bool {
        self.is_wanted && self.state == Some(TaskState::RUNNING)
    }

    /// Whether its container has ended, or will never run.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            Some(
                TaskState::COMPLETE
                    | TaskState::SHUTDOWN
                    | TaskState::FAILED
                    | TaskState::REJECTED
                    | TaskState::REMOVE
                    | TaskState::ORPHANED
            )
        )
    }

    /// Whether it is at work, be it wanted still or about to end.
    pub fn is_running(&self) -> bool {
        self.state == Some(TaskState::RUNNING)
    }

    /// Whether its node would not start it.
    pub fn is_rejected(&self) -> bool {
        self.state == Some(TaskState::REJECTED)
    }

    /// How it is, in the swarm's words.
    pub fn told(&self) -> String {
        let state = self
            .state
            .map_or_else(|| "unknown".into(), |state| state.to_string());
        match &self.trouble {
            Some(trouble) => format!("{state}: {trouble}"),
            None => state,
        }
    }
}

/// All tasks of a run, also those that have ended.
///
/// # Errors
/// An environment failure where the manager does not answer.
pub async fn of_run(docker: &Docker, run: &RunId) -> Result<Vec<Task>, Failure> {
    let listed = ask::tasks(docker, &run.label()).await.map_err(|error| {
        Failure::environment(format!(
            "the swarm's manager does not tell where its tasks run: {}",
            told(&error)
        ))
    })?;
    let task = |task: answers::Task| {
        let status = task.status.unwrap_or_default();
        Some(Task {
            id: task.id?,
            service: task.service_id?,
            slot: task
                .slot
                .and_then(|slot| usize::try_from(slot).ok())
                .unwrap_or(0),
            node: task.node_id,
            state: status.state,
            trouble: status.err.filter(|error| !error.is_empty()),
            is_wanted: task.desired_state == Some(TaskState::RUNNING),
        })
    };
    Ok(listed.into_iter().filter_map(task).collect())
}
