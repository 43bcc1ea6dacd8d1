//! Durations as people type and read them: `90s`, `5m`, `1h30m`.

use std::time::Duration;

/// Parses a duration that must be longer than zero.
///
/// # Errors
/// Says what was expected when the text is no duration, has no unit, or is zero.
pub fn parse_positive(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err("must be longer than zero, as in 90s, 5m or 1h30m".into()),
        duration => Ok(duration),
    }
}

/// Parses a duration; `0` and `0s` are allowed.
///
/// # Errors
/// Says what was expected when the text is no duration or has no unit.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, as in 90s, 5m or 1h30m"))
}

/// Whole milliseconds, as the documents count time.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The shortest form that says the duration to the millisecond: `5m`, `1h 30m`, `250ms`.
pub fn format(duration: Duration) -> String {
    humantime::format_duration(Duration::from_millis(millis(duration))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_unit_is_refused_with_an_example() {
        let message = parse("90").expect_err("90 of what?");
        assert!(message.contains("90s, 5m or 1h30m"), "{message}");
    }

    #[test]
    fn compound_durations_are_read_and_written() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(format(Duration::from_secs(5400)), "1h 30m");
    }

    #[test]
    fn a_rotation_of_zero_is_refused() {
        assert!(parse_positive("0s").is_err());
    }
}
