//! What people read of an audit: a table of claims, and why each stands or falls.

use leakcheck_report::model::audit::{Audit, Claim, WiringInGo};
use leakcheck_report::model::report::{Rate, Verdict, WiringReport};
use leakcheck_report::render::section::{Section, Table, Text};
use leakcheck_text::figures::told;

/// The audit as sections: the table first, then a paragraph per claim.
pub(super) fn of(audit: &Audit) -> Vec<Section> {
    let header = ["claim, verdict", "it predicts", "measured", "in Go"];
    let table = Table {
        header: header.map(String::from).to_vec(),
        rows: audit.claims.iter().map(row).collect(),
    };
    let mut notes = vec![
        "Measured in this run: tasks / file descriptors left per rotation per container, or how many \
         containers hung. In Go: goroutines / file descriptors, a reference measured once \
         elsewhere."
            .to_owned(),
    ];
    if audit.partial {
        notes.push("This audit is partial: it ended before every claim was tried.".into());
    }
    let claims = Section {
        heading: "Claims put to the test".into(),
        table: Some(table),
        notes,
    };
    std::iter::once(claims)
        .chain(audit.claims.iter().map(paragraph))
        .collect()
}

/// A claim's row; what a wiring measured and what it did in Go stand beside each other.
fn row(claim: &Claim) -> Vec<Text> {
    let (mut measured, mut in_go) = (Vec::new(), Vec::new());
    for wiring in &claim.report.wirings {
        let go = claim
            .go_reference
            .iter()
            .find(|go| go.wiring == wiring.name);
        measured.extend([wiring.name.clone(), format!("  {}", in_short(wiring))]);
        in_go.extend([String::new(), go.map_or_else(String::new, go_in_short)]);
    }
    vec![
        Text::Lines(vec![claim.scenario.clone(), claim.verdict.word().into()]),
        Text::Words(claim.predicted.clone()),
        Text::Lines(measured),
        Text::Lines(in_go),
    ]
}

/// What a wiring left, or why that says nothing.
pub(super) fn in_short(wiring: &WiringReport) -> String {
    match wiring.verdict {
        Verdict::Hung => format!("{} hung", wiring.hung.containers.unwrap_or(0)),
        Verdict::Starved => match (wiring.delivery.lost, wiring.delivery.duplicated) {
            (Some(lost), _) if lost > 0 => format!("{lost} lines lost"),
            (_, twice) => format!("{} lines twice", twice.unwrap_or(0)),
        },
        Verdict::Inconclusive => "inconclusive".into(),
        Verdict::Leaking | Verdict::Clean => {
            let left = |rate: Option<Rate>| rate.and_then(|rate| rate.per_rotation_per_container);
            let (tasks, fds) = (left(wiring.rates.tasks), left(wiring.rates.fds));
            left_of_both(tasks, fds)
        }
    }
}

/// What a wiring left in Go.
pub(super) fn go_in_short(go: &WiringInGo) -> String {
    let (goroutines, fds) = (
        go.goroutines_per_rotation_per_container,
        go.fds_per_rotation_per_container,
    );
    match &go.hung {
        Some(hung) => format!("{hung} hung"),
        None => left_of_both(goroutines, fds),
    }
}

fn left_of_both(tasks: Option<f64>, fds: Option<f64>) -> String {
    let figure = |left: Option<f64>| left.map_or_else(|| "-".into(), told);
    format!("{} / {}", figure(tasks), figure(fds))
}

/// What is to be said of a claim.
pub(super) fn paragraph(claim: &Claim) -> Section {
    let by = match &claim.confidence {
        Some(confidence) => format!("{}, {confidence}", claim.claimed_by),
        None => claim.claimed_by.clone(),
    };
    let mut notes = vec![
        format!("Claim ({by}): {}", claim.claim),
        format!("Why: {}.", claim.why),
    ];
    notes.extend(claim.measured.iter().map(|measured| format!("{measured}.")));
    notes.extend(
        claim
            .evidence
            .iter()
            .map(|evidence| format!("Evidence: {evidence}.")),
    );
    notes.extend(
        claim
            .in_the_incident
            .iter()
            .map(|logs| format!("In the incident (its own logs, a reference): {logs}")),
    );
    Section {
        heading: format!("{}: {}", claim.scenario, claim.verdict.word()),
        table: None,
        notes,
    }
}
