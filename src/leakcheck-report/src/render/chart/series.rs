//! What a chart shows, before any drawing.

use super::place::{Place, figure, seconds_in_words};

/// A chart: series that have a value, or none, at the same places.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it is of, as a heading.
    pub title: String,
    /// What the places count.
    pub place: Place,
    /// What the values count.
    pub unit: String,
    /// How the series are drawn.
    pub shape: Shape,
    /// The places, in ascending order.
    pub places: Vec<f64>,
    /// The series.
    pub series: Vec<Series>,
    /// Moments that are marked.
    pub marks: Vec<Mark>,
    /// What comes before this place was not judged.
    pub judged_from: Option<f64>,
}

/// How series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A line each.
    Lines,
    /// Areas on top of each other, the first at the bottom.
    Areas,
}

/// Values at a chart's places.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What they are of.
    pub name: String,
    /// Whether they were measured.
    pub role: Role,
    /// As many as the chart has places; `None` where nothing is known.
    pub values: Vec<Option<f64>>,
}

/// Where values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Measured in this run.
    Measured,
    /// What the closed form expects: a thin line.
    Predicted,
}

/// A moment that is marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its place.
    pub at: f64,
    /// What happened.
    pub words: String,
}

impl Chart {
    /// Whether there is anything to be seen: two places with a measured value.
    pub fn shows_something(&self) -> bool {
        let measured = |index: usize| {
            let mut measured = self.measured();
            measured.any(|series| series.values.get(index).is_some_and(Option::is_some))
        };
        (0..self.places.len())
            .filter(|index| measured(*index))
            .nth(1)
            .is_some()
    }

    /// The series that were measured.
    pub fn measured(&self) -> impl Iterator<Item = &Series> {
        self.series
            .iter()
            .filter(|series| series.role == Role::Measured)
    }

    /// A place in words: `rotation 3`, `12.5 s`.
    pub fn place_in_words(&self, place: f64) -> String {
        match self.place {
            Place::Rotation if place == 0.0 => "baseline".into(),
            Place::Rotation => format!("rotation {place}"),
            Place::Seconds => seconds_in_words(place),
        }
    }

    /// The course of each measured series in a sentence, for those who do not see it.
    pub fn in_words(&self) -> String {
        let course = |series: &Series| {
            let mut known = series.values.iter().flatten();
            let first = known.next()?;
            let last = known.next_back().unwrap_or(first);
            let (name, unit) = (clipped(&series.name), &self.unit);
            Some(format!(
                "{name}: {} to {} {unit}",
                figure(*first),
                figure(*last)
            ))
        };
        let courses: Vec<String> = self.measured().filter_map(course).collect();
        courses.join("; ")
    }
}

/// A name that is short enough for a chart: a place in a source file is told by its end, a function by
/// its start.
pub(super) fn clipped(name: &str) -> String {
    const LONGEST: usize = 32;
    const START: usize = 13;
    let characters = name.chars().count();
    if characters <= LONGEST {
        return name.into();
    }
    let end = characters - (LONGEST - START - 1);
    let start = name.chars().take(START);
    start.chain(['…']).chain(name.chars().skip(end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_start_and_its_end() {
        let name = "tests/peers/tokio_tasks/src/main.rs:46:9";
        assert_eq!(clipped(name), "tests/peers/t…s/src/main.rs:46:9");
        assert_eq!(clipped("reader"), "reader");
    }
}
