//! The body of a log response: lines as they come due.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use tokio::sync::watch;

use crate::clock::EngineClock;
use crate::container::{Now, Rotated, SyntheticContainer};
use crate::daemon::Daemon;
use crate::faults::damage::{Damaged, Then, damage};
use crate::faults::injector::Strike;
use crate::followers::FollowedStream;
use crate::frames::LineFormat;
use crate::handed_lines::Asked;
use crate::rotation::StreamFate;
use crate::schedule::Schedule;
use crate::state::{CountGuard, EngineTotals};

/// No more than this (and one line) is made at once for one stream: what a slow client costs.
const CHUNK_BYTES: usize = 16 * 1024;
/// About the length of a frame: how much to reserve for a line.
const TYPICAL_LINE_BYTES: u64 = 72;

/// A log response on its way. A silent container's sleeps without a timer until the container
/// ends or the client goes.
#[derive(Debug)]
pub struct LogStream {
    container: Arc<SyntheticContainer>,
    now: watch::Receiver<Now>,
    /// The last rotation before it was opened, which does not concern it.
    opened_after: Option<Rotated>,
    schedule: Schedule,
    lines: Range<u64>,
    format: LineFormat,
    /// Present while the response goes on with new lines.
    follow: Option<CountGuard>,
    /// Takes note of what it hands over.
    followed: FollowedStream,
    /// Whether nothing more comes than what is due.
    silent: bool,
    /// Lines that are stamped as older than this are left out.
    since_ns: Option<i64>,
    until_ns: Option<i64>,
    /// When the container ends next, to start again: a follow ends with it.
    ends_ns: Option<i64>,
    clock: EngineClock,
    counts: Arc<EngineTotals>,
    /// Present until the stream has been struck, where it is to be, with the line that is struck.
    strike: Option<(u64, Strike)>,
    /// What a strike has left of it.
    left: LinesLeft,
}

/// What is left of a stream once it was struck.
#[derive(Debug, Default)]
enum LinesLeft {
    /// All of it: it goes on, or it was not struck.
    #[default]
    All,
    /// Its bytes, one by one: those that are still to be sent.
    Bytes(Bytes),
    /// Silence.
    Silence,
    /// Its end.
    End,
    /// The end of its connection.
    Break(Broken),
}

/// The moments between which lines are wanted, in unix ns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    /// Lines that are stamped as older are left out, where that has not been seen to yet.
    pub since_ns: Option<i64>,
    /// A follow ends then.
    pub until_ns: Option<i64>,
}

/// A response that breaks off: its connection ends in the middle of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It is reset, where it can be.
    Reset,
    /// It is closed in order.
    Closed,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reset => "a rotation or a fault breaks the connection",
            Self::Closed => "a fault closes the connection",
        })
    }
}

impl Error for Broken {}

impl LogStream {
    pub(super) fn new(
        daemon: &Daemon,
        container: &Arc<SyntheticContainer>,
        schedule: Schedule,
        lines: Range<u64>,
        format: LineFormat,
        follow: Option<CountGuard>,
        Moments { since_ns, until_ns }: Moments,
    ) -> Self {
        let mut lines = lines;
        let restarts = container.restarts.filter(|_| follow.is_some());
        let next_ns = restarts.map(|restarts| restarts.next_after(daemon.clock.now_ns()));
        let kept = restarts.is_some_and(|restarts| restarts.keeps_streams);
        if let (Some(next_ns), true) = (next_ns, kept) {
            // Nothing more comes from then on, and the response has no end.
            lines.end = lines.end.min(schedule.due_by(next_ns)).max(lines.start);
        }
        let ends_ns = next_ns.filter(|_| !kept);
        let now = container.watch();
        let opened_after = now.borrow().rotated;
        let due = container.lines_due(&schedule, daemon.clock.now_ns());
        let asked = Asked {
            // Where no line is wanted, none is to come.
            lines: match schedule == Schedule::silent() {
                true => 0..0,
                false => lines.clone(),
            },
            due,
            follows: follow.is_some(),
        };
        let followed = (container.followed).open(container.generation, asked, daemon.clock);
        Self {
            container: Arc::clone(container),
            opened_after,
            now,
            schedule,
            lines,
            format,
            follow,
            followed,
            silent: false,
            since_ns,
            until_ns,
            ends_ns,
            clock: daemon.clock,
            counts: Arc::clone(&daemon.counts),
            strike: None,
            left: LinesLeft::All,
        }
    }

