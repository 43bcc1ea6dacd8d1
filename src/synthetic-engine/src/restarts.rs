//! Containers that end and are started again at once: when.

use crate::workload::containers;

/// The times at which one container ends and starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestartTimes {
    /// The first, in ns of unix time.
    first_ns: i64,
    /// Between two, in ns, at least one.
    every_ns: i64,
    /// Whether a follow stays open beyond the container's end.
    pub keeps_streams: bool,
}

impl RestartTimes {
    /// Those of a container that starts at `started_at_ns` (unix time in ns).
    pub fn new(restarts: containers::Restarts, started_at_ns: i64) -> Self {
        let nanos = |seconds: f64| (seconds * 1e9).round() as i64;
        Self {
            first_ns: started_at_ns.saturating_add(nanos(restarts.first_s)),
            every_ns: nanos(restarts.every_s).max(1),
            keeps_streams: restarts.keeps_streams,
        }
    }

    /// The next one after a moment.
    pub fn next_after(self, at_ns: i64) -> i64 {
        let count = i64::try_from(self.count_by(at_ns)).unwrap_or(i64::MAX);
        let offset = self.every_ns.saturating_mul(count);
        self.first_ns.saturating_add(offset)
    }

    /// How many have been by a moment.
    pub fn count_by(self, at_ns: i64) -> u64 {
        let since_first = i128::from(at_ns) - i128::from(self.first_ns);
        u64::try_from(since_first.div_euclid(i128::from(self.every_ns)) + 1).unwrap_or(0)
    }

    /// The last one by a moment.
    pub fn last_by(self, at_ns: i64) -> Option<i64> {
        (self.count_by(at_ns) > 0).then(|| self.next_after(at_ns).saturating_sub(self.every_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_restart_is_counted_from_its_very_moment_on() {
        let restarts = RestartTimes::new(
            containers::Restarts {
                first_s: 3.0,
                every_s: 2.0,
                keeps_streams: false,
            },
            1_000_000_000,
        );
        let second = |seconds: i64| seconds * 1_000_000_000;
        for (at, count, last, next) in [
            (0, 0, None, 4),
            (3, 0, None, 4),
            (4, 1, Some(4), 6),
            (5, 1, Some(4), 6),
            (6, 2, Some(6), 8),
        ] {
            assert_eq!(restarts.count_by(second(at)), count, "{at}");
            assert_eq!(restarts.last_by(second(at)), last.map(second), "{at}");
            assert_eq!(restarts.next_after(second(at)), second(next), "{at}");
        }
    }
}
