//! What a watched process did, from its readings: rates, trends, and a verdict that weighs signs of
//! life before counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use leakcheck_report::model::report::{
    Counts, Delivery, EngineSide, FdsByKind, FollowersSide, Hung, HungPlace, Predicted, Rates,
    Rotations, Runtime, Sample, SiteReport, StreamErrors, Trend, Trends, WiringReport,
};
use leakcheck_report::readings::{Kind, Pause, Reading, Recording, Site, Waiting};
use leakcheck_text::duration::millis;

use super::growth::{self, SIGNIFICANT};
use super::trend::{self, FEWEST_POINTS};
use super::watched_counts::{
    Basis, CountEvidence, Counted, PARTS, WatchedPart, minutes_of, points, rate, series,
    trend_told, typical,
};
use super::watched_life::{Alive, LifeBasis};
use super::watched_verdict::{WatchedEvidence, judge};

/// What the counts were at the start is told by the typical one of so many readings.
const AT_START: usize = 9;
/// In minutes: a few regular rises are a growth that are spread over so long.
const FEW_SUFFICE_AFTER: f64 = 10.0 / 60.0;
/// A report has about so many samples at most.
const MOST_SAMPLES: usize = 240;
/// Into so many parts a rotation is divided to find the moment at which its counts move.
const PHASES: usize = 16;
/// Growth that is told while a watch goes on is worked out from at most about so many parts.
const PARTS_SO_FAR: usize = 200;

/// A process, and what was seen of it.
#[derive(Debug, Clone, Copy)]
pub struct Watch<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What its tasks are called: `tasks` or `goroutines`.
    pub unit: &'a str,
    /// What told its tasks: `pprof`, `console` or `metrics`; `None` where nothing did.
    pub source: Option<&'a str>,
    /// What was seen.
    pub recording: &'a Recording,
    /// Whether it was asked by HTTP, beside what `/proc` tells.
    pub asked: bool,
    /// Whether its metrics were asked for too, which starts goroutines in it.
    pub scraped: bool,
    /// Containers that it follows, where somebody told.
    pub containers: Option<u64>,
    /// Its rotation interval, where somebody told.
    pub rotation: Option<Duration>,
    /// What was read before is not judged.
    pub warm_up: Duration,
    /// What the engine knows of it, where it follows leakcheck's own.
    pub followers: Option<SeenByEngine<'a>>,
}

/// What leakcheck's own engine saw of the process.
#[derive(Debug, Clone, Copy)]
pub struct SeenByEngine<'a> {
    /// What it knows.
    pub side: &'a FollowersSide,
    /// Whether a line that is handed over again at a resume is a fault.
    pub exactly_once: bool,
    /// Until when the process rotated, after the first reading, where it has stopped: what it leaves per
    /// rotation is worked out from what was read until then.
    pub rotated_until: Option<Duration>,
}

