//! A scenario's file: what is claimed, by whom, and the conditions to try it under.

use std::collections::BTreeMap;
use std::ops::Range;

use leakcheck_report::gate::expression::Gate;
use leakcheck_report::model::predict::Driver;
use leakcheck_text::nearest::nearest;
use log_monitor::wiring::Wiring;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::experiment::plan::Engine;
use crate::experiment::settings::TypedSettings;

/// An experiment as data.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The file's name without its ending; what `--scenario` takes.
    #[serde(skip)]
    pub name: String,
    /// What it is about, in a line.
    pub title: String,
    /// What is claimed.
    pub claim: String,
    /// Who claimed it.
    pub claimed_by: String,
    /// How sure they were, in their words.
    #[serde(default)]
    pub confidence: Option<String>,
    /// What the incident's own logs say of it, in words.
    #[serde(default)]
    pub in_the_incident: Option<String>,
    /// How many containers it takes for the claim to mean anything.
    #[serde(default = "one")]
    pub least_containers: usize,
    /// The conditions to try it under; what is not said has the default of `leakcheck run`.
    #[serde(default)]
    pub run: TypedSettings,
    /// What the claim predicts, and what confirms or refutes it; an experiment without it can be
    /// run, but not audited.
    #[serde(default)]
    pub judgement: Option<Judgement>,
    /// The claim about which clock drives the leak.
    #[serde(default)]
    pub driver: Option<DriverClaim>,
    /// What wirings did in Go under these conditions, by their names; measured once elsewhere.
    #[serde(default)]
    pub go_reference: BTreeMap<String, GoFigures>,
}

/// Which clock is claimed to drive the leak of one wiring.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DriverClaim {
    /// The wiring whose rates are measured at other intervals too.
    pub wiring: String,
    /// The clock that is claimed.
    pub expected: Driver,
}

/// What a wiring did in Go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GoFigures {
    /// Goroutines left per rotation per container.
    #[serde(default)]
    pub goroutines: Option<f64>,
    /// File descriptors left per rotation per container.
    #[serde(default)]
    pub fds: Option<f64>,
    /// Containers that stopped rotating, as in `38 of 50`.
    #[serde(default)]
    pub hung: Option<String>,
}

/// What confirms a claim and what refutes it: the first list of which every gate holds decides.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Judgement {
    /// What the claim predicts, in words.
    pub predicts: String,
    /// Gates that all hold where the claim is right.
    #[serde(deserialize_with = "gates")]
    pub confirmed_if: Vec<Gate>,
    /// Gates that all hold where the claim is partly right.
    #[serde(default, deserialize_with = "gates")]
    pub partly_if: Vec<Gate>,
    /// The condition under which a claim that is partly right is right.
    #[serde(default)]
    pub partly_when: Option<String>,
    /// Gates that all hold where the claim is wrong.
    #[serde(deserialize_with = "gates")]
    pub refuted_if: Vec<Gate>,
}

fn one() -> usize {
    1
}

fn gates<'de, D: Deserializer<'de>>(file: D) -> Result<Vec<Gate>, D::Error> {
    let expressions = Vec::<String>::deserialize(file)?;
    let gate = |text: &String| Gate::parse(text).map_err(D::Error::custom);
    expressions.iter().map(gate).collect()
}

