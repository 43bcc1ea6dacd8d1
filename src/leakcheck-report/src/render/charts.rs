//! The charts of a report: which there are, and what each shows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::report::{EngineCounts, Report, Sample, Step, Trends, Watched, WiringReport};
use crate::render::chart::{Chart, Mark, Place, Role, Series, Shape};

/// So many spawn sites have an area of their own; the others share one.
const SITES: usize = 7;
const MIB: f64 = 1_048_576.0;

/// What is at a place: the rotation of a run, else the time in ms.
type Key = u64;

/// The chart that says the most: live tasks, or file descriptors where nobody tells of tasks. It is
/// empty where neither is known.
pub fn main(report: &Report) -> Chart {
    let known = counts(report).into_iter().next();
    known.unwrap_or_else(|| tasks(report).chart(report))
}

/// Live tasks and file descriptors, those of them that are known.
pub fn counts(report: &Report) -> Vec<Chart> {
    shown([tasks(report), fds(report)].map(|count| count.chart(report)))
}

/// Live tasks by the site that spawned them, for each wiring.
pub fn by_site(report: &Report) -> Vec<Chart> {
    shown(report.wirings.iter().map(|wiring| sites_of(report, wiring)))
}

/// How the rotations went: how long counts took to settle, lines per second, lines that are missing,
/// memory.
pub fn course(report: &Report) -> Vec<Chart> {
    let of_samples = |title: &str, unit: &str, value: fn(&Sample) -> Option<f64>| {
        let values = |wiring: &WiringReport| keyed(report, wiring, value);
        chart(
            report,
            title,
            unit,
            report
                .wirings
                .iter()
                .map(|wiring| (wiring.name.clone(), values(wiring))),
        )
    };
    let time = match report.config.clock.as_str() {
        "virtual" => "virtual",
        _ => "wall",
    };
    let throughput = report
        .wirings
        .iter()
        .map(|wiring| (wiring.name.clone(), throughput(report, wiring)));
    shown([
        of_samples("Time until the counts had settled", "ms", |sample| {
            count(sample.settle_ms)
        }),
        chart(
            report,
            &format!("Lines delivered per second of {time} time"),
            "lines/s",
            throughput,
        ),
        of_samples(
            "Lines missing so far: later ones came without them",
            "lines",
            |sample| count(sample.lines_missing),
        ),
        of_samples("Resident memory", "MiB", |sample| {
            Some(count(sample.gauges.rss_bytes)? / MIB)
        }),
    ])
}

/// What the engine counted on its side.
pub fn engine_side(report: &Report) -> Vec<Chart> {
    let of_engine = |title: &str, unit: &str, value: fn(&EngineCounts) -> Option<u64>| {
        let shared = report
            .wirings
            .iter()
            .any(|wiring| wiring.engine_side.shared);
        let told = if shared { 1 } else { report.wirings.len() };
        let series = report.wirings.iter().take(told).map(|wiring| {
            let name = if shared {
                "all wirings together".into()
            } else {
                wiring.name.clone()
            };
            let engine = |sample: &Sample| count(sample.engine.as_ref().and_then(value));
            (name, keyed(report, wiring, engine))
        });
        chart(report, title, unit, series)
    };
    let connections = of_engine("Open connections, by the engine", "connections", |engine| {
        engine.connections
    });
    // What the synthetic engine spends on a connection is of no interest to anybody.
    if report.config.engine.as_deref() == Some("synthetic") {
        return shown([connections]);
    }
    shown([
        connections,
        of_engine("Goroutines of the engine", "goroutines", |engine| {
            engine.goroutines
        }),
        of_engine(
            "File descriptors of the engine",
            "file descriptors",
            |engine| engine.fds,
        ),
    ])
}

/// A count that leaks, and what is known of it beside its samples.
struct CountOf {
    unit: &'static str,
    of: fn(&Sample) -> Option<u64>,
    predicted: fn(&WiringReport) -> Option<f64>,
    steps: fn(&Trends) -> &[Step],
}

fn tasks(report: &Report) -> CountOf {
    CountOf {
        unit: report
            .config
            .watched
            .as_ref()
            .map_or("tasks", Watched::unit),
        of: |sample| sample.tasks,
        predicted: |wiring| wiring.predicted.tasks_per_rotation_per_container,
        steps: |trends| trends.tasks.as_ref().map_or(&[], |trend| &trend.steps),
    }
}

