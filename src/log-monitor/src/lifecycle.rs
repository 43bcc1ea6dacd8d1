//! The monitor as its host sees it: start it, let it rotate, ask how it stands, shut it down.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::Reach;
use super::context::Context;
use super::follow::Shared;
use super::pace::Pace;
use super::record::{At, Followed, Record};
use super::supervisor;
use super::tally::Tally;
use super::wiring::Wiring;
use crate::log_position::LastLine;

/// What a monitor is started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitorPlan {
    /// Its choices.
    pub wiring: Wiring,
    /// The containers to follow.
    pub containers: Vec<Followed>,
    /// Whether the first of these is the first of all: several monitors may share the containers.
    pub has_first: bool,
    /// How fast its own durations pass.
    pub pace: Pace,
    /// What the consumer takes for each chunk, in wall time: the back-pressure.
    pub consumer_delay: Duration,
    /// Lines printed before this moment are not wanted; `None` wants them all.
    pub since: Option<Timestamp>,
}

/// A running monitor: the system under test.
pub struct Monitor {
    records: Vec<Arc<Record>>,
    tally: Arc<Tally>,
    supervisors: Vec<JoinHandle<()>>,
    app: Context,
    shared: Arc<Shared>,
    rotation: watch::Sender<u64>,
}

/// How far a monitor has come, added up over its containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Containers with at least one stream opened.
    pub followed: u64,
    /// Streams opened so far.
    pub streams_opened: u64,
    /// Rotations made so far.
    pub rotations_made: u64,
    /// Rotations made by the container that made the fewest.
    pub fewest_rotations: u64,
    /// Lines delivered so far.
    pub lines_read: u64,
    /// Numbered lines that later ones came without.
    pub lines_missing: u64,
    /// Streams that could not be opened or that broke.
    pub errors: u64,
}

/// A place at which containers stand that stopped rotating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HungAt {
    /// What the supervisor waits for and, where that is its reader, what the reader waits for.
    pub place: String,
    /// How many containers stand there.
    pub containers: u64,
    /// How long the one has stood there that came last, in wall time.
    pub shortest: Duration,
    /// How long the one has stood there that came first, in wall time.
    pub longest: Duration,
}

/// What was delivered, added up over the containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryTotals {
    /// Lines that the containers have printed; `None` where the engine did not tell.
    pub emitted: Option<u64>,
    /// Of these, lines that reached the consumer.
    pub read: u64,
    /// Of these, lines that did not; `None` where the engine did not tell how many there were.
    pub lost: Option<u64>,
    /// Lines that reached the consumer again.
    pub duplicated: u64,
}

/// Containers in whose place others were put while they were followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacements {
    /// How often one was replaced.
    pub replaced: u64,
    /// Rotations that were due until then and are not asked of the other container.
    pub rotations_excused: u64,
}

/// What was delivered of one container's lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered {
    /// How many, each as often as it was delivered.
    pub lines: u64,
    /// When the last of them was printed.
    pub last: Option<Timestamp>,
}

