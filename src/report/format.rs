//! The formats that a report is written in.

use clap::ValueEnum;

use super::model::Report;
use super::table::Terminal;
use super::{csv, json, markdown, table};

/// A format of `--format` and `--export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Table,
    /// The whole report as one JSON document
    Json,
    /// Rows for a spreadsheet: of a run each wiring's samples, of an audit each claim's wirings
    Csv,
    /// The tables as GitHub-flavoured markdown
    Markdown,
}

impl Format {
    /// Renders a report; `terminal` is for tables.
    ///
    /// # Errors
    /// As the format's own rendering.
    pub fn render(self, report: &Report, terminal: Terminal) -> anyhow::Result<String> {
        Ok(match self {
            Self::Table => table::render(report, terminal),
            Self::Json => json::render(report)?,
            Self::Csv => csv::render(report)?,
            Self::Markdown => markdown::render(report),
        })
    }
}
