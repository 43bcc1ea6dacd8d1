//! The program's table of contents: parse, dispatch, error to exit code.

use clap::Parser;
use leakcheck::cli::Cli;

fn main() -> std::process::ExitCode {
    match leakcheck::commands::dispatch(Cli::parse()) {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("leakcheck: {failure}");
            failure.code.into()
        }
    }
}
