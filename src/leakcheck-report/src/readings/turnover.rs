//! What becomes of the single goroutines, tasks and sockets of a process: replaced by others as
//! streams are rotated, or stuck.
//!
//! A count that stands still says nothing of whether anything moves. Numbers do: a reader of a new
//! stream is another goroutine than that of the one before.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use super::reading::{Ages, Kind, Replaced};

/// Everything of one sort by its number, as it was in the last reading.
#[derive(Debug)]
pub struct Lives<W> {
    seen: HashMap<u64, Life<W>>,
    readings: u64,
    /// When the first reading was taken.
    first: Duration,
    ages: Ages,
}

#[derive(Debug, Clone)]
struct Life<W> {
    kind: Kind,
    /// What it waits for that only another can end, and since when it has at every reading.
    waits: Option<(W, Duration)>,
    /// Whether it was there in the first reading.
    from_the_first: bool,
    /// When it was seen first.
    since: Duration,
    /// When it was seen last, and in which reading.
    seen: Duration,
    reading: u64,
}

impl<W> Life<W> {
    /// Whether it has been there for each of the ages.
    fn has_stayed(&self, now: Duration, ages: Ages) -> [bool; 2] {
        let age = now.saturating_sub(self.since);
        ages.0.map(|least| age >= least)
    }
}

/// Goroutines that were there in the first reading and wait for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting<W> {
    /// Of what.
    pub kind: Kind,
    /// In what.
    pub waits: W,
    /// Whether they did so in the first reading already, as those that wait for the program's end.
    pub from_the_first: bool,
    /// How many.
    pub count: u64,
    /// Since when the one has waited that came last.
    pub shortest: Duration,
    /// Since when the one has waited that came first.
    pub longest: Duration,
}

impl<W: Clone + Eq + Hash + Ord> Lives<W> {
    /// Nothing so far; whatever is as old as one of the ages has stayed.
    pub fn new(ages: Ages) -> Self {
        Self {
            seen: HashMap::new(),
            readings: 0,
            first: Duration::ZERO,
            ages,
        }
    }

    /// The same, of another process.
    pub fn begin_anew(&mut self) {
        *self = Self::new(self.ages);
    }

    /// Takes a reading: everything by its number, its kind, and what it waits for where only another
    /// can end that. Returns what is there, and how much of it is new.
    pub fn take(
        &mut self,
        at: Duration,
        all: impl IntoIterator<Item = (u64, Kind, Option<W>)>,
    ) -> BTreeMap<Kind, Replaced> {
        let first = self.readings == 0;
        if first {
            self.first = at;
        }
        self.readings += 1;
        let mut replaced: BTreeMap<Kind, Replaced> = BTreeMap::new();
        for (number, kind, waits) in all {
            let before = self.seen.get(&number).filter(|life| life.kind == kind);
            let before_was_another = before.is_none();
            let counted = replaced.entry(kind.clone()).or_default();
            counted.live += 1;
            counted.new += u64::from(before.is_none() && !first);
            let since = before
                .and_then(|life| life.waits.as_ref())
                .filter(|(waited, _)| Some(waited) == waits.as_ref())
                .map_or(at, |(_, since)| *since);
            let life = Life {
                from_the_first: before.map_or(first, |life| life.from_the_first),
                waits: waits.map(|waits| (waits, since)),
                since: before.map_or(at, |life| life.since),
                seen: at,
                reading: self.readings,
                kind,
            };
            add(&mut counted.stayed, life.has_stayed(at, self.ages));
            if let Some(other) = self.seen.insert(number, life)
                && before_was_another
            {
                leave(&mut replaced, &other, self.ages);
            }
        }
        let (readings, ages) = (self.readings, self.ages);
        self.seen.retain(|_, life| {
            let is_there = life.reading == readings;
            if !is_there {
                leave(&mut replaced, life, ages);
            }
            is_there
        });
        replaced
    }

    /// Nothing was read for so long: what waited before may have done something else meanwhile, so that
    /// the time does not count as waited.
    pub fn pass_over(&mut self, pause: Duration) {
        let waits = self
            .seen
            .values_mut()
            .filter_map(|life| life.waits.as_mut());
        let first = self.first;
        for (_, since) in waits.filter(|(_, since)| *since > first) {
            *since += pause;
        }
    }

    /// Those from the first reading that wait now and have at every reading for so long.
    pub fn waiting(&self, now: Duration, for_at_least: Duration) -> Vec<Waiting<W>> {
        let mut waiting: BTreeMap<(&Kind, &W, bool), Waiting<W>> = BTreeMap::new();
        for life in self.seen.values().filter(|life| life.from_the_first) {
            let Some((waits, since)) = &life.waits else {
                continue;
            };
            let waited = now.saturating_sub(*since);
            if waited < for_at_least {
                continue;
            }
            let from_the_first = *since <= self.first;
            let key = (&life.kind, waits, from_the_first);
            let group = waiting.entry(key).or_insert_with(|| Waiting {
                kind: life.kind.clone(),
                waits: waits.clone(),
                from_the_first,
                count: 0,
                shortest: waited,
                longest: waited,
            });
            group.count += 1;
            group.shortest = group.shortest.min(waited);
            group.longest = group.longest.max(waited);
        }
        waiting.into_values().collect()
    }

