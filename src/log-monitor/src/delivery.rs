//! Which lines of a container reached the consumer, and from where the next stream resumes.

use crate::log_position::LastLine;
use bytes::Bytes;
use jiff::Timestamp;

use synthetic_engine::timestamps::TimestampReader;
use synthetic_engine::workload::containers;

/// The delivery of one container's lines over all of its streams.
///
/// An engine includes the lines that have exactly the time of `since` (an old one takes it in whole
/// seconds), so a resumed stream repeats lines that were delivered already. They are told by their
/// position: every line before the last delivered timestamp, and as many lines with that timestamp
/// as were delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineDelivery {
    /// Lines that reached the consumer for the first time.
    pub read: u64,
    /// Numbered lines that were skipped over: a later line came without them.
    pub missing: u64,
    /// Numbered lines that reached the consumer again.
    pub duplicated: u64,
    /// Lines that carry no number of ours; for them neither loss nor repetition can be known.
    pub unnumbered: u64,
    /// The number that the next line carries when nothing is lost.
    pub next_sequence: u64,
    /// Lines that containers are known to have printed in whose place the present one was put.
    pub printed_before: u64,
    /// Lines without a timestamp where one was asked for.
    pub malformed: u64,
    last: Option<Position>,
    times: TimestampReader,
    /// While the present stream repeats what was delivered before: how many lines with the last
    /// delivered timestamp it has repeated so far.
    resuming: Option<u32>,
}

/// The last delivered timestamp and how many delivered lines carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    timestamp: Timestamp,
    lines: u32,
}

impl LineDelivery {
    /// A delivery that starts at `since` and wants nothing that was printed before.
    pub fn starting_at(since: Option<Timestamp>) -> Self {
        Self {
            last: since.map(|timestamp| Position {
                timestamp,
                lines: 0,
            }),
            ..Self::default()
        }
    }

    /// Goes on with another container, which prints its lines from the first one on.
    pub fn begin_anew(&mut self) {
        self.printed_before += self.next_sequence;
        self.next_sequence = 0;
        self.last = None;
        self.resuming = None;
    }

    /// The `since` of the next stream, `None` for all there is; tells that a new stream begins.
    pub fn resume(&mut self) -> Option<Timestamp> {
        self.resuming = Some(0);
        self.last.map(|last| last.timestamp)
    }

    /// Takes one line as the engine sent it, its timestamp in front.
    pub fn deliver(&mut self, line: &Bytes) {
        let Some((timestamp, text)) = self.times.split(line) else {
            self.malformed += 1;
            return;
        };
        if self.is_repeated(timestamp) {
            return;
        }
        self.resuming = None;
        match &mut self.last {
            // A container's two output streams may be logged slightly out of order.
            Some(last) if timestamp < last.timestamp => {}
            Some(last) if timestamp == last.timestamp => last.lines += 1,
            _ => {
                self.last = Some(Position {
                    timestamp,
                    lines: 1,
                });
            }
        }
        self.count(containers::line_sequence(text));
    }

    /// Whether the line is one of those that a resumed stream repeats before it goes on.
    fn is_repeated(&mut self, timestamp: Timestamp) -> bool {
        let (Some(repeated), Some(last)) = (&mut self.resuming, self.last) else {
            return false;
        };
        if timestamp == last.timestamp {
            *repeated += 1;
            return *repeated <= last.lines;
        }
        timestamp < last.timestamp
    }

    /// How far delivery is behind `last`, 0 when it has come: in lines where they carry numbers,
    /// else in milliseconds of log, rounded up.
    pub fn behind(&self, last: LastLine) -> u64 {
        // Where nothing was delivered yet, delivery stands at the moment from which on it is wanted.
        match (last.sequence, self.last) {
            (Some(sequence), _) => sequence
                .saturating_add(1)
                .saturating_sub(self.next_sequence),
            (None, None) => u64::MAX,
            (None, Some(at)) => {
                let nanos = last.timestamp.as_nanosecond() - at.timestamp.as_nanosecond();
                u64::try_from(nanos).map_or(0, |nanos| nanos.div_ceil(1_000_000))
            }
        }
    }

