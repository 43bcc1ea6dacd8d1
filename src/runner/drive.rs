//! The workers of one wiring, which share its containers out among them, from their start to their last
//! word.
//!
//! They make each rotation together: one begins the next when all have taken the sample of the one before.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use leakcheck_report::model::report::EngineCounts;
use tokio_util::sync::CancellationToken;

use super::engine_handle::{EngineHandle, ListeningEngine};
use super::hosts::{HostNews, Hosts};
use super::shard::{Heard, Shard};
use super::watcher::Watcher;
use crate::analysis::shards;
use crate::analysis::sufficiency::Sufficiency;
use crate::docker::last_lines::ASKED_AT_A_TIME;
use crate::protocol::{WorkerCommand, WorkerPlan};
use crate::sys::pause::Hold;
use crate::sys::signals::until_enough_waited;

/// What the workers are to do.
pub(super) struct Drive<'a> {
    /// The plan of each, and the engine of its containers.
    pub(super) workers: Vec<(WorkerPlan, &'a EngineHandle)>,
    /// Those engines, each of them once.
    pub(super) engines: Vec<&'a EngineHandle>,
    /// Where the containers are.
    pub(super) hosts: Hosts<'a>,
    /// Rotations to make.
    pub(super) rotations: u64,
    /// Weighs the samples, where no more are to be taken than a verdict needs.
    pub(super) sufficiency: Option<Sufficiency>,
    /// How many containers of each share a scheduler took away or brought back in the last rotation.
    pub(super) disturbed: Vec<u64>,
}

