//! What the engine knows of those who follow its containers: which streams and connections they hold,
//! how soon they open a stream anew that was rotated, and which lines they were handed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::requests::Requests;
use crate::sent_lines::SentLines;

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
    /// Lines that were handed to a connection, each once.
    pub lines_sent: u64,
    /// Lines that were handed to none, of those that came after the first that was.
    pub lines_lost: u64,
    /// Lines that were handed to a connection again.
    pub lines_repeated: u64,
    /// Lines that are due and that an open stream has not taken yet.
    pub lines_behind: u64,
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
    /// Of these, those to which nothing more comes.
    silent: u64,
    connections: u64,
    opened: u64,
    rotations: u64,
    reopened: u64,
    missed_in_a_row: u64,
    delays_ns: Vec<u64>,
    /// When the stream was rotated that nobody has opened anew yet.
    rotated_ns: Option<i64>,
    /// The container's generation: how often it has been replaced.
    generation: u64,
    lines: SentLines,
    repeated: u64,
    /// Of the generations before.
    sent_before: u64,
    lost_before: u64,
}

impl FollowState {
    /// Lines of this generation that were handed to nobody, of so many that are due.
    fn lost(&self, due: u64) -> u64 {
        // Who comes to a container that runs already is not told what it said before; who follows
        // one that is replaced misses what the new one says until he follows it.
        let from = match self.generation {
            0 => self.lines.first().unwrap_or(due),
            _ => 0,
        };
        let unsent = due.saturating_sub(self.lines.end().max(from));
        self.lines.missing_from(from) + unsent
    }
}

impl FollowRecord {
    /// Counts a stream, opened at this time, until the guard is dropped.
    pub fn stream(self: &Arc<Self>, now_ns: i64) -> FollowedGuard {
        let mut state = self.lock();
        state.opened += 1;
        if let Some(rotated_ns) = state.rotated_ns.take() {
            state.reopened += 1;
            state.missed_in_a_row = 0;
            if state.delays_ns.len() == REMEMBERED {
                state.delays_ns.remove(0);
            }
            state.delays_ns.push(nanos_between(rotated_ns, now_ns));
        }
        drop(state);
        FollowedGuard::new(self, |state| &mut state.streams)
    }

    /// Counts an open stream to which nothing more comes until the guard is dropped.
    pub fn silent_stream(self: &Arc<Self>) -> FollowedGuard {
        FollowedGuard::new(self, |state| &mut state.silent)
    }

    /// Counts a connection over which the container's log was asked for until the guard is dropped.
    pub fn connection(self: &Arc<Self>) -> FollowedGuard {
        FollowedGuard::new(self, |state| &mut state.connections)
    }

    /// Takes note of a rotation.
    pub fn rotated(&self, now_ns: i64) {
        let mut state = self.lock();
        // Nobody has to open a stream anew that was never open.
        if state.opened > 0 {
            state.rotations += 1;
            state.missed_in_a_row += 1;
            state.rotated_ns.get_or_insert(now_ns);
        }
    }

    /// Takes note of lines that were handed to a connection.
    pub fn sent(&self, generation: u64, lines: Range<u64>) {
        let mut state = self.lock();
        // A stream of a container that was replaced has ended.
        if generation == state.generation {
            let again = state.lines.add(lines);
            state.repeated += again;
        }
    }

    /// Goes on with the next generation; of this one so many lines were due.
    pub fn next_generation(&self, due: u64) {
        let mut state = self.lock();
        if state.opened > 0 {
            state.lost_before += state.lost(due);
        }
        state.sent_before += state.lines.count();
        state.lines = SentLines::default();
        state.generation += 1;
    }