fn fds(report: &Report) -> CountOf {
    CountOf {
        unit: report.config.fd_unit().1,
        of: |sample| sample.fds,
        predicted: |wiring| wiring.predicted.fds_per_rotation_per_container,
        steps: |trends| trends.fds.as_ref().map_or(&[], |trend| &trend.steps),
    }
}

impl CountOf {
    fn chart(&self, report: &Report) -> Chart {
        let values =
            |wiring: &WiringReport| keyed(report, wiring, |sample| count((self.of)(sample)));
        let measured = report
            .wirings
            .iter()
            .map(|wiring| (wiring.name.clone(), values(wiring)));
        let title = match place(report) {
            Place::Rotation => format!("Live {} after each rotation", self.unit),
            Place::Seconds => format!("Live {}", self.unit),
        };
        let mut chart = chart(report, &title, self.unit, measured);
        let predicted = report
            .wirings
            .iter()
            .filter_map(|wiring| self.prediction(report, wiring, &chart.places));
        let predicted: Vec<Series> = predicted.collect();
        chart.series.extend(predicted);
        let steps = report
            .wirings
            .iter()
            .filter_map(|wiring| wiring.trends.as_ref());
        chart.marks = steps
            .flat_map(|trends| (self.steps)(trends))
            .map(|step| Mark {
                at: step.t_ms as f64 / 1000.0,
                words: format!("{:+.0}", step.size),
            })
            .collect();
        chart
    }

    /// The baseline, and what the closed form adds to it with each rotation.
    fn prediction(&self, report: &Report, wiring: &WiringReport, places: &[f64]) -> Option<Series> {
        if place(report) != Place::Rotation {
            return None;
        }
        let containers = report.config.containers? as f64;
        let baseline = wiring
            .samples
            .first()
            .filter(|sample| sample.rotation == Some(0))?;
        let (baseline, left) = (count((self.of)(baseline))?, (self.predicted)(wiring)?);
        let at = |rotation: &f64| Some(baseline + left * containers * rotation);
        Some(Series {
            name: format!("{}, predicted", wiring.name),
            role: Role::Predicted,
            values: places.iter().map(at).collect(),
        })
    }
}

fn count(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}

/// The charts in which there is something to be seen.
fn shown(charts: impl IntoIterator<Item = Chart>) -> Vec<Chart> {
    charts.into_iter().filter(Chart::shows_something).collect()
}

/// Our own runs are told by rotation, where every sample says which it belongs to; processes by time.
fn place(report: &Report) -> Place {
    let mut samples = report.wirings.iter().flat_map(|wiring| &wiring.samples);
    match report.config.watched.is_none() && samples.all(|sample| sample.rotation.is_some()) {
        true => Place::Rotation,
        false => Place::Seconds,
    }
}

fn key(place: Place, sample: &Sample) -> Key {
    match place {
        Place::Rotation => sample.rotation.unwrap_or(0),
        Place::Seconds => sample.t_ms,
    }
}

/// A value of each sample of a wiring, by its place.
fn keyed(
    report: &Report,
    wiring: &WiringReport,
    value: impl Fn(&Sample) -> Option<f64>,
) -> BTreeMap<Key, f64> {
    let place = place(report);
    let keyed = |sample: &Sample| Some((key(place, sample), value(sample)?));
    wiring.samples.iter().filter_map(keyed).collect()
}

/// Lines delivered per second between a sample and the one before.
fn throughput(report: &Report, wiring: &WiringReport) -> BTreeMap<Key, f64> {
    let place = place(report);
    let between = |pair: &[Sample]| {
        let [before, after] = pair else { return None };
        let lines = after.lines_read?.checked_sub(before.lines_read?)?;
        let ms = after.t_ms.checked_sub(before.t_ms).filter(|ms| *ms > 0)?;
        Some((key(place, after), lines as f64 * 1000.0 / ms as f64))
    };
    wiring.samples.windows(2).filter_map(between).collect()
}

