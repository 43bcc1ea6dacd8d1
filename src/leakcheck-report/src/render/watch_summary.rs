//! What people read of a process that is watched: live, and at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use leakcheck_text::duration;
use leakcheck_text::figures::told_interval;

use super::exercise_summary;
use super::fault_section;
use super::section::{Section, Text, count, figure, table};
use crate::model::process_gauges::ProcessGauges;
use crate::model::report::{
    Answer, Config, Counts, Rate, Report, SiteReport, Trend, Trends, Watched, WiringReport,
};
use crate::readings::{Reading, Recording, Site};

/// So many sites are shown while it goes on.
const LIVE_SITES: usize = 8;
/// In bytes.
const MIB: f64 = (1 << 20) as f64;
/// So many functions of Go's leak profile are named.
const LEAKED_FUNCTIONS: usize = 3;

/// The sections on a watched process.
pub(super) fn of(report: &Report) -> Vec<Section> {
    let mut sections = Vec::new();
    for process in &report.wirings {
        let mut rates = rates(report, process);
        rates.notes.insert(
            0,
            format!(
                "{}: {}: {}.",
                process.name,
                process.verdict.word(),
                process.reason
            ),
        );
        if report.partial {
            let partial = "This report is partial: the watch ended before its time.";
            rates.notes.push(partial.into());
        }
        sections.push(rates);
        sections.extend(around_the_counts(report, process));
    }
    sections
}

/// What goes with a process's rates.
pub(super) fn around_the_counts(report: &Report, process: &WiringReport) -> Vec<Section> {
    let mut sections: Vec<Section> = answers(process).into_iter().collect();
    sections.extend([sites(process), fds(process)]);
    sections.extend(exercise_summary::of_engine(&report.config, process));
    sections.push(fault_section::of(report));
    sections.push(around(process));
    sections
}

/// How fast a process's counts grow.
pub(super) fn rates(report: &Report, process: &WiringReport) -> Section {
    let config = &report.config;
    let each = match (config.rotation_ms, config.containers) {
        (Some(_), Some(_)) => "a rotation of one container",
        (Some(_), None) => "a rotation",
        (None, _) => "a minute",
    };
    let header = [
        "process", "verdict", "count", "first", "last", "each", "95 %", "p",
    ];
    let unit = config.watched.as_ref().map_or("tasks", Watched::unit);
    let counted = counts(process, unit);
    let shown = counted.into_iter().filter(CountRow::is_shown);
    let rows = shown.enumerate().map(|(at, row)| {
        let scale = scale(config);
        let rate = row.rate.map(Rate::told);
        let scaled = row.trend.as_ref().map(|trend| trend.per_minute * scale);
        let bounds = row.rate.and_then(|rate| rate.ci95);
        let bounds = bounds.or(row
            .trend
            .as_ref()
            .map(|trend| trend.ci95_per_minute.map(|end| end * scale)));
        vec![
            Text::Words(if at == 0 {
                process.name.clone()
            } else {
                String::new()
            }),
            match at {
                0 => Text::Verdict(process.verdict),
                _ => Text::Words(String::new()),
            },
            Text::Words(row.what.into()),
            count(row.first),
            count(row.last),
            figure(rate.or(scaled)),
            unbroken(bounds.map(told_interval)),
            unbroken(row.trend.as_ref().map(probability)),
        ]
    });
    let rows: Vec<Vec<Text>> = rows.collect();
    Section {
        heading: format!("Trend of {}: {}", process.name, conditions(config)),
        table: Some(table(&header, rows)),
        notes: vec![format!(
            "Each: in {each}, by the slope; p: how often chance makes such a rise."
        )],
    }
}

fn unbroken(text: Option<String>) -> Text {
    Text::Lines(vec![text.unwrap_or_else(|| "-".into())])
}

/// A count of a process, and how it went.
struct CountRow<'a> {
    what: &'a str,
    first: Option<u64>,
    last: Option<u64>,
    rate: Option<Rate>,
    trend: Option<Trend>,
}

impl CountRow<'_> {
    /// Tasks and file descriptors are always shown, of the others what was judged and is there.
    fn is_shown(&self) -> bool {
        let is_there = || {
            [self.first, self.last]
                .into_iter()
                .flatten()
                .any(|count| count > 0)
        };
        matches!(self.what, "tasks" | "goroutines" | "fds") || self.trend.is_some() && is_there()
    }
}

