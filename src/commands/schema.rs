//! `leakcheck schema`: the JSON Schema of the documents that other commands print.

use clap::{Args, ValueEnum};
use goroutine_dump::{Diff, Dump};

use super::output;
use crate::exit_code::{ExitCode, Failure};
use crate::model::audit::Audit;
use crate::model::predict::Prediction;
use crate::model::report::Report;
use crate::model::schema;

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

/// A document that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Document {
    /// leakcheck.report/v1, of `leakcheck run`
    Report,
    /// leakcheck.audit/v1, of `leakcheck audit`
    Audit,
    /// leakcheck.predict/v1, of `leakcheck predict`
    Predict,
    /// leakcheck.dump/v1, of `leakcheck dump` with one dump
    Dump,
    /// leakcheck.dump/v1, of `leakcheck dump` with two
    DumpDiff,
}

/// Prints the schema.
///
/// # Errors
/// Fails where standard output cannot be written.
pub fn execute(args: &SchemaArgs) -> Result<ExitCode, Failure> {
    let schema = match args.document {
        Document::Report => schema::of::<Report>(),
        Document::Audit => schema::of::<Audit>(),
        Document::Predict => schema::of::<Prediction>(),
        Document::Dump => schema::of::<Dump>(),
        Document::DumpDiff => schema::of::<Diff>(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)?;
    output::print(&text)?;
    Ok(ExitCode::Measured)
}