    /// The same stream, to be struck after some lines.
    #[must_use]
    pub(super) fn struck_by(mut self, strike: Option<Strike>) -> Self {
        self.strike = strike.map(|strike| (self.lines.start + strike.after_lines, strike));
        self
    }

    /// The response body.
    pub fn into_frames(self) -> impl Stream<Item = Result<Frame<Bytes>, Broken>> + Send {
        stream::unfold(self, |mut this| async {
            let chunk = this.next_chunk().await?;
            Some((chunk.map(Frame::data), this))
        })
    }

    /// All lines that are due, up to the bound of a chunk; waits where none is. `None` at the end
    /// of the response.
    async fn next_chunk(&mut self) -> Option<Result<Bytes, Broken>> {
        match &mut self.left {
            LinesLeft::All => {}
            LinesLeft::Bytes(bytes) if bytes.is_empty() => {}
            left => {
                // Whatever was sent before is on its way: a body that waits is flushed.
                tokio::task::yield_now().await;
                match left {
                    LinesLeft::Bytes(bytes) => return Some(Ok(bytes.split_to(1))),
                    LinesLeft::Break(broken) => return Some(Err(*broken)),
                    LinesLeft::Silence => std::future::pending().await,
                    LinesLeft::End | LinesLeft::All => return None,
                }
            }
        }
        loop {
            let (now_ns, exit_ns) = {
                // The time is read under the lock under which a container ends: see
                // `SyntheticContainer::end`.
                let seen = self.now.borrow_and_update();
                let (now, now_ns) = (*seen, self.clock.now_ns());
                drop(seen);
                let exit_ns = now.lifecycle.exit().map(|exit| exit.finished_at_ns);
                let rotated = now.rotated.filter(|_| now.rotated != self.opened_after);
                let rotated_ns = match rotated {
                    Some(rotated) if rotated.fate == StreamFate::Breaks => {
                        return Some(Err(Broken::Reset));
                    }
                    Some(rotated) => self.rotated_ns(rotated),
                    None => None,
                };
                let ended_ns = self.ends_ns.filter(|ends| *ends <= now_ns);
                let ends = exit_ns.into_iter().chain(ended_ns).chain(rotated_ns);
                (now_ns, ends.min())
            };
            let printed = self
                .schedule
                .due_by(exit_ns.map_or(now_ns, |exit| exit.min(now_ns)));
            let ready = printed.min(self.lines.end);
            // The lines before the one that is struck are sent as ever.
            let whole = (self.strike.as_ref()).map_or(ready, |(struck, _)| ready.min(*struck));
            if self.lines.start < whole {
                let chunk = self.take_chunk(whole);
                return Some(Ok(self.first_part(chunk)));
            }
            if self.lines.start < ready
                && let Some((_, strike)) = self.strike.take()
            {
                return Some(Ok(self.strike(strike)));
            }
            let over = self.until_ns.is_some_and(|until| until <= now_ns);
            if self.follow.is_none() || exit_ns.is_some() || over {
                return None;
            }
            self.wait().await;
        }
    }

    /// When a rotation ends it; `None` where it stays open.
    fn rotated_ns(&mut self, rotated: Rotated) -> Option<i64> {
        self.follow.as_ref()?;
        if rotated.fate == StreamFate::Ends {
            return Some(rotated.at_ns);
        }
        if !self.silent {
            let due = self.schedule.due_by(rotated.at_ns);
            self.lines.end = self.lines.end.min(due).max(self.lines.start);
            self.falls_silent();
        }
        None
    }

