//! How the monitor spawns its tasks: named for tokio-console, and counted by spawn site under the label of
//! their kind.

use std::future::Future;
use std::panic::Location;
use std::sync::LazyLock;

use leakcheck_test::census::Census;
use leakcheck_test::spawn_site::Declared;
use tokio::task::JoinHandle;

use super::task_kind::TaskKind;

/// The census of the process in which the monitor runs.
static CENSUS: LazyLock<Census> = LazyLock::new(Census::new);

/// What reports call the program whose tasks these are. Those of two versions are compared by it.
const PROGRAM: &str = "leakcheck";

/// The census that counts the monitor's tasks, once it observes the runtime.
pub fn census() -> &'static Census {
    &CENSUS
}

/// Spawns a task of the monitor; its spawn site is the caller's line, which is called by the kind's label.
#[track_caller]
pub(super) fn spawn<F>(kind: TaskKind, name: &str, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let site = Location::caller();
    let declared = Declared {
        label: kind.label(),
        package: PROGRAM,
        folder: env!("CARGO_MANIFEST_DIR"),
    };
    CENSUS.declare(site, declared);
    start(name, future, site)
}

#[cfg(all(tokio_unstable, feature = "console"))]
#[track_caller]
fn start<F>(name: &str, future: F, _site: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::task::Builder::new()
        .name(name)
        .spawn(future)
        .unwrap_or_else(|error| unreachable!("only spawning on a thread can fail: {error}"))
}

/// Only tokio-console would show a task's name, and tokio names tasks only where it traces them for the
/// console.
#[cfg(all(tokio_unstable, not(feature = "console")))]
#[track_caller]
fn start<F>(_name: &str, future: F, _site: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(future)
}

/// This build knows no spawn sites from the runtime, so the task carries a guard that counts it.
#[cfg(not(tokio_unstable))]
fn start<F>(_name: &str, future: F, site: &'static Location<'static>) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let counted = CENSUS.count(site);
    tokio::spawn(async move {
        let _counted = counted;
        future.await
    })
}
