//! `leakcheck completions`: shell completion.

use clap::{Args, Command};
use clap_complete::Shell;
use leakcheck_report::exit_code::{ExitCode, Failure};

use crate::commands::output;

const EXAMPLES: &str = "\
Examples:
  source <(leakcheck completions bash)      in ~/.bashrc
  leakcheck completions zsh > \"${fpath[1]}/_leakcheck\"
  leakcheck completions fish > ~/.config/fish/completions/leakcheck.fish";

/// Flags of `leakcheck completions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completion script of a program.
///
/// # Errors
/// Fails where standard output cannot be written.
pub fn execute(args: CompletionsArgs, program: &mut Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, program, "leakcheck", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::Measured)
}
