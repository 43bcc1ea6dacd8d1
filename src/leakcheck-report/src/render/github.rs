//! What GitHub Actions reads of a report: annotations, as workflow commands, and the job summary.
//!
//! The commands and their escaping are those of GitHub's documentation on workflow commands and of
//! its actions toolkit.

use leakcheck_text::printable::printable;

use super::markdown;
use crate::model::report::{GateResult, Outcome, Report};

/// GitHub shows no more annotations of one kind than these in a step.
const ANNOTATIONS: usize = 10;
/// It takes a job summary of up to 1 MiB in a step.
const SUMMARY_BYTES: usize = 1024 * 1024;

/// A workflow command a line: an error for each gate that failed, a warning for each without a
/// verdict. Where they are more than GitHub shows, the last one says how many are left out.
pub fn annotations(gates: &[GateResult]) -> String {
    let of = |outcome| gates.iter().filter(move |gate| gate.outcome == outcome);
    let mut out = String::new();
    for (command, outcome) in [("error", Outcome::Failed), ("warning", Outcome::NoVerdict)] {
        let all: Vec<&GateResult> = of(outcome).collect();
        let shown = match all.len() {
            count if count > ANNOTATIONS => ANNOTATIONS - 1,
            count => count,
        };
        for gate in &all[..shown] {
            let title = format!("leakcheck: {}", printable(&gate.expr));
            push(&mut out, command, &title, &printable(&gate.reason));
        }
        let left_out = &all[shown..];
        if !left_out.is_empty() {
            let names: Vec<String> = left_out.iter().map(|gate| printable(&gate.expr)).collect();
            let title = format!("leakcheck: {} more", left_out.len());
            push(&mut out, command, &title, &names.join("\n"));
        }
    }
    out
}

fn push(out: &mut String, command: &str, title: &str, message: &str) {
    let (title, message) = (property(title), data(message));
    *out += &format!("::{command} title={title}::{message}\n");
}

/// A command's message: a line end would end the command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A command's property, which colons and commas end besides.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The report as markdown for a job summary that holds so many bytes already; without what GitHub
/// would not take.
pub fn summary(report: &Report, there: usize) -> String {
    const CUT: &str = "\n\nThe summary is cut off here: GitHub takes no more.\n";
    let mut text = markdown::render(report) + "\n";
    let room = SUMMARY_BYTES.saturating_sub(there);
    if text.len() > room {
        let Some(room) = room.checked_sub(CUT.len()) else {
            return String::new();
        };
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or(0));
        text += CUT;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(number: usize, outcome: Outcome) -> GateResult {
        GateResult {
            expr: format!("old.tasks_per_rotation <= {number}"),
            held: outcome == Outcome::Held,
            outcome,
            wiring: "old".into(),
            measured: None,
            reason: "100 % of it leaks\n::stop-commands::x".into(),
        }
    }

    #[test]
    fn a_failed_gate_is_an_error_and_one_without_a_verdict_a_warning() {
        let gates = [
            gate(1, Outcome::Failed),
            gate(2, Outcome::Held),
            gate(3, Outcome::NoVerdict),
        ];
        insta::assert_snapshot!(annotations(&gates), @"
        ::error title=leakcheck%3A old.tasks_per_rotation <= 1::100 %25 of it leaks ::stop-commands::x
        ::warning title=leakcheck%3A old.tasks_per_rotation <= 3::100 %25 of it leaks ::stop-commands::x
        ");
    }

    #[test]
    fn no_more_annotations_are_made_than_github_shows() {
        let gates: Vec<GateResult> = (0..25).map(|n| gate(n, Outcome::Failed)).collect();
        let lines = annotations(&gates);
        assert_eq!(lines.lines().count(), ANNOTATIONS);
        let last = lines.lines().last().expect("a line");
        assert!(last.contains("title=leakcheck%3A 16 more::"), "{last}");
    }

    #[test]
    fn a_summary_keeps_within_what_is_left_of_the_steps() {
        let report = crate::gate::test_report::report([]);
        let whole = summary(&report, 0);
        assert!(summary(&report, SUMMARY_BYTES - whole.len()) == whole);
        let cut = summary(&report, SUMMARY_BYTES - whole.len() + 1);
        assert!(
            cut.len() < whole.len() && cut.ends_with("GitHub takes no more.\n"),
            "{cut}"
        );
        assert_eq!(summary(&report, SUMMARY_BYTES), "");
    }

    #[test]
    fn a_property_escapes_what_would_end_it() {
        assert_eq!(property("a:b,c%d\r\ne"), "a%3Ab%2Cc%25d%0D%0Ae");
    }
}
