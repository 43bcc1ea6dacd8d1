//! `leakcheck merge`: reports of several hosts as one.

use std::path::{Path, PathBuf};

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::model::saved;
use leakcheck_report::render::export::Export;
use leakcheck_report::render::format::Format;

use super::output;
use crate::merge::Merge;

const EXAMPLES: &str = "\
Examples:
  leakcheck merge node-1.json node-2.json
      What two hosts measured under the same conditions, as one report.
  leakcheck merge reports/*.json --format json > all.json
      One document, for `leakcheck gate all.json`, or for a further merge.
  leakcheck merge reports/*.json --export html=all.html
      A page of them all.

Counts are added up, rates are worked out again from their sums, and the verdict
is the worst of them, with the hosts that it was found on. A host is called by
its report's path.

Exit codes:
  0  merged
  2  a report is wrong, or of another configuration than the first
  4  a file cannot be written";

/// Flags of `leakcheck merge`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MergeArgs {
    /// JSON documents of `leakcheck run`, or of `leakcheck merge` itself; - reads standard input
    #[arg(value_name = "REPORT", required = true, value_hint = clap::ValueHint::FilePath)]
    reports: Vec<PathBuf>,

    /// Form of the report on standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Also write the report to a file; repeatable
    #[arg(
        long = "export",
        value_name = "FORMAT=PATH",
        value_parser = Export::<Format>::parse,
    )]
    exports: Vec<Export<Format>>,
}

/// Reads the reports one after the other and prints their sum.
///
/// # Errors
/// A usage failure for a report that cannot be read or merged; later where a file cannot be written.
pub fn execute(args: &MergeArgs) -> Result<ExitCode, Failure> {
    output::check_exports(&args.exports)?;
    let mut merge: Option<Merge> = None;
    for path in &args.reports {
        let report = saved::read(path).map_err(Failure::usage)?;
        let host = host(path);
        match &mut merge {
            None => merge = Some(Merge::of(&host, report).map_err(Failure::usage)?),
            Some(merge) => merge.add(&host, report).map_err(Failure::usage)?,
        }
    }
    let Some(merge) = merge else {
        return Err(Failure::usage("no report is named"));
    };
    let report = merge.finish();
    let render = |format: Format, terminal| format.render(&report, terminal);
    output::publish(render, args.format, &args.exports)?;
    Ok(ExitCode::Measured)
}

/// What the host of a report is called.
fn host(report: &Path) -> String {
    match report == Path::new("-") {
        true => "standard input".into(),
        false => report.display().to_string(),
    }
}
