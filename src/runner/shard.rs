//! One worker of a wiring and its share of the containers, as the runner speaks with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::bail;
use leakcheck_report::model::report::Sample;
use log_monitor::log_position::LastLine;
use tokio_util::sync::CancellationToken;

use super::engine_handle::EngineHandle;
use super::recount::Recount;
use super::watcher::Watcher;
use crate::analysis::shards;
use crate::protocol::{LiveCounts, TaskSite, WorkerCommand, WorkerEvent, WorkerPlan, WorkerResult};
use crate::swarm::replicas::Moved;
use crate::sys::pause::Hold;
use crate::sys::signals::until_enough_waited;
use crate::worker::process::WorkerProcess;

/// What all workers of a wiring say beside their measurements.
pub(super) struct Heard<'a> {
    pub(super) watcher: &'a Watcher<'a>,
    glances: Mutex<Vec<LiveCounts>>,
    interrupted: AtomicBool,
}

impl<'a> Heard<'a> {
    /// Nothing so far, of so many workers.
    pub(super) fn new(watcher: &'a Watcher<'a>, workers: usize) -> Self {
        let glances = Mutex::new(vec![LiveCounts::default(); workers]);
        Self {
            watcher,
            glances,
            interrupted: false.into(),
        }
    }

    /// Notes, once for all of them, that the run was interrupted.
    pub(super) fn interrupted(&self) {
        if !self.interrupted.swap(true, Ordering::Relaxed) {
            self.watcher.cut_short("interrupted");
        }
    }

    fn glance(&self, number: usize, glance: LiveCounts) {
        let mut glances = self.glances.lock().unwrap_or_else(PoisonError::into_inner);
        glances[number] = glance;
        self.watcher.glance(shards::glances(&glances));
    }
}

/// A worker and its share of the containers.
pub(super) struct Shard<'a> {
    /// Which of the wiring's workers this is.
    number: usize,
    plan: WorkerPlan,
    engine: &'a EngineHandle,
    worker: WorkerProcess,
    heard: &'a Heard<'a>,
    interrupt: &'a CancellationToken,
    hold: Hold,
    /// Whether it was told to stop because the run was interrupted.
    stopped: bool,
    /// Set once it makes no further rotation.
    over: Option<Over>,
    /// What each container printed last, where it was asked for and the engine told it.
    last_lines: Option<Vec<Option<LastLine>>>,
    /// Whether its containers are gone with their host.
    lost: bool,
}

/// How it stands with a worker that makes no further rotation.
enum Over {
    /// It waits to be told the last lines.
    AsksForLastLines,
    /// It knew them by itself, and has said its last word.
    Finished(Box<WorkerResult>),
}

/// What was read after a rotation.
pub(super) struct Sampled {
    pub(super) sample: Sample,
    /// Live tasks by spawn site.
    pub(super) sites: BTreeMap<TaskSite, u64>,
    /// Whether the process may open no more files.
    pub(super) fds_exhausted: bool,
}

impl<'a> Shard<'a> {
    /// Starts a worker on its plan.
    pub(super) async fn start(
        number: usize,
        plan: WorkerPlan,
        engine: &'a EngineHandle,
        heard: &'a Heard<'a>,
        interrupt: &'a CancellationToken,
        hold: Hold,
    ) -> anyhow::Result<Self> {
        let started = WorkerProcess::start(&plan).await;
        if let Err(error) = &started {
            heard.watcher.cut_short_on(number, &format!("{error:#}"));
        }
        Ok(Self {
            number,
            worker: started?,
            last_lines: None,
            plan,
            engine,
            heard,
            interrupt,
            hold,
            stopped: false,
            over: None,
            lost: false,
        })
    }

    /// Whether its containers are there, as far as is known.
    pub(super) fn is_there(&self) -> bool {
        !self.lost
    }

    /// Notes that its containers are gone with their host: the rotation in which they went away is asked
    /// of nobody.
    pub(super) async fn lose(&mut self, why: &str) {
        self.lost = true;
        self.heard.watcher.cut_short_on(self.number, why);
        self.tell(&WorkerCommand::Disregard).await;
    }

    /// Lets the worker follow another container in place of one.
    pub(super) async fn replace(&mut self, moved: &Moved) {
        let container = moved.container;
        if let Some(replaced) = self.plan.monitor.containers.get_mut(container) {
            replaced.reference.clone_from(&moved.task);
            self.tell(&WorkerCommand::Replace {
                container,
                reference: moved.task.clone(),
                away_from: moved.away_from,
            })
            .await;
        }
    }

