//! The formats that a run's report is written in.

use clap::ValueEnum;

use super::section_text::Terminal;
use super::{csv, gitlab, html, json, junit, markdown, openmetrics, svg, table};
use crate::model::report::Report;

/// A format of `--format` and `--export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Table,
    /// The whole report as one JSON document
    Json,
    /// The samples, a row for each
    Csv,
    /// The tables as GitHub-flavoured markdown
    Markdown,
    /// One HTML page with charts, to look at and to pass on
    Html,
    /// The main chart alone
    Svg,
    /// JUnit XML: a test case for each gate
    Junit,
    /// OpenMetrics text, for a collector that reads files
    Openmetrics,
    /// GitLab's code quality report: an entry for each gate that did not hold
    Gitlab,
}

impl Format {
    /// Whether a CI server reads it, which takes it for the last word: it is written at the end only.
    pub fn is_for_ci(self) -> bool {
        matches!(self, Self::Junit | Self::Openmetrics | Self::Gitlab)
    }

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
            Self::Html => html::render(report),
            Self::Svg => svg::render(report),
            Self::Junit => junit::render(report)?,
            Self::Openmetrics => openmetrics::render(report)?,
            Self::Gitlab => gitlab::render(report)?,
        })
    }
}
