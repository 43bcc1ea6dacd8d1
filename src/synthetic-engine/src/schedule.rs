//! When each line of a container is due: arithmetic in place of a stored log.
//!
//! Burst `b` is due at `first + ⌊b · period⌋` ns, with the period in fixed point (32 fractional
//! bits), and line `i` of it `i` ns later; mostly a burst is one line. All is integer arithmetic, so that every process computes the same timestamps, and the
//! inverse questions (how many lines by a time, which is the first line since a time) are exact.

use crate::workload::containers::Container;

/// Fractional bits of a period: it is off by less than 2^-32 ns, hence burst b by less than
/// b · 2^-32 ns.
const FRACTION_BITS: u32 = 32;

/// The due times of one container's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// When line 0 is due, in ns of unix time.
    first_ns: i64,
    /// Nanoseconds between bursts, in fixed point; `None` for a container that never prints.
    period: Option<u128>,
    /// Lines in a burst, at least one.
    burst: u64,
}

impl Schedule {
    /// The schedule of a container that starts at `started_at_ns` (unix time in ns).
    pub fn new(container: &Container, started_at_ns: i64) -> Self {
        let first_after_ns = (container.first_line_s * 1e9).round() as i64;
        let burst = u64::from(container.burst.max(1));
        let period_ns = burst as f64 * 1e9 / container.lines_per_second;
        // At least 1 ns a line, so that due times are strictly increasing.
        let period = ((period_ns * 2f64.powi(FRACTION_BITS as i32)) as u128)
            .max(u128::from(burst) << FRACTION_BITS);
        Self {
            first_ns: started_at_ns.saturating_add(first_after_ns),
            period: (container.lines_per_second > 0.0).then_some(period),
            burst,
        }
    }

    /// The schedule of a container that never prints.
    pub const fn silent() -> Self {
        Self {
            first_ns: 0,
            period: None,
            burst: 1,
        }
    }

    /// Lines that are printed at once, at least one.
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// When line `k` is due, in ns of unix time; `None` for a silent container, and for a line
    /// beyond the end of time (year 2262).
    pub fn due_ns(&self, k: u64) -> Option<i64> {
        let (burst, within) = (u128::from(k / self.burst), u128::from(k % self.burst));
        let offset = (burst.checked_mul(self.period?)? >> FRACTION_BITS) + within;
        self.first_ns.checked_add(i64::try_from(offset).ok()?)
    }

    /// How many lines are due at or before `at_ns`; also the number of the first line after it.
    pub fn due_by(&self, at_ns: i64) -> u64 {
        let Some(period) = self.period else { return 0 };
        let Ok(offset) = u128::try_from(i128::from(at_ns) - i128::from(self.first_ns)) else {
            return 0;
        };
        // Burst b is due by the offset o when ⌊b·period⌋ <= o, that is b·period < o + 1; the last
        // of them may not be through.
        let whole = ((offset + 1) << FRACTION_BITS).div_ceil(period) - 1;
        let last_began = (whole * period) >> FRACTION_BITS;
        let within = (offset - last_began + 1).min(u128::from(self.burst));
        u64::try_from(whole * u128::from(self.burst) + within).unwrap_or(u64::MAX)
    }

    /// The number of the first line that is due at or after `since_ns`.
    pub fn first_since(&self, since_ns: i64) -> u64 {
        since_ns
            .checked_sub(1)
            .map_or(0, |before| self.due_by(before))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START_NS: i64 = 1_800_000_000_000_000_000;

    fn schedule(lines_per_second: f64, first_line_s: f64) -> Schedule {
        bursts_of(1, lines_per_second, first_line_s)
    }

    fn bursts_of(burst: u32, lines_per_second: f64, first_line_s: f64) -> Schedule {
        let container = Container {
            lines_per_second,
            first_line_s,
            burst,
            ..Container::default()
        };
        Schedule::new(&container, START_NS)
    }

    proptest! {
        #[test]
        fn counting_lines_by_time_inverts_the_due_time(
            rate in 1e-6..1e6_f64, first in 0.0..100.0_f64, k in 0..1_000_000_000_u64,
            burst in 1..1000_u32,
        ) {
            let schedule = bursts_of(burst, rate, first);
            if let Some(due) = schedule.due_ns(k) {
                prop_assert_eq!(schedule.due_by(due), k + 1);
                prop_assert_eq!(schedule.due_by(due - 1), k);
                prop_assert_eq!(schedule.first_since(due), k);
                prop_assert_eq!(schedule.first_since(due + 1), k + 1);
            }
        }

        #[test]
        fn due_times_strictly_increase(
            rate in 1e-6..2e9_f64, first in 0.0..100.0_f64, k in 0..1_000_000_000_u64,
            burst in 1..1000_u32,
        ) {
            let schedule = bursts_of(burst, rate, first);
            if let (Some(this), Some(next)) = (schedule.due_ns(k), schedule.due_ns(k + 1)) {
                prop_assert!(this < next);
            }
        }

        #[test]
        fn a_line_is_due_where_the_rate_says_to_a_microsecond_in_a_day(
            rate in 0.1..1e4_f64, seconds in 0.0..86_400.0_f64,
        ) {
            let k = (rate * seconds) as u64;
            let expected = START_NS as f64 + k as f64 / rate * 1e9;
            let due = schedule(rate, 0.0).due_ns(k).expect("due within a day");
            prop_assert!((due as f64 - expected).abs() < 1_000.0);
        }

        #[test]
        fn no_input_panics(
            rate in 0.0..f64::MAX, first in 0.0..f64::MAX, burst: u32, k: u64, at: i64,
        ) {
            let schedule = bursts_of(burst, rate, first);
            schedule.due_ns(k);
            schedule.due_by(at);
            schedule.first_since(at);
        }
    }

    #[test]
    fn ten_lines_a_second_are_a_tenth_apart() {
        let schedule = schedule(10.0, 0.5);
        assert_eq!(schedule.due_ns(0), Some(START_NS + 500_000_000));
        assert_eq!(schedule.due_ns(7), Some(START_NS + 1_200_000_000));
        assert_eq!(schedule.due_by(START_NS + 1_200_000_000), 8);
        assert_eq!(schedule.due_by(START_NS), 0);
    }

    #[test]
    fn a_burst_comes_at_once_at_the_same_mean_rate() {
        let schedule = bursts_of(5, 10.0, 0.0);
        assert_eq!(schedule.due_ns(4), Some(START_NS + 4));
        assert_eq!(schedule.due_ns(5), Some(START_NS + 500_000_000));
        assert_eq!(schedule.due_by(START_NS + 2), 3);
        assert_eq!(schedule.due_by(START_NS + 499_999_999), 5);
    }

    #[test]
    fn a_silent_container_never_has_a_line() {
        let schedule = schedule(0.0, 0.0);
        assert_eq!((schedule.due_ns(0), schedule.due_by(i64::MAX)), (None, 0));
        assert_eq!(
            schedule,
            Schedule {
                first_ns: START_NS,
                ..Schedule::silent()
            }
        );
    }
}
