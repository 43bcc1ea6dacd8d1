//! The samples as CSV, a row for each.

use leakcheck_text::printable::cell;
use serde::Serialize;

use crate::model::report::Report;

/// A row; the field names are the header.
#[derive(Serialize)]
struct Row<'a> {
    wiring: String,
    verdict: &'a str,
    rotation: Option<u64>,
    t_ms: u64,
    tasks: Option<u64>,
    fds: Option<u64>,
    rss_bytes: Option<u64>,
    threads: Option<u64>,
    settle_ms: Option<u64>,
    settled: bool,
    streams_opened: Option<u64>,
    rotations_made: Option<u64>,
    behind: Option<u64>,
    lines_read: Option<u64>,
    lines_missing: Option<u64>,
}

/// Renders a report's samples. An unknown value is an empty field.
///
/// # Errors
/// Only where memory cannot be written, which is to say never; the library's writer wants it.
pub fn render(report: &Report) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for wiring in &report.wirings {
        for sample in &wiring.samples {
            writer.serialize(Row {
                wiring: cell(&wiring.name),
                verdict: wiring.verdict.word(),
                rotation: sample.rotation,
                t_ms: sample.t_ms,
                tasks: sample.tasks,
                fds: sample.fds,
                rss_bytes: sample.gauges.rss_bytes,
                threads: sample.gauges.threads,
                settle_ms: sample.settle_ms,
                settled: sample.settled,
                streams_opened: sample.streams_opened,
                rotations_made: sample.rotations_made,
                behind: sample.behind,
                lines_read: sample.lines_read,
                lines_missing: sample.lines_missing,
            })?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
