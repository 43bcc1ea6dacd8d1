//! What happened to the containers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::container::SyntheticContainer;
use crate::documents;

/// How many events are remembered besides each container's creation and start.
const REMEMBERED: usize = 65_536;

/// What happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Create,
    /// It was started.
    Start,
    /// It was sent a signal.
    Kill {
        /// The signal's number.
        signal: i32,
    },
    /// It ended.
    Die {
        /// With this status.
        exit_code: i32,
    },
    /// It was stopped on request.
    Stop,
    /// It was removed.
    Destroy,
}

impl Action {
    /// Docker's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::Kill { .. } => "kill",
            Self::Die { .. } => "die",
            Self::Stop => "stop",
            Self::Destroy => "destroy",
        }
    }
}

/// What happened, to whom and when.
#[derive(Debug, Clone)]
pub(crate) struct ContainerEvent {
    pub(crate) container: Arc<SyntheticContainer>,
    pub(crate) action: Action,
    pub(crate) time_ns: i64,
}

impl ContainerEvent {
    /// As Docker tells it.
    pub(crate) fn to_json(&self) -> Value {
        let container = &self.container;
        let mut attributes = Map::new();
        for (key, value) in documents::LABELS {
            attributes.insert((*key).into(), json!(value));
        }
        attributes.insert("image".into(), json!(documents::IMAGE));
        attributes.insert("name".into(), json!(container.name));
        match self.action {
            Action::Kill { signal } => {
                attributes.insert("signal".into(), json!(signal.to_string()));
            }
            Action::Die { exit_code } => {
                attributes.insert("exitCode".into(), json!(exit_code.to_string()));
            }
            Action::Create | Action::Start | Action::Stop | Action::Destroy => {}
        }
        json!({
            "status": self.action.word(), "id": container.id, "from": documents::IMAGE,
            "Type": "container", "Action": self.action.word(),
            "Actor": {"ID": container.id, "Attributes": attributes},
            "scope": "local", "time": self.time_ns.div_euclid(1_000_000_000), "timeNano": self.time_ns,
        })
    }
}

/// The events since the engine's start, besides creations and starts, which follow from the spec.
#[derive(Debug, Default)]
pub struct EventLog {
    recorded: Mutex<Recorded>,
    /// How many were recorded, for those who wait for the next.
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Recorded {
    /// How many older ones were forgotten.
    forgotten: u64,
    events: VecDeque<ContainerEvent>,
}

impl EventLog {
    /// Remembers an event and tells everyone who follows.
    pub fn record(&self, container: &Arc<SyntheticContainer>, action: Action, time_ns: i64) {
        let mut recorded = self.lock();
        recorded.events.push_back(ContainerEvent {
            container: Arc::clone(container),
            action,
            time_ns,
        });
        if recorded.events.len() > REMEMBERED {
            recorded.events.pop_front();
            recorded.forgotten += 1;
        }
        self.count.send_modify(|count| *count += 1);
    }

    /// Number `n` and later, and the number of the next that is still to come.
    pub(crate) fn since(&self, n: u64) -> (Vec<ContainerEvent>, u64) {
        let recorded = self.lock();
        let skip = usize::try_from(n.saturating_sub(recorded.forgotten)).unwrap_or(usize::MAX);
        let events = recorded.events.iter().skip(skip).cloned().collect();
        (events, recorded.forgotten + recorded.events.len() as u64)
    }

    /// Follows how many were recorded.
    pub(crate) fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
