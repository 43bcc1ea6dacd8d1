//! What the engine knows of those who follow its containers: which streams and connections they hold,
//! how soon they open a stream anew that was rotated, and which lines they were handed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::EngineClock;
use crate::handed_lines::{Asked, HandedLines, LinesTold};
use crate::requests::Requests;

/// Of so many rotations of a container it is remembered how soon its stream was opened anew.
const REMEMBERED: usize = 1_000;

/// What is known of one container's followers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Followers {
    /// The container's name.
    pub container: String,
    /// Streams that follow it and are open.
    pub streams: u64,
    /// Connections that are open over which its log was asked for.
    pub connections: u64,
    /// Streams that were opened, all in all.
    pub opened: u64,
    /// Rotations that the engine made of it since it was first followed.
    pub rotations: u64,
    /// After how many of these a stream was opened anew before the next.
    pub reopened: u64,
    /// How many of the last ones, one after the other, no new stream has followed.
    pub missed_in_a_row: u64,
    /// How long that took, in ns, of the last rotations.
    pub reopen_delays_ns: Vec<u64>,
    /// For how long nobody has opened a stream anew since the first rotation of these, in ns; null where
    /// somebody has.
    pub waiting_ns: Option<u64>,
    /// For how long no stream has been open, in ns; null while one is, and where none ever was.
    pub absent_ns: Option<u64>,
    /// The longest time for which none was before one was opened again, in ns.
    pub longest_gap_ns: u64,
    /// Times between two streams that were opened one after the other, in ns, of the last.
    pub open_intervals_ns: Vec<u64>,
    /// How long ago the last stream was opened, in ns; null where none ever was.
    pub since_opened_ns: Option<u64>,
    /// Lines that were handed to a connection, each once.
    pub lines_sent: u64,
    /// Lines that were handed to none, of those that came after the first that was, and that a later
    /// stream has passed by.
    pub lines_lost: u64,
    /// Lines that were handed to several connections at the same time.
    pub lines_repeated: u64,
    /// Lines that were handed over again at a resume.
    pub lines_redelivered: u64,
    /// Lines that are due and that an open stream has not taken yet.
    pub lines_behind: u64,
    /// Lines that came when no stream was open, and that a later one can still ask for.
    pub lines_waiting: u64,
}

/// What an engine tells of all its containers' followers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowersTold {
    /// Each container's.
    pub containers: Vec<Followers>,
    /// Requests that were answered, by method and path.
    pub requests: BTreeMap<String, u64>,
    /// Requests for what this engine does not know.
    pub unknown: BTreeMap<String, u64>,
}

impl FollowersTold {
    /// What is known of each container's followers, and what was asked for.
    pub fn of(containers: Vec<Followers>, requests: &Requests) -> Self {
        Self {
            containers,
            requests: requests.known(),
            unknown: requests.unknown(),
        }
    }
}

/// The same, as it is counted. Whoever takes the place of a container that was removed goes on with it.
#[derive(Debug, Default)]
pub struct FollowRecord {
    state: Mutex<FollowState>,
}

#[derive(Debug, Default)]
struct FollowState {
    streams: u64,
    connections: u64,
    opened: u64,
    rotations: u64,
    reopened: u64,
    missed_in_a_row: u64,
    delays_ns: Vec<u64>,
    /// When the stream was rotated that nobody has opened anew yet.
    rotated_ns: Option<i64>,
    /// When the last stream was opened.
    opened_ns: Option<i64>,
    open_intervals_ns: Vec<u64>,
    /// Since when no stream is open, after one was.
    absent_since_ns: Option<i64>,
    longest_gap_ns: u64,
    /// The next stream's number.
    next_stream: u64,
    /// The container's generation: how often it has been replaced.
    generation: u64,
    lines: HandedLines,
    /// Of containers that were replaced, whose streams are still open: how many lines they printed.
    ending: BTreeMap<u64, (HandedLines, u64)>,
    /// Of those whose streams have ended.
    before: LinesTold,
}

impl FollowState {
    fn lines_of(&mut self, generation: u64) -> Option<&mut HandedLines> {
        match generation == self.generation {
            true => Some(&mut self.lines),
            false => self.ending.get_mut(&generation).map(|(lines, _)| lines),
        }
    }

    /// A generation whose streams have ended hands over nothing more.
    fn settle(&mut self, generation: u64) {
        let ended = (self.ending.get(&generation)).is_some_and(|(lines, _)| !lines.is_open());
        if ended && let Some((lines, due)) = self.ending.remove(&generation) {
            self.before = sum(self.before, of_the_removed(&lines, due));
        }
    }

