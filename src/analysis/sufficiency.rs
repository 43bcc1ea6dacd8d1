//! When the evidence suffices for a verdict, so that a run need not go on: `--until verdict`.
//!
//! # The number of rotations
//! What is to be told apart is a count that grows in every rotation and one that merely fluctuates.
//! Of k readings that any order is as likely for as any other, 1/k! are in strictly rising order. The
//! baseline and [`ENOUGH`] rotations are six readings of each of two counts: a false alarm in at most
//! 2/6! = 1/360 of those runs that fluctuate at all. With one rotation less it would be 1/60, more than
//! 400 runs without a false alarm leave room for (3/400, by the rule of three).
//! `scripts/false-alarms --until-verdict` counts them.
//!
//! A leak that does not show in every rotation cannot rise in each, and the first that shows ends the
//! row at the baseline: such a run goes on to its last rotation. One that begins only after that row is
//! not seen; for it there are more rotations.

use leakcheck_report::model::report::{Counts, Sample};

/// So many rotations in a row that all show the same suffice.
pub const ENOUGH: u64 = 5;

/// What the samples so far come to, in constant memory.
#[derive(Debug, Default)]
pub struct Sufficiency {
    /// Whether the containers end and start again.
    restarts: bool,
    baseline: Option<RotationCounts>,
    last: Option<RotationCounts>,
    /// Rotations that count: those that nobody held up, and in which no container was moved.
    rotations: u64,
    /// In how many of them each count grew.
    tasks_grew: u64,
    fds_grew: u64,
    /// The last rotations in a row that were back at the baseline, everything delivering.
    back: u64,
    /// The last rotations in a row that some container did not make.
    behind: u64,
}

/// What is compared of a sample.
#[derive(Debug, Clone, Copy)]
struct RotationCounts {
    counts: Counts,
    settled: bool,
    lines_read: Option<u64>,
    /// Streams that were opened beyond one for each rotation.
    streams_beside_rotations: Option<u64>,
}

impl Sufficiency {
    /// Nothing seen yet of a run whose containers end and start again, or run on.
    pub fn of_run(restarts: bool) -> Self {
        Self {
            restarts,
            ..Self::default()
        }
    }

    /// Takes the next sample in, the baseline first.
    pub fn weigh(&mut self, sample: &Sample) {
        let reading = RotationCounts {
            counts: sample.counts(),
            settled: sample.settled,
            lines_read: sample.lines_read,
            streams_beside_rotations: sample
                .streams_opened
                .zip(sample.rotations_made)
                .map(|(opened, made)| opened.saturating_sub(made)),
        };
        let last = self.last.replace(reading);
        let baseline = *self.baseline.get_or_insert(reading);
        // What was held up lasted longer than the others, and what leaks by time leaked more in it; where a
        // scheduler moves containers, their tasks go and come.
        let (Some(last), 0, 0) = (last, sample.held_ms, sample.moved) else {
            return;
        };
        self.rotations += 1;
        self.tasks_grew += u64::from(last.counts.tasks < reading.counts.tasks);
        self.fds_grew += u64::from(last.counts.fds < reading.counts.fds);
        self.behind = match sample.behind {
            Some(1..) => self.behind + 1,
            _ => 0,
        };
        let back = baseline.settled
            && reading.settled
            && reading.counts == baseline.counts
            // Streams that deliver nothing are not known to be alive.
            && reading.lines_read > baseline.lines_read
            && self.behind == 0
            // Containers that are to start again must have: until then it is unproven that it bears it.
            && (!self.restarts
                || reading.streams_beside_rotations > baseline.streams_beside_rotations);
        self.back = if back { self.back + 1 } else { 0 };
    }

    /// Whether more rotations would only say the same again.
    pub fn is_reached(&self) -> bool {
        let grew_in_each = [self.tasks_grew, self.fds_grew].contains(&self.rotations);
        (self.rotations >= ENOUGH && grew_in_each) || self.back >= ENOUGH || self.behind >= ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run whose tasks are given came to after each of its samples.
    fn reached(tasks: &[u64], change: impl Fn(usize, &mut Sample)) -> Vec<bool> {
        let mut sufficiency = Sufficiency::of_run(false);
        let sample = |(rotation, &tasks): (usize, &u64)| {
            let mut sample = Sample {
                tasks: Some(tasks),
                fds: Some(9),
                settled: true,
                behind: Some(0),
                lines_read: Some(rotation as u64 * 10),
                ..Sample::default()
            };
            change(rotation, &mut sample);
            sufficiency.weigh(&sample);
            sufficiency.is_reached()
        };
        tasks.iter().enumerate().map(sample).collect()
    }

    /// After how many rotations the evidence sufficed.
    fn needed(tasks: &[u64], change: impl Fn(usize, &mut Sample)) -> Option<usize> {
        reached(tasks, change).iter().position(|reached| *reached)
    }

    #[test]
    fn five_rotations_that_all_show_the_same_suffice() {
        assert_eq!(needed(&[4; 9], |_, _| ()), Some(5));
        assert_eq!(needed(&[4, 5, 7, 8, 10, 11, 12], |_, _| ()), Some(5));
        assert_eq!(needed(&[4; 5], |_, _| ()), None);
    }

    #[test]
    fn a_rotation_that_shows_something_else_goes_on_with_the_run() {
        // A leak in every second rotation.
        assert_eq!(needed(&[4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9], |_, _| ()), None);
        // Once off the baseline, and back.
        assert_eq!(needed(&[4, 5, 4, 4, 4, 4, 4, 4], |_, _| ()), Some(6));
        let held_up = |rotation, sample: &mut Sample| sample.held_ms = u64::from(rotation == 3);
        assert_eq!(needed(&[4; 9], held_up), Some(6));
        assert_eq!(needed(&[4, 5, 6, 6, 7, 8, 9, 10], held_up), Some(6));
        let moved =
            |rotation, sample: &mut Sample| sample.moved = u64::from([3, 4].contains(&rotation));
        assert_eq!(needed(&[4, 5, 6, 9, 7, 8, 9, 10], moved), Some(7));
    }

    #[test]
    fn nothing_is_proven_by_streams_that_deliver_nothing() {
        assert_eq!(
            needed(&[4; 20], |_, sample| sample.lines_read = Some(0)),
            None
        );
        assert_eq!(needed(&[4; 20], |_, sample| sample.settled = false), None);
    }

    #[test]
    fn a_container_that_makes_no_rotation_is_seen_after_five() {
        assert_eq!(
            needed(&[4; 9], |_, sample| sample.behind = Some(1)),
            Some(5)
        );
    }

    #[test]
    fn containers_that_are_to_start_again_must_have() {
        let mut sufficiency = Sufficiency::of_run(true);
        let mut weigh = |streams_opened| {
            sufficiency.weigh(&Sample {
                tasks: Some(4),
                settled: true,
                lines_read: Some(streams_opened),
                streams_opened: Some(streams_opened),
                rotations_made: Some(streams_opened.min(12)),
                ..Sample::default()
            });
            sufficiency.is_reached()
        };
        assert!((0..12).all(|opened| !weigh(opened)));
        // From here on each has a stream more than rotations.
        assert!((13..17).all(|opened| !weigh(opened)));
        assert!(weigh(17));
    }
}
