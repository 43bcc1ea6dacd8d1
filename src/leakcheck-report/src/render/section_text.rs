//! Sections as text for a terminal.

use std::fmt::Write;

use comfy_table::presets::UTF8_NO_BORDERS;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Width,
};
use comfy_table::{LineStyle, TableStyle};
use leakcheck_text::printable::{printable, shortened};

use super::section::{Section, Table, Text};
use crate::model::gate_result::Outcome;
use crate::model::report::Verdict;

/// The look of every table: rules between columns and below the header, and no others.
pub const STYLE: TableStyle = UTF8_NO_BORDERS.row_separator(LineStyle::none());

/// How a terminal shows a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Columns.
    pub width: u16,
    /// Whether it shows colours.
    pub colours: bool,
    /// Whether small charts are drawn: somebody looks.
    pub charts: bool,
}

impl Terminal {
    /// A terminal of 80 columns without colours: what a pipe or a file gets.
    pub const PLAIN: Self = Self {
        width: 80,
        colours: false,
        charts: false,
    };
}

/// Renders sections, an empty line between two.
pub fn render_sections(sections: &[Section], terminal: Terminal) -> String {
    let mut out = String::new();
    for section in sections {
        if !out.is_empty() {
            out.push('\n');
        }
        render_section(&mut out, section, terminal);
    }
    out
}

fn render_section(out: &mut String, section: &Section, terminal: Terminal) {
    push_wrapped(out, &section.heading, terminal.width);
    if let Some(table) = &section.table {
        let _ = writeln!(out, "{}", comfy(table, terminal).trim_fmt());
    }
    for note in &section.notes {
        push_wrapped(out, note, terminal.width);
    }
}

fn comfy(table: &Table, terminal: Terminal) -> comfy_table::Table {
    let mut rendered = comfy_table::Table::new();
    rendered
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(terminal.width)
        .set_header(table.header.iter().map(|name| plain(name)));
    if terminal.colours {
        rendered.enforce_styling();
    } else {
        rendered.force_no_tty();
    }
    for row in &table.rows {
        rendered.add_row(row.iter().enumerate().map(cell));
    }
    for (column, width) in rendered
        .column_iter_mut()
        .zip(narrowest(table, terminal.width))
    {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
    rendered
}

/// The widths below which columns would break a word; where they do not fit the terminal together,
/// the widest ones give way.
fn narrowest(table: &Table, width: u16) -> Vec<u16> {
    /// A space on either side of a cell.
    const PADDING: usize = 2;
    let longest = |parts: &mut dyn Iterator<Item = &str>| {
        parts.map(|part| part.chars().count()).max().unwrap_or(0)
    };
    let longest_word = |text: &str| longest(&mut text.split_whitespace());
    let unbroken = |column, text: &Text| match text {
        Text::Lines(_) => longest(&mut words(column, text).lines()),
        text => longest_word(&words(column, text)),
    };
    let mut widths: Vec<usize> = table
        .header
        .iter()
        .enumerate()
        .map(|(column, name)| {
            let cells = table.rows.iter().filter_map(|row| row.get(column));
            let cells = cells.map(|text| unbroken(column, text));
            cells.chain([longest_word(&plain(name))]).max().unwrap_or(0) + PADDING
        })
        .collect();
    // A rule between columns.
    let room = usize::from(width).saturating_sub(widths.len() - 1);
    while widths.iter().sum::<usize>() > room
        && let Some(widest) = widths.iter_mut().max()
        && *widest > PADDING + 1
    {
        *widest -= 1;
    }
    widths
        .into_iter()
        .map(|width| u16::try_from(width).unwrap_or(u16::MAX))
        .collect()
}

fn cell((column, text): (usize, &Text)) -> Cell {
    let cell = Cell::new(words(column, text));
    let colour = match text {
        Text::Words(_) | Text::Lines(_) => return cell,
        Text::Figure(_) => return cell.set_alignment(CellAlignment::Right),
        Text::Verdict(Verdict::Clean) | Text::Outcome(Outcome::Held) => Color::Green,
        Text::Verdict(Verdict::Leaking | Verdict::Hung | Verdict::Starved)
        | Text::Outcome(Outcome::Failed) => Color::Red,
        Text::Verdict(Verdict::Inconclusive) | Text::Outcome(Outcome::NoVerdict) => Color::Yellow,
    };
    cell.fg(colour).add_attribute(Attribute::Bold)
}

/// What stands in a cell. The first column names wirings: a long name is broken behind a hyphen.
fn words(column: usize, text: &Text) -> String {
    const LONG_NAME: usize = 10;
    let name = match text {
        Text::Words(name) if column == 0 => plain(name),
        Text::Words(words) | Text::Figure(words) => return plain(words),
        Text::Lines(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| plain(line)).collect();
            return lines.join("\n");
        }
        Text::Verdict(verdict) => return verdict.word().into(),
        Text::Outcome(outcome) => return outcome.words().into(),
    };
    let mut broken = String::new();
    let mut line = 0;
    for part in name.split_inclusive('-') {
        if line > 0 && line + part.len() > LONG_NAME {
            broken.push('\n');
            line = 0;
        }
        broken.push_str(part);
        line += part.len();
    }
    broken
}

/// A text from wherever, fit for a terminal: without control characters, and no word so long that it
/// fills it.
fn plain(text: &str) -> String {
    const LONGEST_WORD: usize = 160;
    let text = printable(text);
    let words = text.split(' ').map(|word| shortened(word, LONGEST_WORD));
    words.collect::<Vec<_>>().join(" ")
}

/// Adds a text in lines of at most `width` columns, further lines indented.
pub fn push_wrapped(out: &mut String, text: &str, width: u16) {
    let mut column = 0;
    for word in plain(text).split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > usize::from(width) {
            out.push_str("\n  ");
            column = 2;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}
