//! A gate: `WIRING.METRIC OP NUMBER`, or `WIRING.verdict == VERDICT`.
//!
//! ```text
//! gate    = wiring "." ( metric op number | "verdict" ( "==" | "!=" ) verdict )
//! wiring  = "*" | word            word   = one or more of A-Z a-z 0-9 _ -
//! op      = "<=" | "<" | ">=" | ">" | "==" | "!="
//! number  = [ "-" ] digits [ "." digits ]
//! ```

use std::fmt;
use std::ops::Range;

use leakcheck_text::nearest::nearest;

use super::comparison::Comparison;
use super::parse_error::ParseError;
use super::subject::GateSubject;
use crate::model::metric::Metric;
use crate::model::report::Verdict;

/// What an expression says in place of a metric to compare verdicts.
const VERDICT: &str = "verdict";

/// A condition that a wiring's part of a report must meet. Its text form is the expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    pub(super) subject: GateSubject,
    pub(super) condition: Condition,
}

/// What is demanded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Condition {
    /// Of a figure.
    Figure {
        /// Which.
        metric: Metric,
        /// How it is compared.
        comparison: Comparison,
        /// With what; finite, and never -0.
        bound: f64,
    },
    /// Of the verdict.
    Verdict {
        /// Whether it shall be this one, or any other.
        equal: bool,
        /// Which.
        verdict: Verdict,
    },
}

impl Gate {
    /// Reads an expression.
    ///
    /// # Errors
    /// Says what was expected and points to where; suggests the nearest metric or verdict.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser { text, at: 0 };
        parser.skip_spaces();
        let subject = parser.subject()?;
        if !parser.eat(".") {
            let expected = "expected a dot and a metric, as in fixed.tasks_per_rotation";
            return Err(parser.expected_here(expected));
        }
        let condition = parser.condition()?;
        parser.end()?;
        Ok(Self { subject, condition })
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.subject)?;
        match self.condition {
            Condition::Figure {
                metric,
                comparison,
                bound,
            } => write!(f, "{} {comparison} {bound}", metric.name()),
            Condition::Verdict { equal, verdict } => {
                let comparison = if equal { "==" } else { "!=" };
                write!(f, "{VERDICT} {comparison} {}", verdict.word())
            }
        }
    }
}

