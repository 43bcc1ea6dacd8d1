//! Whether a report meets a gate.

use super::evaluate::Weighed;
use super::expression::Gate;
use super::wiring_check::NoSubject;
use crate::exit_code::ExitCode;
use crate::model::report::{GateResult, Outcome, Report, WiringReport};

/// What to make of a report on a run that was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialReports {
    /// It is too little evidence for any gate.
    Refused,
    /// It is judged by what was measured.
    Allowed,
}

impl Gate {
    /// Judges a report. A gate on every wiring holds where it holds for each; the result is of the
    /// one that came off worst.
    ///
    /// # Errors
    /// Where the gate is about no wiring of the report.
    pub fn judge(&self, report: &Report, partial: PartialReports) -> Result<GateResult, NoSubject> {
        self.check_wirings(report.wirings.iter().map(|wiring| wiring.name.as_str()))?;
        let asked = |wiring: &&WiringReport| self.subject.includes(&wiring.name);
        let findings: Vec<Weighed<'_>> = report
            .wirings
            .iter()
            .filter(asked)
            .map(|wiring| self.condition.weigh(wiring))
            .collect();
        // Of equals, the first: it stands first in the report.
        let worst = findings.iter().rev().max_by(|a, b| a.compare(b));
        let Some(worst) = worst else {
            return Err(NoSubject::nothing(self));
        };
        let alike = findings
            .iter()
            .filter(|finding| finding.outcome == worst.outcome);
        let others = alike.count() - 1;
        let mut outcome = worst.outcome;
        let mut reason = worst.reason.clone();
        if others > 0 && outcome != Outcome::Held {
            reason += &format!("; the worst of {}", others + 1);
        }
        let refused = report.partial && partial == PartialReports::Refused;
        if refused && outcome != Outcome::NoVerdict {
            outcome = Outcome::NoVerdict;
            reason = format!(
                "the report is partial: {reason}, until it was cut short; \
                 `leakcheck gate --allow-partial` judges by that"
            );
        }
        Ok(GateResult {
            expr: self.to_string(),
            held: outcome == Outcome::Held,
            outcome,
            wiring: worst.wiring.into(),
            measured: worst.measured,
            reason,
        })
    }
}

/// Judges a report by each of several gates.
///
/// # Errors
/// Where one of them is about no wiring of the report.
pub fn judge_all(
    gates: &[Gate],
    report: &Report,
    partial: PartialReports,
) -> Result<Vec<GateResult>, NoSubject> {
    gates
        .iter()
        .map(|gate| gate.judge(report, partial))
        .collect()
}

