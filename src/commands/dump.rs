//! `leakcheck dump`: goroutine dumps grouped and compared.

use clap::Args;
use goroutine_dump::{Dump, Keep, Scale};
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::render::dump_summary;

use super::document_format::DocumentFormat;
use super::output;
use crate::probe::dump_source::DumpSource;
use crate::sys::http::Header;

const EXAMPLES: &str = "\
Examples:
  leakcheck dump 'http://localhost:6060/debug/pprof/goroutine?debug=2'
      What is stuck on what, in a Go program that serves pprof.
  kubectl logs my-pod | leakcheck dump -
      The same, of a program that has crashed.
  leakcheck dump before.txt.gz after.txt.gz
      What grew between two dumps.
  leakcheck dump before.txt after.txt --rotations 12 --containers 50
      The same, per rotation of one container.

A dump is the text that pprof serves under debug=2 or debug=1 and that a panic and
SIGQUIT print, or the profile that pprof serves without debug. It may be gzipped.

Exit codes:
  0  read, though perhaps not every line of it: what was not is said
  2  a flag is wrong, or there is no goroutine in what was read
  4  a server cannot be reached, or has no dump";

/// Flags of `leakcheck dump`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DumpArgs {
    /// Dump to group, or the earlier one to compare with: a file, a URL, or - for standard input
    #[arg(value_name = "FILE", value_parser = DumpSource::parse, value_hint = clap::ValueHint::FilePath)]
    file: DumpSource,

    /// The later dump
    #[arg(value_name = "LATER", value_parser = DumpSource::parse, value_hint = clap::ValueHint::FilePath)]
    later: Option<DumpSource>,

    /// Rotations between the two dumps
    #[arg(
        long,
        value_name = "R",
        requires_all = ["later", "containers"],
        value_parser = clap::value_parser!(u64).range(1..=1_000_000)
    )]
    rotations: Option<u64>,

    /// Containers that were followed
    #[arg(
        long,
        value_name = "N",
        requires_all = ["later", "rotations"],
        value_parser = clap::value_parser!(u64).range(1..=1_000_000)
    )]
    containers: Option<u64>,

    /// Also list each goroutine, in JSON
    #[arg(long, conflicts_with = "later")]
    each: bool,

    /// Header for servers that are asked, as 'Authorization: Bearer TOKEN'; repeatable
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = Header::parse)]
    headers: Vec<Header>,

    /// How to print it
    #[arg(long, value_enum, default_value_t = DocumentFormat::Table)]
    format: DocumentFormat,
}

/// Reads one dump or two and prints what is in them.
///
/// # Errors
/// A usage failure for a file that cannot be read or holds no goroutine.
pub fn execute(args: &DumpArgs) -> Result<ExitCode, Failure> {
    if args.file == DumpSource::Stdin && args.later == Some(DumpSource::Stdin) {
        return Err(Failure::usage(
            "only one of the two dumps can be standard input",
        ));
    }
    let keep = match args.each {
        true => Keep::Each,
        false => Keep::Counts,
    };
    let first = read(&args.file, args, keep)?;
    let text = match &args.later {
        None => args.format.render(&first, dump_summary::of_dump)?,
        Some(later) => {
            let scale = args.rotations.zip(args.containers);
            let scale = scale.map(|(rotations, containers)| Scale {
                rotations,
                containers,
            });
            let diff = goroutine_dump::compare(first, read(later, args, keep)?, scale);
            args.format.render(&diff, dump_summary::of_diff)?
        }
    };
    output::print(text.trim_end())?;
    Ok(ExitCode::Measured)
}

fn read(source: &DumpSource, args: &DumpArgs, keep: Keep) -> Result<Dump, Failure> {
    let dump = source.read(&args.headers, keep).map_err(|error| {
        let message = format!("cannot read {source}: {error:#}");
        match source {
            DumpSource::Url(_) => Failure::environment(message),
            DumpSource::Stdin | DumpSource::File(_) => Failure::usage(message),
        }
    })?;
    match (dump.goroutines, dump.errors.first()) {
        (0, Some(error)) => Err(Failure::usage(format!(
            "{source} holds no goroutine: {}",
            error.message
        ))),
        (0, None) => Err(Failure::usage(format!(
            "{source} holds no goroutine: a dump begins with `goroutine N [state]:` (debug=2) or \
             `goroutine profile: total N` (debug=1), or is pprof's binary profile of goroutines"
        ))),
        _ => Ok(dump),
    }
}
