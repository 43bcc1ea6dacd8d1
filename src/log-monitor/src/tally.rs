//! What happened to all containers together, counted as it happens: nobody has to look at each of tens of
//! thousands to know how far the monitor has come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts over all containers.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Containers with at least one stream opened.
    followed: AtomicU64,
    streams_opened: AtomicU64,
    lines_read: AtomicU64,
    lines_missing: AtomicU64,
    errors: AtomicU64,
    rotations_made: AtomicU64,
    /// How many containers have made the first rotation, the second, and so on.
    made: Mutex<Vec<u64>>,
}

impl Tally {
    /// A container's stream was opened, be it its first.
    pub(super) fn stream_opened(&self, is_first: bool) {
        self.streams_opened.fetch_add(1, Ordering::Relaxed);
        if is_first {
            self.followed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A container has made its rotation of this number, counted from 1.
    pub(super) fn rotation_made(&self, number: u64) {
        self.rotations_made.fetch_add(1, Ordering::Relaxed);
        let mut made = self.made();
        // They are made in their order: at most the next one is missing.
        let index = number.saturating_sub(1) as usize;
        if made.len() <= index {
            made.resize(index + 1, 0);
        }
        made[index] += 1;
    }

    /// Lines were delivered, and numbered ones skipped over.
    pub(super) fn delivered(&self, read: u64, missing: u64) {
        self.lines_read.fetch_add(read, Ordering::Relaxed);
        self.lines_missing.fetch_add(missing, Ordering::Relaxed);
    }

    /// A stream could not be opened, or broke.
    pub(super) fn failed(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Containers with at least one stream opened.
    pub(super) fn followed(&self) -> u64 {
        self.followed.load(Ordering::Relaxed)
    }

    /// Streams opened.
    pub(super) fn streams_opened(&self) -> u64 {
        self.streams_opened.load(Ordering::Relaxed)
    }

    /// Lines delivered for the first time.
    pub(super) fn lines_read(&self) -> u64 {
        self.lines_read.load(Ordering::Relaxed)
    }

    /// Numbered lines that later ones came without.
    pub(super) fn lines_missing(&self) -> u64 {
        self.lines_missing.load(Ordering::Relaxed)
    }

    /// Streams that could not be opened or that broke.
    pub(super) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Rotations made, all containers' together.
    pub(super) fn rotations_made(&self) -> u64 {
        self.rotations_made.load(Ordering::Relaxed)
    }

    /// Containers that have made so many rotations, at least one, or more.
    pub(super) fn containers_at(&self, rotations: u64) -> u64 {
        let index = rotations.saturating_sub(1) as usize;
        self.made().get(index).copied().unwrap_or(0)
    }

    /// Rotations that each of so many containers has made.
    pub(super) fn made_by_all(&self, containers: u64) -> u64 {
        let by_all = self.made().partition_point(|made| *made >= containers);
        by_all as u64
    }

    fn made(&self) -> MutexGuard<'_, Vec<u64>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_slowest_container_made_is_made_by_all() {
        let tally = Tally::default();
        for number in [1, 1, 2, 1, 2, 3] {
            tally.rotation_made(number);
        }
        assert_eq!(tally.rotations_made(), 6);
        assert_eq!([1, 2, 3, 4].map(|n| tally.containers_at(n)), [3, 2, 1, 0]);
        assert_eq!(tally.made_by_all(3), 1);
        assert_eq!(tally.made_by_all(4), 0, "the fourth made none");
    }
}
