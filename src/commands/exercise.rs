//! `leakcheck exercise`: somebody's own log follower, run against synthetic containers and audited.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::gate::judge::PartialReports;
use leakcheck_report::model::report::{Config, Exercised, FollowersSide, Report, SCHEMA, Watched};
use leakcheck_report::model::settings::{Settings, Workload, limits};
use leakcheck_text::duration;
use leakcheck_text::duration::millis;
use leakcheck_text::secrets::masked;
use synthetic_engine::clock::EngineClock;
use synthetic_engine::rotation::{RotateBy, Rotation};
use synthetic_engine::spec::EngineSpec;
use tempfile::TempDir;

use super::fleet_args::FleetArgs;
use super::gating::Gating;
use super::output;
use super::process_sources::ProcessSources;
use super::report_output::ReportOutput;
use super::runtime;
use crate::analysis::exercised::{Told, followers_side, unread_at_rotations};
use crate::analysis::watched::{SeenByEngine, Watch};
use crate::consumers::{Drawing, Messages, WatchTable};
use crate::events::{Consumer, Event, Several};
use crate::exercise::{self, CommandLine, Exercise, Running, Seen};
use crate::experiment::settings::number;
use crate::sys::invocation::Invocation;
use crate::sys::signals;
use crate::sys::this_tool::this_tool;
use crate::watch::Timing;

const EXAMPLES: &str = "\
Examples:
  leakcheck exercise --rotation 2s -- ./my-shipper
      Whatever heeds DOCKER_HOST: 50 containers, which restart every two seconds.
  leakcheck exercise --rotate-by eof --pprof localhost:6060 -- ./my-shipper --docker unix://{socket}
      A Go program that is told where the engine is; its goroutines are read too.
  leakcheck exercise --containers 9 --rotations 20 -- docker logs -f --tail 0 {container}
      One process per container; each is started again when its stream has ended.
  leakcheck exercise --gate '*.verdict == clean' -- python3 follower.py
      In a CI job.

A rotation is made by the engine, of all containers at once; the time is real, so that twelve rotations
of 5m take more than an hour. What a rotation leaves does not depend on its interval.

Exit codes:
  0    measured, and every --gate held; without --gate, whatever leaks
  1    measured, and a gate failed
  2    a flag is wrong
  3    no gate failed, but one has no verdict: the evidence does not suffice
  4    the command cannot be started, ends by itself, or follows no container
  130  interrupted; what was measured is still reported, marked partial";

/// A rotation that counts is preceded by one that does not: a process that has just started grows.
const WARM_UP_ROTATIONS: u32 = 1;
/// In each rotation it is read so often, unless that is more or less often than this.
const READINGS_PER_ROTATION: u32 = 10;
const SHORTEST_EVERY: Duration = Duration::from_millis(50);
const LONGEST_EVERY: Duration = Duration::from_secs(5);
/// As many rotations of its own tell how a follower's counts go.
const FEWEST_OWN_ROTATIONS: u32 = 6;
/// Who waits for another for so many rotations is stuck.
const STUCK_ROTATIONS: u32 = 2;

/// Flags of `leakcheck exercise`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_flag = true)]
pub struct ExerciseArgs {
    /// The log follower and its arguments: {socket} is replaced by the engine's socket, and where
    /// {container} stands there is one process per container
    #[arg(value_name = "CMD", required = true, last = true)]
    command: Vec<String>,

