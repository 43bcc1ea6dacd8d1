//! Whether a count that other work moves up and down grows for good.
//!
//! # The test
//! Neighbouring readings of a busy process depend on each other: connections that are open now mostly were
//! a moment ago. A test that takes readings for independent, as Mann and Kendall's does, finds trends in such
//! a series that are none. What is tested here are the moves between neighbours instead. Of a series without
//! drift, however much it depends on its past, each move is as likely to go up as down, and where it returns
//! to a level the moves cancel out all the more. The sum of the moves is held against the sums that the same
//! moves give with random signs (Fisher's randomization test): of few all of them, of many by the normal
//! distribution with the variance Σd². A saw tooth's one fall weighs as much as the climb before it, one step
//! is one move, and a long quiet time before a late start takes nothing away.
//!
//! It is done at several scales, since what depends on its past over some readings does not over many: of all
//! readings, and of the medians, means and least counts of 32, 16 and 10 equal parts. The least counts show
//! the floor of a saw tooth.
//!
//! A count that only ever rises, at regular times, needs fewer moves: see [`rises_regularly`].
//!
//! # What it is that grew
//! A growth that is significant may be over: a pool that has been filled, a ramp that has become level. It goes
//! on where the time since the count came near its last level is short against the time in which it grew, and
//! where a parabola through it still climbs at its end.

use super::trend::{Point, erfc, median};

/// A growth is one where chance makes it less often than this, by any scale's one-sided probability.
/// `scripts/verdicts` shows what comes of it: at most 1 % of false alarms in each shape.
pub const SIGNIFICANT: f64 = 0.001;
/// So many times each place of a process is asked for its own growth, so that each must be clearer.
pub const SIGNIFICANT_OF_ONE_OF_MANY: f64 = 0.0003;
/// Fewer than this is what any process does.
pub const LEAST_GROWTH: f64 = 3.0;
/// Fewer readings tell nothing.
const FEWEST_POINTS: usize = 4;
/// Numbers of equal parts, the finest first; each has at least two readings.
const SCALES: [usize; 3] = [32, 16, 10];
/// Of so few moves all signs are tried.
const MOST_TRIED: usize = 14;
/// So many regular rises and no fall are a growth.
const REGULAR_RISES: usize = 4;
/// The course of a growth is taken from so many parts.
const PARTS_OF_COURSE: usize = 20;
/// A growth begins where this share of it is passed for the last time, and ends where it lacks as much.
const MARGIN: f64 = 0.1;
/// A growth has ended that has been level for this share of the time in which it grew.
const LEVEL_SHARE: f64 = 0.35;
/// A growth goes on whose slope at its end is at least this share of its mean slope.
const END_SHARE: f64 = 0.3;
/// A parabola needs so many readings.
const FEWEST_OF_PARABOLA: usize = 8;
/// A growth that has lasted for less of the time says too little.
const SHORTEST_SHARE: f64 = 0.1;

/// A rise of a count; times are in the unit of the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rise {
    /// When it began.
    pub from: f64,
    /// When the count came near its last level.
    pub until: f64,
    /// How large it is.
    pub by: f64,
}

/// How a count went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// There are too few readings.
    Unknown,
    /// It shows no growth.
    Level,
    /// It grows, and did so until the end.
    Growing(Rise),
    /// It grew, and has been level since.
    Ended(Rise),
    /// It grew, and whether it goes on cannot be told: too recent, or slower and slower.
    Unclear(Rise),
}

/// How a count went, and how often chance makes such a rise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Growth {
    /// How it went.
    pub course: Course,
    /// The one-sided probability of a rise as clear where there is no drift, by the clearest scale.
    pub p: f64,
}

/// Judges points in the order of their times; a rise counts that is less likely than `significant`, or where a
/// `few_suffice` one that comes regularly.
pub fn judge(points: &[Point], significant: f64, few_suffice: bool) -> Growth {
    if points.len() < FEWEST_POINTS {
        return Growth {
            course: Course::Unknown,
            p: 1.0,
        };
    }
    let mut p = clearest(points);
    if few_suffice && rises_regularly(points) {
        p = p.min(significant / 2.0);
    }
    let course = match p < significant {
        true => course(points),
        false => Course::Level,
    };
    Growth { course, p }
}

/// The probability by the clearest scale.
fn clearest(points: &[Point]) -> f64 {
    let scales = SCALES.iter().filter(|scale| points.len() >= 2 * **scale);
    let at_scales = scales.flat_map(|scale| {
        [of_median, of_mean, of_least].map(|level| probability(&parts(points, *scale, level)))
    });
    at_scales.fold(probability(points), f64::min)
}