    /// Waits for the next line, the end of the response, or a change of the container.
    async fn wait(&mut self) {
        let next_line = (self.lines.start < self.lines.end)
            .then(|| self.schedule.due_ns(self.lines.start))
            .flatten();
        let wake_ns = next_line
            .into_iter()
            .chain(self.until_ns)
            .chain(self.ends_ns)
            .min();
        // The container, which owns the sender, is kept by this very stream: no error to handle.
        match wake_ns {
            None => drop(self.now.changed().await),
            Some(wake_ns) => {
                let wake = self.clock.instant(wake_ns);
                drop(tokio::time::timeout_at(wake, self.now.changed()).await);
            }
        }
    }

    fn take_chunk(&mut self, ready: u64) -> Bytes {
        let mut first = self.lines.start;
        let estimate = (ready - first).saturating_mul(TYPICAL_LINE_BYTES);
        let mut out = Vec::with_capacity(
            usize::try_from(estimate)
                .unwrap_or(CHUNK_BYTES)
                .min(CHUNK_BYTES),
        );
        while self.lines.start < ready && out.len() < CHUNK_BYTES {
            let sequence = self.lines.start;
            self.lines.start += 1;
            if !self.write_line(&mut out, sequence) {
                self.has_sent(first..sequence);
                first = self.lines.start;
            }
        }
        self.has_sent(first..self.lines.start);
        out.into()
    }

    /// Appends a line; false where it is stamped as older than what is wanted.
    fn write_line(&self, out: &mut Vec<u8>, sequence: u64) -> bool {
        let stamps = self.container.stamps;
        let Some(stamp_ns) = stamps.of_line(&self.schedule, sequence) else {
            return true;
        };
        if self.since_ns.is_some_and(|since| stamp_ns < since) {
            return false;
        }
        if let Some(fault) = stamps.shown_by(&self.schedule, sequence) {
            self.counts.faults.count(fault);
        }
        (self.format).write_line(out, &self.container.name, sequence, stamp_ns);
        true
    }

    fn has_sent(&self, lines: Range<u64>) {
        if lines.is_empty() {
            return;
        }
        self.counts.sent_lines(lines.end - lines.start);
        self.followed.hands_over(lines);
    }

    fn falls_silent(&mut self) {
        self.silent = true;
        self.followed.falls_silent(self.lines.end);
    }

    /// Strikes the next line, and the stream with it; what is sent of that.
    fn strike(&mut self, mut strike: Strike) -> Bytes {
        strike.has_struck();
        let mut frame = Vec::new();
        self.write_line(&mut frame, self.lines.start);
        let Damaged { bytes, then } = damage(&mut strike, &frame);
        if !bytes.is_empty() {
            self.lines.start += 1;
        }
        self.left = match then {
            Then::GoesOn => LinesLeft::All,
            Then::Splits => LinesLeft::Bytes(Bytes::new()),
            Then::FallsSilent => {
                self.lines.end = self.lines.start;
                self.falls_silent();
                LinesLeft::Silence
            }
            Then::Ends => LinesLeft::End,
            Then::Breaks => LinesLeft::Break(Broken::Reset),
            Then::Closes => LinesLeft::Break(Broken::Closed),
        };
        bytes
    }