    /// What is known; so many lines of the present container are due.
    pub fn tell(&self, container: &str, due: u64, now_ns: i64) -> Followers {
        let state = self.lock();
        let behind = match state.streams.saturating_sub(state.silent) {
            0 => 0,
            _ => due.saturating_sub(state.lines.end()),
        };
        let lost = match state.opened {
            0 => 0,
            _ => state.lost(due).saturating_sub(behind),
        };
        Followers {
            container: container.to_owned(),
            streams: state.streams,
            connections: state.connections,
            opened: state.opened,
            rotations: state.rotations,
            reopened: state.reopened,
            missed_in_a_row: state.missed_in_a_row,
            reopen_delays_ns: state.delays_ns.clone(),
            waiting_ns: state.rotated_ns.map(|at_ns| nanos_between(at_ns, now_ns)),
            lines_sent: state.sent_before + state.lines.count(),
            lines_lost: state.lost_before + lost,
            lines_repeated: state.repeated,
            lines_behind: behind,
        }
    }

    fn lock(&self) -> MutexGuard<'_, FollowState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos_between(from_ns: i64, to_ns: i64) -> u64 {
    u64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(0)
}

/// A stream or a connection that is open; dropping it counts it off.
#[derive(Debug)]
pub struct FollowedGuard {
    followed: Arc<FollowRecord>,
    which: fn(&mut FollowState) -> &mut u64,
}

impl FollowedGuard {
    fn new(followed: &Arc<FollowRecord>, which: fn(&mut FollowState) -> &mut u64) -> Self {
        *which(&mut followed.lock()) += 1;
        Self {
            followed: Arc::clone(followed),
            which,
        }
    }

    /// Whether it is of this container.
    pub fn is_of(&self, followed: &Arc<FollowRecord>) -> bool {
        Arc::ptr_eq(&self.followed, followed)
    }
}

impl Drop for FollowedGuard {
    fn drop(&mut self) {
        let mut state = self.followed.lock();
        *(self.which)(&mut state) -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn a_stream_that_is_opened_anew_tells_how_long_it_took() {
        let followed = Arc::new(FollowRecord::default());
        followed.rotated(0);
        let first = followed.stream(SECOND);
        assert_eq!(followed.tell("web", 0, SECOND).rotations, 0, "never open");
        followed.rotated(2 * SECOND);
        drop(first);
        assert_eq!(
            followed.tell("web", 0, 5 * SECOND).waiting_ns,
            Some(3_000_000_000)
        );
        let _second = followed.stream(6 * SECOND);
        followed.rotated(7 * SECOND);
        followed.rotated(9 * SECOND);
        let told = followed.tell("web", 0, 9 * SECOND);
        assert_eq!((told.rotations, told.reopened, told.streams), (3, 1, 1));
        assert_eq!(told.reopen_delays_ns, [4_000_000_000]);
        assert_eq!(
            (told.missed_in_a_row, told.waiting_ns),
            (2, Some(2_000_000_000))
        );
    }

    #[test]
    fn lines_between_two_streams_are_lost_and_the_same_ones_again_are_repeated() {
        let followed = Arc::new(FollowRecord::default());
        let stream = followed.stream(0);
        followed.sent(0, 5..10);
        assert_eq!(
            followed.tell("web", 12, 0).lines_behind,
            2,
            "the stream is open"
        );
        drop(stream);
        assert_eq!(followed.tell("web", 12, 0).lines_lost, 2, "nobody follows");
        followed.sent(0, 8..11);
        followed.sent(0, 14..20);
        let told = followed.tell("web", 20, 0);
        assert_eq!(
            (told.lines_sent, told.lines_lost, told.lines_repeated),
            (12, 3, 2)
        );
    }

    #[test]
    fn who_finds_a_replaced_container_late_misses_its_first_lines() {
        let followed = Arc::new(FollowRecord::default());
        let _stream = followed.stream(0);
        followed.sent(0, 5..10);
        followed.next_generation(12);
        followed.sent(1, 3..6);
        followed.sent(0, 10..12);
        let told = followed.tell("web", 6, 0);
        assert_eq!((told.lines_sent, told.lines_lost), (8, 2 + 3));
    }
}
