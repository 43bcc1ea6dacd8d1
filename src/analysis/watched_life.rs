//! Signs of life of a watched process: what takes the place of another, the goroutines that it starts, the CPU
//! time that it spends, and until when it did.
//!
//! A count that stands still is that of a healthy process, and of a dead one. What dies late in a watch has
//! shown life before: what is weighed is how long it has been silent at the end, against how long it was
//! before.

use std::collections::BTreeMap;
use std::time::Duration;

use leakcheck_report::readings::{Kind, Pause, Reading};

use super::watched_counts::WatchedPart;

/// What goroutines are called that serve HTTP requests, to HTTP/1 and to HTTP/2 (up to Go 1.26, and after).
const SERVES_HTTP: [&str; 4] = [
    "net/http.(*conn",
    "net/http.(*Server).Serve",
    "net/http.(*http2serverConn)",
    "net/http/internal/http2.(*serverConn)",
];
/// Silence at the end is none that lasts for at most so many times the longest before …
const LONGER: f64 = 1.25;
/// … of at least so many.
const FEWEST_SIGNS: usize = 3;
/// … nor for a larger share of the time.
const LONGEST_SHARE: f64 = 0.25;
/// Of what a rotation replaces, so much must be replaced in the last ones too.
const OF_A_ROTATION: f64 = 0.8;
/// So many rotations at the end are looked at together, of which the last one's replacements may be yet to come.
const LAST_ROTATIONS: usize = 4;

/// A server's goroutines are mostly gone before anybody sees them: their numbers tell that there were some. Go's
/// processors take 16 numbers at once each: two that are idle have as many to spare …
const NUMBERS_AT_ONCE: u64 = 32;
/// … and leakcheck's own requests take some, each reading.
const NUMBERS_OF_READING: u64 = 3;
/// CPU time that shows life: so much of it …
const CPU_TIME: Duration = Duration::from_millis(50);
/// … and this share of the time that has passed. What waits for something that never comes spends less.
const CPU_SHARE: f64 = 0.01;

/// Signs of life: what was replaced by others, and what else shows that a process works.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Alive {
    /// Whether anything was seen one by one, of which there was one per container.
    pub(super) known: bool,
    /// How many were replaced, of the kind of which most were.
    pub(super) replaced: u64,
    /// The same within the rotations, or stretches, that are judged.
    pub(super) in_parts: u64,
    /// Goroutines that were started, less those that leakcheck's own requests may have; `None` where that is not
    /// known, or no sign.
    pub(super) started: Option<u64>,
    /// The CPU time that was spent; `None` where that is not known, or no sign.
    pub(super) cpu_time: Option<Duration>,
    /// Whether no sign was seen at the end.
    pub(super) silence: Option<Silence>,
    /// Rotations at the end in which less was replaced than in those before: how much, and how much was before.
    pub(super) fewer_at_the_end: Option<(u64, u64)>,
}

/// A time at the end in which nothing was replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Silence {
    /// How long it was.
    pub(super) lasted: Duration,
    /// The longest before that.
    pub(super) longest_before: Duration,
    /// How often something was replaced before.
    pub(super) signs: usize,
}

/// Where signs of life are looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct LifeBasis<'a> {
    pub(super) readings: &'a [Reading],
    pub(super) parts: &'a [WatchedPart<'a>],
    pub(super) containers: Option<u64>,
    pub(super) by_rotation: bool,
    /// Whether leakcheck asks the process by HTTP, which makes it open connections and serve them, however
    /// dead the rest of it is.
    pub(super) asked: bool,
    /// Whether it asks for metrics, which starts goroutines by the dozen.
    pub(super) scraped: bool,
    /// When nothing was read because somebody paused the watch.
    pub(super) pauses: &'a [Pause],
}

