//! The nested read: a task for each read, so that its reader can stop waiting for it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::body::{Body, Read};
use super::spawn::spawn;
use super::task_kind::TaskKind;

/// Starts a read. It goes on where nobody waits for it any more, and what it reads is then lost.
pub(super) fn start(name: &str, body: Arc<Body>) -> oneshot::Receiver<Read> {
    let (sender, receiver) = oneshot::channel();
    spawn(TaskKind::NestedRead, name, async move {
        // Nobody takes what a read brings that was given up.
        drop(sender.send(body.read().await));
    });
    receiver
}
