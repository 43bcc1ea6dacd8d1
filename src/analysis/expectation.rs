//! What a wiring is expected to have left after some time: the closed form, scaled.

use std::time::Duration;

use leakcheck_report::model::predict::{Driver, Growth, Scaled, Streams, WiringPrediction};
use leakcheck_report::model::report::Predicted;
use log_monitor::wiring::{InGo, Wiring};

use super::prediction::{Load, predict};

/// How far ahead to look, and under which load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    /// The load.
    pub load: Load,
    /// The time from the moment at which every stream is open.
    pub duration: Duration,
}

impl Horizon {
    /// The stream rotations that come due.
    pub fn streams(&self) -> Streams {
        let whole = self.whole(self.load.rotation);
        let fractional = self.duration.as_secs_f64() / self.load.rotation.as_secs_f64();
        Streams {
            rotations_per_container: whole,
            rotations_per_container_fractional: fractional,
            rotations_due: self.load.containers.saturating_mul(whole),
            rotations_due_fractional: self.load.containers as f64 * fractional,
        }
    }

    /// The whole intervals of this length that fit.
    fn whole(&self, interval: Duration) -> u64 {
        let count = self.duration.as_nanos() / interval.as_nanos().max(1);
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    /// Scales what a rotation of a container leaves, for so many containers that do rotate.
    fn scale(&self, left: f64, of_containers: u64, times: f64) -> Scaled {
        let containers = of_containers as f64;
        Scaled {
            per_rotation_per_container: left,
            per_minute: left * containers * 60.0 / self.load.rotation.as_secs_f64(),
            total: left * containers * times,
        }
    }
}

/// What a wiring is expected to leave in Rust, by [`predict`]; and what it left in Go, scaled
/// likewise.
pub fn expect(wiring: &Wiring, horizon: Horizon) -> WiringPrediction {
    let predicted = predict(wiring, horizon.load);
    let driver = driver(wiring, horizon.load, &predicted);
    // Only whole events leave something: rotations, or the checks that a rotation's share is of.
    let times = match (driver, wiring.health_check) {
        (Some(Driver::HealthCheck), Some(check)) => {
            let per_rotation = horizon.load.rotation.as_secs_f64() / check.every.as_secs_f64();
            horizon.whole(check.every) as f64 / per_rotation
        }
        _ => horizon.whole(horizon.load.rotation) as f64,
    };
    let rust = |left: Option<f64>| Some(horizon.scale(left?, horizon.load.containers, times));
    WiringPrediction {
        name: wiring.name.clone(),
        driver,
        containers_hung: predicted.containers_hung,
        rust: Growth {
            tasks: rust(predicted.tasks_per_rotation_per_container),
            fds: rust(predicted.fds_per_rotation_per_container),
        },
        go_reference: wiring
            .go
            .as_ref()
            .filter(|go| go.goroutines.is_some() || go.fds.is_some())
            .map(|go| scaled_reference(go, &predicted, horizon)),
    }
}

/// What drives a wiring's leak: its health check where nothing is left without it. `None` where
/// nothing leaks in either language, or where neither has a figure.
fn driver(wiring: &Wiring, load: Load, predicted: &Predicted) -> Option<Driver> {
    let leaks = |predicted: &Predicted| {
        predicted.tasks_per_rotation_per_container > Some(0.0)
            || predicted.fds_per_rotation_per_container > Some(0.0)
    };
    let left_in_go = wiring.go.as_ref().and_then(|go| go.goroutines);
    if !leaks(predicted) {
        return (left_in_go > Some(0.0)).then_some(Driver::Rotation);
    }
    let unchecked = Wiring {
        health_check: None,
        ..wiring.clone()
    };
    if leaks(&predict(&unchecked, load)) {
        Some(Driver::Rotation)
    } else {
        Some(Driver::HealthCheck)
    }
}

/// Go's figures are of a container that rotates; those that hang leave nothing more.
fn scaled_reference(go: &InGo, predicted: &Predicted, horizon: Horizon) -> Growth {
    let rotating = horizon
        .load
        .containers
        .saturating_sub(predicted.containers_hung.unwrap_or(0));
    let times = horizon.whole(horizon.load.rotation) as f64;
    let scaled = |left: Option<f64>| Some(horizon.scale(left?, rotating, times));
    Growth {
        tasks: scaled(go.goroutines),
        fds: scaled(go.fds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wirings;

    fn incident() -> Horizon {
        Horizon {
            load: Load {
                containers: 50,
                silent: Some(25),
                back_pressure: false,
                rotation: Duration::from_secs(300),
                restart: None,
                faults: false,
            },
            duration: Duration::from_secs(58 * 60),
        }
    }

    fn expected(name: &str) -> WiringPrediction {
        expect(&wirings::find(name).expect("a wiring"), incident())
    }

    #[test]
    fn the_incidents_58_minutes_hold_11_whole_rotations_and_11_6_on_average() {
        let streams = incident().streams();
        assert_eq!(streams.rotations_per_container, 11);
        assert_eq!(streams.rotations_due, 550);
        assert!((streams.rotations_per_container_fractional - 11.6).abs() < 1e-9);
        assert!((streams.rotations_due_fractional - 580.0).abs() < 1e-9);
    }

    #[test]
    fn totals_are_of_whole_rotations_and_rates_of_the_long_run() {
        let old = expected("old");
        let tasks = old.rust.tasks.expect("a figure");
        assert_eq!((tasks.per_minute, tasks.total), (20.0, 1100.0));
        let go = old.go_reference.expect("measured").tasks.expect("a figure");
        assert_eq!((go.per_minute, go.total), (30.0, 1650.0));
        assert_eq!(old.driver, Some(Driver::Rotation));
    }

    #[test]
    fn a_health_check_is_counted_by_its_own_clock() {
        let checked = expected("health-check-throwaway");
        let fds = checked.rust.fds.expect("a figure");
        assert_eq!(checked.driver, Some(Driver::HealthCheck));
        // 116 checks of each container, not the 110 of 11 whole rotations.
        assert!((fds.total - 5800.0).abs() < 1e-6, "{}", fds.total);
        assert_eq!(fds.per_minute, 100.0);
    }

    #[test]
    fn containers_that_hang_leave_nothing_more_in_go() {
        let go = expected("wait-only").go_reference.expect("measured");
        assert_eq!(go.tasks.map(|tasks| tasks.total), Some(550.0));
    }
}
