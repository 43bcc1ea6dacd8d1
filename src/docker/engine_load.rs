//! What an engine tells of its own goroutines and file descriptors.

use bollard::Docker;
use docker_engine::ask;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;

/// The engine's side of a leak, from `docker info`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineLoad {
    /// Its goroutines; `None` where it does not tell (some do only in debug mode).
    pub goroutines: Option<u64>,
    /// Its open file descriptors; `None` where it does not tell.
    pub fds: Option<u64>,
}

/// Asks the engine for its load.
///
/// # Errors
/// An environment failure when the engine does not answer.
pub async fn read(docker: &Docker) -> Result<EngineLoad, Failure> {
    let info = ask::info(docker).await.map_err(|error| {
        Failure::environment(format!("cannot read the engine's load: {}", told(&error)))
    })?;
    // An engine that does not tell leaves the figure out or at 0, which no running process has.
    let known = |count: Option<i64>| count.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    Ok(EngineLoad {
        goroutines: known(info.n_goroutines),
        fds: known(info.n_fd),
    })
}