/// Reads from the left; `at` stands between two characters.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn subject(&mut self) -> Result<GateSubject, ParseError> {
        if self.eat("*") {
            return Ok(GateSubject::Every);
        }
        let (name, _) = self.word();
        if name.is_empty() {
            let expected = "expected a wiring's name, or * for every wiring";
            return Err(self.expected_here(expected));
        }
        Ok(GateSubject::Named(name.into()))
    }

    fn condition(&mut self) -> Result<Condition, ParseError> {
        let (name, place) = self.word();
        if name == VERDICT {
            let equal = self.equality()?;
            let verdict = self.verdict()?;
            return Ok(Condition::Verdict { equal, verdict });
        }
        let Some(metric) = Metric::named(name) else {
            let known: Vec<&str> = Metric::ALL.map(Metric::name).into();
            let known = [&known[..], &[VERDICT]].concat();
            return Err(self.unknown("metric", name, place, &known));
        };
        let (comparison, _) = self.comparison()?;
        let bound = self.number()?;
        Ok(Condition::Figure {
            metric,
            comparison,
            bound,
        })
    }

    fn comparison(&mut self) -> Result<(Comparison, Range<usize>), ParseError> {
        self.skip_spaces();
        let start = self.at;
        for comparison in Comparison::ALL {
            if self.eat(comparison.symbol()) {
                return Ok((comparison, start..self.at));
            }
        }
        let hint = match self.rest().starts_with('=') {
            true => " (equality is written ==)",
            false => "",
        };
        Err(self.expected_here(format!("expected one of <= < >= > == !={hint}")))
    }

    fn equality(&mut self) -> Result<bool, ParseError> {
        match self.comparison()? {
            (Comparison::Equal, _) => Ok(true),
            (Comparison::Unequal, _) => Ok(false),
            (_, place) => Err(self.error(place, "a verdict is compared by == or != only")),
        }
    }

    fn verdict(&mut self) -> Result<Verdict, ParseError> {
        self.skip_spaces();
        let (word, place) = self.word();
        let known = Verdict::ALL.map(Verdict::word);
        Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.word() == word)
            .ok_or_else(|| self.unknown(VERDICT, word, place, &known))
    }

    fn number(&mut self) -> Result<f64, ParseError> {
        self.skip_spaces();
        let start = self.at;
        self.eat("-");
        let mut whole = self.digits();
        if whole && self.eat(".") {
            whole = self.digits();
        }
        if !whole {
            return Err(self.expected_here("expected a number, such as 0, 0.5 or -1"));
        }
        let place = start..self.at;
        let value = self.text.get(place.clone()).map(str::parse::<f64>);
        match value {
            // Adding 0 turns -0 into 0.
            Some(Ok(value)) if value.is_finite() => Ok(value + 0.0),
            _ => Err(self.error(place, "this number is too large")),
        }
    }

    fn end(&mut self) -> Result<(), ParseError> {
        self.skip_spaces();
        if self.rest().is_empty() {
            return Ok(());
        }
        let place = self.at..self.text.len();
        Err(self.error(
            place,
            "expected the expression to end here; each condition is a --gate of its own",
        ))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        if there {
            self.at += token.len();
        }
        there
    }

    fn eat_while(&mut self, wanted: fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|other| !wanted(other)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.eat_while(char::is_whitespace);
    }

    fn digits(&mut self) -> bool {
        !self.eat_while(|c| c.is_ascii_digit()).is_empty()
    }

    fn word(&mut self) -> (&'a str, Range<usize>) {
        let start = self.at;
        let word = self.eat_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        (word, start..self.at)
    }

    fn error(&self, place: Range<usize>, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, place, message)
    }

    fn expected_here(&self, message: impl Into<String>) -> ParseError {
        self.error(self.at..self.at, message)
    }

    fn unknown(&self, what: &str, name: &str, place: Range<usize>, known: &[&str]) -> ParseError {
        let all = || known.join(", ");
        let message = match nearest(name, known.iter().copied()) {
            _ if name.is_empty() => format!("expected a {what}: one of {}", all()),
            Some(nearest) => format!("there is no {what} {name}; did you mean {nearest}?"),
            None => format!("there is no {what} {name}; there are {}", all()),
        };
        self.error(place, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        Gate::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn a_gate_reads_with_or_without_spaces() {
        let gate = Gate::parse("fixed.tasks_per_rotation <= 0").expect("valid");
        assert_eq!(Gate::parse(" fixed.tasks_per_rotation<=0\n"), Ok(gate));
    }

    #[test]
    fn a_misspelt_metric_is_pointed_at_and_answered_with_the_nearest_name() {
        assert_eq!(
            error("old.task_per_rotation <= 0"),
            "there is no metric task_per_rotation; did you mean tasks_per_rotation?\n  \
             old.task_per_rotation <= 0\n      ^^^^^^^^^^^^^^^^^"
        );
    }

    #[test]
    fn a_misspelt_verdict_is_pointed_at_and_answered_with_the_nearest_name() {
        assert_eq!(
            error("*.verdict == claen"),
            "there is no verdict claen; did you mean clean?\n  \
             *.verdict == claen\n               ^^^^^"
        );
    }

    #[test]
    fn a_metric_like_no_other_is_answered_with_all_of_them() {
        let message = error("old.xyz <= 0");
        for metric in Metric::ALL {
            assert!(message.contains(metric.name()), "{message}");
        }
        assert!(message.contains("verdict"), "{message}");
    }

    #[test]
    fn whatever_is_missing_is_named_and_pointed_at() {
        for (text, expected, column) in [
            ("", "expected a wiring's name", 0),
            (".verdict == clean", "expected a wiring's name", 0),
            ("old", "expected a dot and a metric", 3),
            ("old .verdict == clean", "expected a dot and a metric", 3),
            (
                "old. <= 0",
                "expected a metric: one of tasks_per_rotation",
                4,
            ),
            ("old.lines_lost", "expected one of <= < >= > == !=", 14),
            ("old.lines_lost = 0", "equality is written ==", 15),
            ("old.lines_lost =< 0", "expected one of <=", 15),
            ("old.lines_lost <= ", "expected a number", 18),
            ("old.lines_lost <= none", "expected a number", 18),
            ("old.lines_lost <= 0.", "expected a number", 20),
            ("old.lines_lost <= +1", "expected a number", 18),
            ("old.lines_lost <= NaN", "expected a number", 18),
            ("old.lines_lost <= inf", "expected a number", 18),
            (
                "old.lines_lost <= 1e3",
                "expected the expression to end",
                19,
            ),
            (
                "old.lines_lost <= 0 && x",
                "expected the expression to end",
                20,
            ),
            ("old.verdict <= clean", "compared by == or !=", 12),
            ("old.verdict == ", "expected a verdict: one of clean", 15),
            ("old.verdict == 0", "there is no verdict 0", 15),
        ] {
            let message = error(text);
            assert!(message.contains(expected), "{text}: {message}");
            let carets = message.lines().last().expect("a caret line");
            assert_eq!(carets.find('^'), Some(column + 2), "{text}: {message}");
        }
    }

    #[test]
    fn a_number_beyond_all_bounds_is_refused() {
        let text = format!("old.lines_lost <= {}", "9".repeat(400));
        assert!(error(&text).contains("too large"));
    }

    #[test]
    fn characters_that_move_a_cursor_are_not_shown() {
        let message = error("old\u{1b}[31m\n.x");
        assert!(!message.contains('\u{1b}'), "{message:?}");
        assert_eq!(message.lines().count(), 3, "{message:?}");
    }

    fn gates() -> impl Strategy<Value = Gate> {
        let subject = prop_oneof![
            Just(GateSubject::Every),
            "[A-Za-z0-9_-]{1,20}".prop_map(GateSubject::Named),
        ];
        let figure = (
            proptest::sample::select(Metric::ALL.to_vec()),
            proptest::sample::select(Comparison::ALL.to_vec()),
            any::<f64>().prop_filter("finite", |bound| bound.is_finite()),
        )
            .prop_map(|(metric, comparison, bound)| Condition::Figure {
                metric,
                comparison,
                bound: bound + 0.0,
            });
        let verdict = (
            any::<bool>(),
            proptest::sample::select(Verdict::ALL.to_vec()),
        )
            .prop_map(|(equal, verdict)| Condition::Verdict { equal, verdict });
        (subject, prop_oneof![figure, verdict])
            .prop_map(|(subject, condition)| Gate { subject, condition })
    }

    proptest! {
        #[test]
        fn a_gate_reads_as_what_it_is_shown_as(gate in gates()) {
            prop_assert_eq!(Gate::parse(&gate.to_string()), Ok(gate));
        }

        #[test]
        fn no_text_makes_the_parser_or_its_error_panic(text in any::<String>()) {
            let _ = Gate::parse(&text).map_err(|error| error.to_string());
        }

        #[test]
        fn nothing_near_an_expression_makes_them_panic(
            text in "[*a-z]{0,6}[.é ]?(tasks_per_rotation|verdict|é)?[ <>=!\u{1b}]{0,4}[-0-9.e€]{0,8}"
        ) {
            let _ = Gate::parse(&text).map_err(|error| error.to_string());
        }
    }
}