    /// Variable of its environment, beside DOCKER_HOST; repeatable
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = CommandLine::parse_variable, help_heading = "Follower")]
    environment: Vec<(String, String)>,

    /// Start it again when it ends, as a supervisor does [with {container}: always]
    #[arg(long, help_heading = "Follower")]
    restart: bool,

    /// Read what it starts together with it
    #[arg(long, help_heading = "Follower")]
    tree: bool,

    /// Folder of what it prints, a file for each process [default: a temporary one]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, help_heading = "Follower")]
    output_dir: Option<PathBuf>,

    /// How long it may take until it follows all containers
    #[arg(long, value_name = "DUR", value_parser = duration::parse_positive, default_value = "30s", help_heading = "Follower")]
    ready_within: Duration,

    /// How long it may take to heed SIGTERM at the end, before it is killed
    #[arg(long, value_name = "DUR", value_parser = duration::parse, default_value = "5s", help_heading = "Follower")]
    grace: Duration,

    /// Its name in the report [default: its program's]
    #[arg(long, value_name = "NAME", help_heading = "Follower")]
    name: Option<String>,

    #[command(flatten)]
    fleet: FleetArgs,

    /// How the engine rotates all streams
    #[arg(long, value_enum, default_value_t = RotateBy::Restart, help_heading = "Rotations")]
    rotate_by: RotateBy,

    /// Interval between two rotations
    #[arg(long, value_name = "DUR", value_parser = duration::parse_positive, default_value = "2s", help_heading = "Rotations")]
    rotation: Duration,

    /// Rotations that count
    #[arg(long, value_name = "N", default_value_t = Settings::default().rotations, value_parser = number(limits::ROTATIONS), help_heading = "Rotations")]
    rotations: u64,

    /// Keep streams open whose container has restarted, with nothing more to come
    #[arg(long, help_heading = "Rotations")]
    keep_ended_streams: bool,

    /// Also count a line as delivered twice that the follower asked for again as it resumed, which Docker's
    /// inclusive `since` makes the usual case
    #[arg(long, help_heading = "Rotations")]
    exactly_once: bool,

    #[command(flatten)]
    sources: ProcessSources,

    #[command(flatten)]
    gating: Gating,

    #[command(flatten)]
    output: ReportOutput,
}

/// Exercises a follower and prints the report.
///
/// # Errors
/// A usage failure before anything is started where a flag is wrong; later where the follower cannot be
/// started, ends by itself, or follows nothing.
pub fn execute(args: ExerciseArgs) -> Result<ExitCode, Failure> {
    let command =
        CommandLine::new(args.command.clone(), args.environment.clone()).map_err(Failure::usage)?;
    args.check(&command)?;
    args.output.check()?;
    if let Some(folder) = &args.sources.dump_dir {
        output::make_folder("--dump-dir", folder)?;
    }
    // Removed when it is dropped, at the end.
    let temporary = TempDir::with_prefix("leakcheck-exercise-")
        .map_err(|error| Failure::environment(format!("no temporary folder: {error}")))?;
    let folder = args.output_dir.clone();
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    output::make_folder("--output-dir", &folder)?;

    runtime::raise_fd_limit();
    let runtime = runtime::start()?;
    let exercised = runtime.block_on(exercise_and_judge(&args, command, folder));
    runtime.shutdown_background();
    let Judged {
        report,
        interrupted,
        engine_failed,
    } = exercised?;
    let finished = args.output.finish(&report, &args.gating, interrupted)?;
    match engine_failed {
        // Whatever a gate makes of it.
        Some(why) if !interrupted => Err(Failure::environment(why)),
        _ => Ok(finished),
    }
}

/// What an exercise came to, judged by its gates.
struct Judged {
    report: Report,
    interrupted: bool,
    /// Why leakcheck's own engine failed, where it did.
    engine_failed: Option<String>,
}

