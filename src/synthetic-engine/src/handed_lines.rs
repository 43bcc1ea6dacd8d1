//! The lines of one container, and the streams that hand them over: which were handed over again at a
//! resume, which to two streams at the same time, and which to none.
//!
//! Docker's `since` is inclusive: who resumes from the last line that he was handed is handed it again.
//! Such a line is *redelivered*, as is any that a new stream begins with once the streams before it are
//! over. A line is *repeated* that two streams hand over at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::sent_lines::SentLines;

/// What a stream is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The lines that it is to hand over.
    pub lines: Range<u64>,
    /// Lines that are due as it opens.
    pub due: u64,
    /// Whether it goes on with new lines.
    pub follows: bool,
}

/// What became of the lines that are due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinesTold {
    /// Handed over, each counted once.
    pub sent: u64,
    /// Handed to no stream: a later one began, or went on, after them, or they can be had no more.
    pub lost: u64,
    /// Handed to several streams at the same time.
    pub repeated: u64,
    /// Handed over again at a resume.
    pub redelivered: u64,
    /// An open stream has yet to hand them over.
    pub behind: u64,
    /// They came when no stream was open, and a later one can still ask for them.
    pub waiting: u64,
}

/// The lines of one container, which may have taken the place of another.
#[derive(Debug, Default)]
pub struct HandedLines {
    /// Whether it took the place of another.
    replaces: bool,
    sent: SentLines,
    streams: BTreeMap<u64, OpenStream>,
    /// No stream that was opened begins, or has gone on, after this line.
    reached: u64,
    repeated: u64,
    redelivered: u64,
}

#[derive(Debug)]
struct OpenStream {
    /// Lines that it has yet to hand over.
    left: Range<u64>,
    /// Lines before this one were due as it opened.
    due_at_first: u64,
    follows: bool,
    /// It was rotated, or nothing more comes: whoever opens another does not follow twice.
    over: bool,
    /// Streams that were open as it opened, and may be read on.
    rivals: BTreeSet<u64>,
    /// Whether one of them was.
    follows_twice: bool,
    /// Lines that it handed over again while it had rivals.
    contested: u64,
}

impl HandedLines {
    /// Those of a container that takes the place of another.
    pub fn of_replacement() -> Self {
        Self {
            replaces: true,
            ..Self::default()
        }
    }

    /// A stream opens.
    pub fn open(&mut self, stream: u64, asked: &Asked) {
        let rivals = (self.streams.iter()).filter(|(_, other)| other.follows && !other.over);
        let opened = OpenStream {
            left: asked.lines.clone(),
            due_at_first: asked.due,
            follows: asked.follows,
            over: false,
            rivals: rivals.map(|(id, _)| *id).collect(),
            follows_twice: false,
            contested: 0,
        };
        self.reached = self.reached.max(asked.lines.start);
        self.streams.insert(stream, opened);
    }

    /// A stream hands lines over.
    pub fn hand_over(&mut self, stream: u64, lines: Range<u64>) {
        self.reached = self.reached.max(lines.end);
        let Some(by) = self.streams.get_mut(&stream) else {
            return;
        };
        by.left.start = lines.end.max(by.left.start);
        let first_new = by.due_at_first.clamp(lines.start, lines.end);
        let old_again = self.sent.add(lines.start..first_new);
        // What came due while it was open it shares with another that was open too.
        let new_again = self.sent.add(first_new..lines.end);
        match (by.over, by.follows_twice, by.rivals.is_empty()) {
            (true, ..) => self.redelivered += old_again + new_again,
            (_, true, _) => self.repeated += old_again + new_again,
            (_, _, true) => {
                self.redelivered += old_again;
                self.repeated += new_again;
            }
            (_, _, false) => {
                by.contested += old_again;
                self.repeated += new_again;
            }
        }
        if by.over {
            return;
        }
        // It is read on: who was opened beside it follows a second time.
        for other in self.streams.values_mut() {
            if other.rivals.contains(&stream) {
                other.follows_twice = true;
                self.repeated += std::mem::take(&mut other.contested);
            }
        }
    }

    /// All open streams are rotated; so many lines are due.
    pub fn rotate(&mut self, due: u64) {
        let open: Vec<u64> = self.streams.keys().copied().collect();
        for stream in open {
            self.is_over(stream, due);
        }
    }

