//! `leakcheck schema`: the JSON Schema of the documents that other commands print.

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::model::schema::Document;

use super::output;

const EXAMPLES: &str = "\
Examples:
  leakcheck schema > report.schema.json     of `leakcheck run --format json`
  leakcheck schema audit                    of `leakcheck audit --format json`";

/// Flags of `leakcheck schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SchemaArgs {
    /// Which document
    #[arg(value_enum, default_value_t = Document::Report)]
    document: Document,
}

/// Prints the schema.
///
/// # Errors
/// Fails where standard output cannot be written.
pub fn execute(args: &SchemaArgs) -> Result<ExitCode, Failure> {
    output::print(args.document.schema().trim_end())?;
    Ok(ExitCode::Measured)
}
