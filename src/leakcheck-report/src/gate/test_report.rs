//! Reports for the tests of whoever judges or adds them up.

#![expect(clippy::expect_used, reason = "for tests alone")]

use serde_json::json;

use crate::model::report::{Report, SCHEMA, Verdict, WiringReport};

/// A wiring with one and the same growth of tasks and of fds per rotation of its one container.
pub fn wiring(name: &str, verdict: Verdict, growth: f64) -> WiringReport {
    let mut wiring: WiringReport = serde_json::from_value(json!({
        "name": name, "summary": "", "verdict": verdict, "reason": "so it was measured",
        "rotations": {"due": 2, "made": 2, "missed": 0},
        "baseline": {"tasks": 4, "fds": 9}, "final": {"tasks": 4, "fds": 9},
        "rates": {"tasks": rate(), "fds": rate()},
        "predicted": {}, "sites": [], "fds_by_kind": {},
        "delivery": {"emitted": 9, "read": 9, "lost": 0, "duplicated": 0},
        "hung": {"containers": 0, "where": []}, "stream_errors": {"count": 0},
        "runtime": {}, "engine_side": {"shared": false}, "samples": [],
    }))
    .expect("a wiring's report");
    for rate in [&mut wiring.rates.tasks, &mut wiring.rates.fds] {
        let rate = rate.as_mut().expect("given above");
        rate.per_rotation_per_container = Some(growth);
    }
    wiring
}

fn rate() -> serde_json::Value {
    json!({"per_rotation_per_container": 0.0, "per_rotation": 0.0, "per_minute": 0.0,
           "weakest_rotation": 0})
}

/// A whole report on these wirings.
pub fn report(wirings: impl IntoIterator<Item = WiringReport>) -> Report {
    let mut report: Report = serde_json::from_value(json!({
        "schema": SCHEMA, "partial": false, "wirings": [], "gates": [],
        "tool": {"version": "0.1.0", "tokio": "1.54.0", "spawn_sites": true},
        "config": {"engine": "synthetic", "containers": 1, "rotation_ms": 1000, "rotations": 2,
                   "clock": "real", "time_scale": 1.0, "consumer_delay_ms": 0, "seed": 1},
    }))
    .expect("a report");
    report.wirings.extend(wirings);
    report
}
