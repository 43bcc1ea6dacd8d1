//! `leakcheck run`: the monitor with several wirings side by side, and what each leaks.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Id};
use leakcheck_report::exit_code::{ExitCode, Failure, all_done};
use leakcheck_report::gate::baseline::is_sound;
use leakcheck_report::gate::judge::{self, PartialReports};
use leakcheck_report::model::report::{Report, Verdict, WiringReport};
use leakcheck_report::model::settings::Settings;
use leakcheck_report::render::export::Export;
use leakcheck_report::render::format::Format;
use leakcheck_report::render::section_text::Terminal;

use super::engine_choice::EngineChoice;
use super::gating::Gating;
use super::output;
use super::runtime;
use crate::analysis::samples::MOST_ROTATIONS;
use crate::consumers::{Display, Drawing, Exports, Messages, RunBars};
use crate::events::{Consumer, Event, Several};
use crate::experiment::fd_budget::{FdShortage, MAX_SHARDS};
use crate::experiment::plan::Plan;
use crate::experiment::scenario::Scenario;
use crate::experiment::settings::{TypedFleet, TypedSettings};
use crate::runner;
use crate::runner::RunOutcome;
use crate::swarm::agents::AgentPlan;
use crate::sys::{signals, stderr};

// Its lines are short enough for 80 columns: a wrapped command can be neither read nor copied.
const EXAMPLES: &str = "\
Examples:
  leakcheck run --containers 50 --rotation 5m
      The incident and its fix, 12 rotations on a compressed clock: about 15 s.
  leakcheck run --live --containers 50 --rotation 5m
      The same on the whole terminal, where it can be paused for a closer look.
  leakcheck run --wiring old --wiring line-fix --wiring fixed
      Whether the one-line fix suffices (`leakcheck wirings` explains each).
  leakcheck run --wiring close-wait --silent 0 --consumer-delay 300ms
      A consumer that cannot keep up: does the wiring hang?
  leakcheck run --until verdict --rotations 100
      No more rotations than each verdict needs, and 100 at most.
  leakcheck run --engine docker --containers 50 --rotation 2s --rotations 6
      Real containers, created for the run and removed after it.
  leakcheck run --engine docker --attach app=web --rotation 30s --rotations 4
      Containers that run already; they are followed and otherwise not touched.
  leakcheck run --engine docker --host tcp://a:2375 --host tcp://b:2375
      Containers on two engines: a total, and a row for each.
  leakcheck run --engine swarm --host unix:///var/run/docker.sock --agents
      Containers that a swarm places, followed on their own nodes.
  leakcheck run --format json --export csv=samples.csv > report.json
      One JSON document, and the samples as a table besides.
  leakcheck run --wiring fixed --gate '*.verdict == clean'
      Fails unless the fix is clean (`leakcheck gate --help`: what can be asked).
  leakcheck run --baseline leaks.json --export junit=leaks.xml
      Fails when anything leaks more than it did in a run with --save-baseline.

Exit codes:
  0    measured, and every --gate held; without --gate, whatever leaks
  1    measured, and a gate failed
  2    a flag is wrong; nothing was started
  3    no gate failed, but one has no verdict: the evidence does not suffice
  4    no engine, no image, or too few file descriptors
  130  interrupted; what was measured is still reported, marked partial";

/// What somebody is told who does not want to wait until the run has ended.
const STILL_ENDING: &str =
    "leakcheck: still ending what was started; `leakcheck clean` removes leftovers";

/// Flags of `leakcheck run`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_flag = true)]
pub struct RunArgs {
    #[command(flatten)]
    engine: EngineChoice,

    /// Run leakcheck on each node of the swarm, as a service, to follow the node's containers there; what
    /// the nodes report is added up
    #[arg(long, help_heading = "Containers")]
    agents: bool,

