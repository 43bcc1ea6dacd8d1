//! A run by agents: the swarm places the containers, leakcheck runs on each node that has some, and what
//! its agents report is added up.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bollard::Docker;
use futures_util::{FutureExt, StreamExt};
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::report::Report;
use leakcheck_report::model::settings::Settings;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::containers::{CONNECTING, SPARE_LIFE, interruptible, placed_by_swarm};
use super::context::RunContext;
use super::outcome::{RunOutcome, observations, report};
use crate::analysis::prediction::predict;
use crate::docker::run_id::RunId;
use crate::events::{Consumer, Event};
use crate::experiment::plan::{Plan, SwarmPlan};
use crate::merge::Merge;
use crate::swarm::agent_report::{self, NoReport};
use crate::swarm::agents::AgentPlan;
use crate::swarm::agents::{Agents, STOP_GRACE};
use crate::swarm::tasks::Task;
use crate::swarm::{manager, removal};

/// How long an agent may take to start: its image is pulled within, or fails to be.
const STARTING_PATIENCE: Duration = Duration::from_secs(90);
/// How much longer than its rotations an agent may take: it follows, settles, waits for the last lines,
/// and reads the engine's log again.
const MEASURING_PATIENCE: Duration = Duration::from_secs(180);
/// How long each of the manager's answers may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);
/// How long the manager may be silent meanwhile.
const MANAGER_PATIENCE: Duration = Duration::from_secs(60);
/// How long a node may be down before its agent is given up, and how long the log of an agent that has
/// ended may stay out of reach.
const NODE_PATIENCE: Duration = Duration::from_secs(30);
/// How often the manager is asked.
const POLL: Duration = Duration::from_millis(500);
/// How many agents' logs are read at once.
const READ_AT_ONCE: usize = 16;

/// Runs the plan by agents.
pub(super) async fn run(
    context: &RunContext<'_>,
    swarm: &SwarmPlan,
    agent: &AgentPlan,
) -> Result<RunOutcome, Failure> {
    let connecting = manager::connect(swarm.manager.as_deref());
    let (docker, _) = interruptible(context.interrupt, CONNECTING, connecting).await?;
    let run = RunId::generate();
    // A panic must not leave anything behind: it is removed before it goes on.
    let measuring = AssertUnwindSafe(measure(context, &docker, &run, swarm, agent));
    let measured = measuring.catch_unwind().await;
    let released = removal::remove_run(&docker, &run).await;
    let measured = measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    match (measured, released) {
        (Ok(report), released) => Ok(RunOutcome { report, released }),
        (Err(failure), released) => Err(failure.after(released)),
    }
}

async fn measure(
    context: &RunContext<'_>,
    docker: &Docker,
    run: &RunId,
    swarm: &SwarmPlan,
    agent: &AgentPlan,
) -> Result<Report, Failure> {
    let RunContext {
        plan,
        events,
        interrupt,
    } = *context;
    let life = plan.duration_wall() + STARTING_PATIENCE + MEASURING_PATIENCE + SPARE_LIFE;
    let placed = placed_by_swarm(context, docker, run, &swarm.image, life).await?;
    let agents = Agents::start(docker, run, agent, &settings(plan)).await?;
    let nodes = placed
        .iter()
        .map(|(node, containers)| (node.clone(), containers.len() as u64));
    let waiting = AwaitedReports {
        docker,
        agents: &agents,
        plan,
        missing: nodes.collect(),
        troubled: BTreeMap::new(),
        reports: Vec::new(),
        since: Instant::now(),
        answered: Instant::now(),
        stopped: None,
        not_stopped_since: None,
    };
    let reports = waiting.for_all(events, interrupt).await?;
    Ok(merged(plan, reports, interrupt.is_cancelled()))
}

/// The settings of an agent: it finds the containers.
fn settings(plan: &Plan) -> Settings {
    Settings {
        workload: None,
        ..plan.settings.clone()
    }
}

/// What a node's agent came to: its report, or why there is none.
struct OfNode {
    node: String,
    containers: u64,
    report: Result<Report, String>,
}

/// How it stands with an agent.
enum NodeStanding {
    /// It is to be waited for.
    Awaited,
    /// For now nothing is to be had of it, for this reason.
    Troubled(String),
    /// It has made its report, or will make none.
    Ended(Box<Result<Report, String>>),
}

