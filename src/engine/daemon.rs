//! What all requests share: the containers, their events, the time and the counts.

use std::sync::Arc;

use nix::sys::signal::Signal;

use crate::engine::clock::Clock;
use crate::engine::container::SyntheticContainer;
use crate::engine::errors::ApiError;
use crate::engine::events::{Action, EventLog};
use crate::engine::lifecycle::is_fatal;
use crate::engine::registry::Registry;
use crate::engine::spec::EngineSpec;
use crate::engine::state::Counts;

/// The engine without its sockets.
#[derive(Debug)]
pub struct Daemon {
    /// The time by which lines are due.
    pub clock: Clock,
    /// The containers.
    pub registry: Registry,
    /// What happened to them.
    pub events: EventLog,
    /// Live counts.
    pub counts: Arc<Counts>,
}

impl Daemon {
    /// An engine whose containers all run.
    pub fn new(spec: &EngineSpec, clock: Clock) -> Self {
        Self {
            clock,
            registry: Registry::new(spec),
            events: EventLog::default(),
            counts: Arc::default(),
        }
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