    /// Image of the agents, made by scripts/build-image [default: leakcheck:VERSION]
    #[arg(
        long,
        value_name = "REF",
        requires = "agents",
        help_heading = "Containers"
    )]
    agent_image: Option<String>,

    /// Socket of each node's engine, on the node, which its agent is given
    #[arg(
        long,
        value_name = "PATH",
        requires = "agents",
        default_value = "/var/run/docker.sock",
        help_heading = "Containers"
    )]
    agent_socket: String,

    /// Follow running containers that carry this label (KEY or KEY=VALUE), and touch none of them
    #[arg(
        long,
        value_name = "LABEL",
        conflicts_with_all = TypedFleet::ids().into_iter().chain(["image", "burst"].map(Id::from)),
        help_heading = "Containers"
    )]
    attach: Option<String>,

    /// Take the conditions from a scenario: a name of `leakcheck scenarios`, or a file; flags go
    /// before what it says
    #[arg(long, value_name = "NAME|FILE", help_heading = "Monitor")]
    scenario: Option<String>,

    #[command(flatten)]
    settings: TypedSettings,

    // Another process of leakcheck says it all at once: the run whose agent this is.
    /// All settings, as a report has them
    #[arg(
        long = "settings",
        value_name = "JSON",
        value_parser = Settings::from_json,
        conflicts_with = "scenario",
        hide = true
    )]
    resolved: Option<Settings>,

    /// Processes among which each wiring's containers are shared out, to have more file descriptors or
    /// make use of more cores [default: as few as may open the streams]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SHARDS)), help_heading = "Monitor")]
    shards: Option<u32>,

    /// Serve each worker to tokio-console, on ports from 6669 on
    #[arg(long, help_heading = "Output")]
    console: bool,

    /// Form of the report on standard output
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    format: Format,

    /// Also write the report to a file, rewritten after each rotation; repeatable
    #[arg(
        long = "export",
        value_name = "FORMAT=PATH",
        value_parser = Export::<Format>::parse,
        help_heading = "Output"
    )]
    exports: Vec<Export<Format>>,

    /// Also save the report as a baseline for later runs (--baseline), where every wiring is clean or
    /// leaking and every gate held
    #[arg(
        long,
        value_name = "FILE",
        value_hint = clap::ValueHint::FilePath,
        help_heading = "Output"
    )]
    save_baseline: Option<PathBuf>,

    #[command(flatten)]
    gating: Gating,

    /// Start even though file descriptors are predicted to run out
    #[arg(long, help_heading = "Monitor")]
    force: bool,

    /// Show how it goes on the whole terminal: counts, a chart, spawn sites; pause it with p, ? for help
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    live: bool,

    /// Show no progress
    #[arg(long, short, help_heading = "Output")]
    quiet: bool,

    // Declared here for its heading: by itself it would stand alone above all others.
    /// Print help (-h: in short)
    #[arg(long, short, action = clap::ArgAction::Help, help_heading = "Output")]
    help: Option<bool>,
}

/// Runs the wirings and prints the report.
///
/// # Errors
/// Fails before anything is started where a flag is wrong, an export cannot be written or file
/// descriptors will not suffice; later where the engine or its containers cannot be had.
pub fn execute(args: RunArgs) -> Result<ExitCode, Failure> {
    let display = Arc::new(args.display()?);
    let fd_limit = runtime::fd_limit()?;
    let plan = args.plan(fd_limit)?;
    let wirings = plan.wirings.iter().map(|wiring| wiring.name.as_str());
    // Containers that are found are as many as there are.
    let containers = (!plan.attaches()).then_some(plan.settings.containers as u64);
    let baseline = args.gating.check(&plan.config(), containers, wirings)?;
    let warnings = plan.check_fds(fd_limit, args.fd_shortage())?;
    let new_baseline = args.save_baseline.clone();
    let new_baseline =
        new_baseline.map(|path| Export::by_flag("--save-baseline", path, Format::Json));
    output::check_exports(args.exports.iter().chain(&new_baseline))?;
    for warning in warnings {
        display.hear(&Event::Said(&format!("warning: {warning}")));
    }
    let runtime = runtime::start()?;
    runtime::raise_fd_limit();
    let consumers = Several::default()
        .and(Arc::clone(&display))
        .and(Exports::new(&args.exports, Arc::clone(&display)))
        .and(args.gating.consumers());
    let (outcome, interrupted) = runtime.block_on(async {
        let ending = Arc::clone(&display);
        let interrupt = signals::token(move || ending.say_at_once(STILL_ENDING))?;
        let _entered = display.enter()?;
        let outcome = runner::run(plan, &consumers, &interrupt, &display.hold()).await?;
        Ok::<_, Failure>((outcome, interrupt.is_cancelled()))
    })?;
    consumers.hear(&Event::Over);
    let RunOutcome {
        mut report,
        released,
    } = outcome;
    let judged = args
        .gating
        .judge(&report, baseline.as_ref(), PartialReports::Refused);
    report.gates = judged?;
    match (
        released,
        finish(
            &args,
            &consumers,
            &report,
            new_baseline.as_ref(),
            interrupted,
        ),
    ) {
        (Ok(()), finished) => finished,
        (Err(left), Ok(_)) => Err(left),
        (Err(left), Err(failure)) => Err(left.and(&failure)),
    }
}

/// Prints and exports the final report, and says what the run came to.
fn finish(
    args: &RunArgs,
    consumers: &dyn Consumer,
    report: &Report,
    new_baseline: Option<&Export<Format>>,
    interrupted: bool,
) -> Result<ExitCode, Failure> {
    let render = |format: Format, terminal| format.render(report, terminal);
    let published = output::publish(render, args.format, &args.exports);
    let saved = new_baseline.map_or(Ok(()), |baseline| save(baseline, report));
    consumers.hear(&Event::Judged(&report.gates));
    consumers.hear(&Event::Reported(report));
    all_done([published, saved.map_err(Failure::from)])?;
    if interrupted {
        return Ok(ExitCode::Interrupted);
    }
    let unmeasured = |wiring: &&WiringReport| {
        let baseline = wiring.samples.first();
        let without_baseline = baseline.is_none_or(|sample| sample.behind > Some(0));
        // A monitor that keeps containers out by itself has been measured: it hangs.
        let inconclusive = wiring.verdict == Verdict::Inconclusive;
        // What was forced to run out is for the gates to judge, where there are any.
        let ran_out = wiring.fds_exhausted_at_rotation.is_some() && args.gating.is_empty();
        wiring.cut_short.is_some() || (inconclusive && without_baseline) || ran_out
    };
    match report.wirings.iter().find(unmeasured) {
        Some(wiring) => Err(Failure::environment(format!(
            "the wiring {} could not be measured to the end: {}",
            wiring.name, wiring.reason
        ))),
        None => Ok(judge::exit_code(&report.gates)),
    }
}

