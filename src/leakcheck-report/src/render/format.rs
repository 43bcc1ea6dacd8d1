//! The formats that a run's report is written in: the list of them. A new one has a file of its own beside the
//! others, and its place here.

mod csv;
mod gitlab;
mod json;
mod junit;
mod openmetrics;
mod svg;
mod table;

use clap::ValueEnum;

use super::section_text::Terminal;
use super::{html, markdown};
use crate::model::report::Report;

/// When an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// After each rotation, and at the end.
    AfterEachRotation,
    /// At the end only: a CI server reads it, which takes it for the last word.
    AtTheEnd,
}

use Written::{AfterEachRotation, AtTheEnd};

/// Renders a report; the terminal is for tables.
type Render = fn(&Report, Terminal) -> anyhow::Result<String>;

/// The list makes of each row, its first line being the help on it, a format of `--format` and `--export`.
macro_rules! formats {
    ($($(#[$help:meta])+ $name:ident: $written:expr, $render:expr;)+) => {
        /// A format of `--format` and `--export`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub enum Format {
            $($(#[$help])+ $name),+
        }

        impl Format {
            fn row(self) -> (Written, Render) {
                match self {
                    $(Self::$name => ($written, $render)),+
                }
            }
        }
    };
}

formats! {
    /// Tables for people
    Table: AfterEachRotation, |report, terminal| Ok(table::render(report, terminal));
    /// The whole report as one JSON document
    Json: AfterEachRotation, |report, _| json::render(report);
    /// The samples, a row for each
    Csv: AfterEachRotation, |report, _| csv::render(report);
    /// The tables as GitHub-flavoured markdown
    Markdown: AfterEachRotation, |report, _| Ok(markdown::render(report));
    /// One HTML page with charts, to look at and to pass on
    Html: AfterEachRotation, |report, _| Ok(html::render(report));
    /// The main chart alone
    Svg: AfterEachRotation, |report, _| Ok(svg::render(report));
    /// JUnit XML: a test case for each gate
    Junit: AtTheEnd, |report, _| Ok(junit::render(report));
    /// OpenMetrics text, for a collector that reads files
    Openmetrics: AtTheEnd, |report, _| openmetrics::render(report);
    /// GitLab's code quality report: an entry for each gate that did not hold
    Gitlab: AtTheEnd, |report, _| gitlab::render(report);
}

impl Format {
    /// Whether it is written at the end only, and not while a run goes on.
    pub fn is_for_the_end(self) -> bool {
        self.row().0 == AtTheEnd
    }

    /// Renders a report; `terminal` is for tables.
    ///
    /// # Errors
    /// As the format's own rendering.
    pub fn render(self, report: &Report, terminal: Terminal) -> anyhow::Result<String> {
        (self.row().1)(report, terminal)
    }
}
