//! A log request: which lines of a container a client asks for.

use std::sync::Arc;

use crate::container::SyntheticContainer;
use crate::daemon::Daemon;
use crate::errors::ApiError;
use crate::faults::stamps::Stamps;
use crate::follow::{LogStream, Moments};
use crate::frames::LineFormat;
use crate::query::Query;
use crate::schedule::Schedule;

/// The parameters of `GET /containers/{id}/logs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// Whether the response goes on with new lines.
    pub follow: bool,
    /// Whether stdout is wanted, where all the lines are.
    pub stdout: bool,
    /// Whether each line starts with its timestamp.
    pub timestamps: bool,
    /// Lines due before it are left out; unix ns.
    pub since_ns: Option<i64>,
    /// Lines due after it are left out, and a follow ends then; unix ns.
    pub until_ns: Option<i64>,
    /// Only this many of the lines printed so far; `None` for all.
    pub tail: Option<u64>,
}

impl LogRequest {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 where no stream is chosen or a time is none.
    pub fn parse(query: &Query) -> Result<Self, ApiError> {
        if !query.flag("stdout") && !query.flag("stderr") {
            return Err(ApiError::no_stream_chosen());
        }
        Ok(Self {
            follow: query.flag("follow"),
            stdout: query.flag("stdout"),
            timestamps: query.flag("timestamps"),
            since_ns: query.moment_ns("since")?,
            until_ns: query.moment_ns("until")?,
            // As in Docker, what is no number means all, as `all` does.
            tail: query.get("tail").and_then(|tail| tail.parse().ok()),
        })
    }

    /// Opens the response body for a container.
    pub fn open(&self, daemon: &Daemon, container: &Arc<SyntheticContainer>) -> LogStream {
        let schedule = if self.stdout {
            container.schedule
        } else {
            Schedule::silent()
        };
        let printed = container.lines_due(&schedule, daemon.clock.now_ns());
        // What is stamped with another time than the one at which it is due is looked at line by line.
        let looked_at = self.since_ns.filter(|_| container.stamps != Stamps::Due);
        let since_ns = self.since_ns.filter(|_| looked_at.is_none());
        let lines = self.range(&schedule, printed, since_ns);
        let follow = self.follow.then(|| daemon.counts.stream());
        let format = LineFormat {
            timestamps: self.timestamps,
            tty: container.tty,
        };
        LogStream::new(
            daemon,
            container,
            schedule,
            lines,
            format,
            follow,
            Moments {
                since_ns: looked_at,
                until_ns: self.until_ns,
            },
        )
    }

    /// The first line to send, and the one to stop before. As in Docker, `tail` counts from the
    /// end of the log before `since` and `until` are looked at.
    fn range(
        &self,
        schedule: &Schedule,
        printed: u64,
        since_ns: Option<i64>,
    ) -> std::ops::Range<u64> {
        let after_tail = self.tail.map_or(0, |tail| printed.saturating_sub(tail));
        let since = since_ns.map_or(0, |since| schedule.first_since(since));
        let until = self
            .until_ns
            .map_or(u64::MAX, |until| schedule.due_by(until));
        let end = if self.follow { u64::MAX } else { printed };
        after_tail.max(since)..end.min(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::containers::Container;

    const S: i64 = 1_000_000_000;

    /// The lines asked for of a container that prints one line a second from time 0, at 9.5 s.
    fn range(query: &str) -> std::ops::Range<u64> {
        let container = Container {
            name: "web".into(),
            lines_per_second: 1.0,
            ..Container::default()
        };
        let schedule = Schedule::new(&container, 0);
        let query = Query::parse(Some(query));
        let request = LogRequest::parse(&query).expect("a valid query");
        request.range(&schedule, schedule.due_by(9 * S + S / 2), request.since_ns)
    }

    #[test]
    fn all_printed_lines_are_the_default() {
        assert_eq!(range("stdout=1"), 0..10);
        assert_eq!(range("stdout=1&tail=all"), 0..10);
        assert_eq!(range("stdout=1&tail=-1"), 0..10);
    }

    #[test]
    fn since_and_until_are_inclusive() {
        assert_eq!(range("stdout=1&since=3&until=5"), 3..6);
        assert_eq!(range("stdout=1&since=3.000000001"), 4..10);
    }

    #[test]
    fn tail_counts_from_the_end_before_since_narrows_it() {
        assert_eq!(range("stdout=1&tail=3"), 7..10);
        assert_eq!(range("stdout=1&tail=3&since=2"), 7..10);
        assert_eq!(range("stdout=1&tail=3&since=8"), 8..10);
        assert_eq!(range("stdout=1&tail=0&follow=1"), 10..u64::MAX);
        assert_eq!(range("stdout=1&tail=99"), 0..10);
    }

    #[test]
    fn a_follow_may_start_in_the_future() {
        assert_eq!(range("stdout=1&follow=1&since=20"), 20..u64::MAX);
    }

    #[test]
    fn no_stream_is_refused() {
        let error = LogRequest::parse(&Query::parse(Some("follow=1"))).expect_err("no stream");
        assert_eq!(error, ApiError::no_stream_chosen());
    }
}