impl Watch<'_> {
    /// Weighs what was seen.
    pub fn report(&self) -> WiringReport {
        let stretch = self.stretch();
        let judged = self.without_warm_up(stretch);
        let all_parts = self.parts(judged);
        let rotated = self.until_it_stopped(judged);
        let parts = self.parts(rotated);
        let rows: Vec<&[Reading]> = self.without_pauses(rotated).collect();
        let began = stretch.first().map_or(Duration::ZERO, |first| first.at);
        let basis = self.basis(rotated, &rows, &parts, began);
        let found = Counted::ALL
            .into_iter()
            .filter_map(|counted| CountEvidence::new(counted, &basis));
        let counts: Vec<CountEvidence> = found.collect();
        let of = |counted: Counted| counts.iter().find(|count| count.counted == counted);
        let rate_of = |counted| of(counted).map(|count| count.rate);
        let trend_of = |counted| of(counted).map(|count| count.trend.clone());
        let rates = Rates {
            tasks: rate_of(Counted::Tasks),
            fds: rate_of(Counted::Fds),
        };
        let (first, last) = (
            parts.first().and_then(typical),
            parts.last().and_then(typical),
        );
        let sites = self.sites(first, last, self.rotations_between(&parts));
        let alive = LifeBasis {
            readings: judged,
            parts: &parts,
            containers: self.containers,
            by_rotation: self.rotation.is_some(),
            asked: self.asked,
            scraped: self.scraped,
            pauses: &self.recording.pauses,
        }
        .alive();
        let mut hung = self.hung(alive, parts.len() as u64);
        if let Some(followers) = self.side()
            && hung.r#where.is_empty()
        {
            hung.containers = Some(followers.stopped);
        }
        let trends = Trends {
            tasks: trend_of(Counted::Tasks),
            fds: trend_of(Counted::Fds),
            threads: trend_of(Counted::Threads),
            children: trend_of(Counted::Children),
            zombies: trend_of(Counted::Zombies),
            rss_bytes: self.memory(rotated, &parts, &basis),
            failed_readings: self.recording.failed,
            restarts: self
                .recording
                .readings
                .last()
                .map_or(0, |last| last.restarts),
            paused_ms: millis(self.recording.paused()),
            tasks_are_lower_bound: are_lower_bound(judged),
            replaced: alive.replaced,
            // What comes and goes in a level count has no mechanism.
            mechanism: match of(Counted::Tasks).is_some_and(CountEvidence::is_level) {
                true => None,
                false => mechanism(first, last).map(str::to_owned),
            },
        };
        let covers = self.covers(judged);
        let judgement = judge(&WatchedEvidence {
            unit: self.unit,
            counts: &counts,
            trends: &trends,
            at_start: typical(&part(&stretch[..stretch.len().min(AT_START)])).map(counts_of),
            last: last.map(counts_of),
            ends: stretch
                .first()
                .zip(stretch.last())
                .map(|(a, b)| (counts_of(a), counts_of(b))),
            to_the_end: stretch.last().map(|last| last.at)
                == self.recording.readings.last().map(|last| last.at),
            memory_at_first: judged.first().and_then(|first| first.gauges.rss_bytes),
            readings: judged.len(),
            parts: parts.len(),
            by_rotation: self.rotation.is_some(),
            containers: self.containers,
            rotation: self.rotation,
            alive,
            hung: &hung,
            followers: self.side(),
            exactly_once: self.followers.is_some_and(|seen| seen.exactly_once),
            covers: &covers,
            concurrency: &self.recording.concurrency,
            cut_short: self.recording.cut_short.as_deref(),
        });
        let kinds = |reading: Option<&Reading>| reading.and_then(|one| one.fd_kinds.clone());
        let samples = self.samples(judged, &all_parts);
        let kept = thinned(&samples);
        WiringReport {
            name: self.name.into(),
            summary: "a process that was watched".into(),
            verdict: judgement.verdict,
            reason: judgement.reason,
            answers: Some(judgement.answers),
            source: match covers.contains("tasks") || covers.contains("goroutines") {
                true => self.source.map(str::to_owned),
                false => covers.contains("fds").then(|| "proc".to_owned()),
            },
            covers: covers.into_iter().map(str::to_owned).collect(),
            began_at: judgement.began.and_then(|began| self.time_of(began)),
            cut_short: self.recording.cut_short.clone(),
            rotations: self.rotations(alive, parts.len() as u64),
            baseline: first.map(counts_of),
            r#final: last.map(counts_of),
            after_shutdown: None,
            rates,
            predicted: Predicted::default(),
            go_reference: None,
            sites,
            fds_by_kind: FdsByKind {
                baseline: kinds(first),
                r#final: kinds(last),
            },
            delivery: self
                .side()
                .map_or_else(Delivery::default, |followers| Delivery {
                    emitted: Some(followers.lines_sent + followers.lines_lost),
                    read: Some(followers.lines_sent),
                    lost: Some(followers.lines_lost),
                    duplicated: Some(followers.lines_repeated),
                    redelivered: Some(followers.lines_redelivered),
                }),
            hung,
            containers_ended: None,
            forgotten_readers: Vec::new(),
            stream_errors: StreamErrors::default(),
            fds_exhausted_at_rotation: None,
            runtime: Runtime::default(),
            engine_side: EngineSide {
                followers: self.side().cloned(),
                ..EngineSide::default()
            },
            trends: Some(trends),
            leak_profile: self.recording.leak_profile.clone(),
            hosts: Vec::new(),
            churn: None,
            samples_left_out: (samples.len() - kept.len()) as u64,
            samples: kept,
        }
    }

    /// What the engine knows of it.
    fn side(&self) -> Option<&FollowersSide> {
        self.followers.map(|seen| seen.side)
    }

    fn basis<'b>(
        &self,
        readings: &'b [Reading],
        rows: &'b [&'b [Reading]],
        parts: &'b [WatchedPart<'b>],
        began: Duration,
    ) -> Basis<'b> {
        Basis {
            began,
            readings,
            rows,
            parts,
            rotation: self.rotation,
            containers: self.containers,
            ages: self.recording.ages,
            few_suffice: self.rotation.is_some() || minutes_of(readings) >= FEW_SUFFICE_AFTER,
            keeps_threads: !self.recording.concurrency.is_empty(),
        }
    }

    /// The counts that were read at every reading that is judged.
    fn covers(&self, judged: &[Reading]) -> BTreeSet<&'static str> {
        let tasks = match self.unit {
            "goroutines" => "goroutines",
            _ => "tasks",
        };
        type Count = fn(&Reading) -> Option<u64>;
        let all: [(&str, Count); 6] = [
            (tasks, |reading| reading.tasks),
            ("fds", |reading| reading.fds),
            ("threads", |reading| reading.gauges.threads),
            ("children", |reading| reading.gauges.children),
            ("zombies", |reading| reading.gauges.zombies),
            ("memory", |reading| reading.gauges.rss_bytes),
        ];
        let read = |(_, count): &(&str, Count)| {
            !judged.is_empty() && judged.iter().all(|reading| count(reading).is_some())
        };
        all.into_iter().filter(read).map(|(name, _)| name).collect()
    }

    /// How its resident memory went.
    fn memory(
        &self,
        judged: &[Reading],
        parts: &[WatchedPart<'_>],
        basis: &Basis<'_>,
    ) -> Option<Trend> {
        let memory = |reading: &Reading| reading.gauges.rss_bytes;
        let slope = trend::slope(&points(parts, memory)?)?;
        let growth = growth::judge(&series(judged, memory)?, SIGNIFICANT, basis.few_suffice);
        Some(Trend {
            per_minute: slope.slope.round(),
            ci95_per_minute: slope.ci95.map(f64::round),
            ..trend_told(parts.len(), slope, growth)
        })
    }

    /// When something was that happened so long after the first reading.
    fn time_of(&self, after_first: Duration) -> Option<String> {
        let at: SystemTime = self.recording.started_at?.checked_add(after_first)?;
        Some(jiff::Timestamp::try_from(at).ok()?.to_string())
    }

    fn rotations(&self, alive: Alive, parts: u64) -> Rotations {
        if let Some(followers) = self.side().filter(|followers| followers.rotations > 0) {
            let each = |all: u64| self.containers.map(|containers| all / containers.max(1));
            return Rotations {
                due: each(followers.rotations),
                made: each(followers.reopened),
                missed: Some(followers.rotations - followers.reopened),
                sufficed: None,
            };
        }
        if let Some(own) = self.side().and_then(|followers| followers.own_rotations) {
            return Rotations {
                due: None,
                made: Some(own.made),
                missed: None,
                sufficed: None,
            };
        }
        let due = self.rotation.filter(|_| alive.known).map(|_| parts);
        Rotations {
            due,
            made: (due.zip(self.containers))
                .map(|(due, containers)| (alive.in_parts / containers.max(1)).min(due)),
            missed: None,
            sufficed: None,
        }
    }

    /// The longest stretch without a restart.
    fn stretch(&self) -> &[Reading] {
        let readings = &self.recording.readings[..];
        let stretches = readings.chunk_by(|a, b| a.restarts == b.restarts);
        let length = |stretch: &&[Reading]| match stretch {
            [first, .., last] => last.at - first.at,
            _ => Duration::ZERO,
        };
        stretches.max_by_key(length).unwrap_or_default()
    }

    fn without_warm_up<'a>(&self, stretch: &'a [Reading]) -> &'a [Reading] {
        // What follows somebody else's start has been warmed up by nobody: the same holds for it.
        let from = stretch.first().map_or(Duration::ZERO, |first| first.at) + self.warm_up;
        let warm = stretch.partition_point(|reading| reading.at < from);
        &stretch[warm..]
    }

    /// What was read while it still rotated, where that is enough to see how the counts go.
    fn until_it_stopped<'a>(&self, judged: &'a [Reading]) -> &'a [Reading] {
        let Some(until) = self.followers.and_then(|seen| seen.rotated_until) else {
            return judged;
        };
        let rotated = &judged[..judged.partition_point(|reading| reading.at <= until)];
        match self.parts(rotated).len() {
            0..FEWEST_POINTS => judged,
            _ => rotated,
        }
    }

    fn parts<'a>(&self, judged: &'a [Reading]) -> Vec<WatchedPart<'a>> {
        let Some(rotation) = self.rotation else {
            let size = judged.len().div_ceil(PARTS).max(1);
            // The middle of a pause is no moment at which anything was read.
            let read_on = self.without_pauses(judged);
            return read_on.flat_map(|row| row.chunks(size)).map(part).collect();
        };
        let (Some(first), Some(last)) = (judged.first(), judged.last()) else {
            return Vec::new();
        };
        let tolerance = rotation / PHASES as u32;
        if !self.recording.rotated.is_empty() {
            return self.parts_from_rotations(judged, rotation, tolerance);
        }
        // A rotation's readings are those between two moments at which the counts move.
        let mut start = boundary(judged, rotation);
        while start + tolerance < first.at {
            start += rotation;
        }
        let mut parts = Vec::new();
        while start + rotation <= last.at + tolerance {
            let from = judged.partition_point(|reading| reading.at < start);
            let to = judged.partition_point(|reading| reading.at < start + rotation);
            if from < to {
                parts.push(WatchedPart {
                    at: start + rotation / 2,
                    readings: &judged[from..to],
                });
            }
            start += rotation;
        }
        parts
    }

    /// The parts that begin with the rotations that somebody told of. They are as many intervals apart as
    /// there are rotations between them, also where a rotation was made late.
    fn parts_from_rotations<'a>(
        &self,
        judged: &'a [Reading],
        rotation: Duration,
        tolerance: Duration,
    ) -> Vec<WatchedPart<'a>> {
        let (Some(first), Some(last)) = (judged.first(), judged.last()) else {
            return Vec::new();
        };
        let rotated = &self.recording.rotated;
        let began = rotated.first().copied().unwrap_or_default();
        let part = |(number, from): (usize, &Duration)| {
            let until = *from + rotation;
            if *from + tolerance < first.at || until > last.at + tolerance {
                return None;
            }
            let before = |end: Duration| judged.partition_point(|reading| reading.at < end);
            let readings = &judged[before(*from)..before(until)];
            (!readings.is_empty()).then(|| WatchedPart {
                at: began + rotation * u32::try_from(number).unwrap_or(u32::MAX) + rotation / 2,
                readings,
            })
        };
        rotated.iter().enumerate().filter_map(part).collect()
    }

    /// The rows of readings between which nobody paused the watch.
    fn without_pauses<'a>(&self, readings: &'a [Reading]) -> impl Iterator<Item = &'a [Reading]> {
        let pauses = &self.recording.pauses;
        let read_on = |a: &Reading, b: &Reading| {
            let between = |pause: &Pause| a.at <= pause.from && pause.from < b.at;
            !pauses.iter().any(between)
        };
        readings.chunk_by(read_on)
    }

    /// The rotations from each part to the first, whether or not anything was read in those between.
    fn rotation_of(&self, first: &WatchedPart<'_>, part: &WatchedPart<'_>) -> Option<u64> {
        let rotations = (part.at - first.at).as_secs_f64() / self.rotation?.as_secs_f64();
        Some(rotations.round() as u64)
    }

    /// The rotations from the first part to the last.
    fn rotations_between(&self, parts: &[WatchedPart<'_>]) -> Option<u64> {
        self.rotation_of(parts.first()?, parts.last()?)
    }

    /// The growth so far: what [`Watch::report`] would say, at a cost that does not grow with the square
    /// of the rotations.
    pub fn rates_so_far(&self) -> Rates {
        let judged = self.without_warm_up(self.stretch());
        let parts = self.parts(judged);
        let every = parts.len().div_ceil(PARTS_SO_FAR).max(1);
        let parts: Vec<WatchedPart<'_>> = parts.into_iter().step_by(every).collect();
        let rate_of = |counted: Counted| {
            let points = points(&parts, |reading| counted.of(reading))?;
            Some(rate(&points, self.rotation, self.containers)?.0)
        };
        Rates {
            tasks: rate_of(Counted::Tasks),
            fds: rate_of(Counted::Fds),
        }
    }

    /// Goroutines that got stuck; of those that waited from the first, a group that is at least as
    /// many as there are containers that do not rotate.
    fn hung(&self, alive: Alive, rotations: u64) -> Hung {
        if !self.recording.readings.iter().any(|one| one.goroutines) {
            return Hung::default();
        }
        let still = self
            .containers
            .filter(|_| rotations > 0)
            .map(|containers| containers.saturating_sub(alive.in_parts.div_ceil(rotations)));
        let waits_in_vain = |waiting: &&Waiting<Arc<str>>| match (waiting.from_the_first, still) {
            (false, _) => true,
            (true, Some(still)) => still > 1 && waiting.count >= still,
            (true, None) => false,
        };
        let stuck = self.recording.waiting.iter().filter(waits_in_vain);
        let places: Vec<HungPlace> = stuck
            .map(|stuck| HungPlace {
                place: match &stuck.kind {
                    Kind::Task(site) => format!("{} {}", site.label, stuck.waits),
                    _ => stuck.waits.to_string(),
                },
                containers: stuck.count,
                shortest_ms: millis(stuck.shortest),
                longest_ms: millis(stuck.longest),
            })
            .collect();
        let all: u64 = places.iter().map(|place| place.containers).sum();
        let hung = self
            .containers
            .map_or(all, |containers| all.min(containers));
        Hung {
            // Without a rotation nobody can say for how long a goroutine may wait: it is told, and no more.
            containers: self.rotation.map(|_| hung),
            r#where: places,
        }
    }

    fn sites(
        &self,
        first: Option<&Reading>,
        last: Option<&Reading>,
        rotations: Option<u64>,
    ) -> Vec<SiteReport> {
        let (Some(first), Some(last)) = (first, last) else {
            return Vec::new();
        };
        let divisor = rotations
            .zip(self.containers)
            .map(|(rotations, containers)| (rotations * containers) as f64)
            .filter(|divisor| *divisor > 0.0);
        let mut names: Vec<&Site> = first.sites.keys().chain(last.sites.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let site = |site: &Site| {
            let of = |reading: &Reading| reading.sites.get(site).copied().unwrap_or(0);
            let (baseline, r#final) = (of(first), of(last));
            let leaked = signed(r#final) - signed(baseline);
            let meaning = last.meanings.get(site).or(first.meanings.get(site));
            SiteReport {
                label: site.label.to_string(),
                location: site.location.as_deref().map(str::to_owned),
                package: None,
                baseline,
                r#final,
                leaked,
                per_rotation_per_container: divisor.map(|divisor| leaked as f64 / divisor),
                meaning: meaning.cloned(),
            }
        };
        let mut sites: Vec<SiteReport> = names.into_iter().map(site).collect();
        sites.sort_by(|a, b| b.leaked.cmp(&a.leaked).then(b.r#final.cmp(&a.r#final)));
        sites
    }

    /// One per rotation where that is known, else all.
    fn samples(&self, judged: &[Reading], parts: &[WatchedPart<'_>]) -> Vec<Sample> {
        let sample = |(rotation, reading): (Option<u64>, &Reading)| {
            let mut sites = BTreeMap::new();
            for (site, count) in &reading.sites {
                *sites.entry(site.label.to_string()).or_default() += count;
            }
            Sample {
                rotation,
                t_ms: millis(reading.at),
                tasks: reading.tasks,
                fds: reading.fds,
                gauges: reading.gauges,
                settled: true,
                sites,
                ..Sample::default()
            }
        };
        match self.rotation {
            None => judged
                .iter()
                .map(|reading| sample((None, reading)))
                .collect(),
            Some(_) => parts
                .iter()
                .filter_map(|part| Some((self.rotation_of(parts.first()?, part), typical(part)?)))
                .map(sample)
                .collect(),
        }
    }
}

/// The first sample, the last one, and others at about one distance.
fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let every = samples.len().div_ceil(MOST_SAMPLES).max(1);
    let last = samples.len().saturating_sub(1);
    let is_kept = |(at, _): &(usize, &Sample)| at.is_multiple_of(every) || *at == last;
    let kept = samples.iter().enumerate().filter(is_kept);
    kept.map(|(_, sample)| sample.clone()).collect()
}

/// Which known mechanism goroutines' growth is.
fn mechanism(first: Option<&Reading>, last: Option<&Reading>) -> Option<&'static str> {
    let (first, last) = (first?.roles?, last?.roles?);
    last.since(first).mechanism()
}

fn part(readings: &[Reading]) -> WatchedPart<'_> {
    let (first, last) = (readings.first(), readings.last());
    let at = first
        .zip(last)
        .map(|(first, last)| (first.at + last.at) / 2);
    WatchedPart {
        at: at.unwrap_or_default(),
        readings,
    }
}

/// A moment at which the counts move, as they do once in each rotation.
fn boundary(readings: &[Reading], rotation: Duration) -> Duration {
    let start = readings.first().map_or(Duration::ZERO, |first| first.at);
    let length = rotation.as_secs_f64();
    let mut moved = [0.0; PHASES];
    // Two readings that are far apart, as around a pause, do not tell when the counts moved.
    let near = |pair: &&[Reading]| pair[1].at - pair[0].at <= rotation / 2;
    for pair in readings.windows(2).filter(near) {
        let by = |count: fn(&Reading) -> Option<u64>| match (count(&pair[0]), count(&pair[1])) {
            (Some(before), Some(after)) => (after as f64 - before as f64).abs(),
            _ => 0.0,
        };
        let replaced = pair[1]
            .replaced
            .values()
            .map(|replaced| replaced.new as f64);
        let at = ((pair[0].at + pair[1].at) / 2 - start).as_secs_f64();
        let phase = (at / length).fract() * PHASES as f64;
        moved[(phase as usize).min(PHASES - 1)] +=
            by(|reading| reading.tasks) + by(|reading| reading.fds) + replaced.sum::<f64>();
    }
    let most = (0..PHASES).max_by(|a, b| moved[*a].total_cmp(&moved[*b]).then(b.cmp(a)));
    let share = (most.unwrap_or(0) as f64 + 0.5) / PHASES as f64;
    start + rotation.mul_f64(share)
}

fn counts_of(reading: &Reading) -> Counts {
    Counts {
        tasks: reading.tasks,
        fds: reading.fds,
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whether the counts of tasks are a lower bound: at more than a tenth of the readings, for a console may tell of
/// tasks late for a moment.
fn are_lower_bound(readings: &[Reading]) -> bool {
    let lower = readings
        .iter()
        .filter(|reading| reading.lower_bound)
        .count();
    lower * 10 > readings.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use leakcheck_report::model::report::{Rate, Verdict};
    use leakcheck_report::readings::{Ages, Lives};

    const ROTATION: Duration = Duration::from_secs(1);

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// A process of ten containers whose streams are rotated every second, at 0.45 s, where each leaves
    /// so many tasks; read every 100 ms for so long, except in the pauses.
    fn recording(seconds: u64, left: u64, pauses: &[Pause]) -> Recording {
        let site = Site {
            label: "reader".into(),
            location: None,
        };
        let paused = |at: Duration| {
            let within = |pause: &Pause| pause.from < at && at < pause.from + pause.lasted;
            pauses.iter().any(within)
        };
        let ages = Ages::of(ms(100), ms(seconds * 1000), Some(ROTATION));
        let mut lives: Lives<()> = Lives::new(ages);
        let mut readings: Vec<Reading> = Vec::new();
        for at in (0..=seconds * 10).map(|tenth| ms(tenth * 100)) {
            if paused(at) {
                continue;
            }
            let rotations = (at + ms(550)).as_secs();
            // Twenty stay, ten read the streams until the next rotation, and some are left of each.
            let readers = (0..10).map(|reader| 1000 + 10 * rotations + reader);
            let forgotten = (0..10 * left * rotations).map(|task| 100_000 + task);
            let all = (0..20).chain(readers).chain(forgotten);
            let all: Vec<_> = all
                .map(|task| (task, Kind::Task(site.clone()), None))
                .collect();
            let tasks = all.len() as u64;
            readings.push(Reading {
                at,
                tasks: Some(tasks),
                fds: Some(20),
                sites: [(site.clone(), tasks)].into(),
                replaced: lives.take(at, all),
                ..Reading::default()
            });
        }
        Recording {
            readings,
            ages,
            pauses: pauses.to_vec(),
            ..Recording::default()
        }
    }

    fn pause(from: u64, lasted: u64) -> Pause {
        Pause {
            from: ms(from),
            lasted: ms(lasted),
        }
    }

    fn watch(recording: &Recording, rotation: Option<Duration>) -> Watch<'_> {
        Watch {
            name: "process",
            unit: "tasks",
            source: Some("console"),
            recording,
            asked: false,
            scraped: false,
            containers: rotation.and(Some(10)),
            rotation,
            warm_up: ms(1000),
            followers: None,
        }
    }

    #[test]
    fn rotations_in_a_pause_are_unknown_and_no_rotations_without_growth() {
        for pauses in [
            vec![pause(6_310, 4_150)],
            vec![pause(3_950, 980), pause(9_050, 1_010), pause(12_470, 5_000)],
        ] {
            let recording = recording(20, 2, &pauses);
            let report = watch(&recording, Some(ROTATION)).report();
            assert_eq!(report.verdict, Verdict::Leaking, "{}", report.reason);
            let rate = report.rates.tasks.expect("a rate");
            assert_eq!(rate.per_rotation_per_container, Some(2.0), "{pauses:?}");
            assert_eq!(rate.weakest_rotation, Some(20));
            assert_eq!(report.sites[0].per_rotation_per_container, Some(2.0));
            let grown = |pair: &[Sample]| {
                let rotations = pair[1].rotation.zip(pair[0].rotation);
                let tasks = pair[1].tasks.zip(pair[0].tasks);
                let by = |(after, before): (u64, u64)| after - before;
                assert_eq!(
                    rotations.map(by).map(|rotations| rotations * 20),
                    tasks.map(by)
                );
            };
            report.samples.windows(2).for_each(grown);
            let last = report.samples.last().and_then(|sample| sample.rotation);
            assert!(last > Some(report.samples.len() as u64 - 1), "{last:?}");
            let trends = report.trends.expect("trends");
            assert_eq!(trends.paused_ms, millis(recording.paused()));
        }
    }

    #[test]
    fn a_process_that_leaks_nothing_is_clean_with_pauses_too() {
        let recording = recording(20, 0, &[pause(6_310, 4_150)]);
        let report = watch(&recording, Some(ROTATION)).report();
        assert_eq!(report.verdict, Verdict::Clean, "{}", report.reason);
        assert_eq!(report.rates.tasks.map(Rate::told), Some(0.0));
        assert_eq!(report.rotations.made, report.rotations.due);
    }

    #[test]
    fn a_pause_does_not_tell_when_rotations_are() {
        for from in [5_010, 5_260, 5_510, 5_760] {
            let recording = recording(80, 2, &[pause(from, 60_000)]);
            let phase = boundary(&recording.readings, ROTATION).as_secs_f64();
            assert!((phase - 0.45).abs() < 1.0 / PHASES as f64, "{phase}");
        }
    }

    #[test]
    fn without_a_rotation_a_climb_during_a_pause_is_no_step() {
        let recording = recording(60, 1, &[pause(20_050, 30_000)]);
        let report = watch(&recording, None).report();
        let trends = report.trends.expect("trends");
        let steps = trends.tasks.expect("a trend").steps;
        let largest = steps.iter().map(|step| step.size).fold(0.0, f64::max);
        assert!(largest <= 10.0, "{steps:?}");
        let per_minute = report.rates.tasks.expect("a rate").per_minute;
        assert!((per_minute - 600.0).abs() < 30.0, "{per_minute}");
    }

    #[test]
    fn what_is_told_while_it_goes_on_is_what_the_report_says() {
        for rotation in [Some(ROTATION), None] {
            let recording = recording(20, 2, &[pause(6_310, 4_150)]);
            let watch = watch(&recording, rotation);
            assert_eq!(watch.rates_so_far(), watch.report().rates);
        }
    }
}
