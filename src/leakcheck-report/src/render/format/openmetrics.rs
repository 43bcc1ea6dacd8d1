//! A report as OpenMetrics text, for a collector that reads files.
//!
//! All are gauges, so that a collector reads it which knows Prometheus' older text format only.

use leakcheck_text::printable::printable;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::model::metric::Metric;
use crate::model::report::{Report, Verdict};

type Gauges = Family<OfWiring, Gauge<f64, std::sync::atomic::AtomicU64>>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfWiring {
    wiring: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfVerdict {
    wiring: String,
    verdict: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfGate {
    gate: String,
    wiring: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTool {
    version: String,
    tokio: String,
}

/// What a metric is, in words.
fn help(metric: Metric) -> &'static str {
    match metric {
        Metric::TasksPerRotation => "Tasks left per rotation of one container",
        Metric::FdsPerRotation => "File descriptors left per rotation of one container",
        Metric::TasksPerMinute => "Tasks left per minute on the monitor's clock",
        Metric::FdsPerMinute => "File descriptors left per minute on the monitor's clock",
        Metric::TasksOverBaseline => "Tasks at the end, less those at the baseline",
        Metric::FdsOverBaseline => "File descriptors at the end, less those at the baseline",
        Metric::LinesLost => "Lines that did not reach the consumer",
        Metric::LinesDuplicated => "Lines that reached the consumer again",
        Metric::ContainersHung => "Containers that stopped rotating",
        Metric::RotationsMissed => "Rotations that were due and not made",
        Metric::RotationsNotReopened => {
            "Rotations of an exercise that no stream was opened anew after"
        }
        Metric::ReopenDelayMs => {
            "Milliseconds until a stream of an exercise was opened anew, at most"
        }
        Metric::LinesNotHandedOver => "Lines of an exercise that were handed to no stream",
    }
}

/// Renders a report.
///
/// # Errors
/// Only where memory cannot be written.
pub(super) fn render(report: &Report) -> anyhow::Result<String> {
    let mut registry = Registry::default();
    for metric in Metric::ALL {
        let family = Gauges::default();
        for wiring in &report.wirings {
            // What is unknown is left out.
            if let Some(value) = metric.of(wiring) {
                let wiring = printable(&wiring.name);
                family.get_or_create(&OfWiring { wiring }).set(value);
            }
        }
        let name = format!("leakcheck_{}", metric.name());
        registry.register(name, help(metric), family);
    }
    let verdicts = Family::<OfVerdict, Gauge>::default();
    for wiring in &report.wirings {
        for verdict in Verdict::ALL {
            let labels = OfVerdict {
                wiring: printable(&wiring.name),
                verdict: verdict.word().into(),
            };
            let is = i64::from(wiring.verdict == verdict);
            verdicts.get_or_create(&labels).set(is);
        }
    }
    registry.register(
        "leakcheck_verdict",
        "1 for the verdict that a wiring got",
        verdicts,
    );
    let gates = Family::<OfGate, Gauge>::default();
    for gate in &report.gates {
        let labels = OfGate {
            gate: printable(&gate.expr),
            wiring: printable(&gate.wiring),
        };
        gates.get_or_create(&labels).set(i64::from(gate.held));
    }
    registry.register("leakcheck_gate_held", "1 for a gate that held", gates);
    let tool = Family::<OfTool, Gauge>::default();
    let labels = OfTool {
        version: printable(&report.tool.version),
        tokio: printable(&report.tool.tokio),
    };
    tool.get_or_create(&labels).set(1);
    registry.register("leakcheck_build", "The program that measured", tool);
    let partial = Gauge::<i64>::default();
    partial.set(i64::from(report.partial));
    registry.register(
        "leakcheck_partial",
        "1 for a run that was cut short",
        partial,
    );
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(in_order(&text))
}

/// The same text with each family's samples in the order of their labels: the registry has none.
fn in_order(text: &str) -> String {
    let is_comment = |line: &str| line.starts_with('#');
    let mut lines: Vec<&str> = text.lines().collect();
    for family in lines.chunk_by_mut(|a, b| is_comment(a) == is_comment(b)) {
        if family.iter().all(|line| !is_comment(line)) {
            family.sort_unstable();
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
