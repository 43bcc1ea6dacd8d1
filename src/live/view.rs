//! How it is looked at: what keys change, and nothing that is measured.

use std::time::Duration;

use ratatui::style::{Color, Style};

use super::keyboard::KeyPress;
use super::sort::Order;
use super::state::LiveState;

/// What the one who looks has chosen.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) order: Order,
    /// So many sites are scrolled past.
    pub(super) scrolled: usize,
    pub(super) help: bool,
    /// What was known when the display was frozen; `None` while it follows.
    pub(super) frozen: Option<Box<LiveState>>,
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
pub(super) enum ViewAction {
    /// Hold it up, or let it go on.
    Pause(bool),
    /// End it.
    End,
    /// Draw all cells anew.
    Redraw,
}

impl View {
    /// Heeds a key.
    pub(super) fn press(&mut self, key: KeyPress, state: &LiveState) -> Option<ViewAction> {
        let sites = self.frozen.as_deref().unwrap_or(state).sites().count();
        match key {
            KeyPress::Down => self.scroll(sites, 1),
            KeyPress::Up => self.scroll(sites, -1),
            KeyPress::PageDown => self.scroll(sites, 10),
            KeyPress::PageUp => self.scroll(sites, -10),
            KeyPress::Escape => self.help = false,
            KeyPress::Redraw => return Some(ViewAction::Redraw),
            KeyPress::Interrupt | KeyPress::Char('q') => {
                self.ending = true;
                return Some(ViewAction::End);
            }
            KeyPress::Char('p') => {
                self.paused = !self.paused;
                return Some(ViewAction::Pause(self.paused));
            }
            KeyPress::Char('f' | ' ') => {
                self.frozen = match self.frozen {
                    None => Some(Box::new(state.clone())),
                    Some(_) => None,
                };
            }
            KeyPress::Char('s') => {
                self.order = self.order.next();
                self.scrolled = 0;
            }
            KeyPress::Char('j') => self.scroll(sites, 1),
            KeyPress::Char('k') => self.scroll(sites, -1),
            KeyPress::Char('?' | 'h') => self.help = !self.help,
            KeyPress::Char(_) => {}
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
    use super::super::state::{LiveSite, News};
    use super::*;

    fn state_with_sites(count: u32) -> LiveState {
        let mut state = LiveState::default();
        state.hear(News::Subjects(vec!["old".into()]), Duration::ZERO);
        let site = |number: u32| LiveSite {
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
            view.press(KeyPress::Down, &state);
        }
        assert_eq!(view.scrolled, 2);
        view.press(KeyPress::PageUp, &state);
        assert_eq!(view.scrolled, 0);
        view.press(KeyPress::Char('j'), &state);
        view.press(KeyPress::Char('s'), &state);
        assert_eq!(view.scrolled, 0);
        view.press(KeyPress::Down, &state_with_sites(0));
        assert_eq!(view.scrolled, 0);
    }

    #[test]
    fn a_pause_is_asked_for_and_taken_back_and_an_end_may_be_asked_for_again() {
        let (mut view, state) = (View::default(), LiveState::default());
        let mut press = |key| view.press(key, &state);
        assert_eq!(press(KeyPress::Char('p')), Some(ViewAction::Pause(true)));
        assert_eq!(press(KeyPress::Char('p')), Some(ViewAction::Pause(false)));
        assert_eq!(press(KeyPress::Char('q')), Some(ViewAction::End));
        assert_eq!(press(KeyPress::Interrupt), Some(ViewAction::End));
        assert_eq!(press(KeyPress::Char('x')), None);
    }

    #[test]
    fn a_frozen_view_keeps_what_was_known_then() {
        let (mut view, state) = (View::default(), state_with_sites(3));
        view.press(KeyPress::Char('f'), &state);
        let kept = view.frozen.as_ref().map(|state| state.sites().count());
        assert_eq!(kept, Some(3));
        view.press(KeyPress::Char(' '), &state);
        assert!(view.frozen.is_none());
    }
}
