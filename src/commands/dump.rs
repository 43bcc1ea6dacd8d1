//! `leakcheck dump`: goroutine dumps grouped and compared.

use std::path::{Path, PathBuf};

use clap::Args;

use super::document_format::DocumentFormat;
use super::output;
use crate::dump::{self, Dump, Scale};
use crate::exit_code::{ExitCode, Failure};

const EXAMPLES: &str = "\
Examples:
  curl -s http://localhost:6060/debug/pprof/goroutine?debug=2 | leakcheck dump -
      What is stuck on what, in a Go program that serves pprof.
  leakcheck dump before.txt.gz after.txt.gz
      What grew between two dumps.
  leakcheck dump before.txt after.txt --rotations 12 --containers 50
      The same, per rotation of one container.

A dump is the text that pprof serves under debug=2 or debug=1, and that a panic and
SIGQUIT print. It may be gzipped.

Exit codes:
  0  read, though perhaps not every line of it: what was not is said
  2  a flag is wrong, or there is no goroutine in what was read";

/// Flags of `leakcheck dump`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DumpArgs {
    /// Dump to group, or the earlier one to compare with; - reads standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,

    /// The later dump
    #[arg(value_name = "LATER", value_hint = clap::ValueHint::FilePath)]
    later: Option<PathBuf>,

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

    /// How to print it
    #[arg(long, value_enum, default_value_t = DocumentFormat::Table)]
    format: DocumentFormat,
}

/// Reads one dump or two and prints what is in them.
///
/// # Errors
/// A usage failure for a file that cannot be read or holds no goroutine.
pub fn execute(args: &DumpArgs) -> Result<ExitCode, Failure> {
    let stdin = Path::new("-");
    if args.file == stdin && args.later.as_deref() == Some(stdin) {
        return Err(Failure::usage(
            "only one of the two dumps can be standard input",
        ));
    }
    let first = read(&args.file, args.each)?;
    let text = match &args.later {
        None => args.format.render(&first, dump::of_dump)?,
        Some(later) => {
            let scale = args.rotations.zip(args.containers);
            let scale = scale.map(|(rotations, containers)| Scale {
                rotations,
                containers,
            });
            let diff = dump::compare(first, read(later, false)?, scale);
            args.format.render(&diff, dump::of_diff)?
        }
    };
    output::print(text.trim_end())?;
    Ok(ExitCode::Measured)
}

fn read(path: &Path, each: bool) -> Result<Dump, Failure> {
    let name = match path == Path::new("-") {
        true => "standard input".into(),
        false => path.display().to_string(),
    };
    let dump = dump::open(path).and_then(|reader| dump::read(reader, each));
    let dump = dump.map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    match dump.goroutines {
        0 => Err(Failure::usage(format!(
            "{name} holds no goroutine: a dump begins with `goroutine N [state]:` (debug=2) or \
             `goroutine profile: total N` (debug=1)"
        ))),
        _ => Ok(dump),
    }
}
