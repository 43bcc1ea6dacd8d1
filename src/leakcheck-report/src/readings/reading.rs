//! One reading of a watched process, put together from its sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use leakcheck_test::fds::FdKinds;

use crate::model::process_gauges::ProcessGauges;

/// What started tasks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// What its tasks are called: the function that a goroutine runs.
    pub label: Arc<str>,
    /// Where they are started, as `file:line`; `None` where nobody tells.
    pub location: Option<Arc<str>>,
}

/// What something that is counted one by one is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A task, or a goroutine, of a site.
    Task(Site),
    /// A socket.
    Socket,
}

/// How many of a kind there are, and how many of these were not there in the reading before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replaced {
    /// All.
    pub live: u64,
    /// Those that are new.
    pub new: u64,
}

/// A reading. What no source tells is `None`, or empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// When, since the first reading.
    pub at: Duration,
    /// Tasks, or goroutines.
    pub tasks: Option<u64>,
    /// Whether they are goroutines of a dump, which tells what each waits for.
    pub goroutines: bool,
    /// File descriptors.
    pub fds: Option<u64>,
    /// The same by kind.
    pub fd_kinds: Option<FdKinds>,
    /// What else the system counts of the process.
    pub gauges: ProcessGauges,
    /// Tasks by site.
    pub sites: BTreeMap<Site, u64>,
    /// What most of a site's tasks do, in words.
    pub meanings: BTreeMap<Site, String>,
    /// What is there, and how much of it is new.
    pub replaced: BTreeMap<Kind, Replaced>,
    /// Whether there are more tasks than were told of.
    pub lower_bound: bool,
    /// How often the process has been started anew since the first reading.
    pub restarts: u64,
}
