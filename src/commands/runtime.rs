//! The runtime of a command, one thread, for what a command does is waiting; and its limits.

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Starts the runtime.
///
/// # Errors
/// Fails where the system gives it no event queue.
pub fn start() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// How many file descriptors a worker may open: it raises its own limit as far as it may.
///
/// # Errors
/// Fails where the system does not tell.
pub fn fd_limit() -> anyhow::Result<u64> {
    rlimit::Resource::NOFILE
        .get_hard()
        .context("cannot read the limit of file descriptors")
}

/// Raises this process's limit of file descriptors as far as it may: an engine holds one for each client, and
/// who starts processes some for each. Where it may not, the one that is missing says so.
pub fn raise_fd_limit() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}
