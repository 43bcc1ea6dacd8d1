//! One wiring's worker from its start to its last word.

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::engine_handle::{EngineHandle, ListeningEngine};
use crate::analysis::wiring_report::Observation;
use crate::exit_code::Failure;
use crate::hold::Hold;
use crate::monitor::{Delivered, DeliveryTotals, LastLine};
use crate::worker::process::WorkerProcess;
use crate::worker::protocol::{Command, Event, Glance, WorkerPlan};

/// What is to be done with what a worker says.
pub(super) trait Watcher {
    /// The live counts in passing.
    fn glance(&self, glance: Glance);
    /// Changes what was observed of the wiring.
    fn observe(&self, change: impl FnOnce(&mut Observation));
}

/// Runs a worker to its end. What goes wrong on the way is an observation: the run of this
/// wiring was cut short.
pub(super) async fn drive(
    plan: &WorkerPlan,
    engine: &EngineHandle,
    watcher: &impl Watcher,
    interrupt: &CancellationToken,
    hold: Hold,
) {
    if let Err(error) = listen(plan, engine, watcher, interrupt, hold).await {
        cut_short(watcher, format!("{error:#}"));
    }
}

async fn listen(
    plan: &WorkerPlan,
    engine: &EngineHandle,
    watcher: &impl Watcher,
    interrupt: &CancellationToken,
    mut hold: Hold,
) -> anyhow::Result<()> {
    let mut worker = WorkerProcess::start(plan).await?;
    let followed = &plan.monitor.containers;
    let containers: Vec<String> = followed.iter().map(|one| one.reference.clone()).collect();
    let mut last_lines = vec![None; containers.len()];
    let mut stopped = false;
    loop {
        let event = tokio::select! {
            event = worker.next_event() => event?,
            () = interrupt.cancelled(), if !stopped => {
                stopped = true;
                cut_short(watcher, "interrupted".into());
                // A worker that is done does not listen; what it said last is still to be read.
                drop(worker.tell(&Command::Stop).await);
                continue;
            }
            held = hold.changed(), if !stopped => {
                let command = if held { Command::Hold } else { Command::Resume };
                drop(worker.tell(&command).await);
                continue;
            }
        };
        match event {
            Event::Progress(glance) => watcher.glance(glance),
            Event::Sample(mut sample) => {
                if let Some(engine) = engine.listening() {
                    sample.engine = Some(engine.counts().await);
                }
                watcher.observe(|observation| observation.samples.push(*sample));
            }
            Event::RotationsDone => {
                // A worker that nobody else can ask for them does not ask us.
                if let Some(engine) = engine.listening() {
                    match engine.last_lines(&containers).await {
                        Ok(told) => last_lines = told,
                        Err(failure) => cut_short(watcher, failure.to_string()),
                    }
                }
                let last_lines = last_lines.clone();
                worker.tell(&Command::Finish { last_lines }).await?;
            }
            Event::Finished(mut finding) => {
                worker.end().await;
                if let (Some(since), Some(engine)) = (plan.monitor.since, engine.listening()) {
                    let recount = Recount {
                        containers,
                        last_lines,
                        since,
                    };
                    match recount.of(engine, &finding.delivered).await {
                        Ok(delivery) => finding.delivery = delivery,
                        Err(failure) => cut_short(watcher, failure.to_string()),
                    }
                }
                watcher.observe(|observation| observation.finding = Some(*finding));
                return Ok(());
            }
            Event::Failed { message } => anyhow::bail!(message),
        }
    }
}

fn cut_short(watcher: &impl Watcher, why: String) {
    watcher.observe(|observation| observation.cut_short = Some(why));
}

/// The engine's own log of containers whose lines carry no numbers, read again to tell whether
/// each line was delivered once.
struct Recount {
    containers: Vec<String>,
    last_lines: Vec<Option<LastLine>>,
    since: Timestamp,
}

impl Recount {
    /// Compares what was delivered with what the log holds: up to the last line that was printed
    /// when the rotations were done, or to the last that was delivered, whichever is later.
    ///
    /// `None` where a container's log holds fewer lines than were delivered: an engine that rotates
    /// its own log files has dropped some, and nobody can tell any more.
    async fn of(
        self,
        engine: &ListeningEngine,
        delivered: &[Delivered],
    ) -> Result<Option<DeliveryTotals>, Failure> {
        let ends = self
            .last_lines
            .iter()
            .zip(delivered)
            .map(|(last, delivered)| {
                let printed = last.map(|last| last.timestamp);
                printed.max(delivered.last)
            });
        let ranges: Vec<_> = self.containers.into_iter().zip(ends).collect();
        let printed = engine.count_lines(&ranges, self.since).await?;
        let mut totals = DeliveryTotals::default();
        for (&emitted, delivered) in printed.iter().zip(delivered) {
            let Some(lost) = emitted.checked_sub(delivered.lines) else {
                return Ok(None);
            };
            totals.emitted += emitted;
            totals.read += delivered.lines;
            totals.lost += lost;
        }
        Ok(Some(totals))
    }
}
