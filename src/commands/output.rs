//! Standard output: a terminal of some width or none, and one that may be closed early, as by `head`.

use std::io::{self, IsTerminal, Write};

use crate::exit_code::Failure;
use crate::report::table::Terminal;

/// Writes a text and a line end to standard output. A reader that has gone is no error.
///
/// # Errors
/// An environment failure when standard output cannot be written (a full disk).
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::environment(
            format!("cannot write to standard output: {error}"),
        )),
        _ => Ok(()),
    }
}

/// The terminal that standard output is, or a plain one.
pub fn terminal() -> Terminal {
    if !io::stdout().is_terminal() {
        return Terminal::PLAIN;
    }
    let width = terminal_size::terminal_size().map_or(80, |(width, _)| width.0);
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Terminal {
        width: width.clamp(40, 120),
        colours,
    }
}
