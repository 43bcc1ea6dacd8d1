//! The sources of a watched process, opened once and read together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use goroutine_dump::{Dump, Frame, Group, Roles};
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::report::{LeakProfile, LeakedGoroutines};
use leakcheck_report::readings::{Ages, Concurrency, Kind, Lives, Reading, Site, Waiting};
#[cfg(feature = "console")]
use leakcheck_test::spawn_site::SpawnSite;
use url::{Host, Url};

use super::target::{Processes, WatchTarget};
#[cfg(feature = "console")]
use crate::probe::console::{Console, ConsoleReading};
use crate::probe::listener;
use crate::probe::metrics_endpoint::{MetricsEndpoint, MetricsError, MetricsReading};
use crate::probe::other_process::{OtherProcess, ProcessReadError, ProcessReading};
use crate::probe::pprof::Pprof;
use crate::probe::program::SeenPrograms;
use crate::sys::http::{Getter, socket_of, without_password};

/// The sources, and what was seen of each goroutine, task and socket.
#[derive(Debug)]
pub struct Sources {
    processes: Option<Processes>,
    /// Whether nobody named the process, and it was found by what serves its pprof.
    found: bool,
    pprof: Option<Pprof>,
    #[cfg(feature = "console")]
    console: Option<Console>,
    #[cfg(feature = "console")]
    console_url: Option<Url>,
    metrics: Option<MetricsEndpoint>,
    dump_folder: Option<PathBuf>,
    /// How long an answer may take.
    timeout: Duration,
    programs: SeenPrograms,
    ages: Ages,
    tasks: Lives<Arc<str>>,
    /// What `/proc` tells one by one.
    members: Lives<Arc<str>>,
    identity: Identity,
    restarts: u64,
    readings: u64,
}

/// By what a process is known that was started anew.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Identity {
    process: Option<u64>,
    metrics: Option<f64>,
}

/// Why there is no reading.
#[derive(Debug)]
pub enum NoReading {
    /// The process has ended.
    Gone,
    /// A metric that was asked for is not there.
    Metric(String),
    /// A source did not answer, or not as it should.
    Failed(anyhow::Error),
}

impl From<NoReading> for Failure {
    fn from(why: NoReading) -> Self {
        match why {
            NoReading::Gone => Self::environment("there is no such process"),
            NoReading::Metric(said) => Self::usage(format!("--metrics: {said}")),
            NoReading::Failed(error) => error.into(),
        }
    }
}

impl Sources {
    /// Connects to the sources of a target; what is as old as one of the ages counts as having stayed.
    ///
    /// # Errors
    /// Where the console does not answer; the others are asked when they are read.
    pub async fn open(target: &WatchTarget, ages: Ages) -> Result<Self, Failure> {
        let getter = || Getter::new(target.timeout, target.headers.clone());
        #[cfg(feature = "console")]
        let console = match &target.console {
            Some(url) => Some(connect(url, target.timeout).await?),
            None => None,
        };
        let pprof = target.pprof.as_ref().map(|url| Pprof::new(url, getter()));
        let found = match (&target.processes, &pprof, &target.pprof) {
            (None, Some(pprof), Some(url)) => {
                let finding = find(pprof.clone(), url.clone());
                let found = tokio::time::timeout(target.timeout, finding).await;
                found.ok().flatten()
            }
            _ => None,
        };
        Ok(Self {
            found: found.is_some(),
            processes: target.processes.clone().or(found),
            pprof,
            #[cfg(feature = "console")]
            console,
            #[cfg(feature = "console")]
            console_url: target.console.clone(),
            metrics: target.metrics.as_ref().map(|url| {
                let (tasks, fds) = (target.tasks_metric.clone(), target.fds_metric.clone());
                MetricsEndpoint::new(url, getter(), tasks, fds)
            }),
            dump_folder: target.dump_folder.clone(),
            timeout: target.timeout,
            programs: SeenPrograms::default(),
            ages,
            tasks: Lives::new(ages),
            members: Lives::new(ages),
            identity: Identity::default(),
            restarts: 0,
            readings: 0,
        })
    }