    /// Whether all of these numbers belong to another process than the one that was seen before:
    /// numbers, which only grow, have begun anew.
    pub fn are_of_another_process(&self, numbers: impl Iterator<Item = u64>) -> bool {
        // The runtime's first goroutines have the same numbers in every process, and so may others
        // have that a program starts in the same order each time.
        const RUNTIMES: u64 = 64;
        // Each of Go's processors takes so many numbers at once, and may hand out old ones later.
        const BATCH: usize = 16;
        let highest_seen = self.seen.keys().copied().max().unwrap_or(0);
        let (mut highest, mut left, mut anew) = (0, 0, 0);
        for number in numbers {
            highest = highest.max(number);
            match self.seen.contains_key(&number) {
                true if number > RUNTIMES => left += 1,
                true => {}
                false => anew += 1,
            }
        }
        let fell = highest_seen > RUNTIMES && highest < highest_seen / 2;
        fell && (left == 0 || anew > BATCH)
    }
}

/// One of this kind is gone.
fn leave<W>(replaced: &mut BTreeMap<Kind, Replaced>, life: &Life<W>, ages: Ages) {
    let of_kind = replaced.entry(life.kind.clone()).or_default();
    add(&mut of_kind.left, life.has_stayed(life.seen, ages));
}

fn add(counts: &mut [u64; 2], one: [bool; 2]) {
    for (count, one) in counts.iter_mut().zip(one) {
        *count += u64::from(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Member = (u64, Kind, Option<&'static str>);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn free(number: u64) -> Member {
        (number, Kind::Socket, None)
    }

    fn waiting(number: u64) -> Member {
        (number, Kind::Socket, Some("WaitGroup"))
    }

    #[test]
    fn what_takes_the_place_of_another_is_new() {
        let mut lives = Lives::new(Ages([seconds(2), seconds(5)]));
        let first = lives.take(seconds(0), [free(1), free(2)]);
        assert_eq!(
            (first[&Kind::Socket].live, first[&Kind::Socket].new),
            (2, 0)
        );
        let next = lives.take(seconds(1), [free(1), free(3)]);
        assert_eq!((next[&Kind::Socket].live, next[&Kind::Socket].new), (2, 1));
    }

    #[test]
    fn what_stays_is_told_from_what_comes_and_goes() {
        let mut lives = Lives::new(Ages([seconds(2), seconds(5)]));
        // 1 stays, 2 leaves after three seconds, and every second another comes and goes.
        let mut told = Vec::new();
        for second in 0..7 {
            let others = [free(1), free(10 + second)];
            let two = (second <= 3).then(|| free(2));
            let reading = lives.take(seconds(second), others.into_iter().chain(two));
            told.push((reading[&Kind::Socket].stayed, reading[&Kind::Socket].left));
        }
        let none = [0, 0];
        assert_eq!(told[..2], [(none, none); 2]);
        assert_eq!(told[2..4], [([2, 0], none); 2]);
        assert_eq!(told[4], ([1, 0], [1, 0]));
        assert_eq!(told[5..], [([1, 1], none); 2]);
    }

    #[test]
    fn what_gets_stuck_is_told_from_what_waited_from_the_first() {
        let mut lives = Lives::new(Ages([seconds(2), seconds(5)]));
        // 1 waits from the first, as main does; 2 gets stuck; 3 waits for moments only.
        lives.take(seconds(0), [waiting(1), free(2), free(3)]);
        lives.take(seconds(1), [waiting(1), waiting(2), waiting(3)]);
        lives.take(seconds(2), [waiting(1), waiting(2), free(3)]);
        lives.take(seconds(9), [waiting(1), waiting(2), waiting(3)]);
        let waiting = lives.waiting(seconds(9), seconds(4));
        let told = waiting
            .iter()
            .map(|one| (one.from_the_first, one.count, one.longest));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(false, 1, seconds(8)), (true, 1, seconds(9))]);
    }

    #[test]
    fn a_pause_in_the_readings_counts_as_no_waiting() {
        let mut lives = Lives::new(Ages([seconds(2), seconds(5)]));
        lives.take(seconds(0), [waiting(1), free(2), free(3)]);
        lives.take(seconds(1), [waiting(1), waiting(2), free(3)]);
        lives.take(seconds(5), [waiting(1), waiting(2), waiting(3)]);
        lives.pass_over(seconds(60));
        lives.take(seconds(65), [waiting(1), waiting(2), waiting(3)]);
        lives.take(seconds(66), [waiting(1), waiting(2), waiting(3)]);
        let waiting = lives.waiting(seconds(66), seconds(4));
        let told = waiting.iter().map(|one| (one.count, one.longest));
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(1, seconds(5)), (1, seconds(66))]);
    }

    #[test]
    fn numbers_that_begin_anew_are_of_another_process() {
        let mut lives = Lives::new(Ages([seconds(2), seconds(5)]));
        lives.take(seconds(0), [free(1), free(900), free(901)]);
        assert!(!lives.are_of_another_process([1, 900, 2000].into_iter()));
        assert!(!lives.are_of_another_process([1, 2000].into_iter()));
        assert!(lives.are_of_another_process([1, 70, 80].into_iter()));
        // A program that starts its goroutines in the same order each time has some numbers again.
        lives.take(seconds(1), [free(1), free(70), free(900), free(901)]);
        assert!(!lives.are_of_another_process([1, 70].into_iter()));
        assert!(lives.are_of_another_process([1].into_iter().chain(65..100)));
    }
}