/// All counts of a process, of which tasks are called so.
fn counts<'a>(process: &'a WiringReport, unit: &'a str) -> Vec<CountRow<'a>> {
    let trends = process.trends.as_ref();
    let samples = (process.samples.first(), process.samples.last());
    let gauge = |of: fn(&ProcessGauges) -> Option<u64>| {
        let [first, last] =
            [samples.0, samples.1].map(|sample| sample.and_then(|one| of(&one.gauges)));
        (first, last)
    };
    let counted = |of: fn(Counts) -> Option<u64>| {
        (process.baseline.and_then(of), process.r#final.and_then(of))
    };
    let row = |what, (first, last), rate, trend: fn(&Trends) -> Option<&Trend>| CountRow {
        what,
        first,
        last,
        rate,
        trend: trends.and_then(trend).cloned(),
    };
    let mebibytes = |bytes: Option<u64>| bytes.map(|bytes| bytes >> 20);
    let memory = gauge(|gauges| gauges.rss_bytes);
    vec![
        row(
            unit,
            counted(|counts| counts.tasks),
            process.rates.tasks,
            |trends| trends.tasks.as_ref(),
        ),
        row(
            "fds",
            counted(|counts| counts.fds),
            process.rates.fds,
            |trends| trends.fds.as_ref(),
        ),
        row("threads", gauge(|gauges| gauges.threads), None, |trends| {
            trends.threads.as_ref()
        }),
        row(
            "children",
            gauge(|gauges| gauges.children),
            None,
            |trends| trends.children.as_ref(),
        ),
        row("zombies", gauge(|gauges| gauges.zombies), None, |trends| {
            trends.zombies.as_ref()
        }),
        CountRow {
            what: "memory, MiB",
            first: mebibytes(memory.0),
            last: mebibytes(memory.1),
            rate: None,
            trend: (trends.and_then(|trends| trends.rss_bytes.as_ref())).map(|bytes| Trend {
                per_minute: bytes.per_minute / MIB,
                ci95_per_minute: bytes.ci95_per_minute.map(|end| end / MIB),
                ..bytes.clone()
            }),
        },
    ]
}

/// By what a slope a minute becomes one that is told: a rotation of one container, a rotation, or a minute.
fn scale(config: &Config) -> f64 {
    let minutes = config.rotation_ms.map(|ms| ms as f64 / 60_000.0);
    let containers = config
        .containers
        .filter(|_| minutes.is_some())
        .unwrap_or(1)
        .max(1);
    minutes.unwrap_or(1.0) / containers as f64
}

fn probability(trend: &Trend) -> String {
    match trend.p.unwrap_or(trend.mann_kendall_p) {
        p if p < 0.001 => "< 0.001".into(),
        p => format!("{p:.3}"),
    }
}

/// The answers that the verdict is drawn from; `None` in a report that has none.
fn answers(process: &WiringReport) -> Option<Section> {
    let answers = process.answers.as_ref()?;
    let row = |(question, answer): (&str, &Answer)| {
        vec![
            Text::Words(question.into()),
            Text::Verdict(answer.verdict),
            Text::Words(answer.reason.clone()),
        ]
    };
    let rows = [
        ("liveness", &answers.liveness),
        ("delivery", &answers.delivery),
        ("leak", &answers.leak),
    ];
    let covers = match process.covers.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "Counts that were read: {}.",
            process.covers.join(", ")
        )],
    };
    Some(Section {
        heading: "What the verdict is drawn from".into(),
        table: Some(table(
            &["question", "answer", "why"],
            rows.into_iter().map(row),
        )),
        notes: covers,
    })
}

/// How it was watched, in a line.
pub fn conditions(config: &Config) -> String {
    let time = |ms: u64| duration::format(Duration::from_millis(ms));
    let watched = config.watched.clone().unwrap_or_default();
    let whose = exercise_summary::rotations(config);
    let whose = whose.map_or(String::new(), |whose| format!(" ({whose})"));
    let rotation = config
        .rotation_ms
        .map(|ms| format!("rotations of {}{whose}", time(ms)));
    let containers = config.containers.map(|count| format!("{count} containers"));
    let times = format!(
        "read every {} for {}, the first {} not judged",
        time(watched.every_ms),
        time(watched.for_ms),
        time(watched.warm_up_ms)
    );
    let parts: Vec<String> = containers
        .into_iter()
        .chain(rotation)
        .chain([times])
        .collect();
    parts.join(", ")
}

