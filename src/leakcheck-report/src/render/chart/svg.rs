//! A chart drawn as SVG.
//!
//! No library draws it: those there are (plotters, charts-rs, kuva) write each colour as an attribute, so
//! that a chart cannot follow the reader's light or dark, and have no place for the words and figures
//! that a pointer, a keyboard or a screen reader asks for.
//!
//! Colours are classes, with a fallback for programs that know no style sheets.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use super::layout::{Layout, PlotFrame, SMALL, WHOLE, n, points, stacked};
use super::legend::{self, Entry};
use super::palette::{class_of, colour_of, dash_of, hatch_of, hatching, marker};
use super::place::{Place, figure};
use super::scale::count_label;
use super::series::{Chart, Mark, Role, Series, Shape, clipped};

/// The style of everything that is drawn here, for the page or the file that holds it.
pub const STYLE: &str = include_str!("style.css");

/// A line carries about so many markers.
const MARKERS: usize = 12;
/// A mark whose label would reach into that of the mark before has none.
const MARK_LABEL: f64 = 34.0;

/// Draws a chart that has been thinned; `id` tells its parts from those of other charts on a page.
pub fn draw(chart: &Chart, id: &str) -> Markup {
    drawing(chart, id, &WHOLE, None)
}

/// The same for the cell of a table.
pub fn draw_small(chart: &Chart, id: &str) -> Markup {
    drawing(chart, id, &SMALL, None)
}

/// The same as a file of its own, which brings its style along.
pub fn file(chart: &Chart) -> String {
    let style = html! { style { (PreEscaped(STYLE)) } };
    let drawn = drawing(chart, "chart", &WHOLE, Some(style));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
        drawn.into_string()
    )
}

fn drawing(chart: &Chart, id: &str, frame: &'static PlotFrame, style: Option<Markup>) -> Markup {
    let entries = legend::lay_out(&chart.series, frame.plot_width());
    let rows = entries.last().map_or(0, |entry| entry.row + 1);
    let layout = Layout::of(chart, frame, rows);
    html! {
        svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img"
            viewBox=(format!("0 0 {} {}", frame.width, layout.height()))
            aria-labelledby=(format!("{id}-title {id}-course"))
        {
            title id=(format!("{id}-title")) { (chart.title) }
            desc id=(format!("{id}-course")) { (chart.in_words()) }
            @if let Some(style) = style {
                (style)
                rect class="paper" width="100%" height="100%" fill="#ffffff" {}
            }
            @if chart.shape == Shape::Areas { (hatching(id)) }
            (grid(chart, &layout))
            @match chart.shape {
                Shape::Lines => (lines(chart, &layout)),
                Shape::Areas => (areas(chart, &layout, id)),
            }
            (marks(chart, &layout))
            @for entry in &entries { (legend_entry(entry, &layout, chart.shape, id)) }
            line class="cursor" x1="0" x2="0" y1=(n(layout.top)) y2=(n(layout.bottom())) {}
            (columns(chart, &layout))
        }
    }
}

fn grid(chart: &Chart, layout: &Layout) -> Markup {
    let (left, right, bottom) = (layout.left(), layout.right(), layout.bottom());
    let below = match chart.place {
        Place::Rotation => "rotation",
        Place::Seconds => "time since the first reading",
    };
    let place = |tick: f64| match chart.place {
        Place::Rotation => figure(tick),
        Place::Seconds => chart.place_in_words(tick),
    };
    html! {
        @if let Some(from) = chart.judged_from {
            rect class="unjudged" fill="#000000" fill-opacity="0.06" x=(n(left)) y=(n(layout.top))
                width=(n(layout.x(from) - left)) height=(n(layout.frame.plot_height))
            {
                title { "not judged: a process that has just started grows" }
            }
        }
        g class="grid" stroke="#dddddd" {
            @for tick in layout.values.ticks() {
                line x1=(n(left)) x2=(n(right)) y1=(n(layout.y(tick))) y2=(n(layout.y(tick))) {}
            }
            line class="axis" stroke="#555555" x1=(n(left)) x2=(n(right)) y1=(n(bottom)) y2=(n(bottom)) {}
        }
        g class="ticks" aria-hidden="true" {
            @for tick in layout.values.ticks() {
                text x=(n(left - 6.0)) y=(n(layout.y(tick) + 4.0)) text-anchor="end" { (count_label(tick)) }
            }
            @for tick in layout.places.ticks() {
                text x=(n(layout.x(tick))) y=(n(bottom + 16.0)) text-anchor="middle" { (place(tick)) }
            }
        }
        @if layout.frame.names_places {
            text class="name" x=(n(f64::midpoint(left, right))) y=(n(bottom + 33.0))
                text-anchor="middle" { (below) }
        }
    }
}

