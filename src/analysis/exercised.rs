//! What a synthetic engine saw of a follower, from what it told before the first rotation that counts
//! and at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use leakcheck_report::model::report::{FollowersSide, ReopenDelay, UnreadAtRotations};
use synthetic_engine::followers::{Followers, FollowersTold};

use super::trend;

const NANOS_PER_MS: f64 = 1e6;

/// Works out the engine's side; `passed` is the time between the two.
pub fn followers_side(
    before: &FollowersTold,
    after: &FollowersTold,
    passed: Duration,
) -> FollowersSide {
    let of = |told: &FollowersTold, count: fn(&Followers) -> u64| -> u64 {
        told.containers.iter().map(count).sum()
    };
    let sum = |count| of(after, count);
    let how_many = |is: fn(&&Followers) -> bool| after.containers.iter().filter(is).count() as u64;
    let delays = (after.containers.iter()).flat_map(|one| one.reopen_delays_ns.iter().copied());
    let delays: Vec<f64> = delays.map(|ns| ns as f64 / NANOS_PER_MS).collect();
    let longest = delays.iter().copied().fold(0.0, f64::max);
    let stopped = (after.containers.iter()).filter(|one| has_stopped(one));
    let stopped_for_ns = stopped.filter_map(|one| one.waiting_ns).max().unwrap_or(0);
    FollowersSide {
        stopped: how_many(|one| has_stopped(one)),
        stopped_for_ms: stopped_for_ns / 1_000_000,
        never_followed: how_many(|one| one.opened == 0),
        starved: how_many(|one| one.opened > 0 && one.streams == 0),
        streams_baseline: of(before, |one| one.streams),
        streams_final: sum(|one| one.streams),
        followed_twice: how_many(|one| one.streams > 1),
        most_connections_of_one: (after.containers.iter().map(|one| one.connections).max())
            .unwrap_or(0),
        streams_opened: sum(|one| one.opened),
        rotations: sum(|one| one.rotations),
        reopened: sum(|one| one.reopened),
        reopen_delay_ms: (!delays.is_empty()).then(|| ReopenDelay {
            median: trend::median(delays),
            longest,
        }),
        lines_sent: sum(|one| one.lines_sent),
        lines_lost: sum(|one| one.lines_lost),
        lines_repeated: sum(|one| one.lines_repeated),
        lines_behind: sum(|one| one.lines_behind),
        unread_connections: None,
        unread_bytes: None,
        unread_at_rotations: None,
        requests_per_minute: per_minute(&before.requests, &after.requests, passed),
        unknown_requests: after.unknown.clone(),
    }
}

/// What lay unread, from the bytes before each rotation.
pub fn unread_at_rotations(bytes: &[u64]) -> Option<UnreadAtRotations> {
    Some(UnreadAtRotations {
        most_bytes: bytes.iter().copied().max()?,
        median_bytes: trend::median(bytes.iter().map(|bytes| *bytes as f64)),
    })
}

/// Whether a container is held by an old stream, and no rotation has brought a new one for two of them.
fn has_stopped(one: &Followers) -> bool {
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
        assert!(!has_stopped(&followers(1, &[5, 5])));
        assert!(has_stopped(&followers(1, &[5])));
        assert!(!has_stopped(&followers(0, &[5])), "it is starved");
        let before = told(
            vec![followers(1, &[]), followers(1, &[]), followers(0, &[])],
            3,
        );
        let after = vec![
            followers(2, &[5, 7, 30]),
            followers(0, &[9]),
            followers(0, &[]),
        ];
        let side = followers_side(&before, &told(after, 7), Duration::from_secs(30));
        assert_eq!(
            (side.never_followed, side.starved, side.followed_twice),
            (1, 1, 1)
        );
        assert_eq!((side.rotations, side.reopened), (9, 4));
        let delay = side.reopen_delay_ms.expect("streams were opened anew");
        assert_eq!((delay.median, delay.longest), (8.0, 30.0));
        assert_eq!(side.requests_per_minute["GET /containers/{id}/logs"], 8.0);
    }
}
