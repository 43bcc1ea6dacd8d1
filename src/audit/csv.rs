//! An audit as comma-separated values: a row per claim and wiring.

use anyhow::Context;
use leakcheck_report::model::audit::Audit;
use leakcheck_report::model::report::Rate;
use leakcheck_text::printable::cell;

/// Renders the claims, a header first. What is unknown is empty.
///
/// # Errors
/// Only where memory cannot be written.
pub(super) fn render(audit: &Audit) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "scenario",
        "claim_verdict",
        "wiring",
        "wiring_verdict",
        "tasks_per_rotation",
        "fds_per_rotation",
        "containers_hung",
        "lines_lost",
    ])?;
    let text = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let rate = |rate: Option<Rate>| text(rate.and_then(|rate| rate.per_rotation_per_container));
    for claim in &audit.claims {
        for wiring in &claim.report.wirings {
            let hung = wiring.hung.containers.map(|hung| hung.to_string());
            let lost = wiring.delivery.lost.map(|lines| lines.to_string());
            writer.write_record([
                &cell(&claim.scenario),
                claim.verdict.word(),
                &cell(&wiring.name),
                wiring.verdict.word(),
                &rate(wiring.rates.tasks),
                &rate(wiring.rates.fds),
                &hung.unwrap_or_default(),
                &lost.unwrap_or_default(),
            ])?;
        }
    }
    String::from_utf8(writer.into_inner()?).context("CSV is text")
}
