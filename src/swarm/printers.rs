//! The containers of an experiment as replicas of a service.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{
    Limit, ServiceSpec, ServiceSpecMode, ServiceSpecModeReplicated, TaskSpec,
    TaskSpecContainerSpec, TaskSpecLogDriver, TaskSpecResources, TaskSpecRestartPolicy,
    TaskSpecRestartPolicyConditionEnum,
};
use docker_engine::ask;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;
use synthetic_engine::workload::containers::{Container, Fleet};
use tokio_util::sync::CancellationToken;

use crate::docker::containers::{MEMORY_BYTES, PROCESSES, no_health_check};
use crate::docker::run_id::RunId;
use crate::docker::run_owner::RunOwner;
use crate::docker::{labels, line_printer_command};

/// How many replicas a service has at most: each has the rates of all in its command line.
pub const IN_A_SERVICE: usize = 2000;

/// How long a container that failed is away before another is started in its place.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// How long a container may take to end once it is told to: a shell heeds at once.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Creates the services whose replicas are the fleet's containers, in its order; returns their ids.
///
/// Each replica ends by itself after `life`, and is not started again then; one that fails, or whose node
/// goes, is replaced by the swarm.
///
/// # Errors
/// An environment failure where a service cannot be created, and an interruption; those that are created by
/// then stay for the caller to remove.
pub async fn create(
    docker: &Docker,
    fleet: &Fleet,
    image: &str,
    run: &RunId,
    life: Duration,
    interrupt: &CancellationToken,
) -> Result<Vec<String>, Failure> {
    let mut services = Vec::new();
    for (number, containers) in fleet.containers.chunks(IN_A_SERVICE).enumerate() {
        if interrupt.is_cancelled() {
            return Err(Failure::interrupted("the services were being created"));
        }
        let name = match number {
            0 => format!("leakcheck-{run}"),
            _ => format!("leakcheck-{run}-{number}"),
        };
        let spec = spec(name.clone(), containers, image, run, life);
        let created = ask::create_service(docker, spec).await.map_err(|error| {
            let why = told(&error);
            Failure::environment(format!("cannot create the service {name}: {why}"))
        })?;
        services.extend(created);
    }
    Ok(services)
}

fn spec(
    name: String,
    containers: &[Container],
    image: &str,
    run: &RunId,
    life: Duration,
) -> ServiceSpec {
    let run_label = HashMap::from([(labels::RUN.to_owned(), run.to_string())]);
    let mut service_labels = RunOwner::this_process().to_labels();
    service_labels.extend(run_label.clone());
    ServiceSpec {
        name: Some(name),
        labels: Some(service_labels),
        mode: Some(ServiceSpecMode {
            replicated: Some(ServiceSpecModeReplicated {
                replicas: i64::try_from(containers.len()).ok(),
            }),
            ..Default::default()
        }),
        task_template: Some(TaskSpec {
            container_spec: Some(TaskSpecContainerSpec {
                image: Some(image.into()),
                labels: Some(run_label),
                command: Some(line_printer_command::command_by_slot(containers, life)),
                env: Some(vec![format!(
                    "{}={{{{.Task.Slot}}}}",
                    line_printer_command::SLOT
                )]),
                read_only: Some(true),
                capability_drop: Some(vec!["ALL".into()]),
                stop_grace_period: nanos(STOP_GRACE),
                health_check: Some(no_health_check()),
                ..Default::default()
            }),
            resources: Some(TaskSpecResources {
                limits: Some(Limit {
                    memory_bytes: Some(MEMORY_BYTES),
                    pids: Some(PROCESSES),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            restart_policy: Some(TaskSpecRestartPolicy {
                condition: Some(TaskSpecRestartPolicyConditionEnum::ON_FAILURE),
                delay: nanos(RESTART_DELAY),
                ..Default::default()
            }),
            // Not the engine's default driver, which may keep no logs to follow.
            log_driver: Some(json_file()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A log that can be read through a manager, whatever the engines' default is.
pub(super) fn json_file() -> TaskSpecLogDriver {
    TaskSpecLogDriver {
        name: Some("json-file".into()),
        options: Some(HashMap::new()),
    }
}

/// A duration as the engine's API takes it.
pub(super) fn nanos(duration: Duration) -> Option<i64> {
    i64::try_from(duration.as_nanos()).ok()
}