impl Drive<'_> {
    /// Runs the workers to their end. What goes wrong on the way is an observation: the run of this
    /// wiring was cut short.
    pub(super) async fn run(
        self,
        watcher: &Watcher<'_>,
        interrupt: &CancellationToken,
        hold: &Hold,
    ) {
        if let Err(error) = self.run_to_the_end(watcher, interrupt, hold).await {
            // Whose worker it was has been noted by then: this is of the others.
            watcher.cut_short(&format!("stopped with another host's: {error:#}"));
        }
    }

    async fn run_to_the_end(
        mut self,
        watcher: &Watcher<'_>,
        interrupt: &CancellationToken,
        hold: &Hold,
    ) -> anyhow::Result<()> {
        let workers = std::mem::take(&mut self.workers);
        let heard = Heard::new(watcher, workers.len());
        let starting = workers
            .into_iter()
            .enumerate()
            .map(|(number, (plan, engine))| {
                Shard::start(number, plan, engine, &heard, interrupt, hold.clone())
            });
        let mut workers = try_join_all(starting).await?;
        self.rotate(&mut workers, &heard, interrupt, hold).await?;
        // All of them together: an engine that is silent is waited for once. No more at a time than this process
        // has file descriptors for.
        let at_a_time = (ASKED_AT_A_TIME / workers.len().max(1)).max(1);
        let finishing = workers
            .iter_mut()
            .map(|worker| worker.let_finish(at_a_time));
        join_all(finishing).await;
        let mut findings = try_join_all(workers.iter_mut().map(Shard::finish)).await?;
        for (worker, finding) in workers.iter().zip(&mut findings) {
            worker.recount(finding).await;
        }
        watcher.observe(|observation| observation.conclude(findings));
        Ok(())
    }

    /// Waits for containers that a scheduler has still to bring back: what is away at the end would count
    /// as ended, and the last lines are those of the ones that are there then.
    async fn bring_back(
        &mut self,
        workers: &mut [Shard<'_>],
        rotation: u64,
        interrupt: &CancellationToken,
    ) {
        /// How often they are looked for.
        const POLL: Duration = Duration::from_secs(1);
        while self.hosts.await_some() && workers.iter().all(|worker| worker.is_there()) {
            let pause = interrupt.run_until_cancelled(tokio::time::sleep(POLL));
            if pause.await.is_none() {
                return;
            }
            let behind = vec![0; workers.len()];
            let looking = interrupt.run_until_cancelled(self.hosts.look(rotation, &behind));
            let news = looking.await.unwrap_or_default();
            heed(workers, &news).await;
        }
    }

    /// Lets the workers rotate, and adds up what they read after each rotation, until no further one is
    /// needed or they are told to stop.
    async fn rotate(
        &mut self,
        workers: &mut [Shard<'_>],
        heard: &Heard<'_>,
        interrupt: &CancellationToken,
        hold: &Hold,
    ) -> anyhow::Result<()> {
        loop {
            let told = try_join_all(workers.iter_mut().map(Shard::sample)).await?;
            if told.iter().all(Option::is_none) {
                return Ok(());
            }
            // A rotation that the end came before in some of them is none.
            let Some(mut told) = told.into_iter().collect::<Option<Vec<_>>>() else {
                continue;
            };
            let fds_exhausted = told.iter().any(|one| one.fds_exhausted);
            let sites = shards::added(told.iter().map(|one| &one.sites));
            let behind: Vec<u64> = told
                .iter()
                .map(|one| one.sample.behind.unwrap_or(0))
                .collect();
            let rotation = told[0].sample.rotation.unwrap_or(0);
            let looking = self.hosts.look(rotation, &behind);
            let Some(news) = until_enough_waited(interrupt, looking).await else {
                // Whether hosts went away in it is not known, so that it tells nothing.
                heard.interrupted();
                tell_all(
                    workers,
                    &[WorkerCommand::Disregard, WorkerCommand::Interrupt],
                )
                .await;
                continue;
            };
            heed(workers, &news).await;
            if !news.lost.is_empty() {
                // What was read of a rotation in which a host went away is nobody's doing.
                tell_all(workers, &[WorkerCommand::Stop]).await;
                continue;
            }
            for (number, one) in told.iter_mut().enumerate() {
                let disturbed = news.disturbed.get(number).copied().unwrap_or(0);
                one.sample.moved = disturbed + self.disturbed.get(number).copied().unwrap_or(0);
            }
            self.disturbed = news.disturbed;
            let samples: Vec<_> = told.iter().map(|one| one.sample.clone()).collect();
            let mut sample = shards::samples(&samples);

            let suffices = self.sufficiency.as_mut().is_some_and(|sufficiency| {
                sufficiency.weigh(&sample);
                sufficiency.is_reached()
            });
            let all_made = sample.rotation >= Some(self.rotations);
            if interrupt.is_cancelled() {
                heard.interrupted();
            }
            // Those that waited for the last of them have heard of neither an interrupt nor a hold.
            let done = all_made || suffices || fds_exhausted || interrupt.is_cancelled();
            if done {
                self.bring_back(workers, rotation, interrupt).await;
            }
            let commands: &[WorkerCommand] = if interrupt.is_cancelled() {
                &[WorkerCommand::Interrupt]
            } else if done {
                &[WorkerCommand::Stop]
            } else if hold.is_on() {
                &[WorkerCommand::Hold, WorkerCommand::Rotate]
            } else {
                &[WorkerCommand::Rotate]
            };
            // One of ours tells its counts before the next rotation may begin. No rotation waits for another.
            let engines = || self.engines.iter().filter_map(|engine| engine.listening());
            let ours = engines().all(ListeningEngine::is_ours);
            // Who wants it to end does not wait for that.
            let counted = || interrupt.run_until_cancelled(counts(engines()));
            if ours {
                sample.engine = counted().await.flatten().or(sample.engine);
            }
            tell_all(workers, commands).await;
            if !ours {
                sample.engine = counted().await.flatten();
            }
            heard.watcher.observe(|observation| {
                observation.evidence_sufficed = suffices && !all_made && !fds_exhausted;
                for (host, one) in observation.hosts.iter_mut().zip(told) {
                    let observed = &mut host.observed;
                    observed.evidence_sufficed = suffices && !all_made && !fds_exhausted;
                    observed.add(one.sample, one.sites, one.fds_exhausted);
                }
                observation.add(sample, sites, fds_exhausted);
            });
        }
    }
}

/// Says something to all workers.
async fn tell_all(workers: &mut [Shard<'_>], commands: &[WorkerCommand]) {
    for worker in workers {
        for command in commands {
            worker.tell(command).await;
        }
    }
}

/// Lets the workers follow what stands in the place of containers that were moved, and notes shares that
/// are gone.
async fn heed(workers: &mut [Shard<'_>], news: &HostNews) {
    for moved in &news.moved {
        if let Some(worker) = workers.get_mut(moved.share) {
            worker.replace(moved).await;
        }
    }
    for (share, why) in &news.lost {
        if let Some(worker) = workers.get_mut(*share) {
            worker.lose(why).await;
        }
    }
}

/// What the engines of a wiring count, added up; `None` where only the workers can ask them.
async fn counts(engines: impl Iterator<Item = &ListeningEngine>) -> Option<EngineCounts> {
    let counts = join_all(engines.map(ListeningEngine::counts)).await;
    (!counts.is_empty()).then(|| shards::engine_counts(&counts))
}
