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
}
