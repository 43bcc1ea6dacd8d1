//! The screen: what is known and how it is looked at, put into cells.

use leakcheck_text::duration;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::state::LiveState;
use super::text::{put, put_right, width};
use super::view::View;
use super::{chart, sites, subjects};

/// A smaller terminal shows nothing but that it is too small.
const SMALLEST: (u16, u16) = (40, 10);
/// The title, the line below it, and the keys.
const AROUND: u16 = 3;
/// A section's rule, and the headings of its table.
const HEAD: u16 = 2;
/// So many of the last messages are shown.
const MESSAGES: u16 = 3;
/// The chart's rule, axis and labels, and the least that a line can be seen on.
const LOWEST_CHART: u16 = 6;
/// A higher one shows no more.
const HIGHEST_CHART: u16 = 16;

/// Puts everything into the buffer's cells.
pub(super) fn draw(buffer: &mut Buffer, state: &LiveState, view: &View) {
    let area = buffer.area;
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let (columns, rows) = SMALLEST;
        let words = format!("too small: {columns}x{rows} is needed");
        put(buffer, (0, 0), &words, area.width, Style::new());
        return;
    }
    let bold = Style::new().add_modifier(Modifier::BOLD);
    put(buffer, (0, 0), &state.title, area.width, bold);
    status(buffer, row_at(area, 1), state, view);
    body(buffer, below(area, 2, area.height - AROUND), state, view);
    keys(buffer, row_at(area, area.height - 1), view);
    if view.help {
        help(buffer, below(area, 1, area.height - 2), view);
    }
}

/// So many rows from so many below the top.
fn below(area: Rect, rows: u16, height: u16) -> Rect {
    Rect {
        y: area.y + rows,
        height: height.min(area.height.saturating_sub(rows)),
        ..area
    }
}

fn row_at(area: Rect, row: u16) -> Rect {
    below(area, row, 1)
}

/// What is unusual, how far it is, and for how long it has gone on.
fn status(buffer: &mut Buffer, row: Rect, state: &LiveState, view: &View) {
    let elapsed = duration::format(std::time::Duration::from_secs(view.elapsed.as_secs()));
    let room = row.width.saturating_sub(width(&elapsed) + 1);
    put_right(buffer, (row.x, row.y), &elapsed, row.width, Style::new());
    let paused = format!("PAUSED ({})", view.pausing);
    let unusual = [
        (view.paused, paused.as_str()),
        (view.frozen.is_some(), "FROZEN (measuring goes on)"),
        (view.ending, "ENDING"),
    ];
    let unusual = unusual
        .into_iter()
        .filter_map(|(is, words)| is.then_some(words));
    let unusual = unusual.collect::<Vec<_>>().join(" · ");
    let striking = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
    put(buffer, (row.x, row.y), &unusual, room, striking);
    let used = match width(&unusual) {
        0 => 0,
        used => used + 2,
    };
    let at = (row.x.saturating_add(used), row.y);
    put(
        buffer,
        at,
        &state.progress,
        room.saturating_sub(used),
        Style::new(),
    );
}

/// How many rows each section has, its rule and headings included; 0 where it is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heights {
    counts: u16,
    chart: u16,
    sites: u16,
    messages: u16,
}

impl Heights {
    /// Divides so many rows up: the counts first, then a few messages; what is left is the chart's and
    /// the sites'.
    fn of(room: u16, state: &LiveState) -> Self {
        let counts = subjects::rows(&state.subjects);
        let (sites, messages) = (state.sites().count(), state.messages.len());
        let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let share = match sites {
            // Nobody else needs it.
            0 if room < 2 * LOWEST_CHART => room,
            _ => room.div_ceil(2).max(HEAD + 1),
        };
        let needed = |count: usize| rows(count).saturating_add(HEAD);
        let counts = match needed(counts) {
            all if all <= share => all,
            // Then a row for each is all that is shown.
            _ => needed(state.subjects.len()).min(share),
        };
        let left = room.saturating_sub(counts);
        let messages = match rows(messages) {
            0 => 0,
            _ if left < HEAD + 4 => 0,
            _ if left < 2 * LOWEST_CHART => 2,
            messages => messages.min(MESSAGES) + 1,
        };
        let left = left - messages;
        let chart = match sites {
            0 => left.min(HIGHEST_CHART),
            _ if left < 2 * LOWEST_CHART => 0,
            // What the sites do not need is the chart's.
            sites => left
                .saturating_sub(needed(sites))
                .max(left / 2)
                .min(HIGHEST_CHART),
        };
        Self {
            counts,
            chart: if chart < LOWEST_CHART { 0 } else { chart },
            sites: if sites == 0 { 0 } else { left - chart },
            messages,
        }
    }
}