/// A chart of lines at all places that the report has samples of.
fn chart(
    report: &Report,
    title: &str,
    unit: &str,
    series: impl IntoIterator<Item = (String, BTreeMap<Key, f64>)>,
) -> Chart {
    let place = place(report);
    let samples = report.wirings.iter().flat_map(|wiring| &wiring.samples);
    let keys: BTreeSet<Key> = samples.map(|sample| key(place, sample)).collect();
    let series = series.into_iter().map(|(name, values)| Series {
        name,
        role: Role::Measured,
        values: keys.iter().map(|key| values.get(key).copied()).collect(),
    });
    let warm_up = report
        .config
        .watched
        .as_ref()
        .map(|watched| watched.warm_up_ms as f64 / 1000.0);
    Chart {
        title: title.into(),
        place,
        unit: unit.into(),
        shape: Shape::Lines,
        series: series.collect(),
        places: keys.iter().map(|key| at(place, *key)).collect(),
        marks: Vec::new(),
        judged_from: warm_up.filter(|warm_up| *warm_up > 0.0),
    }
}

fn at(place: Place, key: Key) -> f64 {
    match place {
        Place::Rotation => key as f64,
        Place::Seconds => key as f64 / 1000.0,
    }
}

/// A wiring's tasks by site: those that grew on top, so that they are seen.
fn sites_of(report: &Report, wiring: &WiringReport) -> Chart {
    let told: Vec<&Sample> = wiring
        .samples
        .iter()
        .filter(|sample| !sample.sites.is_empty())
        .collect();
    let ranked = ranked_sites(&told);
    let (own, others) = ranked.split_at(ranked.len().min(SITES));
    let place = place(report);
    let summed = |sites: &[&str]| {
        let sum = |sample: &&Sample| {
            let counts = sites.iter().filter_map(|site| sample.sites.get(*site));
            counts.fold(0_u64, |sum, count| sum.saturating_add(*count)) as f64
        };
        told.iter()
            .map(|sample| (key(place, sample), sum(sample)))
            .collect()
    };
    let others =
        (!others.is_empty()).then(|| (format!("{} other sites", others.len()), summed(others)));
    let own = own
        .iter()
        .rev()
        .map(|site| ((*site).to_owned(), summed(&[*site])));
    let series: Vec<(String, BTreeMap<Key, f64>)> = others.into_iter().chain(own).collect();
    let title = match report.wirings.len() {
        1 => "What the live tasks are, by spawn site".to_owned(),
        _ => format!("{}: what the live tasks are, by spawn site", wiring.name),
    };
    let unit = report
        .config
        .watched
        .as_ref()
        .map_or("tasks", Watched::unit);
    without_gaps(Chart {
        shape: Shape::Areas,
        ..chart(report, &title, unit, series)
    })
}

/// The same without the places at which nothing is known: areas cannot have gaps.
fn without_gaps(mut chart: Chart) -> Chart {
    let known = |index: usize| {
        chart
            .series
            .iter()
            .any(|series| series.values.get(index).is_some_and(Option::is_some))
    };
    let known: Vec<bool> = (0..chart.places.len()).map(known).collect();
    let mut of_places = known.iter();
    chart.places.retain(|_| of_places.next() == Some(&true));
    for series in &mut chart.series {
        let mut of_values = known.iter();
        series.values.retain(|_| of_values.next() == Some(&true));
    }
    chart
}

/// The sites, those that grew the most first, then the largest.
fn ranked_sites<'a>(samples: &[&'a Sample]) -> Vec<&'a str> {
    let mut largest: BTreeMap<&str, u64> = BTreeMap::new();
    for (site, count) in samples.iter().flat_map(|sample| &sample.sites) {
        let known = largest.entry(site).or_default();
        *known = (*known).max(*count);
    }
    let of = |sample: Option<&&Sample>, site: &str| {
        sample
            .and_then(|sample| sample.sites.get(site))
            .copied()
            .unwrap_or(0)
    };
    let growth = |site: &str| of(samples.last(), site).saturating_sub(of(samples.first(), site));
    let mut ranked: Vec<(&str, u64, u64)> = largest
        .into_iter()
        .map(|(site, largest)| (site, growth(site), largest))
        .collect();
    ranked.sort_by_key(|(_, growth, largest)| std::cmp::Reverse((*growth, *largest)));
    ranked.into_iter().map(|(site, ..)| site).collect()
}
