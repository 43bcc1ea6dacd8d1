//! The counts of a watched process one by one: how each went, and whether what makes up its growth stays.

use std::collections::BTreeSet;
use std::time::Duration;

use leakcheck_report::model::report::{self, Rate, Trend};
use leakcheck_report::readings::{Ages, Kind, Reading};
use leakcheck_text::duration::millis;

use super::growth::{
    self, Course, Growth, LEAST_GROWTH, Rise, SIGNIFICANT, SIGNIFICANT_OF_ONE_OF_MANY,
};
use super::trend::{self, Point, Slope};

/// In seconds.
const MINUTE: f64 = 60.0;
/// Where a count grows as a whole, members explain it that grow as clearly as this …
const SIGNIFICANT_OF_EXPLANATION: f64 = 0.05;
/// … and by this share of it.
const EXPLAINED_SHARE: f64 = 0.3;
/// Members stay where at most this share of a growth has left meanwhile.
const LEFT_SHARE: f64 = 0.1;
/// Members are judged that could be seen to stay for this share of the time.
const SEEN_SHARE: f64 = 0.5;
/// A longer series is worked out from medians of about so many equal parts.
pub(super) const PARTS: usize = 30;

/// What is counted of a process, and judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Tasks,
    Fds,
    Threads,
    Children,
    Zombies,
}

impl Counted {
    pub(super) const ALL: [Self; 5] = [
        Self::Tasks,
        Self::Fds,
        Self::Threads,
        Self::Children,
        Self::Zombies,
    ];

    pub(super) fn of(self, reading: &Reading) -> Option<u64> {
        match self {
            Self::Tasks => reading.tasks,
            Self::Fds => reading.fds,
            Self::Threads => reading.gauges.threads,
            Self::Children => reading.gauges.children,
            Self::Zombies => reading.gauges.zombies,
        }
    }

    /// What it is called, of a process whose tasks are called so.
    pub(super) fn unit(self, tasks: &str) -> &str {
        match self {
            Self::Tasks => tasks,
            Self::Fds => "fds",
            Self::Threads => "threads",
            Self::Children => "children",
            Self::Zombies => "zombies",
        }
    }

    /// Whether things of a kind are among its members.
    fn includes(self, kind: &Kind) -> bool {
        match self {
            Self::Tasks => matches!(kind, Kind::Task(_)),
            Self::Fds => matches!(kind, Kind::Socket | Kind::Descriptor),
            Self::Threads => *kind == Kind::Thread,
            Self::Children => *kind == Kind::Child,
            Self::Zombies => false,
        }
    }
}

/// Readings that are judged together: those of a rotation, or of a stretch of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct WatchedPart<'a> {
    /// The time of its middle.
    pub(super) at: Duration,
    pub(super) readings: &'a [Reading],
}

/// What the counts of a process are worked out from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Basis<'a> {
    /// When the process was read first, or first after it was started anew: from then on its members' ages
    /// are known.
    pub(super) began: Duration,
    /// All readings that are judged.
    pub(super) readings: &'a [Reading],
    /// The rows of them between which nobody paused the watch.
    pub(super) rows: &'a [&'a [Reading]],
    /// By rotation, or in about equal parts.
    pub(super) parts: &'a [WatchedPart<'a>],
    pub(super) rotation: Option<Duration>,
    pub(super) containers: Option<u64>,
    pub(super) ages: Ages,
    /// Whether a few regular rises are a growth: of rotations, or of a time that is long enough. In a few seconds
    /// any process may start some things one after the other.
    pub(super) few_suffice: bool,
    /// Whether the program has a unit of concurrency of its own, beside threads: its runtime then keeps the
    /// threads that a burst has needed.
    pub(super) keeps_threads: bool,
}

