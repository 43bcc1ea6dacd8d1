//! `leakcheck report`: a saved report as a page to look at.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::model::audit::{AUDIT_SCHEMA, Audit};
use leakcheck_report::model::report::{Report, SCHEMA};
use leakcheck_report::model::saved::Saved;
use leakcheck_report::render::export::Export;
use leakcheck_report::render::format::Format;
use leakcheck_report::render::section_text::Terminal;

use super::output;
use crate::audit;
use crate::sys::stderr;

const EXAMPLES: &str = "\
Examples:
  leakcheck report report.json
      Writes report.html beside it: one file that opens from disk, with charts.
  leakcheck report audit.json -o audit.html
      An audit: each claim with what was measured.
  leakcheck run --format json | leakcheck report - -o leak.html
      From standard input, without a file between.
  leakcheck report report.json --format svg -o leak.svg
      The main chart alone.

`leakcheck run --export html=report.html` writes the page at once.

Exit codes:
  0  written
  2  a flag or the report is wrong
  4  the file cannot be written";

/// Flags of `leakcheck report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// JSON document of `leakcheck run`, `watch`, `exercise` or `audit`; - reads standard input
    #[arg(value_name = "REPORT", value_hint = clap::ValueHint::FilePath)]
    report: PathBuf,

    /// File to write; - writes standard output [default: REPORT with the format's ending, or standard
    /// output where REPORT is -]
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// What to write
    #[arg(long, value_enum, default_value_t = Picture::Html)]
    format: Picture,
}

/// What a report is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Picture {
    /// One HTML page with charts and tables
    Html,
    /// The main chart alone
    Svg,
}

impl Picture {
    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::Svg => "svg",
        }
    }

    fn format(self) -> Format {
        match self {
            Self::Html => Format::Html,
            Self::Svg => Format::Svg,
        }
    }
}

/// Reads the report and writes the page.
///
/// # Errors
/// A usage failure for a document that cannot be read; later where the file cannot be written.
pub fn execute(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let document = Saved::open(&args.report).map_err(Failure::usage)?;
    let text = args.render(&document)?;
    let Some(path) = args.target() else {
        output::print(text.trim_end())?;
        return Ok(ExitCode::Measured);
    };
    if same_file(&path, &args.report) {
        return Err(Failure::usage(format!(
            "{} is the report itself: name another file with --output",
            path.display()
        )));
    }
    let export = Export::by_flag("--output", path.clone(), args.format);
    output::check_exports([&export])?;
    export.write(|_| Ok(text))?;
    stderr::say(format_args!("leakcheck: wrote {}", path.display()));
    Ok(ExitCode::Measured)
}

fn same_file(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.canonicalize(), other.canonicalize());
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

impl ReportArgs {
    fn render(&self, document: &Saved) -> Result<String, Failure> {
        if !document.claims_schema(AUDIT_SCHEMA) {
            let report: Report = document.parse(SCHEMA).map_err(Failure::usage)?;
            return Ok(self.format.format().render(&report, Terminal::PLAIN)?);
        }
        if self.format == Picture::Svg {
            return Err(Failure::usage(
                "--format svg: an audit has a chart for each claim; leave it out for a page of them all",
            ));
        }
        let audit: Audit = document.parse(AUDIT_SCHEMA).map_err(Failure::usage)?;
        Ok(audit::AuditFormat::Html.render(&audit, Terminal::PLAIN)?)
    }

    /// The file to write; `None` for standard output.
    fn target(&self) -> Option<PathBuf> {
        let standard = Path::new("-");
        let target = match &self.output {
            Some(path) => path.clone(),
            None if self.report == standard => return None,
            None => self.report.with_extension(self.format.ending()),
        };
        (target != standard).then_some(target)
    }
}
