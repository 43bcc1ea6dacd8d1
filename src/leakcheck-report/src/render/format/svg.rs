//! The main chart alone, as an SVG file.

use leakcheck_text::printable::printable_lines;

use crate::model::report::Report;
use crate::render::chart::svg;
use crate::render::charts;

/// Renders the chart that says the most; an empty one where nothing was measured.
pub fn render(report: &Report) -> String {
    printable_lines(&svg::file(&charts::main(report).thinned()))
}
