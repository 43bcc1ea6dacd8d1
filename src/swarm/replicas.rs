//! Where the containers of a run are: placed at first, and moved by the scheduler later.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::Docker;
use futures_util::future::join_all;
use leakcheck_report::exit_code::Failure;
use log_monitor::Followed;
use log_monitor::log_position::LogsOf;
use synthetic_engine::workload::containers::Fleet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::manager::{self, Node};
use super::printers::IN_A_SERVICE;
use super::tasks::{self, Slot, Task};
use crate::docker::last_lines;
use crate::docker::run_id::RunId;

/// How long the placement may go without a container more before it is given up: an image is pulled
/// within, or fails to be.
const PLACING_PATIENCE: Duration = Duration::from_secs(90);
/// What is going on then.
const PLACING: &str = "the swarm placed the containers";
/// How long a container may be away before it counts as lost.
const AWAY_PATIENCE: Duration = Duration::from_secs(60);
/// How often a node is asked for a log before it counts as out of reach, how long it may take, and how long
/// after that it is asked again.
const PROBES: u32 = 3;
const PROBE_LIMIT: Duration = Duration::from_secs(10);
const PROBE_PAUSE: Duration = Duration::from_secs(1);
/// How long the manager may take to say where the containers are.
const LOOK_LIMIT: Duration = Duration::from_secs(15);
/// How long the manager may go without an answer while the containers are placed.
const SILENCE: Duration = Duration::from_secs(30);
/// How often the manager is asked.
const POLL: Duration = Duration::from_millis(250);

/// A container of the fleet, where it was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its name in the fleet.
    pub name: String,
    /// Its task.
    pub task: String,
    /// The id of its node.
    node: Option<String>,
    slot: Slot,
}

impl Placed {
    /// The container as its followers know it.
    pub fn followed(&self) -> Followed {
        Followed {
            name: self.name.clone(),
            reference: self.task.clone(),
        }
    }
}

/// Waits until every container of the fleet runs, and returns them by the name of their node.
///
/// # Errors
/// An environment failure that says what the containers wait for, where none more runs for a while; an
/// interruption.
pub async fn placed(
    docker: &Docker,
    run: &RunId,
    services: &[String],
    fleet: &Fleet,
    interrupt: &CancellationToken,
    on_progress: impl Fn(usize),
) -> Result<BTreeMap<String, Vec<Placed>>, Failure> {
    let (mut most, mut moved, mut answered) = (0, Instant::now(), Instant::now());
    let mut tasks = Vec::new();
    loop {
        let asking = async {
            tasks = tasks::of_run(docker, run).await?;
            // A slot whose container is being replaced has two for a moment.
            let running: HashMap<Slot, &Task> = (tasks.iter())
                .filter(|task| task.runs())
                .map(|task| (task.in_slot(), task))
                .collect();
            if running.len() > most {
                (most, moved) = (running.len(), Instant::now());
                on_progress(most);
            }
            if running.len() < fleet.containers.len() {
                return Ok(None);
            }
            let running: Vec<&Task> = running.into_values().collect();
            by_node(docker, services, fleet, &running).await.map(Some)
        };
        let Some(told) = interrupt.run_until_cancelled(asking).await else {
            return Err(Failure::interrupted(PLACING));
        };
        match told {
            Ok(Some(placed)) => return Ok(placed),
            Ok(None) => answered = Instant::now(),
            // A swarm may be choosing another of its managers to lead it.
            Err(_) if answered.elapsed() < SILENCE => {}
            Err(failure) => return Err(failure),
        }
        if moved.elapsed() > PLACING_PATIENCE {
            return Err(Failure::environment(format!(
                "{most} of {} containers run, and for {} s none more has started; the others: {}",
                fleet.containers.len(),
                PLACING_PATIENCE.as_secs(),
                waiting(&tasks)
            )));
        }
        let pause = interrupt.run_until_cancelled(tokio::time::sleep(POLL));
        if pause.await.is_none() {
            return Err(Failure::interrupted(PLACING));
        }
    }
}

