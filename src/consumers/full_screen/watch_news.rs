//! What the live view is told of a watched process.

use std::collections::BTreeSet;
use std::time::Duration;

use leakcheck_report::model::report::{Config, Rate, Rates, Watched};
use leakcheck_report::readings::{self, Reading, Recording};
use leakcheck_report::render::watch_summary;

use crate::analysis::watched::Watch;
use crate::consumers::watch_table::lasting;
use crate::live::{Count, Fact, LiveSite, News};

/// How a process is watched, and what growth is told by while it goes on.
#[derive(Debug)]
pub(super) struct Watching {
    /// What the process's tasks are called.
    unit: &'static str,
    containers: Option<u64>,
    rotation: Option<Duration>,
    warm_up: Duration,
    /// How long, in words.
    lasting: String,
}

impl Watching {
    /// As the report will tell it.
    pub(super) fn of(config: &Config) -> Self {
        let watched = config.watched.as_ref();
        let warm_up_ms = watched.map_or(0, |watched| watched.warm_up_ms);
        Self {
            unit: watched.map_or("tasks", Watched::unit),
            containers: config.containers,
            rotation: config.rotation_ms.map(Duration::from_millis),
            warm_up: Duration::from_millis(warm_up_ms),
            lasting: lasting(config),
        }
    }

    pub(super) fn start(&self, name: &str, config: &Config) -> [News; 2] {
        let conditions = watch_summary::conditions(config);
        let title = format!("leakcheck watch: {name}, {conditions}");
        [
            News::Title(title, self.each()),
            News::Subjects(vec![name.to_owned()]),
        ]
    }

    pub(super) fn reading(&self, recording: &Recording) -> Vec<News> {
        let (Some(first), Some(last)) = (recording.readings.first(), recording.readings.last())
        else {
            return Vec::new();
        };
        let passed = last.at.saturating_sub(recording.paused());
        let progress = format!(
            "{:.0} s of {}, {} readings",
            passed.as_secs_f64(),
            self.lasting,
            recording.readings.len()
        );
        let counts = self.counts(first, last, self.rates(recording));
        vec![
            News::Progress(progress),
            News::Counts(0, counts, self.facts(recording, last)),
            News::Sites(0, self.sites(first, last)),
        ]
    }
}

impl Watching {
    /// In what slopes are told.
    fn each(&self) -> &'static str {
        match (self.rotation, self.containers) {
            (Some(_), Some(_)) => "a rotation of one container",
            (Some(_), None) => "a rotation",
            (None, _) => "a minute",
        }
    }

    /// The slopes so far, as the report will tell them.
    fn rates(&self, recording: &Recording) -> Rates {
        let watch = Watch {
            name: "",
            unit: self.unit,
            source: None,
            recording,
            asked: false,
            scraped: false,
            containers: self.containers,
            rotation: self.rotation,
            warm_up: self.warm_up,
            followers: None,
        };
        watch.rates_so_far()
    }

    fn counts(&self, first: &Reading, last: &Reading, rates: Rates) -> Vec<Count> {
        let count = |what, of: fn(&Reading) -> Option<u64>, rate: Option<Rate>| {
            of(last).map(|now| Count {
                what,
                first: of(first),
                now,
                each: rate.map(Rate::told),
            })
        };
        let memory = |reading: &Reading| reading.gauges.rss_bytes.map(|bytes| bytes >> 20);
        [
            count(self.unit, |reading| reading.tasks, rates.tasks),
            count("fds", |reading| reading.fds, rates.fds),
            count("threads", |reading| reading.gauges.threads, None),
            count("MiB", memory, None),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn facts(&self, recording: &Recording, last: &Reading) -> Vec<Fact> {
        let fact = |heading, value| Fact { heading, value };
        let rotations = self
            .rotation
            .map(|rotation| fact("rotations", rotations(last.at, rotation).to_string()));
        let others = [
            fact("failed", recording.failed.to_string()),
            fact("restarts", last.restarts.to_string()),
        ];
        rotations.into_iter().chain(others).collect()
    }

    /// What there was at first, and what there is now, with the growth per what slopes are told in.
    fn sites(&self, first: &Reading, last: &Reading) -> Vec<LiveSite> {
        const MINUTE: f64 = 60.0;
        let passed = last.at - first.at;
        let units = match self.rotation {
            // What a rotation leaves is there at once: a part of one leaves nothing.
            Some(rotation) => rotations(passed, rotation) as f64,
            None => passed.as_secs_f64() / MINUTE,
        };
        let divisor = units * self.containers.unwrap_or(1) as f64;
        let sites: BTreeSet<&readings::Site> =
            first.sites.keys().chain(last.sites.keys()).collect();
        let of = |reading: &Reading, site: &readings::Site| {
            reading.sites.get(site).copied().unwrap_or(0)
        };
        let site = |site: &readings::Site| {
            let shown = LiveSite {
                label: site.label.clone(),
                first: of(first, site),
                now: of(last, site),
                each: None,
            };
            LiveSite {
                // Of less than one there is no more than a guess.
                each: (units >= 1.0).then(|| shown.growth() as f64 / divisor),
                ..shown
            }
        };
        sites.into_iter().map(site).collect()
    }
}

/// How often a process has rotated within some time.
fn rotations(passed: Duration, rotation: Duration) -> u64 {
    let rotations = passed.as_nanos() / rotation.as_nanos().max(1);
    u64::try_from(rotations).unwrap_or(u64::MAX)
}
