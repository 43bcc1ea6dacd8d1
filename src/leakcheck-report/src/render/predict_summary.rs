//! What people read of a prediction: headings, tables and sentences, before any rendering.

use leakcheck_text::duration::format_millis;

use super::fit_summary;
use super::section::{Section, Text, figure, table, trimmed};
use crate::model::predict::{ArithmeticLine, Driver, Growth, Prediction, Scaled, WiringPrediction};

/// The sections of a prediction.
pub fn of(prediction: &Prediction) -> Vec<Section> {
    let mut sections = vec![streams(prediction), in_rust(prediction)];
    sections.extend(in_go(prediction));
    if let Some(fit) = &prediction.observed {
        sections.push(fit_summary::of(prediction, fit));
    }
    sections.extend(prediction.post_mortem.as_deref().map(post_mortem));
    sections
}

fn streams(prediction: &Prediction) -> Section {
    let (config, streams) = (&prediction.config, prediction.streams);
    let whole = streams.rotations_per_container;
    let fractional = streams.rotations_per_container_fractional;
    let mut notes = vec![format!(
        "Stream rotations due: {}, which is {} × {whole} whole rotations.",
        streams.rotations_due, config.containers
    )];
    if (fractional - whole as f64).abs() > 1e-9 {
        notes.push(format!(
            "{} over {} is {} rotations per container, {} in all; but a stream rotates whole times.",
            format_millis(config.duration_ms),
            format_millis(config.rotation_ms),
            trimmed(fractional),
            trimmed(streams.rotations_due_fractional)
        ));
    }
    notes.push(format!(
        "{} of the containers are silent; the consumer keeps up.",
        config.silent
    ));
    Section {
        heading: format!(
            "Prediction, nothing was measured: {} containers, rotation every {}, for {}",
            config.containers,
            format_millis(config.rotation_ms),
            format_millis(config.duration_ms)
        ),
        table: None,
        notes,
    }
}

fn in_rust(prediction: &Prediction) -> Section {
    let rows = prediction
        .wirings
        .iter()
        .flat_map(|wiring| rows(wiring, "tasks", wiring.rust));
    let mut notes = Vec::new();
    for wiring in &prediction.wirings {
        if wiring.containers_hung > Some(0) {
            notes.push(format!(
                "{}: {} of {} containers stop rotating, so that there is no rate.",
                wiring.name,
                wiring.containers_hung.unwrap_or(0),
                prediction.config.containers
            ));
        }
        if wiring.driver == Some(Driver::HealthCheck) {
            notes.push(format!(
                "{}: driven by its health check every {}, not by the rotation, over which its \
                 figures are spread. Each check is taken to leave a connection; in the incident, \
                 by inference, those did that found the pool of clients busy.",
                wiring.name,
                format_millis(prediction.config.health_check_ms)
            ));
        }
    }
    notes.push(
        "Rates are of the long run; totals are of whole rotations and whole health checks.".into(),
    );
    Section {
        heading: "Expected to be left in Rust, by the closed form".into(),
        table: Some(table(&header(prediction), rows)),
        notes,
    }
}

fn in_go(prediction: &Prediction) -> Option<Section> {
    let known = prediction
        .wirings
        .iter()
        .filter_map(|wiring| Some((wiring, wiring.go_reference?)));
    let rows: Vec<_> = known
        .flat_map(|(wiring, go)| rows(wiring, "goroutines", go))
        .collect();
    let without = prediction
        .wirings
        .iter()
        .filter(|wiring| wiring.go_reference.is_none());
    let without: Vec<&str> = without.map(|wiring| wiring.name.as_str()).collect();
    let mut notes = vec![
        "Measured once elsewhere per rotation of a container, half of the containers silent; \
         scaled to these containers and this time."
            .to_owned(),
    ];
    if !without.is_empty() {
        notes.push(format!("Without a figure from Go: {}.", without.join(", ")));
    }
    (!rows.is_empty()).then(|| Section {
        heading: "The same in Go: a reference, scaled".into(),
        table: Some(table(&header(prediction), rows)),
        notes,
    })
}

fn header(prediction: &Prediction) -> [String; 5] {
    [
        "wiring".into(),
        "count".into(),
        "per rotation per container".into(),
        "per minute".into(),
        format!("after {}", format_millis(prediction.config.duration_ms)),
    ]
}

/// The two rows of a wiring.
fn rows(wiring: &WiringPrediction, tasks: &str, growth: Growth) -> [Vec<Text>; 2] {
    let row = |name: &str, count: &str, scaled: Option<Scaled>| {
        vec![
            Text::Words(name.into()),
            Text::Words(count.into()),
            figure(scaled.map(|scaled| scaled.per_rotation_per_container)),
            figure(scaled.map(|scaled| scaled.per_minute)),
            Text::Figure(scaled.map_or_else(|| "-".into(), |scaled| trimmed(scaled.total))),
        ]
    };
    [
        row(&wiring.name, tasks, growth.tasks),
        row("", "fds", growth.fds),
    ]
}

fn post_mortem(lines: &[ArithmeticLine]) -> Section {
    let header = ["", "section", "claim", "says", "gives", "verdict"];
    let header = header.map(String::from);
    let rows = (1..)
        .zip(lines)
        .map(|(number, line): (u32, &ArithmeticLine)| {
            vec![
                Text::Words(number.to_string()),
                Text::Words(line.section.to_string()),
                Text::Words(line.claim.clone()),
                Text::Figure(match line.implied {
                    true => format!("({})", line.says),
                    false => line.says.clone(),
                }),
                Text::Figure(trimmed(line.gives)),
                Text::Words(line.verdict.word().into()),
            ]
        });
    let mut notes =
        vec!["In brackets: not written down, but implied. Why each holds or slips:".to_owned()];
    notes.extend(
        (1..)
            .zip(lines)
            .map(|(number, line): (u32, &ArithmeticLine)| format!("{number}: {}.", line.why)),
    );
    Section {
        heading: "The post-mortem's arithmetic, redone".into(),
        table: Some(table(&header, rows)),
        notes,
    }
}
