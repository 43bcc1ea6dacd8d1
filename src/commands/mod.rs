//! One file per subcommand, and the dispatch between them.

use crate::cli::{Cli, Command};
use crate::exit_code::{ExitCode, Failure};
use crate::own_console;

pub mod audit;
mod audit_display;
pub mod clean;
pub mod completions;
mod display;
pub mod doctor;
mod document_format;
pub mod dump;
pub mod engine;
mod engine_choice;
pub mod exercise;
mod fleet_args;
pub mod gate;
mod gating;
pub mod merge;
pub mod output;
pub mod predict;
mod process_sources;
pub mod report;
mod report_output;
pub mod run;
mod run_display;
mod runtime;
pub mod scenarios;
pub mod schema;
pub mod watch;
mod watch_display;
pub mod wirings;
pub mod worker;

/// Runs the parsed command.
///
/// # Errors
/// Returns what went wrong together with the exit code that it stands for.
pub fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    own_console::serve_where_asked()?;
    match cli.command {
        Command::Run(args) => run::execute(*args),
        Command::Gate(args) => gate::execute(args),
        Command::Report(args) => report::execute(&args),
        Command::Merge(args) => merge::execute(&args),
        Command::Predict(args) => predict::execute(args),
        Command::Audit(args) => audit::execute(&args),
        Command::Dump(args) => dump::execute(&args),
        Command::Watch(args) => watch::execute(*args),
        Command::Exercise(args) => exercise::execute(*args),
        Command::Wirings(args) => wirings::execute(args),
        Command::Scenarios(args) => scenarios::execute(&args),
        Command::Schema(args) => schema::execute(&args),
        Command::Clean(args) => clean::execute(args),
        Command::Doctor(args) => doctor::execute(args),
        Command::Engine(args) => engine::execute(args),
        Command::Completions(args) => completions::execute(args),
        Command::Worker => worker::execute(),
    }
}
