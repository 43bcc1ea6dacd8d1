//! The program's table of contents: parse, dispatch, error to exit code.

use clap::Parser;
use leakcheck::cli::Cli;
use leakcheck::stderr;

/// Streams by the thousand come and go with every rotation, each with buffers of some KiB. The system's
/// allocator takes the longer for these the more of them there are, and gives less of them back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // What the caller left open is not counted in a worker, and no child holds it open.
    close_fds::set_fds_cloexec(3, &[]);
    match leakcheck::cli::dispatch(Cli::parse()) {
        Ok(code) => code.into(),
        Err(failure) => {
            stderr::say(format_args!("leakcheck: {failure}"));
            failure.code.into()
        }
    }
}