async fn by_node(
    docker: &Docker,
    services: &[String],
    fleet: &Fleet,
    running: &[&Task],
) -> Result<BTreeMap<String, Vec<Placed>>, Failure> {
    let nodes = manager::nodes(docker).await?;
    let mut placed: BTreeMap<String, Vec<Placed>> = BTreeMap::new();
    for task in running {
        let service = services.iter().position(|service| *service == task.service);
        let index = service.map(|service| service * IN_A_SERVICE + task.slot.saturating_sub(1));
        let Some(container) = index.and_then(|index| fleet.containers.get(index)) else {
            continue;
        };
        placed
            .entry(name_of(&nodes, task))
            .or_default()
            .push(Placed {
                name: container.name.clone(),
                task: task.id.clone(),
                node: task.node.clone(),
                slot: task.in_slot(),
            });
    }
    for containers in placed.values_mut() {
        containers.sort_by(|one, other| one.name.cmp(&other.name));
    }
    Ok(placed)
}

fn name_of(nodes: &BTreeMap<String, Node>, task: &Task) -> String {
    let node = task.node.as_ref();
    let known = node
        .and_then(|id| nodes.get(id))
        .map(|node| node.name.clone());
    known
        .or_else(|| node.cloned())
        .unwrap_or_else(|| "an unknown node".into())
}

/// What the tasks wait for that do not run, the most frequent first.
fn waiting(tasks: &[Task]) -> String {
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    // Of those that were rejected the last try of each slot is of interest, and all tries read alike.
    for task in tasks.iter().filter(|task| !task.runs()) {
        *reasons.entry(task.told()).or_default() += 1;
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, tasks)| std::cmp::Reverse(*tasks));
    let told: Vec<String> = reasons
        .iter()
        .map(|(why, tasks)| format!("{tasks} {why}"))
        .collect();
    match told.is_empty() {
        true => "not known to the manager yet".into(),
        false => told.join("; "),
    }
}

/// The containers as their followers know them, share by share.
pub struct Replicas {
    docker: Docker,
    run: RunId,
    shares: Vec<Vec<Replica>>,
}

/// A container as it is watched.
struct Replica {
    placed: Placed,
    /// Since when it has been away, and from which rotation on.
    away_since: Option<(Instant, u64)>,
}

/// What a look at the containers showed.
#[derive(Debug, Default)]
pub struct Look {
    /// Those in whose place another runs now.
    pub moved: Vec<Moved>,
    /// How many of each share are away: they do not run, and nothing runs in their place yet.
    pub away: Vec<u64>,
    /// Shares with containers that have been away for too long, and what is known of them.
    pub lost: Vec<(usize, String)>,
}

/// A container that was replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its share.
    pub share: usize,
    /// Which one of the share.
    pub container: usize,
    /// The task that runs in its place.
    pub task: String,
    /// The first rotation in which it was away.
    pub away_from: u64,
}

impl Replicas {
    /// The containers of a run, as they are shared out.
    pub fn new(docker: Docker, run: RunId, shares: Vec<Vec<Placed>>) -> Self {
        let watched = |placed| Replica {
            placed,
            away_since: None,
        };
        let watched = |share: Vec<Placed>| share.into_iter().map(watched).collect();
        Self {
            docker,
            run,
            shares: shares.into_iter().map(watched).collect(),
        }
    }

