//! A claim, what its scenario measured, and the verdict on it.

use serde::{Deserialize, Serialize};

use crate::gate::expression::Gate;
use crate::gate::judge::{PartialReports, judge_all};
use crate::report::model::{GateResult, GoReference, Outcome, Report, WiringReport};
use crate::scenario::{Judgement, Scenario};

/// The document's type and version.
pub const AUDIT_SCHEMA: &str = "leakcheck.audit/v1";

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// [`AUDIT_SCHEMA`].
    pub schema: String,
    /// The claims, in the order in which they were tried.
    pub claims: Vec<Claim>,
}

/// A claim and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The scenario that tried it.
    pub scenario: String,
    /// What is claimed.
    pub claim: String,
    /// Who claimed it.
    pub claimed_by: String,
    /// How sure they were; null where they did not say.
    pub confidence: Option<String>,
    /// What the claim predicts, in words.
    pub predicted: String,
    /// What was measured, a sentence per wiring.
    pub measured: Vec<String>,
    /// What the same wirings did in Go, measured once elsewhere; those that have a figure.
    pub go_reference: Vec<WiringInGo>,
    /// What became of the claim.
    pub verdict: ClaimVerdict,
    /// By which figures.
    pub why: String,
    /// What was measured, whole.
    pub report: Report,
}

/// A wiring's figures in Go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WiringInGo {
    /// The wiring.
    pub wiring: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: GoReference,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// It was measured as claimed.
    Confirmed,
    /// It was measured as claimed under a condition only.
    Partly,
    /// Its contrary was measured.
    Refuted,
    /// Neither was measured.
    Inconclusive,
}

impl ClaimVerdict {
    /// The word that stands in JSON and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Partly => "partly",
            Self::Refuted => "refuted",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Claim {
    /// Whether the claim could neither be confirmed nor refuted.
    pub fn is_inconclusive(&self) -> bool {
        self.verdict == ClaimVerdict::Inconclusive
    }

    /// Weighs what a scenario measured.
    pub fn weigh(scenario: &Scenario, judgement: &Judgement, report: Report) -> Self {
        let (verdict, why) = judge(judgement, &report);
        let measured = |wiring: &WiringReport| {
            format!(
                "{}: {}: {}",
                wiring.name,
                wiring.verdict.word(),
                wiring.reason
            )
        };
        let in_go = |wiring: &WiringReport| {
            let figures = wiring.go_reference.clone()?;
            Some(WiringInGo {
                wiring: wiring.name.clone(),
                figures,
            })
        };
        Self {
            scenario: scenario.name.clone(),
            claim: scenario.claim.clone(),
            claimed_by: scenario.claimed_by.clone(),
            confidence: scenario.confidence.clone(),
            predicted: judgement.predicts.clone(),
            measured: report.wirings.iter().map(measured).collect(),
            go_reference: report.wirings.iter().filter_map(in_go).collect(),
            verdict,
            why,
            report,
        }
    }
}

/// The first list of gates that holds decides; where none does, there is no verdict.
fn judge(judgement: &Judgement, report: &Report) -> (ClaimVerdict, String) {
    let lists = [
        (ClaimVerdict::Confirmed, &judgement.confirmed_if),
        (ClaimVerdict::Partly, &judgement.partly_if),
        (ClaimVerdict::Refuted, &judgement.refuted_if),
    ];
    for (verdict, gates) in lists {
        let Some(figures) = all_hold(gates, report) else {
            continue;
        };
        let condition = match (&judgement.partly_when, verdict) {
            (Some(condition), ClaimVerdict::Partly) => format!("{condition}: "),
            _ => String::new(),
        };
        return (verdict, format!("{condition}{figures}"));
    }
    let reasons: Vec<String> = judgement
        .confirmed_if
        .iter()
        .chain(&judgement.refuted_if)
        .filter_map(|gate| gate.judge(report, PartialReports::Refused).ok())
        .filter(|result| result.outcome != Outcome::Held)
        .map(|result| result.to_string())
        .collect();
    (ClaimVerdict::Inconclusive, reasons.join("; "))
}

/// The expressions and their figures where every gate holds; `None` for an empty list.
fn all_hold(gates: &[Gate], report: &Report) -> Option<String> {
    if gates.is_empty() {
        return None;
    }
    let results = judge_all(gates, report, PartialReports::Refused).ok()?;
    let hold = results.iter().all(|result| result.outcome == Outcome::Held);
    let figure = |result: &GateResult| match result.measured {
        Some(measured) => format!("{} (measured {measured:.2})", result.expr),
        None => result.expr.clone(),
    };
    hold.then(|| results.iter().map(figure).collect::<Vec<_>>().join(", "))
}
