//! The program's table of contents: parse, dispatch, error to exit code.

use clap::Parser;
use leakcheck::cli::Cli;

fn main() -> std::process::ExitCode {
    // What the caller left open is not counted in a worker, and no child holds it open.
    close_fds::set_fds_cloexec(3, &[]);
    match leakcheck::commands::dispatch(Cli::parse()) {
        Ok(code) => code.into(),
        Err(failure) => {
            eprintln!("leakcheck: {failure}");
            failure.code.into()
        }
    }
}