    fn opens(&mut self, now_ns: i64) {
        self.streams += 1;
        self.opened += 1;
        if let Some(rotated_ns) = self.rotated_ns.take() {
            self.reopened += 1;
            self.missed_in_a_row = 0;
            remember(&mut self.delays_ns, nanos_between(rotated_ns, now_ns));
        }
        if let Some(last_ns) = self.opened_ns.replace(now_ns) {
            remember(&mut self.open_intervals_ns, nanos_between(last_ns, now_ns));
        }
        if let Some(since_ns) = self.absent_since_ns.take() {
            self.longest_gap_ns = self.longest_gap_ns.max(nanos_between(since_ns, now_ns));
        }
    }

    fn closes(&mut self, now_ns: i64) {
        self.streams -= 1;
        if self.streams == 0 {
            self.absent_since_ns = Some(now_ns);
        }
    }
}

/// What became of a removed container's lines: nobody can ask for them any more.
fn of_the_removed(lines: &HandedLines, due: u64) -> LinesTold {
    let told = lines.tell(due);
    LinesTold {
        lost: told.lost + told.waiting,
        waiting: 0,
        ..told
    }
}

fn sum(a: LinesTold, b: LinesTold) -> LinesTold {
    LinesTold {
        sent: a.sent + b.sent,
        lost: a.lost + b.lost,
        repeated: a.repeated + b.repeated,
        redelivered: a.redelivered + b.redelivered,
        behind: a.behind + b.behind,
        waiting: a.waiting + b.waiting,
    }
}

fn remember(last: &mut Vec<u64>, ns: u64) {
    if last.len() == REMEMBERED {
        last.remove(0);
    }
    last.push(ns);
}

impl FollowRecord {
    /// Takes note of a stream of this generation, until it is dropped.
    pub fn open(
        self: &Arc<Self>,
        generation: u64,
        asked: Asked,
        clock: EngineClock,
    ) -> FollowedStream {
        let mut state = self.lock();
        if asked.follows {
            state.opens(clock.now_ns());
        }
        let number = state.next_stream;
        state.next_stream += 1;
        if let Some(lines) = state.lines_of(generation) {
            lines.open(number, &asked);
        }
        FollowedStream {
            followed: Arc::clone(self),
            generation,
            number,
            follows: asked.follows,
            clock,
        }
    }

    /// Counts a connection over which the container's log was asked for until the guard is dropped.
    pub fn connection(self: &Arc<Self>) -> FollowedConnection {
        self.lock().connections += 1;
        FollowedConnection(Arc::clone(self))
    }

    /// Takes note of a rotation, at which so many lines are due.
    pub fn rotated(&self, due: u64, now_ns: i64) {
        let mut state = self.lock();
        state.lines.rotate(due);
        // Nobody has to open a stream anew that was never open.
        if state.opened > 0 {
            state.rotations += 1;
            state.missed_in_a_row += 1;
            state.rotated_ns.get_or_insert(now_ns);
        }
    }

    /// Goes on with the next generation; of this one so many lines were due. Its streams may still hand
    /// some over.
    pub fn next_generation(&self, due: u64) {
        let mut state = self.lock();
        let generation = state.generation;
        let before = std::mem::replace(&mut state.lines, HandedLines::of_replacement());
        state.ending.insert(generation, (before, due));
        state.generation += 1;
        state.settle(generation);
    }

    /// What is known; so many lines of the present container are due.
    pub fn tell(&self, container: &str, due: u64, now_ns: i64) -> Followers {
        let state = self.lock();
        let ending = state.ending.values();
        let before = ending.fold(state.before, |all, (lines, due)| {
            sum(all, of_the_removed(lines, *due))
        });
        let of_this = match state.opened {
            // Nobody misses the lines of a container that was never followed.
            0 => LinesTold {
                lost: 0,
                waiting: 0,
                ..state.lines.tell(due)
            },
            _ => state.lines.tell(due),
        };
        let lines = sum(before, of_this);
        let since = |at_ns: i64| nanos_between(at_ns, now_ns);
        Followers {
            container: container.to_owned(),
            streams: state.streams,
            connections: state.connections,
            opened: state.opened,
            rotations: state.rotations,
            reopened: state.reopened,
            missed_in_a_row: state.missed_in_a_row,
            reopen_delays_ns: state.delays_ns.clone(),
            waiting_ns: state.rotated_ns.map(since),
            absent_ns: state.absent_since_ns.map(since),
            longest_gap_ns: state.longest_gap_ns,
            open_intervals_ns: state.open_intervals_ns.clone(),
            since_opened_ns: state.opened_ns.map(since),
            lines_sent: lines.sent,
            lines_lost: lines.lost,
            lines_repeated: lines.repeated,
            lines_redelivered: lines.redelivered,
            lines_behind: lines.behind,
            lines_waiting: lines.waiting,
        }
    }

