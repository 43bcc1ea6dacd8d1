//! Which lines of a container were handed to its followers: what was left out, and what came twice.

use std::ops::Range;

/// Line numbers, as ranges in their order that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SentLines {
    ranges: Vec<Range<u64>>,
}

impl SentLines {
    /// Adds lines; says how many of them were there already.
    pub fn add(&mut self, lines: Range<u64>) -> u64 {
        if lines.is_empty() {
            return 0;
        }
        // Nearly always what comes continues the last range.
        let from = self.ranges.partition_point(|one| one.end < lines.start);
        let to = self.ranges.partition_point(|one| one.start <= lines.end);
        let met = &self.ranges[from..to];
        let overlap = |one: &Range<u64>| {
            let common = one.start.max(lines.start)..one.end.min(lines.end);
            common.end.saturating_sub(common.start)
        };
        let again = met.iter().map(overlap).sum();
        let start = met.first().map_or(lines.start, |first| first.start);
        let end = met.last().map_or(lines.end, |last| last.end);
        let merged = start.min(lines.start)..end.max(lines.end);
        self.ranges.splice(from..to, [merged]);
        again
    }

    /// The first; `None` where there is none.
    pub fn first(&self) -> Option<u64> {
        self.ranges.first().map(|first| first.start)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        let lengths = self.ranges.iter().map(|range| range.end - range.start);
        lengths.sum()
    }

    /// How many of these there are.
    pub fn count_within(&self, lines: Range<u64>) -> u64 {
        let within = self.ranges.iter().map(|range| {
            let (start, end) = (range.start.max(lines.start), range.end.min(lines.end));
            end.saturating_sub(start)
        });
        within.sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_are_counted_as_a_set_would_count_them(
            added in prop::collection::vec((0..60_u64, 0..20_u64), 0..30), from in 0..80_u64,
        ) {
            let (mut sent, mut set) = (SentLines::default(), BTreeSet::new());
            for (start, length) in added {
                let again = (start..start + length).filter(|line| !set.insert(*line)).count();
                prop_assert_eq!(sent.add(start..start + length), again as u64);
            }
            prop_assert_eq!(sent.count(), set.len() as u64);
            prop_assert_eq!(sent.first(), set.first().copied());
            let within = set.range(from..from + 10).count();
            prop_assert_eq!(sent.count_within(from..from + 10), within as u64);
            prop_assert!(sent.ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
