//! Real containers of an experiment: created all or none.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::CreateContainerOptionsBuilder;
use docker_engine::ask;
use docker_engine::error_text::told;
use futures_util::StreamExt;
use leakcheck_report::exit_code::Failure;
use synthetic_engine::workload::containers::{Container, Fleet};
use tokio_util::sync::CancellationToken;

use super::run_id::RunId;
use super::run_owner::RunOwner;
use super::{labels, line_printer_command, removal};

/// How many containers are being created at a time: an engine gets slower, not faster, by more.
const CREATED_AT_A_TIME: usize = 8;

/// What a container may use: a shell and one `sleep` need about 1 MiB and 2 processes.
pub(crate) const MEMORY_BYTES: i64 = 16 * 1024 * 1024;
pub(crate) const PROCESSES: i64 = 16;

/// A container that runs, as its followers need to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningContainer {
    /// The engine's id for it.
    pub id: String,
    /// Its name in the fleet (`web-07`), or the engine's name for one that was attached to.
    pub name: String,
    /// Whether it has a terminal: its log is then raw bytes instead of multiplexed frames.
    pub tty: bool,
}

/// Creates and starts the fleet's containers, named `leakcheck-<run>-<name>`, in the fleet's order.
///
/// Each prints [`synthetic_engine::workload::containers::line_text`] at its rate, has no network, and ends by itself after
/// `life`. `on_progress` hears how many run so far. The image must be there
/// ([`super::image::ensure`]).
///
/// Do not drop the future to interrupt it: a request that is under way would still create its
/// container. Cancel `interrupt` and await the result.
///
/// # Errors
/// When a container cannot be created or started, or on `interrupt`. All that was created, also
/// by requests that were under way, is removed by then; an error says so where it could not be.
pub async fn create(
    docker: &Docker,
    fleet: &Fleet,
    image: &str,
    run: &RunId,
    life: Duration,
    interrupt: &CancellationToken,
    on_progress: impl Fn(usize),
) -> Result<Vec<RunningContainer>, Failure> {
    // A first failure stops what has not begun; what has is awaited, so that its container is
    // there to be removed.
    let stop = interrupt.child_token();
    let running = AtomicUsize::new(0);
    let starts = fleet.containers.iter().map(|container| {
        let (stop, running, on_progress) = (&stop, &running, &on_progress);
        async move {
            if stop.is_cancelled() {
                return None;
            }
            let started = start(docker, container, image, run, life).await;
            match &started {
                Ok(_) => on_progress(running.fetch_add(1, Ordering::Relaxed) + 1),
                Err(_) => stop.cancel(),
            }
            Some(started)
        }
    });
    let outcomes: Vec<_> = futures_util::stream::iter(starts)
        .buffered(CREATED_AT_A_TIME)
        .collect()
        .await;
    // Which failure comes first does not matter; an interruption explains itself.
    let failure = match outcomes
        .into_iter()
        .flatten()
        .collect::<Result<Vec<_>, Failure>>()
    {
        Ok(_) if interrupt.is_cancelled() => Failure::interrupted("containers were being created"),
        Ok(containers) => return Ok(containers),
        Err(failure) => failure,
    };
    Err(failure.after(removal::remove_run(docker, run).await.map(drop)))
}

async fn start(
    docker: &Docker,
    container: &Container,
    image: &str,
    run: &RunId,
    life: Duration,
) -> Result<RunningContainer, Failure> {
    let name = format!("leakcheck-{run}-{}", container.name);
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let id = ask::create_container(docker, options, body(container, image, run, life))
        .await
        .map_err(|error| refused("create", &name, image, &error))?;
    ask::start_container(docker, &id)
        .await
        .map_err(|error| refused("start", &name, image, &error))?;
    Ok(RunningContainer {
        id,
        name: container.name.clone(),
        tty: container.tty,
    })
}

fn body(container: &Container, image: &str, run: &RunId, life: Duration) -> ContainerCreateBody {
    let mut labels = RunOwner::this_process().to_labels();
    labels.insert(labels::RUN.into(), run.to_string());
    labels.insert(labels::NAME.into(), container.name.clone());
    ContainerCreateBody {
        image: Some(image.into()),
        // The entrypoint rather than the command: an image may bring an entrypoint of its own.
        entrypoint: Some(line_printer_command::command(container, life)),
        cmd: Some(Vec::new()),
        labels: Some(labels),
        tty: Some(container.tty),
        network_disabled: Some(true),
        healthcheck: Some(no_health_check()),
        host_config: Some(HostConfig {
            auto_remove: Some(true),
            network_mode: Some("none".into()),
            memory: Some(MEMORY_BYTES),
            memory_swap: Some(MEMORY_BYTES),
            pids_limit: Some(PROCESSES),
            readonly_rootfs: Some(true),
            cap_drop: Some(vec!["ALL".into()]),
            // Not the engine's default driver, which may keep no logs to follow.
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".into()),
                config: Some(HashMap::new()),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// An image's own health check would fork in the middle of the measurement.
pub(crate) fn no_health_check() -> HealthConfig {
    HealthConfig {
        test: Some(vec!["NONE".into()]),
        ..Default::default()
    }
}

fn refused(what: &str, name: &str, image: &str, error: &Error) -> Failure {
    let told = told(error);
    Failure::environment(if told.contains("/bin/sh") {
        format!(
            "cannot {what} {name}: the image {image} has no /bin/sh ({told}); name one with --image"
        )
    } else {
        format!("cannot {what} the container {name}: {told}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_ids_are_short_and_differ() {
        let (one, other) = (RunId::generate(), RunId::generate());
        assert_ne!(one, other);
        assert_eq!(one.to_string().len(), 8);
        assert_eq!(one.label(), format!("leakcheck.run={one}"));
    }

    #[test]
    fn a_container_has_no_network_and_little_memory_and_goes_when_it_ends() {
        let fleet = Fleet::generate(1, 0.0, 10.0, 1);
        let run = RunId::from_label("0");
        let body = body(
            &fleet.containers[0],
            "busybox:stable",
            &run,
            Duration::from_secs(60),
        );
        let host = body.host_config.expect("a host config");
        assert_eq!(host.network_mode.as_deref(), Some("none"));
        assert_eq!(host.auto_remove, Some(true));
        assert_eq!(
            (host.memory, host.memory_swap),
            (Some(MEMORY_BYTES), Some(MEMORY_BYTES))
        );
    }
}