    fn lock(&self) -> MutexGuard<'_, FollowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos_between(from_ns: i64, to_ns: i64) -> u64 {
    u64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(0)
}

/// A stream that is open; dropping it counts it off.
#[derive(Debug)]
pub struct FollowedStream {
    followed: Arc<FollowRecord>,
    generation: u64,
    number: u64,
    follows: bool,
    clock: EngineClock,
}

impl FollowedStream {
    /// Takes note of lines that it handed over.
    pub fn hands_over(&self, lines: Range<u64>) {
        let mut state = self.followed.lock();
        if let Some(of_container) = state.lines_of(self.generation) {
            of_container.hand_over(self.number, lines);
        }
    }

    /// Takes note that it stays open with nothing more to come than the lines that are due.
    pub fn falls_silent(&self, due: u64) {
        let mut state = self.followed.lock();
        if let Some(of_container) = state.lines_of(self.generation) {
            of_container.is_over(self.number, due);
        }
    }
}

impl Drop for FollowedStream {
    fn drop(&mut self) {
        let mut state = self.followed.lock();
        if self.follows {
            state.closes(self.clock.now_ns());
        }
        if let Some(of_container) = state.lines_of(self.generation) {
            of_container.close(self.number);
        }
        state.settle(self.generation);
    }
}

/// A connection that is open over which a container's log was asked for; dropping it counts it off.
#[derive(Debug)]
pub struct FollowedConnection(Arc<FollowRecord>);

impl FollowedConnection {
    /// Whether it is of this container.
    pub fn is_of(&self, followed: &Arc<FollowRecord>) -> bool {
        Arc::ptr_eq(&self.0, followed)
    }
}

impl Drop for FollowedConnection {
    fn drop(&mut self) {
        self.0.lock().connections -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A record, and a clock that reads 0 and goes by tokio's.
    fn record() -> (Arc<FollowRecord>, EngineClock) {
        (Arc::default(), EngineClock::starting_at(0))
    }

    fn follow(line: u64, due: u64) -> Asked {
        Asked {
            lines: line..u64::MAX,
            due,
            follows: true,
        }
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_opened_anew_tells_how_long_it_took() {
        let (followed, clock) = record();
        followed.rotated(0, 0);
        pass(1).await;
        let first = followed.open(0, follow(0, 0), clock);
        assert_eq!(followed.tell("web", 0, SECOND).rotations, 0, "never open");
        followed.rotated(0, 2 * SECOND);
        pass(2).await;
        drop(first);
        let told = followed.tell("web", 0, 5 * SECOND);
        assert_eq!(told.waiting_ns, Some(3_000_000_000));
        assert_eq!(told.absent_ns, Some(2_000_000_000));
        pass(3).await;
        let _second = followed.open(0, follow(0, 0), clock);
        followed.rotated(0, 7 * SECOND);
        followed.rotated(0, 9 * SECOND);
        let told = followed.tell("web", 0, 9 * SECOND);
        assert_eq!((told.rotations, told.reopened, told.streams), (3, 1, 1));
        assert_eq!(told.reopen_delays_ns, [4_000_000_000]);
        assert_eq!(
            (told.missed_in_a_row, told.waiting_ns),
            (2, Some(2_000_000_000))
        );
        assert_eq!((told.absent_ns, told.longest_gap_ns), (None, 3_000_000_000));
        assert_eq!(told.open_intervals_ns, [5_000_000_000]);
        assert_eq!(told.since_opened_ns, Some(3_000_000_000));
    }

    #[tokio::test]
    async fn a_replaced_container_is_settled_once_its_streams_have_ended() {
        let (followed, clock) = record();
        let stream = followed.open(0, follow(5, 5), clock);
        stream.hands_over(5..10);
        followed.next_generation(14);
        let told = followed.tell("web", 0, 0);
        assert_eq!((told.lines_behind, told.lines_lost), (4, 0), "it is open");
        stream.hands_over(10..12);
        drop(stream);
        let next = followed.open(1, follow(3, 3), clock);
        next.hands_over(3..6);
        let told = followed.tell("web", 6, 0);
        assert_eq!((told.lines_sent, told.lines_lost), (10, 2 + 3));
    }
}