impl LifeBasis<'_> {
    /// What was replaced, of what there was one per container in the first reading.
    pub(super) fn alive(&self) -> Alive {
        let least = self.containers.unwrap_or(1);
        let mut kinds: BTreeMap<&Kind, u64> = BTreeMap::new();
        for reading in self.readings {
            for (kind, replaced) in &reading.replaced {
                *kinds.entry(kind).or_default() += replaced.new;
            }
        }
        let live_at_first = |kind: &Kind| {
            let first = self
                .readings
                .first()
                .and_then(|first| first.replaced.get(kind));
            first.map_or(0, |first| first.live)
        };
        kinds.retain(|kind, _| self.shows_life(kind) && live_at_first(kind) >= least);
        let most = kinds.iter().max_by_key(|(_, new)| **new);
        let (kind, replaced) = most.map_or((None, 0), |(kind, new)| (Some(*kind), *new));
        let work = Work::of(self);
        if kind.is_none() && work.is_unknown() {
            return Alive::default();
        }
        let new = |reading: &Reading| {
            let of_kind = kind.and_then(|kind| reading.replaced.get(kind));
            of_kind.map_or(0, |of_kind| of_kind.new)
        };
        let of_part = |part: &WatchedPart<'_>| part.readings.iter().map(new).sum::<u64>();
        let in_parts: Vec<u64> = self.parts.iter().map(of_part).collect();
        let is_sign = |reading: &Reading| {
            let mut kinds = kinds.keys().filter_map(|kind| reading.replaced.get(kind));
            kinds.any(|of_kind| of_kind.new > 0)
        };
        let replaced_at = self.readings.iter().filter(|reading| is_sign(reading));
        let mut signs: Vec<Duration> = replaced_at.map(|reading| reading.at).collect();
        signs.extend(&work.signs);
        signs.sort_unstable();
        signs.dedup();
        Alive {
            known: true,
            started: work.started,
            cpu_time: work.cpu_time,
            replaced,
            in_parts: in_parts.iter().sum(),
            silence: silence(self.readings, &signs, self.pauses),
            fewer_at_the_end: match (self.by_rotation, self.containers) {
                (true, Some(_)) => fewer_at_the_end(&in_parts),
                _ => None,
            },
        }
    }

    fn shows_life(&self, kind: &Kind) -> bool {
        match kind {
            Kind::Task(site) => !(SERVES_HTTP.iter()).any(|server| site.label.starts_with(server)),
            Kind::Socket | Kind::Descriptor => !self.asked,
            // To serve a request a thread may be started.
            Kind::Thread => !self.asked,
            Kind::Child => true,
        }
    }
}

/// What a process does that leaves nothing to be seen: how much of it, and when.
#[derive(Debug, Default)]
struct Work {
    started: Option<u64>,
    cpu_time: Option<Duration>,
    signs: Vec<Duration>,
}

impl Work {
    /// Of a process whose streams are to be rotated nothing else shows life than that they are.
    fn of(basis: &LifeBasis<'_>) -> Self {
        let mut work = Self::default();
        if basis.by_rotation && basis.containers.is_some() {
            return work;
        }
        if !basis.scraped {
            work.started = work.count_goroutines(basis.readings);
        }
        // To be asked takes time, too.
        if !basis.asked {
            work.cpu_time = work.count_cpu_time(basis.readings);
        }
        work
    }

    fn is_unknown(&self) -> bool {
        self.started.is_none() && self.cpu_time.is_none()
    }

    fn count_goroutines(&mut self, readings: &[Reading]) -> Option<u64> {
        let number = |reading: &Reading| reading.highest_goroutine;
        let (mut since, mut own) = (number(readings.first()?)?, 0);
        let (mut started, mut signs) = (0, Vec::new());
        for reading in &readings[1..] {
            let number = number(reading)?;
            own += NUMBERS_OF_READING;
            let by = number.saturating_sub(since);
            if by >= NUMBERS_AT_ONCE + own {
                signs.push(reading.at);
                started += by - own;
                (since, own) = (number, 0);
            }
        }
        self.signs.extend(signs);
        Some(started)
    }

    fn count_cpu_time(&mut self, readings: &[Reading]) -> Option<Duration> {
        let first = readings.first()?;
        let (mut since, mut spent) = (first.at, first.cpu_time?);
        let (before, mut signs) = (spent, Vec::new());
        for reading in &readings[1..] {
            let now = reading.cpu_time?;
            let enough = CPU_TIME.max((reading.at - since).mul_f64(CPU_SHARE));
            if now.saturating_sub(spent) >= enough {
                signs.push(reading.at);
                (since, spent) = (reading.at, now);
            }
        }
        self.signs.extend(signs);
        Some(readings.last()?.cpu_time?.saturating_sub(before))
    }
}