/// How often random signs give the moves between neighbours at least their sum.
fn probability(points: &[Point]) -> f64 {
    let moves: Vec<f64> = (points.windows(2).map(|pair| pair[1].1 - pair[0].1))
        .filter(|by| *by != 0.0)
        .collect();
    let sum: f64 = moves.iter().sum();
    if sum <= 0.0 {
        return 1.0;
    }
    if moves.len() <= MOST_TRIED {
        let all = 1_u32 << moves.len();
        // Sums of the same moves in another order differ by rounding.
        let reaches = |signs: &u32| {
            let signed = moves
                .iter()
                .enumerate()
                .map(|(at, by)| match signs >> at & 1 {
                    1 => by.abs(),
                    _ => -by.abs(),
                });
            signed.sum::<f64>() >= sum - sum * 1e-9
        };
        return (0..all).filter(reaches).count() as f64 / f64::from(all);
    }
    let variance: f64 = moves.iter().map(|by| by * by).sum();
    erfc(sum / (2.0 * variance).sqrt()) / 2.0
}

/// Whether a count only ever rises, at least four times, and at no time for longer not than twice the mean
/// time of a rise: before the first, between two, and after the last.
///
/// Of arrivals and ends that are equally frequent, at least four in one time and none of the other happen in
/// at most 2 % of all such times, whatever the frequency, and with so even a spread in less than half of
/// these.
fn rises_regularly(points: &[Point]) -> bool {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return false;
    };
    let mut times = vec![first.0];
    for pair in points.windows(2) {
        match pair[1].1.total_cmp(&pair[0].1) {
            std::cmp::Ordering::Less => return false,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => times.push(pair[1].0),
        }
    }
    let rises = times.len() - 1;
    times.push(last.0);
    let longest = times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f64::max);
    rises >= REGULAR_RISES && longest <= 2.0 * (last.0 - first.0) / rises as f64
}

/// What became of a rise that is significant.
fn course(points: &[Point]) -> Course {
    // Of few readings each shows.
    let smooth = match points.len() < PARTS_OF_COURSE {
        true => points.to_vec(),
        false => parts(points, PARTS_OF_COURSE.min(points.len() / 2), of_median),
    };
    let (Some(first), Some(last)) = (smooth.first().copied(), smooth.last().copied()) else {
        return Course::Unknown;
    };
    let by = last.1 - first.1;
    if by < LEAST_GROWTH {
        return Course::Level;
    }
    let low = (smooth
        .iter()
        .rposition(|point| point.1 <= first.1 + MARGIN * by))
    .unwrap_or(0);
    let high = (smooth
        .iter()
        .rposition(|point| point.1 < last.1 - MARGIN * by))
    .map_or(0, |at| (at + 1).min(smooth.len() - 1));
    let rise = Rise {
        from: smooth[low].0,
        until: smooth[high].0,
        by,
    };
    let (grew, level) = (rise.until - rise.from, last.0 - rise.until);
    if level > LEVEL_SHARE * grew {
        return Course::Ended(rise);
    }
    let since = points.partition_point(|point| point.0 < rise.from);
    let goes_on = match &points[since..] {
        few if few.len() < FEWEST_OF_PARABOLA => true,
        enough => end_share(enough) >= END_SHARE,
    };
    let lasted = last.0 - rise.from >= SHORTEST_SHARE * (last.0 - first.0);
    match goes_on && lasted {
        true => Course::Growing(rise),
        false => Course::Unclear(rise),
    }
}

/// The slope at the end of a parabola through points, as a share of its mean slope; 0 where that is not
/// positive.
fn end_share(points: &[Point]) -> f64 {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return 0.0;
    };
    let n = points.len() as f64;
    // From -1 to 1, made orthogonal: what is linear, and what is left of the square.
    let half = (last.0 - first.0) / 2.0;
    let x: Vec<f64> = (points.iter().map(|point| (point.0 - first.0) / half - 1.0)).collect();
    let centred = |values: &[f64]| -> Vec<f64> {
        let mean = values.iter().sum::<f64>() / n;
        values.iter().map(|value| value - mean).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let linear = centred(&x);
    let squares = centred(&x.iter().map(|x| x * x).collect::<Vec<f64>>());
    let slant = dot(&squares, &linear) / dot(&linear, &linear);
    let bend: Vec<f64> = (squares.iter().zip(&linear))
        .map(|(square, x)| square - slant * x)
        .collect();
    let counts: Vec<f64> = points.iter().map(|point| point.1).collect();
    let bent = dot(&counts, &bend) / dot(&bend, &bend);
    let mean = dot(&counts, &linear) / dot(&linear, &linear) - bent * slant;
    match mean > 0.0 {
        true => (mean + 2.0 * bent) / mean,
        false => 0.0,
    }
}

