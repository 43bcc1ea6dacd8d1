//! Ctrl-C, SIGTERM and SIGHUP: whoever sends one of them wants an orderly end.

use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signals that ask for an end. From the first moment on none of them kills the process.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where the process is to outlive its terminal.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Listens to them.
    ///
    /// # Errors
    /// Fails where they cannot be listened to.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        let hang_up = SignalKind::hangup();
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: match is_ignored(hang_up) {
                true => None,
                false => Some(listen(hang_up)?),
            },
        })
    }

    /// Waits for the next of them.
    pub async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hang_up => {}
        }
    }
}

/// A token that is cancelled by the first of these signals; each further one calls `again`.
///
/// # Errors
/// Fails where the signals cannot be listened to.
pub fn token(again: impl Fn() + Send + 'static) -> anyhow::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        loop {
            signals.next().await;
            if cancelled.is_cancelled() {
                again();
            }
            cancelled.cancel();
        }
    });
    Ok(token)
}

/// Lets something end by itself. Who ends the run waits for it for some seconds, and no longer: `None` then.
pub async fn until_enough_waited<T>(
    interrupt: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    const ENOUGH: Duration = Duration::from_secs(3);
    tokio::select! {
        biased;
        done = work => Some(done),
        () = async {
            interrupt.cancelled().await;
            tokio::time::sleep(ENOUGH).await;
        } => None,
    }
}

/// Whether who started the process has it ignore a signal, as nohup does with SIGHUP: to listen to it would
/// undo that.
#[cfg(target_os = "linux")]
fn is_ignored(kind: SignalKind) -> bool {
    let status = procfs::process::Process::myself().and_then(|own| own.status());
    // Bit 0 is signal 1 (proc_pid_status(5)).
    status.is_ok_and(|status| status.sigign >> (kind.as_raw_value() - 1) & 1 == 1)
}

/// Only `sigaction` tells it elsewhere, and that is not safe to call.
#[cfg(not(target_os = "linux"))]
fn is_ignored(_kind: SignalKind) -> bool {
    false
}
