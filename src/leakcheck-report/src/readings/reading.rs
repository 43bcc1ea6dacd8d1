//! One reading of a watched process, put together from its sources.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use goroutine_dump::Roles;
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
    /// Another file descriptor. One that is closed and opened anew for the same file under the same number is
    /// taken for the same.
    Descriptor,
    /// A thread.
    Thread,
    /// A child process, one that has ended and is not waited for included.
    Child,
}

/// How many of a kind there are, how many of these were not there in the reading before, and how many have
/// stayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replaced {
    /// All.
    pub live: u64,
    /// Those that are new.
    pub new: u64,
    /// Those that have been there for a while, for each of the [`Ages`].
    pub stayed: [u64; 2],
    /// Those that had been there for as long in the reading before, and are gone.
    pub left: [u64; 2],
}

/// What a program runs beside threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concurrency {
    /// It is a Go program.
    Goroutines,
    /// It uses tokio.
    TokioTasks,
    /// The program may not be read.
    Unknown,
}

/// For how long a member must have been there so that it has stayed: a short while and a longer one. What
/// has come and gone within it is work that comes and goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ages(pub [Duration; 2]);

impl Ages {
    /// Those of a process that is read so often and for so long, and rotates its streams so often, where
    /// that is known. What a rotation ends has gone after one and a half of them.
    pub fn of(every: Duration, lasting: Duration, rotation: Option<Duration>) -> Self {
        const READINGS: u32 = 3;
        const SHARE: u32 = 8;
        const LONGEST: Duration = Duration::from_secs(30);
        match rotation {
            Some(rotation) => Self([rotation * 3 / 2, rotation * 5 / 2]),
            None => Self([
                every * READINGS,
                (lasting / SHARE).min(LONGEST).max(every * READINGS),
            ]),
        }
    }
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
    /// What they do, as far as that tells why they grow.
    pub roles: Option<Roles>,
    /// The highest number of a goroutine: each gets the next one, however short it lives.
    pub highest_goroutine: Option<u64>,
    /// The CPU time that it has spent.
    pub cpu_time: Option<Duration>,
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
