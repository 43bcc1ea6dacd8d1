//! `leakcheck gate`: a saved report, judged by gates.

use std::path::PathBuf;

use clap::Args;

use crate::commands;
use crate::exit_code::{ExitCode, Failure};
use crate::gate::expression::Gate;
use crate::gate::judge::{self, PartialReports};
use crate::report::model::GateResult;
use crate::report::saved;

const HELP: &str = "\
A gate is WIRING.METRIC OP NUMBER, or WIRING.verdict == VERDICT:
  WIRING   a wiring's name, or * for every wiring
  METRIC   tasks_per_rotation, fds_per_rotation    per rotation of one container
           tasks_per_minute, fds_per_minute        of all, monitor's clock
           tasks_over_baseline, fds_over_baseline  at the end, of all containers
           lines_lost, lines_duplicated, containers_hung, rotations_missed
  OP       <= < >= > == !=                         exact; for a verdict == or !=
  VERDICT  clean, leaking, hung, starved, inconclusive

A figure that is not known holds nothing, and a monitor that is hung or starved
fails every gate on leaks: what stands still leaks nothing.

Examples:
  leakcheck gate report.json --gate 'fixed.tasks_per_rotation <= 0'
      Fails when the fix leaks tasks.
  leakcheck gate - --gate '*.verdict == clean' < report.json
      Fails unless every wiring of the report on standard input is clean.

Exit codes:
  0  every gate held
  1  a gate failed
  2  a flag, an expression or the report is wrong
  3  no gate failed, but one has no verdict: the evidence does not suffice";

/// Flags of `leakcheck gate`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct GateArgs {
    /// Report of `leakcheck run --format json`; - reads standard input
    #[arg(value_name = "REPORT", value_hint = clap::ValueHint::FilePath)]
    report: PathBuf,

    /// Condition that the report must meet, as in 'fixed.tasks_per_rotation <= 0'; repeatable
    #[arg(long = "gate", value_name = "EXPR", value_parser = Gate::parse)]
    gates: Vec<Gate>,

    /// Judge a report on a run that was cut short by what it measured until then
    #[arg(long)]
    allow_partial: bool,

    /// Print nothing; the exit code tells
    #[arg(long, short)]
    quiet: bool,
}

/// Judges the report and prints a line for each gate.
///
/// # Errors
/// A usage error without a gate, for a report that cannot be read, and for a gate on a wiring that
/// the report does not have.
pub fn execute(args: GateArgs) -> Result<ExitCode, Failure> {
    if args.gates.is_empty() {
        return Err(Failure::usage(
            "nothing to judge by: give at least one gate, as in --gate '*.verdict == clean'",
        ));
    }
    let report = saved::read(&args.report).map_err(Failure::usage)?;
    let partial = match args.allow_partial {
        true => PartialReports::Allowed,
        false => PartialReports::Refused,
    };
    let results = judge::judge_all(&args.gates, &report, partial).map_err(Failure::usage)?;
    if !args.quiet {
        let lines: Vec<String> = results.iter().map(GateResult::to_string).collect();
        commands::output::print(&lines.join("\n"))?;
    }
    Ok(judge::exit_code(&results))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::metric::Metric;
    use crate::report::model::Verdict;

    #[test]
    fn no_line_of_the_help_is_wider_than_80_columns() {
        for line in HELP.lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }

    #[test]
    fn the_help_names_every_metric_and_every_verdict() {
        let names = Metric::ALL.map(Metric::name).into_iter();
        for name in names.chain(Verdict::ALL.map(Verdict::word)) {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
