//! A watch: readings at an interval until the time is over, the process has gone, or somebody
//! interrupts.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use leakcheck_report::exit_code::Failure;
use leakcheck_report::readings::{Pause, Reading, Recording};
use leakcheck_text::duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

use super::sources::{NoReading, Sources};
use crate::events::{Consumer, Event};
use crate::sys::pause::Hold;

/// A console tells of a large process's tasks bit by bit; it is waited for so long.
const CATCHING_UP: Duration = Duration::from_secs(60);
/// A process that does not answer for so long, and for so many readings, is given up.
const PATIENCE: Duration = Duration::from_secs(10);
const FAILURES: u64 = 5;

/// However long a reading takes, the next comes after this.
const SLOWEST: Duration = Duration::from_secs(30);

/// How long and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// Between two readings.
    pub every: Duration,
    /// From the first reading to the last.
    pub lasting: Duration,
    /// Goroutines are stuck that wait for another for so long.
    pub stuck_after: Duration,
    /// Readings may take this share of the time: where one takes long, the next waits.
    pub share: Option<f64>,
}

/// Watches until the time is over, or what was read is `enough`. While `hold` is on nothing is read, and the time does not go on.
///
/// # Errors
/// Only where nothing at all could be read.
pub async fn watch(
    sources: &mut Sources,
    timing: Timing,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
    mut hold: Hold,
    enough: &dyn Fn(&Recording) -> bool,
) -> Result<Recording, Failure> {
    let mut recording = Recording {
        ages: sources.ages(),
        ..Recording::default()
    };
    let first = baseline(
        sources,
        timing,
        events,
        interrupt,
        &mut hold,
        &mut recording,
    );
    let Some(started) = first.await? else {
        return Ok(recording.interrupted());
    };
    recording.started = Some(started);
    recording.started_at = Some(SystemTime::now());
    let mut end = started + timing.lasting;
    let mut ticks = interval_at(started + timing.every, timing.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // When the process stopped answering, and how often it has not since.
    let mut silent: Option<(Instant, u64)> = None;
    let mut slowest = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            () = interrupt.cancelled() => {
                recording = recording.interrupted();
                break;
            }
            true = hold.changed() => {
                let pause = wait_out(&mut hold, started, interrupt).await;
                sources.pass_over(pause.lasted);
                end += pause.lasted;
                silent = silent.map(|(since, failures)| (since + pause.lasted, failures));
                recording.pauses.push(pause);
                ticks.reset_immediately();
                continue;
            }
            // The last reading may come a little late. Where each is late, the end is not.
            () = sleep_until(end + timing.every / 2) => break,
            _ = ticks.tick() => {}
        }
        let begun = Instant::now();
        let at = begun - started;
        // Interrupted while a source is slow, or when the time is over, the watch ends at once.
        let read = tokio::select! {
            biased;
            () = interrupt.cancelled() => continue,
            read = sources.read(at) => read,
            () = sleep_until(end + timing.every / 2) => {
                // A reading as slow as those before it is only late.
                if begun.elapsed() > slowest * 2 + timing.every && silent.is_none() {
                    silent = Some((begun, 1));
                }
                break;
            }
        };
        let took = begun.elapsed();
        if let Some(share) = timing.share
            && read.is_ok()
            && took > timing.every.mul_f64(share)
        {
            ticks.reset_after(took.div_f64(share).min(SLOWEST));
        }
        match read {
            Ok(reading) => {
                slowest = slowest.max(took);
                tell_changes(&recording, &reading, silent.is_some(), events);
                silent = None;
                recording.readings.push(reading);
                recording.concurrency = sources.concurrency();
                events.hear(&Event::Read(&recording));
                if enough(&recording) {
                    break;
                }
            }
            Err(NoReading::Gone) => {
                recording.cut_short = Some(format!("the process ended after {}", time(at)));
                break;
            }
            Err(error) => {
                recording.failed += 1;
                let error = Failure::from(error);
                let (since, failures) = match silent {
                    Some((since, failures)) => (since, failures + 1),
                    None => {
                        say(events, format_args!("warning: after {}: {error}", time(at)));
                        (Instant::now(), 1)
                    }
                };
                silent = Some((since, failures));
                if failures >= FAILURES && since.elapsed() >= PATIENCE {
                    recording.cut_short =
                        Some(format!("it has not answered since {}: {error}", time(at)));
                    break;
                }
            }
        }
    }
    if let Some((since, _)) = silent
        && recording.cut_short.is_none()
    {
        let since = time(since.saturating_duration_since(started));
        recording.cut_short = Some(format!("it has not answered since {since}"));
    }
    recording.concurrency = sources.concurrency();
    recording.waiting = sources.waiting(recording.lasted(), timing.stuck_after);
    if !interrupt.is_cancelled() {
        match sources.leak_profile().await {
            Ok(profile) => recording.leak_profile = profile,
            // Why it answers no more is said already.
            Err(_) if recording.cut_short.is_some() => {}
            Err(error) => say(
                events,
                format_args!("warning: Go's own leak profile: {error:#}"),
            ),
        }
    }
    Ok(recording)
}