async fn exercise_and_judge(
    args: &ExerciseArgs,
    command: CommandLine,
    output: PathBuf,
) -> Result<Judged, Failure> {
    let invocation = Invocation::of_this_process();
    let interrupt = signals::token(|| {})?;
    let name = args.name.clone();
    let name = name.unwrap_or_else(|| command.program().to_owned());
    let names = || std::iter::once(name.as_str());
    let containers = Some(args.fleet.containers() as u64);
    let config = args.config(&command, &Seen::default());
    let baseline = args.gating.check(&config, containers, names())?;
    let drawing = Drawing::new(args.output.quiet);
    let consumers = Several::default()
        .and(WatchTable::on(&drawing))
        .and(Messages::above(&drawing));
    consumers.hear(&Event::WatchStarts {
        name: &name,
        config: &config,
    });
    let exercise = args.exercise(command.clone(), output);
    let seen = exercise::exercise(&exercise, &consumers, &interrupt).await;
    consumers.hear(&Event::Over);
    let seen = seen?;
    if seen.recording.cut_short.is_some() && !interrupt.is_cancelled() {
        for line in &seen.last_lines {
            consumers.hear(&Event::Said(&format!("{name}: {line}")));
        }
    }
    let mut report = args.report(&name, &command, &seen, &invocation);
    let judged = args
        .gating
        .judge(&report, baseline.as_ref(), PartialReports::Refused);
    report.gates = judged?;
    Ok(Judged {
        report,
        interrupted: interrupt.is_cancelled(),
        engine_failed: seen.engine_failed,
    })
}

impl ExerciseArgs {
    fn check(&self, command: &CommandLine) -> Result<(), Failure> {
        // One gauge of each process is none of all.
        if command.is_per_container()
            && (self.sources.asks() || self.sources.shown().console.is_some())
        {
            return Err(Failure::usage(
                "--pprof, --console and --metrics are of one process, and with {container} there is one \
                 for each",
            ));
        }
        if self.keep_ended_streams && self.rotate_by != RotateBy::Restart {
            return Err(Failure::usage(format!(
                "--keep-ended-streams is about containers that restart, not about --rotate-by {}",
                self.rotate_by.word()
            )));
        }
        if self.rotation < SHORTEST_EVERY * 4 {
            return Err(Failure::usage(format!(
                "--rotation {}: a process cannot be read often enough within less than {}",
                duration::format(self.rotation),
                duration::format(SHORTEST_EVERY * 4)
            )));
        }
        self.sources.check(true)
    }

    fn all_rotations(&self) -> u32 {
        u32::try_from(self.rotations).unwrap_or(u32::MAX - 2) + WARM_UP_ROTATIONS
    }

    fn timing(&self) -> Timing {
        let every = self.rotation / READINGS_PER_ROTATION;
        Timing {
            every: every.clamp(SHORTEST_EVERY, LONGEST_EVERY),
            // Before the first rotation and after the last one it is read as long as between two.
            lasting: self.rotation * (self.all_rotations() + 1),
            stuck_after: self.rotation * STUCK_ROTATIONS,
            share: None,
        }
    }

    fn restarts(&self, command: &CommandLine) -> bool {
        self.restart || command.is_per_container()
    }

    fn exercise(&self, command: CommandLine, output: PathBuf) -> Exercise {
        Exercise {
            spec: EngineSpec {
                fleet: self.fleet.fleet(),
                started_at_ns: EngineClock::wall().now_ns(),
            },
            running: Running {
                output,
                restart: self.restarts(&command),
                grace: self.grace,
                with_children: self.tree,
            },
            command,
            target: self.sources.target(None, true),
            rotation: Rotation {
                by: self.rotate_by,
                keeps_streams: self.keep_ended_streams,
            },
            interval: self.rotation,
            rotations: self.all_rotations(),
            ready_within: self.ready_within,
            timing: self.timing(),
        }
    }

