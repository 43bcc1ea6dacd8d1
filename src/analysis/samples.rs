//! The samples of a wiring: what they come to, added up as they come, and as many as a report tells.
//!
//! Every sample counts, and few are kept: a run of a hundred thousand rotations would otherwise take a
//! gigabyte of memory, and each rewriting of its report longer than the one before.

use leakcheck_report::model::report::Sample;
use leakcheck_test::growth::signed_difference;

use super::rates::Growths;

/// No more samples are kept than this: some MB of a report.
const MOST: usize = 4096;

/// A run of no more rotations than this keeps all of its samples.
pub const MOST_ROTATIONS: u64 = MOST as u64 - 1;

/// The samples so far, the baseline first.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// The baseline, others at one distance, and the last one.
    kept: Vec<Sample>,
    /// How many are left out between two at that distance.
    skipped: u64,
    taken: u64,
    /// How many tell a rate: all but the one of the rotation in which file descriptors ran out, which
    /// shows what a monitor could no longer do.
    counted: u64,
    /// What grew in rotations that nobody held up and in which no container was moved, and in the others.
    undisturbed: CountedGrowth,
    disturbed: CountedGrowth,
    rotations_with_growth: u64,
    /// The last sample in which no container was moved, where later ones have taken its place as the last.
    unmoved_before: Option<Sample>,
    made_by_all: Option<u64>,
}

/// By how much the counts grew in each of some rotations; `None` where one was not known.
#[derive(Debug, Clone)]
struct CountedGrowth {
    rotations: u64,
    tasks: Option<Growths>,
    fds: Option<Growths>,
}

impl Default for CountedGrowth {
    fn default() -> Self {
        Self {
            rotations: 0,
            tasks: Some(Growths::default()),
            fds: Some(Growths::default()),
        }
    }
}

impl CountedGrowth {
    fn add(&mut self, before: &Sample, after: &Sample) {
        let with = |growths: Option<Growths>, before: Option<u64>, after: Option<u64>| {
            Some(growths?.with(signed_difference(before?, after?)))
        };
        self.rotations += 1;
        self.tasks = with(self.tasks, before.tasks, after.tasks);
        self.fds = with(self.fds, before.fds, after.fds);
    }
}

impl Samples {
    /// Takes the next sample in, and whether it tells a rate.
    pub fn add(&mut self, sample: Sample, tells_rate: bool) {
        if let Some(last) = self.kept.last() {
            let grew = sample.tasks > last.tasks || sample.fds > last.fds;
            self.rotations_with_growth += u64::from(grew);
            if tells_rate {
                match (sample.held_ms, sample.moved) {
                    (0, 0) => self.undisturbed.add(last, &sample),
                    _ => self.disturbed.add(last, &sample),
                }
            }
        }
        if sample.behind == Some(0) {
            self.made_by_all = sample.rotation;
        }
        self.counted += u64::from(tells_rate);
        if sample.moved > 0
            && let Some(last) = self.kept.last().filter(|last| last.moved == 0)
        {
            self.unmoved_before = Some(last.clone());
        }
        self.make_room();
        self.taken += 1;
        self.kept.push(sample);
    }

    /// Drops the last sample, where it was kept for being the last alone, and every second one where there
    /// are too many.
    fn make_room(&mut self) {
        let every = self.skipped + 1;
        if self.kept.len() > 1 && !(self.taken - 1).is_multiple_of(every) {
            self.kept.pop();
        }
        if self.kept.len() >= MOST {
            let mut number = 0;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.skipped = 2 * every - 1;
        }
    }

    /// Those that are kept.
    pub fn kept(&self) -> &[Sample] {
        &self.kept
    }

    /// How many are not.
    pub fn left_out(&self) -> u64 {
        self.taken - self.kept.len() as u64
    }

    /// The baseline.
    pub fn first(&self) -> Option<&Sample> {
        self.kept.first()
    }

    /// The last one.
    pub fn last(&self) -> Option<&Sample> {
        self.kept.last()
    }

    /// The last one in which no container was moved: where some were, their tasks may be missing.
    pub fn last_unmoved(&self) -> Option<&Sample> {
        let last = self.kept.last().filter(|last| last.moved == 0);
        last.or(self.unmoved_before.as_ref())
    }

    /// Rotations that were sampled.
    pub fn rotations(&self) -> u64 {
        self.taken.saturating_sub(1)
    }

    /// Rotations whose sample tells a rate.
    pub fn counted_rotations(&self) -> u64 {
        self.counted.saturating_sub(1)
    }

    /// Rotations in which any count grew.
    pub fn rotations_with_growth(&self) -> u64 {
        self.rotations_with_growth
    }

    /// The last rotation that every container made, by the samples.
    pub fn made_by_all(&self) -> Option<u64> {
        self.made_by_all
    }

    /// By how much the tasks grew in each rotation that tells a rate, and the file descriptors; `None` where
    /// it is not known.
    ///
    /// A rotation that was held up lasted longer than the others, and what leaks by time, as health
    /// checks do, leaked more in it; and where a scheduler moves containers, their tasks go and come: such
    /// a rotation counts only where there is no other.
    pub fn growths(&self) -> (Option<Growths>, Option<Growths>) {
        let of = self.rated();
        (of.tasks, of.fds)
    }

    /// Rotations that nobody held up and in which no container was moved.
    pub fn undisturbed_rotations(&self) -> u64 {
        self.undisturbed.rotations
    }

    /// How many rotations [`Samples::growths`] are of.
    pub fn rated_rotations(&self) -> u64 {
        self.rated().rotations
    }

    fn rated(&self) -> &CountedGrowth {
        match self.undisturbed.rotations {
            0 => &self.disturbed,
            _ => &self.undisturbed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(samples: u64) -> Samples {
        let mut all = Samples::default();
        for rotation in 0..samples {
            let sample = Sample {
                rotation: Some(rotation),
                tasks: Some(rotation * rotation),
                fds: Some(7),
                ..Sample::default()
            };
            all.add(sample, true);
        }
        all
    }

    #[test]
    fn a_run_of_few_rotations_keeps_every_sample() {
        for samples in [0, 1, 2, 13, MOST as u64] {
            let all = taken(samples);
            assert_eq!((all.kept().len() as u64, all.left_out()), (samples, 0));
        }
    }

    #[test]
    fn of_many_some_at_one_distance_are_kept_beside_the_last() {
        for samples in [MOST as u64 + 1, 10_000, 10_001, 123_456] {
            let all = taken(samples);
            let kept: Vec<u64> = (all.kept().iter().filter_map(|one| one.rotation)).collect();
            assert!((MOST / 2..=MOST).contains(&kept.len()), "{}", kept.len());
            assert_eq!((kept[0], kept.last()), (0, Some(&(samples - 1))));
            let distance = kept[1];
            let (_, at_one_distance) = kept.split_last().expect("some");
            let even = |pair: &[u64]| pair[1] - pair[0] == distance;
            assert!(at_one_distance.windows(2).all(even), "{kept:?}");
            assert_eq!(all.left_out(), samples - kept.len() as u64);
        }
    }

    #[test]
    fn what_is_worked_out_is_of_all_of_them() {
        let all = taken(50_000);
        let (tasks, fds) = all.growths();
        let expected: Growths = (1..50_000).map(|rotation| 2 * rotation - 1).collect();
        assert_eq!(tasks, Some(expected));
        assert_eq!(fds, Some((1..50_000).map(|_| 0).collect()));
        assert_eq!(all.rotations_with_growth(), 49_999);
        assert_eq!(all.counted_rotations(), 49_999);
    }
}
