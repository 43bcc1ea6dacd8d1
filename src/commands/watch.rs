//! `leakcheck watch`: a process that runs already, read at an interval and judged.

use std::io::IsTerminal;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::gate::judge::PartialReports;
use leakcheck_report::model::report::{Config, Report, SCHEMA, Trend, Verdict, Watched};
use leakcheck_report::readings::{Ages, Recording};
use leakcheck_text::duration;
use leakcheck_text::duration::millis;

use super::gating::Gating;
use super::output;
use super::process_sources::ProcessSources;
use super::report_output::ReportOutput;
use super::runtime;
use super::watch_target::{self, TargetWord};
use crate::analysis::watched::Watch;
use crate::consumers::{Display, Drawing, Messages, WatchTable};
use crate::events::{Consumer, Event, Several};
use crate::probe::other_process::OtherProcess;
use crate::probe::process_set::ProcessSet;
use crate::sys::invocation::Invocation;
use crate::sys::signals;
use crate::sys::this_tool::this_tool;
use crate::watch::{self, Processes, Sources, Timing, WatchTarget};

const EXAMPLES: &str = "\
Examples:
  leakcheck watch 4711
      Any process: its file descriptors, threads and children, until there is a verdict.
  leakcheck watch localhost:6060
      A Go program's goroutines by its pprof, and its descriptors where it runs on this machine.
  leakcheck watch unix:///run/docker.sock --for 10m
      The same of a daemon that serves its pprof on a socket.
  leakcheck watch localhost:6060 --rotation 5m --containers 50
      A Go program that rotates log streams: what each rotation leaves, over 12 of them.
  leakcheck watch --live --pprof localhost:6060 --rotation 5m --containers 50
      The same on the whole terminal; while it is paused (p), nothing is read.
  leakcheck watch --console localhost:6669 --for 2m
      A tokio program with console-subscriber: its tasks by spawn site.
  leakcheck watch --metrics localhost:9090/metrics --for 1h --every 30s
      go_goroutines and process_open_fds of a Prometheus endpoint.
  leakcheck watch --pprof localhost:6060 --rotation 2s --gate '*.verdict == clean'
      Fails unless the process is clean (`leakcheck gate --help`: what can be asked).

A clean verdict covers what was read, and needs two things: the program's own unit of
concurrency beside its file descriptors (goroutines, tokio's tasks, or threads if it has
neither), and signs of life until the end, for a process whose counts stand still may be dead.
Signs of life are goroutines, tasks, threads or sockets that take the place of others,
goroutines that are started, and CPU time that is spent.

Exit codes:
  0    measured, and every --gate held; without --gate, whatever leaks
  1    measured, and a gate failed
  2    a flag is wrong, or there is no such metric
  3    no gate failed, but one has no verdict: the evidence does not suffice
  4    no such process, or nothing answers
  130  interrupted; what was measured is still reported, marked partial";

/// Without a rotation a watch lasts so long …
const DEFAULT_LASTING: Duration = Duration::from_secs(600);
/// … and reads so often, where that is neither more than …
const USUAL_EVERY: Duration = Duration::from_millis(500);
/// … so many readings, nor fewer than …
const MOST_READINGS: u32 = 1200;
/// … so many.
const FEWEST_READINGS: u32 = 60;
/// However long it lasts, it reads as often as this.
const LONGEST_EVERY: Duration = Duration::from_secs(5);
/// Readings take at most this share of the time, unless somebody said how often to read, or streams are rotated.
const SHARE: f64 = 0.2;
/// A warm-up is no longer than this, unless somebody said so, or streams are rotated.
const LONGEST_WARM_UP: Duration = Duration::from_secs(10);
/// A verdict that ends a watch comes after so long, or so many rotations …
const SOONEST: Duration = Duration::from_secs(10);
const SOONEST_ROTATIONS: u32 = 4;
/// … and `clean` after so long …
const SOONEST_CLEAN: Duration = Duration::from_secs(60);
/// … and a leak is as clear as this: it is asked for many times.
const CLEAR: f64 = 0.0005;
/// Of so many readings each is judged, of twice as many every second one, and so on.
const JUDGED_EACH: usize = 100;
/// With one it lasts so many rotations after the warm-up and one in which the counts' moment is found,
/// as many as a run makes.
const DEFAULT_ROTATIONS: u32 = 12 + 2;
/// In each of which it reads so often, unless that is more often than …
const READINGS_PER_ROTATION: u32 = 10;
/// … this, or less often than by default.
const SHORTEST_EVERY: Duration = Duration::from_millis(100);
/// Who waits for another for so many rotations is stuck.
const STUCK_ROTATIONS: u32 = 2;

