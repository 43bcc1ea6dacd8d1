//! An exercise: an engine, a follower of its containers, rotations, and what became of both.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use leakcheck_report::exit_code::Failure;
use leakcheck_report::readings::{Ages, Recording};
use leakcheck_text::duration;
use synthetic_engine::followers::FollowersTold;
use synthetic_engine::rotation::{RotateBy, Rotation};
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::state::EngineState;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::command_line::CommandLine;
use super::programs::{Ends, Programs, Running};
use crate::analysis::exercised::patience;
use crate::engine_process::EngineProcess;
use crate::events::{Consumer, Event};
use crate::probe::unread_bytes;
use crate::sys::pause::Hold;
use crate::sys::signals::until_enough_waited;
use crate::watch::{self, Processes, Sources, Timing, WatchTarget};

/// Between two looks at whether all containers are followed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A rotation that is late by more than this share of the interval, or due sooner than that after the one
/// before, is made an interval later instead.
const NEAR: f64 = 0.5;
/// Who reads nothing for so long does not read.
const UNREAD_FOR: Duration = Duration::from_secs(1);
/// So many of the last lines of a follower that has died are told.
const LAST_LINES: usize = 10;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Exercise {
    /// The containers, and when they started.
    pub spec: EngineSpec,
    /// The follower.
    pub command: CommandLine,
    /// How its processes are run.
    pub running: Running,
    /// What else of it is read than `/proc`.
    pub target: WatchTarget,
    /// How its streams are rotated.
    pub rotation: Rotation,
    /// Between two rotations.
    pub interval: Duration,
    /// Rotations in all, those that do not count included.
    pub rotations: u32,
    /// How long it may take to follow all containers.
    pub ready_within: Duration,
    /// How often it is read, and for how long.
    pub timing: Timing,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Of the follower's processes.
    pub recording: Recording,
    /// What the engine knew before the first rotation that counts.
    pub before: Option<(FollowersTold, EngineState)>,
    /// What it knew at the end.
    pub after: Option<(FollowersTold, EngineState)>,
    /// When that was, since the first reading.
    pub after_at: Option<Duration>,
    /// Between the two.
    pub passed: Duration,
    /// What it knew last while the follower's processes ran; there where they have ended by themselves.
    pub while_it_ran: Option<FollowersTold>,
    /// What lies unread at the end on each connection on which nobody reads; `None` where the system does
    /// not tell.
    pub unread: Option<Vec<u64>>,
    /// What lay unread on all connections right before each rotation that counts; none where the system
    /// does not tell, or the engine made no rotation.
    pub unread_at_rotations: Vec<u64>,
    /// Why the engine could not rotate, tell what it knew, or end, where it could not.
    pub engine_failed: Option<String>,
    /// What became of the processes.
    pub ends: Ends,
    /// The last lines that any of them printed.
    pub last_lines: Vec<String>,
}

/// Carries an exercise out; nothing that it started is left.
///
/// # Errors
/// Where the engine or the follower cannot be started, or nothing of it can be read.
pub async fn exercise(
    exercise: &Exercise,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
) -> Result<Seen, Failure> {
    let starting = until_enough_waited(interrupt, EngineProcess::start(&exercise.spec)).await;
    let engine = starting.ok_or_else(|| Failure::interrupted("the engine was being started"))??;
    let others: BTreeSet<u32> = engine.pid().into_iter().collect();
    let containers = exercise.spec.fleet.containers.iter();
    let names: Vec<String> = containers.map(|one| one.name.clone()).collect();
    let programs = Programs::start(
        exercise.command.clone(),
        engine.socket(),
        &names,
        others,
        exercise.running.clone(),
    );
    let programs = programs.map_err(|error| Failure::environment(format!("{error:#}")))?;
    let seen = observe(exercise, &engine, &programs, events, interrupt).await;
    let last_lines = programs.last_lines(LAST_LINES);
    let ends = programs.end().await;
    let stopped = engine.stop().await;
    let mut seen = seen?;
    if let Err(error) = stopped {
        seen.engine_failed(&error);
    }
    (seen.last_lines, seen.ends) = (last_lines, ends);
    Ok(seen)
}

impl Seen {
    /// It ends early, for this reason among others.
    fn cut_short(&mut self, why: &str) {
        let cut_short = &mut self.recording.cut_short;
        *cut_short = Some(match cut_short.take() {
            Some(others) if others.contains(why) => others,
            Some(others) => format!("{others}; {why}"),
            None => why.to_owned(),
        });
    }

