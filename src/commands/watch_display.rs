//! What `leakcheck watch` shows while it goes on: a table that is drawn anew with each reading, or the whole
//! terminal.

use std::collections::BTreeSet;
use std::time::Duration;

use super::display::Display;
use crate::analysis::watched::Watch;
use crate::exit_code::Failure;
use crate::live::progress::LiveText;
use crate::live::{Count, Entered, Fact, News, Site};
use crate::model::report::{Config, Rate, Rates};
use crate::readings::{self, Reading, Recording};
use crate::render::section_text::render_sections;
use crate::render::watch_summary;
use crate::sys::pause::Hold;
use crate::text::duration;
use crate::watch::Listener;

/// What is shown of a watch, on standard error: nothing where that is no terminal.
pub(super) struct WatchDisplay {
    shown: Display<LiveText>,
    lasting: Duration,
    scale: Scale,
}

/// What growth is told by while it goes on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scale {
    /// What the process's tasks are called.
    pub(super) unit: &'static str,
    pub(super) containers: Option<u64>,
    pub(super) rotation: Option<Duration>,
    pub(super) warm_up: Duration,
}

impl WatchDisplay {
    /// The table.
    pub(super) fn new(quiet: bool, lasting: Duration) -> Self {
        Self {
            shown: Display::Lines(LiveText::new(quiet)),
            lasting,
            scale: Scale::default(),
        }
    }

    /// The table, or the whole terminal.
    pub(super) fn of_watch(
        live: bool,
        quiet: bool,
        lasting: Duration,
        scale: Scale,
    ) -> Result<Self, Failure> {
        Ok(Self {
            shown: Display::new(live, "nothing is read", || LiveText::new(quiet))?,
            lasting,
            scale,
        })
    }

    /// Takes the whole terminal, where that is to be, until what is returned is dropped. SIGINT must be
    /// handled by now.
    pub(super) fn enter(&self) -> Result<Option<Entered<'_>>, Failure> {
        self.shown.enter()
    }

    /// What holds the readings up while somebody pauses them.
    pub(super) fn hold(&self) -> Hold {
        self.shown.hold()
    }

    /// This process is watched.
    pub(super) fn watching(&self, name: &str, config: &Config) {
        if let Display::Live(view) = &self.shown {
            let conditions = watch_summary::conditions(config);
            let title = format!("leakcheck watch: {name}, {conditions}");
            view.tell(News::Title(title, self.scale.each()));
            view.tell(News::Subjects(vec![name.to_owned()]));
        }
    }

    /// Prints a line below which the table goes on.
    pub(super) fn print(&self, line: &str) {
        match &self.shown {
            Display::Lines(text) => text.say(line),
            Display::Live(view) => view.say(line),
        }
    }

    /// Takes the table off the terminal.
    pub(super) fn clear(&self) {
        if let Display::Lines(text) = &self.shown {
            text.clear();
        }
    }
}

impl Listener for WatchDisplay {
    fn reading(&self, recording: &Recording) {
        let lasting = duration::format(self.lasting);
        match &self.shown {
            Display::Lines(text) => text.show(|terminal| {
                let sections = watch_summary::live(recording, &lasting);
                render_sections(&sections, terminal)
            }),
            Display::Live(view) => {
                let (Some(first), Some(last)) =
                    (recording.readings.first(), recording.readings.last())
                else {
                    return;
                };
                let passed = last.at.saturating_sub(recording.paused());
                view.tell(News::Progress(format!(
                    "{:.0} s of {lasting}, {} readings",
                    passed.as_secs_f64(),
                    recording.readings.len()
                )));
                let rates = self.scale.rates(recording);
                let counts = self.scale.counts(first, last, rates);
                view.tell(News::Counts(0, counts, self.scale.facts(recording, last)));
                view.tell(News::Sites(0, self.scale.sites(first, last)));
            }
        }
    }

    fn waiting(&self, what: &str) {
        match &self.shown {
            Display::Lines(text) => text.show(|_| format!("{what} …\n")),
            Display::Live(view) => view.tell(News::Progress(format!("{what} …"))),
        }
    }

    fn say(&self, line: &str) {
        self.print(&format!("leakcheck: {line}"));
    }
}

impl Scale {
    /// In what slopes are told.
    fn each(self) -> &'static str {
        match (self.rotation, self.containers) {
            (Some(_), Some(_)) => "a rotation of one container",
            (Some(_), None) => "a rotation",
            (None, _) => "a minute",
        }
    }

    /// The slopes so far, as the report will tell them.
    fn rates(self, recording: &Recording) -> Rates {
        let watch = Watch {
            name: "",
            unit: self.unit,
            recording,
            asked: false,
            containers: self.containers,
            rotation: self.rotation,
            warm_up: self.warm_up,
            followers: None,
        };
        watch.rates_so_far()
    }

    fn counts(self, first: &Reading, last: &Reading, rates: Rates) -> Vec<Count> {
        let count = |what, of: fn(&Reading) -> Option<u64>, rate: Option<Rate>| {
            of(last).map(|now| Count {
                what,
                first: of(first),
                now,
                each: rate.map(Rate::told),
            })
        };
        let memory = |reading: &Reading| reading.rss_bytes.map(|bytes| bytes >> 20);
        [
            count(self.unit, |reading| reading.tasks, rates.tasks),
            count("fds", |reading| reading.fds, rates.fds),
            count("threads", |reading| reading.threads, None),
            count("MiB", memory, None),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn facts(self, recording: &Recording, last: &Reading) -> Vec<Fact> {
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
    fn sites(self, first: &Reading, last: &Reading) -> Vec<Site> {
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
            let shown = Site {
                label: site.label.clone(),
                first: of(first, site),
                now: of(last, site),
                each: None,
            };
            Site {
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
