//! What is to be watched, and how its sources are asked.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::http_get::Header;
use crate::probe::prometheus_text::Selector;

/// A process, by at least one of its sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Its number, for `/proc`.
    pub pid: Option<u32>,
    /// Its pprof.
    pub pprof: Option<Url>,
    /// What it serves to tokio-console.
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