impl Monitor {
    /// Starts following the containers that an engine serves; must be called within a tokio runtime.
    ///
    /// # Errors
    /// Fails where no client can be had.
    pub fn start(plan: MonitorPlan, engine: Reach) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::new(
            plan.wiring,
            engine,
            plan.pace,
            plan.consumer_delay,
        )?);
        let app = Context::root();
        let rotation = watch::Sender::new(0);
        let tally = Arc::<Tally>::default();
        let record = |(index, container)| {
            let tally = Arc::clone(&tally);
            Arc::new(Record::new(
                container,
                plan.has_first && index == 0,
                plan.since,
                tally,
            ))
        };
        let records: Vec<_> = plan
            .containers
            .into_iter()
            .enumerate()
            .map(record)
            .collect();
        let supervisors = records
            .iter()
            .map(|record| {
                let (record, shared) = (Arc::clone(record), Arc::clone(&shared));
                supervisor::start(record, app.clone(), shared, rotation.subscribe())
            })
            .collect();
        Ok(Self {
            records,
            tally,
            supervisors,
            app,
            shared,
            rotation,
        })
    }

    /// Makes the next rotation due in every container.
    pub fn rotate(&self) {
        self.rotation.send_modify(|number| *number += 1);
    }

    /// How far the monitor has come.
    pub fn progress(&self) -> Progress {
        let tally = &self.tally;
        Progress {
            followed: tally.followed(),
            streams_opened: tally.streams_opened(),
            rotations_made: tally.rotations_made(),
            fewest_rotations: tally.made_by_all(self.records.len() as u64),
            lines_read: tally.lines_read(),
            lines_missing: tally.lines_missing(),
            errors: tally.errors(),
        }
    }

    /// Whether opening a stream ever failed because the process may open no more files.
    pub fn fds_exhausted(&self) -> bool {
        self.shared.fds_exhausted.load(Ordering::Relaxed)
    }

    /// Why a stream failed, for one container of those that had one fail.
    pub fn an_error(&self) -> Option<String> {
        self.records.iter().find_map(|record| record.last_error())
    }

    /// Where the containers stand that made fewer than `due` rotations, how many stand there, and
    /// for how long. A container that ended and did not start again is not among them.
    pub fn hung(&self, due: u64) -> Vec<HungAt> {
        let mut places: Vec<HungAt> = Vec::new();
        for record in &self.records {
            let standing = record.standing();
            if record.rotations_made() >= due || standing.at == At::WaitingForStart {
                continue;
            }
            let known = places.iter_mut().find(|hung| hung.place == standing.place);
            match known {
                Some(hung) => {
                    hung.containers += 1;
                    hung.shortest = hung.shortest.min(standing.since);
                    hung.longest = hung.longest.max(standing.since);
                }
                None => places.push(HungAt {
                    place: standing.place,
                    containers: 1,
                    shortest: standing.since,
                    longest: standing.since,
                }),
            }
        }
        places
    }

    /// Containers that ended and did not start again.
    pub fn ended(&self) -> u64 {
        self.standing_at(At::WaitingForStart)
    }

    /// Containers for which the wiring has no room.
    pub fn without_room(&self) -> u64 {
        self.standing_at(At::WaitingForRoom)
    }

    fn standing_at(&self, at: At) -> u64 {
        let stands = |record: &&Arc<Record>| record.stage.get() == at;
        self.records.iter().filter(stands).count() as u64
    }

    /// Where the readers of forgotten streams stand that have not ended, and how many stand there.
    pub fn forgotten_readers(&self) -> BTreeMap<String, u64> {
        let mut places = BTreeMap::new();
        for record in &self.records {
            for (place, readers) in record.forgotten_readers() {
                *places.entry(place.to_owned()).or_default() += readers;
            }
        }
        places
    }

    /// Containers that have made `rotations` rotations or more.
    pub fn containers_at(&self, rotations: u64) -> u64 {
        match rotations {
            0 => self.records.len() as u64,
            _ => self.tally.containers_at(rotations),
        }
    }

    /// Rotations that were due and not made, over all containers.
    pub fn rotations_missed(&self, due: u64) -> u64 {
        let missed = |record: &Arc<Record>| due.saturating_sub(record.rotations_made());
        self.records.iter().map(missed).sum()
    }

    /// Another container was put in the place of one (in the plan's order), which had been away from a
    /// rotation on: follows that from now on.
    pub fn replace(&self, container: usize, reference: String, away_from: u64) {
        if let Some(record) = self.records.get(container) {
            record.replace(reference, away_from, *self.rotation.borrow());
        }
    }

    /// How often containers were replaced, and what they were excused from.
    pub fn replacements(&self) -> Replacements {
        let sum = |of: fn(&Record) -> u64| self.records.iter().map(|record| of(record)).sum();
        Replacements {
            replaced: sum(Record::replaced),
            rotations_excused: sum(Record::excused),
        }
    }

    /// How far delivery is behind each container's `last` line (in the order of the plan), added
    /// up; 0 when all of them have come. It only falls while lines are delivered.
    pub fn behind(&self, last: &[Option<LastLine>]) -> u64 {
        let behind = |(record, last): (&Arc<Record>, &Option<LastLine>)| {
            last.map_or(0, |last| record.delivery().behind(last))
        };
        let sum = |sum: u64, behind| sum.saturating_add(behind);
        self.records.iter().zip(last).map(behind).fold(0, sum)
    }

    /// What was delivered of numbered lines, against the last line that each container is known to
    /// have printed; `None` where the engine did not tell these.
    pub fn delivery(&self, last: Option<&[Option<LastLine>]>) -> DeliveryTotals {
        let (mut emitted, mut all_lost) = (0, 0);
        let mut totals = DeliveryTotals::default();
        for (number, record) in self.records.iter().enumerate() {
            let last = last.and_then(|last| last.get(number).copied().flatten());
            let delivery = record.delivery();
            let last = last.and_then(|last| last.sequence);
            // A line that arrived after the engine was asked proves that it was printed.
            let printed = last
                .map_or(0, |last| last.saturating_add(1))
                .max(delivery.next_sequence);
            let lost = delivery.missing + (printed - delivery.next_sequence);
            let printed = delivery.printed_before + printed;
            emitted += printed;
            totals.read += printed - lost.min(printed);
            all_lost += lost;
            totals.duplicated += delivery.duplicated;
        }
        if last.is_some() {
            (totals.emitted, totals.lost) = (Some(emitted), Some(all_lost));
        }
        totals
    }

    /// What was delivered of each container's lines, whatever they say, in the plan's order.
    pub fn delivered(&self) -> Vec<Delivered> {
        let delivered = |record: &Arc<Record>| {
            let delivery = record.delivery();
            Delivered {
                lines: delivery.read + delivery.duplicated,
                last: delivery.last_timestamp(),
            }
        };
        self.records.iter().map(delivered).collect()
    }

    /// Cancels the whole monitor; its tasks end as far as its wiring lets them.
    pub fn shut_down(&self) {
        self.app.cancel();
    }

    /// Whether every supervisor has ended.
    pub fn is_shut_down(&self) -> bool {
        self.supervisors.iter().all(JoinHandle::is_finished)
    }
}
