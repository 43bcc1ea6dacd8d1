//! Times as Docker writes them, and as they stand in front of log lines.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

/// What Docker says of a time that has not come: Go's zero time.
pub const NEVER: &str = "0001-01-01T00:00:00Z";

const FIXED: DateTimePrinter = DateTimePrinter::new().precision(Some(9));

/// Appends RFC 3339 with nine fractional digits, as in front of log lines: 30 bytes.
pub fn write_fixed(out: &mut Vec<u8>, ns: i64) {
    // A Vec never refuses a write.
    let _ = FIXED.print_timestamp(&timestamp(ns), out);
}

/// RFC 3339 with as many fractional digits as it takes, as in `docker inspect`.
pub fn short(ns: i64) -> String {
    timestamp(ns).to_string()
}

/// Splits log lines as [`split_timestamp`] does. Of lines that come one after the other most are of the
/// same second, which is then parsed once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimestampReader {
    second: Option<([u8; SECOND_BYTES], i64)>,
}

/// `2026-11-23T17:00:00.`
const SECOND_BYTES: usize = 20;
/// `2026-11-23T17:00:00.000000000Z `, as Docker and Podman write it.
const FIXED_BYTES: usize = 31;

impl TimestampReader {
    /// The time and the text of a line; `None` where it has no time in front.
    pub fn split<'line>(&mut self, line: &'line [u8]) -> Option<(Timestamp, &'line [u8])> {
        if let Some(split) = self.split_fixed(line) {
            return Some(split);
        }
        let (timestamp, text) = split_timestamp(line)?;
        // What stands before the fraction is the second's own only where it says so: by `Z`.
        if let Some((second, rest)) = line.split_first_chunk::<SECOND_BYTES>()
            && second.ends_with(b".")
            && fraction(rest).is_some()
        {
            // Rounded down: before 1970 the fraction counts forward too.
            let started = timestamp.as_nanosecond().div_euclid(1_000_000_000);
            self.second = i64::try_from(started)
                .ok()
                .map(|started| (*second, started));
        }
        Some((timestamp, text))
    }

    fn split_fixed<'line>(&self, line: &'line [u8]) -> Option<(Timestamp, &'line [u8])> {
        let (known, second) = self.second.as_ref()?;
        let (prefix, rest) = line.split_first_chunk::<SECOND_BYTES>()?;
        if prefix != known {
            return None;
        }
        let timestamp = Timestamp::new(*second, fraction(rest)?).ok()?;
        Some((timestamp, &line[FIXED_BYTES..]))
    }
}

/// The nanoseconds of `000000000Z `.
fn fraction(text: &[u8]) -> Option<i32> {
    let (digits, rest) = text.split_first_chunk::<9>()?;
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    let nanoseconds = || (digits.iter()).fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'));
    (all_digits && rest.starts_with(b"Z ")).then(nanoseconds)
}

/// Splits a log line with a timestamp, `2026-11-23T17:00:00.000000000Z text`, into its time and
/// its text; `None` where it has no time in front.
pub fn split_timestamp(line: &[u8]) -> Option<(Timestamp, &[u8])> {
    let space = line.iter().position(|&byte| byte == b' ')?;
    let timestamp = std::str::from_utf8(&line[..space]).ok()?.parse().ok()?;
    Some((timestamp, &line[space + 1..]))
}

fn timestamp(ns: i64) -> Timestamp {
    // Every i64 of ns is within jiff's range (years -9999 to 9999).
    Timestamp::from_nanosecond(i128::from(ns)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn log_timestamps_have_a_fixed_width() {
        for ns in [
            0,
            5,
            1_795_453_965_446_394_030,
            1_800_000_000_000_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let mut out = Vec::new();
            write_fixed(&mut out, ns);
            let text = String::from_utf8(out).expect("ASCII");
            assert_eq!((text.len(), text.ends_with('Z')), (30, true), "{text}");
        }
        assert_eq!(short(1_800_000_000_500_000_000), "2027-01-15T08:00:00.5Z");
    }

    #[test]
    fn a_line_is_split_the_same_whatever_was_split_before_it() {
        let lines = [
            "2026-11-23T17:00:00.000000001Z one",
            "2026-11-23T17:00:00.999999999Z two",
            "2026-11-23T17:00:00.5Z three",
            "2026-11-23T17:00:00.123456789+02:00 four",
            "2026-11-23T17:00:00.12345678xZ five",
            "2026-11-23T17:00:00.123456789Z",
            "2026-11-23T17:00:01.000000000Z six",
            "1969-12-31T23:59:59.250000000Z seven",
            "1969-12-31T23:59:59.750000000Z eight",
            "no time",
            "",
        ];
        let mut reader = TimestampReader::default();
        for line in lines.iter().chain(lines.iter().rev()) {
            let line = line.as_bytes();
            assert_eq!(reader.split(line), split_timestamp(line));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            times in prop::collection::vec((0..3i64, 0..1_000_000_000i64), 1..20),
            start in -4_000_000_000..4_000_000_000i64,
        ) {
            let mut reader = TimestampReader::default();
            for (second, fraction) in times {
                let ns = (start + second) * 1_000_000_000 + fraction;
                let mut line = Vec::new();
                write_fixed(&mut line, ns);
                line.extend_from_slice(b" text");
                prop_assert_eq!(reader.split(&line), Some((timestamp(ns), &b"text"[..])));
            }
        }
    }
}
