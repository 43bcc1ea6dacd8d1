//! Where the names of a chart's series stand: in rows above it.

use super::series::{Role, Series, clipped};

/// What a character takes, on average, at the largest size that a legend's text has.
const CHARACTER: f64 = 7.6;
/// What the sample before a name takes, and the gap behind it.
const SAMPLE: f64 = 34.0;
const GAP: f64 = 14.0;
/// The height of a row.
pub(super) const ROW: f64 = 18.0;

/// A name and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'a> {
    /// The series.
    pub(super) series: &'a Series,
    /// Which of the measured ones it is: what it looks like.
    pub(super) look: usize,
    /// Its name, short enough.
    pub(super) name: String,
    pub(super) x: f64,
    pub(super) row: usize,
}

/// The names in as many rows as they take; all predictions share one, since they look alike.
pub(super) fn lay_out(series: &[Series], width: f64) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let (mut x, mut row, mut look, mut predicted) = (0.0, 0, 0, false);
    for one in series {
        let name = match one.role {
            Role::Measured => clipped(&one.name),
            Role::Predicted if std::mem::replace(&mut predicted, true) => continue,
            Role::Predicted => "predicted".into(),
        };
        let taken = SAMPLE + name.chars().count() as f64 * CHARACTER;
        if x > 0.0 && x + taken > width {
            (x, row) = (0.0, row + 1);
        }
        entries.push(Entry {
            series: one,
            look,
            name,
            x,
            row,
        });
        x += taken + GAP;
        look += usize::from(one.role == Role::Measured);
    }
    entries
}
