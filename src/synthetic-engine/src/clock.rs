//! The engine's time: unix nanoseconds that follow tokio's clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Further ahead than any engine lives; what a due time beyond the range of `Instant` waits for.
const FAR_FUTURE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Reads the wall clock once and advances with tokio's `Instant` from there, so that time never
/// jumps backwards under a schedule and stands still where tokio's time is paused.
#[derive(Debug, Clone, Copy)]
pub struct EngineClock {
    anchor: Instant,
    anchor_ns: i64,
}

impl EngineClock {
    /// A clock set by the wall clock.
    pub fn wall() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self::starting_at(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }

    /// A clock that reads `now_ns` (unix time in ns) now.
    pub fn starting_at(now_ns: i64) -> Self {
        Self {
            anchor: Instant::now(),
            anchor_ns: now_ns,
        }
    }

    /// Unix time in ns.
    pub fn now_ns(&self) -> i64 {
        let elapsed = i64::try_from(self.anchor.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.anchor_ns.saturating_add(elapsed)
    }

    /// The instant at which this clock reads `at_ns`; the anchor for a time before it.
    pub fn instant(&self, at_ns: i64) -> Instant {
        let ahead = u64::try_from(at_ns.saturating_sub(self.anchor_ns)).unwrap_or(0);
        self.anchor
            .checked_add(Duration::from_nanos(ahead))
            .unwrap_or(self.anchor + FAR_FUTURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_stands_still_and_advances_with_tokio() {
        let clock = EngineClock::starting_at(1_000);
        assert_eq!(clock.now_ns(), 1_000);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now_ns(), 3_000_001_000);
        tokio::time::sleep_until(clock.instant(5_000_000_000)).await;
        assert!(clock.now_ns() >= 5_000_000_000);
    }
}
