//! How the monitor spawns its tasks: named for tokio-console, and counted by spawn site.

use std::future::Future;

use tokio::task::JoinHandle;

/// Spawns a task of the monitor; its spawn site is the caller's line.
#[cfg(all(tokio_unstable, feature = "console"))]
#[track_caller]
pub(super) fn spawn<F>(name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::task::Builder::new()
        .name(name)
        .spawn(future)
        .unwrap_or_else(|error| unreachable!("only spawning on a thread can fail: {error}"))
}

/// Spawns a task of the monitor; its spawn site is the caller's line. Only tokio-console would show
/// its name, and tokio names tasks only where it traces them for the console.
#[cfg(all(tokio_unstable, not(feature = "console")))]
#[track_caller]
pub(super) fn spawn<F>(_name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// Spawns a task of the monitor. This build knows no spawn sites from the runtime, so the task
/// carries a guard that counts it at the caller's line.
#[cfg(not(tokio_unstable))]
#[track_caller]
pub(super) fn spawn<F>(_name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let counted = crate::probe::task_census::count_own(std::panic::Location::caller());
    tokio::spawn(async move {
        let _counted = counted;
        future.await
    })
}
