//! A tokio process's tasks, through the endpoint that it serves to tokio-console.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use console_api::Location;
use console_api::instrument::instrument_client::InstrumentClient;
use console_api::instrument::{InstrumentRequest, Update};
use console_api::tasks::Task;
use tokio::task::JoinHandle;
use url::Url;

/// An endpoint that brings fewer new tasks than this has told of all: at its default settings it
/// tells of at most 64 in one update.
const FEW_NEW_TASKS: usize = 32;
/// In so many updates one after another.
const CALM_UPDATES: u32 = 3;
/// An endpoint that tells of a task later than this after it was spawned, beyond the time between two
/// updates, is behind: it takes in what happens more slowly than that happens.
const LATE: Duration = Duration::from_millis(250);

/// An update's size grows with the tasks, by some hundred bytes each: a million of them fit.
const LARGEST_UPDATE: usize = 512 << 20;

/// A console's endpoint, listened to in the background.
#[derive(Debug)]
pub struct Console {
    heard: Arc<Mutex<HeardOfConsole>>,
    listener: JoinHandle<()>,
}

/// What has been heard so far.
#[derive(Debug, Default)]
struct HeardOfConsole {
    live: HashMap<u64, Arc<str>>,
    calm_updates: u32,
    /// When the last update was made, by the process's own clock.
    updated: Option<SystemTime>,
    /// Whether the last task that it told of came late.
    is_behind: bool,
    /// Whether it left out tasks because there were too many events: what these come to is never told.
    left_out: bool,
    /// Why nothing more is heard.
    ended: Option<String>,
}

/// The tasks that are known to live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsoleReading {
    /// Each task's number and spawn site, as `src/main.rs:12:5`.
    pub tasks: Vec<(u64, Arc<str>)>,
    /// Whether the endpoint has told of all tasks; until then there are more.
    pub caught_up: bool,
}

impl Console {
    /// Connects within `timeout` and listens from then on.
    ///
    /// # Errors
    /// Where nothing answers, or what answers is no console.
    pub async fn connect(url: &Url, timeout: Duration) -> anyhow::Result<Self> {
        let address = url.as_str().to_owned();
        let updates = async {
            let client = InstrumentClient::connect(address).await?;
            let mut client = client.max_decoding_message_size(LARGEST_UPDATE);
            anyhow::Ok(
                client
                    .watch_updates(InstrumentRequest {})
                    .await?
                    .into_inner(),
            )
        };
        let waited = tokio::time::timeout(timeout, updates).await;
        let mut updates = waited
            .with_context(|| format!("no answer within {timeout:?}"))?
            .context("is this the address of a tokio program's console-subscriber?")?;
        let heard = Arc::new(Mutex::new(HeardOfConsole::default()));
        let listening = Arc::clone(&heard);
        let listener = tokio::spawn(async move {
            let ended = loop {
                match updates.message().await {
                    Ok(Some(update)) => lock(&listening).take(update),
                    Ok(None) => break "it has closed the connection".to_owned(),
                    Err(status) => break status.message().to_owned(),
                }
            };
            lock(&listening).ended = Some(ended);
        });
        Ok(Self { heard, listener })
    }

