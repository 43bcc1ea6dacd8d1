//! Text from outside made fit for a row of cells.

use leakcheck_text::printable::printable;
use ratatui::buffer::Buffer;
use ratatui::style::Style;
use ratatui::text::Span;

/// No row is longer: what is cut off here would never be seen, and would be measured at each drawing.
const LONGEST: usize = 400;

/// A text in one line that holds no control characters and is not too long to be handled.
pub(super) fn one_line(text: &str) -> String {
    let mut start: String = text.chars().take(LONGEST).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    printable(&start)
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// Puts a text into a row, cut with an ellipsis where it is wider than so many columns; cells that
/// are not there are left out.
pub(super) fn put(buffer: &mut Buffer, (x, y): (u16, u16), text: &str, room: u16, style: Style) {
    let area = buffer.area;
    if room == 0 || x < area.left() || x >= area.right() || y < area.top() || y >= area.bottom() {
        return;
    }
    let room = room.min(area.right() - x);
    if width(text) <= room {
        buffer.set_stringn(x, y, text, room.into(), style);
        return;
    }
    let (end, _) = buffer.set_stringn(x, y, text, usize::from(room - 1), style);
    buffer.set_stringn(end, y, "…", 1, style);
}

/// The same, aligned to the right.
pub(super) fn put_right(
    buffer: &mut Buffer,
    (x, y): (u16, u16),
    text: &str,
    room: u16,
    style: Style,
) {
    let left = room.saturating_sub(width(text));
    put(
        buffer,
        (x.saturating_add(left), y),
        text,
        room - left,
        style,
    );
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    fn row(text: &str, room: u16) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        put(&mut buffer, (0, 0), text, room, Style::new());
        buffer.content.iter().map(|cell| cell.symbol()).collect()
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis_also_where_characters_are_wide() {
        assert_eq!(row("twelve chars", 12), "twelve chars");
        assert_eq!(row("thirteen chars", 12), "thirteen ch…");
        assert_eq!(row("容器容器", 5), "容 器 …       ");
        assert_eq!(row("ab", 1), "…           ");
        assert_eq!(row("ab", 0), "            ");
    }

    #[test]
    fn a_hostile_text_is_one_short_line_without_control_characters() {
        let hostile = format!("\u{1b}[2J\n{}", "x".repeat(10_000));
        let line = one_line(&hostile);
        assert!(line.starts_with(" [2J x") && line.ends_with('…'), "{line}");
        assert!(line.chars().count() <= LONGEST + 1);
        assert!(!line.contains(char::is_control));
    }
}
