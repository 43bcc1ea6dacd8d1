//! What several workers measured of one wiring, a shard of the containers each, as if one had.

use std::collections::BTreeMap;

use leakcheck_report::model::process_gauges::ProcessGauges;
use leakcheck_report::model::report::{Counts, EngineCounts, Runtime, Sample, StreamErrors};
use log_monitor::{DeliveryTotals, HungAt, Replacements};

use crate::protocol::{LiveCounts, WorkerResult};

/// The live counts of all shards; the rotation is the one that the last of them is at.
pub fn glances(shards: &[LiveCounts]) -> LiveCounts {
    let sum = |of: fn(&LiveCounts) -> u64| shards.iter().map(of).sum();
    LiveCounts {
        followed: sum(|glance| glance.followed),
        rotation: least(shards, |glance| Some(glance.rotation)).unwrap_or(0),
        tasks: sum(|glance| glance.tasks),
        fds: total(shards, |glance| glance.fds),
        behind: sum(|glance| glance.behind),
        lines_read: sum(|glance| glance.lines_read),
    }
}

/// The readings of all shards after the same rotation: what was counted is added up, and what took time
/// took as long as where it took longest. What one of them does not know is unknown.
pub fn samples(shards: &[Sample]) -> Sample {
    let sum = |of: fn(&Sample) -> Option<u64>| total(shards, of);
    Sample {
        rotation: least(shards, |sample| sample.rotation),
        t_ms: shards.iter().map(|sample| sample.t_ms).max().unwrap_or(0),
        tasks: sum(|sample| sample.tasks),
        fds: sum(|sample| sample.fds),
        gauges: (shards.iter().map(|sample| sample.gauges))
            .reduce(ProcessGauges::plus)
            .unwrap_or_default(),
        settle_ms: all(shards, |sample| sample.settle_ms).and_then(|all| all.into_iter().max()),
        settled: shards.iter().all(|sample| sample.settled),
        streams_opened: sum(|sample| sample.streams_opened),
        rotations_made: sum(|sample| sample.rotations_made),
        behind: sum(|sample| sample.behind),
        lines_read: sum(|sample| sample.lines_read),
        lines_missing: sum(|sample| sample.lines_missing),
        sites: added(shards.iter().map(|sample| &sample.sites)),
        engine: all(shards, |sample| sample.engine.clone()).map(|engines| engine_counts(&engines)),
        held_ms: shards
            .iter()
            .map(|sample| sample.held_ms)
            .max()
            .unwrap_or(0),
        moved: sum(|sample| Some(sample.moved)).unwrap_or(0),
    }
}

/// The counts of engines that serve a shard each.
pub fn engine_counts(shards: &[EngineCounts]) -> EngineCounts {
    EngineCounts {
        connections: total(shards, |counts| counts.connections),
        goroutines: total(shards, |counts| counts.goroutines),
        fds: total(shards, |counts| counts.fds),
        rss_bytes: total(shards, |counts| counts.rss_bytes),
        faults: added(shards.iter().map(|counts| &counts.faults)),
    }
}

/// What all shards found, in the order of their containers.
pub fn findings(shards: Vec<WorkerResult>) -> WorkerResult {
    let sum = |of: fn(&WorkerResult) -> u64| shards.iter().map(of).sum();
    let runtimes: Vec<Runtime> = shards.iter().map(|finding| finding.runtime).collect();
    let after_shutdown = all(&shards, |finding| finding.after_shutdown);
    let mut errors = shards.iter().map(|finding| &finding.stream_errors);
    WorkerResult {
        rotations_due: least(&shards, |finding| Some(finding.rotations_due)).unwrap_or(0),
        rotations_made: least(&shards, |finding| Some(finding.rotations_made)).unwrap_or(0),
        rotations_missed: sum(|finding| finding.rotations_missed),
        hung: hung(&shards),
        containers_ended: sum(|finding| finding.containers_ended),
        containers_without_room: sum(|finding| finding.containers_without_room),
        replacements: Replacements {
            replaced: sum(|finding| finding.replacements.replaced),
            rotations_excused: sum(|finding| finding.replacements.rotations_excused),
        },
        forgotten_readers: added(shards.iter().map(|finding| &finding.forgotten_readers)),
        delivery: all(&shards, |finding| finding.delivery).map(|totals| delivery(&totals)),
        fds_baseline: all(&shards, |finding| finding.fds_baseline.as_ref()).map(added),
        fds_final: all(&shards, |finding| finding.fds_final.as_ref()).map(added),
        after_shutdown: after_shutdown.map(|counts| Counts {
            tasks: total(&counts, |counts| counts.tasks),
            fds: total(&counts, |counts| counts.fds),
        }),
        stream_errors: StreamErrors {
            count: total(&shards, |finding| finding.stream_errors.count),
            example: errors.find_map(|errors| errors.example.clone()),
        },
        runtime: Runtime {
            // Each has as many threads, and was there as long.
            busy_ratio: all(&runtimes, |runtime| runtime.busy_ratio)
                .map(|busy| busy.iter().sum::<f64>() / busy.len() as f64),
            polls: total(&runtimes, |runtime| runtime.polls),
        },
        delivered: shards
            .into_iter()
            .flat_map(|finding| finding.delivered)
            .collect(),
    }
}

