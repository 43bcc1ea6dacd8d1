//! Where things stand in a drawing, in its own units: it is scaled to whatever room it has.

use std::fmt::Write;

use super::legend;
use super::scale::AxisScale;
use super::series::{Chart, Shape};

/// The space that a drawing takes.
pub(super) struct PlotFrame {
    pub(super) width: f64,
    pub(super) plot_height: f64,
    /// What is left free for the ticks' labels, beside the plot and below it.
    left: f64,
    below: f64,
    /// Whether the horizontal axis has a name.
    pub(super) names_places: bool,
    /// About so many ticks, along the values and along the places.
    ticks: (usize, usize),
}

impl PlotFrame {
    pub(super) fn plot_width(&self) -> f64 {
        self.width - self.left - RIGHT
    }
}

pub(super) const WHOLE: PlotFrame = PlotFrame {
    width: 480.0,
    plot_height: 190.0,
    left: 50.0,
    below: 40.0,
    names_places: true,
    ticks: (5, 6),
};
/// In the cell of a table: what its axis counts is said elsewhere.
pub(super) const SMALL: PlotFrame = PlotFrame {
    width: 270.0,
    plot_height: 76.0,
    left: 40.0,
    below: 20.0,
    names_places: false,
    ticks: (2, 6),
};
const RIGHT: f64 = 14.0;
const ABOVE: f64 = 10.0;

/// Where things stand in the drawing.
pub(super) struct Layout {
    pub(super) frame: &'static PlotFrame,
    pub(super) top: f64,
    pub(super) places: AxisScale,
    pub(super) values: AxisScale,
}

impl Layout {
    pub(super) fn of(chart: &Chart, frame: &'static PlotFrame, rows: usize) -> Self {
        let top = ABOVE + rows as f64 * legend::ROW;
        let (along_values, along_places) = frame.ticks;
        let values = match chart.shape {
            Shape::Lines => {
                let all = chart.series.iter().flat_map(|series| &series.values);
                AxisScale::of_values(all.copied().flatten(), along_values)
            }
            Shape::Areas => {
                let sums =
                    (0..chart.places.len()).map(|index| stacked(chart, index).last().copied());
                AxisScale::of_values(sums.flatten(), along_values)
            }
        };
        Self {
            frame,
            top,
            places: AxisScale::of_places(chart.place, &chart.places, along_places),
            values,
        }
    }

    pub(super) fn x(&self, place: f64) -> f64 {
        self.left() + self.places.share(place) * self.frame.plot_width()
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.values.share(value)) * self.frame.plot_height
    }

    pub(super) fn left(&self) -> f64 {
        self.frame.left
    }

    pub(super) fn right(&self) -> f64 {
        self.left() + self.frame.plot_width()
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.frame.plot_height
    }

    pub(super) fn height(&self) -> f64 {
        self.bottom() + self.frame.below
    }
}

/// What the areas reach at a place, the first one first.
pub(super) fn stacked(chart: &Chart, index: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let values = chart
        .series
        .iter()
        .map(|series| series.values.get(index).copied().flatten());
    values
        .map(|value| {
            sum += value.unwrap_or(0.0);
            sum
        })
        .collect()
}

/// Points as SVG lists them.
pub(super) fn points(run: &[(f64, f64)]) -> String {
    let mut points = String::new();
    for (x, y) in run {
        let _ = write!(points, "{},{} ", n(*x), n(*y));
    }
    points.truncate(points.trim_end().len());
    points
}

/// A length to the tenth of the drawing's unit, which nobody sees.
pub(super) fn n(length: f64) -> String {
    format!("{}", (length * 10.0).round() / 10.0)
}