    /// Looks where the containers are after a rotation, and whether their nodes answer.
    ///
    /// # Errors
    /// An environment failure where the manager does not answer.
    pub async fn look(&mut self, rotation: u64) -> Result<Look, Failure> {
        let asking = async {
            let tasks = tasks::of_run(&self.docker, &self.run).await?;
            Ok((tasks, manager::nodes(&self.docker).await?))
        };
        let asked = tokio::time::timeout(LOOK_LIMIT, asking).await;
        let (tasks, mut nodes) = asked.unwrap_or_else(|_| {
            Err(Failure::environment(format!(
                "the swarm's manager has not answered for {} s",
                LOOK_LIMIT.as_secs()
            )))
        })?;
        // The manager takes some 15 s to notice, and has no logs of the node at once.
        let probes = nodes.iter_mut().filter(|(_, node)| node.trouble.is_none());
        let probes = probes.filter_map(|(id, node)| {
            // One that is there by now: what was replaced may be removed already, and its log with it.
            let there = |task: &&Task| task.runs() && task.node.as_ref() == Some(id);
            let task = tasks.iter().find(there)?;
            Some(probe(&self.docker, node, &task.id))
        });
        join_all(probes).await;
        Ok(self.compare(rotation, &tasks, &nodes))
    }

    fn compare(&mut self, rotation: u64, tasks: &[Task], nodes: &BTreeMap<String, Node>) -> Look {
        // Of a slot that is being replaced, the one that runs goes before one that is still to start.
        let mut wanted: HashMap<Slot, &Task> = HashMap::new();
        for task in tasks.iter().filter(|task| task.is_wanted) {
            let slot = task.in_slot();
            if task.runs() || !wanted.get(&slot).is_some_and(|known| known.runs()) {
                wanted.insert(slot, task);
            }
        }
        let mut look = Look::default();
        for (share, containers) in self.shares.iter_mut().enumerate() {
            let (mut away, mut gone, mut why, mut trouble) = (0, 0, None, None);
            for (number, replica) in containers.iter_mut().enumerate() {
                let container = &mut replica.placed;
                // What a container printed last whose node is gone, nobody can tell: even where the swarm
                // has put another in its place.
                trouble = trouble.or_else(|| trouble_of(container.node.as_deref(), nodes));
                match wanted.get(&container.slot) {
                    Some(task) if task.runs() => {
                        let away_since = replica.away_since.take();
                        if task.id != container.task {
                            container.task.clone_from(&task.id);
                            container.node.clone_from(&task.node);
                            look.moved.push(Moved {
                                share,
                                container: number,
                                task: task.id.clone(),
                                away_from: away_since.map_or(rotation, |(_, from)| from),
                            });
                        }
                    }
                    known => {
                        away += 1;
                        let away = (Instant::now(), rotation);
                        let (since, _) = *replica.away_since.get_or_insert(away);
                        if since.elapsed() > AWAY_PATIENCE {
                            gone += 1;
                            why = why.or_else(|| known.map(|task| task.told()));
                        }
                    }
                }
            }
            if let Some(trouble) = trouble {
                look.lost.push((share, trouble));
            } else if gone > 0 {
                let why = why.unwrap_or_else(|| "the swarm has no task in their place".into());
                look.lost.push((
                    share,
                    format!("{gone} of {} containers are gone: {why}", containers.len()),
                ));
            }
            look.away.push(away);
        }
        look
    }
}

fn trouble_of(node: Option<&str>, nodes: &BTreeMap<String, Node>) -> Option<String> {
    let node = nodes.get(node?)?;
    let trouble = node.trouble.as_ref()?;
    Some(format!("the node {} is {trouble}", node.name))
}

/// Whether a node hands out the log of a container that it has; it is asked again before it counts as out
/// of reach.
async fn probe(docker: &Docker, node: &mut Node, task: &str) {
    let tasks = [task.to_owned()];
    for _ in 0..PROBES {
        let asked = last_lines::read(docker, LogsOf::Tasks, &tasks, 1);
        if let Ok(Ok(_)) = tokio::time::timeout(PROBE_LIMIT, asked).await {
            return;
        }
        tokio::time::sleep(PROBE_PAUSE).await;
    }
    node.trouble = Some("out of reach".into());
}

#[cfg(test)]
mod tests {
    use bollard::models::TaskState;

    use super::*;

