//! The first count of each subject over time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::state::{LiveState, Subject};
use super::text::{put, width};
use super::view::View;

/// Names beside the lines' ends take no more columns than these.
const LONGEST_NAME: u16 = 14;

/// The least and the greatest of what is drawn.
struct Bounds {
    time: [f64; 2],
    count: [f64; 2],
}

impl Bounds {
    fn of(subjects: &[Subject]) -> Option<Self> {
        let points = || subjects.iter().flat_map(|subject| subject.series.points());
        points().next()?;
        let least = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&(f64, f64)) -> f64| points().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (start, end) = (least(|point| point.0), most(|point| point.0));
        let (low, high) = (least(|point| point.1), most(|point| point.1));
        Some(Self {
            // What stands still at one moment has a middle, too.
            time: [start, end.max(start + 1.0)],
            count: [low, high.max(low + 1.0)],
        })
    }

    /// The row of a count, from the top.
    fn row(&self, count: f64, rows: u16) -> u16 {
        let [low, high] = self.count;
        let from_top = (high - count) / (high - low) * f64::from(rows.saturating_sub(1));
        from_top.round() as u16
    }
}

/// Draws the chart, and beside each line's end whose it is, which colours alone would not tell.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, state: &LiveState, view: &View) {
    let Some(bounds) = Bounds::of(&state.subjects) else {
        return;
    };
    let names = match state.subjects.len() {
        1 => 0,
        _ => {
            let names = state.subjects.iter().map(|subject| width(&subject.name));
            names.max().unwrap_or(0).min(LONGEST_NAME) + 1
        }
    };
    let graph = Rect {
        width: area.width.saturating_sub(names),
        ..area
    };
    let datasets = state.subjects.iter().enumerate().map(|(number, subject)| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(view.colour_of_subject(number))
            .data(subject.series.points())
    });
    let [start, end] = bounds.time.map(|seconds| format!("{} s", seconds.floor()));
    let [low, high] = bounds.count.map(|count| format!("{count:.0}"));
    Chart::new(datasets.collect())
        .x_axis(
            Axis::default()
                .bounds(bounds.time)
                .labels([start, end].map(Line::from)),
        )
        .y_axis(
            Axis::default()
                .bounds(bounds.count)
                .labels([low, high].map(Line::from)),
        )
        .legend_position(None)
        .render(graph, buffer);
    if names > 0 {
        // The axis of time and its labels take the last two rows.
        let lines = Rect {
            x: graph.right(),
            width: names,
            height: area.height.saturating_sub(2),
            ..area
        };
        name_lines(buffer, lines, &state.subjects, &bounds, view);
    }
}

/// Names the lines, each at the row of its end, or in the next one that is free; those for which there is
/// no row are left out.
fn name_lines(buffer: &mut Buffer, area: Rect, subjects: &[Subject], bounds: &Bounds, view: &View) {
    let mut free: Vec<u16> = (0..area.height).collect();
    for (number, subject) in subjects.iter().enumerate() {
        let Some((_, last)) = subject.series.points().last() else {
            continue;
        };
        let wanted = bounds.row(*last, area.height);
        let nearest = (0..free.len()).min_by_key(|index| free[*index].abs_diff(wanted));
        let Some(row) = nearest.map(|index| free.remove(index)) else {
            return;
        };
        let style: Style = view.colour_of_subject(number);
        let at = (area.left() + 1, area.top() + row);
        put(buffer, at, &subject.name, area.width - 1, style);
    }
}