/// What the gates come to together: a failure is certain, whatever could not be told.
pub fn exit_code(results: &[GateResult]) -> ExitCode {
    match results.iter().map(|result| result.outcome).max() {
        Some(Outcome::Failed) => ExitCode::GateFailed,
        Some(Outcome::NoVerdict) => ExitCode::NoVerdict,
        Some(Outcome::Held) | None => ExitCode::Measured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::test_report::{report, wiring};
    use crate::model::report::Verdict;
    use Outcome::{Failed, Held, NoVerdict};
    use Verdict::{Clean, Hung, Inconclusive, Leaking, Starved};

    fn judged(gate: &str, report: &Report) -> GateResult {
        let gate = Gate::parse(gate).expect(gate);
        gate.judge(report, PartialReports::Refused).expect("judged")
    }

    fn outcome_of(gate: &str, wirings: impl IntoIterator<Item = WiringReport>) -> Outcome {
        judged(gate, &report(wirings)).outcome
    }

    const OF_LEAKS: [&str; 7] = [
        "*.tasks_per_rotation <= 0",
        "*.fds_per_rotation <= 0",
        "*.tasks_per_minute <= 0",
        "*.fds_per_minute <= 0",
        "*.tasks_over_baseline <= 0",
        "*.fds_over_baseline <= 0",
        "*.verdict != leaking",
    ];

    #[test]
    fn a_leak_fails_and_the_result_says_what_was_measured() {
        let result = judged(
            "old.tasks_per_rotation <= 0",
            &report([wiring("old", Leaking, 2.0)]),
        );
        let expected = GateResult {
            expr: "old.tasks_per_rotation <= 0".into(),
            held: false,
            outcome: Failed,
            wiring: "old".into(),
            measured: Some(2.0),
            reason: "old measured 2, not <= 0".into(),
        };
        assert_eq!(result, expected);
    }

    #[test]
    fn a_figure_of_negative_zero_is_zero() {
        let result = judged(
            "fixed.tasks_per_rotation == 0",
            &report([wiring("fixed", Clean, -0.0)]),
        );
        assert!(result.held);
        assert_eq!(result.reason, "fixed measured 0");
    }

    #[test]
    fn a_dead_monitor_fails_every_gate_on_leaks_whatever_its_figures_are() {
        for verdict in [Hung, Starved] {
            for growth in [-3.0, 0.0, 2.0] {
                for gate in OF_LEAKS {
                    let dead = wiring("fixed", verdict, growth);
                    assert_eq!(outcome_of(gate, [dead]), Failed, "{gate}");
                }
            }
            let mut unknown = wiring("fixed", verdict, 0.0);
            unknown.rates.tasks = None;
            assert_eq!(outcome_of(OF_LEAKS[0], [unknown]), Failed);
        }
    }

    #[test]
    fn a_clean_monitor_meets_every_gate_on_leaks() {
        for gate in OF_LEAKS {
            assert_eq!(
                outcome_of(gate, [wiring("fixed", Clean, 0.0)]),
                Held,
                "{gate}"
            );
        }
    }

    #[test]
    fn a_dead_monitor_is_told_by_its_verdict_and_by_its_figures() {
        let mut dead = wiring("fixed", Hung, 0.0);
        dead.hung.containers = Some(3);
        for (gate, outcome) in [
            ("fixed.verdict == hung", Held),
            ("fixed.verdict != clean", Held),
            ("fixed.verdict == clean", Failed),
            ("fixed.containers_hung == 3", Held),
            ("fixed.containers_hung <= 0", Failed),
        ] {
            assert_eq!(outcome_of(gate, [dead.clone()]), outcome, "{gate}");
        }
    }

    #[test]
    fn an_inconclusive_wiring_gives_a_verdict_only_on_whether_it_is_inconclusive() {
        for (gate, outcome) in [
            ("*.tasks_per_rotation <= 0", NoVerdict),
            ("*.tasks_per_rotation > 0", NoVerdict),
            ("*.containers_hung <= 0", NoVerdict),
            ("*.verdict == clean", NoVerdict),
            ("*.verdict != leaking", NoVerdict),
            ("*.verdict == inconclusive", Held),
            ("*.verdict != inconclusive", Failed),
        ] {
            let inconclusive = wiring("fixed", Inconclusive, 0.0);
            assert_eq!(outcome_of(gate, [inconclusive]), outcome, "{gate}");
        }
    }

    #[test]
    fn what_is_not_known_never_holds() {
        let mut unknown = wiring("fixed", Clean, 0.0);
        unknown.rates.tasks = None;
        unknown.delivery.lost = None;
        unknown.r#final = None;
        for gate in [
            "*.tasks_per_rotation <= 0",
            "*.tasks_per_rotation != 7",
            "*.tasks_per_minute >= 0",
            "*.lines_lost <= 0",
            "*.fds_over_baseline <= 0",
        ] {
            let result = judged(gate, &report([unknown.clone()]));
            assert_eq!(result.outcome, NoVerdict, "{gate}");
            assert!(!result.held && result.measured.is_none(), "{result:?}");
        }
    }

    #[test]
    fn a_gate_on_every_wiring_is_decided_by_the_one_that_comes_off_worst() {
        let all = report([
            wiring("fixed", Clean, 0.0),
            wiring("line-fix", Leaking, 1.5),
            wiring("old", Leaking, 2.0),
            wiring("attached", Inconclusive, 0.0),
        ]);
        let result = judged("*.tasks_per_rotation <= 0", &all);
        assert_eq!(
            (result.wiring.as_str(), result.measured),
            ("old", Some(2.0))
        );
        assert!(result.reason.ends_with("; the worst of 2"), "{result:?}");
        let upwards = judged("*.tasks_per_rotation >= 1.75", &all);
        assert_eq!(upwards.wiring, "fixed");
        let nearest = judged("fixed.tasks_per_rotation <= 0", &all);
        assert_eq!((nearest.wiring.as_str(), nearest.held), ("fixed", true));
        let verdict = judged("*.verdict == clean", &all);
        assert_eq!(verdict.wiring, "line-fix");
    }

    #[test]
    fn a_dead_monitor_comes_off_worse_than_any_leak() {
        let all = report([wiring("old", Leaking, 1e300), wiring("stuck", Hung, 0.0)]);
        assert_eq!(judged("*.tasks_per_rotation <= 0", &all).wiring, "stuck");
    }

    #[test]
    fn of_two_wirings_of_one_name_the_worse_one_decides() {
        let both = [wiring("old", Clean, 0.0), wiring("old", Leaking, 2.0)];
        assert_eq!(outcome_of("old.tasks_per_rotation <= 0", both), Failed);
    }

    #[test]
    fn a_partial_report_is_no_verdict_unless_it_is_allowed() {
        let mut partial = report([wiring("old", Leaking, 2.0), wiring("fixed", Clean, 0.0)]);
        partial.partial = true;
        for (gate, outcome) in [
            ("old.tasks_per_rotation <= 0", Failed),
            ("fixed.tasks_per_rotation <= 0", Held),
        ] {
            let refused = judged(gate, &partial);
            assert_eq!((refused.outcome, refused.held), (NoVerdict, false));
            assert!(refused.reason.contains("--allow-partial"), "{refused:?}");
            let gate = Gate::parse(gate).expect("valid");
            let allowed = gate
                .judge(&partial, PartialReports::Allowed)
                .expect("judged");
            assert_eq!(allowed.outcome, outcome);
        }
    }

    #[test]
    fn a_report_without_the_wiring_or_without_any_is_refused() {
        let gates = [Gate::parse("*.verdict == clean").expect("valid")];
        assert!(judge_all(&gates, &report([]), PartialReports::Allowed).is_err());
        let gates = [Gate::parse("fxied.verdict == clean").expect("valid")];
        let there = report([wiring("fixed", Clean, 0.0)]);
        let error = judge_all(&gates, &there, PartialReports::Allowed).expect_err("misspelt");
        assert!(error.to_string().contains("did you mean fixed?"), "{error}");
    }

    #[test]
    fn a_failure_outweighs_a_missing_verdict_and_that_outweighs_what_held() {
        let result = |outcome| GateResult {
            outcome,
            ..judged("*.verdict == clean", &report([wiring("fixed", Clean, 0.0)]))
        };
        let code = |outcomes: &[Outcome]| {
            let results: Vec<GateResult> = outcomes.iter().map(|&one| result(one)).collect();
            exit_code(&results)
        };
        assert_eq!(code(&[NoVerdict, Failed, Held]), ExitCode::GateFailed);
        assert_eq!(code(&[Held, NoVerdict]), ExitCode::NoVerdict);
        assert_eq!(code(&[Held, Held]), ExitCode::Measured);
        assert_eq!(code(&[]), ExitCode::Measured);
    }
}