    fn config(&self, command: &CommandLine, seen: &Seen) -> Config {
        let (timing, workload) = (self.timing(), self.fleet.workload());
        Config {
            engine: Some("synthetic".into()),
            containers: Some(self.fleet.containers() as u64),
            rotation_ms: Some(millis(self.rotation)),
            rotations: Some(self.rotations),
            lines_per_second: Some(workload.lines_per_second),
            silent: Some(workload.silent),
            keep_ended_streams: self.keep_ended_streams,
            faults: workload.faults.iter().map(ToString::to_string).collect(),
            seed: Some(workload.seed),
            watched: Some(Watched {
                every_ms: millis(timing.every),
                for_ms: millis(timing.lasting),
                warm_up_ms: millis(self.warm_up()),
                ..self.sources.shown()
            }),
            exercised: Some(Exercised {
                command: masked(command.words().iter().cloned()),
                per_container: command.is_per_container(),
                restarted: self.restarts(command),
                rotate_by: self.rotate_by.word().into(),
                exactly_once: self.exactly_once,
                ended_by_itself: seen.ends.by_themselves,
                killed: seen.ends.killed,
                left_behind: seen.ends.left_behind,
                workload: Some(Workload {
                    keep_ended_streams: self.keep_ended_streams,
                    ..workload
                }),
            }),
            ..Config::of_real_time()
        }
    }

    fn warm_up(&self) -> Duration {
        self.rotation * WARM_UP_ROTATIONS
    }

    fn report(
        &self,
        name: &str,
        command: &CommandLine,
        seen: &Seen,
        invocation: &Invocation,
    ) -> Report {
        let config = self.config(command, seen);
        let none = Default::default();
        let before = seen.before.as_ref().map_or(&none, |(before, _)| before);
        let told = seen.after.as_ref().map(|(after, _)| Told {
            before,
            after,
            while_it_ran: seen.while_it_ran.as_ref(),
            passed: seen.passed,
            interval: self.rotation,
            rotates_itself: self.rotate_by == RotateBy::None,
        });
        let side = told.map(|told| FollowersSide {
            unread_connections: seen.unread.as_ref().map(|unread| unread.len() as u64),
            unread_bytes: seen.unread.as_ref().map(|unread| unread.iter().sum()),
            unread_at_rotations: unread_at_rotations(&seen.unread_at_rotations),
            ..followers_side(told)
        });
        let own = side.as_ref().and_then(|side| side.own_rotations);
        let own = own.map(|own| Duration::from_secs_f64(own.interval_ms / 1000.0));
        // What rotates too seldom for a trend is read as often as the engine would rotate it.
        let timing = self.timing();
        let is_readable = |own: &Duration| {
            *own * FEWEST_OWN_ROTATIONS <= timing.lasting && *own >= timing.every * 3
        };
        let own = own.filter(is_readable);
        let stopped_since = told.as_ref().and_then(Told::stopped_since);
        let rotated_until = stopped_since.and_then(|since| {
            // The last streams that were opened are read for one more rotation.
            Some(seen.after_at?.checked_sub(since)? + own?)
        });
        let watch = Watch {
            name,
            unit: config.watched.as_ref().map_or("tasks", Watched::unit),
            source: self.sources.tasks_source(),
            recording: &seen.recording,
            asked: self.sources.asks(),
            scraped: self.sources.scrapes(),
            containers: config.containers,
            rotation: Some(own.unwrap_or(self.rotation)),
            warm_up: self.warm_up(),
            followers: side.as_ref().map(|side| SeenByEngine {
                side,
                exactly_once: self.exactly_once,
                rotated_until,
            }),
        };
        let mut exercised = watch.report();
        exercised.summary = "a follower that was exercised".into();
        let connections = |known: &Option<(_, synthetic_engine::state::EngineState)>| {
            known.as_ref().map(|(_, state)| state.connections)
        };
        exercised.engine_side.connections_baseline = connections(&seen.before);
        exercised.engine_side.connections_final = connections(&seen.after);
        let faults = seen.after.as_ref().map(|(_, state)| state.faults.clone());
        exercised.engine_side.faults = faults.unwrap_or_default();
        Report {
            schema: SCHEMA.into(),
            tool: this_tool(),
            partial: seen.recording.cut_short.is_some(),
            provenance: Some(invocation.provenance()),
            config,
            wirings: vec![exercised],
            gates: Vec::new(),
        }
    }
}
