//! The experiment inside a worker: follow, take the baseline, rotate and sample, finish.
//!
//! It runs as the runtime's root, which is no task: nothing here is in the monitor's counts.

use std::time::Duration;

use leakcheck_report::model::report::{Counts, Runtime, Sample, StreamErrors};
use leakcheck_test::settle::{Settled, settle};
use leakcheck_text::duration::millis;
use log_monitor::log_position::LastLine;
use log_monitor::{Monitor, census};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_metrics::{RuntimeIntervals, RuntimeMetrics};

use super::parent_link::say;
use super::surroundings::Surroundings;
use crate::protocol::{LiveCounts, TaskSite, WorkerCommand, WorkerEvent, WorkerPlan, WorkerResult};

/// How often the live counts are shown.
const GLANCE_EVERY: Duration = Duration::from_millis(200);
/// How often the live counts are read while the monitor runs on after a rotation.
const READ_EVERY: Duration = Duration::from_millis(50);
/// How often progress is looked at while the monitor follows or rotates.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A rotation, the following of all containers, or the last lines are waited for until nothing has
/// moved for this long; a container that is behind by then may still catch up before the end.
const STALLED_AFTER: Duration = Duration::from_secs(3);
/// Counts that have not settled by then are sampled as they are, and marked so.
const SETTLE_DEADLINE: Duration = Duration::from_secs(3);
/// How long after a rotation its sample is taken, as a share of the rotation interval: a reader
/// that looks at its cancellation only between two reads needs a line to notice it.
const LINGER_SHARE: f64 = 0.8;
/// The longest that a sample is put off after its rotation.
const LONGEST_LINGER: Duration = Duration::from_secs(10);
/// The longest that the last lines are waited for, though they go on coming.
const LONGEST_CATCH_UP: Duration = Duration::from_secs(30);
/// Once somebody wants it to end, nothing is waited for any longer than this, so that a run ends within 5 s.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the monitor's tasks may take to end once they are cancelled.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// A worker's experiment under way.
pub struct Experiment {
    plan: WorkerPlan,
    surroundings: Surroundings,
    monitor: Monitor,
    commands: UnboundedReceiver<WorkerCommand>,
    runtime: RuntimeIntervals,
    started: Instant,
    /// By the wall clock, for those who look.
    last_glance: std::time::Instant,
    /// When the present interval began: with the rotation, or with the first stream.
    interval: Instant,
    /// The last reading that differed from the one before it, and when it was taken.
    changed: (Counts, Instant),
    rotation: u64,
    /// From which rotation on none is asked of anybody, where the parent said so.
    disregarded: Option<u64>,
    /// Whether the parent wants a further rotation …
    rotation_wanted: bool,
    /// … or no more of them.
    stopped: bool,
    /// When somebody wanted it to end, where somebody did.
    interrupted: Option<Instant>,
    /// Whether the parent holds the next rotation up …
    held: bool,
    /// … and how long it held the present one up.
    held_for: Duration,
    finding: WorkerResult,
}

impl Experiment {
    /// Starts the monitor.
    ///
    /// # Errors
    /// Fails where the engine's address is none.
    pub fn start(
        plan: WorkerPlan,
        commands: UnboundedReceiver<WorkerCommand>,
    ) -> anyhow::Result<Self> {
        let handle = tokio::runtime::Handle::current();
        let runtime = tokio_metrics::RuntimeMonitor::new(&handle).intervals();
        let surroundings = Surroundings::new(&plan.engine)?;
        let monitor = Monitor::start(plan.monitor.clone(), surroundings.reach())?;
        let started = Instant::now();
        let changed = (counts(&surroundings), started);
        Ok(Self {
            plan,
            surroundings,
            monitor,
            commands,
            runtime,
            started,
            last_glance: std::time::Instant::now(),
            interval: started,
            changed,
            rotation: 0,
            disregarded: None,
            rotation_wanted: false,
            stopped: false,
            interrupted: None,
            held: false,
            held_for: Duration::ZERO,
            finding: WorkerResult::default(),
        })
    }

    /// Carries the experiment out, telling the parent of every sample, and returns what was found.
    pub async fn run(mut self) -> WorkerResult {
        self.follow_all().await;
        self.linger().await;
        self.sample().await;
        self.finding.fds_baseline = self.surroundings.fd_kinds();

        while self.next_is_due().await {
            self.rotate().await;
            self.linger().await;
            // Of a rotation that was on its way nobody knows what it would have come to.
            if self.was_under_way() {
                break;
            }
            self.sample().await;
        }
        self.finish().await
    }

