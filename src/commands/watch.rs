//! `leakcheck watch`: a process that runs already, read at an interval and judged.

use std::time::Duration;

use clap::{ArgGroup, Args};
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::gate::judge::PartialReports;
use leakcheck_report::model::report::{Config, Report, SCHEMA, Watched};
use leakcheck_report::readings::{Ages, Recording};
use leakcheck_text::duration;
use leakcheck_text::duration::millis;

use super::gating::Gating;
use super::output;
use super::process_sources::ProcessSources;
use super::report_output::ReportOutput;
use super::runtime;
use crate::analysis::watched::Watch;
use crate::consumers::{Display, Drawing, Messages, WatchTable};
use crate::events::{Consumer, Event, Several};
use crate::probe::other_process::OtherProcess;
use crate::sys::invocation::Invocation;
use crate::sys::signals;
use crate::sys::this_tool::this_tool;
use crate::watch::{self, Processes, Sources, Timing, WatchTarget};

const EXAMPLES: &str = "\
Examples:
  leakcheck watch --pid 4711
      Any process: its file descriptors, for ten minutes.
  leakcheck watch --pprof localhost:6060 --pid 4711 --rotation 5m --containers 50
      A Go program that rotates log streams: what each rotation leaves, over 12 of them.
  leakcheck watch --live --pprof localhost:6060 --rotation 5m --containers 50
      The same on the whole terminal; while it is paused (p), nothing is read.
  leakcheck watch --console localhost:6669 --for 2m
      A tokio program with console-subscriber: its tasks by spawn site.
  leakcheck watch --metrics localhost:9090/metrics --for 1h --every 30s
      go_goroutines and process_open_fds of a Prometheus endpoint.
  leakcheck watch --pprof localhost:6060 --rotation 2s --gate '*.verdict == clean'
      Fails unless the process is clean (`leakcheck gate --help`: what can be asked).

A clean verdict needs signs of life: a process whose counts stand still may be dead. It is alive where
it replaces its goroutines or tasks, or, with --rotation and --containers, its sockets.

Exit codes:
  0    measured, and every --gate held; without --gate, whatever leaks
  1    measured, and a gate failed
  2    a flag is wrong, or there is no such metric
  3    no gate failed, but one has no verdict: the evidence does not suffice
  4    no such process, or nothing answers
  130  interrupted; what was measured is still reported, marked partial";

/// Without a rotation a watch lasts so long …
const DEFAULT_LASTING: Duration = Duration::from_secs(600);
/// … and reads so often.
const DEFAULT_EVERY: Duration = Duration::from_secs(5);
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
    .args(["pid", "pprof", "console", "metrics"]))]
pub struct WatchArgs {
    /// Number of the process: its file descriptors, threads and memory, from /proc
    #[arg(
        long,
        value_name = "PID",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Process"
    )]
    pid: Option<u32>,

    #[command(flatten)]
    sources: ProcessSources,

    /// Name of the process in the report [default: its program's]
    #[arg(long, value_name = "NAME", help_heading = "Process")]
    name: Option<String>,

    /// Interval between two readings [default: a tenth of the rotation, from 100ms to 5s]
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

    /// What is read before is not judged: a process that has just started grows [default: a rotation,
    /// or a tenth of the time]
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

/// Watches and prints the report.
///
/// # Errors
/// A usage failure before anything is read where a flag is wrong; later where the process is not
/// there or does not answer.
pub fn execute(args: WatchArgs) -> Result<ExitCode, Failure> {
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
    let recording = watch::watch(&mut sources, args.timing(), display, &interrupt, hold).await;
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
    fn check(&self) -> Result<(), Failure> {
        self.sources.check(self.pid.is_some())?;
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
        if self.warm_up() + self.every() >= self.lasting() {
            return Err(Failure::usage(format!(
                "--for {} leaves nothing to judge after a warm-up of {} with a reading every {}",
                told(self.lasting()),
                told(self.warm_up()),
                told(self.every())
            )));
        }
        Ok(())
    }

    fn every(&self) -> Duration {
        let default = match self.rotation {
            Some(rotation) => rotation / READINGS_PER_ROTATION,
            None => DEFAULT_EVERY,
        };
        let default = default.clamp(SHORTEST_EVERY, DEFAULT_EVERY);
        self.every.unwrap_or(default)
    }

    fn lasting(&self) -> Duration {
        let default = match self.rotation {
            Some(rotation) => rotation * DEFAULT_ROTATIONS,
            None => DEFAULT_LASTING,
        };
        self.lasting.unwrap_or(default)
    }

    fn warm_up(&self) -> Duration {
        let default = self.rotation.unwrap_or(self.lasting() / 10);
        self.warm_up.unwrap_or(default)
    }

    fn timing(&self) -> Timing {
        Timing {
            every: self.every(),
            lasting: self.lasting(),
            stuck_after: self
                .rotation
                .map_or(self.lasting(), |rotation| rotation * STUCK_ROTATIONS),
        }
    }

    fn target(&self) -> WatchTarget {
        let process = self.pid.map(|pid| Processes::One(OtherProcess::new(pid)));
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
            watched: Some(Watched {
                pid: self.pid,
                every_ms: millis(self.every()),
                for_ms: millis(self.lasting()),
                warm_up_ms: millis(self.warm_up()),
                ..self.sources.shown()
            }),
            ..Config::of_real_time()
        }
    }

    fn report(&self, name: &str, recording: &Recording, invocation: &Invocation) -> Report {
        let config = self.config();
        let watch = Watch {
            name,
            unit: self.unit(),
            source: self.sources.tasks_source(),
            recording,
            asked: self.sources.asks(),
            containers: self.containers,
            rotation: self.rotation,
            warm_up: self.warm_up(),
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
