//! The stop message: Go's `stop <- true` over an unbuffered channel, which returns when somebody
//! takes the message, and never where whoever should is gone.

use tokio::sync::Notify;

/// The channel between a rotation and its reader.
#[derive(Debug, Default)]
pub(super) struct StopMessage {
    sent: Notify,
    taken: Notify,
}

impl StopMessage {
    /// Sends the message and waits until it is taken.
    pub(super) async fn send(&self) {
        self.sent.notify_one();
        self.taken.notified().await;
    }

    /// Waits for the message and takes it.
    pub(super) async fn take(&self) {
        self.sent.notified().await;
        self.taken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_message_that_nobody_takes_is_waited_for() {
        let stop = StopMessage::default();
        let mut sending = Box::pin(stop.send());
        assert!(sending.as_mut().now_or_never().is_none());
        stop.take().await;
        sending.await;
    }
}