fn body(buffer: &mut Buffer, area: Rect, state: &LiveState, view: &View) {
    let heights = Heights::of(area.height, state);
    let mut top = 0;
    let mut next = |height: u16| {
        let section = below(area, top, height);
        top += height;
        section
    };
    counts_section(buffer, next(heights.counts), state, view);
    let chart = next(heights.chart);
    if chart.height > 0 {
        let what = state
            .subjects
            .iter()
            .find_map(|subject| subject.counts.first());
        let words = what.map_or("", |count| count.what);
        rule(buffer, chart, &format!("{words} over time"));
        chart::draw(buffer, below(chart, 1, chart.height - 1), state, view);
    }
    sites_section(buffer, next(heights.sites), state, view);
    // The messages stand right above the keys.
    let messages = below(area, area.height - heights.messages, heights.messages);
    messages_section(buffer, messages, state);
}

/// A line across, with words in it.
fn rule(buffer: &mut Buffer, section: Rect, words: &str) {
    let dim = Style::new().add_modifier(Modifier::DIM);
    let line = "─".repeat(section.width.into());
    put(buffer, (section.x, section.y), &line, section.width, dim);
    let words = format!(" {words} ");
    let room = section.width.saturating_sub(2);
    put(
        buffer,
        (section.x + 2, section.y),
        &words,
        room,
        Style::new(),
    );
}

fn counts_section(buffer: &mut Buffer, section: Rect, state: &LiveState, view: &View) {
    if section.height == 0 {
        return;
    }
    let words = match state.each {
        "" => "counts".to_owned(),
        each => format!("counts · each: in {each}"),
    };
    rule(buffer, section, &words);
    let room = usize::from(section.height.saturating_sub(HEAD));
    let table = subjects::table(&state.subjects, room, view);
    table.draw(buffer, below(section, 1, section.height - 1));
}

fn sites_section(buffer: &mut Buffer, section: Rect, state: &LiveState, view: &View) {
    if section.height == 0 {
        return;
    }
    let room = usize::from(section.height.saturating_sub(HEAD));
    let (table, which) = sites::table(state, room, view);
    let words = format!("spawn sites by {}{which}", view.order.word());
    rule(buffer, section, &words);
    table.draw(buffer, below(section, 1, section.height - 1));
}

fn messages_section(buffer: &mut Buffer, section: Rect, state: &LiveState) {
    if section.height == 0 {
        return;
    }
    rule(buffer, section, "messages");
    let room = usize::from(section.height - 1);
    let first = state.messages.len().saturating_sub(room);
    for (message, y) in state.messages.iter().skip(first).zip(section.y + 1..) {
        put(buffer, (section.x, y), message, section.width, Style::new());
    }
}

/// The keys, in the order in which they are left out from the end.
fn keys(buffer: &mut Buffer, row: Rect, view: &View) {
    let keys = [
        "q end",
        if view.paused { "p go on" } else { "p pause" },
        if view.frozen.is_some() {
            "f follow"
        } else {
            "f freeze"
        },
        "s sort",
        "? help",
        "↑↓ scroll",
    ];
    let mut line = String::new();
    for key in keys {
        let gap = if line.is_empty() { "" } else { "  " };
        if width(&line) + width(gap) + width(key) > row.width {
            break;
        }
        line = line + gap + key;
    }
    let dim = Style::new().add_modifier(Modifier::DIM);
    put(buffer, (row.x, row.y), &line, row.width, dim);
}