    /// What the process is called: by its program, or by where it is asked.
    pub async fn name(&self) -> String {
        let process = self.processes.as_ref().and_then(Processes::name);
        let asked = match (process, self.pprof.clone()) {
            (Some(name), _) => Some(name),
            (None, Some(pprof)) => {
                let name = blocking(move || Ok(pprof.name()));
                let name = tokio::time::timeout(self.timeout, name).await;
                name.ok().and_then(Result::ok).flatten()
            }
            (None, None) => None,
        };
        #[cfg(feature = "console")]
        let url = self.console_url.as_ref();
        #[cfg(not(feature = "console"))]
        let url = None;
        let url = url.or(self.metrics.as_ref().map(MetricsEndpoint::url));
        let host = url.and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        asked
            .or_else(|| host.map(|(host, port)| format!("{host}:{port}")))
            .unwrap_or_else(|| "process".into())
    }

    /// Reads all sources, at about the same time.
    ///
    /// # Errors
    /// Says which source failed; a reading is whole or none.
    pub async fn read(&mut self, at: Duration) -> Result<Reading, NoReading> {
        // Asked first: what is gone does not answer either.
        let process = match self.processes.as_ref().map(Processes::read) {
            Some(Ok(process)) => Some(process),
            // Somebody may have started it anew since, at the same address.
            Some(Err(ProcessReadError::Gone)) if self.found => self.find_again().await?,
            Some(Err(ProcessReadError::Gone)) => return Err(NoReading::Gone),
            Some(Err(ProcessReadError::Other(error))) => return Err(NoReading::Failed(error)),
            None => None,
        };
        if let Some(process) = &process {
            self.programs.look_at(&process.pids);
        }
        self.readings += 1;
        let asked = async { tokio::join!(self.goroutines(at), self.gauges()) };
        // Each request ends in time, but for a connection to a socket whose queue is full.
        let asked = tokio::time::timeout(self.timeout * 2, asked).await;
        let (dump, metrics) = asked.map_err(|_| {
            NoReading::Failed(anyhow::anyhow!("no answer within {:?}", self.timeout * 2))
        })?;
        let (dump, metrics) = (dump.map_err(NoReading::Failed)?, metrics?);
        #[cfg(feature = "console")]
        let console = self.console_tasks().await.map_err(NoReading::Failed)?;
        let mut reading = Reading {
            at,
            ..Reading::default()
        };
        self.notice_restart(process.as_ref(), dump.as_ref(), metrics.as_ref());
        reading.restarts = self.restarts;
        if let Some(metrics) = metrics {
            (reading.tasks, reading.fds) = (metrics.tasks, metrics.fds);
        }
        if let Some(process) = process {
            self.add_process(&mut reading, process);
        }
        #[cfg(feature = "console")]
        if let Some(console) = console {
            self.add_console(&mut reading, console);
        }
        if let Some(dump) = dump {
            self.add_goroutines(&mut reading, &dump);
        }
        Ok(reading)
    }

    /// Finds the process anew that serves the pprof, and reads it.
    async fn find_again(&mut self) -> Result<Option<ProcessReading>, NoReading> {
        let again = match &self.pprof {
            Some(pprof) => find(pprof.clone(), pprof.url().clone()).await,
            None => None,
        };
        let read = again.as_ref().and_then(|processes| processes.read().ok());
        let not_there = || NoReading::Failed(anyhow::anyhow!("the process has ended"));
        let read = read.ok_or_else(not_there)?;
        self.processes = again;
        Ok(Some(read))
    }

    /// For how long a member has been there that has stayed.
    pub fn ages(&self) -> Ages {
        self.ages
    }

    /// What the programs that were read run beside threads.
    pub fn concurrency(&self) -> BTreeSet<Concurrency> {
        self.programs.concurrency()
    }

    /// Nothing was read for so long.
    pub fn pass_over(&mut self, pause: Duration) {
        self.tasks.pass_over(pause);
    }

    /// Goroutines from the first reading that have waited for another for so long.
    pub fn waiting(&self, now: Duration, for_at_least: Duration) -> Vec<Waiting<Arc<str>>> {
        self.tasks.waiting(now, for_at_least)
    }

