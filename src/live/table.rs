//! A table of cells that leaves columns out where they do not fit.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::text::{put, put_right, width};

/// Between two columns.
const GAP: u16 = 2;
/// The first column, which names things, is not cut shorter than so …
const SHORTEST_NAME: u16 = 8;
/// … nor than so for columns of a higher rank than this.
const LONGER_NAME: u16 = 20;
const HIGH_RANK: u8 = 2;

/// A column's heading, and how soon it is left out: those of the highest rank first, of rank 0 never.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) rank: u8,
    pub(super) to_the_right: bool,
}

impl Column {
    /// A column of words.
    pub(super) fn words(heading: &'static str, rank: u8) -> Self {
        Self {
            heading,
            rank,
            to_the_right: false,
        }
    }

    /// A column of figures.
    pub(super) fn figures(heading: &'static str, rank: u8) -> Self {
        Self {
            heading,
            rank,
            to_the_right: true,
        }
    }
}

/// A cell's text and look.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text,
            style: Style::new(),
        }
    }
}

/// A table whose first column names things.
#[derive(Debug, Default)]
pub(super) struct LiveTable {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl LiveTable {
    /// Draws the headings, and as many rows as there is room for.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect) {
        let headings = |column: &Column| Cell {
            text: column.heading.into(),
            style: Style::new().add_modifier(Modifier::DIM),
        };
        let head: Vec<Cell> = self.columns.iter().map(headings).collect();
        let fitting = self.fitting(area.width);
        let rows = std::iter::once(&head).chain(&self.rows);
        for (row, y) in rows.zip(area.top()..area.bottom()) {
            let mut x = area.left();
            for &(column, width) in &fitting {
                if let Some(cell) = row.get(column) {
                    let put = match self.columns[column].to_the_right {
                        true => put_right,
                        false => put,
                    };
                    put(buffer, (x, y), &cell.text, width, cell.style);
                }
                x = x.saturating_add(width + GAP);
            }
        }
    }

    /// The columns that fit, by their numbers, and how wide each is.
    fn fitting(&self, room: u16) -> Vec<(usize, u16)> {
        let natural = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            let cells = cells.map(|cell| width(&cell.text));
            cells.fold(width(self.columns[column].heading), u16::max)
        };
        let mut fitting: Vec<(usize, u16)> = (0..self.columns.len())
            .map(|column| (column, natural(column)))
            .collect();
        let Some(&(_, name)) = fitting.first() else {
            return fitting;
        };
        let others = |fitting: &[(usize, u16)]| -> u16 {
            let widths = fitting.iter().skip(1).map(|(_, width)| width + GAP);
            widths.fold(0, u16::saturating_add)
        };
        while let Some(most) = fitting.iter().map(|one| self.columns[one.0].rank).max()
            && most > 0
        {
            let shortest = match most > HIGH_RANK {
                true => LONGER_NAME,
                false => SHORTEST_NAME,
            };
            if others(&fitting).saturating_add(name.min(shortest)) <= room {
                break;
            }
            fitting.retain(|(column, _)| self.columns[*column].rank < most);
        }
        let left = room.saturating_sub(others(&fitting));
        if let Some((_, width)) = fitting.first_mut() {
            *width = name.min(left);
        }
        fitting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(room: u16) -> Vec<String> {
        let columns = vec![
            Column::words("wiring", 0),
            Column::figures("now", 0),
            Column::figures("first", 1),
            Column::figures("lines", 3),
        ];
        let row = |cells: [&str; 4]| cells.map(|text| Cell::from(text.to_owned())).to_vec();
        let rows = vec![
            row(["old", "1200", "200", "31"]),
            row(["a-very-long-wiring", "7", "7", "123456"]),
        ];
        let area = Rect::new(0, 0, room, 3);
        let mut buffer = Buffer::empty(area);
        LiveTable { columns, rows }.draw(&mut buffer, area);
        let symbols = buffer.content.chunks(usize::from(room.max(1)));
        let line = |cells: &[ratatui::buffer::Cell]| {
            let line: String = cells.iter().map(|cell| cell.symbol()).collect();
            line.trim_end().to_owned()
        };
        symbols.map(line).collect()
    }

    #[test]
    fn a_narrow_table_leaves_columns_out_and_cuts_its_names() {
        assert_eq!(drawn(40)[2], "a-very-long-wiring     7      7  123456");
        assert_eq!(drawn(32)[2], "a-very-long-wiring     7      7");
        assert_eq!(drawn(22)[2], "a-very-l…     7      7");
        assert_eq!(drawn(15)[2], "a-very-l…     7");
        assert_eq!(drawn(15)[0], "wiring      now");
        assert_eq!(drawn(1), ["", "", ""]);
    }
}
