//! Ctrl-C, SIGTERM and SIGHUP as one cancellation.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first of these signals; each further one calls `again`.
///
/// # Errors
/// Fails where the signals cannot be listened to.
pub fn token(again: impl Fn() + Send + 'static) -> anyhow::Result<CancellationToken> {
    let listen = |kind| signal(kind).context("cannot listen to signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            if cancelled.is_cancelled() {
                again();
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}