impl NodeStanding {
    fn without_report(why: String) -> Self {
        Self::Ended(Box::new(Err(why)))
    }
}

/// The wait for all agents.
struct AwaitedReports<'a> {
    docker: &'a Docker,
    agents: &'a Agents,
    plan: &'a Plan,
    /// The nodes whose agents have not been heard, and how many containers each has.
    missing: BTreeMap<String, u64>,
    /// Since when their nodes are down, or their logs out of reach.
    troubled: BTreeMap<String, Instant>,
    reports: Vec<OfNode>,
    since: Instant,
    /// When the manager answered last.
    answered: Instant,
    /// When they were told to stop.
    stopped: Option<Instant>,
    /// Since when they could not be told.
    not_stopped_since: Option<Instant>,
}

impl AwaitedReports<'_> {
    async fn for_all(
        mut self,
        events: &dyn Consumer,
        interrupt: &CancellationToken,
    ) -> Result<Vec<OfNode>, Failure> {
        let all = self.missing.len();
        while !self.missing.is_empty() {
            events.hear(&Event::AwaitingAgents {
                reported: self.reports.len() as u64,
                nodes: all as u64,
            });
            if interrupt.is_cancelled() && self.stopped.is_none() {
                match answered(self.agents.stop()).await {
                    Ok(()) => self.stopped = Some(Instant::now()),
                    // Somebody else may have changed the service meanwhile: it is tried again.
                    Err(failure) => {
                        let since = self.not_stopped_since.get_or_insert_with(Instant::now);
                        if since.elapsed() > NODE_PATIENCE {
                            self.give_up(&failure.to_string());
                        }
                    }
                }
            }
            match self.look().await {
                Ok(()) => self.answered = Instant::now(),
                Err(failure) if self.answered.elapsed() > MANAGER_PATIENCE => {
                    self.give_up(&failure.to_string());
                }
                // A swarm may be choosing another of its managers to lead it.
                Err(_) => {}
            }
            let pause = tokio::time::sleep(POLL);
            match interrupt.is_cancelled() {
                true => pause.await,
                false => drop(interrupt.run_until_cancelled(pause).await),
            }
        }
        Ok(self.reports)
    }

    /// Waits for nobody any more.
    fn give_up(&mut self, why: &str) {
        for (node, containers) in std::mem::take(&mut self.missing) {
            let report = Err(why.to_owned());
            self.reports.push(OfNode {
                node,
                containers,
                report,
            });
        }
    }

    /// Takes the reports of the agents that have ended, and gives up those that will not report.
    async fn look(&mut self) -> Result<(), Failure> {
        let tasks = answered(self.agents.tasks()).await?;
        let nodes = answered(manager::nodes(self.docker)).await?;
        let mut agents: BTreeMap<&str, &Task> = BTreeMap::new();
        for task in &tasks {
            if let Some(node) = task.node.as_ref().and_then(|id| nodes.get(id)) {
                agents.insert(&node.name, task);
            }
        }
        let waiting = &*self;
        let (agents, nodes) = (&agents, &nodes);
        let asked = self.missing.keys().map(|name| async move {
            let node = nodes.values().find(|node| node.name == *name);
            let trouble = node.and_then(|node| node.trouble.as_deref());
            let standing = match trouble {
                Some(trouble) => NodeStanding::Troubled(format!(
                    "the node is {trouble}, and its agent's report with it"
                )),
                None => {
                    let task = agents.get(name.as_str()).copied();
                    waiting.standing_of(name, task).await
                }
            };
            (name.clone(), standing)
        });
        let asked = futures_util::stream::iter(asked).buffer_unordered(READ_AT_ONCE);
        let told: Vec<(String, NodeStanding)> = asked.collect().await;
        for (name, standing) in told {
            let report = match standing {
                NodeStanding::Ended(report) => *report,
                NodeStanding::Awaited => {
                    self.troubled.remove(&name);
                    continue;
                }
                NodeStanding::Troubled(why) => {
                    let since = self.troubled.entry(name.clone());
                    if since.or_insert_with(Instant::now).elapsed() < NODE_PATIENCE {
                        continue;
                    }
                    Err(why)
                }
            };
            let containers = self.missing.remove(&name).unwrap_or(0);
            self.reports.push(OfNode {
                node: name,
                containers,
                report,
            });
        }
        Ok(())
    }

    /// How it stands with the agent of a node that is up.
    async fn standing_of(&self, node: &str, task: Option<&Task>) -> NodeStanding {
        let waited = self.since.elapsed();
        let told_to_stop = self
            .stopped
            .is_some_and(|at| at.elapsed() > STOP_GRACE + POLL * 20);
        match task {
            // It never ran, and has said nothing.
            Some(task) if task.is_rejected() => {
                NodeStanding::without_report(format!("its agent did not start ({})", task.told()))
            }
            Some(task) if task.is_over() => {
                match agent_report::read(self.docker, &task.id, node).await {
                    Ok(report) => NodeStanding::Ended(Box::new(Ok(report))),
                    Err(NoReport::Unread(why)) => NodeStanding::Troubled(why),
                    Err(NoReport::NotMade(why)) => {
                        NodeStanding::without_report(match &task.trouble {
                            Some(trouble) => format!("{why} ({trouble})"),
                            None => why,
                        })
                    }
                }
            }
            Some(task) if task.is_running() => {
                let limit = STARTING_PATIENCE + self.plan.duration_wall() + MEASURING_PATIENCE;
                if waited < limit && !told_to_stop {
                    return NodeStanding::Awaited;
                }
                NodeStanding::without_report(format!(
                    "its agent has not ended within {} s",
                    waited.as_secs()
                ))
            }
            _ if waited < STARTING_PATIENCE && !told_to_stop => NodeStanding::Awaited,
            task => {
                let told = task.map_or_else(|| "none is there".into(), Task::told);
                NodeStanding::without_report(format!(
                    "its agent has not started within {} s ({told})",
                    waited.as_secs()
                ))
            }
        }
    }
}