/// Flags of `leakcheck watch`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_flag = true)]
#[command(group = ArgGroup::new("source").required(true).multiple(true)
    .args(["targets", "pid", "pprof", "console", "metrics"]))]
pub struct WatchArgs {
    /// The process: its PID, the HOST:PORT or URL of its pprof or metrics, or unix:///PATH where it serves its
    /// pprof on a socket; several words are of one process
    #[arg(value_name = "TARGET", value_parser = TargetWord::parse)]
    targets: Vec<TargetWord>,

    /// Number of the process: its file descriptors, threads and memory, from /proc
    #[arg(
        long,
        value_name = "PID",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Process"
    )]
    pid: Option<u32>,

    /// Read what it has started together with it
    #[arg(long, help_heading = "Process")]
    tree: bool,

    #[command(flatten)]
    sources: ProcessSources,

    /// Name of the process in the report [default: its program's]
    #[arg(long, value_name = "NAME", help_heading = "Process")]
    name: Option<String>,

    /// Interval between two readings [default: a tenth of the rotation, or a 1200th of the time, from 100ms
    /// to 5s, and longer where a reading takes long]
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Time"
    )]
    every: Option<Duration>,

    /// How long to watch [default: 14 rotations, or 10m]
    #[arg(
        long = "for",
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Time"
    )]
    lasting: Option<Duration>,

    /// When to stop before that [default: verdict on a terminal without --for and --gate, else time]
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Time")]
    until: Option<WatchUntil>,

    /// What is read before is not judged: a process that has just started grows [default: a rotation,
    /// or a tenth of the time, 10s at most]
    #[arg(long, value_name = "DUR", value_parser = duration::parse, help_heading = "Time")]
    warm_up: Option<Duration>,

    /// Interval at which the process rotates its streams: growth is told per rotation
    #[arg(
        long,
        value_name = "DUR",
        value_parser = duration::parse_positive,
        help_heading = "Time"
    )]
    rotation: Option<Duration>,

    /// Containers that it follows, or whatever it has one stream of: growth is told for each
    #[arg(
        long,
        value_name = "N",
        requires = "rotation",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000),
        help_heading = "Time"
    )]
    containers: Option<u64>,

    #[command(flatten)]
    gating: Gating,

    /// Show how it goes on the whole terminal: counts, a chart, what grows; pause it with p, ? for help
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    live: bool,

    #[command(flatten)]
    output: ReportOutput,
}

/// When a watch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum WatchUntil {
    /// When its time is over
    Time,
    /// When the evidence suffices, after 10s (4 rotations) for a leak or a hang and a minute for `clean`, and
    /// when its time is over at the latest
    Verdict,
}

/// Watches and prints the report.
///
/// # Errors
/// A usage failure before anything is read where a flag is wrong; later where the process is not
/// there or does not answer.
pub fn execute(mut args: WatchArgs) -> Result<ExitCode, Failure> {
    args.resolve()?;
    args.check()?;
    let display = args.display()?;
    args.output.check()?;
    if let Some(folder) = &args.sources.dump_dir {
        output::make_folder("--dump-dir", folder)?;
    }
    let runtime = runtime::start()?;
    let watched = runtime.block_on(watch_and_judge(&args, &display));
    // A source that does not answer is not waited for any longer.
    runtime.shutdown_background();
    let (report, interrupted) = watched?;
    args.output.finish(&report, &args.gating, interrupted)
}

