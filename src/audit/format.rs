//! An audit in the formats of `--format` and `--export`.

use super::claim::Audit;
use super::{csv, summary};
use crate::report::format::Format;
use crate::report::table::Terminal;
use crate::report::{markdown, table};

/// Renders an audit; `terminal` is for tables.
///
/// # Errors
/// As the format's own rendering.
pub fn render(audit: &Audit, format: Format, terminal: Terminal) -> anyhow::Result<String> {
    Ok(match format {
        Format::Table => table::render_sections(&summary::of(audit), terminal),
        Format::Json => serde_json::to_string_pretty(audit)?,
        Format::Csv => csv::render(audit)?,
        Format::Markdown => markdown::render_sections(&summary::of(audit)),
    })
}
