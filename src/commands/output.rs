//! Standard output, a terminal of some width or none and one that may be closed early, as by `head`; and
//! the files that a report is written to beside it.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::ValueEnum;

use crate::exit_code::Failure;
use crate::report::export::Export;
use crate::report::format::Format;
use crate::report::model::Report;
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

/// Makes sure that exports can be written, before anything is started.
///
/// # Errors
/// A usage failure that says which cannot, and why.
pub fn check_exports<'a, F: ValueEnum + Copy + 'a>(
    exports: impl IntoIterator<Item = &'a Export<F>>,
) -> Result<(), Failure> {
    for export in exports {
        export
            .open()
            .map_err(|error| Failure::usage(format!("{error:#}")))?;
    }
    Ok(())
}

/// Writes a report to all of its exports, also where one of them cannot be written.
///
/// # Errors
/// As the first that cannot be written.
pub fn write_exports(exports: &[Export<Format>], report: &Report) -> anyhow::Result<()> {
    let mut written = Ok(());
    for export in exports {
        let exported = export.write(|format| format.render(report, Terminal::PLAIN));
        written = written.and(exported);
    }
    written
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
        charts: true,
    }
}

/// Makes a folder that a flag names, where it is not there yet.
///
/// # Errors
/// A usage failure that names the flag.
pub fn make_folder(flag: &str, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::usage(format!("{flag} {}: {error}", folder.display())))
}
