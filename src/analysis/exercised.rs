//! What a synthetic engine saw of a follower, from what it told before the first rotation that counts
//! and at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use leakcheck_report::model::report::{
    FollowersSide, OwnRotations, ReopenDelay, UnreadAtRotations,
};
use synthetic_engine::followers::{Followers, FollowersTold};

use super::trend;

const NANOS_PER_MS: f64 = 1e6;
/// A pause is told from an end once it is longer than the longest before by this factor, …
const LONGER: f64 = 1.5;
/// … and by so much, which a loaded machine may take.
const LATE: Duration = Duration::from_secs(1);
/// So many times between two streams of a container tell how it rotates by itself, …
const FEWEST_INTERVALS: usize = 3;
/// Intervals that are shorter than this part of the longest one are between streams that are opened together.
const TOGETHER: u64 = 10;
/// … of which so many lie in the time that counts.
const FEWEST_THAT_COUNT: u64 = 2;
/// Who rotates by itself has stopped once it has opened no stream for so many times its longest interval.
const OWN_INTERVALS: u64 = 3;

/// What an engine told of those who follow its containers.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// Before the first rotation that counts.
    pub before: &'a FollowersTold,
    /// At the end.
    pub after: &'a FollowersTold,
    /// Last, while the follower's processes still ran; there where they have ended by themselves: what
    /// has ended holds no stream, and opens none.
    pub while_it_ran: Option<&'a FollowersTold>,
    /// Between the first two.
    pub passed: Duration,
    /// Between two rotations.
    pub interval: Duration,
    /// Whether the engine leaves the rotations to the follower.
    pub rotates_itself: bool,
}

/// How long nobody may follow a container, by the pauses before, and still be about to.
pub fn patience(told: &FollowersTold, interval: Duration) -> Duration {
    let longest = (told.containers.iter().map(|one| one.longest_gap_ns))
        .max()
        .map_or(Duration::ZERO, Duration::from_nanos);
    match longest {
        Duration::ZERO => interval,
        longest => {
            let longer = longest.mul_f64(LONGER);
            longer.max(interval.min(longer + LATE))
        }
    }
}

/// Works out the engine's side.
pub fn followers_side(told: Told<'_>) -> FollowersSide {
    let after = told.after;
    let of = |told: &FollowersTold, count: fn(&Followers) -> u64| -> u64 {
        told.containers.iter().map(count).sum()
    };
    let sum = |count| of(after, count);
    let last = told.last();
    let how_many =
        |is: &dyn Fn(&&Followers) -> bool| last.containers.iter().filter(is).count() as u64;
    let patience = patience(last, told.interval);
    let starved = |one: &&Followers| {
        let absent = one.absent_ns.map(Duration::from_nanos);
        absent.is_some_and(|absent| absent > patience) && !told.has_come_back(one)
    };
    let delays = (after.containers.iter()).flat_map(|one| one.reopen_delays_ns.iter().copied());
    let delays: Vec<f64> = delays.map(|ns| ns as f64 / NANOS_PER_MS).collect();
    let longest = delays.iter().copied().fold(0.0, f64::max);
    let stopped: Vec<&Followers> = (last.containers.iter())
        .filter(|one| told.has_stopped(one))
        .collect();
    let stopped_for_ns = stopped.iter().filter_map(|one| match told.rotates_itself {
        false => one.waiting_ns,
        true => one.since_opened_ns,
    });
    // Nobody asks any more for what came since a container is starved.
    let waiting = |is_starved: bool| -> u64 {
        let lines = (last.containers.iter().zip(&after.containers))
            .filter(|(one, _)| starved(one) == is_starved)
            .map(|(_, one)| one.lines_waiting);
        lines.sum()
    };
    FollowersSide {
        stopped: stopped.len() as u64,
        stopped_for_ms: stopped_for_ns.max().unwrap_or(0) / 1_000_000,
        never_followed: after
            .containers
            .iter()
            .filter(|one| one.opened == 0)
            .count() as u64,
        starved: how_many(&starved),
        streams_baseline: of(told.before, |one| one.streams),
        streams_final: of(last, |one| one.streams),
        followed_twice: how_many(&|one| one.streams > 1),
        most_connections_of_one: (last.containers.iter().map(|one| one.connections).max())
            .unwrap_or(0),
        streams_opened: sum(|one| one.opened),
        rotations: sum(|one| one.rotations),
        reopened: sum(|one| one.reopened),
        reopen_delay_ms: (!delays.is_empty()).then(|| ReopenDelay {
            median: trend::median(delays),
            longest,
        }),
        lines_sent: sum(|one| one.lines_sent),
        lines_lost: sum(|one| one.lines_lost) + waiting(true),
        lines_repeated: sum(|one| one.lines_repeated),
        lines_redelivered: sum(|one| one.lines_redelivered),
        lines_behind: sum(|one| one.lines_behind),
        lines_waiting: waiting(false),
        own_rotations: (told.rotates_itself)
            .then(|| told.own_rotations())
            .flatten(),
        unread_connections: None,
        unread_bytes: None,
        unread_at_rotations: None,
        requests_per_minute: per_minute(&told.before.requests, &after.requests, told.passed),
        unknown_requests: after.unknown.clone(),
    }
}

