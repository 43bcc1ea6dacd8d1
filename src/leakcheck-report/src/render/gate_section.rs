//! What people read of a report's gates.

use super::section::{Section, Table, Text};
use crate::model::report::Report;

/// The gates that were judged; without a table where there were none.
pub(super) fn of(report: &Report) -> Section {
    let header = ["outcome", "gate", "measured"];
    let rows = report.gates.iter().map(|gate| {
        vec![
            Text::Outcome(gate.outcome),
            Text::Words(gate.expr.clone()),
            Text::Figure(
                gate.measured
                    .map_or_else(|| "-".into(), |value| value.to_string()),
            ),
        ]
    });
    let table = Table {
        header: header.map(str::to_owned).into(),
        rows: rows.collect(),
    };
    Section {
        heading: "Gates".into(),
        table: (!report.gates.is_empty()).then_some(table),
        notes: report
            .gates
            .iter()
            .filter(|gate| !gate.held)
            .map(|gate| format!("{}: {}.", gate.expr, gate.reason))
            .collect(),
    }
}
