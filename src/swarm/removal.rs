//! Removes a run's services, by the run's label alone, and makes sure that their containers go.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use docker_engine::answers::Service;
use docker_engine::ask;
use docker_engine::error_text::{is_not_found, told};
use futures_util::TryFutureExt;
use leakcheck_report::exit_code::Failure;
use tokio::time::Instant;

use super::manager;
use super::tasks;
use crate::docker::answer::within;
use crate::docker::run_id::RunId;

/// How long removal may go without a container less before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the manager is asked what is left.
const POLL: Duration = Duration::from_millis(100);
/// How long each of its answers may take, how long it may be silent meanwhile, and how long after a failure it is asked
/// again.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_secs(1);

/// Removes every service of the run, and waits until its containers are gone.
///
/// # Errors
/// An environment failure that says what is left and where: containers on a node that is down go once its
/// engine is back.
pub async fn remove_run(docker: &Docker, run: &RunId) -> Result<(), Failure> {
    let began = Instant::now();
    // A swarm may be choosing another of its managers to lead it.
    while let Err(why) = remove_services(docker, run).await {
        if began.elapsed() > SILENCE {
            return Err(left_over(run, &why));
        }
        tokio::time::sleep(PAUSE).await;
    }
    gone(docker, run).await
}

async fn remove_services(docker: &Docker, run: &RunId) -> Result<(), String> {
    let label = run.label();
    let listed = list(docker, &label).map_err(|error| told(&error));
    let services = within(ANSWER_LIMIT, listed).await?;
    for id in services.into_iter().filter_map(|service| service.id) {
        let removed = ask::remove_service(docker, &id);
        let removed = async {
            match removed.await {
                Err(error) if !is_not_found(&error) => Err(told(&error)),
                Ok(()) | Err(_) => Ok(()),
            }
        };
        within(ANSWER_LIMIT, removed).await?;
    }
    Ok(())
}

/// Waits until no container of the run is left on any node that answers.
async fn gone(docker: &Docker, run: &RunId) -> Result<(), Failure> {
    let (mut fewest, mut progress, mut answered) = (usize::MAX, Instant::now(), Instant::now());
    loop {
        let asking = async {
            let tasks = tasks::of_run(docker, run).map_err(|failure| failure.to_string());
            let tasks = within(ANSWER_LIMIT, tasks).await?;
            let nodes = manager::nodes(docker).map_err(|failure| failure.to_string());
            Ok::<_, String>((tasks, within(ANSWER_LIMIT, nodes).await?))
        };
        let (tasks, nodes) = match asking.await {
            Ok(told) => told,
            Err(why) if answered.elapsed() > SILENCE => return Err(left_over(run, &why)),
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        answered = Instant::now();
        // The swarm forgets the others in its own time.
        let left: Vec<_> = tasks
            .iter()
            .filter(|task| !task.is_over() && task.node.is_some())
            .collect();
        if left.is_empty() {
            return Ok(());
        }
        let unreachable = |task: &&&tasks::Task| {
            let node = task.node.as_ref().and_then(|id| nodes.get(id));
            node.is_none_or(|node| node.trouble.is_some())
        };
        let out_of_reach = left.iter().filter(unreachable).count();
        if out_of_reach == left.len() {
            return Err(Failure::environment(format!(
                "{out_of_reach} containers of run {run} are on nodes that do not answer; their engines \
                 remove them when they are back in the swarm, and they end by themselves"
            )));
        }
        if left.len() < fewest {
            (fewest, progress) = (left.len(), Instant::now());
        } else if progress.elapsed() > PATIENCE {
            return Err(left_over(
                run,
                &format!("{} containers still run", left.len()),
            ));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// All services with the label (`key` or `key=value`).
pub(super) async fn list(docker: &Docker, label: &str) -> Result<Vec<Service>, Error> {
    ask::services(docker, label).await
}

fn left_over(run: &RunId, why: &str) -> Failure {
    Failure::environment(format!(
        "the services of run {run} could not be removed ({why}); when the manager answers again: \
         leakcheck clean --all, or docker service rm $(docker service ls -q --filter label={})",
        run.label()
    ))
}