    /// A chunk, or the first byte of one that is to come byte by byte.
    fn first_part(&mut self, mut chunk: Bytes) -> Bytes {
        match &mut self.left {
            LinesLeft::Bytes(later) if !chunk.is_empty() => {
                let first = chunk.split_to(1);
                *later = chunk;
                first
            }
            _ => chunk,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt;
    use nix::sys::signal::Signal;

    use super::*;
    use crate::logs::LogRequest;
    use crate::query::Query;
    use crate::spec::EngineSpec;
    use crate::workload::containers::{Container, Fleet, Restarts};

    /// An engine with one container, `web`, at the given rate from time 0, where it is 0 now.
    fn daemon(lines_per_second: f64) -> Daemon {
        restarting_daemon(lines_per_second, None)
    }

    fn restarting_daemon(lines_per_second: f64, restarts: Option<Restarts>) -> Daemon {
        let web = Container {
            name: "web".into(),
            lines_per_second,
            tty: true,
            restarts,
            ..Container::default()
        };
        let spec = EngineSpec {
            fleet: Fleet {
                containers: vec![web],
            },
            started_at_ns: 0,
        };
        Daemon::new(&spec, EngineClock::starting_at(0))
    }

    fn open(daemon: &Daemon, query: &str) -> LogStream {
        let request = LogRequest::parse(&Query::parse(Some(query))).expect("a valid query");
        request.open(daemon, &daemon.registry.find("web").expect("exists"))
    }

    async fn rest(stream: LogStream) -> String {
        let chunks: Vec<_> = stream.into_frames().collect().await;
        let bytes = chunks
            .into_iter()
            .flat_map(|c| c.expect("infallible").into_data().expect("data"));
        String::from_utf8(bytes.collect()).expect("ASCII")
    }

    #[tokio::test(start_paused = true)]
    async fn a_follow_delivers_each_line_when_it_is_due_and_ends_at_until() {
        let daemon = daemon(2.0);
        let text = rest(open(&daemon, "stdout=1&follow=1&until=1.2")).await;
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "leakcheck web line 0",
                "leakcheck web line 1",
                "leakcheck web line 2"
            ]
        );
        assert!(daemon.clock.now_ns() >= 1_200_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_came_due_together_come_in_one_chunk_of_bounded_size() {
        let daemon = daemon(1_000_000.0);
        tokio::time::advance(Duration::from_secs(1)).await;
        let mut stream = open(&daemon, "stdout=1");
        let first = stream.next_chunk().await.expect("lines are due");
        let first = first.expect("nothing breaks it");
        assert!(
            (CHUNK_BYTES..CHUNK_BYTES + 100).contains(&first.len()),
            "{}",
            first.len()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_a_container_ends_its_follow_with_the_lines_printed_so_far() {
        let daemon = daemon(1.0);
        let stream = open(&daemon, "stdout=1&follow=1");
        tokio::time::advance(Duration::from_millis(2500)).await;
        daemon.signal(
            &daemon.registry.find("web").expect("exists"),
            Signal::SIGKILL,
        );
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(rest(stream).await.lines().count(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follow_ends_with_its_container_and_the_next_one_goes_on() {
        let restarts = Restarts {
            first_s: 2.5,
            every_s: 2.0,
            keeps_streams: false,
        };
        let daemon = restarting_daemon(1.0, Some(restarts));
        assert_eq!(
            rest(open(&daemon, "stdout=1&follow=1"))
                .await
                .lines()
                .count(),
            3
        );
        let again = rest(open(&daemon, "stdout=1&follow=1&since=2.5")).await;
        assert_eq!(
            again.lines().collect::<Vec<_>>(),
            ["leakcheck web line 3", "leakcheck web line 4"]
        );
        assert!(daemon.clock.now_ns() >= 4_500_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_follow_that_outlives_its_container_has_nothing_more_to_say() {
        let restarts = Restarts {
            first_s: 2.5,
            every_s: 1000.0,
            keeps_streams: true,
        };
        let daemon = restarting_daemon(1.0, Some(restarts));
        let kept = rest(open(&daemon, "stdout=1&follow=1&until=9")).await;
        assert_eq!(kept.lines().count(), 3);
        assert!(daemon.clock.now_ns() >= 9_000_000_000);
        let again = rest(open(&daemon, "stdout=1&follow=1&since=2.5&until=9.5")).await;
        assert_eq!(again.lines().count(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_follow_waits_without_a_timer_and_ends_with_its_container() {
        let daemon = Arc::new(daemon(0.0));
        let follow = tokio::spawn(rest(open(&daemon, "stdout=1&follow=1")));
        tokio::task::yield_now().await;
        assert_eq!(daemon.counts.seen_by_client().streams, 1);
        daemon.stop(&daemon.registry.find("web").expect("exists"));
        assert_eq!(follow.await.expect("ends"), "");
        assert_eq!(daemon.counts.seen_by_client().streams, 0);
    }
}