    /// Go's own leak profile; `None` where there is none.
    ///
    /// # Errors
    /// Where pprof does not answer any more.
    pub async fn leak_profile(&self) -> anyhow::Result<Option<LeakProfile>> {
        let Some(pprof) = self.pprof.clone() else {
            return Ok(None);
        };
        let dump = blocking(move || pprof.leaked()).await?;
        Ok(dump.map(|dump| {
            let mut by_function: BTreeMap<String, u64> = BTreeMap::new();
            for group in &dump.groups {
                let count = by_function.entry(runs(group).to_owned()).or_default();
                *count = count.saturating_add(group.count);
            }
            let leaked = |(function, goroutines)| LeakedGoroutines {
                function,
                goroutines,
            };
            let mut by_function: Vec<_> = by_function.into_iter().map(leaked).collect();
            by_function.sort_by_key(|leaked| std::cmp::Reverse(leaked.goroutines));
            LeakProfile {
                goroutines: dump.goroutines,
                by_function,
            }
        }))
    }

    async fn goroutines(&self, at: Duration) -> anyhow::Result<Option<Dump>> {
        let Some(pprof) = self.pprof.clone() else {
            return Ok(None);
        };
        let name = format!(
            "{:05}-{:.1}s.goroutines.txt.gz",
            self.readings,
            at.as_secs_f64()
        );
        let keep_as = self.dump_folder.as_ref().map(|folder| folder.join(name));
        let shown = pprof.shown().to_owned();
        let dump = blocking(move || pprof.goroutines(keep_as.as_deref())).await;
        dump.map(Some).with_context(|| format!("pprof at {shown}"))
    }

    async fn gauges(&self) -> Result<Option<MetricsReading>, NoReading> {
        let Some(metrics) = self.metrics.clone() else {
            return Ok(None);
        };
        let url = without_password(metrics.url());
        let read = tokio::task::spawn_blocking(move || metrics.read()).await;
        match read.map_err(|error| NoReading::Failed(error.into()))? {
            Ok(reading) => Ok(Some(reading)),
            Err(MetricsError::Metric(said)) => Err(NoReading::Metric(said)),
            Err(MetricsError::Endpoint(error)) => Err(NoReading::Failed(
                error.context(format!("metrics at {url}")),
            )),
        }
    }

    /// What the console has told of; one that has gone is connected to again.
    #[cfg(feature = "console")]
    async fn console_tasks(&mut self) -> anyhow::Result<Option<ConsoleReading>> {
        let Some(url) = &self.console_url else {
            return Ok(None);
        };
        if self.console.is_none() {
            self.console = Some(connect(url, self.timeout).await?);
            // Whatever it was, its numbers begin anew.
            self.restarts += 1;
            self.tasks.begin_anew();
        }
        let read = self.console.as_ref().map(Console::read).transpose();
        if read.is_err() {
            self.console = None;
        }
        read.with_context(|| format!("the console at {url}"))
    }

    fn notice_restart(
        &mut self,
        process: Option<&ProcessReading>,
        dump: Option<&Dump>,
        metrics: Option<&MetricsReading>,
    ) {
        let now = Identity {
            process: process.map(|process| process.started),
            metrics: metrics.and_then(|metrics| metrics.started),
        };
        let before = std::mem::replace(&mut self.identity, now);
        let numbers = dump.into_iter().flat_map(|dump| &dump.groups);
        let numbers = numbers.flat_map(|group| group.ids.iter().copied());
        let anew = (before.process.is_some() && before.process != now.process)
            || (before.metrics.is_some() && before.metrics != now.metrics)
            || (dump.is_some() && self.tasks.are_of_another_process(numbers));
        if anew {
            self.restarts += 1;
            self.tasks.begin_anew();
            self.members.begin_anew();
        }
    }

    fn add_process(&mut self, reading: &mut Reading, process: ProcessReading) {
        reading.fds = Some(process.fds);
        reading.fd_kinds = Some(process.fd_kinds);
        reading.gauges = process.gauges;
        reading.cpu_time = Some(process.cpu_time);
        let members = process.members.into_iter();
        let members = members.map(|(number, kind)| (number, kind, None));
        reading
            .replaced
            .extend(self.members.take(reading.at, members));
    }

