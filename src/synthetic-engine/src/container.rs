//! One synthetic container: who it is, what it prints, whether it runs.

use std::sync::Arc;

use nix::sys::signal::Signal;
use tokio::sync::watch;

use crate::clock::EngineClock;
use crate::faults::injector::Strikes;
use crate::faults::stamps::Stamps;
use crate::followers::FollowRecord;
use crate::identity;
use crate::lifecycle::{Exit, Lifecycle};
use crate::restarts::RestartTimes;
use crate::rotation::StreamFate;
use crate::schedule::Schedule;
use crate::workload::containers::Container;

/// A container as the engine keeps it.
#[derive(Debug)]
pub struct SyntheticContainer {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Without a leading slash.
    pub name: String,
    /// Whether it has a terminal.
    pub tty: bool,
    /// When its lines are due.
    pub schedule: Schedule,
    /// Created and first started, in ns of unix time.
    pub created_at_ns: i64,
    /// When it ends and starts again; `None` for one that runs on.
    pub restarts: Option<RestartTimes>,
    /// What its lines are stamped with.
    pub stamps: Stamps,
    /// Which of its streams are struck; `None` where none is.
    pub strikes: Option<Arc<Strikes>>,
    /// How often containers of this name were replaced before.
    pub generation: u64,
    /// What is known of its followers.
    pub followed: Arc<FollowRecord>,
    described: Container,
    now: watch::Sender<Now>,
}

/// What changes of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What it is doing.
    pub lifecycle: Lifecycle,
    /// The last rotation of its streams; `None` before the first.
    pub rotated: Option<Rotated>,
    /// Restarts on demand, and when the last was, in ns of unix time.
    restarted: (u64, Option<i64>),
}

impl Now {
    /// Whether it was started again after an earlier moment.
    pub fn has_restarted_since(&self, before: &Self) -> bool {
        self.restarted != before.restarted
    }
}

/// A rotation of a container's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotated {
    /// Its number, from 1.
    pub number: u64,
    /// When, in ns of unix time.
    pub at_ns: i64,
    /// What becomes of the streams that were open.
    pub fate: StreamFate,
}

impl SyntheticContainer {
    /// The container of a spec, running since `started_at_ns`.
    pub fn new(container: &Container, started_at_ns: i64) -> Self {
        Self {
            id: identity::container_id(&container.name),
            name: container.name.clone(),
            tty: container.tty,
            schedule: Schedule::new(container, started_at_ns),
            created_at_ns: started_at_ns,
            restarts: (container.restarts)
                .map(|restarts| RestartTimes::new(restarts, started_at_ns)),
            stamps: (container.faults.as_ref())
                .map(Stamps::of)
                .unwrap_or_default(),
            strikes: (container.faults.clone()).map(|faults| Arc::new(Strikes::new(faults))),
            generation: 0,
            followed: Arc::default(),
            described: container.clone(),
            now: watch::Sender::new(Now {
                lifecycle: Lifecycle::Running,
                rotated: None,
                restarted: (0, None),
            }),
        }
    }

    /// A container that takes the place of this one: with its name and its rate, and another id.
    pub fn replacement(&self, started_at_ns: i64) -> Self {
        let generation = self.generation + 1;
        Self {
            // No name of a container has a space in it.
            id: identity::container_id(&format!("{} {generation}", self.name)),
            generation,
            followed: Arc::clone(&self.followed),
            strikes: self.strikes.clone(),
            ..Self::new(&self.described, started_at_ns)
        }
    }

    /// When it was last started by a moment, in ns of unix time.
    pub fn started_at_ns(&self, now_ns: i64) -> i64 {
        let end_ns = self.lifecycle().exit().map(|exit| exit.finished_at_ns);
        let by_ns = end_ns.map_or(now_ns, |end| end.min(now_ns));
        let scheduled = self.restarts.and_then(|restarts| restarts.last_by(by_ns));
        let on_demand = self.now.borrow().restarted.1;
        (scheduled.max(on_demand)).unwrap_or(self.created_at_ns)
    }

    /// How often it was started again by a moment.
    pub fn restart_count(&self, now_ns: i64) -> u64 {
        let scheduled = self
            .restarts
            .map_or(0, |restarts| restarts.count_by(now_ns));
        scheduled + self.now.borrow().restarted.0
    }

    /// How many lines of a schedule, mostly its own, are due by now: none after its end.
    pub fn lines_due(&self, schedule: &Schedule, now_ns: i64) -> u64 {
        let exit_ns = self.lifecycle().exit().map(|exit| exit.finished_at_ns);
        schedule.due_by(exit_ns.map_or(now_ns, |exit| exit.min(now_ns)))
    }

    /// The first 12 digits of its id.
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    /// What it is doing now.
    pub fn lifecycle(&self) -> Lifecycle {
        self.now.borrow().lifecycle
    }

    /// Follows what changes of it. The sender lives as long as the container.
    pub fn watch(&self) -> watch::Receiver<Now> {
        self.now.subscribe()
    }

    /// Rotates the streams that are open; says when, in ns of unix time, or `None` where it does not
    /// run.
    pub fn rotate(&self, fate: StreamFate, clock: &EngineClock) -> Option<i64> {
        let mut rotated_ns = None;
        self.now.send_if_modified(|now| {
            let runs = now.lifecycle == Lifecycle::Running;
            if runs {
                // Read under the lock, as followers read it: see `Self::end`.
                let at_ns = clock.now_ns();
                let number = now.rotated.map_or(0, |last| last.number) + 1;
                now.rotated = Some(Rotated {
                    number,
                    at_ns,
                    fate,
                });
                rotated_ns = Some(at_ns);
            }
            runs
        });
        rotated_ns
    }

    /// Takes note that it was started again at this time.
    pub fn restarted(&self, at_ns: i64) {
        self.now
            .send_modify(|now| now.restarted = (now.restarted.0 + 1, Some(at_ns)));
    }

    /// Ends it by a signal; `None` when it had ended before.
    pub fn end(&self, signal: Signal, clock: &EngineClock) -> Option<Exit> {
        let mut ended = None;
        self.now.send_if_modified(|now| {
            let lifecycle = &mut now.lifecycle;
            if *lifecycle == Lifecycle::Running {
                // Read under the lock, as followers read it: no line is sent that is due after
                // the end.
                let exit = Exit {
                    finished_at_ns: clock.now_ns(),
                    code: 128 + signal as i32,
                };
                *lifecycle = Lifecycle::Exited(exit);
                ended = Some(exit);
            }
            ended.is_some()
        });
        ended
    }

    /// Forgets it; `false` unless it had exited.
    pub fn remove(&self) -> bool {
        self.now.send_if_modified(|now| match now.lifecycle {
            Lifecycle::Exited(exit) => {
                now.lifecycle = Lifecycle::Removed(exit);
                true
            }
            Lifecycle::Running | Lifecycle::Removed(_) => false,
        })
    }
}
