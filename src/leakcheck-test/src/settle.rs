//! Settling: reading counts until they no longer change.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The first pause between two readings; each further one is half as long again, until a reading
/// differs: counts that come and go rest only for moments.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause between two readings.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
/// A count is settled when this many readings in a row are equal …
const EQUAL_READINGS: u32 = 6;
/// … and the first and the last of them are at least this far apart.
const EQUAL_FOR: Duration = Duration::from_millis(25);

/// A reading that no longer changed, or the last one before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled<T> {
    /// The reading.
    pub reading: T,
    /// Whether it was unchanged over consecutive readings.
    pub settled: bool,
}

/// Reads until the reading is unchanged over several readings, with growing pauses, for at most
/// `deadline`. The method is goleak's: poll, back off, and only then judge.
pub async fn settle<T: PartialEq>(deadline: Duration, mut read: impl FnMut() -> T) -> Settled<T> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut reading = read();
    let (mut unchanged_since, mut equal) = (started, 1);
    loop {
        if equal >= EQUAL_READINGS && unchanged_since.elapsed() >= EQUAL_FOR {
            return Settled {
                reading,
                settled: true,
            };
        }
        if started.elapsed() >= deadline {
            return Settled {
                reading,
                settled: false,
            };
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        let next = read();
        if next == reading {
            equal += 1;
        } else {
            (reading, unchanged_since, equal) = (next, Instant::now(), 1);
            pause = FIRST_PAUSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_count_that_falls_for_a_while_is_settled_at_its_end() {
        let mut count = 20u32;
        let settled = settle(Duration::from_secs(10), || {
            count = count.saturating_sub(1);
            count
        })
        .await;
        assert!(settled.settled);
        assert_eq!(settled.reading, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_rests_for_moments_only_is_settled_in_one_of_them() {
        // It changes for 20 ms, then rests for 60 ms.
        let started = Instant::now();
        let settled = settle(Duration::from_secs(3), || {
            let (moment, ms) = (
                started.elapsed().as_millis() / 80,
                started.elapsed().as_millis(),
            );
            if ms % 80 < 20 { ms } else { 1000 + moment }
        })
        .await;
        assert!(settled.settled);
    }

    #[tokio::test(start_paused = true)]
    async fn a_count_that_never_rests_is_said_to_be_unsettled() {
        let mut count = 0u32;
        let settled = settle(Duration::from_secs(1), || {
            count += 1;
            count
        })
        .await;
        assert!(!settled.settled);
    }
}
