//! The consumer: a live view, and what has to be remembered of the events before.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use leakcheck_report::exit_code::Failure;

use super::run_news;
use super::watch_news::Watching;
use crate::events::{Consumer, Event};
use crate::live::{Entered, LiveView, News};
use crate::sys::pause::Hold;

/// A run or a watch on the whole terminal.
#[derive(Debug)]
pub struct FullScreen {
    view: LiveView,
    /// The last rotation that any wiring of a run began.
    rotation: AtomicU64,
    /// How a process is watched.
    watching: OnceLock<Watching>,
}

impl FullScreen {
    /// A screen that is not on the terminal yet; `pausing` says what stands still while it is paused.
    ///
    /// # Errors
    /// A usage failure where standard error is no terminal.
    pub fn new(pausing: &'static str) -> Result<Self, Failure> {
        Ok(Self {
            view: LiveView::new(pausing)?,
            rotation: AtomicU64::new(0),
            watching: OnceLock::new(),
        })
    }

    /// What holds the measuring up while the screen is paused.
    pub(in crate::consumers) fn hold(&self) -> Hold {
        self.view.hold()
    }

    /// Takes the terminal.
    pub(in crate::consumers) fn enter(&self) -> Result<Entered<'_>, Failure> {
        self.view.enter()
    }

    fn tell(&self, news: impl IntoIterator<Item = News>) {
        for news in news {
            self.view.tell(news);
        }
    }
}

impl Consumer for FullScreen {
    fn hear(&self, event: &Event<'_>) {
        match *event {
            Event::Pulling { image, progress } => self.tell([run_news::pulling(image, progress)]),
            Event::Creating {
                running,
                containers,
            } => self.tell([run_news::creating(running, containers)]),
            Event::AwaitingAgents { reported, nodes } => {
                self.tell([run_news::awaiting_agents(reported, nodes)]);
            }
            Event::RunStarts(plan) => self.tell(run_news::start(plan)),
            Event::Glanced {
                wiring,
                glance,
                observation,
            } => {
                let begun = self.rotation.fetch_max(glance.rotation, Ordering::Relaxed);
                let begun = begun.max(glance.rotation);
                self.tell(run_news::glance(wiring, glance, observation, begun));
            }
            Event::Sampled(so_far) => self.tell(run_news::sites(so_far.report())),
            Event::WatchStarts { name, config } => {
                let watching = self.watching.get_or_init(|| Watching::of(config));
                self.tell(watching.start(name, config));
            }
            Event::Waiting(what) => self.tell([News::Progress(format!("{what} …"))]),
            Event::Read(recording) => {
                if let Some(watching) = self.watching.get() {
                    self.tell(watching.reading(recording));
                }
            }
            Event::Said(line) => self.view.say(line),
            _ => {}
        }
    }
}
