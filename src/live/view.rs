//! How it is looked at: what keys change, and nothing that is measured.

use std::time::Duration;

use ratatui::style::{Color, Style};

use super::keyboard::Key;
use super::sort::Order;
use super::state::State;

/// What the one who looks has chosen.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) order: Order,
    /// So many sites are scrolled past.
    pub(super) scrolled: usize,
    pub(super) help: bool,
    /// What was known when the display was frozen; `None` while it follows.
    pub(super) frozen: Option<Box<State>>,
    pub(super) paused: bool,
    pub(super) ending: bool,
    /// Since the start.
    pub(super) elapsed: Duration,
    /// Whether the terminal is to show colours.
    pub(super) colours: bool,
    /// What stands still while it is paused.
    pub(super) pausing: &'static str,
}

/// What a key asks of the measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Hold it up, or let it go on.
    Pause(bool),
    /// End it.
    End,
    /// Draw all cells anew.
    Redraw,
}

impl View {
    /// Heeds a key.
    pub(super) fn press(&mut self, key: Key, state: &State) -> Option<Action> {
        let sites = self.frozen.as_deref().unwrap_or(state).sites().count();
        match key {
            Key::Down => self.scroll(sites, 1),
            Key::Up => self.scroll(sites, -1),
            Key::PageDown => self.scroll(sites, 10),
            Key::PageUp => self.scroll(sites, -10),
            Key::Escape => self.help = false,
            Key::Redraw => return Some(Action::Redraw),
            Key::Interrupt | Key::Char('q') => {
                self.ending = true;
                return Some(Action::End);
            }
            Key::Char('p') => {
                self.paused = !self.paused;
                return Some(Action::Pause(self.paused));
            }
            Key::Char('f' | ' ') => {
                self.frozen = match self.frozen {
                    None => Some(Box::new(state.clone())),
                    Some(_) => None,
                };
            }
            Key::Char('s') => {
                self.order = self.order.next();
                self.scrolled = 0;
            }
            Key::Char('j') => self.scroll(sites, 1),
            Key::Char('k') => self.scroll(sites, -1),
            Key::Char('?' | 'h') => self.help = !self.help,
            Key::Char(_) => {}
        }
        None
    }

    /// The look of growth: what grew strikes the eye where there are colours.
    pub(super) fn colour_of_growth(&self, growth: i128) -> Style {
        match growth > 0 && self.colours {
            true => Style::new().fg(Color::Yellow),
            false => Style::new(),
        }
    }

    /// The look of a subject's line.
    pub(super) fn colour_of_subject(&self, number: usize) -> Style {
        const COLOURS: [Color; 6] = [
            Color::Red,
            Color::Green,
            Color::Cyan,
            Color::Magenta,
            Color::Yellow,
            Color::Blue,
        ];
        match self.colours {
            true => Style::new().fg(COLOURS[number % COLOURS.len()]),
            false => Style::new(),
        }
    }

    fn scroll(&mut self, sites: usize, by: isize) {
        let last = sites.saturating_sub(1);
        self.scrolled = self.scrolled.saturating_add_signed(by).min(last);
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::{News, Site};
    use super::*;

    fn state_with_sites(count: u32) -> State {
        let mut state = State::default();
        state.hear(News::Subjects(vec!["old".into()]), Duration::ZERO);
        let site = |number: u32| Site {
            label: number.to_string().into(),
            first: 0,
            now: number.into(),
            each: None,
        };
        let sites = (0..count).map(site).collect();
        state.hear(News::Sites(0, sites), Duration::ZERO);
        state
    }

    #[test]
    fn scrolling_stops_at_either_end_and_a_new_order_starts_at_the_top() {
        let (mut view, state) = (View::default(), state_with_sites(3));
        for _ in 0..5 {
            view.press(Key::Down, &state);
        }
        assert_eq!(view.scrolled, 2);
        view.press(Key::PageUp, &state);
        assert_eq!(view.scrolled, 0);
        view.press(Key::Char('j'), &state);
        view.press(Key::Char('s'), &state);
        assert_eq!(view.scrolled, 0);
        view.press(Key::Down, &state_with_sites(0));
        assert_eq!(view.scrolled, 0);
    }

    #[test]
    fn a_pause_is_asked_for_and_taken_back_and_an_end_may_be_asked_for_again() {
        let (mut view, state) = (View::default(), State::default());
        let mut press = |key| view.press(key, &state);
        assert_eq!(press(Key::Char('p')), Some(Action::Pause(true)));
        assert_eq!(press(Key::Char('p')), Some(Action::Pause(false)));
        assert_eq!(press(Key::Char('q')), Some(Action::End));
        assert_eq!(press(Key::Interrupt), Some(Action::End));
        assert_eq!(press(Key::Char('x')), None);
    }

    #[test]
    fn a_frozen_view_keeps_what_was_known_then() {
        let (mut view, state) = (View::default(), state_with_sites(3));
        view.press(Key::Char('f'), &state);
        let kept = view.frozen.as_ref().map(|state| state.sites().count());
        assert_eq!(kept, Some(3));
        view.press(Key::Char(' '), &state);
        assert!(view.frozen.is_none());
    }
}
