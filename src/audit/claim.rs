//! A claim, what its scenario measured, and the verdict on it.

use leakcheck_report::gate::expression::Gate;
use leakcheck_report::gate::judge::{PartialReports, judge_all};
use leakcheck_report::model::audit::{Claim, ClaimVerdict, DriverFinding, WiringInGo};
use leakcheck_report::model::report::{GateResult, Outcome, Report, WiringReport};
use leakcheck_report::render::summary::places_of_forgotten_readers;

use crate::experiment::scenario::{GoFigures, Judgement, Scenario};

/// Weighs what a scenario measured.
pub fn weigh(
    scenario: &Scenario,
    judgement: &Judgement,
    report: Report,
    driver: Option<DriverFinding>,
) -> Claim {
    let (mut verdict, mut why) = judge(judgement, &report);
    if let Some(driver) = &driver {
        let by_driver = match driver.is_as_claimed() {
            Some(true) => verdict,
            // Whatever the rates are, they go by another clock.
            Some(false) => ClaimVerdict::Refuted,
            None => ClaimVerdict::Inconclusive,
        };
        let outweighs = verdict == ClaimVerdict::Confirmed || verdict == ClaimVerdict::Partly;
        verdict = if outweighs { by_driver } else { verdict };
        why = format!("{why}; {}", driver.in_words());
    }
    let measured = |wiring: &WiringReport| {
        format!(
            "{}: {}: {}",
            wiring.name,
            wiring.verdict.word(),
            wiring.reason
        )
    };
    let in_go = |(wiring, figures): (&String, &GoFigures)| WiringInGo {
        wiring: wiring.clone(),
        goroutines_per_rotation_per_container: figures.goroutines,
        fds_per_rotation_per_container: figures.fds,
        hung: figures.hung.clone(),
    };
    Claim {
        scenario: scenario.name.clone(),
        claim: scenario.claim.clone(),
        claimed_by: scenario.claimed_by.clone(),
        confidence: scenario.confidence.clone(),
        predicted: judgement.predicts.clone(),
        measured: report.wirings.iter().map(measured).collect(),
        go_reference: scenario.go_reference.iter().map(in_go).collect(),
        in_the_incident: scenario.in_the_incident.clone(),
        verdict,
        why,
        evidence: evidence(&report),
        driver,
        report,
    }
}

/// What leaked and where it waits, and what hangs and where, in a sentence.
fn evidence(report: &Report) -> Option<String> {
    let of_wiring = |wiring: &WiringReport| {
        let mut parts: Vec<String> = wiring
            .sites
            .iter()
            .filter(|site| site.leaked > 0)
            .map(|site| format!("{} × {} left", site.leaked, site.label))
            .collect();
        let waiting = places_of_forgotten_readers(wiring);
        parts.extend(waiting.map(|places| format!("forgotten readers: {places}")));
        parts.extend(wiring.hung.r#where.iter().map(|place| {
            let (containers, words) = (place.containers, &place.place);
            format!("{containers} containers {words}")
        }));
        (!parts.is_empty()).then(|| format!("{}: {}", wiring.name, parts.join(", ")))
    };
    let told: Vec<String> = report.wirings.iter().filter_map(of_wiring).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The first list of gates that holds decides; where none does, there is no verdict.
fn judge(judgement: &Judgement, report: &Report) -> (ClaimVerdict, String) {
    let cut_short = |wiring: &WiringReport| {
        let why = wiring.cut_short.as_ref()?;
        Some(format!(
            "the wiring {} could not be measured to the end: {why}",
            wiring.name
        ))
    };
    if let Some(why) = report.wirings.iter().find_map(cut_short) {
        return (ClaimVerdict::Inconclusive, why);
    }
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