/// What the manager says to something, within some time.
async fn answered<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(ANSWER_LIMIT, asking)
        .await
        .unwrap_or_else(|_| {
            Err(Failure::environment(format!(
                "the manager did not answer within {} s",
                ANSWER_LIMIT.as_secs()
            )))
        })
}

/// All nodes' reports as one; those that are missing make it partial.
fn merged(plan: &Plan, mut reports: Vec<OfNode>, interrupted: bool) -> Report {
    let mut merge: Option<Merge> = None;
    let mut missing = Vec::new();
    // Whoever reported first: the rows of one run are those of the next.
    reports.sort_by(|one, other| one.node.cmp(&other.node));
    for OfNode {
        node,
        containers,
        report,
    } in reports
    {
        let added = report
            .and_then(with_baseline)
            .and_then(|report| match &mut merge {
                None => Merge::of(&node, report)
                    .map(|first| merge = Some(first))
                    .map_err(|unlike| unlike.to_string()),
                Some(merge) => merge
                    .add(&node, report)
                    .map_err(|unlike| unlike.to_string()),
            });
        if let Err(why) = added {
            missing.push((node, containers, why));
        }
    }
    let mut report = match merge {
        Some(mut merge) => {
            for (node, containers, why) in &missing {
                merge.miss(node, *containers, why);
            }
            merge.finish()
        }
        None => nothing(plan, &missing),
    };
    report.partial |= interrupted;
    report.provenance = Some(plan.provenance());
    report.config = plan.config();
    for (wiring, plan_wiring) in report.wirings.iter_mut().zip(&plan.wirings) {
        wiring.predicted = predict(plan_wiring, plan.load());
    }
    report
}

/// A report, if all its wirings reached a baseline: without one there is nothing to be added up.
fn with_baseline(report: Report) -> Result<Report, String> {
    match report
        .wirings
        .iter()
        .find(|wiring| wiring.baseline.is_none())
    {
        Some(wiring) => Err(wiring.reason.clone()),
        None => Ok(report),
    }
}

/// The report of a run of which no node reported.
fn nothing(plan: &Plan, missing: &[(String, u64, String)]) -> Report {
    let hosts = missing
        .iter()
        .map(|(node, containers, _)| (node.clone(), *containers));
    let mut observations = observations(plan, &hosts.collect::<Vec<_>>(), false);
    for observation in &mut observations {
        for (number, (_, _, why)) in missing.iter().enumerate() {
            observation.cut_short_on(number, why);
        }
    }
    report(plan, &observations, true)
}