/// A count, and how it went. Times are in minutes since the first reading.
#[derive(Debug, Clone)]
pub(super) struct CountEvidence {
    pub(super) counted: Counted,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) rate: Rate,
    pub(super) trend: Trend,
    pub(super) growth: Growth,
    /// Growth of one kind whose members stay, or of all together.
    pub(super) staying: Option<Rise>,
    /// Whether members could be told apart.
    pub(super) has_members: bool,
    /// Whether of the kinds that grew as many members left as the growth is large.
    pub(super) turns_over: bool,
    /// Bounds of the growth over the whole time, from all readings and from the members that stay, the best
    /// first.
    pub(super) bounds: Vec<Bound>,
    /// How long all of this lasted, in minutes, and when it ended.
    pub(super) minutes: f64,
    pub(super) ends: f64,
}

/// What growth cannot be excluded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bound {
    /// The upper end of the 95 % interval: over the whole time, or per rotation of one container where these
    /// are known.
    pub(super) most: f64,
    /// Half the width of that interval.
    pub(super) width: f64,
    /// By how much the count ended above all that it was before.
    pub(super) ends_above: f64,
    /// How often it rose, where it never fell.
    pub(super) rises: Option<usize>,
    /// Whether it shows no growth at all.
    pub(super) level: bool,
}

impl CountEvidence {
    /// Works a count out; `None` where it was not read at every reading, or too seldom.
    pub(super) fn new(counted: Counted, basis: &Basis<'_>) -> Option<Self> {
        let by_part = points(basis.parts, |reading| counted.of(reading))?;
        let (rate, slope) = rate(&by_part, basis.rotation, basis.containers)?;
        let all = series(basis.readings, |reading| counted.of(reading))?;
        let growth = judge_both(&by_part, &all, counted, basis);
        let members = Members::new(counted, growth, basis);
        let staying = members.as_ref().and_then(Members::staying);
        let mut bounds = vec![bound(&by_part, &all, growth, basis)?];
        bounds.extend(members.iter().flat_map(|members| members.bounds()));
        let mut steps = Vec::new();
        // Where nothing was read a climb cannot be told from a step.
        for row in basis.rows {
            let row = series(row, |reading| counted.of(reading))?;
            steps.extend(
                trend::steps(&row)
                    .into_iter()
                    .map(|(at, size)| report::Step { t_ms: ms(at), size }),
            );
        }
        let of = |reading: Option<&Reading>| reading.and_then(|reading| counted.of(reading));
        let typical = |part: Option<&WatchedPart<'_>>| of(part.and_then(typical));
        let grew = rise_of(growth.course).or(staying);
        Some(Self {
            counted,
            first: typical(basis.parts.first())?,
            last: typical(basis.parts.last())?,
            rate,
            trend: Trend {
                rise: grew.map(rise_told),
                members_stay: (grew.is_some() && members.is_some()).then_some(staying.is_some()),
                steps,
                ..trend_told(by_part.len(), slope, growth)
            },
            growth,
            staying,
            has_members: members.is_some(),
            turns_over: members.is_some_and(|members| members.turn_over),
            bounds,
            minutes: minutes_of(basis.readings),
            ends: basis.readings.last().map_or(0.0, |last| minutes(last.at)),
        })
    }

    /// The rise that is a leak, where there is one: the count grows until the end, and where its members can
    /// be told apart, what makes up the growth stays.
    pub(super) fn leak(&self) -> Option<Rise> {
        match self.growth.course {
            Course::Growing(rise) if !self.has_members || self.staying.is_some() => Some(rise),
            _ => self.staying,
        }
    }

    /// Whether it shows no growth, of all or of what stays.
    pub(super) fn is_level(&self) -> bool {
        self.growth.course == Course::Level && self.staying.is_none()
    }

    /// Whether all of a growth came in one step.
    pub(super) fn only_step(&self) -> Option<report::Step> {
        let up: Vec<report::Step> = (self.trend.steps.iter().copied())
            .filter(|step| step.size > 0.0)
            .collect();
        match up[..] {
            [step] if step.size >= 0.7 * (self.last as f64 - self.first as f64).abs() => Some(step),
            _ => None,
        }
    }
}

/// What stays of the members of a count.
#[derive(Debug)]
struct Members {
    ages: Vec<OfAge>,
    turn_over: bool,
}

