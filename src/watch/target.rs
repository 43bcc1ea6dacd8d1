//! What is to be watched, and how its sources are asked.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::probe::other_process::{OtherProcess, ProcessReadError, ProcessReading};
use crate::probe::process_set::ProcessSet;
use crate::probe::prometheus_text::Selector;
use crate::sys::http::Header;

/// What is read through `/proc`.
#[derive(Debug, Clone)]
pub enum Processes {
    /// One process.
    One(OtherProcess),
    /// Several, which come and go.
    Several(ProcessSet),
}

impl Processes {
    /// The name of its program; `None` where it has none, or there are several.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::One(process) => process.name(),
            Self::Several(_) => None,
        }
    }

    /// Reads it, or all of them together.
    ///
    /// # Errors
    /// Says whether it is gone, or may not be read.
    pub fn read(&self) -> Result<ProcessReading, ProcessReadError> {
        match self {
            Self::One(process) => process.read(),
            Self::Several(set) => set.read(),
        }
    }
}

/// A process, or several that are read as one, by at least one of its sources.
#[derive(Debug, Clone, Default)]
pub struct WatchTarget {
    /// What is read through `/proc`.
    pub processes: Option<Processes>,
    /// Its pprof.
    pub pprof: Option<Url>,
    /// What it serves to tokio-console.
    #[cfg(feature = "console")]
    pub console: Option<Url>,
    /// Its Prometheus metrics.
    pub metrics: Option<Url>,
    /// The gauge of its tasks; `None` where another source tells them.
    pub tasks_metric: Option<Selector>,
    /// The gauge of its file descriptors; `None` where another source tells them.
    pub fds_metric: Option<Selector>,
    /// Headers of each request.
    pub headers: Vec<Header>,
    /// How long one answer may take.
    pub timeout: Duration,
    /// The folder in which each goroutine dump is kept.
    pub dump_folder: Option<PathBuf>,
}
