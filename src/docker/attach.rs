//! Containers that exist already and carry a label: found, never touched.

use bollard::Docker;
use bollard::errors::Error;
use docker_engine::ask;
use docker_engine::error_text::{is_not_found, told};
use futures_util::{StreamExt, TryStreamExt};
use leakcheck_report::exit_code::Failure;

use super::containers::RunningContainer;

/// How many containers are asked at a time whether they have a terminal.
const ASKED_AT_A_TIME: usize = 16;

/// The running containers that carry a label (`key` or `key=value`), in the order of their names.
///
/// # Errors
/// A usage failure when `label` is none; an environment failure when no running container
/// carries it or the engine does not answer.
pub async fn labelled(docker: &Docker, label: &str) -> Result<Vec<RunningContainer>, Failure> {
    if label
        .split('=')
        .next()
        .is_none_or(|key| key.trim().is_empty())
    {
        return Err(Failure::usage(format!(
            "--attach {label:?} names no label: write KEY or KEY=VALUE, as in --attach app=web"
        )));
    }
    let failed = |error: Error| {
        Failure::environment(format!(
            "cannot look for containers with the label {label}: {}",
            told(&error)
        ))
    };
    let listed = ask::running_containers(docker, label)
        .await
        .map_err(failed)?;
    let ids = listed.into_iter().filter_map(|container| container.id);
    let mut found: Vec<RunningContainer> = futures_util::stream::iter(ids)
        .map(|id| describe(docker, id))
        .buffer_unordered(ASKED_AT_A_TIME)
        .try_filter_map(async |container| Ok(container))
        .try_collect()
        .await
        .map_err(failed)?;
    if found.is_empty() {
        return Err(Failure::environment(format!(
            "no running container carries the label {label} (--attach): see docker ps --filter \
             label={label}, or start one with docker run --label {label} …"
        )));
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// `None` for a container that ended since it was listed.
async fn describe(docker: &Docker, id: String) -> Result<Option<RunningContainer>, Error> {
    match ask::container(docker, &id).await {
        Ok(container) => Ok(Some(RunningContainer {
            name: container.name.map_or_else(
                || id.clone(),
                |name| name.trim_start_matches('/').to_owned(),
            ),
            tty: container
                .config
                .and_then(|config| config.tty)
                .unwrap_or(false),
            id,
        })),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(error) => Err(error),
    }
}