    /// Nothing more comes from a stream but what is due by now.
    pub fn is_over(&mut self, stream: u64, due: u64) {
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.over = true;
            stream.left.end = stream.left.end.min(due).max(stream.left.start);
        }
        self.gives_way(stream);
    }

    /// A stream ends.
    pub fn close(&mut self, stream: u64) {
        if let Some(closed) = self.streams.remove(&stream) {
            self.repeated += closed.contested;
        }
        self.gives_way(stream);
    }

    /// Whoever was opened beside a stream is a resume of it.
    fn gives_way(&mut self, stream: u64) {
        for other in self.streams.values_mut() {
            if other.rivals.remove(&stream) && other.rivals.is_empty() {
                self.redelivered += std::mem::take(&mut other.contested);
                other.follows_twice = false;
            }
        }
    }

    /// Whether a stream is open.
    pub fn is_open(&self) -> bool {
        !self.streams.is_empty()
    }

    /// What became of the lines, of which so many are due.
    pub fn tell(&self, due: u64) -> LinesTold {
        let mut to_come = self.sent.clone();
        for stream in self.streams.values() {
            to_come.add(stream.left.start..stream.left.end.min(due));
        }
        // Who comes to a container that runs already is not told what it said before; who follows
        // one that is replaced misses what the new one says until he follows it.
        let from = match self.replaces {
            false => to_come.first().unwrap_or(due),
            true => 0,
        };
        let missing = |lines: Range<u64>| {
            let all = lines.end.saturating_sub(lines.start);
            all - to_come.count_within(lines)
        };
        let reached = self.reached.clamp(from.min(due), due);
        let contested = self.streams.values().map(|stream| stream.contested);
        LinesTold {
            sent: self.sent.count(),
            lost: missing(from..reached),
            repeated: self.repeated + contested.sum::<u64>(),
            redelivered: self.redelivered,
            behind: to_come.count().saturating_sub(self.sent.count()),
            waiting: missing(reached..due),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream is asked for lines from this one on, when so many are due.
    fn from(line: u64, due: u64) -> Asked {
        Asked {
            lines: line..u64::MAX,
            due,
            follows: true,
        }
    }

    #[test]
    fn a_resume_from_the_last_line_is_handed_it_again_and_no_more() {
        let mut lines = HandedLines::default();
        lines.open(1, &from(0, 0));
        lines.hand_over(1, 0..5);
        lines.close(1);
        lines.open(2, &from(4, 7));
        lines.hand_over(2, 4..8);
        let told = lines.tell(8);
        assert_eq!((told.redelivered, told.repeated, told.lost), (1, 0, 0));
    }

    #[test]
    fn a_resume_that_overtakes_the_end_of_the_stream_before_is_one_all_the_same() {
        let mut lines = HandedLines::default();
        lines.open(1, &from(0, 0));
        lines.hand_over(1, 0..5);
        lines.open(2, &from(4, 5));
        lines.hand_over(2, 4..5);
        assert_eq!(lines.tell(5).repeated, 1, "both are open");
        lines.close(1);
        lines.hand_over(2, 5..6);
        let told = lines.tell(6);
        assert_eq!((told.redelivered, told.repeated), (1, 0));
    }

    #[test]
    fn two_streams_at_the_same_time_repeat_what_both_hand_over() {
        let mut lines = HandedLines::default();
        lines.open(1, &from(0, 0));
        lines.hand_over(1, 0..5);
        lines.open(2, &from(3, 5));
        lines.hand_over(2, 3..5);
        for line in 5..8 {
            lines.hand_over(1, line..line + 1);
            lines.hand_over(2, line..line + 1);
        }
        lines.close(1);
        let told = lines.tell(8);
        assert_eq!((told.redelivered, told.repeated), (0, 5));
    }

    #[test]
    fn a_stream_that_was_rotated_may_hand_over_its_last_lines_late() {
        let mut lines = HandedLines::default();
        lines.open(1, &from(0, 0));
        lines.hand_over(1, 0..5);
        lines.rotate(7);
        lines.open(2, &from(4, 7));
        lines.hand_over(2, 4..7);
        lines.hand_over(1, 5..7);
        let told = lines.tell(7);
        assert_eq!((told.redelivered, told.repeated, told.lost), (3, 0, 0));
    }

    #[test]
    fn lines_between_two_streams_are_lost_once_a_later_one_passes_them_by() {
        let mut lines = HandedLines::default();
        lines.open(1, &from(5, 5));
        lines.hand_over(1, 5..10);
        assert_eq!(lines.tell(12).behind, 2, "the stream is open");
        lines.close(1);
        let told = lines.tell(12);
        assert_eq!((told.lost, told.waiting), (0, 2), "nobody follows");
        lines.open(2, &from(14, 14));
        assert_eq!(lines.tell(15).lost, 4);
        lines.hand_over(2, 14..20);
        let told = lines.tell(20);
        assert_eq!((told.sent, told.lost, told.waiting), (11, 4, 0));
    }
}