    /// Waits until every container is followed, or until none has been added for a while.
    async fn follow_all(&mut self) {
        let all = self.containers();
        self.until_done_or_stalled(|monitor| {
            let progress = monitor.progress();
            (progress.followed, progress.followed == all)
        })
        .await;
    }

    /// Makes the next rotation due and waits until it is made wherever it can be.
    async fn rotate(&mut self) {
        // A container that is behind already is not waited for again.
        let on_time = self.monitor.containers_at(self.rotation);
        self.interval = Instant::now();
        self.rotation += 1;
        self.monitor.rotate();
        let rotation = self.rotation;
        self.until_done_or_stalled(|monitor| {
            let made = monitor.progress().rotations_made;
            (made, monitor.containers_at(rotation) >= on_time)
        })
        .await;
    }

    /// Whether the present rotation was not made by all when somebody wanted it to end.
    fn was_under_way(&self) -> bool {
        self.interrupted.is_some() && self.monitor.containers_at(self.rotation) < self.containers()
    }

    /// Lets the monitor run on for most of the interval, so that what was about to end has ended
    /// when the sample is taken.
    async fn linger(&mut self) {
        let linger = self.plan.rotation.mul_f64(LINGER_SHARE);
        // Paused time costs nobody anything.
        let linger = match self.surroundings.has_wall_time() {
            true => linger.min(LONGEST_LINGER),
            false => linger,
        };
        self.wait_until(self.interval + linger).await;
    }

    /// Looks at the monitor until it says that it is done, or until its count stands still.
    async fn until_done_or_stalled(&mut self, look: impl Fn(&Monitor) -> (u64, bool)) {
        let (mut count, mut done) = look(&self.monitor);
        let mut moved = Instant::now();
        // A consumer that is busy with a chunk notices a rotation only after it.
        let stalled_after = STALLED_AFTER.max(self.plan.monitor.consumer_delay * 3);
        while !done && moved.elapsed() < stalled_after && !self.is_impatient() {
            self.pause(LOOK_EVERY).await;
            let before = count;
            (count, done) = look(&self.monitor);
            if count != before {
                moved = Instant::now();
            }
        }
    }

    /// Whether somebody has wanted it to end for so long that nothing more is waited for.
    fn is_impatient(&self) -> bool {
        self.interrupted
            .is_some_and(|since| since.elapsed() >= PATIENCE)
    }

    /// The longest that something may take, less where somebody wants it to end.
    fn at_most(&self, usual: Duration) -> Duration {
        match self.interrupted {
            Some(_) => usual.min(PATIENCE),
            None => usual,
        }
    }

    /// Waits until a moment, glancing at the counts; false where the parent said stop.
    async fn wait_until(&mut self, moment: Instant) -> bool {
        while !self.stopped && Instant::now() < moment {
            let left = moment - Instant::now();
            self.pause(left.min(READ_EVERY)).await;
        }
        !self.stopped
    }

    /// Waits until the next rotation is wanted and due, and nobody holds it up; false where the parent
    /// said stop.
    async fn next_is_due(&mut self) -> bool {
        // Before any time passes: paused time goes on at the same moments whenever the parent answers.
        while !self.rotation_wanted && !self.stopped {
            let command = self.next_command().await;
            self.heed(command);
        }
        self.rotation_wanted = false;
        let due = self.interval + self.plan.rotation;
        self.wait_until(due).await;
        let mut held = false;
        while self.held && !self.stopped {
            held = true;
            self.stand_still().await;
        }
        self.held_for = if held { due.elapsed() } else { Duration::ZERO };
        !self.stopped
    }

