//! `leakcheck audit`: claims put to the test.

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure, all_done};
use leakcheck_report::gate::expression::Gate;
use leakcheck_report::gate::judge::{self, PartialReports};
use leakcheck_report::model::audit::{Audit, Claim};
use leakcheck_report::model::report::GateResult;
use leakcheck_report::model::settings::{Clock, limits};
use leakcheck_report::render::export::Export;

use super::engine_choice::EngineChoice;
use super::output;
use super::runtime;
use crate::audit::{self, AuditFormat, Trial};
use crate::consumers::{AuditBar, Drawing, Exports, FailedGates, Messages};
use crate::events::{Consumer, Event, Several};
use crate::experiment::fd_budget::FdShortage;
use crate::experiment::plan::Engine;
use crate::experiment::scenario::Scenario;
use crate::experiment::scenario_library;
use crate::experiment::settings::{TypedFleet, TypedSettings, number};
use crate::sys::signals;
use crate::sys::stderr;

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
  0    measured, whatever became of the claims, and every --gate held
  1    a gate failed
  2    a flag or a file is wrong; nothing was started
  3    a claim is inconclusive, or a gate has no verdict
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

    /// Containers, in place of what the scenarios say; no fewer than a claim needs to mean anything
    #[arg(long, value_name = "N", value_parser = number(limits::CONTAINERS), help_heading = "Containers")]
    containers: Option<usize>,

    /// Rotations, in place of what the scenarios say
    #[arg(long, value_name = "R", value_parser = number(limits::ROTATIONS))]
    rotations: Option<u64>,

    /// Condition on the figures of every scenario that runs its wiring, as in
    /// 'fixed.verdict == clean'; decides the exit code; repeatable
    #[arg(long = "gate", value_name = "EXPR", value_parser = Gate::parse)]
    gates: Vec<Gate>,

    /// Form of the audit on standard output
    #[arg(long, value_enum, default_value_t = AuditFormat::Table)]
    format: AuditFormat,

    /// Also write the audit to a file, rewritten after each claim; repeatable
    #[arg(long = "export", value_name = "FORMAT=PATH", value_parser = Export::<AuditFormat>::parse)]
    exports: Vec<Export<AuditFormat>>,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// Runs the scenarios and judges their claims.
///
/// # Errors
/// A usage failure for a scenario that is none or claims nothing; else where a run fails.
pub fn execute(args: &AuditArgs) -> Result<ExitCode, Failure> {
    let engine = args.engine.with(None, None)?;
    let scenarios = args.scenarios(&engine)?;
    let trials = args.trials(&scenarios, &engine)?;
    args.check_gates(&trials)?;
    let fd_limit = runtime::fd_limit()?;
    for trial in &trials {
        let checked = trial.plan.check_fds(fd_limit, FdShortage::Refused);
        checked.map_err(|failure| failure.about(&trial.scenario.name))?;
    }
    output::check_exports(&args.exports)?;
    let runtime = runtime::start()?;
    let drawing = Drawing::new(args.quiet);
    let consumers = Several::default()
        .and(AuditBar::on(&drawing, trials.len()))
        .and(Messages::above(&drawing))
        .and(Exports::new(&args.exports, Messages::above(&drawing)))
        .and(FailedGates);
    let (audit, interrupted) = runtime.block_on(async {
        let interrupt = signals::token(|| stderr::say("leakcheck: still ending what was started"))?;
        let audit = audit::try_all(&trials, &consumers, &interrupt).await;
        consumers.hear(&Event::Over);
        Ok::<_, Failure>((audit, interrupt.is_cancelled()))
    })?;
    let (audit, ended) = audit;
    let render = |format: AuditFormat, terminal| format.render(&audit, terminal);
    let published = output::publish(render, args.format, &args.exports);
    let gates = args.judge(&audit)?;
    consumers.hear(&Event::Judged(&gates));
    all_done([published, ended])?;
    let inconclusive = audit.claims.iter().any(Claim::is_inconclusive);
    Ok(match (interrupted, judge::exit_code(&gates)) {
        (true, _) => ExitCode::Interrupted,
        _ if audit.claims.iter().any(Claim::is_cut_short) => ExitCode::Environment,
        (false, ExitCode::Measured) if inconclusive => ExitCode::NoVerdict,
        (false, code) => code,
    })
}

impl AuditArgs {
    /// The scenarios as named, or all that the engine can run.
    fn scenarios(&self, engine: &Engine) -> Result<Vec<Scenario>, Failure> {
        if self.scenarios.is_empty() {
            let all = scenario_library::all()?;
            // Real containers run on until the end.
            let (able, left_out): (Vec<_>, Vec<_>) = all
                .into_iter()
                .partition(|one| *engine == Engine::Synthetic || one.run.restart.is_none());
            if !left_out.is_empty() {
                let names: Vec<&str> = left_out.iter().map(|one| one.name.as_str()).collect();
                stderr::say(format_args!(
                    "leakcheck: without those whose containers start again, for which --engine \
                     synthetic is needed: {}",
                    names.join(", ")
                ));
            }
            return Ok(able);
        }
        self.scenarios
            .iter()
            .map(|name| Scenario::find(name))
            .collect()
    }

    /// A gate that none of the scenarios could meet is misspelt.
    fn check_gates(&self, trials: &[Trial<'_>]) -> Result<(), Failure> {
        let wirings = || trials.iter().flat_map(|trial| &trial.plan.wirings);
        for gate in &self.gates {
            gate.check_wirings(wirings().map(|wiring| wiring.name.as_str()))
                .map_err(Failure::usage)?;
        }
        Ok(())
    }

    /// Judges each scenario's report by the gates on wirings that it runs.
    fn judge(&self, audit: &Audit) -> Result<Vec<GateResult>, Failure> {
        let mut results = Vec::new();
        for report in audit.claims.iter().map(|claim| &claim.report) {
            let names = || report.wirings.iter().map(|wiring| wiring.name.as_str());
            let about_it = |gate: &&Gate| gate.check_wirings(names()).is_ok();
            for gate in self.gates.iter().filter(about_it) {
                let judged = gate.judge(report, PartialReports::Refused);
                let mut result = judged.map_err(Failure::usage)?;
                let scenario = report.config.scenario.as_deref().unwrap_or_default();
                result.reason = format!("in {scenario}: {}", result.reason);
                results.push(result);
            }
        }
        Ok(results)
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
            let containers = self
                .containers
                .map(|containers| containers.max(scenario.least_containers));
            let instead = TypedSettings {
                fleet: TypedFleet {
                    containers,
                    ..TypedFleet::default()
                },
                rotations: self.rotations,
                ..TypedSettings::default()
            };
            // Whatever serves the containers, a rotation of five minutes is not waited for.
            let compressed = TypedSettings {
                clock: Some(Clock::Compressed),
                ..TypedSettings::default()
            };
            let settings = instead.or(scenario.run.clone()).or(compressed);
            let planned = settings.plan(engine.clone());
            let mut plan = planned.map_err(|failure| failure.about(name))?;
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