/// The members that have stayed for one of the ages.
#[derive(Debug)]
struct OfAge {
    staying: Option<Rise>,
    bound: Option<Bound>,
}

impl Members {
    /// `None` where members cannot be told apart, or nobody could see for long enough whether they stay.
    fn new(counted: Counted, growth: Growth, basis: &Basis<'_>) -> Option<Self> {
        let mut kinds: BTreeSet<&Kind> = BTreeSet::new();
        for reading in basis.readings {
            kinds.extend(
                reading
                    .replaced
                    .keys()
                    .filter(|kind| counted.includes(kind)),
            );
        }
        if kinds.is_empty() {
            return None;
        }
        let whole = match growth.course {
            Course::Growing(rise) => Some(rise),
            _ => None,
        };
        let of_age = |at: usize| OfAge::new(counted, whole, &kinds, at, basis);
        let ages: Vec<OfAge> = (0..basis.ages.0.len()).filter_map(of_age).collect();
        (!ages.is_empty()).then(|| Self {
            ages,
            turn_over: whole.is_some_and(|whole| turn_over(&kinds, whole, basis)),
        })
    }

    fn staying(&self) -> Option<Rise> {
        self.ages.iter().find_map(|age| age.staying)
    }

    fn bounds(&self) -> impl Iterator<Item = Bound> {
        self.ages.iter().filter_map(|age| age.bound)
    }
}

impl OfAge {
    fn new(
        counted: Counted,
        whole: Option<Rise>,
        kinds: &BTreeSet<&Kind>,
        age: usize,
        basis: &Basis<'_>,
    ) -> Option<Self> {
        let (first, last) = (basis.readings.first()?, basis.readings.last()?);
        // Before, the members of the first reading are of unknown age.
        let since = basis.began + basis.ages.0[age];
        let from = basis.readings.partition_point(|reading| reading.at < since);
        let readings = &basis.readings[from..];
        let seen = last.at.saturating_sub(readings.first()?.at);
        if seen < (last.at - first.at).mul_f64(SEEN_SHARE) {
            return None;
        }
        let stayed = |reading: &Reading, kind: &Kind| {
            let of_kind = reading.replaced.get(kind);
            of_kind.map_or((0, 0), |of_kind| (of_kind.stayed[age], of_kind.left[age]))
        };
        let of_kind = |kind: &Kind| {
            let series = readings
                .iter()
                .map(|reading| (reading.at, stayed(reading, kind)));
            let explains = |whole: Rise| {
                let part = staying(series.clone(), SIGNIFICANT_OF_EXPLANATION, basis)?;
                (part.by >= EXPLAINED_SHARE * whole.by).then_some(part)
            };
            whole
                .and_then(explains)
                .or_else(|| staying(series.clone(), SIGNIFICANT_OF_ONE_OF_MANY, basis))
        };
        let all = |reading: &Reading| {
            let counts = kinds.iter().map(|kind| stayed(reading, kind));
            counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
        };
        let series = readings.iter().map(|reading| (reading.at, all(reading)));
        let together = || staying(series.clone(), SIGNIFICANT, basis);
        let of_one = || kinds.iter().find_map(|kind| of_kind(kind));
        let found = match counted_is_kept(counted, basis) {
            true => None,
            false => together().or_else(of_one),
        };
        let points: Vec<Point> = series
            .clone()
            .map(|(at, (stayed, _))| (minutes(at), stayed as f64))
            .collect();
        let parts = smooth(&points);
        let growth = growth::judge(&points, SIGNIFICANT, basis.few_suffice);
        Some(Self {
            staying: found,
            bound: bound(&parts, &points, growth, basis),
        })
    }
}

/// Whether of the kinds that grew since then as many members left as the growth is large.
fn turn_over(kinds: &BTreeSet<&Kind>, whole: Rise, basis: &Basis<'_>) -> bool {
    let since = basis
        .readings
        .partition_point(|reading| minutes(reading.at) < whole.from);
    let readings = &basis.readings[since..];
    let live = |reading: &Reading, kind: &Kind| {
        reading.replaced.get(kind).map_or(0, |of_kind| of_kind.live)
    };
    let grew = kinds.iter().filter(|kind| match readings {
        [first, .., last] => live(last, kind) > live(first, kind),
        _ => false,
    });
    let came: u64 = (grew.clone())
        .flat_map(|kind| {
            readings
                .iter()
                .filter_map(|reading| reading.replaced.get(*kind))
        })
        .map(|of_kind| of_kind.new)
        .sum();
    came as f64 >= 2.0 * whole.by
}

