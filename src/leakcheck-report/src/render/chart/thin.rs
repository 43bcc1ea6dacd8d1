//! Which places of a long series are drawn: the first and the last, and of each stretch between them
//! the places at which a series has its smallest and its largest value.

use super::series::{Chart, Series};

/// More columns than this cannot be told apart at any width.
const MOST: usize = 480;
/// However many series there are, a chart has so many stretches.
const FEWEST_STRETCHES: usize = 24;

impl Chart {
    /// The same with no more places than can be told apart, the extremes of each series among them.
    pub fn thinned(&self) -> Self {
        let kept = kept(self);
        let at = |values: &[Option<f64>]| {
            let value = |index: &usize| values.get(*index).copied().flatten();
            kept.iter().map(value).collect()
        };
        Self {
            places: kept
                .iter()
                .filter_map(|index| self.places.get(*index))
                .copied()
                .collect(),
            series: (self.series.iter())
                .map(|series| Series {
                    values: at(&series.values),
                    ..series.clone()
                })
                .collect(),
            ..self.clone()
        }
    }
}

/// The indices of the places to draw, in ascending order.
fn kept(chart: &Chart) -> Vec<usize> {
    let places = chart.places.len();
    if places <= MOST {
        return (0..places).collect();
    }
    let stretches = (MOST / (2 * chart.series.len()).max(1)).max(FEWEST_STRETCHES);
    let stretch = places.div_ceil(stretches);
    let mut kept = vec![0, places - 1];
    for start in (0..places).step_by(stretch) {
        let end = (start + stretch).min(places);
        for series in &chart.series {
            kept.extend(extremes(series, start, end));
        }
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Where a series is smallest and largest between two places.
fn extremes(series: &Series, start: usize, end: usize) -> impl Iterator<Item = usize> {
    let value = |index: usize| Some((index, series.values.get(index).copied().flatten()?));
    let known = || (start..end).filter_map(value);
    let smallest = known().min_by(|a, b| a.1.total_cmp(&b.1));
    let largest = known().max_by(|a, b| a.1.total_cmp(&b.1));
    [smallest, largest]
        .into_iter()
        .flatten()
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::super::series::{Role, Shape};
    use super::*;
    use proptest::prelude::*;

    fn chart(series: Vec<Vec<Option<f64>>>) -> Chart {
        let places = series.first().map_or(0, Vec::len);
        let named = |values| Series {
            name: "one".into(),
            role: Role::Measured,
            values,
        };
        Chart {
            title: String::new(),
            place: Place::Rotation,
            unit: "tasks".into(),
            shape: Shape::Lines,
            places: (0..places).map(|place| place as f64).collect(),
            series: series.into_iter().map(named).collect(),
            marks: Vec::new(),
            judged_from: None,
        }
    }

    #[test]
    fn a_short_series_is_drawn_whole() {
        let chart = chart(vec![vec![Some(1.0); MOST]]);
        assert_eq!(chart.thinned(), chart);
    }

    proptest! {
        #[test]
        fn a_long_series_keeps_its_ends_and_its_extremes(
            values in prop::collection::vec(prop::option::weighted(0.9, -1e6..1e6), 500..4000),
            of_series in 1_usize..12,
        ) {
            let shifted = |by: usize| {
                let mut values = values.clone();
                let length = values.len();
                values.rotate_left(by * length / 12);
                values
            };
            let whole = chart((0..of_series).map(shifted).collect());
            let thinned = whole.thinned();
            prop_assert!(thinned.places.len() <= 2 * MOST.max(2 * FEWEST_STRETCHES * of_series));
            prop_assert_eq!(thinned.places.first(), whole.places.first());
            prop_assert_eq!(thinned.places.last(), whole.places.last());
            for (whole, thinned) in whole.series.iter().zip(&thinned.series) {
                let extreme = |series: &Series, by: fn(f64, f64) -> f64| {
                    series.values.iter().copied().flatten().reduce(by)
                };
                prop_assert_eq!(extreme(whole, f64::min), extreme(thinned, f64::min));
                prop_assert_eq!(extreme(whole, f64::max), extreme(thinned, f64::max));
            }
        }
    }
}