async fn watch_and_judge(args: &WatchArgs, display: &Display) -> Result<(Report, bool), Failure> {
    let invocation = Invocation::of_this_process();
    let interrupt = signals::token(|| {})?;
    let entered = display.enter()?;
    let opening = async {
        let ages = Ages::of(args.every(), args.lasting(), args.rotation);
        let sources = Sources::open(&args.target(), ages).await?;
        let name = match &args.name {
            Some(name) => name.clone(),
            None => sources.name().await,
        };
        Ok::<_, Failure>((sources, name))
    };
    let opened = tokio::select! {
        () = interrupt.cancelled() => None,
        opened = opening => Some(opened?),
    };
    let Some((mut sources, name)) = opened else {
        let name = args.name.clone().unwrap_or_else(|| "process".into());
        return Ok((
            args.report(&name, &Recording::default().interrupted(), &invocation),
            true,
        ));
    };
    let names = || std::iter::once(name.as_str());
    let baseline = args
        .gating
        .check(&args.config(), args.containers, names())?;
    let config = &args.config();
    let name = name.as_str();
    display.hear(&Event::WatchStarts { name, config });
    let hold = display.hold();
    let enough = |recording: &Recording| args.suffices(recording, &invocation);
    let timing = args.timing();
    let recording = watch::watch(&mut sources, timing, display, &interrupt, hold, &enough).await;
    display.hear(&Event::Over);
    drop(entered);
    let mut report = args.report(name, &recording?, &invocation);
    let judged = args
        .gating
        .judge(&report, baseline.as_ref(), PartialReports::Refused);
    report.gates = judged?;
    Ok((report, interrupt.is_cancelled()))
}

