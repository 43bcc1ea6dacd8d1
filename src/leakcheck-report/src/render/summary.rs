//! What people read of a report: headings, tables and sentences, before any rendering.

use leakcheck_text::duration;

use super::section::{Section, Table, Text, count, figure, table, trimmed};
use super::{fault_section, gate_section, host_section, watch_summary};
use crate::model::report::{
    Config, Counts, Rate, Report, Sample, SiteReport, Verdict, WaitPoint, WiringReport,
};

/// As many wirings stand side by side in the table of rotations as fit in 80 columns.
const WIRINGS_SIDE_BY_SIDE: usize = 3;
/// A longer series is thinned to about this many rows.
const ROTATION_ROWS: usize = 24;

/// The summary of a report.
pub fn of(report: &Report) -> Vec<Section> {
    let mut sections = match report.config.watched {
        Some(_) => watch_summary::of(report),
        None => of_run(report),
    };
    sections.push(gate_section::of(report));
    without_empty_ones(sections)
}

/// The sections on a run of our own monitor.
fn of_run(report: &Report) -> Vec<Section> {
    let mut sections = vec![rates(report)];
    sections.extend(rotations(report));
    sections.extend(around_the_counts(report));
    sections
}

/// The sections that go with rates and counts, for a rendering that shows these in its own way.
pub(super) fn besides_counts(report: &Report) -> Vec<Section> {
    let sections = match report.config.watched {
        Some(_) => {
            let of_process = |process| watch_summary::around_the_counts(report, process);
            report.wirings.iter().flat_map(of_process).collect()
        }
        None => around_the_counts(report),
    };
    without_empty_ones(sections)
}

fn around_the_counts(report: &Report) -> Vec<Section> {
    vec![
        host_section::of(report),
        fault_section::of(report),
        spawn_sites(report),
        surroundings(report),
    ]
}

fn without_empty_ones(mut sections: Vec<Section>) -> Vec<Section> {
    sections.retain(|section| section.table.is_some() || !section.notes.is_empty());
    sections
}

fn rates(report: &Report) -> Section {
    let header = [
        "wiring",
        "verdict",
        "count",
        "per rotation per container",
        "predicted",
        "per rotation",
        "per minute",
    ];
    let row = |words: [Text; 2], of: &str, rate: Option<Rate>, predicted: Option<f64>| {
        let [wiring, verdict] = words;
        vec![
            wiring,
            verdict,
            Text::Words(of.into()),
            figure(rate.and_then(|rate| rate.per_rotation_per_container)),
            figure(predicted),
            figure(rate.and_then(|rate| rate.per_rotation)),
            figure(rate.map(|rate| rate.per_minute)),
        ]
    };
    let nothing = || Text::Words(String::new());
    let rows = report.wirings.iter().flat_map(|wiring| {
        let (rates, predicted) = (&wiring.rates, &wiring.predicted);
        let named = [
            Text::Words(wiring.name.clone()),
            Text::Verdict(wiring.verdict),
        ];
        [
            row(
                named,
                "tasks",
                rates.tasks,
                predicted.tasks_per_rotation_per_container,
            ),
            row(
                [nothing(), nothing()],
                report.config.fd_unit().0,
                rates.fds,
                predicted.fds_per_rotation_per_container,
            ),
        ]
    });
    let mut notes: Vec<String> = report.wirings.iter().map(verdict_in_words).collect();
    if report.partial {
        notes.push("This report is partial: the run ended before it was through.".into());
    }
    Section {
        heading: format!("Leak rates: {}", conditions(&report.config)),
        table: Some(table(&header, rows)),
        notes,
    }
}

/// The verdict with its figures, and how alive the monitor was.
fn verdict_in_words(wiring: &WiringReport) -> String {
    let mut words = format!(
        "{}: {}: {}.",
        wiring.name,
        wiring.verdict.word(),
        wiring.reason
    );
    let delivery = &wiring.delivery;
    if let (Verdict::Leaking, Some(read), Some(lost), Some(twice)) = (
        wiring.verdict,
        delivery.read,
        delivery.lost,
        delivery.duplicated,
    ) {
        words += &format!(" {read} lines delivered, {lost} lost, {twice} twice.");
    }
    words
}

