//! The report as tables for a terminal.

use leakcheck_text::printable::printable_lines;

use crate::model::report::Report;
use crate::render::chart::sparkline;
use crate::render::charts;
use crate::render::section_text::{Terminal, render_sections};
use crate::render::summary;

/// Renders a report; where somebody looks, with a small chart of each count at the end.
pub fn render(report: &Report, terminal: Terminal) -> String {
    let mut out = render_sections(&summary::of(report), terminal);
    if terminal.charts {
        let charts = charts::counts(report);
        let drawn = charts
            .iter()
            .filter_map(|chart| sparkline::render(chart, terminal.width));
        for chart in drawn {
            out.push('\n');
            out.push_str(&printable_lines(&chart));
        }
    }
    out
}
