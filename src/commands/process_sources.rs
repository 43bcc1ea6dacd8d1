//! The flags that say where a process is asked about itself, beside `/proc`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::report::Watched;
use leakcheck_text::duration;
use leakcheck_text::secrets::masked_word;
use url::Url;

use crate::probe::prometheus_text::Selector;
use crate::sys::http::{Getter, Header, parse_url, parse_url_or_socket, without_password};
use crate::watch::{Processes, WatchTarget};

/// Where a process is asked, and how.
#[derive(Debug, Args)]
pub(super) struct ProcessSources {
    /// Address of a Go program's pprof, or unix:///PATH: its goroutines by what started them
    #[arg(long, value_name = "URL", value_parser = parse_url_or_socket, help_heading = "Process")]
    pprof: Option<Url>,

    /// Address that a tokio program serves to tokio-console: its tasks by spawn site
    #[arg(long, value_name = "URL", value_parser = parse_url, help_heading = "Process")]
    console: Option<Url>,

    /// Address of Prometheus metrics: a gauge of goroutines or tasks, and one of file descriptors
    #[arg(long, value_name = "URL", value_parser = parse_url, help_heading = "Process")]
    metrics: Option<Url>,

    /// Gauge of tasks, as NAME or NAME{LABEL="VALUE"} [default: go_goroutines, where none of --pprof,
    /// --console and --fds-metric is given]
    #[arg(
        long,
        value_name = "METRIC",
        requires = "metrics",
        conflicts_with_all = ["pprof", "console"],
        value_parser = Selector::parse,
        help_heading = "Process"
    )]
    tasks_metric: Option<Selector>,

    /// Gauge of file descriptors [default: process_open_fds, where /proc does not tell]
    #[arg(
        long,
        value_name = "METRIC",
        requires = "metrics",
        value_parser = Selector::parse,
        help_heading = "Process"
    )]
    fds_metric: Option<Selector>,

    /// Header of each request, as 'Authorization: Bearer TOKEN'; repeatable
    #[arg(
        long = "header",
        value_name = "NAME: VALUE",
        value_parser = Header::parse,
        help_heading = "Process"
    )]
    headers: Vec<Header>,

    /// How long an answer may take
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        default_value = "10s",
        help_heading = "Process"
    )]
    timeout: Duration,

    /// Keep each goroutine dump in this folder, gzipped (`leakcheck dump` compares them)
    #[arg(
        long,
        value_name = "DIR",
        requires = "pprof",
        value_hint = clap::ValueHint::DirPath,
        help_heading = "Output"
    )]
    pub(super) dump_dir: Option<PathBuf>,
}

fn add(place: &mut Option<Url>, url: Url) -> Result<(), Url> {
    match place {
        Some(_) => Err(url),
        None => {
            *place = Some(url);
            Ok(())
        }
    }
}

impl ProcessSources {
    /// Asks the process for its pprof at this address too; the address is given back where there is one
    /// already.
    pub(super) fn add_pprof(&mut self, url: Url) -> Result<(), Url> {
        add(&mut self.pprof, url)
    }

    /// Asks the process for its metrics at this address too; the address is given back where there is one
    /// already.
    pub(super) fn add_metrics(&mut self, url: Url) -> Result<(), Url> {
        add(&mut self.metrics, url)
    }

    /// What asks the process for documents.
    pub(super) fn getter(&self) -> Getter {
        Getter::new(self.timeout, self.headers.clone())
    }

    /// Whether the process is asked, and spends its time on the answers.
    pub(super) fn asks(&self) -> bool {
        self.pprof.is_some() || self.metrics.is_some() || self.console.is_some()
    }

    /// Whether the process is asked for its metrics.
    pub(super) fn scrapes(&self) -> bool {
        self.metrics.is_some()
    }

    /// What tells the process's goroutines or tasks, as a report calls it.
    pub(super) fn tasks_source(&self) -> Option<&'static str> {
        let sources = [
            (self.pprof.is_some(), "pprof"),
            (self.console.is_some(), "console"),
            (self.metrics.is_some(), "metrics"),
        ];
        sources
            .into_iter()
            .find(|(is_asked, _)| *is_asked)
            .map(|(_, name)| name)
    }

    /// Makes sure that the sources go together; `proc_tells` where `/proc` is read too.
    pub(super) fn check(&self, proc_tells: bool) -> Result<(), Failure> {
        if self.console.is_some() && !cfg!(feature = "console") {
            return Err(Failure::usage(
                "--console: this build lacks the feature `console`: rebuild without \
                 --no-default-features",
            ));
        }
        if self.pprof.is_some() && self.console.is_some() {
            return Err(Failure::usage(
                "--pprof and --console are of two processes, a Go one and a tokio one: watch each by \
                 itself",
            ));
        }
        if self.fds_metric.is_some() && proc_tells {
            return Err(Failure::usage(
                "--fds-metric: /proc tells the file descriptors of this process already",
            ));
        }
        Ok(())
    }

    /// The target, with what is read through `/proc`.
    pub(super) fn target(&self, processes: Option<Processes>, proc_tells: bool) -> WatchTarget {
        let default = |name| Selector::parse(name).ok();
        let has_tasks = self.pprof.is_some() || self.console.is_some();
        let tasks = self.tasks_metric.clone();
        let fds = self.fds_metric.clone();
        WatchTarget {
            processes,
            pprof: self.pprof.clone(),
            #[cfg(feature = "console")]
            console: self.console.clone(),
            metrics: self.metrics.clone(),
            tasks_metric: match has_tasks {
                true => None,
                // Who names the gauge of file descriptors alone means that one alone.
                false if fds.is_some() => tasks,
                false => tasks.or_else(|| default("go_goroutines")),
            },
            fds_metric: match proc_tells {
                true => None,
                false => fds.or_else(|| default("process_open_fds")),
            },
            headers: self.headers.clone(),
            timeout: self.timeout,
            dump_folder: self.dump_dir.clone(),
        }
    }

    /// The sources as the report tells them, without passwords and other secrets.
    pub(super) fn shown(&self) -> Watched {
        let shown = |url: &Option<Url>| Some(masked_word(without_password(url.as_ref()?).as_str()));
        Watched {
            pprof: shown(&self.pprof),
            console: shown(&self.console),
            metrics: shown(&self.metrics),
            ..Watched::default()
        }
    }
}