impl Scenario {
    /// Reads a scenario's file.
    ///
    /// # Errors
    /// Says at which line and column the text is wrong, and names the nearest key there is.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| explain(&error))?;
        scenario.check(text)?;
        Ok(Self {
            name: name.into(),
            ..scenario
        })
    }

    /// What the types do not say: whatever is said of a wiring or a clock must be of one that the
    /// scenario runs, and its conditions must not contradict each other.
    fn check(&self, text: &str) -> Result<(), String> {
        let places: Places = toml::from_str(text).map_err(|error| explain(&error))?;
        let planned = self.run.clone().plan(Engine::Synthetic);
        let plan = planned.map_err(|failure| {
            // The conditions are named by their flags, which in a file are keys.
            let message = failure.to_string().replace("--", "");
            at(text, places.run.as_ref().map(Spanned::span), &message)
        })?;
        let names = || plan.wirings.iter().map(|wiring| wiring.name.as_str());
        let known = |wiring: &str| match names().any(|name| name == wiring) {
            true => Ok(()),
            false => {
                let hint = nearest(wiring, names())
                    .map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
                let run = names().collect::<Vec<_>>().join(", ");
                Err(format!(
                    "the scenario does not run the wiring {wiring:?}, but {run}{hint}"
                ))
            }
        };
        if let Some(judgement) = &self.judgement {
            let place = places.judgement.as_ref();
            let of_gates = place.into_iter().flat_map(|place| place.get_ref().gates());
            for (gate, place) in judgement.gates().zip(of_gates) {
                gate.check_wirings(names())
                    .map_err(|error| at(text, Some(place), &error.to_string()))?;
            }
            let span = place.map(Spanned::span);
            judgement.check().map_err(|error| at(text, span, error))?;
        }
        for (wiring, place) in self.go_reference.keys().zip(places.go_reference.keys()) {
            known(wiring).map_err(|error| at(text, Some(place.span()), &error))?;
        }
        let (Some(driver), Some(place)) = (&self.driver, &places.driver) else {
            return Ok(());
        };
        let place = place.get_ref();
        known(&driver.wiring).map_err(|error| at(text, Some(place.wiring.span()), &error))?;
        let checks =
            |wiring: &Wiring| wiring.name == driver.wiring && wiring.health_check.is_some();
        let possible = match driver.expected {
            Driver::Rotation | Driver::Time => true,
            Driver::HealthCheck => plan.wirings.iter().any(checks),
            Driver::Restart => plan.settings.restart().is_some(),
        };
        let impossible = "nothing in this scenario goes by that clock";
        match possible {
            true => Ok(()),
            false => Err(at(text, Some(place.expected.span()), impossible)),
        }
    }
}

impl Judgement {
    /// All gates, those of one list after those of the other.
    fn gates(&self) -> impl Iterator<Item = &Gate> {
        let Self {
            confirmed_if,
            partly_if,
            refuted_if,
            ..
        } = self;
        confirmed_if.iter().chain(partly_if).chain(refuted_if)
    }

    /// A claim must be able to stand, and to fall.
    fn check(&self) -> Result<(), &'static str> {
        if self.confirmed_if.is_empty() || self.refuted_if.is_empty() {
            return Err("confirmed-if and refuted-if need a gate each: what would show it?");
        }
        match (self.partly_if.is_empty(), &self.partly_when) {
            (true, None) | (false, Some(_)) => Ok(()),
            _ => Err("partly-if and partly-when belong together: the gates, and the condition"),
        }
    }
}