/// By how much a count ends above all that it was before the last fifth of the time, by medians of a
/// twentieth; 0 where it does not.
pub fn end_above_all_before(points: &[Point]) -> f64 {
    let size = (points.len() / 20).max(3);
    if points.len() < 2 * size + points.len() / 5 {
        return 0.0;
    }
    let end = of_median(&points[points.len() - size..]);
    let before = &points[..points.len() - points.len() / 5 - 1];
    let highest = before.chunks(size).map(of_median).fold(f64::MIN, f64::max);
    (end - highest).max(0.0)
}

/// How often a count rose, where it never fell; `None` where it did.
pub fn rises_without_fall(points: &[Point]) -> Option<usize> {
    let fell = points.windows(2).any(|pair| pair[1].1 < pair[0].1);
    (!fell).then(|| {
        points
            .windows(2)
            .filter(|pair| pair[1].1 > pair[0].1)
            .count()
    })
}

/// So many equal parts, each with its mean time and its level.
pub fn parts(points: &[Point], count: usize, level: fn(&[Point]) -> f64) -> Vec<Point> {
    let part = |at: usize| {
        let part = &points[at * points.len() / count..(at + 1) * points.len() / count];
        let time = part.iter().map(|point| point.0).sum::<f64>() / part.len() as f64;
        (time, level(part))
    };
    (0..count).map(part).collect()
}

/// The median of the counts.
pub fn of_median(points: &[Point]) -> f64 {
    median(points.iter().map(|point| point.1))
}

fn of_mean(points: &[Point]) -> f64 {
    points.iter().map(|point| point.1).sum::<f64>() / points.len() as f64
}

fn of_least(points: &[Point]) -> f64 {
    points.iter().map(|point| point.1).fold(f64::MAX, f64::min)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(counts: impl IntoIterator<Item = f64>) -> Vec<Point> {
        let counts = counts.into_iter().enumerate();
        counts.map(|(t, count)| (t as f64, count)).collect()
    }

    fn course_of(counts: impl IntoIterator<Item = f64>) -> Course {
        judge(&row(counts), SIGNIFICANT, true).course
    }

    #[test]
    fn a_growth_is_told_with_when_it_began_and_when_it_was_over() {
        let late = (0..60).map(|n| 44.0 + f64::from((n - 40).max(0)));
        let Course::Growing(rise) = course_of(late) else {
            panic!("it grows until the end");
        };
        assert!((38.0..=44.0).contains(&rise.from), "{rise:?}");
        let plateau = (0..60).map(|n| 44.0 + f64::from(n.min(25)));
        let Course::Ended(rise) = course_of(plateau) else {
            panic!("it is level since");
        };
        assert!((20.0..=28.0).contains(&rise.until), "{rise:?}");
        assert!((rise.by - 25.0).abs() < 3.0, "{rise:?}");
    }

    #[test]
    fn what_falls_back_or_rises_once_is_level() {
        let saw = (0..120).map(|n| f64::from(n * 3 % 100));
        assert_eq!(course_of(saw), Course::Level);
        let step = (0..120).map(|n| if n > 70 { 94.0 } else { 44.0 });
        assert_eq!(course_of(step), Course::Level);
        let dip = (0..120).map(|n| (60.0 - f64::from(n)).abs());
        assert_eq!(course_of(dip), Course::Level);
    }

    #[test]
    fn one_member_in_twelve_readings_is_found_within_sixty() {
        for phase in 0..12 {
            let leak = (0..60).map(|n| 44.0 + f64::from((n + phase) / 12));
            assert!(matches!(course_of(leak), Course::Growing(_)), "{phase}");
        }
    }

    /// By hand: of the 2^4 signs of four equal moves one gives their sum.
    #[test]
    fn of_few_moves_all_signs_are_tried() {
        assert_eq!(probability(&row([0.0, 1.0, 2.0, 3.0, 4.0])), 1.0 / 16.0);
        assert_eq!(probability(&row([0.0, 1.0, 0.0, 1.0])), 0.5);
        assert_eq!(probability(&row([3.0, 2.0])), 1.0);
    }

    proptest! {
        #[test]
        fn neither_the_level_nor_the_unit_of_time_matters(
            counts in prop::collection::vec(0_u32..500, 0..120), level in 0_u32..10_000, unit in 1_u32..60,
        ) {
            let points = row(counts.iter().map(|count| f64::from(*count)));
            let moved: Vec<Point> = (points.iter())
                .map(|(t, count)| (t * f64::from(unit), count + f64::from(level)))
                .collect();
            let (found, moved) = (judge(&points, SIGNIFICANT, true), judge(&moved, SIGNIFICANT, true));
            prop_assert!((0.0..=1.0).contains(&found.p));
            prop_assert!((found.p - moved.p).abs() < 1e-6);
        }
    }
}