    /// What the worker reads after its next rotation, at first at the baseline; `None` once it makes no
    /// further one.
    pub(super) async fn sample(&mut self) -> anyhow::Result<Option<Sampled>> {
        if self.over.is_some() {
            return Ok(None);
        }
        match self.hear().await? {
            WorkerEvent::Sample {
                sample,
                sites,
                fds_exhausted,
            } => {
                return Ok(Some(Sampled {
                    sample: *sample,
                    sites: sites.into_iter().collect(),
                    fds_exhausted,
                }));
            }
            WorkerEvent::Finished(finding) => self.over = Some(Over::Finished(finding)),
            // The others are heard, and not handed on.
            WorkerEvent::RotationsDone | WorkerEvent::Progress(_) | WorkerEvent::Failed { .. } => {
                self.over = Some(Over::AsksForLastLines);
            }
        }
        Ok(None)
    }

    /// Says something to the worker. One that is gone does not listen: what it said last, and that it
    /// died, is still to be heard.
    pub(super) async fn tell(&mut self, command: &WorkerCommand) {
        drop(self.worker.tell(command).await);
    }

    /// Lets the worker finish: tells it the last lines of its containers, where it asks for them; the engine is
    /// asked about so many at a time.
    pub(super) async fn let_finish(&mut self, at_a_time: usize) {
        if let Some(Over::Finished(_)) = self.over {
            return;
        }
        if let Some(engine) = self.engine.listening()
            && !self.lost
        {
            match engine
                .last_lines(&self.containers(), at_a_time, self.interrupt)
                .await
            {
                Ok(told) => self.last_lines = Some(told),
                // Where its containers stand is to be heard all the same, and what hangs there.
                Err(failure) => {
                    let watcher = self.heard.watcher;
                    watcher.cut_short_on(self.number, &failure.to_string());
                }
            }
        }
        let last_lines = self.last_lines.clone();
        self.tell(&WorkerCommand::Finish { last_lines }).await;
    }

    /// Hears the worker's last word and ends it.
    pub(super) async fn finish(&mut self) -> anyhow::Result<WorkerResult> {
        let finding = match self.over.take() {
            Some(Over::Finished(finding)) => finding,
            Some(Over::AsksForLastLines) | None => loop {
                if let WorkerEvent::Finished(finding) = self.hear().await? {
                    break finding;
                }
            },
        };
        self.worker.end().await;
        Ok(*finding)
    }

    /// Compares what was delivered with the engine's log, where the lines carry no numbers of ours.
    pub(super) async fn recount(&self, finding: &mut WorkerResult) {
        let (Some(since), Some(engine)) = (self.plan.monitor.since, self.engine.listening()) else {
            return;
        };
        // Of containers that are lost nobody has told it.
        let Some(last_lines) = &self.last_lines else {
            return;
        };
        let recount = Recount {
            containers: self.containers(),
            last_lines,
            since,
        };
        let counting = recount.of(engine, &finding.delivered);
        match until_enough_waited(self.interrupt, counting).await {
            Some(Ok(delivery)) => finding.delivery = delivery,
            None => self.heard.interrupted(),
            Some(Err(failure)) => {
                let watcher = self.heard.watcher;
                watcher.cut_short_on(self.number, &failure.to_string());
            }
        }
    }

    fn containers(&self) -> Vec<String> {
        let containers = self.plan.monitor.containers.iter();
        containers.map(|one| one.reference.clone()).collect()
    }

    /// What the worker says next beside its glances. Where it dies, the run ends early because of it.
    async fn hear(&mut self) -> anyhow::Result<WorkerEvent> {
        let heard = self.listen().await;
        if let Err(error) = &heard {
            let watcher = self.heard.watcher;
            watcher.cut_short_on(self.number, &format!("{error:#}"));
        }
        heard
    }

    /// Listens to the worker; meanwhile it is told of an interrupt and of a hold.
    async fn listen(&mut self) -> anyhow::Result<WorkerEvent> {
        loop {
            let interrupted = self.interrupt.is_cancelled();
            let event = tokio::select! {
                event = self.worker.next_event(interrupted) => event?,
                () = self.interrupt.cancelled(), if !self.stopped => {
                    self.stopped = true;
                    self.heard.interrupted();
                    self.tell(&WorkerCommand::Interrupt).await;
                    continue;
                }
                held = self.hold.changed(), if !self.stopped => {
                    self.tell(if held { &WorkerCommand::Hold } else { &WorkerCommand::Resume }).await;
                    continue;
                }
            };
            match event {
                WorkerEvent::Progress(glance) => self.heard.glance(self.number, glance),
                WorkerEvent::Failed { message } => bail!(message),
                event => return Ok(event),
            }
        }
    }
}