/// The rise of members that stay, of how many have stayed at each time and how many of these have left.
fn staying(
    series: impl Iterator<Item = (Duration, (u64, u64))> + Clone,
    significant: f64,
    basis: &Basis<'_>,
) -> Option<Rise> {
    let points: Vec<Point> = (series.clone())
        .map(|(at, (stayed, _))| (minutes(at), stayed as f64))
        .collect();
    let (first, last) = (points.first()?, points.last()?);
    if last.1 - first.1 < LEAST_GROWTH {
        return None;
    }
    let Course::Growing(rise) = growth::judge(&points, significant, basis.few_suffice).course
    else {
        return None;
    };
    let since = series.filter(|(at, _)| minutes(*at) >= rise.from);
    let left: u64 = since.map(|(_, (_, left))| left).sum();
    (left as f64 <= LEFT_SHARE * rise.by).then_some(rise)
}

/// Whether a runtime keeps what a burst of work has needed.
fn counted_is_kept(counted: Counted, basis: &Basis<'_>) -> bool {
    counted == Counted::Threads && basis.keeps_threads
}

/// How a count went, by its parts or by all readings, whichever shows more.
fn judge_both(by_part: &[Point], all: &[Point], counted: Counted, basis: &Basis<'_>) -> Growth {
    let of_all = growth::judge(all, SIGNIFICANT, basis.few_suffice);
    if counted_is_kept(counted, basis) {
        // Its records come ever more seldom: what is regular by chance is no growth.
        return Growth {
            course: match of_all.course {
                Course::Growing(rise) => Course::Unclear(rise),
                course => course,
            },
            ..of_all
        };
    }
    if basis.rotation.is_none() {
        return of_all;
    }
    let of_parts = growth::judge(by_part, SIGNIFICANT, basis.few_suffice);
    match (of_all.course, of_parts.course) {
        (_, Course::Growing(_)) => of_parts,
        (Course::Growing(_), _) => of_all,
        (_, Course::Level | Course::Unknown) => of_all,
        _ => of_parts,
    }
}

fn bound(by_part: &[Point], all: &[Point], growth: Growth, basis: &Basis<'_>) -> Option<Bound> {
    let found = trend::slope(by_part)?;
    let scale = match (basis.rotation, basis.containers) {
        (Some(rotation), Some(containers)) => minutes(rotation) / containers as f64,
        _ => minutes_of(basis.readings),
    };
    let [low, high] = found.ci95.map(|end| end * scale);
    Some(Bound {
        most: high,
        width: (high - low) / 2.0,
        ends_above: growth::end_above_all_before(all),
        rises: growth::rises_without_fall(all),
        level: growth.course == Course::Level,
    })
}

/// The growth of a count that is so large at these minutes.
pub(super) fn rate(
    points: &[Point],
    rotation: Option<Duration>,
    containers: Option<u64>,
) -> Option<(Rate, Slope)> {
    let found = trend::slope(points)?;
    let Slope { slope, ci95, .. } = found;
    let rotation = rotation.map(minutes);
    let per_rotation = rotation.map(|rotation| exact(slope * rotation));
    let containers = containers.map(|containers| containers as f64);
    // Of rotations in which nothing was read nobody knows by how much each grew.
    let neighbours = |pair: &&[Point]| {
        let apart = pair[1].0 - pair[0].0;
        rotation.is_some_and(|rotation| apart < 1.5 * rotation)
    };
    let moves =
        (points.windows(2).filter(neighbours)).map(|pair| (pair[1].1 - pair[0].1).floor() as i64);
    let rate = Rate {
        per_rotation_per_container: per_rotation
            .zip(containers)
            .map(|(all, containers)| all / containers),
        per_rotation,
        per_minute: exact(slope),
        weakest_rotation: moves.min(),
        ci95: rotation
            .zip(containers)
            .map(|(rotation, containers)| ci95.map(|end| exact(end * rotation) / containers)),
    };
    Some((rate, found))
}