/// Whether the end is more silent than any time before, by when signs of life were seen. In a pause nobody could
/// see any.
fn silence(readings: &[Reading], shown: &[Duration], pauses: &[Pause]) -> Option<Silence> {
    let (first, last) = (readings.first()?.at, readings.last()?.at);
    let paused_before = |at: Duration| -> Duration {
        let earlier = pauses.iter().filter(|pause| pause.from < at);
        earlier.map(|pause| pause.lasted).sum()
    };
    let seen = |from: Duration, to: Duration| {
        let paused = paused_before(to).saturating_sub(paused_before(from));
        to.saturating_sub(from).saturating_sub(paused)
    };
    let mut before = first;
    let mut longest_before = Duration::ZERO;
    for at in shown {
        longest_before = longest_before.max(seen(before, *at));
        before = *at;
    }
    let silence = Silence {
        lasted: seen(before, last),
        longest_before,
        signs: shown.len(),
    };
    // Readings come a little early or late.
    let all = seen(first, last);
    let every = all / u32::try_from(readings.len()).unwrap_or(u32::MAX).max(1);
    let usual = longest_before.mul_f64(LONGER) + every / 2;
    let too_long = silence.lasted > usual || silence.lasted > all.mul_f64(LONGEST_SHARE);
    (silence.signs < FEWEST_SIGNS || too_long).then_some(silence)
}

/// How much was replaced in the last rotations, and how much typically was in as many before, where that is
/// less.
fn fewer_at_the_end(in_parts: &[u64]) -> Option<(u64, u64)> {
    let mut in_a_row: Vec<u64> = (in_parts.windows(LAST_ROTATIONS))
        .map(|row| row.iter().sum())
        .collect();
    let last = in_a_row.pop()?;
    in_a_row.sort_unstable();
    let usual = in_a_row.get(in_a_row.len() / 2).copied()?;
    let yet_to_come = usual / LAST_ROTATIONS as u64;
    let at_most = (last + yet_to_come) as f64;
    (at_most < OF_A_ROTATION * usual as f64).then_some((last, usual))
}

#[cfg(test)]
mod tests {
    use leakcheck_report::readings::Replaced;

    use super::*;

    /// A socket is replaced at each of these tenths of a second, of ten seconds that are read in tenths.
    fn readings(replaced_at: impl Fn(u64) -> bool) -> Vec<Reading> {
        let reading = |tenth: u64| Reading {
            at: Duration::from_millis(tenth * 100),
            replaced: BTreeMap::from([(
                Kind::Socket,
                Replaced {
                    live: 1,
                    new: u64::from(replaced_at(tenth)),
                    ..Replaced::default()
                },
            )]),
            ..Reading::default()
        };
        (0..=100).map(reading).collect()
    }

    fn alive(readings: &[Reading]) -> Alive {
        LifeBasis {
            readings,
            parts: &[],
            containers: None,
            by_rotation: false,
            asked: false,
            scraped: false,
            pauses: &[],
        }
        .alive()
    }

    #[test]
    fn what_falls_silent_before_the_end_is_told_whenever_it_does() {
        for frozen_from in [5, 20, 60, 80, 90] {
            let dead = readings(|tenth| tenth % 5 == 4 && tenth <= frozen_from);
            assert!(
                alive(&dead).silence.is_some(),
                "frozen from {frozen_from} on"
            );
        }
        let lively = readings(|tenth| tenth % 5 == 4);
        assert_eq!(alive(&lively).silence, None);
    }

    #[test]
    fn half_of_the_streams_that_stop_late_are_missed() {
        assert_eq!(fewer_at_the_end(&[20; 12]), None);
        // One rotation's replacements may fall into the next.
        assert_eq!(fewer_at_the_end(&[20, 20, 20, 18, 22, 20, 20]), None);
        assert_eq!(fewer_at_the_end(&[20, 20, 20, 20, 20, 40, 20, 0]), None);
        let stopped = [20, 20, 20, 20, 20, 20, 10, 10, 10, 10];
        assert_eq!(fewer_at_the_end(&stopped), Some((40, 80)));
    }
}
