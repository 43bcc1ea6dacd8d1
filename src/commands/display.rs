//! Where a command shows how it goes on: a few lines, or the whole terminal (`--live`).

use crate::exit_code::Failure;
use crate::live::{Entered, LiveView};
use crate::sys::pause::Hold;

/// One of the two.
#[derive(Debug)]
pub(super) enum Display<Lines> {
    /// Lines that are drawn anew in their place, or nothing.
    Lines(Lines),
    /// The whole terminal.
    Live(LiveView),
}

impl<Lines> Display<Lines> {
    /// The whole terminal where it is asked for, `pausing` being what stands still while it is paused;
    /// else these lines.
    ///
    /// # Errors
    /// A usage failure where there is no terminal to show it on.
    pub(super) fn new(
        live: bool,
        pausing: &'static str,
        lines: impl FnOnce() -> Lines,
    ) -> Result<Self, Failure> {
        match live {
            true => LiveView::new(pausing).map(Self::Live),
            false => Ok(Self::Lines(lines())),
        }
    }

    /// What holds the measuring up while somebody pauses it.
    pub(super) fn hold(&self) -> Hold {
        match self {
            Self::Lines(_) => Hold::never(),
            Self::Live(view) => view.hold(),
        }
    }

    /// Takes the whole terminal, where that is to be, until what is returned is dropped. SIGINT must be
    /// handled by now.
    ///
    /// # Errors
    /// A usage failure where the terminal cannot be controlled.
    pub(super) fn enter(&self) -> Result<Option<Entered<'_>>, Failure> {
        match self {
            Self::Lines(_) => Ok(None),
            Self::Live(view) => view.enter().map(Some),
        }
    }
}
