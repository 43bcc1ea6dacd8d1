//! What `leakcheck watch` shows while it goes on: a table that is drawn anew with each reading.

use std::time::Duration;

use crate::duration;
use crate::progress::LiveText;
use crate::report::table;
use crate::report::watch_summary;
use crate::watch::{Listener, Recording};

/// The live table, on standard error: nothing where that is no terminal.
pub(super) struct WatchDisplay {
    live: LiveText,
    lasting: Duration,
}

impl WatchDisplay {
    pub(super) fn new(quiet: bool, lasting: Duration) -> Self {
        Self {
            live: LiveText::new(quiet),
            lasting,
        }
    }

    /// Prints a line below which the table goes on.
    pub(super) fn print(&self, line: &str) {
        self.live.say(line);
    }

    /// Takes the table off the terminal.
    pub(super) fn clear(&self) {
        self.live.clear();
    }
}

impl Listener for WatchDisplay {
    fn reading(&self, recording: &Recording) {
        self.live.show(|terminal| {
            let sections = watch_summary::live(recording, &duration::format(self.lasting));
            table::render_sections(&sections, terminal)
        });
    }

    fn waiting(&self, what: &str) {
        self.live.show(|_| format!("{what} …\n"));
    }

    fn say(&self, line: &str) {
        self.live.say(&format!("leakcheck: {line}"));
    }
}
