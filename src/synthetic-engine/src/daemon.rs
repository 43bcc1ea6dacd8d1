//! What all requests share: the containers, their events, the time and the counts.

use std::sync::Arc;

use nix::sys::signal::Signal;
use tokio::sync::watch;

use crate::clock::EngineClock;
use crate::container::SyntheticContainer;
use crate::errors::ApiError;
use crate::events::{Action, EventLog};
use crate::faults::injector::{Injected, Strike};
use crate::followers::Followers;
use crate::lifecycle::is_fatal;
use crate::registry::Registry;
use crate::requests::Requests;
use crate::rotation::{RotateBy, Rotation, StreamFate};
use crate::spec::EngineSpec;
use crate::state::EngineTotals;

/// The engine without its sockets.
#[derive(Debug)]
pub struct Daemon {
    /// The time by which lines are due.
    pub clock: EngineClock,
    /// The containers.
    pub registry: Registry,
    /// What happened to them.
    pub events: EventLog,
    /// Live counts.
    pub counts: Arc<EngineTotals>,
    /// What was asked for.
    pub requests: Requests,
    /// How often the engine was asked to start anew: its server does.
    pub restarts: watch::Sender<u64>,
}

impl Daemon {
    /// An engine whose containers all run.
    pub fn new(spec: &EngineSpec, clock: EngineClock) -> Self {
        let containers = spec.fleet.containers.iter();
        let faults = Injected::none_of(containers.filter_map(|one| one.faults.as_ref()));
        Self {
            clock,
            registry: Registry::new(spec),
            events: EventLog::default(),
            counts: Arc::new(EngineTotals::with_faults(faults)),
            requests: Requests::default(),
            restarts: watch::Sender::default(),
        }
    }

    /// What strikes the stream of a container that is asked for now; `None` where nothing does.
    pub fn next_strike(&self, container: &SyntheticContainer) -> Option<Strike> {
        let strikes = container.strikes.as_ref()?;
        Strike::of_next_stream(strikes, &self.counts.faults, &self.restarts)
    }

    /// Rotates the streams of all containers that run.
    pub fn rotate(&self, rotation: Rotation) {
        let kept = match rotation.keeps_streams {
            true => StreamFate::FallsSilent,
            false => StreamFate::Ends,
        };
        let mut running = self.registry.existing();
        running.retain(|container| container.lifecycle().exit().is_none());
        for container in running {
            let now_ns = self.clock.now_ns();
            let due = container.lines_due(&container.schedule, now_ns);
            container.followed.rotated(due, now_ns);
            match rotation.by {
                RotateBy::Eof => {
                    container.rotate(StreamFate::Ends, &self.clock);
                }
                RotateBy::Reset => {
                    container.rotate(StreamFate::Breaks, &self.clock);
                }
                RotateBy::Restart => self.restart(&container, kept),
                RotateBy::Replace => self.replace(&container),
                RotateBy::EngineRestart | RotateBy::None => {}
            }
        }
        if rotation.by == RotateBy::EngineRestart {
            self.restarts.send_modify(|count| *count += 1);
        }
    }

    /// Ends a container and starts it again at once.
    pub fn restart(&self, container: &Arc<SyntheticContainer>, streams: StreamFate) {
        if let Some(at_ns) = container.rotate(streams, &self.clock) {
            container.restarted(at_ns);
            self.restarted(container, at_ns);
        }
    }

    /// Removes a container and puts a new one into its place.
    fn replace(&self, container: &Arc<SyntheticContainer>) {
        // Whoever removes it at the same time has the last word.
        if self.remove(container, true).is_err() {
            return;
        }
        let now_ns = self.clock.now_ns();
        container
            .followed
            .next_generation(container.lines_due(&container.schedule, now_ns));
        let new = Arc::new(container.replacement(now_ns));
        self.registry.replace(Arc::clone(&new));
        for action in [Action::Create, Action::Start] {
            self.events.record(&new, action, now_ns);
        }
    }

    /// What is known of each container's followers.
    pub fn followers(&self) -> Vec<Followers> {
        let now_ns = self.clock.now_ns();
        let tell = |container: &Arc<SyntheticContainer>| {
            let due = container.lines_due(&container.schedule, now_ns);
            container.followed.tell(&container.name, due, now_ns)
        };
        self.registry.all().iter().map(tell).collect()
    }

    /// Stops a container; `false` when it had stopped before.
    pub fn stop(&self, container: &Arc<SyntheticContainer>) -> bool {
        let stopped = self.signal(container, Signal::SIGTERM);
        if stopped {
            self.record(container, Action::Stop);
        }
        stopped
    }

    /// Sends a container a signal; `false` when it does not run.
    pub fn signal(&self, container: &Arc<SyntheticContainer>, signal: Signal) -> bool {
        if !is_fatal(signal) {
            let runs = container.lifecycle().exit().is_none();
            if runs {
                self.record(
                    container,
                    Action::Kill {
                        signal: signal as i32,
                    },
                );
            }
            return runs;
        }
        let Some(exit) = container.end(signal, &self.clock) else {
            return false;
        };
        self.record(
            container,
            Action::Kill {
                signal: signal as i32,
            },
        );
        self.record(
            container,
            Action::Die {
                exit_code: exit.code,
            },
        );
        true
    }

    /// Removes a container, which `force` ends first.
    ///
    /// # Errors
    /// Docker's 409 for a running container without force, its 404 for one that was removed
    /// meanwhile.
    pub fn remove(&self, container: &Arc<SyntheticContainer>, force: bool) -> Result<(), ApiError> {
        if force {
            self.signal(container, Signal::SIGKILL);
        } else if container.lifecycle().exit().is_none() {
            return Err(ApiError::removing_running(&container.id));
        }
        if !container.remove() {
            return Err(ApiError::no_such_container(&container.id));
        }
        self.record(container, Action::Destroy);
        Ok(())
    }

    /// Tells that a container ended and was started again.
    pub fn restarted(&self, container: &Arc<SyntheticContainer>, at_ns: i64) {
        for action in [Action::Die { exit_code: 0 }, Action::Start] {
            self.events.record(container, action, at_ns);
        }
    }

    fn record(&self, container: &Arc<SyntheticContainer>, action: Action) {
        self.events.record(container, action, self.clock.now_ns());
    }
}