/// The run's conditions in a line.
pub fn conditions(config: &Config) -> String {
    let rotation = std::time::Duration::from_millis(config.rotation_ms.unwrap_or(0));
    let rotation = duration::format(rotation);
    let clock = match config.clock.as_str() {
        "compressed" => format!("compressed {}-fold", trimmed(config.time_scale)),
        clock => format!("{clock} clock"),
    };
    let scenario = match &config.scenario {
        Some(name) => format!("scenario {name}, "),
        None => String::new(),
    };
    let at_most = match config.until_verdict {
        true => "at most ",
        false => "",
    };
    let shards = match config.shards {
        Some(shards @ 2..) => format!(" in {shards} shards"),
        _ => String::new(),
    };
    format!(
        "{scenario}{} {} containers{shards}, {at_most}{} rotations of {rotation}, {clock}",
        config.containers.unwrap_or(0),
        config.engine.as_deref().unwrap_or(""),
        config.rotations.unwrap_or(0)
    )
}

fn rotations(report: &Report) -> Vec<Section> {
    report
        .wirings
        .chunks(WIRINGS_SIDE_BY_SIDE)
        .filter(|wirings| wirings.iter().any(|wiring| !wiring.samples.is_empty()))
        .map(|wirings| rotations_of(wirings, &report.config))
        .collect()
}

fn rotations_of(wirings: &[WiringReport], config: &Config) -> Section {
    let last = wirings
        .iter()
        .filter_map(|wiring| wiring.samples.last())
        .map(|s| s.rotation)
        .max();
    let last = usize::try_from(last.flatten().unwrap_or(0)).unwrap_or(usize::MAX);
    let kept = wirings.iter().filter_map(distance_of_samples).max();
    let kept = usize::try_from(kept.unwrap_or(1)).unwrap_or(1);
    let every = (last / ROTATION_ROWS).max(1).next_multiple_of(kept);
    let (short, full) = config.fd_unit();
    let mut header = vec!["rotation".to_owned()];
    for wiring in wirings {
        header.extend([format!("{} tasks", wiring.name), short.into()]);
    }
    let end = (!last.is_multiple_of(every)).then_some(last);
    let shown = (0..=last).step_by(every).chain(end);
    let rows = shown.map(|rotation| {
        let mut row = vec![match rotation {
            0 => Text::Words("baseline".into()),
            rotation => Text::Words(rotation.to_string()),
        }];
        for wiring in wirings {
            let sample = wiring
                .samples
                .iter()
                .find(|sample| sample.rotation == Some(rotation as u64));
            row.push(Text::Figure(tasks_of(sample)));
            row.push(count(sample.and_then(|sample| sample.fds)));
        }
        row
    });
    let rows = rows.collect();
    let mut notes = Vec::new();
    if every > 1 {
        let more = if kept > 1 { "more of them" } else { "them all" };
        notes.push(format!(
            "Every {every}th rotation is shown; the JSON has {more}."
        ));
    }
    if wirings
        .iter()
        .flat_map(|wiring| &wiring.samples)
        .any(|sample| !sample.settled)
    {
        notes.push("~ the count had not settled when it was read.".into());
    }
    Section {
        heading: format!("Live tasks and {full} after each rotation, settled"),
        table: Some(Table { header, rows }),
        notes,
    }
}

fn tasks_of(sample: Option<&Sample>) -> String {
    match sample.and_then(|sample| Some((sample, sample.tasks?))) {
        Some((sample, tasks)) if sample.settled => tasks.to_string(),
        Some((_, tasks)) => format!("~{tasks}"),
        None => "-".into(),
    }
}

