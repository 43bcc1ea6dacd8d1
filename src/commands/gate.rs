//! `leakcheck gate`: a saved report, judged by gates.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure, all_done};
use leakcheck_report::gate::judge::{self, PartialReports};
use leakcheck_report::model::report::GateResult;
use leakcheck_report::model::saved;
use leakcheck_report::render::export::Export;
use leakcheck_report::render::format::Format;
use leakcheck_report::render::section_text::Terminal;

use super::gating::Gating;
use super::output;
use crate::events::{Consumer, Event};

const HELP: &str = "\
A gate is WIRING.METRIC OP NUMBER, or WIRING.verdict == VERDICT:
  WIRING   a wiring's name, or * for every wiring
  METRIC   tasks_per_rotation, fds_per_rotation    per rotation of one container
           tasks_per_minute, fds_per_minute        of all, monitor's clock
           tasks_over_baseline, fds_over_baseline  at the end, of all containers
           lines_lost, lines_duplicated, containers_hung, rotations_missed
           rotations_not_reopened, reopen_delay_ms, lines_not_handed_over
                                                   of an exercise
  OP       <= < >= > == !=                         exact; for a verdict == or !=
  VERDICT  clean, leaking, hung, starved, inconclusive

A figure that is not known holds nothing, and a monitor that is hung or starved
fails every gate on leaks: what stands still leaks nothing.

Examples:
  leakcheck gate report.json --gate 'fixed.tasks_per_rotation <= 0'
      Fails when the fix leaks tasks.
  leakcheck gate - --gate '*.verdict == clean' < report.json
      Fails unless every wiring of the report on standard input is clean.
  leakcheck gate report.json --baseline leaks.json --junit leaks.xml
      Fails when a rate has grown or a new spawn site leaks since the baseline.

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

    #[command(flatten)]
    gating: Gating,

    /// Write what the gates came to as JUnit XML
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::FilePath)]
    junit: Option<PathBuf>,

    /// Also write the report with its gates to a file; repeatable
    #[arg(long = "export", value_name = "FORMAT=PATH", value_parser = Export::<Format>::parse)]
    exports: Vec<Export<Format>>,

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
    if args.gating.is_empty() {
        return Err(Failure::usage(
            "nothing to judge by: give at least one gate, as in --gate '*.verdict == clean', or a \
             --baseline",
        ));
    }
    let mut report = saved::read(&args.report).map_err(Failure::usage)?;
    let wirings = report.wirings.iter().map(|wiring| wiring.name.as_str());
    let containers = report.config.containers;
    let baseline = args.gating.check(&report.config, containers, wirings)?;
    let junit = args
        .junit
        .map(|path| Export::by_flag("--junit", path, Format::Junit));
    let exports: Vec<_> = args.exports.into_iter().chain(junit).collect();
    output::check_exports(&exports)?;
    let partial = match args.allow_partial {
        true => PartialReports::Allowed,
        false => PartialReports::Refused,
    };
    report.gates = args.gating.judge(&report, baseline.as_ref(), partial)?;
    let print = |text: &str| match args.quiet {
        true => Ok(()),
        false => output::print(text),
    };
    let lines: Vec<String> = report.gates.iter().map(GateResult::to_string).collect();
    let printed = print(&lines.join("\n"));
    let exported =
        output::write_exports(&exports, |format| format.render(&report, Terminal::PLAIN));
    let told = Mutex::new(Ok(()));
    let github = args.gating.github(|annotations| {
        *told.lock().unwrap_or_else(PoisonError::into_inner) = print(annotations);
    });
    github.hear(&Event::Judged(&report.gates));
    github.hear(&Event::Reported(&report));
    drop(github);
    let told = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    all_done([printed, exported, told])?;
    Ok(judge::exit_code(&report.gates))
}

#[cfg(test)]
mod tests {
    use super::*;
    use leakcheck_report::model::metric::Metric;
    use leakcheck_report::model::report::Verdict;

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
