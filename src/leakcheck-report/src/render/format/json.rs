//! The report as its JSON document.

use crate::model::report::Report;

/// Renders a report, indented, with a line end.
///
/// # Errors
/// Only where a rate is not a finite number, which the analysis never makes.
pub fn render(report: &Report) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}
