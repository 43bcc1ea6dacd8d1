//! What is known of the measuring: plain data, which news change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::text::one_line;

/// So many of the last messages are kept for the screen; all are printed when it is left.
const MESSAGES: usize = 50;
/// A longer series is thinned to half of it: no terminal has so many columns.
const POINTS: usize = 1000;

/// What is new.
#[derive(Debug, Clone)]
pub enum News {
    /// What is measured and under which conditions, and in what the slopes are told.
    Title(String, &'static str),
    /// How far it is: the rotation, or the time; or what is waited for.
    Progress(String),
    /// The wirings, or the process, by their names.
    Subjects(Vec<String>),
    /// How one of them stands, by its number.
    Counts(usize, Vec<Count>, Vec<Fact>),
    /// The spawn sites of one of them.
    Sites(usize, Vec<LiveSite>),
    /// Something that was said.
    Message(String),
}

/// A count of something.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    /// Of what: `tasks`, `fds`.
    pub what: &'static str,
    /// At the baseline; `None` before.
    pub first: Option<u64>,
    /// Now.
    pub now: u64,
    /// The slope so far; `None` where there is none yet.
    pub each: Option<f64>,
}

/// Something else that is told of a subject, in a column of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What its column is called.
    pub heading: &'static str,
    /// What stands in it.
    pub value: String,
}

/// What started tasks, and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSite {
    /// What its tasks are called.
    pub label: Arc<str>,
    /// How many there were at the baseline.
    pub first: u64,
    /// How many there are now.
    pub now: u64,
    /// Growth per rotation of one container, per rotation, or per minute, as the counts' own.
    pub each: Option<f64>,
}

impl LiveSite {
    /// By how many they have become more.
    pub fn growth(&self) -> i128 {
        i128::from(self.now) - i128::from(self.first)
    }
}

/// A wiring, or a process.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    pub(super) name: String,
    pub(super) counts: Vec<Count>,
    pub(super) facts: Vec<Fact>,
    pub(super) sites: Vec<LiveSite>,
    pub(super) series: CountSeries,
}

/// Everything that is shown.
#[derive(Debug, Clone, Default)]
pub(super) struct LiveState {
    pub(super) title: String,
    /// In what slopes are told: a rotation of one container.
    pub(super) each: &'static str,
    pub(super) progress: String,
    pub(super) subjects: Vec<Subject>,
    pub(super) messages: VecDeque<String>,
}

impl LiveState {
    /// Takes news in that came so long after the start.
    pub(super) fn hear(&mut self, news: News, at: Duration) {
        match news {
            News::Title(title, each) => (self.title, self.each) = (one_line(&title), each),
            News::Progress(progress) => self.progress = one_line(&progress),
            News::Subjects(names) => {
                let named = |name: String| Subject {
                    name: one_line(&name),
                    ..Subject::default()
                };
                self.subjects = names.into_iter().map(named).collect();
            }
            News::Counts(subject, counts, facts) => {
                let Some(subject) = self.subjects.get_mut(subject) else {
                    return;
                };
                if let Some(count) = counts.first() {
                    subject.series.push((at.as_secs_f64(), count.now as f64));
                }
                (subject.counts, subject.facts) = (counts, facts);
            }
            News::Sites(subject, sites) => {
                let Some(subject) = self.subjects.get_mut(subject) else {
                    return;
                };
                subject.sites = sites;
                for site in &mut subject.sites {
                    site.label = one_line(&site.label).into();
                }
            }
            News::Message(message) => {
                self.messages.push_back(one_line(&message));
                if self.messages.len() > MESSAGES {
                    self.messages.pop_front();
                }
            }
        }
    }

    /// All sites, each with the number of its subject.
    pub(super) fn sites(&self) -> impl Iterator<Item = (usize, &LiveSite)> {
        let subjects = self.subjects.iter().enumerate();
        subjects.flat_map(|(number, subject)| subject.sites.iter().map(move |site| (number, site)))
    }
}

/// A count over time, of which no more points are kept than can be drawn.
#[derive(Debug, Clone)]
pub(super) struct CountSeries {
    points: Vec<(f64, f64)>,
    /// One of so many readings is kept …
    every: usize,
    /// … and so many came since; the last of them stands at the end until the next is kept.
    since: usize,
}

impl Default for CountSeries {
    fn default() -> Self {
        Self {
            points: Vec::new(),
            every: 1,
            since: 0,
        }
    }
}

impl CountSeries {
    fn push(&mut self, point: (f64, f64)) {
        match self.points.last_mut() {
            Some(last) if !self.since.is_multiple_of(self.every) => *last = point,
            _ => self.points.push(point),
        }
        self.since += 1;
        if self.points.len() > POINTS {
            let mut number = 0;
            self.points.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// The points in their order, the last reading among them.
    pub(super) fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(now: u64) -> News {
        let tasks = Count {
            what: "tasks",
            first: Some(4),
            now,
            each: None,
        };
        News::Counts(0, vec![tasks], Vec::new())
    }

    #[test]
    fn a_long_series_is_thinned_and_keeps_its_first_and_its_last_point() {
        let mut series = CountSeries::default();
        for number in 0..10_000 {
            series.push((f64::from(number), f64::from(number)));
            assert_eq!(
                series.points().last().map(|point| point.0),
                Some(f64::from(number))
            );
        }
        let points = series.points();
        assert!(
            (POINTS / 2..=POINTS).contains(&points.len()),
            "{}",
            points.len()
        );
        assert_eq!(points[0], (0.0, 0.0));
        assert!(points.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn news_of_a_subject_that_is_not_there_change_nothing() {
        let mut state = LiveState::default();
        state.hear(counts(7), Duration::ZERO);
        state.hear(News::Sites(3, Vec::new()), Duration::ZERO);
        assert!(state.subjects.is_empty());
    }

    #[test]
    fn names_and_messages_are_kept_without_control_characters() {
        let mut state = LiveState::default();
        state.hear(News::Subjects(vec!["a\u{1b}[2Jb\n".into()]), Duration::ZERO);
        for number in 0..MESSAGES + 5 {
            state.hear(News::Message(format!("{number}\r\u{7}")), Duration::ZERO);
        }
        assert_eq!(state.subjects[0].name, "a [2Jb ");
        assert_eq!(state.messages.len(), MESSAGES);
        assert_eq!(state.messages.back().map(String::as_str), Some("54  "));
    }
}
