//! Whether a noisy count grows: Theil-Sen's slope, Mann-Kendall's test, and steps.
//!
//! All three go by order and medians, so that a reading or two that are far off move them little.

/// A reading: when, and how many.
pub type Point = (f64, f64);

/// Fewer points tell no trend: of three, chance alone puts every third row in order.
pub const FEWEST_POINTS: usize = 4;

/// The 97.5 % quantile of the normal distribution.
const Z_975: f64 = 1.959_964;

/// A line through points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The median of the slopes between all pairs of points (Theil 1950, Sen 1968).
    pub slope: f64,
    /// Its 95 % interval, by Sen's normal approximation, with the variance of [`Slope::p`].
    pub ci95: [f64; 2],
    /// The two-sided probability of Mann-Kendall's test, its variance corrected for points that depend on each
    /// other (Hamed and Rao 1998).
    pub p: f64,
}

/// Works out the slope of points at different times; `None` for fewer than [`FEWEST_POINTS`].
///
/// It looks at every pair: thin out more than about a thousand points.
pub fn slope(points: &[Point]) -> Option<Slope> {
    let n = points.len();
    if n < FEWEST_POINTS {
        return None;
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    let mut s = 0.0;
    for (index, (t, count)) in points.iter().enumerate() {
        for (later, more) in &points[index + 1..] {
            if later > t {
                slopes.push((more - count) / (later - t));
            }
            s += sign(more - count);
        }
    }
    if slopes.is_empty() {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    let slope = median_of_sorted(&slopes);
    let variance = variance_of_s(points) * dependence(points, slope);
    // Sen: the interval reaches from the slope numbered (N - C) / 2 to the one numbered (N + C) / 2.
    let reach = Z_975 * variance.sqrt();
    let (pairs, last) = (slopes.len() as f64, slopes.len() - 1);
    let low = ((pairs - reach) / 2.0).floor().max(0.0) as usize;
    let high = ((pairs + reach) / 2.0).ceil() as usize;
    Some(Slope {
        slope,
        ci95: [slopes[low.min(last)], slopes[high.min(last)]],
        p: two_sided(s, variance),
    })
}

/// 1, 0 or -1; a difference of nothing has no sign.
fn sign(difference: f64) -> f64 {
    match difference {
        d if d > 0.0 => 1.0,
        d if d < 0.0 => -1.0,
        _ => 0.0,
    }
}

/// The variance of Mann-Kendall's S, with the correction for ties.
fn variance_of_s(points: &[Point]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut counts: Vec<f64> = points.iter().map(|(_, count)| *count).collect();
    counts.sort_by(f64::total_cmp);
    let ties: f64 = counts
        .chunk_by(|a, b| a == b)
        .map(|tied| term(tied.len() as f64))
        .sum();
    (term(points.len() as f64) - ties) / 18.0
}

/// By how much the variance of S is larger because points depend on those before them: Hamed and Rao's
/// factor, by the autocorrelation of the ranks of what a line of this slope leaves. Correlations that chance
/// may make do not count, nor negative ones, which would make an interval narrower.
fn dependence(points: &[Point], slope: f64) -> f64 {
    let n = points.len() as f64;
    // What differs by rounding alone is the same.
    let left = |(t, count): &Point| ((count - slope * t) * 1e6).round();
    let ranks = ranks(points.iter().map(left).collect());
    let mean = (n - 1.0) / 2.0;
    let variance: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if variance <= 0.0 {
        return 1.0;
    }
    let by_chance = Z_975 / n.sqrt();
    let term = |lag: usize| {
        let pairs = ranks.iter().zip(&ranks[lag..]);
        let correlation = pairs.map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / variance;
        let rest = n - lag as f64;
        match correlation > by_chance {
            true => rest * (rest - 1.0) * (rest - 2.0) * correlation,
            false => 0.0,
        }
    };
    let sum: f64 = (1..points.len() / 2).map(term).sum();
    1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * sum
}

/// The rank of each value, from 0; those of equal ones are their mean.
fn ranks(values: Vec<f64>) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before as f64 + (tied.len() as f64 - 1.0) / 2.0;
        tied.iter().for_each(|at| ranks[*at] = rank);
        before += tied.len();
    }
    ranks
}

/// The probability of an S at least as far from 0, with the correction for continuity.
fn two_sided(s: f64, variance: f64) -> f64 {
    if variance <= 0.0 {
        return 1.0;
    }
    let z = (s.abs() - 1.0).max(0.0) / variance.sqrt();
    erfc(z / std::f64::consts::SQRT_2)
}

