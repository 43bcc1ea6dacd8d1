//! The report as GitHub-flavoured markdown.

use std::fmt::Write;

use leakcheck_text::printable::printable;

use super::section::{Section, Table, Text};
use super::summary;
use crate::model::report::Report;

/// Renders a report.
pub fn render(report: &Report) -> String {
    render_sections(&summary::of(report))
}

/// Renders sections, each under a heading of the third level.
pub fn render_sections(sections: &[Section]) -> String {
    let mut out = String::new();
    for section in sections {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "### {}\n", escaped(&section.heading));
        if let Some(table) = &section.table {
            push_table(&mut out, table);
        }
        if section.table.is_some() && !section.notes.is_empty() {
            out.push('\n');
        }
        for note in &section.notes {
            let _ = writeln!(out, "- {}", escaped(note));
        }
    }
    out
}

fn push_table(out: &mut String, table: &Table) {
    let figures = |column: usize| {
        table
            .rows
            .first()
            .is_some_and(|row| matches!(row.get(column), Some(Text::Figure(_))))
    };
    let rule = |column| if figures(column) { "---:" } else { "---" };
    let header: Vec<String> = table.header.iter().map(|name| escaped(name)).collect();
    let rules: Vec<&str> = (0..table.header.len()).map(rule).collect();
    let _ = writeln!(out, "| {} |\n| {} |", header.join(" | "), rules.join(" | "));
    for row in &table.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|text| match text {
                Text::Words(words) | Text::Figure(words) => escaped(words),
                Text::Lines(lines) => {
                    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
                    lines.join("<br>")
                }
                Text::Verdict(verdict) => format!("**{}**", verdict.word()),
                Text::Outcome(outcome) => format!("**{}**", outcome.words()),
            })
            .collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

/// A text that markdown neither styles nor takes for a cell's end or for HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_cannot_end_a_cell_or_open_a_tag() {
        assert_eq!(escaped("a|b\n<script>*x*"), "a\\|b &lt;script&gt;\\*x\\*");
    }
}
