//! The runtime of a command: one thread, for what a command does is waiting.

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