fn lines(chart: &Chart, layout: &Layout) -> Markup {
    let measured = chart.measured().enumerate();
    let predicted = chart
        .series
        .iter()
        .filter(|series| series.role == Role::Predicted);
    html! {
        @for (look, series) in measured {
            g class=(format!("series {}", class_of(look))) {
                @for run in runs(chart, series, layout) {
                    polyline class="line" fill="none" stroke=(colour_of(look)) stroke-width="2.4"
                        stroke-dasharray=(dash_of(look)) points=(points(&run)) {}
                    @for (x, y) in marked(&run) { (marker(look, *x, *y)) }
                }
            }
        }
        // On top, since a prediction that comes true lies on what was measured.
        @for series in predicted {
            g class="series predicted" {
                @for run in runs(chart, series, layout) {
                    polyline class="thin" fill="none" stroke="#222222" stroke-width="1"
                        stroke-dasharray="1 3" points=(points(&run)) {}
                }
            }
        }
    }
}

/// The stretches of a series without a gap, as points in the drawing.
fn runs(chart: &Chart, series: &Series, layout: &Layout) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for (place, value) in chart.places.iter().zip(&series.values) {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((layout.x(*place), layout.y(*value))),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The points of a run that carry a marker: some, the last one among them.
fn marked(run: &[(f64, f64)]) -> impl Iterator<Item = &(f64, f64)> {
    let every = run.len().div_ceil(MARKERS).max(1);
    run.iter().rev().step_by(every)
}

fn areas(chart: &Chart, layout: &Layout, id: &str) -> Markup {
    let reached: Vec<Vec<f64>> = (0..chart.places.len())
        .map(|index| stacked(chart, index))
        .collect();
    let edge = |series: Option<usize>| {
        let at = |(place, reached): (&f64, &Vec<f64>)| {
            let value = series
                .and_then(|series| reached.get(series))
                .copied()
                .unwrap_or(0.0);
            (layout.x(*place), layout.y(value))
        };
        chart
            .places
            .iter()
            .zip(&reached)
            .map(at)
            .collect::<Vec<_>>()
    };
    let outline = |look: usize| {
        let lower = edge(look.checked_sub(1)).into_iter().rev();
        points(
            &edge(Some(look))
                .into_iter()
                .chain(lower)
                .collect::<Vec<_>>(),
        )
    };
    html! {
        @for look in 0..chart.series.len() {
            @let outline = outline(look);
            g class=(format!("series {}", class_of(look))) {
                polygon class="area" fill=(colour_of(look)) stroke="#ffffff" stroke-width="0.8"
                    points=(outline) {}
                @if let Some(hatch) = hatch_of(look) {
                    polygon fill=(format!("url(#{id}-hatch{hatch})")) points=(outline) {}
                }
            }
        }
    }
}

fn marks(chart: &Chart, layout: &Layout) -> Markup {
    let words = |mark: &Mark| format!("{} at {}", mark.words, chart.place_in_words(mark.at));
    let mut labelled_to = f64::NEG_INFINITY;
    let mut has_room = |x: f64| {
        let room = x >= labelled_to && x + MARK_LABEL <= layout.frame.width;
        if room {
            labelled_to = x + MARK_LABEL;
        }
        room
    };
    html! {
        @for mark in &chart.marks {
            @let x = layout.x(mark.at);
            g class="mark" {
                title { (words(mark)) }
                line stroke="#777777" stroke-dasharray="2 3" x1=(n(x)) x2=(n(x))
                    y1=(n(layout.top)) y2=(n(layout.bottom())) {}
                @if has_room(x) {
                    text x=(n(x + 3.0)) y=(n(layout.top + 10.0)) { (mark.words) }
                }
            }
        }
    }
}

fn legend_entry(entry: &Entry<'_>, layout: &Layout, shape: Shape, id: &str) -> Markup {
    let (x, y) = (
        layout.left() + entry.x,
        2.0 + entry.row as f64 * legend::ROW + legend::ROW / 2.0,
    );
    let look = entry.look;
    let measured = entry.series.role == Role::Measured;
    let class = if measured {
        class_of(look)
    } else {
        "predicted".into()
    };
    html! {
        g class=(format!("legend {class}")) {
            title { (entry.series.name) }
            @if !measured {
                line class="thin" stroke="#222222" stroke-width="1" stroke-dasharray="1 3"
                    x1=(n(x)) x2=(n(x + 26.0)) y1=(n(y)) y2=(n(y)) {}
            } @else if shape == Shape::Lines {
                line class="line" stroke=(colour_of(look)) stroke-width="2.4"
                    stroke-dasharray=(dash_of(look)) x1=(n(x)) x2=(n(x + 26.0)) y1=(n(y)) y2=(n(y)) {}
                (marker(look, x + 13.0, y))
            } @else {
                rect class="area" fill=(colour_of(look)) x=(n(x)) y=(n(y - 6.0)) width="26" height="12" {}
                @if let Some(hatch) = hatch_of(look) {
                    rect fill=(format!("url(#{id}-hatch{hatch})")) x=(n(x)) y=(n(y - 6.0))
                        width="26" height="12" {}
                }
            }
            text x=(n(x + 31.0)) y=(n(y + 4.0)) { (entry.name) }
        }
    }
}

/// What a pointer finds: a column for each place, with its values in words and as figures.
fn columns(chart: &Chart, layout: &Layout) -> Markup {
    let x = |index: usize| chart.places.get(index).map(|place| layout.x(*place));
    let between = |a: usize, b: usize| Some((x(a)? + x(b)?) / 2.0);
    html! {
        g class="columns" {
            @for (index, place) in chart.places.iter().enumerate() {
                @let left = index.checked_sub(1).and_then(|before| between(before, index));
                @let left = left.unwrap_or(layout.left() - 6.0);
                @let right = between(index, index + 1).unwrap_or(layout.right() + 6.0);
                rect class="column" fill="none" x=(n(left)) y=(n(layout.top)) width=(n(right - left))
                    height=(n(layout.frame.plot_height)) data-at=(n(layout.x(*place))) data-place=(place)
                    data-values=(values(chart, index))
                {
                    title { (words(chart, index, *place)) }
                }
            }
        }
    }
}

/// The values at a place, as JSON.
fn values(chart: &Chart, index: usize) -> String {
    let value = |series: &Series| match series.values.get(index).copied().flatten() {
        Some(value) => value.to_string(),
        None => "null".into(),
    };
    let values: Vec<String> = chart.series.iter().map(value).collect();
    format!("[{}]", values.join(","))
}

/// The values at a place in lines.
fn words(chart: &Chart, index: usize, place: f64) -> String {
    let mut words = chart.place_in_words(place);
    for series in &chart.series {
        if let Some(value) = series.values.get(index).copied().flatten() {
            let name = clipped(&series.name);
            let _ = write!(words, "\n{name}: {}", figure(value));
        }
    }
    words
}
