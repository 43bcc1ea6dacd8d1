//! The form in which a command prints a document of its own.

use clap::ValueEnum;
use leakcheck_report::render::markdown;
use leakcheck_report::render::section::Section;
use leakcheck_report::render::section_text::render_sections;
use serde::Serialize;

use super::output;

/// What `--format` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DocumentFormat {
    /// Tables for people
    Table,
    /// One JSON document; `leakcheck schema` prints its schema
    Json,
    /// The tables as GitHub-flavoured markdown
    Markdown,
}

impl DocumentFormat {
    /// Renders a document, by its sections where people read it.
    ///
    /// # Errors
    /// Only where the document cannot be written as JSON.
    pub(super) fn render<D: Serialize>(
        self,
        document: &D,
        sections: fn(&D) -> Vec<Section>,
    ) -> anyhow::Result<String> {
        Ok(match self {
            Self::Table => render_sections(&sections(document), output::terminal()),
            Self::Json => serde_json::to_string_pretty(document)?,
            Self::Markdown => markdown::render_sections(&sections(document)),
        })
    }
}