    #[cfg(feature = "console")]
    fn add_console(&mut self, reading: &mut Reading, console: ConsoleReading) {
        reading.tasks = Some(console.tasks.len() as u64);
        reading.lower_bound = !console.caught_up;
        let site = |place: &Arc<str>| {
            // What has a relative path is the program's own, whatever its files are called.
            let site = place.starts_with('/').then(|| SpawnSite::parse(place));
            let (label, location) = match site {
                Some(site) => (site.label.into(), site.location.into()),
                None => (Arc::clone(place), Arc::clone(place)),
            };
            Site {
                label,
                location: Some(location),
            }
        };
        let mut known: BTreeMap<Arc<str>, Site> = BTreeMap::new();
        let tasks = console.tasks.into_iter().map(|(number, place)| {
            let site = known.entry(place).or_insert_with_key(site).clone();
            *reading.sites.entry(site.clone()).or_default() += 1;
            (number, Kind::Task(site), None)
        });
        let replaced = self.tasks.take(reading.at, tasks);
        reading.replaced.extend(replaced);
    }

    fn add_goroutines(&mut self, reading: &mut Reading, dump: &Dump) {
        (reading.tasks, reading.goroutines) = (Some(dump.goroutines), true);
        reading.roles = Some(Roles::of(&dump.groups));
        let numbers = dump
            .groups
            .iter()
            .flat_map(|group| group.ids.iter().copied());
        reading.highest_goroutine = numbers.max();
        let mut all = Vec::new();
        // The largest group comes first: its words are its site's.
        for group in &dump.groups {
            let site = site(group);
            *reading.sites.entry(site.clone()).or_default() += group.count;
            if let Some(meaning) = &group.meaning {
                let of_site = reading.meanings.entry(site.clone());
                of_site.or_insert_with(|| meaning.clone());
            }
            // What takes the dump is another goroutine each time, however dead the program is.
            if takes_the_dump(group) {
                continue;
            }
            let waits: Option<Arc<str>> = goroutine_dump::waits_for_another(group).map(Into::into);
            let kind = Kind::Task(site);
            let member = |id: &u64| (*id, kind.clone(), waits.clone());
            all.extend(group.ids.iter().map(member));
        }
        reading.replaced.extend(self.tasks.take(reading.at, all));
    }
}

#[cfg(feature = "console")]
async fn connect(url: &Url, timeout: Duration) -> anyhow::Result<Console> {
    let console = Console::connect(url, timeout).await;
    console.with_context(|| format!("the console at {url}"))
}

/// The process of this machine that serves a pprof. What merely forwards to it, as `kubectl port-forward` does,
/// is another process: it has another command line than the one that the pprof tells.
async fn find(pprof: Pprof, url: Url) -> Option<Processes> {
    let found = blocking(move || {
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let port = url.port_or_known_default().filter(|_| is_local);
        let pids = match socket_of(&url) {
            Some(socket) => listener::at_socket(&socket),
            None => port.map(listener::at_port).unwrap_or_default(),
        };
        let told = pprof.command_line().unwrap_or_default();
        let pid = pids.into_iter().find(|pid| {
            let trimmed = |words: &[u8]| words.strip_suffix(b"\0").unwrap_or(words).to_vec();
            let of_process = listener::command_line(*pid).unwrap_or_default();
            !told.is_empty() && trimmed(&told) == trimmed(&of_process)
        });
        Ok(pid.map(|pid| Processes::One(OtherProcess::new(pid))))
    });
    // A process that may not be read tells nothing.
    found
        .await
        .ok()
        .flatten()
        .filter(|process| process.read().is_ok())
}

/// Runs what blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// Whether goroutines are those that serve a profile.
fn takes_the_dump(group: &Group) -> bool {
    let serves = |frame: &Frame| {
        let calls = ["runtime/pprof.", "net/http/pprof."];
        calls.iter().any(|call| frame.func.starts_with(call))
    };
    group.stack.iter().any(serves)
}

/// A goroutine's site: what it runs, and what started it.
fn site(group: &Group) -> Site {
    let place = |frame: &Frame| match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{file}:{line}").into(),
        _ => frame.func.as_str().into(),
    };
    Site {
        label: runs(group).into(),
        location: group.created_by.as_ref().map(place),
    }
}

/// The function that a goroutine was started with: its outermost call. One that has not run yet stands
/// in `runtime.goexit`, with or without that function; what started it tells more.
fn runs(group: &Group) -> &str {
    let mut calls = group.stack.iter().rev();
    calls
        .find(|frame| frame.func != "runtime.goexit")
        .or(group.created_by.as_ref())
        .map_or("unknown", |frame| frame.func.as_str())
}
