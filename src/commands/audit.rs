//! `leakcheck audit`: claims put to the test.

use clap::Args;

use super::audit_display::AuditDisplay;
use super::engine_choice::EngineChoice;
use super::output;
use super::runtime;
use crate::audit::{self, Claim, Trial};
use crate::conditions::{self, ClockKind, Conditions};
use crate::exit_code::{ExitCode, Failure};
use crate::interrupt;
use crate::plan::Engine;
use crate::report::export::Export;
use crate::report::format::Format;
use crate::report::table::Terminal;
use crate::scenario::{self, Scenario};

const EXAMPLES: &str = "\
Examples:
  leakcheck audit
      Every claim of the library: about a minute.
  leakcheck audit line-fix frozen-success
      Two of them.
  leakcheck audit wrong-parent line-fix --engine docker --containers 10
      On real containers, created for each scenario and removed after it.
  leakcheck audit ./mine.toml --format json --export markdown=audit.md > audit.json
      A claim of your own; `leakcheck scenarios show wrong-parent` is an example.

Exit codes:
  0    measured, whatever became of the claims
  2    a flag or a file is wrong; nothing was started
  3    a claim is inconclusive
  4    a scenario could not be run
  130  interrupted; the claims tried until then are printed";

/// Flags of `leakcheck audit`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AuditArgs {
    /// Scenarios to run: names of `leakcheck scenarios`, or files [default: the whole library]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,

    #[command(flatten)]
    engine: EngineChoice,

    /// Containers, in place of what the scenarios say
    #[arg(long, value_name = "N", value_parser = conditions::containers, help_heading = "Containers")]
    containers: Option<u32>,

    /// Rotations, in place of what the scenarios say
    #[arg(long, value_name = "R", value_parser = conditions::rotations)]
    rotations: Option<u64>,

    /// Form of the audit on standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Also write the audit to a file, rewritten after each claim; repeatable
    #[arg(long = "export", value_name = "FORMAT=PATH", value_parser = Export::parse)]
    exports: Vec<Export>,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the scenarios and judges their claims.
///
/// # Errors
/// A usage failure for a scenario that is none or claims nothing; else where a run fails.
pub fn execute(args: &AuditArgs) -> Result<ExitCode, Failure> {
    let engine = args.engine.with(None)?;
    let scenarios = args.scenarios(&engine)?;
    let trials = args.trials(&scenarios, &engine)?;
    let fd_limit = runtime::fd_limit()?;
    for trial in &trials {
        trial.plan.check_fds(fd_limit, false)?;
    }
    for export in &args.exports {
        export
            .open()
            .map_err(|error| Failure::usage(format!("{error:#}")))?;
    }
    let runtime = runtime::start()?;
    let display = AuditDisplay::new(trials.len(), args.quiet, &args.exports);
    let (audit, interrupted) = runtime.block_on(async {
        let interrupt = interrupt::token(|| eprintln!("leakcheck: still ending what was started"))?;
        let audit = audit::try_all(&trials, &display, &interrupt).await;
        display.clear();
        Ok::<_, Failure>((audit?, interrupt.is_cancelled()))
    })?;
    let text = audit::render(&audit, args.format, output::terminal())?;
    output::print(text.trim_end())?;
    for export in &args.exports {
        export.write(|format| audit::render(&audit, format, Terminal::PLAIN))?;
    }
    let inconclusive = audit.claims.iter().any(Claim::is_inconclusive);
    Ok(match (interrupted, inconclusive) {
        (true, _) => ExitCode::Interrupted,
        (false, true) => ExitCode::NoVerdict,
        (false, false) => ExitCode::Measured,
    })
}

impl AuditArgs {
    /// The scenarios as named, or all that the engine can run.
    fn scenarios(&self, engine: &Engine) -> Result<Vec<Scenario>, Failure> {
        if self.scenarios.is_empty() {
            let mut all = scenario::all()?;
            // Real containers run on until the end.
            all.retain(|one| *engine == Engine::Synthetic || one.run.restart.is_none());
            return Ok(all);
        }
        self.scenarios
            .iter()
            .map(|name| Scenario::find(name))
            .collect()
    }

    fn trials<'a>(
        &self,
        scenarios: &'a [Scenario],
        engine: &Engine,
    ) -> Result<Vec<Trial<'a>>, Failure> {
        let trial = |scenario: &'a Scenario| {
            let name = &scenario.name;
            let judgement = scenario
                .judgement
                .as_ref()
                .ok_or_else(|| Failure::usage(format!("the scenario {name} has no [judgement]")))?;
            let instead = Conditions {
                containers: self.containers,
                rotations: self.rotations,
                ..Conditions::default()
            };
            // Whatever serves the containers, a rotation of five minutes is not waited for.
            let compressed = Conditions {
                clock: Some(ClockKind::Compressed),
                ..Conditions::default()
            };
            let conditions = instead.or(scenario.run.clone()).or(compressed);
            let mut plan = conditions.plan(engine.clone())?;
            plan.scenario = Some(name.clone());
            Ok(Trial {
                scenario,
                judgement,
                plan,
            })
        };
        scenarios.iter().map(trial).collect()
    }
}
