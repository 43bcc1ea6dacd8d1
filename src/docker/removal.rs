//! Removes a run's containers, by the run's label alone, and makes sure that none is left.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::errors::Error;
use docker_engine::answers::ListedContainer;
use docker_engine::ask;
use docker_engine::error_text::{is_not_found, told};
use futures_util::{StreamExt, TryFutureExt};
use leakcheck_report::exit_code::Failure;

use super::answer::within;
use super::run_id::RunId;

/// How many containers are being removed at a time.
const REMOVED_AT_A_TIME: usize = 16;

/// How long removal may go without a container less before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before the engine is asked again for what it is still removing.
const POLL: Duration = Duration::from_millis(50);

/// How long it may be silent meanwhile, as while it is restarted; how long its list may take; and how long
/// after a failure it is asked again.
const SILENCE: Duration = Duration::from_secs(20);
const LIST_LIMIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);

/// Removes, by force, every container of the run, and returns how many there were.
///
/// Containers that end by themselves meanwhile, or that somebody else is removing, count too.
///
/// # Errors
/// An environment failure that names what is left and how to remove it.
pub async fn remove_run(docker: &Docker, run: &RunId) -> Result<usize, Failure> {
    let mut seen = BTreeSet::new();
    let mut fewest = usize::MAX;
    let (mut progress, mut was_silent) = (Instant::now(), false);
    let mut refusal = None;
    loop {
        let (left, silent) = left(docker, run).await?;
        // What an engine does not remove while it is silent tells nothing.
        progress += silent;
        if left.is_empty() {
            return Ok(seen.len());
        }
        if left.len() < fewest {
            fewest = left.len();
            progress = Instant::now();
        } else if progress.elapsed() > PATIENCE {
            let why = refusal.unwrap_or_else(|| "the engine keeps listing them".to_owned());
            return Err(left_over(run, &left.len().to_string(), &why));
        }
        let ids: Vec<String> = left
            .into_iter()
            .filter_map(|container| container.id)
            .collect();
        match remove_all(docker, &ids).await {
            Ok(refused) => refusal = refused.or(refusal),
            Err(silent) => {
                refusal = Some(silent);
                // Once, an engine that froze is asked again.
                if !std::mem::replace(&mut was_silent, true) {
                    progress = Instant::now();
                }
            }
        }
        seen.extend(ids);
        // Not an assumption on how long removal takes: the list decides, this only spaces it out.
        tokio::time::sleep(POLL).await;
    }
}

/// What is left of a run, asked for again while the engine is silent; and how long that was.
async fn left(docker: &Docker, run: &RunId) -> Result<(Vec<ListedContainer>, Duration), Failure> {
    let (label, since) = (run.label(), Instant::now());
    let mut silent = Duration::ZERO;
    loop {
        let listed = list(docker, &label).map_err(|error| told(&error));
        match within(LIST_LIMIT, listed).await {
            Ok(left) => return Ok((left, silent)),
            Err(why) if since.elapsed() > SILENCE => {
                return Err(left_over(run, "an unknown number of", &why));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        silent = since.elapsed();
    }
}

/// All containers with the label (`key` or `key=value`), also those that do not run.
pub(super) async fn list(docker: &Docker, label: &str) -> Result<Vec<ListedContainer>, Error> {
    ask::containers(docker, label).await
}

/// Asks for the removal of each; what the engine said against one of them, if it did.
///
/// # Errors
/// Fails at the first that it does not answer.
async fn remove_all(docker: &Docker, ids: &[String]) -> Result<Option<String>, String> {
    let removals = ids.iter().map(|id| {
        let removed = ask::remove_container(docker, id);
        within(PATIENCE, async {
            match removed.await {
                Err(error) if !is_gone(&error) => Ok(Some(told(&error))),
                Ok(()) | Err(_) => Ok(None),
            }
        })
    });
    let mut removals = futures_util::stream::iter(removals).buffer_unordered(REMOVED_AT_A_TIME);
    let mut refusal = None;
    while let Some(removed) = removals.next().await {
        refusal = removed?.or(refusal);
    }
    Ok(refusal)
}

/// Whether the engine refuses because the container is no more, or will soon be.
fn is_gone(error: &Error) -> bool {
    match error {
        error if is_not_found(error) => true,
        Error::DockerResponseServerError {
            status_code: 409,
            message,
        } => message.contains("already in progress"),
        _ => false,
    }
}

fn left_over(run: &RunId, count: &str, why: &str) -> Failure {
    Failure::environment(format!(
        "{count} containers of run {run} could not be removed ({why}); when the engine answers \
         again: leakcheck clean --all, or docker rm -f $(docker ps -aq --filter label={})",
        run.label()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status_code: u16, message: &str) -> Error {
        Error::DockerResponseServerError {
            status_code,
            message: message.into(),
        }
    }

    #[test]
    fn a_container_that_is_going_anyway_is_no_error_and_any_other_conflict_is() {
        assert!(is_gone(&refusal(404, "No such container: x")));
        assert!(is_gone(&refusal(
            409,
            "removal of container x is already in progress"
        )));
        assert!(!is_gone(&refusal(409, "container is paused")));
        assert!(!is_gone(&refusal(500, "device or resource busy")));
    }
}
