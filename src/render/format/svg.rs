//! The main chart alone, as an SVG file.

use crate::model::report::Report;
use crate::render::chart::svg;
use crate::render::charts;
use crate::text::printable::printable_lines;

/// Renders the chart that says the most; an empty one where nothing was measured.
pub fn render(report: &Report) -> String {
    printable_lines(&svg::file(&charts::main(report).thinned()))
}
