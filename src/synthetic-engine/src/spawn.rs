//! How the engine spawns its tasks: marked, for a process that counts the tasks of something else beside it.

use std::cell::Cell;
use std::future::Future;

thread_local! {
    static SPAWNING: Cell<bool> = const { Cell::new(false) };
}

/// Spawns a task of the engine; its spawn site is the caller's line.
#[track_caller]
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    SPAWNING.set(true);
    tokio::spawn(task);
    SPAWNING.set(false);
}

/// Whether the task that is being spawned on this thread is the engine's own: a question for the hook of
/// [`tokio::runtime::Builder::on_task_spawn`], which runs within the spawn.
pub fn is_spawning() -> bool {
    SPAWNING.get()
}
