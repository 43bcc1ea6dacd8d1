//! `leakcheck scenarios`: what there is to try, and each file as it stands.

use std::fmt::Write;

use clap::{Args, Subcommand};
use leakcheck_report::exit_code::{ExitCode, Failure};

use crate::commands::output;
use crate::experiment::scenario_library;

const EXAMPLES: &str = "\
Examples:
  leakcheck scenarios                          every scenario in two lines
  leakcheck scenarios show wrong-parent        a commented file, to write one's own after
  leakcheck run --scenario frozen-success      run one
  leakcheck run --scenario ./mine.toml --containers 10";

/// Flags of `leakcheck scenarios`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ScenariosArgs {
    #[command(subcommand)]
    action: Option<ScenariosAction>,
}

/// What to do with the scenarios.
#[derive(Debug, Subcommand)]
enum ScenariosAction {
    /// List every scenario that the program brings along
    List,
    /// Print a scenario's file
    Show {
        /// A name of the list
        name: String,
    },
}

/// Prints the list, or a scenario's file.
///
/// # Errors
/// A usage failure for a name that is none.
pub fn execute(args: &ScenariosArgs) -> Result<ExitCode, Failure> {
    let text = match &args.action {
        None | Some(ScenariosAction::List) => list()?,
        Some(ScenariosAction::Show { name }) => scenario_library::text(name)?.to_owned(),
    };
    output::print(text.trim_end())?;
    Ok(ExitCode::Measured)
}

fn list() -> Result<String, Failure> {
    let mut out = String::new();
    for scenario in scenario_library::all()? {
        let wirings: Vec<&str> = scenario
            .run
            .wirings
            .iter()
            .map(|wiring| wiring.name.as_str())
            .collect();
        let _ = writeln!(out, "{}\n    {}", scenario.name, scenario.title);
        let _ = writeln!(out, "    {}", wirings.join(", "));
    }
    Ok(out)
}