    fn task(id: &str, slot: usize, node: &str, state: TaskState, is_wanted: bool) -> Task {
        Task {
            id: id.into(),
            service: "s".into(),
            slot,
            node: Some(node.into()),
            state: Some(state),
            trouble: None,
            is_wanted,
        }
    }

    fn nodes(down: &[&str]) -> BTreeMap<String, Node> {
        let node = |id: &str| {
            let trouble = down.contains(&id).then(|| "down".to_owned());
            (
                id.to_owned(),
                Node {
                    name: format!("host-{id}"),
                    trouble,
                },
            )
        };
        ["a", "b"].map(node).into()
    }

    fn replicas() -> Replicas {
        let docker =
            Docker::connect_with_http("tcp://127.0.0.1:1", 1, bollard::API_DEFAULT_VERSION);
        let placed = |slot: usize| Placed {
            name: format!("web-{slot}"),
            task: format!("t{slot}"),
            node: Some(["a", "b"][slot - 1].into()),
            slot: ("s".into(), slot),
        };
        Replicas::new(
            docker.expect("a client that is not used"),
            RunId::from_label("0"),
            vec![vec![placed(1)], vec![placed(2)]],
        )
    }

    #[tokio::test]
    async fn a_container_that_was_replaced_is_away_until_the_other_runs() {
        use TaskState::{FAILED, READY, RUNNING};
        let mut replicas = replicas();
        let here = || task("t1", 1, "a", RUNNING, true);
        let look = replicas.compare(4, &[here(), task("t2", 2, "b", RUNNING, true)], &nodes(&[]));
        assert_eq!((look.moved.len(), look.away), (0, vec![0, 0]));

        let failed = || task("t2", 2, "b", FAILED, false);
        let waits = task("t3", 2, "a", READY, true);
        let look = replicas.compare(3, &[here(), failed(), waits], &nodes(&[]));
        assert_eq!((look.moved.len(), look.away), (0, vec![0, 1]));

        let runs = task("t3", 2, "a", RUNNING, true);
        let look = replicas.compare(4, &[here(), failed(), runs], &nodes(&[]));
        let moved = Moved {
            share: 1,
            container: 0,
            task: "t3".into(),
            away_from: 3,
        };
        assert_eq!((look.moved, look.away), (vec![moved], vec![0, 0]));
    }

    #[tokio::test]
    async fn the_containers_of_a_node_that_is_down_are_lost_though_the_swarm_replaces_them() {
        use TaskState::RUNNING;
        let here = || task("t1", 1, "a", RUNNING, true);
        let lost = vec![(1, "the node host-b is down".to_owned())];
        // At first the swarm knows no better of a node that does not answer.
        let unchanged = task("t2", 2, "b", RUNNING, true);
        let look = replicas().compare(4, &[here(), unchanged], &nodes(&["b"]));
        assert_eq!((&look.lost, look.away), (&lost, vec![0, 0]));
        let elsewhere = task("t3", 2, "a", RUNNING, true);
        let look = replicas().compare(4, &[here(), elsewhere], &nodes(&["b"]));
        assert_eq!(look.lost, lost);
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_in_whose_place_none_is_put_is_lost_after_a_while() {
        use TaskState::{FAILED, REJECTED, RUNNING};
        let mut replicas = replicas();
        let here = task("t1", 1, "a", RUNNING, true);
        let mut rejected = task("t3", 2, "b", REJECTED, true);
        rejected.trouble = Some("No such image".into());
        let tasks = [here, task("t2", 2, "b", FAILED, false), rejected];
        let look = replicas.compare(4, &tasks, &nodes(&[]));
        assert_eq!((look.away, look.lost.len()), (vec![0, 1], 0));
        tokio::time::advance(AWAY_PATIENCE + Duration::from_secs(1)).await;
        let look = replicas.compare(4, &tasks, &nodes(&[]));
        let why = "1 of 1 containers are gone: rejected: No such image".to_owned();
        assert_eq!(look.lost, vec![(1, why)]);
    }
}
