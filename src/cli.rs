//! The command line: what can be typed, and what runs it. Each subcommand's flags stand in its own file.

use clap::{CommandFactory, Parser, Subcommand};
use leakcheck_report::exit_code::{ExitCode, Failure};

use crate::commands;
use crate::sys::console_server;

const START: &str = "\
Start with:
  leakcheck run        what the incident leaks, and its fix does not: about 15 s
  leakcheck audit      which of the claims about it hold: about a minute
  leakcheck wirings    what else can be compared
  leakcheck doctor     when something does not work

`leakcheck COMMAND --help` explains a command's flags and shows examples.";

/// Reproduces the leak of a container log follower, proves its fix, and says which tasks leaked.
#[derive(Debug, Parser)]
#[command(name = "leakcheck", version, max_term_width = 100, after_help = START)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a log monitor in several wirings side by side, and say what each leaks
    ///
    /// The monitor follows the log stream of every container and, at every rotation, ends each
    /// stream and opens the next. A wiring is a set of choices about how it does so: what is
    /// cancelled, closed and waited for. Each wiring runs in a process of its own, or in several that
    /// share its containers, whose tasks and file descriptors are counted after every rotation and
    /// compared with the baseline: every container followed, no rotation made.
    Run(Box<commands::run::RunArgs>),
    /// Put the claims about the incident to the test: confirmed, partly, refuted or inconclusive
    ///
    /// Each claim's scenario is run, and the gates in its file are held against what was measured.
    /// Where a scenario asks which clock drives a leak, the rates are measured again at twice each
    /// interval.
    Audit(commands::audit::AuditArgs),
    /// Judge a saved report by gates: conditions that it must meet
    ///
    /// A gate compares what a wiring measured with what is demanded, so that a build fails when a
    /// leak comes back. Too little evidence is a result of its own, never a pass.
    Gate(commands::gate::GateArgs),
    /// Show a saved report as a page: one HTML file with charts that opens from disk
    ///
    /// For a pull request, a post-mortem or somebody who was not there: the verdict in words, the counts
    /// after each rotation, what the leaked tasks are, and the command that measures it again.
    Report(commands::report::ReportArgs),
    /// Add up the reports of several hosts into one
    ///
    /// Each host measured the same wirings under the same conditions, with containers of its own.
    Merge(commands::merge::MergeArgs),
    /// Work out what a wiring must leave, and which known mechanisms fit an observed growth
    ///
    /// By default with the incident's figures, whose post-mortem's arithmetic is then redone line by
    /// line. Nothing is started and nothing is measured.
    Predict(commands::predict::PredictArgs),
    /// Watch a process that runs already, and say what it leaks
    ///
    /// Its goroutines or tasks and its file descriptors are read at an interval and judged by how they
    /// go: by the slope and its interval, per rotation where that is told, and by whether the process
    /// shows signs of life.
    Watch(Box<commands::watch::WatchArgs>),
    /// Run a log follower of yours against synthetic containers, and say what it leaks
    ///
    /// Any program that follows Docker's logs: it is started with DOCKER_HOST set, its containers' streams
    /// are rotated by the engine, and what it leaves per rotation is read from outside. The engine tells
    /// how soon it comes back, and which lines it was never handed.
    Exercise(Box<commands::exercise::ExerciseArgs>),
    /// Group a goroutine dump, or say what grew between two
    ///
    /// Goroutines are grouped by state, stack and creator, and the well-known stacks told in words.
    /// Two dumps are compared by stack and creator, not by the goroutines' numbers.
    Dump(commands::dump::DumpArgs),
    /// List the wirings, and what each means
    Wirings(commands::wirings::WiringsArgs),
    /// List the scenarios: experiments as data, to run by name
    Scenarios(commands::scenarios::ScenariosArgs),
    /// Serve synthetic containers to any Docker client
    Engine(commands::engine::EngineArgs),
    /// Check what runs need of this machine, and say what to do about what is missing
    Doctor(commands::doctor::DoctorArgs),
    /// Remove what killed runs left: their containers and sockets
    Clean(commands::clean::CleanArgs),
    /// Print the JSON Schema of the documents that the other commands write
    Schema(commands::schema::SchemaArgs),
    /// Print a shell completion script
    Completions(commands::completions::CompletionsArgs),
    /// Run one monitor for `leakcheck run`
    #[command(hide = true)]
    Worker,
}

/// Runs the parsed command.
///
/// # Errors
/// Returns what went wrong together with the exit code that it stands for.
pub fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    console_server::serve_where_asked()?;
    match cli.command {
        Command::Run(args) => commands::run::execute(*args),
        Command::Gate(args) => commands::gate::execute(args),
        Command::Report(args) => commands::report::execute(&args),
        Command::Merge(args) => commands::merge::execute(&args),
        Command::Predict(args) => commands::predict::execute(args),
        Command::Audit(args) => commands::audit::execute(&args),
        Command::Dump(args) => commands::dump::execute(&args),
        Command::Watch(args) => commands::watch::execute(*args),
        Command::Exercise(args) => commands::exercise::execute(*args),
        Command::Wirings(args) => commands::wirings::execute(args),
        Command::Scenarios(args) => commands::scenarios::execute(&args),
        Command::Schema(args) => commands::schema::execute(&args),
        Command::Clean(args) => commands::clean::execute(args),
        Command::Doctor(args) => commands::doctor::execute(args),
        Command::Engine(args) => commands::engine::execute(args),
        Command::Completions(args) => commands::completions::execute(args, &mut Cli::command()),
        Command::Worker => commands::worker::execute(),
    }
}
