//! What was read of a watched process, as a table that is drawn anew with each reading.

use std::sync::OnceLock;

use indicatif::ProgressBar;
use leakcheck_report::model::report::Config;
use leakcheck_report::render::section_text::{Terminal, render_sections};
use leakcheck_report::render::watch_summary;
use leakcheck_text::duration;

use super::drawing::{Drawing, style};
use crate::events::{Consumer, Event};

/// The table.
#[derive(Debug)]
pub struct WatchTable {
    drawing: Drawing,
    text: ProgressBar,
    lasting: OnceLock<String>,
}

impl WatchTable {
    /// A table in a drawing.
    pub fn on(drawing: &Drawing) -> Self {
        Self {
            drawing: drawing.clone(),
            text: drawing.add(ProgressBar::new_spinner().with_style(style("{msg}"))),
            lasting: OnceLock::new(),
        }
    }

    /// Draws what `render` makes for the terminal; nothing where there is none.
    fn show(&self, render: impl FnOnce(Terminal) -> String) {
        if !self.drawing.is_hidden() {
            let width = terminal_size::terminal_size_of(std::io::stderr());
            let width = width.map_or(80, |(width, _)| width.0);
            self.text.set_message(render(Terminal {
                width: width.clamp(40, 120),
                colours: false,
                charts: false,
            }));
            self.text.tick();
        }
    }
}

/// How long a process is watched, in words.
pub(super) fn lasting(config: &Config) -> String {
    let for_ms = config.watched.as_ref().map_or(0, |watched| watched.for_ms);
    duration::format_millis(for_ms)
}

impl Consumer for WatchTable {
    fn hear(&self, event: &Event<'_>) {
        match *event {
            Event::WatchStarts { config, .. } => {
                self.lasting.get_or_init(|| lasting(config));
            }
            Event::Waiting(what) => self.show(|_| format!("{what} …\n")),
            Event::Read(recording) => self.show(|terminal| {
                let lasting = self.lasting.get().map_or("", String::as_str);
                render_sections(&watch_summary::live(recording, lasting), terminal)
            }),
            Event::Over => self.text.finish_and_clear(),
            _ => {}
        }
    }
}
