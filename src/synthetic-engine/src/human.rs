//! Docker's words for how long ago: the `Up 5 minutes` of `docker ps`.

/// A span as Docker says it (docker/go-units, `HumanDuration`); negative ones count as zero.
pub fn span(nanos: i64) -> String {
    const HOUR_NS: i64 = 3_600_000_000_000;
    let seconds = nanos.max(0) / 1_000_000_000;
    let minutes = seconds / 60;
    let hours = nanos.max(0).saturating_add(HOUR_NS / 2) / HOUR_NS;
    match () {
        () if seconds < 1 => "Less than a second".into(),
        () if seconds == 1 => "1 second".into(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".into(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".into(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_in_docker_ps() {
        for (seconds, expected) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (61, "About a minute"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (3600 * 30, "30 hours"),
            (3600 * 24 * 3, "3 days"),
            (3600 * 24 * 20, "2 weeks"),
            (3600 * 24 * 100, "3 months"),
            (3600 * 24 * 800, "2 years"),
        ] {
            assert_eq!(span(seconds * 1_000_000_000), expected);
        }
    }
}