impl Told<'_> {
    /// What was told last while the follower ran.
    fn last(&self) -> &FollowersTold {
        self.while_it_ran.unwrap_or(self.after)
    }

    /// Whether a stream was opened after that.
    fn has_come_back(&self, one: &Followers) -> bool {
        let opened_more = |after: &Followers| after.opened > one.opened;
        self.while_it_ran.is_some() && of_same(self.after, one).is_some_and(opened_more)
    }

    /// Whether a container is held by an old stream, and no rotation has brought a new one.
    fn has_stopped(&self, one: &Followers) -> bool {
        let stopped = match self.rotates_itself {
            false => misses_rotations(one),
            true => {
                let that_count =
                    |one: &Followers| one.opened.saturating_sub(self.opened_before(one));
                misses_its_own(one) && that_count(one) >= FEWEST_THAT_COUNT
            }
        };
        stopped && !self.has_come_back(one)
    }

    /// How many streams of a container were opened before the first rotation that counts.
    fn opened_before(&self, one: &Followers) -> u64 {
        of_same(self.before, one).map_or(0, |before| before.opened)
    }

    /// How the follower rotates by itself; `None` where it does not open new streams of every container, too few to
    /// tell, or none any more since the first rotation that counts.
    fn own_rotations(&self) -> Option<OwnRotations> {
        let told = self.last();
        // Streams that are opened together, as one of each kind of output, are one rotation.
        let intervals = |one: &Followers| -> Vec<f64> {
            let longest = one.open_intervals_ns.iter().max().copied().unwrap_or(0);
            let apart = one
                .open_intervals_ns
                .iter()
                .filter(|ns| **ns >= longest / TOGETHER);
            apart.map(|ns| *ns as f64 / NANOS_PER_MS).collect()
        };
        let rotates = |one: &Followers| {
            intervals(one).len() >= FEWEST_INTERVALS && one.opened > self.opened_before(one)
        };
        if told.containers.is_empty() || !told.containers.iter().all(rotates) {
            return None;
        }
        let each = || told.containers.iter().map(intervals);
        let made = each().map(|intervals| intervals.len() as f64);
        Some(OwnRotations {
            interval_ms: trend::median(each().map(trend::median)),
            made: trend::median(made) as u64,
        })
    }

    /// How long ago the last stream of any container was opened, where the follower has stopped rotating all
    /// of them by itself; by what was told last while it ran.
    pub fn stopped_since(&self) -> Option<Duration> {
        let last = self.last();
        if !self.rotates_itself || !last.containers.iter().all(|one| self.has_stopped(one)) {
            return None;
        }
        let since = last.containers.iter().filter_map(|one| one.since_opened_ns);
        since.min().map(Duration::from_nanos)
    }
}

/// What was told of the same container.
fn of_same<'a>(told: &'a FollowersTold, one: &Followers) -> Option<&'a Followers> {
    let same = |other: &&Followers| other.container == one.container;
    told.containers.iter().find(same)
}

/// Whether no new stream was opened for several of the follower's own rotations, while an old one is held.
fn misses_its_own(one: &Followers) -> bool {
    let intervals = &one.open_intervals_ns;
    let longest = intervals.iter().max().copied().unwrap_or(0);
    let silent = one.since_opened_ns.unwrap_or(0);
    (one.streams > 0 || one.connections > 0)
        && intervals.len() >= FEWEST_INTERVALS
        && silent > longest.saturating_mul(OWN_INTERVALS)
}

/// What lay unread, from the bytes before each rotation.
pub fn unread_at_rotations(bytes: &[u64]) -> Option<UnreadAtRotations> {
    Some(UnreadAtRotations {
        most_bytes: bytes.iter().copied().max()?,
        median_bytes: trend::median(bytes.iter().map(|bytes| *bytes as f64)),
    })
}