fn sites(process: &WiringReport) -> Section {
    let leaked: Vec<&SiteReport> = process
        .sites
        .iter()
        .filter(|site| site.leaked > 0)
        .collect();
    let row = |site: &&SiteReport| {
        let mut row = grown(site.label.clone(), site.baseline, site.r#final);
        row.push(figure(site.per_rotation_per_container));
        row
    };
    let header = ["runs", "first", "last", "growth", "each"];
    let note = |site: &&SiteReport| {
        let place = site
            .location
            .as_ref()
            .map(|place| format!(", started at {place}"));
        let meaning = site.meaning.as_ref().map(|words| format!(": {words}"));
        format!(
            "{}{}{}.",
            site.label,
            place.unwrap_or_default(),
            meaning.unwrap_or_default()
        )
    };
    let mut notes: Vec<String> = leaked.iter().map(note).collect();
    notes.dedup();
    if leaked
        .iter()
        .any(|site| site.per_rotation_per_container.is_some())
    {
        notes.push("Each: per rotation of one container.".into());
    }
    if leaked.is_empty() && !process.sites.is_empty() {
        notes.push("Of nothing is there more than at first.".into());
    }
    Section {
        heading: "What grew, by what started it".into(),
        table: (!leaked.is_empty()).then(|| table(&header, leaked.iter().map(row))),
        notes,
    }
}

fn fds(process: &WiringReport) -> Section {
    let none = BTreeMap::new();
    let first = process.fds_by_kind.baseline.as_ref().unwrap_or(&none);
    let last = process.fds_by_kind.r#final.as_ref().unwrap_or(&none);
    let mut kinds: Vec<&String> = first.keys().chain(last.keys()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let rows = kinds.into_iter().map(|kind| {
        let of = |counts: &BTreeMap<String, u64>| counts.get(kind).copied().unwrap_or(0);
        grown(kind.clone(), of(first), of(last))
    });
    let rows: Vec<Vec<Text>> = rows.collect();
    let header = ["kind", "first", "last", "growth"];
    Section {
        heading: "File descriptors by kind".into(),
        table: (!rows.is_empty()).then(|| table(&header, rows)),
        notes: Vec::new(),
    }
}

/// A row of a count that was so many at first, and is so many now.
fn grown(what: String, first: u64, last: u64) -> Vec<Text> {
    vec![
        Text::Words(what),
        Text::Figure(first.to_string()),
        Text::Figure(last.to_string()),
        Text::Figure(format!("{:+}", i128::from(last) - i128::from(first))),
    ]
}

/// What the counts alone do not show.
fn around(process: &WiringReport) -> Section {
    let mut notes = Vec::new();
    let trends = process.trends.clone().unwrap_or_default();
    if let Some(mechanism) = &trends.mechanism {
        notes.push(format!("It fits a known mechanism: {mechanism}."));
    }
    notes.extend(process.hung.r#where.iter().map(|place| {
        let longest_s = place.longest_ms as f64 / 1000.0;
        format!(
            "{} × {}, for up to {longest_s:.1} s.",
            place.containers, place.place
        )
    }));
    if let Some(profile) = &process.leak_profile {
        let functions = profile.by_function.iter().take(LEAKED_FUNCTIONS);
        let named: Vec<String> = functions
            .map(|leaked| format!("{} {}", leaked.goroutines, leaked.function))
            .collect();
        let named = match named.is_empty() {
            true => String::new(),
            false => format!(" ({})", named.join(", ")),
        };
        notes.push(format!(
            "Go's own leak profile finds {} leaked goroutines{named}. It does not see those that are \
             parked on input or output, nor those that something still refers to.",
            profile.goroutines
        ));
    }
    if trends.tasks_are_lower_bound {
        notes.push("The tasks are a lower bound: the console had not told of all of them.".into());
    }
    if trends.failed_readings > 0 {
        notes.push(format!("{} readings failed.", trends.failed_readings));
    }
    if trends.paused_ms > 0 {
        notes.push(format!(
            "The watch was paused for {:.1} s in all: how the counts went meanwhile is unknown.",
            trends.paused_ms as f64 / 1000.0
        ));
    }
    if trends.restarts > 0 {
        notes.push(format!(
            "The process was started anew {} times; judged is the longest stretch without.",
            trends.restarts
        ));
    }
    Section {
        heading: "Around it".into(),
        table: None,
        notes,
    }
}

/// The sections that are shown while a watch goes on.
pub fn live(recording: &Recording, lasting: &str) -> Vec<Section> {
    let (Some(first), Some(last)) = (recording.readings.first(), recording.readings.last()) else {
        return Vec::new();
    };
    let count = |what: &str, count: fn(&Reading) -> Option<u64>| {
        Some(grown(what.into(), count(first)?, count(last)?))
    };
    let counts = [
        count("tasks", |reading| reading.tasks),
        count("fds", |reading| reading.fds),
        count("threads", |reading| reading.gauges.threads),
        count("children", |reading| {
            reading.gauges.children.filter(|count| *count > 0)
        }),
        count("MiB of memory", |reading| {
            reading.gauges.rss_bytes.map(|bytes| bytes >> 20)
        }),
    ];
    let of = |reading: &Reading, site: &Site| reading.sites.get(site).copied().unwrap_or(0);
    let mut sites: Vec<(&Site, u64, u64)> = last
        .sites
        .keys()
        .map(|site| (site, of(first, site), of(last, site)))
        .filter(|(_, first, last)| last > first)
        .collect();
    sites.sort_by_key(|(_, first, last)| std::cmp::Reverse(last - first));
    let sites = sites
        .into_iter()
        .take(LIVE_SITES)
        .map(|(site, first, last)| grown(format!("  {}", site.label), first, last));
    let rows = counts.into_iter().flatten().chain(sites);
    vec![Section {
        heading: format!(
            "{:.0} s of {lasting}, {} readings",
            last.at.as_secs_f64(),
            recording.readings.len()
        ),
        table: Some(table(&["count", "first", "now", "growth"], rows)),
        notes: Vec::new(),
    }]
}
