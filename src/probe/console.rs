//! A tokio process's tasks, through the endpoint that it serves to tokio-console.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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

/// A console's endpoint, listened to in the background.
#[derive(Debug)]
pub struct Console {
    heard: Arc<Mutex<Heard>>,
    listener: JoinHandle<()>,
}

/// What has been heard so far.
#[derive(Debug, Default)]
struct Heard {
    live: HashMap<u64, Arc<str>>,
    calm_updates: u32,
    /// Why nothing more is heard.
    ended: Option<String>,
}

/// The tasks that are known to live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConsoleReading {
    /// Each task's number and spawn site, as `src/main.rs:12:5`.
    pub tasks: Vec<(u64, Arc<str>)>,
    /// Whether the endpoint has told of all tasks that it knows; until then there are more.
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
            // An update's size grows with the tasks.
            let mut client = client.max_decoding_message_size(usize::MAX);
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
        let heard = Arc::new(Mutex::new(Heard::default()));
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
            caught_up: heard.calm_updates >= CALM_UPDATES,
        })
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// A listener that panicked has left what it had heard.
fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Heard {
    fn take(&mut self, update: Update) {
        let Some(tasks) = update.task_update else {
            return;
        };
        let few = tasks.new_tasks.len() < FEW_NEW_TASKS;
        self.calm_updates = if few { self.calm_updates + 1 } else { 0 };
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
