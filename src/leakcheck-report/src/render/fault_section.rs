//! What people read of the faults that the synthetic engine injected.

use synthetic_engine::workload::faults::Fault;

use super::section::{Section, Text, table};
use crate::model::report::{Report, WiringReport};

/// A row for each wiring and fault; without a table where there are none.
pub(super) fn of(report: &Report) -> Section {
    let rows: Vec<_> = report.wirings.iter().flat_map(rows).collect();
    let mut notes: Vec<String> = report
        .wirings
        .iter()
        .flat_map(|wiring| wiring.engine_side.faults.keys())
        .filter_map(|name| in_words(name))
        .collect();
    notes.sort();
    notes.dedup();
    let header = ["wiring", "fault", "injected"];
    Section {
        heading: "Faults that the engine injected".into(),
        notes,
        table: (!rows.is_empty()).then(|| table(&header, rows)),
    }
}

fn rows(wiring: &WiringReport) -> Vec<Vec<Text>> {
    let faults = wiring.engine_side.faults.iter();
    let row = |(name, injected): (&String, &u64)| {
        vec![
            Text::Words(wiring.name.clone()),
            Text::Words(name.clone()),
            Text::Figure(injected.to_string()),
        ]
    };
    faults.map(row).collect()
}

/// What a fault is; `None` for one that another version knew.
fn in_words(name: &str) -> Option<String> {
    let known = Fault::find(name).ok()?.known();
    let why_not = known.why_not.map_or_else(String::new, |why_not| {
        format!("; nobody comes through it: {why_not}")
    });
    Some(format!("{name}: {}{why_not}.", known.meaning))
}
