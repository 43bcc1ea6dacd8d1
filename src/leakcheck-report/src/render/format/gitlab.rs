//! A report as GitLab's code quality report: an entry for each gate that did not hold.

use leakcheck_text::printable::printable;
use serde_json::{Value, json};

use crate::model::report::{GateResult, Outcome, Report};

/// Renders a report.
///
/// # Errors
/// Only where memory cannot be written.
pub(super) fn render(report: &Report) -> anyhow::Result<String> {
    let entries: Vec<Value> = report
        .gates
        .iter()
        .filter(|gate| !gate.held)
        .map(|gate| entry(report, gate))
        .collect();
    Ok(serde_json::to_string_pretty(&entries)?)
}

fn entry(report: &Report, gate: &GateResult) -> Value {
    // GitLab tells old entries from new ones by their fingerprints alone: the bound of a gate is
    // none of its identity.
    let demand = gate.expr.split(['<', '>', '=']).next().unwrap_or_default();
    let fingerprint = fnv1a(&format!("{} {}", gate.wiring, demand.trim()));
    let severity = match gate.outcome {
        Outcome::Failed => "critical",
        Outcome::NoVerdict | Outcome::Held => "major",
    };
    // The place where most of what leaked was spawned; GitLab demands one.
    let place = report
        .wirings
        .iter()
        .find(|wiring| wiring.name == gate.wiring)
        .and_then(|wiring| wiring.sites.first())
        .filter(|site| site.leaked > 0)
        .and_then(|site| site.location.as_deref())
        .and_then(file_and_line);
    let (path, line) = place.unwrap_or(("leakcheck", 1));
    json!({
        "description": printable(&format!("{}: {}", gate.expr, gate.reason)),
        "check_name": "leakcheck",
        "fingerprint": format!("{fingerprint:016x}"),
        "severity": severity,
        "location": {"path": printable(path), "lines": {"begin": line}},
    })
}

/// The 64-bit FNV-1a hash, which is the same for ever.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `src/pool.rs:52:9` as its file and its line.
fn file_and_line(location: &str) -> Option<(&str, u64)> {
    let (file_and_line, _column) = location.rsplit_once(':')?;
    let (file, line) = file_and_line.rsplit_once(':')?;
    Some((file, line.parse().ok()?))
}