    /// When the last delivered line was printed.
    pub fn last_timestamp(&self) -> Option<Timestamp> {
        self.last
            .filter(|last| last.lines > 0)
            .map(|last| last.timestamp)
    }

    fn count(&mut self, sequence: Option<u64>) {
        match sequence {
            None => {
                self.unnumbered += 1;
                self.read += 1;
            }
            Some(sequence) if sequence < self.next_sequence => self.duplicated += 1,
            Some(sequence) => {
                self.missing += sequence - self.next_sequence;
                self.next_sequence = sequence.saturating_add(1);
                self.read += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use synthetic_engine::timestamps::split_timestamp;

    /// Line `sequence` of a container that prints `per_timestamp` lines within one timestamp.
    fn line(sequence: u64, per_timestamp: u64) -> Bytes {
        let at = Timestamp::from_nanosecond(
            1_700_000_000_000_000_000 + i128::from(sequence / per_timestamp) * 300_000_000,
        )
        .expect("a time in this century");
        Bytes::from(format!(
            "{at:.9} {}\n",
            containers::line_text("web-00", sequence)
        ))
    }

    proptest! {
        #[test]
        fn every_line_is_delivered_once_wherever_streams_are_cut(
            cuts in prop::collection::vec(0u64..40, 1..8),
            per_timestamp in 1u64..4,
            whole_seconds in any::<bool>(),
        ) {
            let mut delivery = LineDelivery::default();
            let mut printed = 0;
            for cut in cuts {
                printed += cut;
                let since = delivery.resume();
                // The engine repeats everything from `since` on, or from its second.
                for sequence in 0..printed {
                    let line = line(sequence, per_timestamp);
                    let (at, _) = split_timestamp(&line).expect("a timestamp");
                    let repeated = since.is_none_or(|since| match whole_seconds {
                        true => at.as_second() >= since.as_second(),
                        false => at >= since,
                    });
                    if repeated {
                        delivery.deliver(&line);
                    }
                }
            }
            prop_assert_eq!(delivery.read, printed);
            prop_assert_eq!(delivery.duplicated + delivery.missing, 0);
        }
    }

    #[test]
    fn lines_logged_out_of_order_are_all_delivered() {
        let mut delivery = LineDelivery::default();
        delivery.resume();
        for second in [10, 12, 11, 13] {
            let line = format!("2026-01-01T00:00:{second}.000000000Z to stdout or stderr\n");
            delivery.deliver(&Bytes::from(line));
        }
        assert_eq!(delivery.unnumbered, 4);
    }

    #[test]
    fn a_gap_counts_every_line_that_is_missing() {
        let mut delivery = LineDelivery::default();
        for sequence in [0, 1, 5] {
            delivery.deliver(&line(sequence, 1));
        }
        assert_eq!((delivery.read, delivery.missing), (3, 3));
    }

    #[test]
    fn a_line_with_an_old_number_and_a_new_time_is_a_duplicate() {
        let mut delivery = LineDelivery::default();
        delivery.deliver(&line(0, 1));
        delivery.deliver(&Bytes::from(
            "2026-01-01T00:00:00.000000001Z leakcheck web-00 line 0\n",
        ));
        assert_eq!((delivery.read, delivery.duplicated), (1, 1));
    }

    #[test]
    fn a_line_from_before_the_first_wanted_moment_is_not_waited_for() {
        let second = |second: i64| Timestamp::new(1_700_000_000 + second, 0).expect("a time");
        let delivery = LineDelivery::starting_at(Some(second(10)));
        let behind = |timestamp| {
            delivery.behind(LastLine {
                timestamp,
                sequence: None,
            })
        };
        assert_eq!((behind(second(9)), behind(second(12))), (0, 2000));
    }

    #[test]
    fn text_without_a_timestamp_is_counted_as_malformed() {
        let mut delivery = LineDelivery::default();
        for text in ["", "no-time here", "\u{1}\u{2}"] {
            delivery.deliver(&Bytes::from(text));
        }
        assert_eq!((delivery.read, delivery.malformed), (0, 3));
    }
}