/// The keys and columns explained, over everything else.
fn help(buffer: &mut Buffer, area: Rect, view: &View) {
    let pausing = format!("p         pause, or go on: {}", view.pausing);
    let lines = [
        pausing.as_str(),
        "f, space  freeze the display, or follow; measuring goes on",
        "s         sort the sites by growth, count or name",
        "↑↓ j k    scroll the sites",
        "q Ctrl-C  end, and report what was measured until now",
        "? h       leave this",
        "",
        "first     at the baseline",
        "each      growth so far, in what the rule above the counts says",
        "behind    containers that have not made the rotation before",
    ];
    let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    let size = |wanted: u16, room: u16| wanted.min(room);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let (wide, high) = (size(widest + 4, area.width), size(rows + 2, area.height));
    let left = area.x + (area.width - wide) / 2;
    let top = area.y + (area.height - high) / 2;
    let inside = usize::from(wide.saturating_sub(2));
    let mut boxed = vec![format!("┌{}┐", "─".repeat(inside))];
    boxed.extend(lines.iter().take(usize::from(high - 2)).map(|_| {
        let blank = " ".repeat(inside);
        format!("│{blank}│")
    }));
    boxed.push(format!("└{}┘", "─".repeat(inside)));
    for (line, y) in boxed.iter().zip(top..) {
        put(buffer, (left, y), line, wide, Style::new());
    }
    for (line, y) in lines.iter().zip(top + 1..top + high - 1) {
        put(buffer, (left + 2, y), line, wide - 4, Style::new());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::keyboard::KeyPress;
    use super::super::state::{Count, Fact, LiveSite, News};
    use super::*;

    fn count(what: &'static str, first: u64, now: u64) -> Count {
        Count {
            what,
            first: Some(first),
            now,
            each: Some(2.0),
        }
    }

    fn site(number: u64) -> LiveSite {
        LiveSite {
            label: format!("site-{number:03}").into(),
            first: 4,
            now: 4 + number,
            each: Some(1.5),
        }
    }

    fn state_of(names: &[&str], sites: u64) -> LiveState {
        let mut state = LiveState::default();
        let mut hear = |news, second| state.hear(news, Duration::from_secs(second));
        hear(
            News::Title("leakcheck run: 4 containers".into(), "a rotation"),
            0,
        );
        hear(News::Progress("rotation 3 of 12".into()), 0);
        hear(
            News::Subjects(names.iter().map(ToString::to_string).collect()),
            0,
        );
        for subject in 0..names.len() {
            for second in 0..30 {
                let tasks = 16 + second * subject as u64;
                let counts = vec![count("tasks", 16, tasks), count("fds", 9, 21)];
                let fact = Fact {
                    heading: "rotations",
                    value: "3 of 12".into(),
                };
                hear(News::Counts(subject, counts, vec![fact]), second);
            }
            hear(News::Sites(subject, (0..sites).map(site).collect()), 30);
        }
        hear(News::Message("warning: something is odd".into()), 30);
        state
    }

    fn rows(state: &LiveState, view: &View, (columns, rows): (u16, u16)) -> Vec<String> {
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        draw(&mut buffer, state, view);
        for cell in &buffer.content {
            assert!(!cell.symbol().contains(char::is_control), "{cell:?}");
        }
        let line = |y| {
            let cells = (0..columns).map(|x| buffer[(x, y)].symbol());
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..rows).map(line).collect()
    }

    fn screen(state: &LiveState, view: &View, size: (u16, u16)) -> String {
        rows(state, view, size).join("\n")
    }

    #[test]
    fn eighty_columns_show_counts_chart_sites_messages_and_keys() {
        let state = state_of(&["fixed", "old"], 9);
        insta::assert_snapshot!(screen(&state, &View::default(), (80, 24)), @"
        leakcheck run: 4 containers
        rotation 3 of 12                                                              0s
        ── counts · each: in a rotation ────────────────────────────────────────────────
               count  first  now  growth  each  rotations
        fixed  tasks     16   16      +0  2.00    3 of 12
               fds        9   21     +12  2.00
        old    tasks     16   45     +29  2.00    3 of 12
               fds        9   21     +12  2.00
        ── tasks over time ─────────────────────────────────────────────────────────────
        45│                                               ⢀⣀⣀⣀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒⠉⠉⠉⠉ old
          │                       ⢀⣀⣀⣀⣀⠤⠤⠤⠤⠤⠤⠤⠔⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠁
        16│⣀⣀⣀⣀⠤⠤⠤⠤⠤⠒⠒⠒⠒⠒⠒⠒⠉⠉⠉⠉⠉⠉⠉⠁⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀ fixed
          └───────────────────────────────────────────────────────────────────────
        0 s                                                                   29 s
        ── spawn sites by growth, 1-5 of 18 ────────────────────────────────────────────
        site      of     first  now  growth  each
        site-008  fixed      4   12      +8  1.50
        site-008  old        4   12      +8  1.50
        site-007  fixed      4   11      +7  1.50
        site-007  old        4   11      +7  1.50
        site-006  fixed      4   10      +6  1.50
        ── messages ────────────────────────────────────────────────────────────────────
        warning: something is odd
        q end  p pause  f freeze  s sort  ? help  ↑↓ scroll
        ");
    }

    #[test]
    fn forty_columns_show_the_counts_and_the_site_that_grew_most() {
        let state = state_of(&["fixed", "old"], 9);
        insta::assert_snapshot!(screen(&state, &View::default(), (40, 10)), @"
        leakcheck run: 4 containers
        rotation 3 of 12                      0s
        ── counts · each: in a rotation ────────
               count  first  now  growth  each
        fixed  tasks     16   16      +0  2.00
        old    tasks     16   45     +29  2.00
        ── spawn sites by growth, 1-1 of 18 ────
        site      of     now  growth  each
        site-008  fixed   12      +8  1.50
        q end  p pause  f freeze  s sort  ? help
        ");
    }

    #[test]
    fn no_size_makes_it_panic_whatever_there_is_to_show() {
        let hostile = format!("\u{1b}[31m\n{}", "容".repeat(5000));
        let states = [
            LiveState::default(),
            state_of(&[&hostile], 500),
            state_of(&["a"; 40], 3),
            state_of(&["a", "b"], 0),
        ];
        for state in &states {
            for help in [false, true] {
                let mut view = View {
                    help,
                    scrolled: 499,
                    ..View::default()
                };
                view.press(KeyPress::Char('f'), state);
                for columns in [1, 2, 5, 39, 40, 41, 60, 80, 200] {
                    for height in [1, 2, 9, 10, 11, 15, 16, 24, 60] {
                        rows(state, &view, (columns, height));
                    }
                }
            }
        }
    }

    #[test]
    fn a_terminal_that_is_too_small_says_so() {
        let state = state_of(&["old"], 3);
        let said = screen(&state, &View::default(), (30, 5));
        assert_eq!(said.trim_end(), "too small: 40x10 is needed");
        assert_eq!(screen(&state, &View::default(), (1, 1)), "…");
    }

    #[test]
    fn what_is_unusual_is_said_in_words() {
        let state = state_of(&["old"], 3);
        let mut view = View {
            pausing: "no rotation begins",
            ..View::default()
        };
        for key in ['p', 'f', 's'] {
            view.press(KeyPress::Char(key), &state);
        }
        let said = screen(&state, &view, (80, 24));
        for words in [
            "PAUSED (no rotation begins) · FROZEN (measuring goes on)",
            "p go on  f follow",
            "spawn sites by count",
        ] {
            assert!(said.contains(words), "{words}: {said}");
        }
    }

    #[test]
    fn sites_scroll_to_the_last_and_no_further() {
        let state = state_of(&["old"], 50);
        let mut view = View::default();
        for _ in 0..80 {
            view.press(KeyPress::Down, &state);
        }
        let said = screen(&state, &view, (80, 24));
        assert!(
            said.contains("-50 of 50") && said.contains("site-000"),
            "{said}"
        );
    }

    #[test]
    fn wirings_that_do_not_fit_are_counted() {
        let said = screen(&state_of(&["wiring"; 40], 3), &View::default(), (80, 24));
        assert!(said.contains("more"), "{said}");
    }

    #[test]
    fn the_help_says_what_each_key_does() {
        let state = state_of(&["old"], 3);
        let mut view = View::default();
        view.press(KeyPress::Char('?'), &state);
        let said = screen(&state, &view, (80, 24));
        assert!(said.contains("freeze the display"), "{said}");
        view.press(KeyPress::Char('h'), &state);
        assert!(!screen(&state, &view, (80, 24)).contains("freeze the display"));
    }
}
