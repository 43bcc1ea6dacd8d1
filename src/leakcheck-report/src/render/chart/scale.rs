//! Axes: where their ticks stand, and what these are called.

use super::place::{Place, figure};

/// Values on an axis, from one end to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AxisScale {
    /// The value at the axis' start.
    pub(super) low: f64,
    /// The value at its end; greater than the other.
    pub(super) high: f64,
    step: f64,
}

/// Beyond this, neighbouring values cannot be told apart in a figure of 53 bits.
const FURTHEST: f64 = 9e15;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;
/// Steps at which clocks are read, in seconds.
const CLOCK_STEPS: [f64; 24] = [
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
];

impl AxisScale {
    /// A scale of values from zero that has room for all of them, with about so many ticks; between
    /// whole ones there is none.
    pub(super) fn of_values(values: impl Iterator<Item = f64> + Clone, ticks: usize) -> Self {
        let whole = values.clone().all(|value| value.fract() == 0.0);
        let (low, high) = ends(values);
        let (low, high) = (
            low.min(0.0),
            if high > low.min(0.0) { high } else { low + 1.0 },
        );
        let step = round_step((high - low) / ticks as f64);
        let step = if whole { step.max(1.0) } else { step };
        Self {
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
        }
    }

    /// A scale of a chart's places, from the first to the last.
    pub(super) fn of_places(place: Place, places: &[f64], ticks: usize) -> Self {
        let (low, high) = ends(places.iter().copied());
        let high = if high > low { high } else { low + 1.0 };
        let least = (high - low) / ticks as f64;
        let step = match place {
            Place::Rotation => round_step(least).max(1.0),
            Place::Seconds => {
                let clock = CLOCK_STEPS.into_iter().find(|step| *step >= least);
                clock.unwrap_or_else(|| round_step(least / DAY) * DAY)
            }
        };
        Self { low, high, step }
    }

    /// Where a value stands, 0 at the start and 1 at the end.
    pub(super) fn share(self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The values at which ticks stand.
    pub(super) fn ticks(self) -> impl Iterator<Item = f64> {
        let first = (self.low / self.step).ceil();
        let last = (self.high / self.step + 1e-9).floor();
        // Counted in steps: added up, fractions drift.
        let count = (last - first).clamp(0.0, 100.0) as u32;
        (0..=count).map(move |tick| (first + f64::from(tick)) * self.step)
    }
}

/// The smallest and the largest value; 0 and 0 where there is none.
fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let within = values
        .filter(|value| value.is_finite())
        .map(|value| value.clamp(-FURTHEST, FURTHEST));
    within
        .fold(None, |ends, value| {
            let (low, high) = ends.unwrap_or((value, value));
            Some((value.min(low), value.max(high)))
        })
        .unwrap_or((0.0, 0.0))
}

/// The smallest of 1, 2 and 5 times a power of ten that is no smaller than this.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(1e-9).log10().floor());
    let fits = |step: &f64| *step >= least * (1.0 - 1e-9);
    [1.0, 2.0, 5.0]
        .map(|digit| digit * power)
        .into_iter()
        .find(fits)
        .unwrap_or(10.0 * power)
}

/// A count at a tick: 900, 12k, 1.5M.
pub(super) fn count_label(value: f64) -> String {
    let (divisor, letter) = match value.abs() {
        size if size >= 1e12 => return format!("{value:.0e}"),
        size if size >= 1e9 => (1e9, "G"),
        size if size >= 1e6 => (1e6, "M"),
        size if size >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    format!("{}{letter}", figure(value / divisor))
}

#[cfg(test)]
mod tests {
    use super::super::place::seconds_in_words;
    use super::*;
    use proptest::prelude::*;

    fn ticks(scale: AxisScale) -> Vec<f64> {
        scale.ticks().collect()
    }

    #[test]
    fn counts_have_round_ticks_from_zero_past_the_largest() {
        let scale = AxisScale::of_values([150.0, 1350.0].into_iter(), 5);
        assert_eq!(ticks(scale), [0.0, 500.0, 1000.0, 1500.0]);
    }

    #[test]
    fn rotations_are_counted_in_whole_ones() {
        let places: Vec<f64> = (0..=3).map(f64::from).collect();
        assert_eq!(
            ticks(AxisScale::of_places(Place::Rotation, &places, 6)),
            [0.0, 1.0, 2.0, 3.0]
        );
    }

    #[test]
    fn time_is_read_as_on_a_clock() {
        let scale = AxisScale::of_places(Place::Seconds, &[0.0, 150.0], 6);
        let labels: Vec<String> = scale.ticks().map(seconds_in_words).collect();
        assert_eq!(labels, ["0 s", "30 s", "60 s", "90 s", "2m", "2m 30s"]);
    }

    #[test]
    fn large_counts_are_told_in_short() {
        let labels = [900.0, 9500.0, 12_000.0, 1_500_000.0].map(count_label);
        assert_eq!(labels, ["900", "9500", "12k", "1.5M"]);
    }

    proptest! {
        #[test]
        fn any_values_find_a_scale_that_holds_them(values in prop::collection::vec(any::<f64>(), 0..9)) {
            let scale = AxisScale::of_values(values.iter().copied(), 5);
            prop_assert!(scale.low < scale.high && scale.low <= 0.0);
            prop_assert!(ticks(scale).len() <= 12, "{scale:?}");
            for value in values {
                prop_assert!(value.is_nan() || (0.0..=1.0).contains(&scale.share(value)));
            }
        }

        #[test]
        fn any_times_find_ticks(first in 0.0..1e12_f64, lasting in 0.0..1e12_f64) {
            let scale = AxisScale::of_places(Place::Seconds, &[first, first + lasting], 6);
            prop_assert!(ticks(scale).len() <= 12, "{scale:?}");
        }
    }
}
