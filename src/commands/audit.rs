//! `leakcheck audit`: claims put to the test.

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::output;
use super::run_display::RunDisplay;
use super::runtime;
use crate::audit::{AUDIT_SCHEMA, Audit, Claim, summary};
use crate::conditions::{self, Conditions};
use crate::exit_code::{ExitCode, Failure};
use crate::plan::Engine;
use crate::progress::ProgressDisplay;
use crate::report::{markdown, table};
use crate::scenario::{self, Scenario};
use crate::{interrupt, runner};

const EXAMPLES: &str = "\
Examples:
  leakcheck audit
      Every claim of the library, one after the other: about 2 minutes.
  leakcheck audit line-fix frozen-success
      Two of them.
  leakcheck audit ./mine.toml --format json > audit.json
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

    /// Containers, in place of what the scenarios say
    #[arg(long, value_name = "N", value_parser = conditions::containers)]
    containers: Option<u32>,

    /// Rotations, in place of what the scenarios say
    #[arg(long, value_name = "R", value_parser = conditions::rotations)]
    rotations: Option<u64>,

    /// How to print the audit
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

/// How an audit is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table of claims, and a paragraph on each
    Table,
    /// One JSON document (`leakcheck.audit/v1`), with the whole report of each scenario
    Json,
    /// The table and the paragraphs as GitHub-flavoured markdown
    Markdown,
}

/// Runs the scenarios and judges their claims.
///
/// # Errors
/// A usage failure for a scenario that is none or claims nothing; else where a run fails.
pub fn execute(args: &AuditArgs) -> Result<ExitCode, Failure> {
    let scenarios = args.scenarios()?;
    let runtime = runtime::start()?;
    let (audit, interrupted) = runtime.block_on(async {
        let interrupt = interrupt::token(|| eprintln!("leakcheck: still ending what was started"))?;
        let audit = args.run(&scenarios, &interrupt).await?;
        Ok::<_, Failure>((audit, interrupt.is_cancelled()))
    })?;
    let text = match args.format {
        Format::Table => table::render_sections(&summary(&audit), output::terminal()),
        Format::Json => serde_json::to_string_pretty(&audit).map_err(anyhow::Error::from)?,
        Format::Markdown => markdown::render_sections(&summary(&audit)),
    };
    output::print(text.trim_end())?;
    let inconclusive = audit.claims.iter().any(Claim::is_inconclusive);
    Ok(match (interrupted, inconclusive) {
        (true, _) => ExitCode::Interrupted,
        (false, true) => ExitCode::NoVerdict,
        (false, false) => ExitCode::Measured,
    })
}

impl AuditArgs {
    /// The scenarios that claim something, as named, or all.
    fn scenarios(&self) -> Result<Vec<Scenario>, Failure> {
        if self.scenarios.is_empty() {
            return scenario::all();
        }
        self.scenarios
            .iter()
            .map(|name| Scenario::find(name))
            .collect()
    }

    /// Runs one scenario after the other: side by side they would disturb each other.
    async fn run(
        &self,
        scenarios: &[Scenario],
        interrupt: &CancellationToken,
    ) -> Result<Audit, Failure> {
        let plans = scenarios.iter().map(|scenario| {
            let judgement = scenario.judgement.as_ref().ok_or_else(|| {
                Failure::usage(format!("the scenario {} has no [judgement]", scenario.name))
            })?;
            let instead = Conditions {
                containers: self.containers,
                rotations: self.rotations,
                ..Conditions::default()
            };
            let mut plan = instead.or(scenario.run.clone()).plan(Engine::Synthetic)?;
            plan.scenario = Some(scenario.name.clone());
            Ok((scenario, judgement, plan))
        });
        let plans: Vec<_> = plans.collect::<Result<_, Failure>>()?;
        let mut claims = Vec::new();
        for (number, (scenario, judgement, plan)) in (1..).zip(plans) {
            let display = ProgressDisplay::new(self.quiet);
            display.note(&format!(
                "{number} of {}: {}",
                scenarios.len(),
                scenario.name
            ));
            let containers = plan.containers as u64;
            let display = RunDisplay {
                display,
                exports: &[],
                containers,
            };
            let outcome = runner::run(plan, &display, interrupt).await;
            display.display.clear();
            if interrupt.is_cancelled() {
                break;
            }
            let outcome = outcome?;
            claims.push(Claim::weigh(scenario, judgement, outcome.report));
            outcome.released?;
        }
        Ok(Audit {
            schema: AUDIT_SCHEMA.into(),
            claims,
        })
    }
}