/// The containers that stand at the same place in any shard.
fn hung(shards: &[WorkerResult]) -> Vec<HungAt> {
    let mut places: Vec<HungAt> = Vec::new();
    for hung in shards.iter().flat_map(|finding| &finding.hung) {
        match places.iter_mut().find(|place| place.place == hung.place) {
            Some(place) => {
                place.containers += hung.containers;
                place.shortest = place.shortest.min(hung.shortest);
                place.longest = place.longest.max(hung.longest);
            }
            None => places.push(hung.clone()),
        }
    }
    places
}

fn delivery(shards: &[DeliveryTotals]) -> DeliveryTotals {
    let sum = |of: fn(&DeliveryTotals) -> u64| shards.iter().map(of).sum();
    DeliveryTotals {
        emitted: total(shards, |totals| totals.emitted),
        read: sum(|totals| totals.read),
        lost: total(shards, |totals| totals.lost),
        duplicated: sum(|totals| totals.duplicated),
    }
}

/// What every shard tells; `None` where one does not.
fn all<'a, S, T>(shards: &'a [S], of: impl FnMut(&'a S) -> Option<T>) -> Option<Vec<T>> {
    shards.iter().map(of).collect()
}

/// The sum of what every shard tells; `None` where one does not.
fn total<S>(shards: &[S], of: impl Fn(&S) -> Option<u64>) -> Option<u64> {
    all(shards, of)?.into_iter().reduce(u64::saturating_add)
}

/// The least of what the shards tell.
fn least<S>(shards: &[S], of: impl Fn(&S) -> Option<u64>) -> Option<u64> {
    all(shards, of)?.into_iter().min()
}

/// Counts by what was counted, added up.
pub fn added<'a, K: Ord + Clone + 'a>(
    shards: impl IntoIterator<Item = &'a BTreeMap<K, u64>>,
) -> BTreeMap<K, u64> {
    let mut sums: BTreeMap<K, u64> = BTreeMap::new();
    for (name, count) in shards.into_iter().flatten() {
        match sums.get_mut(name) {
            Some(sum) => *sum = sum.saturating_add(*count),
            None => {
                sums.insert(name.clone(), *count);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counts_are_added_and_the_slowest_shard_says_when() {
        let sample = |tasks, settle_ms, settled| Sample {
            rotation: Some(3),
            t_ms: settle_ms * 10,
            tasks: Some(tasks),
            fds: Some(9),
            settle_ms: Some(settle_ms),
            settled,
            sites: BTreeMap::from([("reader".into(), tasks), (format!("only {tasks}"), 1)]),
            ..Sample::default()
        };
        let all = samples(&[sample(4, 70, true), sample(6, 20, false)]);
        assert_eq!(
            (all.rotation, all.t_ms, all.settle_ms),
            (Some(3), 700, Some(70))
        );
        assert_eq!(
            (all.tasks, all.fds, all.settled),
            (Some(10), Some(18), false)
        );
        let sites = [("only 4", 1), ("only 6", 1), ("reader", 10)];
        assert_eq!(
            all.sites,
            sites.map(|(site, tasks)| (site.to_owned(), tasks)).into()
        );
    }

    #[test]
    fn what_one_shard_does_not_know_nobody_knows() {
        let known = Sample {
            tasks: Some(4),
            fds: Some(9),
            settle_ms: Some(7),
            ..Sample::default()
        };
        let unknown = Sample {
            tasks: Some(4),
            ..Sample::default()
        };
        let all = samples(&[known, unknown]);
        assert_eq!((all.tasks, all.fds, all.settle_ms), (Some(8), None, None));
        let told = |delivery| WorkerResult {
            delivery,
            ..WorkerResult::default()
        };
        let findings = findings(vec![told(Some(DeliveryTotals::default())), told(None)]);
        assert_eq!(findings.delivery, None);
    }

    #[test]
    fn containers_that_hang_at_one_place_are_told_together() {
        let at = |place: &str, containers, seconds| WorkerResult {
            rotations_due: 5,
            rotations_made: seconds,
            hung: vec![HungAt {
                place: place.into(),
                containers,
                shortest: Duration::from_secs(seconds),
                longest: Duration::from_secs(seconds),
            }],
            ..WorkerResult::default()
        };
        let all = findings(vec![
            at("a read", 2, 4),
            at("a send", 1, 3),
            at("a read", 5, 2),
        ]);
        assert_eq!((all.rotations_due, all.rotations_made), (5, 2));
        let reads = &all.hung[0];
        assert_eq!((all.hung.len(), reads.containers), (2, 7));
        let times = [reads.shortest, reads.longest].map(|time| time.as_secs());
        assert_eq!(times, [2, 4]);
    }
}
