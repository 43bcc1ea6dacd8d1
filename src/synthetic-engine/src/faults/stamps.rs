//! What the lines of a container are stamped with, where it is not the time at which they were printed.
//!
//! It is a matter of the line alone, so that every stream shows the same, and `since` is applied to what
//! is shown, line by line, as Docker's engine does.

use rand::RngExt;

use crate::schedule::Schedule;
use crate::workload::faults::ContainerFaults;
use crate::workload::faults::Fault;

/// By how much a clock jumps.
const JUMP_NS: i64 = 3600 * 1_000_000_000;
/// How many lines are at least between two jumps, and at most.
const LINES_BETWEEN_JUMPS: std::ops::RangeInclusive<u64> = 8..=24;

/// How a container's lines are stamped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stamps {
    /// With the time at which they are due.
    #[default]
    Due,
    /// All lines of a burst with that of its first.
    Shared,
    /// The lines of a burst in reverse.
    Reversed,
    /// By a clock that jumps every so many lines.
    Jumping {
        /// So many.
        every: u64,
        /// By so much.
        by_ns: i64,
    },
}

impl Stamps {
    /// Those of a container with these faults; of several that are about timestamps the first counts.
    pub fn of(faults: &ContainerFaults) -> Self {
        let every = || faults.draw(0).random_range(LINES_BETWEEN_JUMPS);
        let of = |fault: &Fault| match fault {
            Fault::DuplicateTimestamps => Some(Self::Shared),
            Fault::OutOfOrderTimestamps => Some(Self::Reversed),
            Fault::ClockJump => Some(Self::Jumping {
                every: every(),
                by_ns: JUMP_NS,
            }),
            Fault::ClockJumpBack => Some(Self::Jumping {
                every: every(),
                by_ns: -JUMP_NS,
            }),
            _ => None,
        };
        faults.faults.iter().find_map(of).unwrap_or_default()
    }

    /// What line `k` is stamped with, in ns of unix time; `None` for a line that is never printed.
    pub fn of_line(self, schedule: &Schedule, k: u64) -> Option<i64> {
        let burst = schedule.burst();
        let (first, within) = (k - k % burst, k % burst);
        match self {
            Self::Due => schedule.due_ns(k),
            Self::Shared => schedule.due_ns(first),
            Self::Reversed => schedule.due_ns(first + (burst - 1 - within)),
            Self::Jumping { every, by_ns } => {
                let jumps = i64::try_from(k / every).unwrap_or(i64::MAX);
                schedule
                    .due_ns(k)
                    .map(|due| due.saturating_add(by_ns.saturating_mul(jumps)))
            }
        }
    }

    /// The fault that first shows in line `k`, where one does.
    pub fn shown_by(self, schedule: &Schedule, k: u64) -> Option<Fault> {
        let last_of_burst = k % schedule.burst() == schedule.burst() - 1;
        match self {
            Self::Due => None,
            Self::Shared => last_of_burst.then_some(Fault::DuplicateTimestamps),
            Self::Reversed => last_of_burst.then_some(Fault::OutOfOrderTimestamps),
            Self::Jumping { every, by_ns } => {
                (k > 0 && k.is_multiple_of(every)).then_some(match by_ns > 0 {
                    true => Fault::ClockJump,
                    false => Fault::ClockJumpBack,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::containers::Container;

    /// A container that prints two lines at once, each second.
    fn schedule() -> Schedule {
        let container = Container {
            lines_per_second: 2.0,
            burst: 2,
            ..Container::default()
        };
        Schedule::new(&container, 0)
    }

    fn stamps(fault: Fault) -> Stamps {
        Stamps::of(&ContainerFaults {
            faults: vec![Fault::Stall, fault],
            seed: 1,
            number: 0,
            last_rotation: None,
        })
    }

    fn shown(stamps: Stamps) -> Vec<i64> {
        let schedule = schedule();
        (0..4)
            .filter_map(|k| stamps.of_line(&schedule, k))
            .collect()
    }

    #[test]
    fn pairs_share_a_timestamp_or_have_it_the_wrong_way_round() {
        const SECOND: i64 = 1_000_000_000;
        assert_eq!(shown(Stamps::Due), [0, 1, SECOND, SECOND + 1]);
        let shared = shown(stamps(Fault::DuplicateTimestamps));
        assert_eq!(shared, [0, 0, SECOND, SECOND]);
        let reversed = shown(stamps(Fault::OutOfOrderTimestamps));
        assert_eq!(reversed, [1, 0, SECOND + 1, SECOND]);
    }

    #[test]
    fn a_clock_jumps_with_a_line_and_stays_where_it_is() {
        let ahead = stamps(Fault::ClockJump);
        let Stamps::Jumping { every, .. } = ahead else {
            panic!("{ahead:?}");
        };
        assert!(LINES_BETWEEN_JUMPS.contains(&every));
        let schedule = schedule();
        let ahead_by = |k| {
            let shown = ahead.of_line(&schedule, k).expect("prints");
            shown - schedule.due_ns(k).expect("prints")
        };
        assert_eq!((ahead_by(every - 1), ahead_by(every)), (0, JUMP_NS));
        assert_eq!(ahead_by(2 * every + 1), 2 * JUMP_NS);
        assert_eq!(ahead.shown_by(&schedule, every), Some(Fault::ClockJump));
        assert_eq!(ahead.shown_by(&schedule, every + 1), None);
    }
}
