//! The formats that an audit is written in.

use clap::ValueEnum;
use leakcheck_report::model::audit::Audit;
use leakcheck_report::render::markdown;
use leakcheck_report::render::section_text::{Terminal, render_sections};

use super::{csv, html, summary};

/// A format of `--format` and `--export`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuditFormat {
    /// A table of claims, and a paragraph on each
    Table,
    /// One JSON document (`leakcheck.audit/v1`), with the whole report of each scenario
    Json,
    /// One row per claim and wiring
    Csv,
    /// The table and the paragraphs as GitHub-flavoured markdown
    Markdown,
    /// One HTML page with charts, to look at and to pass on
    Html,
}

impl AuditFormat {
    /// Renders an audit; `terminal` is for tables.
    ///
    /// # Errors
    /// As the format's own rendering.
    pub fn render(self, audit: &Audit, terminal: Terminal) -> anyhow::Result<String> {
        Ok(match self {
            Self::Table => render_sections(&summary::of(audit), terminal),
            Self::Json => serde_json::to_string_pretty(audit)?,
            Self::Csv => csv::render(audit)?,
            Self::Markdown => markdown::render_sections(&summary::of(audit)),
            Self::Html => html::render(audit),
        })
    }
}