/// Saves a baseline; a report that others cannot be held to is none.
fn save(baseline: &Export<Format>, report: &Report) -> anyhow::Result<()> {
    let unsound = report.wirings.iter().find(|wiring| !is_sound(wiring));
    let why_not = match (unsound, report.gates.iter().find(|gate| !gate.held)) {
        _ if report.partial => "the report is partial".to_owned(),
        (Some(wiring), _) => format!("{} is {}", wiring.name, wiring.verdict.word()),
        (None, Some(gate)) => format!("the gate {} did not hold", gate.expr),
        (None, None) => return baseline.write(|format| format.render(report, Terminal::PLAIN)),
    };
    stderr::say(format_args!(
        "leakcheck: warning: no baseline was saved: {why_not}"
    ));
    Ok(())
}

impl RunArgs {
    /// Progress bars with messages above them, or the whole terminal.
    fn display(&self) -> Result<Display, Failure> {
        Display::new(self.live, "no rotation begins", || {
            let drawing = Drawing::new(self.quiet);
            Several::default()
                .and(RunBars::on(&drawing))
                .and(Messages::above(&drawing))
        })
    }

    fn fd_shortage(&self) -> FdShortage {
        match self.force {
            true => FdShortage::Accepted,
            false => FdShortage::Forcible,
        }
    }

    /// The plan, where a process may open so many files.
    fn plan(&self, fd_limit: u64) -> Result<Plan, Failure> {
        let scenario = match &self.scenario {
            Some(name) => Some(Scenario::find(name)?),
            None => None,
        };
        let of_scenario = scenario.as_ref().map(|scenario| scenario.run.clone());
        if self.console {
            check_console()?;
        }
        let engine = (self.engine).with(self.attach.as_deref(), self.agent_plan())?;
        let plan = match &self.resolved {
            Some(settings) => Plan::new(settings.clone(), engine)?,
            None => {
                let typed = self.settings.clone();
                typed.or(of_scenario.unwrap_or_default()).plan(engine)?
            }
        };
        let mut plan = Plan {
            scenario: scenario.map(|scenario| scenario.name),
            console: self.console,
            ..plan
        };
        if self.console && !plan.settings.clock.has_sockets() {
            return Err(Failure::usage(
                "--console needs time that passes by itself: use --clock real or compressed",
            ));
        }
        if self.agents && plan.settings.rotations > MOST_ROTATIONS {
            return Err(Failure::usage(format!(
                "--rotations {} is more than what --agents take, {MOST_ROTATIONS}: of a longer run an agent \
                 keeps a part of its samples only, which cannot be added up",
                plan.settings.rotations
            )));
        }
        plan.shards = match (self.shards, plan.processes()) {
            (Some(_), Some(why)) => return Err(Failure::usage(format!("--shards: {why}"))),
            (Some(shards), None) => shards as usize,
            (None, _) => plan.fewest_shards(fd_limit),
        };
        self.check_shards(&plan)?;
        Ok(plan)
    }

    fn agent_plan(&self) -> Option<AgentPlan> {
        let image = || format!("leakcheck:{}", env!("CARGO_PKG_VERSION"));
        self.agents.then(|| AgentPlan {
            image: self.agent_image.clone().unwrap_or_else(image),
            socket: self.agent_socket.clone(),
        })
    }

    /// Refuses shards that the containers, a wiring or another flag make impossible.
    fn check_shards(&self, plan: &Plan) -> Result<(), Failure> {
        let (shards, containers) = (plan.shards, plan.settings.containers);
        let by_themselves = plan.processes();
        if shards == 1 && by_themselves.is_none() {
            return Ok(());
        }
        // How many containers there are to attach to is not known before they are found.
        if shards > containers && !plan.attaches() {
            let flag = match by_themselves {
                Some(_) => format!("--host, given {shards} times,"),
                None => format!("--shards {shards}"),
            };
            return Err(Failure::usage(format!(
                "{flag} is more than --containers {containers}: use as many or fewer"
            )));
        }
        match (plan.undivided(), by_themselves) {
            (Some(why), None) => Err(Failure::usage(format!(
                "--shards: {why}: leave one of them out"
            ))),
            (Some(undivided), Some(why)) => Err(Failure::usage(format!("{undivided}, and {why}"))),
            (None, _) => Ok(()),
        }
    }
}

/// Refuses `--console` where this build would show tokio-console nothing.
fn check_console() -> Result<(), Failure> {
    let missing = if !cfg!(feature = "console") {
        "this build lacks the feature `console`: rebuild without --no-default-features"
    } else if !cfg!(tokio_unstable) {
        "this build traces no tasks: rebuild with RUSTFLAGS=\"--cfg tokio_unstable\""
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!("--console: {missing}")))
}
