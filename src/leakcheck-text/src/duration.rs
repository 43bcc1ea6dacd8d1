//! Durations as people type and read them: `90s`, `5m`, `1h30m`.

use std::time::Duration;

/// Nothing takes longer, and sums of longer times have no room in a clock.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

use serde::de::Error;
use serde::{Deserialize, Deserializer};

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
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write a number and a unit, as in 90s, 5m or 1h30m"))?;
    match duration <= LONGEST {
        true => Ok(duration),
        false => Err("is too long: write 10y at most".into()),
    }
}

/// Whole milliseconds, as the documents count time.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The shortest form that says the duration to the millisecond: `5m`, `1h 30m`, `250ms`.
pub fn format(duration: Duration) -> String {
    humantime::format_duration(Duration::from_millis(millis(duration))).to_string()
}

/// The same of the milliseconds that a document counts.
pub fn format_millis(millis: u64) -> String {
    format(Duration::from_millis(millis))
}

/// A duration as a file has it, or as serde writes one.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a duration, as in \"90s\", \"5m\" or \"1h30m\""
)]
enum Written {
    Text(String),
    Parts(Duration),
}

impl Written {
    fn read<E: Error>(self) -> Result<Duration, E> {
        match self {
            Self::Text(text) => parse_positive(&text).map_err(E::custom),
            Self::Parts(duration) => Ok(duration),
        }
    }
}

/// Reads a duration from text, where it must be longer than zero, or from what serde wrote.
///
/// # Errors
/// Says what was expected.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    Written::deserialize(from)?.read()
}

/// [`deserialize`] for a duration that may be missing.
///
/// # Errors
/// As [`deserialize`].
pub fn deserialize_if_any<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Duration>, D::Error> {
    let written = Option::<Written>::deserialize(from)?;
    written.map(Written::read).transpose()
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
