//! A process's gauges, through its Prometheus endpoint.

use std::io::Read;

use anyhow::{Context, ensure};
use leakcheck_text::nearest::nearest;
use url::Url;

use super::prometheus_text::{self, MetricSeries, Selector};
use crate::sys::http::Getter;

/// More text than this is not read: 64 MiB.
const LARGEST: u64 = 64 << 20;
/// What Prometheus' client libraries call the time at which a process started.
const START_TIME: &str = "process_start_time_seconds";

/// An endpoint, and which of its gauges are asked for.
#[derive(Debug, Clone)]
pub struct MetricsEndpoint {
    getter: Getter,
    url: Url,
    tasks: Option<Selector>,
    fds: Option<Selector>,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MetricsReading {
    /// The gauge of tasks or goroutines; `None` where it was not asked for.
    pub tasks: Option<u64>,
    /// The gauge of file descriptors; `None` where it was not asked for.
    pub fds: Option<u64>,
    /// When the process started, in seconds since 1970; `None` where it does not tell.
    pub started: Option<f64>,
}

/// Why nothing was read.
#[derive(Debug)]
pub enum MetricsError {
    /// A metric that was asked for is not there, or there are several of it.
    Metric(String),
    /// The endpoint does not answer, or not with metrics.
    Endpoint(anyhow::Error),
}

impl MetricsEndpoint {
    /// The endpoint at an address; at a server's alone, `/metrics` is meant.
    pub fn new(url: &Url, getter: Getter, tasks: Option<Selector>, fds: Option<Selector>) -> Self {
        let mut url = url.clone();
        if url.path() == "/" {
            url.set_path("/metrics");
        }
        Self {
            getter,
            url,
            tasks,
            fds,
        }
    }

    /// Its address.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Reads the gauges.
    ///
    /// # Errors
    /// Names a metric that is not there, with the nearest one that is; never takes it for zero.
    pub fn read(&self) -> Result<MetricsReading, MetricsError> {
        let (series, started) = self.series().map_err(MetricsError::Endpoint)?;
        let of = |selector: &Option<Selector>| match selector {
            None => Ok(None),
            Some(selector) => gauge(selector, &series)
                .map(Some)
                .map_err(MetricsError::Metric),
        };
        Ok(MetricsReading {
            tasks: of(&self.tasks)?,
            fds: of(&self.fds)?,
            started,
        })
    }

    fn series(&self) -> anyhow::Result<(Vec<MetricSeries>, Option<f64>)> {
        let mut text = Vec::new();
        let mut body = self.getter.get(&self.url, LARGEST)?;
        body.read_to_end(&mut text)?;
        let text = String::from_utf8(text).context("what it answers is no text")?;
        let (series, unread) = prometheus_text::read(&text);
        ensure!(
            !series.is_empty(),
            "what it answers holds no metric{}",
            match unread.first() {
                Some(line) => format!(" (its line {line} is none)"),
                None => String::new(),
            }
        );
        let started = series.iter().find(|one| one.name == START_TIME);
        let started = started.map(|one| one.value);
        Ok((series, started))
    }
}

fn gauge(selector: &Selector, series: &[MetricSeries]) -> Result<u64, String> {
    let chosen: Vec<&MetricSeries> = series.iter().filter(|one| selector.selects(one)).collect();
    let name = selector.name();
    match chosen[..] {
        [] => Err(match series.iter().any(|one| one.name == name) {
            true => format!("no series of {name} has these labels"),
            false => {
                let names = series.iter().map(|one| one.name.as_str());
                let hint = match nearest(name, names) {
                    Some(nearest) => format!("; the nearest is {nearest}"),
                    None => String::new(),
                };
                format!("there is no metric {name}{hint}")
            }
        }),
        [one] if one.value >= 0.0 && one.value < 2_f64.powi(53) => Ok(one.value as u64),
        [one] => Err(format!("{name} is {}, which is no count", one.value)),
        [one, other, ..] => Err(format!(
            "there are {} series of {name}, as {:?} and {:?}: say which, as in {name}{{LABEL=\"VALUE\"}}",
            chosen.len(),
            one.labels,
            other.labels
        )),
    }
}
