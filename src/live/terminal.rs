//! The terminal, taken as a whole and given back as it was.

use std::io::{self, BufWriter, Stderr, Write, stderr};
use std::sync::{Mutex, Once, PoisonError, TryLockError};
use std::time::Duration;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;

/// Whether the terminal is taken. Who holds it may draw; whoever panics gives the terminal back.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// What is drawn on without one is lost: so many columns and rows stand in for a size that nobody tells.
const USUAL: (u16, u16) = (80, 24);

/// The terminal that standard error is, from when it is taken until it is dropped.
pub(super) struct LiveTerminal {
    backend: CrosstermBackend<BufWriter<Stderr>>,
    /// What stands on it.
    shown: Buffer,
}

impl LiveTerminal {
    /// Takes the terminal: the other screen, without a cursor, and every key as it is pressed.
    ///
    /// # Errors
    /// Where it cannot be controlled; it is then as it was.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        enable_raw_mode()?;
        *lock() = true;
        // From here on it is given back by being dropped.
        let terminal = Self {
            backend: CrosstermBackend::new(BufWriter::new(stderr())),
            shown: Buffer::empty(Rect::ZERO),
        };
        execute!(stderr(), EnterAlternateScreen, Hide)?;
        Ok(terminal)
    }

    /// Its size.
    pub(super) fn area() -> Rect {
        let (columns, rows) = terminal_size::terminal_size_of(stderr())
            .map_or(USUAL, |(columns, rows)| (columns.0, rows.0));
        Rect::new(0, 0, columns, rows)
    }

    /// Forgets what stands on it, so that the next drawing draws everything.
    pub(super) fn forget(&mut self) {
        self.shown = Buffer::empty(Rect::ZERO);
    }

    /// Shows what `render` puts into an empty buffer of the terminal's size; only cells that changed are
    /// written.
    ///
    /// # Errors
    /// Where the terminal is gone, or somebody's panic has given it back.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let mut next = Buffer::empty(Self::area());
        render(&mut next);
        let taken = lock();
        if !*taken {
            return Err(io::ErrorKind::NotConnected.into());
        }
        if self.shown.area != next.area {
            self.backend.clear()?;
            self.shown = Buffer::empty(next.area);
        }
        self.backend.draw(self.shown.diff_iter(&next))?;
        Write::flush(&mut self.backend)?;
        self.shown = next;
        Ok(())
    }
}

impl Drop for LiveTerminal {
    fn drop(&mut self) {
        give_back(&mut lock());
    }
}

fn lock() -> std::sync::MutexGuard<'static, bool> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal back, where it is taken. One that is gone needs nothing.
fn give_back(taken: &mut bool) {
    if std::mem::replace(taken, false) {
        let _ = execute!(stderr(), LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Lets every panic give the terminal back before it says its message.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back_soon();
            before(panic);
        }));
    });
}

/// Gives the terminal back once nobody draws; at once where the drawing itself does not end, for it may
/// be what panics.
fn give_back_soon() {
    for _ in 0..100 {
        match TAKEN.try_lock() {
            Ok(mut taken) => return give_back(&mut taken),
            Err(TryLockError::Poisoned(taken)) => return give_back(&mut taken.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
    give_back(&mut true);
}
