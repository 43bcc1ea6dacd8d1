//! A report as JUnit XML, the form in which CI servers read test results.

use leakcheck_text::printable::printable;
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use crate::model::report::{Outcome, Report, WiringReport};

/// Renders a report: a case for each gate, which fails where the gate does, and one for each wiring,
/// whose verdict is told and decides nothing by itself.
///
/// # Errors
/// Only where memory cannot be written.
pub(super) fn render(report: &Report) -> anyhow::Result<String> {
    let mut junit = Junit::new("leakcheck");
    if !report.gates.is_empty() {
        let mut suite = TestSuite::new("gates");
        suite.add_test_cases(report.gates.iter().map(|gate| {
            let failed = |kind| {
                let mut status = TestCaseStatus::non_success(kind);
                status
                    .set_message(printable(&gate.reason))
                    .set_type(gate.outcome.words());
                status
            };
            let status = match gate.outcome {
                Outcome::Held => TestCaseStatus::success(),
                Outcome::Failed => failed(NonSuccessKind::Failure),
                // Nobody knows whether it would have failed: an error of the test itself.
                Outcome::NoVerdict => failed(NonSuccessKind::Error),
            };
            case(&gate.expr, &gate.wiring, status)
        }));
        junit.add_test_suite(suite);
    }
    let mut suite = TestSuite::new("wirings");
    if report.partial {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message("the run was cut short: what is told was measured until then");
        suite.add_test_case(case("measured to the end", "run", status));
    }
    suite.add_test_cases(report.wirings.iter().map(|wiring| {
        let mut case = case(&wiring.name, "verdict", TestCaseStatus::success());
        case.set_system_out(printable(&verdict(wiring)));
        case
    }));
    junit.add_test_suite(suite);
    // Jenkins' published schema (junit-10.xsd) has no `skipped` at the top, where the library writes
    // its first; no case is ever skipped here.
    Ok(junit.to_string()?.replacen(" skipped=\"0\"", "", 1))
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(printable(name), status);
    case.set_classname(format!("leakcheck.{}", printable(class)));
    case
}

fn verdict(wiring: &WiringReport) -> String {
    format!("{}: {}", wiring.verdict.word(), wiring.reason)
}