    /// The tasks that are known to live now.
    ///
    /// # Errors
    /// Where the endpoint has gone.
    pub fn read(&self) -> anyhow::Result<ConsoleReading> {
        let heard = lock(&self.heard);
        if let Some(ended) = &heard.ended {
            anyhow::bail!("{ended}");
        }
        let live = heard.live.iter();
        Ok(ConsoleReading {
            tasks: live.map(|(id, site)| (*id, Arc::clone(site))).collect(),
            caught_up: heard.is_caught_up(),
        })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A listener that panicked has left what it had heard.
fn lock(heard: &Mutex<HeardOfConsole>) -> std::sync::MutexGuard<'_, HeardOfConsole> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HeardOfConsole {
    fn is_caught_up(&self) -> bool {
        self.calm_updates >= CALM_UPDATES && !self.is_behind && !self.left_out
    }

    fn take(&mut self, update: Update) {
        let Some(tasks) = update.task_update else {
            return;
        };
        let now = update.now.and_then(|now| SystemTime::try_from(now).ok());
        let since_last = now.zip(self.updated).map(|(now, last)| since(now, last));
        let is_late = |task: &Task| {
            let stats = task
                .id
                .as_ref()
                .and_then(|id| tasks.stats_update.get(&id.id));
            let created = stats.and_then(|stats| stats.created_at);
            let created = created.and_then(|created| SystemTime::try_from(created).ok());
            let age = now.zip(created).map(|(now, created)| since(now, created));
            age.zip(since_last)
                .is_some_and(|(age, since_last)| age > since_last + LATE)
        };
        let few = tasks.new_tasks.len() < FEW_NEW_TASKS;
        self.calm_updates = if few { self.calm_updates + 1 } else { 0 };
        // Updates without a new task tell nothing of it: the endpoint may have taken in other events only.
        if !tasks.new_tasks.is_empty() {
            self.is_behind = tasks.new_tasks.iter().any(is_late);
        }
        self.left_out |= tasks.dropped_events > 0;
        self.updated = now.or(self.updated);
        for task in tasks.new_tasks {
            if let Some(id) = &task.id {
                self.live.insert(id.id, site(&task));
            }
        }
        for (id, stats) in tasks.stats_update {
            if stats.dropped_at.is_some() {
                self.live.remove(&id);
            }
        }
    }
}

/// How long after another a moment is.
fn since(now: SystemTime, then: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

/// Where a task was spawned.
fn site(task: &Task) -> Arc<str> {
    let Some(Location {
        file: Some(file),
        line,
        column,
        ..
    }) = &task.location
    else {
        return "unknown".into();
    };
    let place = |number: &Option<u32>| number.map_or_else(String::new, |n| format!(":{n}"));
    let site = format!("{file}{}{}", place(line), place(column));
    site.into()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use console_api::Id;
    use console_api::tasks::{Stats, TaskUpdate};

    use super::*;

    /// An update at so many ms that tells of one task, spawned at so many.
    fn update(id: u64, now_ms: u64, created_ms: u64) -> Update {
        let at = |ms| Some((UNIX_EPOCH + Duration::from_millis(ms)).into());
        let task = Task {
            id: Some(Id { id }),
            ..Task::default()
        };
        let stats = Stats {
            created_at: at(created_ms),
            ..Stats::default()
        };
        Update {
            now: at(now_ms),
            task_update: Some(TaskUpdate {
                new_tasks: vec![task],
                stats_update: [(id, stats)].into(),
                dropped_events: 0,
            }),
            ..Update::default()
        }
    }

    #[test]
    fn an_endpoint_that_tells_of_tasks_late_has_not_told_of_all() {
        let mut heard = HeardOfConsole::default();
        for id in 0..10 {
            heard.take(update(id, 1000 * id, (1000 * id).saturating_sub(990)));
        }
        assert!(
            heard.is_caught_up(),
            "a second is the time between two updates"
        );
        heard.take(update(10, 9020, 8000));
        for _ in 0..10 {
            heard.take(Update {
                task_update: Some(TaskUpdate::default()),
                ..update(0, 9040, 0)
            });
        }
        assert!(!heard.is_caught_up());
        heard.take(update(11, 9060, 9050));
        assert!(heard.is_caught_up());
    }

    #[test]
    fn what_an_endpoint_left_out_is_never_known() {
        let mut heard = HeardOfConsole::default();
        let mut left_out = update(0, 0, 0);
        left_out.task_update.as_mut().expect("tasks").dropped_events = 1;
        heard.take(left_out);
        for id in 1..10 {
            heard.take(update(id, 10 * id, 10 * id));
        }
        assert!(!heard.is_caught_up());
    }
}
