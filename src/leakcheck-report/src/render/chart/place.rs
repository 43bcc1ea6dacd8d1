//! The places on a chart's horizontal axis, and figures as people read them.

use std::time::Duration;

use leakcheck_text::duration;

const MINUTE: f64 = 60.0;

/// What the places on a chart's horizontal axis count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Rotations, 0 for the baseline.
    Rotation,
    /// Seconds since the first reading.
    Seconds,
}

/// A value as people read it: whole where it is, else with up to two decimals.
pub(super) fn figure(value: f64) -> String {
    let rounded = (value * 100.0).round() / 100.0;
    // Adding 0 turns -0 into 0.
    format!("{}", rounded + 0.0)
}

/// Seconds as people read them: `12.5 s`, `3m 20s`.
pub fn seconds_in_words(seconds: f64) -> String {
    if seconds.abs() < 2.0 * MINUTE {
        return format!("{} s", figure(seconds));
    }
    let whole = Duration::try_from_secs_f64(seconds.round()).unwrap_or(Duration::MAX);
    duration::format(whole)
}
