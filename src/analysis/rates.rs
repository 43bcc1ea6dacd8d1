//! Leak rates: settled growth over the baseline, per rotation and per minute.

use std::time::Duration;

use leakcheck_report::model::report::Rate;

/// What a count's readings are turned into a rate with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateScale {
    /// Containers, each of which makes every rotation.
    pub containers: u64,
    /// The rotation interval on the monitor's own clock.
    pub rotation: Duration,
}

/// By how much a count grew in each of some rotations, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Growths {
    rotations: u64,
    sum: i128,
    squares: i128,
    weakest: Option<i64>,
}

impl Growths {
    /// The same and another rotation's.
    #[must_use]
    pub fn with(self, growth: i64) -> Self {
        let wide = i128::from(growth);
        Self {
            rotations: self.rotations + 1,
            sum: self.sum + wide,
            squares: self.squares.saturating_add(wide * wide),
            weakest: Some(self.weakest.map_or(growth, |weakest| weakest.min(growth))),
        }
    }
}

impl FromIterator<i64> for Growths {
    fn from_iter<I: IntoIterator<Item = i64>>(growths: I) -> Self {
        growths.into_iter().fold(Self::default(), Self::with)
    }
}

/// The rate of a count that grew by so many in each rotation: the mean. Its interval is Student's:
/// mean ± t·s/√n. `None` without a rotation.
pub fn rate(growths: Growths, scale: RateScale) -> Option<Rate> {
    let weakest_rotation = growths.weakest?;
    let per_rotation = growths.sum as f64 / growths.rotations as f64;
    let containers = scale.containers.max(1) as f64;
    Some(Rate {
        per_rotation_per_container: Some(per_rotation / containers),
        per_rotation: Some(per_rotation),
        per_minute: per_rotation / (scale.rotation.as_secs_f64() / 60.0),
        weakest_rotation: Some(weakest_rotation),
        ci95: interval(growths, per_rotation)
            .map(|[low, high]| [low / containers, high / containers]),
    })
}

/// The 95 % interval of a mean; `None` for fewer than two values.
fn interval(growths: Growths, mean: f64) -> Option<[f64; 2]> {
    let count = i128::from(growths.rotations);
    let freedom = count.checked_sub(1).filter(|freedom| *freedom > 0)?;
    // In whole numbers: of values that are all the same the difference is none.
    let spread = (count.checked_mul(growths.squares))
        .zip(growths.sum.checked_mul(growths.sum))
        .map(|(squares, square)| squares - square)?;
    let error = (spread as f64 / count as f64 / freedom as f64 / count as f64).sqrt();
    let reach = student_t_975(freedom as usize) * error;
    Some([mean - reach, mean + reach])
}

/// The 97.5 % quantile of Student's t distribution, exact to three digits up to 30 degrees of
/// freedom (any statistics table); beyond, by the first terms of its expansion about the normal
/// quantile z = 1.960: z + (z³ + z) / 4n.
fn student_t_975(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    match TABLE.get(freedom.wrapping_sub(1)) {
        Some(quantile) => *quantile,
        None => {
            let z = 1.959_964_f64;
            z + (z.powi(3) + z) / (4.0 * freedom as f64)
        }
    }
}

/// The rate of a count that was read at the baseline and after each rotation.
#[cfg(test)]
pub fn rate_of_readings(readings: &[u64], scale: RateScale) -> Option<Rate> {
    use leakcheck_test::growth::signed_difference;

    let pairs = readings.windows(2);
    rate(
        pairs
            .map(|pair| signed_difference(pair[0], pair[1]))
            .collect(),
        scale,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCALE: RateScale = RateScale {
        containers: 50,
        rotation: Duration::from_secs(300),
    };

    #[test]
    fn the_incident_leaks_twenty_tasks_a_minute_on_its_own_clock() {
        let readings: Vec<u64> = (0..=12).map(|rotation| 200 + 100 * rotation).collect();
        let rate = rate_of_readings(&readings, SCALE).expect("twelve rotations");
        assert_eq!(rate.per_rotation_per_container, Some(2.0));
        assert_eq!(rate.per_minute, 20.0);
        assert_eq!(rate.weakest_rotation, Some(100));
        assert_eq!(rate.ci95, Some([2.0, 2.0]));
    }

    #[test]
    fn one_rotation_gives_a_rate_without_an_interval_and_none_gives_no_rate() {
        assert_eq!(
            rate_of_readings(&[200, 300], SCALE)
                .expect("one rotation")
                .ci95,
            None
        );
        assert_eq!(rate_of_readings(&[200], SCALE), None);
    }

    proptest! {
        #[test]
        fn the_mean_lies_within_its_interval_and_above_the_weakest_rotation(
            readings in prop::collection::vec(0u64..1_000_000, 3..40)
        ) {
            let rate = rate_of_readings(&readings, SCALE).expect("at least two rotations");
            let [low, high] = rate.ci95.expect("at least two rotations");
            let (each, all) = (rate.per_rotation_per_container, rate.per_rotation);
            prop_assert!(each.is_some_and(|each| low <= each && each <= high));
            let weakest = rate.weakest_rotation.map(|weakest| weakest as f64 - 1e-9);
            prop_assert!(weakest <= all);
        }
    }
}
