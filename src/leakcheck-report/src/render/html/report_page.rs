//! A report's page: the verdict in words, the charts, the rates, and what it takes to run it again.

use leakcheck_text::figures::told_interval;
use leakcheck_text::printable::shortened;
use maud::{Markup, html};
use serde_json::Value;

use super::again;
use super::document::document;
use super::figure::Figures;
use super::section::{badge, render_section, tone_of};
use super::text::text;
use crate::model::report::{Config, Counts, Rate, Report, Verdict, WiringReport};
use crate::render::section::{Section, Text, figure, table};
use crate::render::summary;
use crate::render::{charts, gate_section, watch_summary};

/// A name in the title is no longer than this.
const NAME_IN_TITLE: usize = 60;

/// Renders a report as a page of its own.
pub fn render(report: &Report) -> String {
    let title = title(report);
    let body = html! {
        header {
            h1 { (text(&title)) }
            p class="quiet" { (text(&conditions(report))) }
        }
        (report_body(report, &Figures::default()))
        (settings(report))
        footer {
            "Measured by leakcheck " (report.tool.version) " (tokio " (report.tool.tokio) "). Every figure \
             is of this run, but for what is called predicted or a reference."
        }
    };
    document(&title, &body)
}

/// The verdicts, charts and tables of a report.
pub fn report_body(report: &Report, figures: &Figures) -> Markup {
    html! {
        @if report.partial {
            p class="warning" { "This report is partial: it ended before its time." }
        }
        div class="verdicts" { @for wiring in &report.wirings { (verdict(wiring)) } }
        (figures.part("Live counts", &charts::counts(report)))
        (figures.part("Who spawned them", &charts::by_site(report)))
        (gates(report))
        (rates(report))
        @for section in summary::besides_counts(report) { (render_section(&section)) }
        (figures.part("How it went", &charts::course(report)))
        (figures.part("On the engine's side", &charts::engine_side(report)))
        (wirings(report))
    }
}

/// What it found, in a line.
fn title(report: &Report) -> String {
    let found: Vec<String> = report
        .wirings
        .iter()
        .map(|wiring| {
            let name = shortened(&wiring.name, NAME_IN_TITLE);
            format!("{name} is {}", wiring.verdict.word())
        })
        .collect();
    found.join(", ")
}

fn conditions(report: &Report) -> String {
    match (&report.config.watched, &report.config.exercised) {
        (None, _) => format!("leakcheck run: {}", summary::conditions(&report.config)),
        (_, None) => format!(
            "leakcheck watch: {}",
            watch_summary::conditions(&report.config)
        ),
        (_, Some(_)) => format!(
            "leakcheck exercise: {}",
            watch_summary::conditions(&report.config)
        ),
    }
}

fn verdict(wiring: &WiringReport) -> Markup {
    let tone = tone_of(wiring.verdict);
    let delivery = &wiring.delivery;
    let delivered = delivery.read.zip(delivery.lost.zip(delivery.duplicated));
    let rotations = &wiring.rotations;
    html! {
        article class=(format!("verdict {}", tone.class())) {
            h2 { (text(&wiring.name)) ": " (badge(wiring.verdict.word(), tone)) }
            p { (text(&sentence(&wiring.reason))) }
            p class="quiet" {
                @if let (Some(made), Some(due)) = (rotations.made, rotations.due) {
                    (made) " of " (due) " rotations made. "
                }
                @if let Some((read, (lost, twice))) = delivered {
                    (read) " lines delivered, " (lost) " lost, " (twice) " twice. "
                }
                @if let Some(hung) = wiring.hung.containers { (hung) " containers hung." }
            }
            @if let Some(meaning) = meaning(wiring.verdict) { p class="quiet" { (meaning) } }
            @if let Some(why) = &wiring.cut_short { p { "It ended early: " (text(why)) "." } }
        }
    }
}

/// What a verdict means, to those who meet it for the first time.
fn meaning(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Clean => None,
        Verdict::Leaking => {
            Some("Leaking: what a rotation leaves behind is there until the process ends.")
        }
        Verdict::Hung => Some(
            "Hung: containers are not followed any more. What stands still leaks nothing: \
            its counts say nothing of a leak.",
        ),
        Verdict::Starved => {
            Some("Starved: lines did not arrive, or arrived twice, whatever the counts are.")
        }
        Verdict::Inconclusive => Some("Inconclusive: this is no sign of health."),
    }
}

