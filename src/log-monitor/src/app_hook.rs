//! The hook: one task per stream that would close it at the whole monitor's end (Go:
//! `context.AfterFunc`, whose registration only its `stop` or that end takes back).

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::spawn::spawn;
use super::task_kind::TaskKind;

/// Hangs the closing of a stream on the monitor's end.
pub(super) fn start(name: &str, body: Arc<Body>, app: CancellationToken) {
    spawn(TaskKind::Hook, name, async move {
        app.cancelled().await;
        body.close();
    });
}