/// Whether two rotations of the engine's, or more, have brought no new stream, while an old one is held.
fn misses_rotations(one: &Followers) -> bool {
    one.streams > 0 && one.missed_in_a_row >= 2
}

fn per_minute(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    passed: Duration,
) -> BTreeMap<String, f64> {
    let minutes = passed.as_secs_f64() / 60.0;
    let rate = |(path, count): (&String, &u64)| {
        let new = count.saturating_sub(before.get(path).copied().unwrap_or(0));
        (new > 0 && minutes > 0.0).then(|| (path.clone(), new as f64 / minutes))
    };
    after.iter().filter_map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followers(streams: u64, delays_ms: &[u64]) -> Followers {
        Followers {
            streams,
            opened: streams + delays_ms.len() as u64,
            rotations: 3,
            reopened: delays_ms.len() as u64,
            missed_in_a_row: 3 - delays_ms.len() as u64,
            reopen_delays_ns: delays_ms.iter().map(|ms| ms * 1_000_000).collect(),
            absent_ns: (streams == 0).then_some(2_000_000_000),
            ..Followers::default()
        }
    }

    #[test]
    fn containers_that_nobody_follows_any_more_are_told_from_those_that_nobody_ever_did() {
        let told = |containers: Vec<Followers>, requests: u64| FollowersTold {
            containers,
            requests: BTreeMap::from([("GET /containers/{id}/logs".into(), requests)]),
            unknown: BTreeMap::new(),
        };
        // A rotation that is not followed by a new stream yet is none that was missed.
        assert!(!misses_rotations(&followers(1, &[5, 5])));
        assert!(misses_rotations(&followers(1, &[5])));
        assert!(!misses_rotations(&followers(0, &[5])), "it is starved");
        let before = told(
            vec![followers(1, &[]), followers(1, &[]), followers(0, &[])],
            3,
        );
        let after = vec![
            followers(2, &[5, 7, 30]),
            followers(0, &[9]),
            Followers {
                absent_ns: None,
                ..followers(0, &[])
            },
        ];
        let after = told(after, 7);
        let side = followers_side(Told {
            before: &before,
            after: &after,
            while_it_ran: None,
            passed: Duration::from_secs(30),
            interval: Duration::from_secs(1),
            rotates_itself: false,
        });
        assert_eq!(
            (side.never_followed, side.starved, side.followed_twice),
            (1, 1, 1)
        );
        assert_eq!((side.rotations, side.reopened), (9, 4));
        let delay = side.reopen_delay_ms.expect("streams were opened anew");
        assert_eq!((delay.median, delay.longest), (8.0, 30.0));
        assert_eq!(side.requests_per_minute["GET /containers/{id}/logs"], 8.0);
    }

    #[test]
    fn a_pause_is_an_end_where_those_before_make_it_implausible() {
        let interval = Duration::from_secs(2);
        let told = |longest_gap_ms: u64| FollowersTold {
            containers: vec![Followers {
                longest_gap_ns: longest_gap_ms * 1_000_000,
                ..Followers::default()
            }],
            ..FollowersTold::default()
        };
        for (longest_ms, patience_ms) in [(0, 2_000), (10, 1_015), (600, 1_900), (1_500, 2_250)] {
            let patience = patience(&told(longest_ms), interval);
            assert_eq!(patience.as_millis(), patience_ms, "{longest_ms}");
        }
    }

    #[test]
    fn who_rotated_by_itself_and_opens_no_more_streams_has_stopped() {
        let rotated = |since_opened_s: u64| Followers {
            streams: 3,
            opened: 4,
            open_intervals_ns: vec![2_000_000_000; 3],
            since_opened_ns: Some(since_opened_s * 1_000_000_000),
            ..Followers::default()
        };
        assert!(!misses_its_own(&rotated(6)));
        assert!(misses_its_own(&rotated(7)));
        let told = |opened: u64| FollowersTold {
            containers: vec![Followers {
                opened,
                ..rotated(7)
            }],
            ..FollowersTold::default()
        };
        // Whether streams were opened in the time that counts, or all of them as it started.
        for (opened_before, stopped) in [(1, true), (4, false)] {
            let (before, after) = (told(opened_before), told(4));
            let told = Told {
                before: &before,
                after: &after,
                while_it_ran: None,
                passed: Duration::from_secs(30),
                interval: Duration::from_secs(2),
                rotates_itself: true,
            };
            assert_eq!(told.has_stopped(&after.containers[0]), stopped);
        }
    }
}
