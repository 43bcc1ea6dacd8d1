//! The figures of a report that a gate can ask for. Their names are a contract.

use crate::model::report::{Counts, Rate, WiringReport};

/// A figure of a wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Growth of tasks per rotation of one container.
    TasksPerRotation,
    /// Growth of file descriptors per rotation of one container.
    FdsPerRotation,
    /// Growth of all containers' tasks per minute, on the monitor's own clock.
    TasksPerMinute,
    /// Growth of all containers' file descriptors per minute, on the monitor's own clock.
    FdsPerMinute,
    /// Tasks at the end, less those at the baseline.
    TasksOverBaseline,
    /// File descriptors at the end, less those at the baseline.
    FdsOverBaseline,
    /// Lines that did not reach the consumer.
    LinesLost,
    /// Lines that reached the consumer again.
    LinesDuplicated,
    /// Containers that stopped rotating.
    ContainersHung,
    /// Rotations that were due and not made, over all containers.
    RotationsMissed,
    /// Rotations of an exercise's engine that no stream was opened anew after, over all containers.
    RotationsNotReopened,
    /// How long it took at most until a stream was opened anew that an exercise's engine rotated, in ms.
    ReopenDelayMs,
    /// Lines that an exercise's engine handed to no stream.
    LinesNotHandedOver,
}

impl Metric {
    /// All metrics, in the order in which the help lists them.
    pub const ALL: [Self; 13] = [
        Self::TasksPerRotation,
        Self::FdsPerRotation,
        Self::TasksPerMinute,
        Self::FdsPerMinute,
        Self::TasksOverBaseline,
        Self::FdsOverBaseline,
        Self::LinesLost,
        Self::LinesDuplicated,
        Self::ContainersHung,
        Self::RotationsMissed,
        Self::RotationsNotReopened,
        Self::ReopenDelayMs,
        Self::LinesNotHandedOver,
    ];

    /// The name that stands in an expression.
    pub fn name(self) -> &'static str {
        match self {
            Self::TasksPerRotation => "tasks_per_rotation",
            Self::FdsPerRotation => "fds_per_rotation",
            Self::TasksPerMinute => "tasks_per_minute",
            Self::FdsPerMinute => "fds_per_minute",
            Self::TasksOverBaseline => "tasks_over_baseline",
            Self::FdsOverBaseline => "fds_over_baseline",
            Self::LinesLost => "lines_lost",
            Self::LinesDuplicated => "lines_duplicated",
            Self::ContainersHung => "containers_hung",
            Self::RotationsMissed => "rotations_missed",
            Self::RotationsNotReopened => "rotations_not_reopened",
            Self::ReopenDelayMs => "reopen_delay_ms",
            Self::LinesNotHandedOver => "lines_not_handed_over",
        }
    }

    /// The metric of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Whether it tells of a leak. A monitor that is not alive leaks nothing, so that these figures
    /// say nothing of it.
    pub fn is_of_leak(self) -> bool {
        match self {
            Self::TasksPerRotation
            | Self::FdsPerRotation
            | Self::TasksPerMinute
            | Self::FdsPerMinute
            | Self::TasksOverBaseline
            | Self::FdsOverBaseline => true,
            Self::LinesLost
            | Self::LinesDuplicated
            | Self::ContainersHung
            | Self::RotationsMissed
            | Self::RotationsNotReopened
            | Self::ReopenDelayMs
            | Self::LinesNotHandedOver => false,
        }
    }

    /// What a wiring measured; `None` where that is not known.
    pub fn of(self, wiring: &WiringReport) -> Option<f64> {
        let (tasks, fds) = (wiring.rates.tasks, wiring.rates.fds);
        let followers = wiring.engine_side.followers.as_ref();
        let measured = match self {
            Self::TasksPerRotation => per_rotation(tasks),
            Self::FdsPerRotation => per_rotation(fds),
            Self::TasksPerMinute => per_minute(tasks),
            Self::FdsPerMinute => per_minute(fds),
            Self::TasksOverBaseline => growth(wiring, |counts| counts.tasks),
            Self::FdsOverBaseline => growth(wiring, |counts| counts.fds),
            Self::LinesLost => wiring.delivery.lost.map(|lines| lines as f64),
            Self::LinesDuplicated => wiring.delivery.duplicated.map(|lines| lines as f64),
            Self::ContainersHung => wiring.hung.containers.map(|count| count as f64),
            Self::RotationsMissed => wiring.rotations.missed.map(|count| count as f64),
            // Who was never rotated, or handed no line, has missed none and shown nothing.
            Self::RotationsNotReopened => (followers.filter(|seen| seen.rotations > 0))
                .map(|seen| seen.rotations.saturating_sub(seen.reopened) as f64),
            Self::ReopenDelayMs => {
                followers.and_then(|seen| seen.reopen_delay_ms.map(|delay| delay.longest))
            }
            Self::LinesNotHandedOver => {
                (followers.filter(|seen| seen.lines_sent > 0)).map(|seen| seen.lines_lost as f64)
            }
        };
        // Adding 0 turns -0 into 0. What is no number would meet every !=.
        measured
            .map(|value| value + 0.0)
            .filter(|value| value.is_finite())
    }
}