    /// The engine has failed: what was read of the programs until then stands.
    fn engine_failed(&mut self, error: &anyhow::Error) {
        let why = format!("{error:#}");
        self.cut_short(&why);
        self.engine_failed.get_or_insert(why);
    }

    /// Asks the engine what it knows at the end. One that is gone knows nothing.
    async fn ask(&mut self, engine: &EngineProcess) {
        match tokio::try_join!(engine.followers(), engine.state()) {
            Ok(known) => self.after = Some(known),
            Err(error) => self.engine_failed(&error),
        }
    }
}

async fn observe(
    exercise: &Exercise,
    engine: &EngineProcess,
    programs: &Programs,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    if let Some(why) = wait_until_followed(exercise, engine, programs, events, interrupt).await? {
        seen.cut_short(&why);
        seen.ask(engine).await;
        return Ok(seen);
    }
    let target = WatchTarget {
        processes: Some(Processes::Several(programs.set())),
        ..exercise.target.clone()
    };
    let timing = exercise.timing;
    let ages = Ages::of(timing.every, timing.lasting, Some(exercise.interval));
    let mut sources = Sources::open(&target, ages).await?;
    let mut rotations = RotationSchedule::default();
    // It is watched until the last rotation has settled, however late that is; without rotations there is
    // nothing to watch.
    let (stop, over, mut failed) = (interrupt.child_token(), CancellationToken::new(), None);
    let rotating = async {
        match rotations.make(exercise, engine).await {
            Ok(()) => over.cancel(),
            Err(failure) => {
                failed = Some(failure);
                stop.cancel();
            }
        }
        std::future::pending().await
    };
    let settled = |_: &Recording| over.is_cancelled();
    let at_most = Timing {
        lasting: timing.lasting * 3,
        ..timing
    };
    seen.recording = tokio::select! {
        recording = watch::watch(&mut sources, at_most, events, &stop, Hold::never(), &settled) => recording?,
        never = rotating => match never {},
    };
    if let Some(failure) = &failed {
        // That it was stopped is of our own doing.
        seen.recording.cut_short = None;
        seen.engine_failed(&failure.error);
    }
    if let (Some(cut_short), Some(gone)) = (&mut seen.recording.cut_short, programs.why_gone())
        && !interrupt.is_cancelled()
    {
        *cut_short = format!("{cut_short}: {gone}");
        seen.while_it_ran = rotations.last.take();
    }
    if let Some(started) = seen.recording.started {
        let since = |at: &Instant| at.checked_duration_since(started);
        seen.recording.rotated = rotations.made.iter().filter_map(since).collect();
    }
    if seen.recording.cut_short.is_none() {
        wait_for_the_paused(exercise, engine, interrupt).await;
    }
    seen.ask(engine).await;
    seen.after_at = (seen.recording.started).map(|started| started.elapsed());
    if let Some((before, at)) = rotations.before {
        seen.before = Some(before);
        seen.passed = at.elapsed();
    }
    seen.unread_at_rotations = rotations.unread;
    if seen.recording.cut_short.is_none() {
        seen.unread = unread(engine.socket()).await;
    }
    Ok(seen)
}