/// The complementary error function for x >= 0, to 1.5e-7 (Abramowitz and Stegun, 7.1.26).
pub fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = t
        * (0.254_829_592
            + t * (-0.284_496_736
                + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    polynomial * (-x * x).exp()
}

/// The middle value; the mean of the two middle ones; 0 of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    median_of_sorted(&values)
}

fn median_of_sorted(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

/// So many readings on either side of a step must lie on their level.
const LEVEL: usize = 3;
/// Smaller moves are what any process does.
const SMALLEST_STEP: f64 = 2.0;

/// Where a count moved from one level to another, each held for at least three readings: the time
/// and the size. The spread of each level is at most half of the step, so that a steady climb is none.
pub fn steps(points: &[Point]) -> Vec<Point> {
    let level = |points: &[Point]| median(points.iter().map(|(_, count)| *count));
    let spread = |points: &[Point]| {
        let counts = || points.iter().map(|(_, count)| *count);
        counts().fold(f64::MIN, f64::max) - counts().fold(f64::MAX, f64::min)
    };
    let mut steps = Vec::new();
    let mut at = LEVEL;
    while at + LEVEL <= points.len() {
        let (before, after) = (&points[at - LEVEL..at], &points[at..at + LEVEL]);
        let size = level(after) - level(before);
        let noise = spread(before).max(spread(after));
        if size.abs() >= SMALLEST_STEP && noise <= size.abs() / 2.0 {
            steps.push((points[at].0, size));
            // The next step is looked for where this one's level has been held.
            at += LEVEL;
        } else {
            at += 1;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(counts: impl IntoIterator<Item = f64>) -> Vec<Point> {
        counts
            .into_iter()
            .enumerate()
            .map(|(t, count)| (t as f64, count))
            .collect()
    }

    #[test]
    fn a_straight_line_has_its_slope_and_an_interval_without_width() {
        let line = slope(&row((0..12).map(|n| 200.0 + 150.0 * f64::from(n)))).expect("twelve");
        assert_eq!((line.slope, line.ci95), (150.0, [150.0, 150.0]));
        assert!(line.p < 1e-5, "{}", line.p);
    }

    /// The figures are worked out by hand: S = 8, its variance 50/3, z = 7 / sqrt(50/3).
    #[test]
    fn mann_kendall_is_that_of_the_textbook() {
        let points = row([1.0, 3.0, 2.0, 4.0, 5.0]);
        let found = slope(&points).expect("five points");
        assert!((found.p - 0.0864).abs() < 0.0005, "{}", found.p);
        assert_eq!(found.slope, 1.0);
    }

    #[test]
    fn what_stands_still_has_no_trend() {
        let found = slope(&row([57.0; 20])).expect("twenty points");
        assert_eq!((found.slope, found.ci95, found.p), (0.0, [0.0, 0.0], 1.0));
    }

    #[test]
    fn one_wild_reading_moves_the_slope_little() {
        let mut points = row((0..20).map(|n| 100.0 + 2.0 * f64::from(n)));
        points[10].1 = 90_000.0;
        let found = slope(&points).expect("twenty points");
        assert_eq!(found.slope, 2.0);
    }

    #[test]
    fn steps_are_found_with_their_sizes_and_a_climb_is_none() {
        let stairs = (0..40)
            .map(|n| 1081.0 + 900.0 * f64::from(n / 20))
            .map(|c| c.floor());
        assert_eq!(steps(&row(stairs)), [(20.0, 900.0)]);
        assert_eq!(steps(&row((0..40).map(f64::from))), []);
        assert_eq!(steps(&row([57.0; 40])), []);
    }

    proptest! {
        #[test]
        fn the_slope_lies_within_its_interval_and_does_not_depend_on_the_level(
            counts in prop::collection::vec(0_u32..5_000, FEWEST_POINTS..60), level in 0_u32..100_000,
        ) {
            let points = row(counts.iter().map(|count| f64::from(*count)));
            let raised = row(counts.iter().map(|count| f64::from(*count + level)));
            let (found, raised) = (slope(&points).expect("enough"), slope(&raised).expect("enough"));
            prop_assert!(found.ci95[0] <= found.slope && found.slope <= found.ci95[1]);
            prop_assert!((0.0..=1.000_001).contains(&found.p));
            prop_assert!((found.slope - raised.slope).abs() < 1e-9);
        }

        #[test]
        fn turned_around_in_time_a_trend_changes_its_sign(
            counts in prop::collection::vec(0_u32..5_000, FEWEST_POINTS..40),
        ) {
            let there = slope(&row(counts.iter().map(|c| f64::from(*c)))).expect("enough");
            let back = slope(&row(counts.iter().rev().map(|c| f64::from(*c)))).expect("enough");
            prop_assert!((there.slope + back.slope).abs() < 1e-9);
            prop_assert!((there.p - back.p).abs() < 1e-9);
        }
    }
}
