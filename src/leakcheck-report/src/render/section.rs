//! What a summary is made of: sections with a table and notes, before any rendering.

use leakcheck_text::figures::told;

use crate::model::gate_result::Outcome;
use crate::model::report::Verdict;

/// A part of the summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub heading: String,
    /// Its table, where it has one.
    pub table: Option<Table>,
    /// What is to be said about it.
    pub notes: Vec<String>,
}

/// A table of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The columns' names.
    pub header: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Text>>,
}

/// A text in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Words, aligned to the left.
    Words(String),
    /// Words in lines that are not to be broken.
    Lines(Vec<String>),
    /// A figure, aligned to the right.
    Figure(String),
    /// A verdict, coloured where there are colours.
    Verdict(Verdict),
    /// What a gate came to, coloured likewise.
    Outcome(Outcome),
}

/// A table with these columns.
pub(super) fn table<N: ToString>(header: &[N], rows: impl IntoIterator<Item = Vec<Text>>) -> Table {
    Table {
        header: header.iter().map(ToString::to_string).collect(),
        rows: rows.into_iter().collect(),
    }
}

/// A rate, `-` where it is unknown.
pub(super) fn figure(value: Option<f64>) -> Text {
    Text::Figure(value.map_or_else(|| "-".into(), told))
}

/// A count, `-` where it is unknown.
pub(super) fn count(value: Option<u64>) -> Text {
    Text::Figure(value.map_or_else(|| "-".into(), |value| value.to_string()))
}

/// A factor without needless digits: 300, 2.5.
pub(super) fn trimmed(value: f64) -> String {
    format!("{value:.2}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}
