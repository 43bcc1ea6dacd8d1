//! The pace of the monitor's clock: how much faster than real time its own durations pass.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A factor by which every duration of the monitor is divided: rotation, heartbeat, health check,
/// wait limits, idle timeouts. The load (line rates, the consumer's delay) stays in wall time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pace(pub f64);

impl Pace {
    /// Wall time: no duration is divided.
    pub const REAL: Self = Self(1.0);

    /// The wall time that a duration of the monitor takes; never less than a millisecond, the
    /// resolution of the runtime's timer.
    pub fn of(self, duration: Duration) -> Duration {
        duration.div_f64(self.0).max(Duration::from_millis(1))
    }
}
