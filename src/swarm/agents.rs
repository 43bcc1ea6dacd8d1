//! leakcheck itself as a global service: an agent on each node follows the node's own containers.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{
    Mount, MountType, ServiceSpec, ServiceSpecMode, TaskSpec, TaskSpecContainerSpec,
    TaskSpecPlacement, TaskSpecRestartPolicy, TaskSpecRestartPolicyConditionEnum,
};
use docker_engine::ask;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::settings::Settings;

use super::printers::{json_file, nanos};
use super::tasks::{self, Task};
use crate::docker::labels;
use crate::docker::run_id::RunId;
use crate::docker::run_owner::RunOwner;

/// Where an agent finds its node's engine, in its container.
const SOCKET: &str = "/var/run/docker.sock";

/// How long an agent may take to report once it is told to stop: it waits for its last lines.
pub const STOP_GRACE: Duration = Duration::from_secs(60);

/// leakcheck itself as a service of the swarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlan {
    /// Its image.
    pub image: String,
    /// Where each node's engine listens, on the node.
    pub socket: String,
}

/// The agents of a run.
pub struct Agents {
    docker: Docker,
    run: RunId,
    service: String,
    spec: ServiceSpec,
}

impl Agents {
    /// Starts an agent on each node: `leakcheck run` with these settings, on the containers of the run that
    /// the node has.
    ///
    /// # Errors
    /// An environment failure where the service cannot be created.
    pub async fn start(
        docker: &Docker,
        run: &RunId,
        agent: &AgentPlan,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let spec = spec(run, agent, settings);
        let created = ask::create_service(docker, spec.clone()).await;
        let created = created.map_err(|error| {
            Failure::environment(format!(
                "cannot create the agents' service: {}",
                told(&error)
            ))
        })?;
        Ok(Self {
            docker: docker.clone(),
            run: run.clone(),
            service: created.unwrap_or_default(),
            spec,
        })
    }

    /// The agents by now, one for each node.
    ///
    /// # Errors
    /// An environment failure where the manager does not answer.
    pub async fn tasks(&self) -> Result<Vec<Task>, Failure> {
        let mut tasks = tasks::of_run(&self.docker, &self.run).await?;
        tasks.retain(|task| task.service == self.service);
        Ok(tasks)
    }

    /// Tells all agents to stop; they report what they have measured.
    ///
    /// # Errors
    /// An environment failure where the service cannot be changed.
    pub async fn stop(&self) -> Result<(), Failure> {
        let failed = |error: bollard::errors::Error| {
            Failure::environment(format!("cannot stop the agents: {}", told(&error)))
        };
        let service = ask::service(&self.docker, &self.service)
            .await
            .map_err(failed)?;
        let version = service
            .version
            .and_then(|version| version.index)
            .unwrap_or(0);
        let mut spec = self.spec.clone();
        if let Some(task) = &mut spec.task_template {
            // No node is of this name, so that no agent belongs anywhere any more; removing the service
            // would remove what the agents say too.
            task.placement = Some(TaskSpecPlacement {
                constraints: Some(vec!["node.id==none".into()]),
                ..Default::default()
            });
        }
        let updated = ask::update_service(&self.docker, &self.service, version, spec);
        updated.await.map_err(failed)
    }
}

fn spec(run: &RunId, agent: &AgentPlan, settings: &Settings) -> ServiceSpec {
    let mut service_labels = RunOwner::this_process().to_labels();
    service_labels.insert(labels::RUN.into(), run.to_string());
    let label = run.label();
    let settings = settings.to_json();
    let words = [
        "run",
        "--engine",
        "docker",
        "--host",
        &format!("unix://{SOCKET}"),
        "--attach",
        &label,
        "--format",
        "json",
        "--quiet",
        "--settings",
        &settings,
    ]
    .map(str::to_owned);
    ServiceSpec {
        name: Some(format!("leakcheck-{run}-agents")),
        labels: Some(service_labels),
        mode: Some(ServiceSpecMode {
            global: Some(HashMap::new()),
            ..Default::default()
        }),
        task_template: Some(TaskSpec {
            container_spec: Some(TaskSpecContainerSpec {
                image: Some(agent.image.clone()),
                // The label of the run is not theirs: an agent would follow itself.
                labels: Some(HashMap::from([(labels::AGENT.into(), run.to_string())])),
                args: Some(words.into()),
                mounts: Some(vec![Mount {
                    target: Some(SOCKET.into()),
                    source: Some(agent.socket.clone()),
                    typ: Some(MountType::BIND),
                    ..Default::default()
                }]),
                stop_grace_period: nanos(STOP_GRACE),
                ..Default::default()
            }),
            restart_policy: Some(TaskSpecRestartPolicy {
                condition: Some(TaskSpecRestartPolicyConditionEnum::NONE),
                ..Default::default()
            }),
            log_driver: Some(json_file()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
