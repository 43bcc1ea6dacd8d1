//! The flags by which a report is judged, and where the judgement is told.

use std::path::PathBuf;

use clap::Args;
use leakcheck_report::exit_code::Failure;
use leakcheck_report::gate::baseline::{self, Conditions};
use leakcheck_report::gate::expression::Gate;
use leakcheck_report::gate::judge::{self, PartialReports};
use leakcheck_report::model::report::{Config, GateResult, Report};
use leakcheck_report::model::saved;

use crate::consumers::{FailedGates, GitHub};
use crate::events::Several;
use crate::sys::stderr;

/// What a report is judged by.
#[derive(Debug, Args)]
pub(super) struct Gating {
    /// Condition on the figures, as in 'fixed.tasks_per_rotation <= 0'; decides the exit code;
    /// repeatable
    #[arg(
        long = "gate",
        value_name = "EXPR",
        value_parser = Gate::parse,
        help_heading = "Judgement"
    )]
    pub(super) gates: Vec<Gate>,

    /// Saved report (`--save-baseline`, or --format json) than which nothing may be worse: no rate,
    /// no count over the baseline, no spawn site that did not leak before
    #[arg(
        long,
        value_name = "FILE",
        value_hint = clap::ValueHint::FilePath,
        help_heading = "Judgement"
    )]
    baseline: Option<PathBuf>,

    /// Compare with a baseline of other conditions, in the wirings that both have
    #[arg(long, requires = "baseline", help_heading = "Judgement")]
    baseline_any: bool,

    /// Tell GitHub Actions by annotations and a job summary [default: where GITHUB_ACTIONS is true]
    #[arg(long, help_heading = "Judgement")]
    github: bool,
}

impl Gating {
    /// Whether there is anything to judge by.
    pub(super) fn is_empty(&self) -> bool {
        self.gates.is_empty() && self.baseline.is_none()
    }

    /// Makes sure that gates and baseline are about these wirings under these conditions, and reads
    /// the baseline. `containers` is `None` where they are found and not asked for.
    ///
    /// # Errors
    /// A usage failure that says what does not fit.
    pub(super) fn check<'a>(
        &self,
        config: &Config,
        containers: Option<u64>,
        wirings: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<Option<Report>, Failure> {
        for gate in &self.gates {
            gate.check_wirings(wirings.clone())
                .map_err(Failure::usage)?;
        }
        let Some(path) = &self.baseline else {
            return Ok(None);
        };
        let unreadable = |error| Failure::usage(format!("--baseline: {error}"));
        let baseline = saved::read(path).map_err(unreadable)?;
        let conditions = match self.baseline_any {
            true => Conditions::Any,
            false => Conditions::Same,
        };
        let checked = baseline::check(&baseline, config, containers, wirings, conditions);
        let not_compared = checked
            .map_err(|error| Failure::usage(format!("--baseline {}: {error}", path.display())))?;
        if !not_compared.is_empty() {
            let names = not_compared.join(", ");
            stderr::say(format_args!(
                "leakcheck: not compared, since only one of the two reports has it: {names}"
            ));
        }
        Ok(Some(baseline))
    }

    /// Judges a report by the gates and by the baseline that [`Gating::check`] has read.
    ///
    /// # Errors
    /// A usage failure for a gate on a wiring that the report does not have.
    pub(super) fn judge(
        &self,
        report: &Report,
        baseline: Option<&Report>,
        partial: PartialReports,
    ) -> Result<Vec<GateResult>, Failure> {
        let judged = judge::judge_all(&self.gates, report, partial);
        let mut results = judged.map_err(Failure::usage)?;
        if let Some(baseline) = baseline {
            results.extend(baseline::compare(report, baseline, partial));
        }
        Ok(results)
    }

    /// Those who tell what became of the gates, on standard error.
    pub(super) fn consumers(&self) -> Several<'static> {
        Several::default()
            .and(FailedGates)
            .and(GitHub::on_stderr(self.github))
    }

    /// Who tells GitHub Actions, where it listens: annotations by `print`, and a job summary.
    pub(super) fn github<'a>(&self, print: impl Fn(&str) + Send + Sync + 'a) -> GitHub<'a> {
        GitHub::new(self.github, print)
    }
}
