//! What people read of an audit: a table of claims, and why each stands or falls.

use super::claim::{Audit, Claim};
use crate::report::summary::{Section, Table, Text, go_reference};

/// The audit as sections: the table first, then a paragraph per claim.
pub fn summary(audit: &Audit) -> Vec<Section> {
    let header = ["scenario", "verdict", "the claim predicts", "claimed by"];
    let row = |claim: &Claim| {
        vec![
            Text::Words(claim.scenario.clone()),
            Text::Words(claim.verdict.word().into()),
            Text::Words(claim.predicted.clone()),
            Text::Words(match &claim.confidence {
                Some(confidence) => format!("{}, {confidence}", claim.claimed_by),
                None => claim.claimed_by.clone(),
            }),
        ]
    };
    let table = Table {
        header: header.map(String::from).to_vec(),
        rows: audit.claims.iter().map(row).collect(),
    };
    let claims = Section {
        heading: "Claims put to the test, each measured in this run".into(),
        table: Some(table),
        notes: Vec::new(),
    };
    std::iter::once(claims)
        .chain(audit.claims.iter().map(paragraph))
        .collect()
}

fn paragraph(claim: &Claim) -> Section {
    let mut notes = vec![
        format!("Claim: {}", claim.claim),
        format!("Why: {}.", claim.why),
    ];
    notes.extend(claim.measured.iter().map(|measured| format!("{measured}.")));
    notes.extend(go_reference(&claim.report));
    Section {
        heading: format!("{}: {}", claim.scenario, claim.verdict.word()),
        table: None,
        notes,
    }
}
