//! The main chart alone, as an SVG file.

use super::charts;
use super::model::Report;
use crate::chart::svg;
use crate::plain_text::printable_lines;

/// Renders the chart that says the most; an empty one where nothing was measured.
pub fn render(report: &Report) -> String {
    printable_lines(&svg::file(&charts::main(report).thinned()))
}
