//! A chart as lines of text: for each measured series a row of blocks between its first and its last
//! value.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Sparkline, Widget};

use super::place::figure;
use super::series::{Chart, Series, clipped};

/// Fewer blocks than this show no course.
const FEWEST: usize = 12;
/// More are no help.
const MOST: usize = 60;
/// A chart of more series is no small one.
const MOST_SERIES: usize = 8;

/// The chart in a terminal of so many columns; `None` where it does not fit or shows nothing.
///
/// All series are drawn to one scale from zero, so that a flat one next to a growing one is seen to be
/// flat. Where there are more values than blocks, each block is the largest of its own.
pub fn render(chart: &Chart, columns: u16) -> Option<String> {
    let rows: Vec<DotRow> = chart.measured().filter_map(DotRow::of).collect();
    let room = usize::from(columns);
    let widest = |part: fn(&DotRow) -> &str| {
        let widths = rows.iter().map(|row| part(row).chars().count());
        widths.max().unwrap_or(0)
    };
    let (name, first, last) = (
        widest(|row| &row.name),
        widest(|row| &row.first),
        widest(|row| &row.last),
    );
    // A space at the start and one between parts.
    let blocks = room.checked_sub(name + first + last + 4)?.min(MOST);
    if rows.is_empty() || rows.len() > MOST_SERIES || blocks < FEWEST || !chart.shows_something() {
        return None;
    }
    let highest = rows.iter().flat_map(|row| &row.values).copied().max()?;
    let mut out = format!("{}\n", chart.title);
    for row in &rows {
        let drawn = row.blocks(blocks, highest);
        out += &format!(
            " {:name$} {:>first$} {drawn} {}\n",
            row.name, row.first, row.last
        );
    }
    Some(out)
}

/// A series as text.
struct DotRow {
    name: String,
    first: String,
    last: String,
    values: Vec<u64>,
}

impl DotRow {
    fn of(series: &Series) -> Option<Self> {
        let known: Vec<f64> = series.values.iter().copied().flatten().collect();
        Some(Self {
            name: clipped(&series.name),
            first: figure(*known.first()?),
            last: figure(*known.last()?),
            // Blocks show eighths of the highest value: its fractions are not seen.
            values: known
                .iter()
                .map(|value| value.max(0.0).round() as u64)
                .collect(),
        })
    }

    /// The values as so many blocks at the most; fewer values are drawn wider.
    fn blocks(&self, most: usize, highest: u64) -> String {
        let values = self.values.len();
        let wide = (most / values).max(1);
        let drawn = (values * wide).min(most);
        // Block i stands for values from i to i + 1 of `drawn` equal parts.
        let block = |index: usize| {
            let from = index * values / drawn;
            let to = ((index + 1) * values / drawn).max(from + 1);
            self.values[from..to].iter().copied().max().unwrap_or(0)
        };
        let data: Vec<u64> = (0..drawn).map(block).collect();
        let area = Rect::new(0, 0, u16::try_from(drawn).unwrap_or(u16::MAX), 1);
        let mut buffer = Buffer::empty(area);
        // Nothing at all is drawn as the lowest block, not as a gap.
        let least = highest.div_ceil(8).max(1);
        let data = data.into_iter().map(|value| value.max(least));
        Sparkline::default()
            .data(data)
            .max(highest.max(1))
            .render(area, &mut buffer);
        buffer
            .content()
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Place;
    use super::super::series::{Mark, Role, Shape};
    use super::*;

    fn chart(series: &[(&str, &[u64])]) -> Chart {
        let longest = series
            .iter()
            .map(|(_, values)| values.len())
            .max()
            .unwrap_or(0);
        let series = series.iter().map(|(name, values)| Series {
            name: (*name).into(),
            role: Role::Measured,
            values: values.iter().map(|value| Some(*value as f64)).collect(),
        });
        Chart {
            title: "Live tasks".into(),
            place: Place::Rotation,
            unit: "tasks".into(),
            shape: Shape::Lines,
            places: (0..longest).map(|place| place as f64).collect(),
            series: series.collect(),
            marks: Vec::<Mark>::new(),
            judged_from: None,
        }
    }

    #[test]
    fn a_leak_rises_and_a_clean_one_is_flat_on_the_same_scale() {
        let chart = chart(&[
            ("old", &[100, 200, 300, 400]),
            ("fixed", &[100, 100, 100, 100]),
        ]);
        let text = render(&chart, 30).expect("fits");
        let expected = "Live tasks\n old   100 ▂▂▂▄▄▄▆▆▆███ 400\n fixed 100 ▂▂▂▂▂▂▂▂▂▂▂▂ 100\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn where_it_does_not_fit_there_is_none() {
        let one = chart(&[("old", &[1, 2, 3])]);
        assert!(render(&one, 15).is_none());
        assert!(render(&chart(&[("old", &[1])]), 80).is_none());
    }

    #[test]
    fn the_highest_of_a_long_series_is_seen() {
        let mut values = vec![8; 10_000];
        values[5_003] = 800;
        let text = render(&chart(&[("old", &values)]), 80).expect("fits");
        assert_eq!(text.matches('█').count(), 1, "{text}");
    }
}
