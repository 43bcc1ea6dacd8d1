//! A wish that what is measured stands still for a while: somebody holds it up, and lets it go on.

use tokio::sync::watch;

/// Holds up whoever has the [`Hold`]. Dropped, it lets go: nobody is left who could.
#[derive(Debug)]
pub struct HoldSwitch(watch::Sender<bool>);

/// Tells whether it is held up.
#[derive(Debug, Clone)]
pub struct Hold(watch::Receiver<bool>);

/// A switch that is off, and the hold that follows it.
pub fn switch() -> (HoldSwitch, Hold) {
    let (sender, receiver) = watch::channel(false);
    (HoldSwitch(sender), Hold(receiver))
}

impl HoldSwitch {
    /// Holds up, or lets go on.
    pub fn set(&self, on: bool) {
        self.0
            .send_if_modified(|is_on| std::mem::replace(is_on, on) != on);
    }
}

impl Drop for HoldSwitch {
    fn drop(&mut self) {
        self.set(false);
    }
}

impl Hold {
    /// A hold that nobody ever switches on.
    pub fn never() -> Self {
        switch().1
    }

    /// Whether it is held up now.
    pub fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is held up, or let go; says which. Without a switch any more it waits for ever. It
    /// may be dropped and called again.
    pub async fn changed(&mut self) -> bool {
        match self.0.changed().await {
            Ok(()) => *self.0.borrow_and_update(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until it is not held up.
    pub async fn released(&mut self) {
        // Without a switch it is not held up.
        let _ = self.0.wait_for(|is_on| !is_on).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hold_follows_its_switch_and_is_let_go_with_it() {
        let (switch, mut hold) = switch();
        switch.set(true);
        assert!(hold.changed().await && hold.is_on());
        drop(switch);
        assert!(!hold.changed().await);
        hold.released().await;
        assert!(!hold.is_on());
    }
}