fn sentence(reason: &str) -> String {
    let mut characters = reason.chars();
    let first = characters.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(characters)
        .chain(['.'])
        .collect()
}

fn gates(report: &Report) -> Markup {
    let section = gate_section::of(report);
    html! { @if section.table.is_some() { (render_section(&section)) } }
}

/// The growth of each count with its interval.
fn rates(report: &Report) -> Markup {
    if report.config.watched.is_some() {
        let of_process = |process| Section {
            heading: "Leak rates".into(),
            ..watch_summary::rates(report, process)
        };
        return html! { @for process in &report.wirings { (render_section(&of_process(process))) } };
    }
    let header = [
        "wiring",
        "count",
        "baseline",
        "final",
        "per rotation per container",
        "95 % interval",
        "predicted",
        "weakest rotation",
        "per rotation",
        "per minute",
    ];
    let rows = report.wirings.iter().flat_map(|wiring| {
        let (rates, predicted) = (&wiring.rates, &wiring.predicted);
        let ends = |count: fn(Counts) -> Option<u64>| {
            [wiring.baseline, wiring.r#final].map(|counts| counts.and_then(count))
        };
        let tasks = row(
            &wiring.name,
            "tasks",
            ends(|counts| counts.tasks),
            rates.tasks,
            predicted.tasks_per_rotation_per_container,
        );
        let fds = row(
            &wiring.name,
            report.config.fd_unit().0,
            ends(|counts| counts.fds),
            rates.fds,
            predicted.fds_per_rotation_per_container,
        );
        [tasks, fds]
    });
    render_section(&Section {
        heading: "Leak rates".into(),
        table: Some(table(&header, rows)),
        notes: vec!["Per minute: on the monitor's own clock. Weakest rotation: the growth of all containers in \
                     the rotation in which it was least. Predicted: by the closed form, not measured.".into()],
    })
}

fn row(
    wiring: &str,
    of: &str,
    ends: [Option<u64>; 2],
    rate: Option<Rate>,
    predicted: Option<f64>,
) -> Vec<Text> {
    let count =
        |count: Option<u64>| Text::Figure(count.map_or("-".into(), |count| count.to_string()));
    let interval = rate.and_then(|rate| rate.ci95);
    let weakest = rate.and_then(|rate| rate.weakest_rotation);
    let [first, last] = ends.map(count);
    vec![
        Text::Words(wiring.into()),
        Text::Words(of.into()),
        first,
        last,
        figure(rate.and_then(|rate| rate.per_rotation_per_container)),
        Text::Figure(interval.map_or("-".into(), told_interval)),
        figure(predicted),
        Text::Figure(weakest.map_or("-".into(), |growth| format!("{growth:+}"))),
        figure(rate.and_then(|rate| rate.per_rotation)),
        figure(rate.map(|rate| rate.per_minute)),
    ]
}

/// What each wiring does; of a process that was watched nobody knows.
fn wirings(report: &Report) -> Markup {
    html! {
        @if report.config.watched.is_none() && !report.wirings.is_empty() {
            section {
                h2 { "What the wirings are" }
                ul {
                    @for wiring in &report.wirings {
                        li { strong { (text(&wiring.name)) } ": " (text(&sentence(&wiring.summary))) }
                    }
                }
                p class="quiet" { code { "leakcheck wirings" } " explains each of them." }
            }
        }
    }
}

/// What was asked for, and how to ask for it again.
fn settings(report: &Report) -> Markup {
    html! {
        section {
            h2 { "To run it again" }
            (again::of_report(report))
            details {
                summary { "The configuration, as the JSON has it" }
                dl {
                    @for (name, value) in settings_of(&report.config) {
                        dt { (name) }
                        dd { (text(&value)) }
                    }
                }
            }
        }
    }
}

/// The settings that are known, by the names that they have in the JSON.
fn settings_of(config: &Config) -> Vec<(String, String)> {
    let Ok(Value::Object(mut settings)) = serde_json::to_value(config) else {
        return Vec::new();
    };
    // Most of what is resolved stands beside it, too.
    for part in ["settings", "workload"] {
        if let Some(Value::Object(resolved)) = settings.remove(part) {
            for (name, value) in resolved {
                settings.entry(name).or_insert(value);
            }
        }
    }
    let known = settings.into_iter().filter(|(_, value)| !value.is_null());
    let told = known.map(|(name, value)| match value {
        Value::String(words) => (name, words),
        other => (name, other.to_string()),
    });
    told.collect()
}