fn spawn_sites(report: &Report) -> Section {
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    for wiring in &report.wirings {
        for site in wiring.sites.iter().filter(|site| site.leaked > 0) {
            rows.push(vec![
                Text::Words(wiring.name.clone()),
                Text::Words(site.label.clone()),
                Text::Figure(site.baseline.to_string()),
                Text::Figure(site.r#final.to_string()),
                figure(site.per_rotation_per_container),
            ]);
            let note = site_in_words(site);
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    if !report.tool.spawn_sites && !rows.is_empty() {
        notes.push(
            "This build does not attribute hidden tasks: rebuild with \
             RUSTFLAGS=\"--cfg tokio_unstable\" to see who spawned them."
                .into(),
        );
    }
    let header = [
        "wiring",
        "task",
        "baseline",
        "final",
        "per rotation per container",
    ];
    let table = (!rows.is_empty()).then(|| table(&header, rows));
    if table.is_none() && report.wirings.iter().any(|wiring| wiring.samples.len() > 1) {
        notes.push("At no spawn site are there more tasks than at the baseline.".into());
    }
    Section {
        heading: "Who spawned what leaked".into(),
        table,
        notes,
    }
}

/// Where a task is spawned and what it does.
fn site_in_words(site: &SiteReport) -> String {
    let mut words = site.label.clone();
    if let Some(location) = &site.location {
        words += &format!(", spawned at {location}");
    }
    match log_monitor::meaning(&site.label) {
        Some(meaning) => format!("{words}: {meaning}."),
        None if site.location.is_none() => {
            format!("{words}: tasks that libraries spawned, not the monitor itself.")
        }
        None => words + ".",
    }
}

/// What the counts of the worker alone do not show.
fn surroundings(report: &Report) -> Section {
    let mut notes = Vec::new();
    for wiring in &report.wirings {
        let name = &wiring.name;
        notes.extend(wiring.hung.r#where.iter().map(|place| {
            format!(
                "{name}: {} of {} containers hang, for up to {:.1} s: {}.",
                place.containers,
                report.config.containers.unwrap_or(0),
                place.longest_ms as f64 / 1000.0,
                place.place
            )
        }));
        notes.extend(forgotten_readers(wiring));
        if let Some(count) = wiring.stream_errors.count.filter(|count| *count > 0) {
            let example = wiring
                .stream_errors
                .example
                .as_deref()
                .unwrap_or("no reason given");
            notes.push(format!(
                "{name}: {count} streams failed, one of them: {example}."
            ));
        }
        let tasks = |counts: Option<Counts>| counts.and_then(|counts| counts.tasks);
        let outlived = tasks(wiring.after_shutdown).filter(|left| *left > 0);
        if let (Some(left), Some(last)) = (outlived, tasks(wiring.r#final)) {
            notes.push(format!(
                "{name}: {left} of {last} tasks outlived the monitor's full cancellation."
            ));
        }
    }
    let held: Vec<String> = report.wirings.iter().filter_map(held_up).collect();
    if !held.is_empty() {
        notes.extend(held);
        notes.push(
            "Rates leave rotations out that were held up, where there are others: what grows by time, \
             as with health checks, grew meanwhile, too."
                .into(),
        );
    }
    notes.extend(report.wirings.iter().filter_map(left_out));
    notes.extend(engine_side(report));
    notes.extend(go_reference(report));
    Section {
        heading: "Around it".into(),
        table: None,
        notes,
    }
}

/// After how many rotations each a sample is kept, where some are left out.
fn distance_of_samples(wiring: &WiringReport) -> Option<u64> {
    let next = wiring
        .samples
        .get(1)
        .filter(|_| wiring.samples_left_out > 0);
    next?.rotation.filter(|distance| *distance > 0)
}

/// That the report has a part of the samples; `None` where it has all.
fn left_out(wiring: &WiringReport) -> Option<String> {
    let (name, kept) = (&wiring.name, wiring.samples.len());
    let all = wiring.samples_left_out.saturating_add(kept as u64);
    (wiring.samples_left_out > 0).then(|| {
        format!("{name}: the report keeps {kept} of {all} samples; rates and verdict are of all of them.")
    })
}

/// Before which rotations somebody held it up; `None` where nobody did.
fn held_up(wiring: &WiringReport) -> Option<String> {
    let held = || wiring.samples.iter().filter(|sample| sample.held_ms > 0);
    let all_ms: u64 = held().map(|sample| sample.held_ms).sum();
    let rotations: Vec<String> = held()
        .filter_map(|sample| sample.rotation)
        .map(|rotation| rotation.to_string())
        .collect();
    (!rotations.is_empty()).then(|| {
        let (name, seconds) = (&wiring.name, all_ms as f64 / 1000.0);
        let before = rotations.join(", ");
        format!("{name}: held up for {seconds:.1} s before rotation {before}.")
    })
}

/// How many forgotten readers wait, and where; `None` where there is none.
fn forgotten_readers(wiring: &WiringReport) -> Option<String> {
    let all: u64 = wiring
        .forgotten_readers
        .iter()
        .map(|point| point.tasks)
        .sum();
    let places = places_of_forgotten_readers(wiring)?;
    Some(format!(
        "{}: {all} forgotten readers wait: {places}.",
        wiring.name
    ))
}

/// Where the readers wait that rotations have left behind, and how many there; `None` where there is
/// none.
pub fn places_of_forgotten_readers(wiring: &WiringReport) -> Option<String> {
    let points = &wiring.forgotten_readers;
    let place = |point: &WaitPoint| format!("{} {}", point.tasks, point.place);
    let places: Vec<String> = points.iter().map(place).collect();
    (!places.is_empty()).then(|| places.join(", "))
}

/// What grew on the engine's side; once where all wirings used one engine.
fn engine_side(report: &Report) -> Vec<String> {
    let grown = |wiring: &WiringReport| {
        let engine = &wiring.engine_side;
        // What the synthetic engine spends on a connection is of no interest to anybody.
        let own = report.config.engine.as_deref() != Some("synthetic");
        let counts = [
            (
                "connections",
                engine.connections_baseline,
                engine.connections_final,
            ),
            (
                "goroutines",
                engine.goroutines_baseline.filter(|_| own),
                engine.goroutines_final,
            ),
            (
                "file descriptors",
                engine.fds_baseline.filter(|_| own),
                engine.fds_final,
            ),
        ];
        let grown: Vec<String> = counts
            .into_iter()
            .filter_map(|(what, first, last)| Some((what, first?, last?)))
            .filter(|(_, first, last)| first != last)
            .map(|(what, first, last)| format!("{first} → {last} {what}"))
            .collect();
        let whose = match engine.shared {
            true => "all wirings together".to_owned(),
            false => wiring.name.clone(),
        };
        (!grown.is_empty()).then(|| format!("{whose}: on the engine's side {}.", grown.join(", ")))
    };
    let shared = report
        .wirings
        .first()
        .is_some_and(|wiring| wiring.engine_side.shared);
    let told = if shared { 1 } else { report.wirings.len() };
    report.wirings.iter().take(told).filter_map(grown).collect()
}

/// What the report's wirings did in Go; `None` where there is no figure.
pub fn go_reference(report: &Report) -> Option<String> {
    let figures: Vec<String> = report
        .wirings
        .iter()
        .filter_map(|wiring| {
            let go = wiring.go_reference.as_ref()?;
            let left = go
                .goroutines_per_rotation_per_container
                .zip(go.fds_per_rotation_per_container);
            let left = left
                .map(|(goroutines, fds)| format!("{goroutines:.2} goroutines and {fds:.2} fds"));
            let hung = go.hung.as_ref().map(|hung| format!("hung: {hung}"));
            let said: Vec<String> = left.into_iter().chain(hung).collect();
            Some(format!("{} {}", wiring.name, said.join(", ")))
        })
        .collect();
    (!figures.is_empty()).then(|| {
        format!(
            "In Go, half of the containers silent (a reference, not measured in this run): {}.",
            figures.join("; ")
        )
    })
}
