//! How a command shows what goes on: a few lines, or the whole terminal (`--live`).

use leakcheck_report::exit_code::Failure;

use super::full_screen::FullScreen;
use crate::events::{Consumer, Event, Several};
use crate::live::Entered;
use crate::sys::pause::Hold;
use crate::sys::stderr;

/// One of the two.
pub enum Display {
    /// Lines that are drawn anew in their place, with messages above them.
    Lines(Several<'static>),
    /// The whole terminal.
    Screen(FullScreen),
}

impl Display {
    /// The whole terminal where it is asked for, `pausing` being what stands still while it is paused;
    /// else these lines.
    ///
    /// # Errors
    /// A usage failure where there is no terminal to show it on.
    pub fn new(
        live: bool,
        pausing: &'static str,
        lines: impl FnOnce() -> Several<'static>,
    ) -> Result<Self, Failure> {
        match live {
            true => FullScreen::new(pausing).map(Self::Screen),
            false => Ok(Self::Lines(lines())),
        }
    }

    /// What holds the measuring up while somebody pauses it.
    pub fn hold(&self) -> Hold {
        match self {
            Self::Lines(_) => Hold::never(),
            Self::Screen(screen) => screen.hold(),
        }
    }

    /// Takes the whole terminal, where that is to be, until what is returned is dropped. SIGINT must be
    /// handled by now.
    ///
    /// # Errors
    /// A usage failure where the terminal cannot be controlled.
    pub fn enter(&self) -> Result<Option<Entered<'_>>, Failure> {
        match self {
            Self::Lines(_) => Ok(None),
            Self::Screen(screen) => screen.enter().map(Some),
        }
    }

    /// Says something to who does not want to wait: below lines rather than above them.
    pub fn say_at_once(&self, line: &str) {
        match self {
            Self::Lines(_) => stderr::say(line),
            Self::Screen(screen) => screen.hear(&Event::Said(line)),
        }
    }
}

impl Consumer for Display {
    fn hear(&self, event: &Event<'_>) {
        match self {
            Self::Lines(lines) => lines.hear(event),
            Self::Screen(screen) => screen.hear(event),
        }
    }
}