/// Waits for those who have closed a stream and, as they have done before, will open the next one soon.
/// What the engine cannot tell is told where it is asked next.
async fn wait_for_the_paused(
    exercise: &Exercise,
    engine: &EngineProcess,
    interrupt: &CancellationToken,
) {
    let deadline = Instant::now() + exercise.interval;
    let mut paused: Option<BTreeMap<String, u64>> = None;
    while let Ok(told) = engine.followers().await {
        let patience = patience(&told, exercise.interval);
        let now = told.containers.into_iter().filter(|one| {
            let absent = one.absent_ns.map(Duration::from_nanos);
            absent.is_some_and(|absent| absent <= patience)
        });
        let now: BTreeMap<String, u64> = now.map(|one| (one.container, one.opened)).collect();
        // Who has come back, and paused again, has come back.
        let still = match paused {
            None => now,
            Some(mut before) => {
                before.retain(|name, opened| now.get(name) == Some(opened));
                before
            }
        };
        if still.is_empty() || Instant::now() >= deadline {
            return;
        }
        paused = Some(still);
        tokio::select! {
            () = interrupt.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// What lies unread on connections on which it has not become less within a while.
async fn unread(socket: &Path) -> Option<Vec<u64>> {
    let before = unread_bytes::of_connections_to(socket).ok()?;
    if before.values().all(|unread| *unread == 0) {
        return Some(Vec::new());
    }
    tokio::time::sleep(UNREAD_FOR).await;
    let after = unread_bytes::of_connections_to(socket).ok()?;
    let stays = |(connection, unread): (&u32, &u64)| {
        let now = after.get(connection)?;
        (*unread > 0 && now >= unread).then_some(*now)
    };
    Some(before.iter().filter_map(stays).collect())
}

/// Waits until every container is followed; says why it is no use to go on, where it is not.
async fn wait_until_followed(
    exercise: &Exercise,
    engine: &EngineProcess,
    programs: &Programs,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
) -> Result<Option<String>, Failure> {
    let deadline = Instant::now() + exercise.ready_within;
    let all = exercise.spec.fleet.containers.len();
    loop {
        let followed = (engine.followers().await?.containers.iter())
            .filter(|one| one.opened > 0)
            .count();
        let within = duration::format(exercise.ready_within);
        if let Some(gone) = programs.why_gone() {
            return Ok(Some(format!("{gone}, before it followed all containers")));
        }
        match followed {
            followed if followed == all => return Ok(None),
            _ if interrupt.is_cancelled() => return Ok(Some("it was interrupted".into())),
            0 if Instant::now() >= deadline => {
                return Ok(Some(format!(
                    "it followed no container within {within}: does it heed DOCKER_HOST? {{socket}} stands \
                     for the engine's socket in its arguments"
                )));
            }
            followed if Instant::now() >= deadline => {
                let followed = format_args!("{followed} of {all} containers are followed");
                watch::say(
                    events,
                    format_args!("warning: {followed} after {within}; going on"),
                );
                return Ok(None);
            }
            followed => events.hear(&Event::Waiting(&format!(
                "{followed} of {all} containers are followed"
            ))),
        }
        tokio::select! {
            () = interrupt.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// The rotations that the engine made.
#[derive(Default)]
struct RotationSchedule {
    made: Vec<Instant>,
    /// What the engine knew before the second, from which on they count, and when.
    before: Option<((FollowersTold, EngineState), Instant)>,
    /// What it knew before the last.
    last: Option<FollowersTold>,
    /// What lay unread on all connections right before each that counts.
    unread: Vec<u64>,
}

impl RotationSchedule {
    /// Makes them, one after the other, and lets the last one settle. One that is missed, as while
    /// leakcheck itself or its engine stood still, is made later, and not soon after the one before.
    async fn make(&mut self, exercise: &Exercise, engine: &EngineProcess) -> Result<(), Failure> {
        let mut turns = Turns::of(exercise);
        for number in 0..exercise.rotations {
            turns.next().await;
            if number > 0 {
                let (told, state) = tokio::try_join!(engine.followers(), engine.state())?;
                if number == 1 {
                    self.before = Some(((told.clone(), state), Instant::now()));
                }
                self.last = Some(told);
            }
            if exercise.rotation.by == RotateBy::None {
                continue;
            }
            if number > 0 {
                let unread = unread_bytes::of_connections_to(engine.socket()).ok();
                self.unread
                    .extend(unread.map(|of_each| of_each.values().sum::<u64>()));
            }
            let made = Instant::now();
            engine.rotate(exercise.rotation).await?;
            // An engine that stood still has made it late.
            self.made.push(match made.elapsed() < turns.near() {
                true => made,
                false => Instant::now(),
            });
        }
        turns.next().await;
        Ok(())
    }
}

/// Moments that are a number of intervals after the start.
struct Turns {
    due: Instant,
    interval: Duration,
    /// How many may still be missed before they are no longer waited for.
    may_miss: u32,
}

impl Turns {
    fn of(exercise: &Exercise) -> Self {
        Self {
            due: Instant::now() + exercise.interval,
            interval: exercise.interval,
            may_miss: exercise.rotations,
        }
    }

    fn near(&self) -> Duration {
        self.interval.mul_f64(NEAR)
    }

    /// Waits for the next one that comes in time, and not soon after the one before was made.
    async fn next(&mut self) {
        let near = self.near();
        loop {
            while self.due < Instant::now() + near && self.may_miss > 0 {
                self.due += self.interval;
                self.may_miss -= 1;
            }
            let due = self.due;
            tokio::time::sleep_until(due).await;
            if due.elapsed() <= near || self.may_miss == 0 {
                self.due += self.interval;
                return;
            }
        }
    }
}
