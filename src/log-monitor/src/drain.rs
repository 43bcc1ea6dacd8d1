//! The drain: a task that receives from a forgotten stream's channel, so that its reader can send.

use tokio::sync::mpsc;

use super::chunk::Chunk;
use super::spawn::spawn;
use super::task_kind::TaskKind;

/// Starts a drain, which ends when the reader is gone. What it receives is thrown away: the next
/// stream resumes from the last line that was delivered.
pub(super) fn start(name: &str, mut chunks: mpsc::Receiver<Chunk>) {
    spawn(TaskKind::Drain, name, async move {
        while chunks.recv().await.is_some() {}
    });
}