impl WatchArgs {
    /// Takes in what the words name.
    fn resolve(&mut self) -> Result<(), Failure> {
        let pid = watch_target::resolve(&self.targets, &mut self.sources)?;
        match (pid, self.pid) {
            (Some(word), Some(flag)) if word != flag => {
                return Err(Failure::usage(format!(
                    "--pid {flag}: TARGET {word} is another process: watch each by itself"
                )));
            }
            _ => self.pid = self.pid.or(pid),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Failure> {
        self.sources.check(self.pid.is_some())?;
        if self.tree && self.pid.is_none() {
            return Err(Failure::usage("--tree: give the process's PID, or --pid"));
        }
        let told = |duration| duration::format(duration);
        if let Some(rotation) = self.rotation
            && self.every() * 3 > rotation
        {
            return Err(Failure::usage(format!(
                "--every {}: at least three readings must fall into a --rotation of {}",
                told(self.every()),
                told(rotation)
            )));
        }
        if self.warm_up_of(self.lasting()) + self.every() >= self.lasting() {
            return Err(Failure::usage(format!(
                "--for {} leaves nothing to judge after a warm-up of {} with a reading every {}",
                told(self.lasting()),
                told(self.warm_up_of(self.lasting())),
                told(self.every())
            )));
        }
        Ok(())
    }

    fn every(&self) -> Duration {
        let default = match self.rotation {
            Some(rotation) => (rotation / READINGS_PER_ROTATION).max(SHORTEST_EVERY),
            // A short watch needs its readings, too.
            None => (self.lasting() / MOST_READINGS)
                .max(USUAL_EVERY.min(self.lasting() / FEWEST_READINGS))
                .max(SHORTEST_EVERY),
        };
        self.every.unwrap_or(default.min(LONGEST_EVERY))
    }

    fn lasting(&self) -> Duration {
        let default = match self.rotation {
            Some(rotation) => rotation * DEFAULT_ROTATIONS,
            None => DEFAULT_LASTING,
        };
        self.lasting.unwrap_or(default)
    }

    /// What is not judged of a watch that lasted so long.
    fn warm_up_of(&self, lasted: Duration) -> Duration {
        let default = || self.rotation.unwrap_or((lasted / 10).min(LONGEST_WARM_UP));
        self.warm_up.unwrap_or_else(default)
    }

    /// The same of what was read.
    fn warm_up(&self, recording: &Recording) -> Duration {
        self.warm_up_of(recording.lasted())
    }

    fn until(&self) -> WatchUntil {
        let at_a_terminal = std::io::stderr().is_terminal() && !self.live;
        let unbounded = self.lasting.is_none() && self.gating.is_empty();
        let default = match at_a_terminal && unbounded {
            true => WatchUntil::Verdict,
            false => WatchUntil::Time,
        };
        self.until.unwrap_or(default)
    }

    /// Whether what was read suffices for a verdict that more of it will not change.
    fn suffices(&self, recording: &Recording, invocation: &Invocation) -> bool {
        let lasted = recording.lasted();
        let soonest = self
            .rotation
            .map_or(SOONEST, |rotation| rotation * SOONEST_ROTATIONS);
        if self.until() == WatchUntil::Time || lasted < soonest {
            return false;
        }
        // What is judged anew at every reading is judged ever more seldom.
        let readings = recording.readings.len();
        if !readings.is_multiple_of((readings / JUDGED_EACH).max(1)) {
            return false;
        }
        let report = self.report("", recording, invocation);
        let process = report.wirings.first();
        let clear = |trend: &Trend| trend.p.is_some_and(|p| p < CLEAR);
        process.is_some_and(|process| match process.verdict {
            Verdict::Hung | Verdict::Starved => true,
            Verdict::Leaking => process.trends.as_ref().is_some_and(|trends| {
                let counts = [
                    &trends.tasks,
                    &trends.fds,
                    &trends.threads,
                    &trends.children,
                ];
                counts.into_iter().flatten().any(clear)
            }),
            Verdict::Clean => lasted >= SOONEST_CLEAN,
            Verdict::Inconclusive => false,
        })
    }

    fn timing(&self) -> Timing {
        Timing {
            every: self.every(),
            lasting: self.lasting(),
            stuck_after: self
                .rotation
                .map_or(self.lasting() / 3, |rotation| rotation * STUCK_ROTATIONS),
            share: (self.every.is_none() && self.rotation.is_none()).then_some(SHARE),
        }
    }

    fn target(&self) -> WatchTarget {
        let process = self.pid.map(|pid| match self.tree {
            true => Processes::Several(ProcessSet::tree(pid)),
            false => Processes::One(OtherProcess::new(pid)),
        });
        self.sources.target(process, self.pid.is_some())
    }

    /// A table with messages above it, or the whole terminal.
    fn display(&self) -> Result<Display, Failure> {
        Display::new(self.live, "nothing is read", || {
            let drawing = Drawing::new(self.output.quiet);
            Several::default()
                .and(WatchTable::on(&drawing))
                .and(Messages::above(&drawing))
        })
    }

    /// What the process's tasks are called.
    fn unit(&self) -> &'static str {
        let watched = self.config().watched;
        watched.as_ref().map_or("tasks", Watched::unit)
    }

    fn config(&self) -> Config {
        Config {
            containers: self.containers,
            rotation_ms: self.rotation.map(millis),
            until_verdict: self.until() == WatchUntil::Verdict,
            watched: Some(Watched {
                pid: self.pid,
                every_ms: millis(self.every()),
                for_ms: millis(self.lasting()),
                warm_up_ms: millis(self.warm_up_of(self.lasting())),
                ..self.sources.shown()
            }),
            ..Config::of_real_time()
        }
    }

    fn report(&self, name: &str, recording: &Recording, invocation: &Invocation) -> Report {
        let mut config = self.config();
        let warm_up = self.warm_up(recording);
        if let Some(watched) = &mut config.watched {
            watched.warm_up_ms = millis(warm_up);
        }
        let watch = Watch {
            name,
            unit: self.unit(),
            source: self.sources.tasks_source(),
            recording,
            asked: self.sources.asks(),
            scraped: self.sources.scrapes(),
            containers: self.containers,
            rotation: self.rotation,
            warm_up,
            followers: None,
        };
        Report {
            schema: SCHEMA.into(),
            tool: this_tool(),
            partial: recording.cut_short.is_some(),
            provenance: Some(invocation.provenance()),
            config,
            wirings: vec![watch.report()],
            gates: Vec::new(),
        }
    }
}