/// Where a scenario's file says what is checked once it has been read.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Places {
    run: Option<Spanned<toml::Table>>,
    judgement: Option<Spanned<JudgementPlaces>>,
    driver: Option<Spanned<DriverPlaces>>,
    #[serde(default)]
    go_reference: BTreeMap<Spanned<String>, toml::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JudgementPlaces {
    confirmed_if: Vec<Spanned<String>>,
    #[serde(default)]
    partly_if: Vec<Spanned<String>>,
    refuted_if: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
struct DriverPlaces {
    wiring: Spanned<String>,
    expected: Spanned<String>,
}

impl JudgementPlaces {
    /// Those of [`Judgement::gates`], in the same order.
    fn gates(&self) -> impl Iterator<Item = Range<usize>> {
        let lists = [&self.confirmed_if, &self.partly_if, &self.refuted_if];
        lists.into_iter().flatten().map(Spanned::span)
    }
}

/// A message about a place, in the form of the parser's own. What has no place is about the
/// whole file.
fn at(text: &str, place: Option<Range<usize>>, message: &str) -> String {
    let start = place.map_or(0, |place| place.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count();
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count();
    let shown = text.lines().nth(line).unwrap_or_default();
    format!(
        "at line {}, column {}\n  |\n  | {shown}\n  | {}^\n{message}",
        line + 1,
        column + 1,
        " ".repeat(column)
    )
}

/// The parser's message, which shows the line; of a misspelt key, with the nearest there is.
fn explain(error: &toml::de::Error) -> String {
    let mut words = error.to_string().trim_end().to_owned();
    let message = error.message();
    // serde lists every known key or value behind the unknown one, each in backticks.
    let unknown = ["unknown field ", "unknown variant "];
    if let Some(listed) = unknown.iter().find_map(|words| message.strip_prefix(words)) {
        let mut names = listed.split('`').skip(1).step_by(2);
        let unknown = names.next().unwrap_or_default();
        if let Some(nearest) = nearest(unknown, names) {
            words += &format!("\ndid you mean `{nearest}`?");
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(run: &str) -> String {
        let head = "title = \"t\"\nclaim = \"c\"\nclaimed-by = \"we\"\n";
        Scenario::parse("x", &format!("{head}[run]\n{run}\n")).expect_err("must be refused")
    }

    #[test]
    fn a_misspelt_key_is_answered_with_its_place_and_the_nearest_key() {
        let message = refusal("contaners = 5");
        assert!(message.contains("line 5, column 1"), "{message}");
        assert!(message.contains("did you mean `containers`?"), "{message}");
    }

    #[test]
    fn a_wrong_type_is_answered_with_its_place() {
        let message = refusal("containers = \"many\"");
        assert!(message.contains("line 5, column 14"), "{message}");
        assert!(message.contains("write a number between"), "{message}");
    }

    #[test]
    fn an_impossible_value_is_answered_with_what_would_be_possible() {
        for (run, expected) in [
            ("containers = 0", "between 1 and 100000"),
            ("silent = 1.5", "between 0 and 1"),
            ("rotation = \"0s\"", "longer than zero"),
            ("rotation = \"5\"", "a number and a unit"),
            ("clock = \"fast\"", "`compressed`"),
            ("wirings = [\"fixd\"]", "did you mean fixed?"),
        ] {
            let message = refusal(run);
            assert!(message.contains(expected), "{run}: {message}");
            assert!(message.contains("line 5"), "{run}: {message}");
        }
    }

    #[test]
    fn a_gate_is_checked_like_any_other_value() {
        let head =
            "title = \"t\"\nclaim = \"c\"\nclaimed-by = \"we\"\n[judgement]\npredicts = \"p\"\n";
        for (confirmed_if, expected) in [
            ("fixed.taks_per_rotation <= 0", "tasks_per_rotation"),
            ("fixd.verdict == clean", "line 6, column 17"),
            ("fixed.verdict", "line 6"),
        ] {
            let text = format!(
                "{head}confirmed-if = [\"{confirmed_if}\"]\nrefuted-if = [\"old.fds_per_rotation > 0\"]\n"
            );
            let message = Scenario::parse("x", &text).expect_err("must be refused");
            assert!(message.contains(expected), "{confirmed_if}: {message}");
        }
    }

    #[test]
    fn what_is_said_of_a_wiring_or_a_clock_must_be_of_one_that_runs() {
        let head = "title = \"t\"\nclaim = \"c\"\nclaimed-by = \"we\"\n";
        for (tail, place, says) in [
            (
                "[go-reference]\nfixd = { fds = 1.0 }\n",
                "line 5, column 1",
                "did you mean fixed?",
            ),
            (
                "[go-reference]\nfixed = { fd = 1.0 }\n",
                "line 5",
                "did you mean `fds`?",
            ),
            (
                "[driver]\nwiring = \"old\"\nexpected = \"health-check\"\n",
                "line 6, column 12",
                "nothing in this scenario goes by that clock",
            ),
            (
                "[driver]\nwiring = \"old\"\nexpected = \"rotatoin\"\n",
                "line 6, column 12",
                "`rotation`",
            ),
        ] {
            let message = Scenario::parse("x", &format!("{head}{tail}")).expect_err("refused");
            assert!(message.contains(place), "{message}");
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn a_missing_title_is_asked_for() {
        let message = Scenario::parse("x", "claim = \"c\"").expect_err("no title");
        assert!(message.contains("missing field `title`"), "{message}");
    }
}
