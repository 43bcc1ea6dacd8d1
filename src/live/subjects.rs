//! The wirings, or the process, with their counts.

use leakcheck_text::figures::told;

use super::state::{Count, Subject};
use super::table::{Cell, Column, LiveTable};
use super::text::one_line;
use super::view::View;

/// The columns that every subject has; those of its own facts follow.
fn columns(subjects: &[Subject]) -> Vec<Column> {
    let mut columns = vec![
        Column::words("", 0),
        Column::words("count", 0),
        Column::figures("first", 2),
        Column::figures("now", 0),
        Column::figures("growth", 0),
        Column::figures("each", 1),
    ];
    let facts = subjects.iter().map(|subject| &subject.facts);
    let facts = facts.max_by_key(|facts| facts.len()).into_iter().flatten();
    // What comes last is left out first.
    let ranked = facts
        .zip(3..)
        .map(|(fact, rank)| Column::figures(fact.heading, rank));
    columns.extend(ranked);
    columns
}

/// The rows that all of it takes.
pub(super) fn rows(subjects: &[Subject]) -> usize {
    let rows = subjects.iter().map(|subject| subject.counts.len().max(1));
    rows.sum()
}

/// The table in so many rows: where all do not fit, the first count of each subject, and where those do
/// not, how many more there are.
pub(super) fn table(subjects: &[Subject], room: usize, view: &View) -> LiveTable {
    let counts = match rows(subjects) <= room {
        true => usize::MAX,
        false => 1,
    };
    let shown = match subjects.len() <= room {
        true => subjects.len(),
        false => room.saturating_sub(1),
    };
    let mut rows: Vec<Vec<Cell>> = subjects
        .iter()
        .take(shown)
        .flat_map(|subject| rows_of(subject, counts, view))
        .collect();
    if shown < subjects.len() {
        rows.push(vec![format!("… {} more", subjects.len() - shown).into()]);
    }
    LiveTable {
        columns: columns(subjects),
        rows,
    }
}

fn rows_of(subject: &Subject, counts: usize, view: &View) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = subject
        .counts
        .iter()
        .take(counts)
        .map(|count| row(count, view))
        .collect();
    if rows.is_empty() {
        rows.push(vec![Cell::default(), "not read yet".to_owned().into()]);
    }
    rows[0][0] = subject.name.clone().into();
    if !subject.counts.is_empty() {
        let facts = subject
            .facts
            .iter()
            .map(|fact| one_line(&fact.value).into());
        rows[0].extend(facts);
    }
    rows
}

fn row(count: &Count, view: &View) -> Vec<Cell> {
    let first = count.first.map_or("-".into(), |first| first.to_string());
    let growth = count
        .first
        .map(|first| i128::from(count.now) - i128::from(first));
    vec![
        Cell::default(),
        count.what.to_owned().into(),
        first.into(),
        count.now.to_string().into(),
        grown(growth, view),
        each(count.each),
    ]
}

/// Growth with its sign, and in a colour where there are colours.
pub(super) fn grown(growth: Option<i128>, view: &View) -> Cell {
    Cell {
        text: growth.map_or("-".into(), |growth| format!("{growth:+}")),
        style: view.colour_of_growth(growth.unwrap_or(0)),
    }
}

/// A slope.
pub(super) fn each(each: Option<f64>) -> Cell {
    each.map_or("-".into(), told).into()
}
