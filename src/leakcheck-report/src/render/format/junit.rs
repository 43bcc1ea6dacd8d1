//! A report as JUnit XML, the form in which CI servers read test results.

use leakcheck_text::printable::printable;
use maud::{Markup, PreEscaped, Render, html};

use crate::model::report::{Outcome, Report, WiringReport};

/// Renders a report: a case for each gate, which fails where the gate does, and one for each wiring,
/// whose verdict is told and decides nothing by itself.
pub(super) fn render(report: &Report) -> String {
    let gates = report.gates.iter().map(|gate| Case {
        name: printable(&gate.expr),
        class: printable(&gate.wiring),
        result: match gate.outcome {
            Outcome::Held => CaseResult::Passed,
            Outcome::Failed => CaseResult::Failed(printable(&gate.reason)),
            // Nobody knows whether it would have failed: an error of the test itself.
            Outcome::NoVerdict => CaseResult::Error(printable(&gate.reason)),
        },
        kind: Some(gate.outcome.words()),
    });
    let partial = report.partial.then(|| Case {
        name: "measured to the end".into(),
        class: "run".into(),
        result: CaseResult::Error(
            "the run was cut short: what is told was measured until then".into(),
        ),
        kind: None,
    });
    let wirings = report.wirings.iter().map(|wiring| Case {
        name: printable(&wiring.name),
        class: "verdict".into(),
        result: CaseResult::Told(printable(&verdict(wiring))),
        kind: None,
    });
    let gates = Suite {
        name: "gates",
        cases: gates.collect(),
    };
    let wirings = Suite {
        name: "wirings",
        cases: partial.into_iter().chain(wirings).collect(),
    };
    let gates = Some(gates).filter(|gates| !gates.cases.is_empty());
    let suites: Vec<Suite> = gates.into_iter().chain([wirings]).collect();
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(of).sum::<usize>();
    let document = html! {
        (PreEscaped("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
        testsuites name="leakcheck" tests=(sum(|suite| suite.cases.len())) failures=(sum(Suite::failures))
            errors=(sum(Suite::errors)) {
            "\n"
            @for suite in &suites { (suite) }
        }
        "\n"
    };
    document.into_string()
}

fn verdict(wiring: &WiringReport) -> String {
    format!("{}: {}", wiring.verdict.word(), wiring.reason)
}

struct Suite {
    name: &'static str,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    class: String,
    result: CaseResult,
    /// What kind of failure or error it is, in a word.
    kind: Option<&'static str>,
}

enum CaseResult {
    Passed,
    Told(String),
    Failed(String),
    Error(String),
}

impl Suite {
    fn failures(&self) -> usize {
        let failed = |case: &&Case| matches!(case.result, CaseResult::Failed(_));
        self.cases.iter().filter(failed).count()
    }

    fn errors(&self) -> usize {
        let error = |case: &&Case| matches!(case.result, CaseResult::Error(_));
        self.cases.iter().filter(error).count()
    }
}

impl Render for Suite {
    fn render(&self) -> Markup {
        html! {
            "    "
            // No case is ever skipped.
            testsuite name=(self.name) tests=(self.cases.len()) skipped="0" errors=(self.errors())
                failures=(self.failures()) {
                "\n"
                @for case in &self.cases { (case) }
                "    "
            }
            "\n"
        }
    }
}

impl Render for Case {
    fn render(&self) -> Markup {
        html! {
            "        "
            testcase name=(self.name) classname={ "leakcheck." (self.class) } {
                @match &self.result {
                    CaseResult::Passed => {}
                    CaseResult::Told(text) => { system-out { (text) } }
                    CaseResult::Failed(why) => { failure message=(why) type=[self.kind] {} }
                    CaseResult::Error(why) => { error message=(why) type=[self.kind] {} }
                }
            }
            "\n"
        }
    }
}