    /// Sleeps, unless the parent says something; reads the counts, and shows them now and then.
    async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            command = self.commands.recv() => {
                self.heed(command);
            }
            () = sleep_until(Instant::now() + pause) => {}
        }
        self.note(counts(&self.surroundings));
        self.glance_now_and_then();
    }

    /// What the parent says next; paused time does not go on until then.
    async fn next_command(&mut self) -> Option<WorkerCommand> {
        match self.surroundings.has_wall_time() {
            true => self.commands.recv().await,
            // On this thread, which is the runtime's only one.
            false => pollster::block_on(unconstrained(self.commands.recv())),
        }
    }

    /// Lets some wall time pass, in which paused time does not go on.
    async fn stand_still(&mut self) {
        if self.surroundings.has_wall_time() {
            return self.pause(READ_EVERY).await;
        }
        std::thread::sleep(READ_EVERY);
        while let Ok(command) = self.commands.try_recv() {
            self.heed(Some(command));
        }
        self.glance_now_and_then();
    }

    fn glance_now_and_then(&mut self) {
        if self.last_glance.elapsed() >= GLANCE_EVERY {
            self.last_glance = std::time::Instant::now();
            say(&WorkerEvent::Progress(self.glance()));
        }
    }

    fn heed(&mut self, command: Option<WorkerCommand>) {
        match command {
            Some(WorkerCommand::Rotate) => self.rotation_wanted = true,
            Some(WorkerCommand::Stop) => self.stopped = true,
            Some(WorkerCommand::Interrupt) => {
                self.stopped = true;
                self.interrupted.get_or_insert_with(Instant::now);
            }
            Some(WorkerCommand::Disregard) => {
                self.disregarded.get_or_insert(self.rotation);
            }
            Some(WorkerCommand::Hold) => self.held = true,
            Some(WorkerCommand::Resume) => self.held = false,
            Some(WorkerCommand::Replace {
                container,
                reference,
                away_from,
            }) => self.monitor.replace(container, reference, away_from),
            // Nobody has asked for the last lines yet.
            Some(WorkerCommand::Finish { .. }) | None => {}
        }
    }

    fn note(&mut self, reading: Counts) {
        if reading != self.changed.0 {
            self.changed = (reading, Instant::now());
        }
    }

    fn glance(&self) -> LiveCounts {
        let progress = self.monitor.progress();
        LiveCounts {
            followed: progress.followed,
            rotation: self.rotation,
            tasks: census().live_tasks(),
            fds: self.surroundings.fds(),
            behind: self.short_of(self.rotation.saturating_sub(1)),
            lines_read: progress.lines_read,
        }
    }

    /// Containers that have not made the rotation under way; before the first, those that are
    /// not followed yet.
    fn behind(&self) -> u64 {
        match self.rotation {
            0 => self.containers() - self.monitor.progress().followed,
            rotation => self.short_of(rotation),
        }
    }

    /// Containers that have made fewer rotations than so many.
    fn short_of(&self, rotations: u64) -> u64 {
        self.containers() - self.monitor.containers_at(rotations)
    }

    /// The last rotation that is asked of every container.
    fn due(&self) -> u64 {
        match self.disregarded {
            Some(disregarded) => self.rotation.min(disregarded.saturating_sub(1)),
            None => self.rotation,
        }
    }

    fn containers(&self) -> u64 {
        self.plan.monitor.containers.len() as u64
    }

    /// Takes a settled sample and tells the parent.
    async fn sample(&mut self) {
        let deadline = self.at_most(SETTLE_DEADLINE);
        let settled = settle(deadline, || counts(&self.surroundings)).await;
        let Settled { reading, settled } = settled;
        self.note(reading);
        let settle = self.changed.1.saturating_duration_since(self.interval);
        let progress = self.monitor.progress();
        let sites = census().by_site();
        let mut labels = std::collections::BTreeMap::new();
        for (site, tasks) in &sites {
            *labels.entry(site.label.clone()).or_default() += tasks;
        }
        let sample = Sample {
            rotation: Some(self.rotation),
            t_ms: millis(self.started.elapsed()),
            tasks: reading.tasks,
            fds: reading.fds,
            gauges: self.surroundings.gauges(),
            settle_ms: Some(millis(settle)),
            settled,
            streams_opened: Some(progress.streams_opened),
            rotations_made: Some(progress.rotations_made),
            behind: Some(self.behind()),
            lines_read: Some(progress.lines_read),
            // Containers that were there before the run print lines without numbers of ours.
            lines_missing: self
                .plan
                .monitor
                .since
                .is_none()
                .then_some(progress.lines_missing),
            sites: labels,
            engine: self.surroundings.engine_counts(),
            held_ms: millis(self.held_for),
            moved: 0,
        };
        let sites = sites.into_iter().map(|(site, tasks)| {
            let site = TaskSite {
                label: site.label,
                location: site.location,
                package: site.package,
            };
            (site, tasks)
        });
        say(&WorkerEvent::Sample {
            sample: Box::new(sample),
            sites: sites.collect(),
            fds_exhausted: self.monitor.fds_exhausted(),
        });
    }

    /// Gives the late a last chance, waits for the last lines, and shuts the monitor down.
    async fn finish(mut self) -> WorkerResult {
        self.finding.fds_final = self.surroundings.fd_kinds();
        self.finding.forgotten_readers = self.monitor.forgotten_readers();
        let all = self.containers();
        let rotation = self.due();
        self.until_done_or_stalled(|monitor| {
            (
                monitor.progress().rotations_made,
                monitor.containers_at(rotation) == all,
            )
        })
        .await;
        if self.was_under_way() {
            self.disregarded.get_or_insert(self.rotation);
        }
        let (monitor, due) = (&self.monitor, self.due());
        self.finding.rotations_due = due;
        self.finding.rotations_made = monitor.progress().fewest_rotations.min(due);
        self.finding.rotations_missed = monitor.rotations_missed(due);
        self.finding.hung = monitor.hung(due);
        self.finding.containers_ended = monitor.ended();
        self.finding.containers_without_room = monitor.without_room();
        self.finding.replacements = monitor.replacements();

        let last_lines = self.last_lines().await;
        let caught_up = self.until_done_or_stalled(|monitor| {
            let behind = monitor.behind(last_lines.as_deref().unwrap_or_default());
            (behind, behind == 0)
        });
        // Lines that a slow consumer has not taken by then count as not delivered.
        drop(tokio::time::timeout(LONGEST_CATCH_UP, caught_up).await);
        // Those that were on their way when somebody wanted it to end may yet have been.
        let behind = self
            .monitor
            .behind(last_lines.as_deref().unwrap_or_default());
        let delivery_is_unknown = self.is_impatient() && behind > 0;
        // Containers that were there before the run print lines without numbers of ours.
        match self.plan.monitor.since {
            None if delivery_is_unknown => {}
            None => self.finding.delivery = Some(self.monitor.delivery(last_lines.as_deref())),
            Some(_) => self.finding.delivered = self.monitor.delivered(),
        }
        self.finding.stream_errors = StreamErrors {
            count: Some(self.monitor.progress().errors),
            example: self.monitor.an_error(),
        };
        self.finding.runtime = self.runtime_figures();

        self.monitor.shut_down();
        let patience = Instant::now() + self.at_most(SHUTDOWN_DEADLINE);
        while !self.monitor.is_shut_down() && Instant::now() < patience {
            sleep(LOOK_EVERY).await;
        }
        let deadline = self.at_most(SETTLE_DEADLINE);
        let settled = settle(deadline, || counts(&self.surroundings)).await;
        // What was given no time to end says nothing.
        let is_over = self.interrupted.is_none() || settled.settled && self.monitor.is_shut_down();
        self.finding.after_shutdown = is_over.then_some(settled.reading);
        self.finding
    }

    /// Which line of each container is its last by now, as the engine says: asked by the parent, so that
    /// no connection is counted, or where nobody else reaches it, by the worker.
    async fn last_lines(&mut self) -> Option<Vec<Option<LastLine>>> {
        let last_lines = self.surroundings.last_lines(&self.plan.monitor).await;
        if last_lines.is_some() {
            return last_lines;
        }
        say(&WorkerEvent::RotationsDone);
        loop {
            match self.commands.recv().await {
                Some(WorkerCommand::Finish { last_lines }) => return last_lines,
                command @ Some(_) => self.heed(command),
                None => return None,
            }
        }
    }

    fn runtime_figures(&mut self) -> Runtime {
        let wall_time = self.surroundings.has_wall_time();
        let figures = |figures: RuntimeMetrics| Runtime {
            // The library's is of one thread's time, for all of them. Of paused time no share is spent.
            busy_ratio: wall_time.then(|| figures.busy_ratio() / figures.workers_count as f64),
            #[cfg(tokio_unstable)]
            polls: Some(figures.total_polls_count),
            // Without `tokio_unstable` the runtime does not count its polls.
            #[cfg(not(tokio_unstable))]
            polls: None,
        };
        self.runtime.next().map(figures).unwrap_or_default()
    }
}

fn counts(surroundings: &Surroundings) -> Counts {
    Counts {
        tasks: Some(census().live_tasks()),
        fds: surroundings.fds(),
    }
}