/// What a count typically was in each part, by the minute; `None` where that is not known of all.
pub(super) fn points(
    parts: &[WatchedPart<'_>],
    count: impl Fn(&Reading) -> Option<u64>,
) -> Option<Vec<Point>> {
    let point = |part: &WatchedPart<'_>| {
        let counts: Option<Vec<f64>> = (part.readings.iter())
            .map(|reading| count(reading).map(|count| count as f64))
            .collect();
        Some((minutes(part.at), trend::median(counts?)))
    };
    parts.iter().map(point).collect()
}

/// A count at each reading, by the minute; `None` where that is not known of all.
pub(super) fn series(
    readings: &[Reading],
    count: impl Fn(&Reading) -> Option<u64>,
) -> Option<Vec<Point>> {
    let point = |reading: &Reading| Some((minutes(reading.at), count(reading)? as f64));
    readings.iter().map(point).collect()
}

/// Medians of equal parts, where there are more points than that.
fn smooth(points: &[Point]) -> Vec<Point> {
    match points.len() > PARTS {
        true => growth::parts(points, PARTS, growth::of_median),
        false => points.to_vec(),
    }
}

/// The reading of a part that is nearest to the medians of its counts.
pub(super) fn typical<'a>(part: &WatchedPart<'a>) -> Option<&'a Reading> {
    let medians = [Counted::Tasks, Counted::Fds].map(|counted| {
        let counts = part
            .readings
            .iter()
            .filter_map(|reading| counted.of(reading));
        (counted, trend::median(counts.map(|count| count as f64)))
    });
    let off = |reading: &&Reading| {
        let off = |(counted, median): &(Counted, f64)| {
            counted
                .of(reading)
                .map_or(0.0, |count| (count as f64 - median).abs())
        };
        medians.iter().map(off).sum::<f64>()
    };
    (part.readings.iter()).min_by(|a, b| off(a).total_cmp(&off(b)))
}

/// How a count went, as a report tells it, of which nothing is known but its slope and its growth.
pub(super) fn trend_told(points: usize, slope: Slope, growth: Growth) -> Trend {
    Trend {
        points: points as u64,
        per_minute: exact(slope.slope),
        ci95_per_minute: slope.ci95.map(exact),
        mann_kendall_p: slope.p,
        p: Some(growth.p),
        course: course_told(growth.course),
        rise: rise_of(growth.course).map(rise_told),
        ..Trend::default()
    }
}

fn rise_told(rise: Rise) -> report::Rise {
    report::Rise {
        from_ms: ms(rise.from),
        until_ms: ms(rise.until),
        by: rise.by,
    }
}

fn rise_of(course: Course) -> Option<Rise> {
    match course {
        Course::Growing(rise) | Course::Ended(rise) | Course::Unclear(rise) => Some(rise),
        Course::Unknown | Course::Level => None,
    }
}

fn course_told(course: Course) -> Option<report::Course> {
    match course {
        Course::Unknown => None,
        Course::Level => Some(report::Course::Level),
        Course::Growing(_) => Some(report::Course::Growing),
        Course::Ended(_) => Some(report::Course::Ended),
        Course::Unclear(_) => Some(report::Course::Unclear),
    }
}

pub(super) fn minutes_of(readings: &[Reading]) -> f64 {
    match readings {
        [first, .., last] => minutes(last.at - first.at),
        _ => 0.0,
    }
}

pub(super) fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / MINUTE
}

/// So many minutes as a time.
pub(super) fn time(minutes: f64) -> Duration {
    Duration::from_secs_f64((minutes * MINUTE).max(0.0))
}

fn ms(minutes: f64) -> u64 {
    millis(time(minutes))
}

/// Minutes are no round number of rotations: what is none is not made by them.
fn exact(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}
