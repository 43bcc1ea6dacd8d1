//! A summary's section on a page: its heading, its table and its notes.

use maud::{Markup, html};

use super::text::text;
use crate::model::report::{Outcome, Verdict};
use crate::render::section::{Section, Table, Text};

/// A table of more rows scrolls.
const TALL: usize = 40;
const NOTES_SEEN: usize = 20;

/// A section under a heading of the second level.
pub fn render_section(section: &Section) -> Markup {
    html! {
        section {
            h2 { (text(&section.heading)) }
            @if let Some(table) = &section.table { (rows_of(table, &section.heading)) }
            (notes(&section.notes))
        }
    }
}

/// A list of notes; a long one is folded up but for its start.
fn notes(notes: &[String]) -> Markup {
    let (seen, folded) = notes.split_at(notes.len().min(NOTES_SEEN));
    let list = |notes: &[String]| {
        html! { ul { @for note in notes { li { (text(note)) } } } }
    };
    html! {
        @if !seen.is_empty() { (list(seen)) }
        @if !folded.is_empty() {
            details { summary { "and " (folded.len()) " more" } (list(folded)) }
        }
    }
}

fn rows_of(table: &Table, caption: &str) -> Markup {
    let figures = |column: usize| {
        let first = table.rows.first().and_then(|row| row.get(column));
        matches!(first, Some(Text::Figure(_)))
    };
    html! {
        div class=(if table.rows.len() > TALL { "scroll tall" } else { "scroll" }) {
            table {
                caption class="unseen" { (text(caption)) }
                thead {
                    tr {
                        @for (column, name) in table.header.iter().enumerate() {
                            th scope="col" class=[figures(column).then_some("figure")] { (text(name)) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr { @for cell in row { (cell_of(cell)) } }
                    }
                }
            }
        }
    }
}

fn cell_of(cell: &Text) -> Markup {
    html! {
        @match cell {
            Text::Figure(figure) => td class="figure" { (text(figure)) },
            other => td { (words_of(other)) },
        }
    }
}

/// What stands in a cell.
pub fn words_of(cell: &Text) -> Markup {
    html! {
        @match cell {
            Text::Words(words) | Text::Figure(words) => (text(words)),
            Text::Lines(lines) => {
                @for (number, line) in lines.iter().enumerate() {
                    @if number > 0 { br; }
                    (text(line))
                }
            },
            Text::Verdict(verdict) => (badge(verdict.word(), tone_of(*verdict))),
            Text::Outcome(outcome) => (badge(outcome.words(), tone_of_outcome(*outcome))),
        }
    }
}

/// A verdict's word, marked by colour and by sign.
pub fn badge(word: &str, tone: Tone) -> Markup {
    let sign = match tone {
        Tone::Good => "✓",
        Tone::Bad => "✗",
        Tone::Open => "?",
    };
    html! {
        span class=(format!("badge {}", tone.class())) { span aria-hidden="true" { (sign) " " } (word) }
    }
}

/// How a verdict is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// Nobody knows.
    Open,
}

impl Tone {
    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }
}

/// How a monitor's verdict is taken.
pub fn tone_of(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Clean => Tone::Good,
        Verdict::Leaking | Verdict::Hung | Verdict::Starved => Tone::Bad,
        Verdict::Inconclusive => Tone::Open,
    }
}

fn tone_of_outcome(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Held => Tone::Good,
        Outcome::Failed => Tone::Bad,
        Outcome::NoVerdict => Tone::Open,
    }
}