fn per_rotation(rate: Option<Rate>) -> Option<f64> {
    rate.and_then(|rate| rate.per_rotation_per_container)
}

fn per_minute(rate: Option<Rate>) -> Option<f64> {
    rate.map(|rate| rate.per_minute)
}

fn growth(wiring: &WiringReport, count: fn(Counts) -> Option<u64>) -> Option<f64> {
    let (first, last) = (
        wiring.baseline.and_then(count)?,
        wiring.r#final.and_then(count)?,
    );
    Some((i128::from(last) - i128::from(first)) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::test_report::wiring;
    use crate::model::report::{FollowersSide, ReopenDelay, Verdict};

    #[test]
    fn a_worker_that_was_not_heard_to_the_end_has_unknown_liveness() {
        let mut unheard = wiring("old", Verdict::Leaking, 2.0);
        unheard.hung.containers = None;
        unheard.rotations.missed = None;
        for metric in [Metric::ContainersHung, Metric::RotationsMissed] {
            assert_eq!(metric.of(&unheard), None, "{}", metric.name());
        }
        unheard.hung.containers = Some(3);
        assert_eq!(Metric::ContainersHung.of(&unheard), Some(3.0));
    }

    #[test]
    fn a_follower_that_followed_nothing_meets_no_gate_on_what_it_missed() {
        let of_exercise = [
            Metric::RotationsNotReopened,
            Metric::ReopenDelayMs,
            Metric::LinesNotHandedOver,
        ];
        let mut exercised = wiring("follower", Verdict::Starved, 0.0);
        exercised.engine_side.followers = Some(FollowersSide::default());
        assert_eq!(of_exercise.map(|metric| metric.of(&exercised)), [None; 3]);
        exercised.engine_side.followers = Some(FollowersSide {
            rotations: 4,
            reopened: 3,
            reopen_delay_ms: Some(ReopenDelay {
                median: 2.0,
                longest: 9.0,
            }),
            lines_sent: 5,
            lines_lost: 2,
            ..FollowersSide::default()
        });
        let measured = of_exercise.map(|metric| metric.of(&exercised));
        assert_eq!(measured, [Some(1.0), Some(9.0), Some(2.0)]);
    }

    #[test]
    fn growth_below_the_baseline_is_negative() {
        let mut shrunk = wiring("old", Verdict::Inconclusive, 0.0);
        shrunk.baseline = Some(Counts {
            tasks: Some(200),
            fds: None,
        });
        shrunk.r#final = Some(Counts {
            tasks: Some(152),
            fds: Some(13),
        });
        assert_eq!(Metric::TasksOverBaseline.of(&shrunk), Some(-48.0));
        assert_eq!(Metric::FdsOverBaseline.of(&shrunk), None);
    }

    #[test]
    fn a_rate_that_is_no_number_is_unknown() {
        for value in [f64::NAN, f64::INFINITY] {
            let strange = wiring("old", Verdict::Clean, value);
            assert_eq!(Metric::TasksPerRotation.of(&strange), None);
        }
    }
}