/// Waits until the watch is let go on, or interrupted.
async fn wait_out(hold: &mut Hold, started: Instant, interrupt: &CancellationToken) -> Pause {
    let paused = Instant::now();
    tokio::select! {
        () = interrupt.cancelled() => {}
        () = hold.released() => {}
    }
    Pause {
        from: paused.duration_since(started),
        lasted: paused.elapsed(),
    }
}

/// The first reading, once it is whole; when it was made, or `None` where somebody interrupted.
async fn baseline(
    sources: &mut Sources,
    timing: Timing,
    events: &dyn Consumer,
    interrupt: &CancellationToken,
    hold: &mut Hold,
    recording: &mut Recording,
) -> Result<Option<Instant>, Failure> {
    let waiting_since = Instant::now();
    let mut told = false;
    loop {
        tokio::select! {
            () = interrupt.cancelled() => return Ok(None),
            () = hold.released() => {}
        }
        let started = Instant::now();
        let reading = tokio::select! {
            () = interrupt.cancelled() => return Ok(None),
            reading = sources.read(Duration::ZERO) => reading?,
        };
        if !reading.lower_bound || waiting_since.elapsed() >= CATCHING_UP {
            if reading.lower_bound {
                say(
                    events,
                    "warning: the console has not told of all tasks yet: they are a lower bound",
                );
            }
            recording.readings.push(reading);
            events.hear(&Event::Read(recording));
            return Ok(Some(started));
        }
        if !std::mem::replace(&mut told, true) {
            say(events, "waiting until the console has told of all tasks");
        }
        tokio::select! {
            () = interrupt.cancelled() => return Ok(None),
            () = tokio::time::sleep(timing.every.min(Duration::from_millis(500))) => {}
        }
    }
}

fn tell_changes(recording: &Recording, now: &Reading, was_silent: bool, events: &dyn Consumer) {
    if was_silent {
        say(
            events,
            format_args!("after {}: it answers again", time(now.at)),
        );
    }
    let restarts = recording.readings.last().map_or(0, |last| last.restarts);
    if now.restarts > restarts {
        say(
            events,
            format_args!(
                "warning: after {}: the process was started anew; what is judged is the longest stretch \
             without",
                time(now.at)
            ),
        );
    }
}

/// Says something on a process that is watched.
pub(crate) fn say(events: &dyn Consumer, line: impl Display) {
    events.hear(&Event::Said(&format!("leakcheck: {line}")));
}

/// A time as people read it, to the tenth of a second.
fn time(at: Duration) -> String {
    let tenths = at.as_millis() / 100;
    let rounded = Duration::from_millis(u64::try_from(tenths * 100).unwrap_or(u64::MAX));
    duration::format(rounded)
}
