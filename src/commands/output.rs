//! Standard output, a terminal of some width or none and one that may be closed early, as by `head`; and
//! the files that a report is written to beside it.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use clap::ValueEnum;
use leakcheck_report::exit_code::{Failure, all_done};
use leakcheck_report::render::export::Export;
use leakcheck_report::render::section_text::Terminal;
use nix::errno::Errno;

/// Writes a text and a line end to standard output. A reader that has gone is no error.
///
/// # Errors
/// An environment failure when standard output cannot be written (a full disk).
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if !nobody_reads(&error) => Err(Failure::environment(format!(
            "cannot write to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// Whether standard output refuses because its reader has gone: that of a pipe, or a terminal.
fn nobody_reads(error: &io::Error) -> bool {
    let is_device = || {
        // One that was hung up no longer says that it is a terminal.
        let descriptor = io::stdout().as_fd().try_clone_to_owned();
        let metadata = descriptor.and_then(|descriptor| File::from(descriptor).metadata());
        metadata.is_ok_and(|metadata| metadata.file_type().is_char_device())
    };
    let hung_up = || error.raw_os_error() == Some(Errno::EIO as i32) && is_device();
    error.kind() == io::ErrorKind::BrokenPipe || hung_up()
}

/// Prints a document and writes it to its exports. Where one of these cannot be written, the others are.
///
/// # Errors
/// Says all that could not be written.
pub fn publish<F: ValueEnum + Copy>(
    render: impl Fn(F, Terminal) -> anyhow::Result<String>,
    format: F,
    exports: &[Export<F>],
) -> Result<(), Failure> {
    let rendered = render(format, terminal()).map_err(Failure::from);
    let printed = rendered.and_then(|text| print(text.trim_end()));
    let exported = write_exports(exports, |format| render(format, Terminal::PLAIN));
    all_done([printed, exported])
}

/// Writes a document to all of its exports, also where one of them cannot be written.
///
/// # Errors
/// Says all that could not be written.
pub fn write_exports<F: ValueEnum + Copy>(
    exports: &[Export<F>],
    render: impl Fn(F) -> anyhow::Result<String>,
) -> Result<(), Failure> {
    let write = |export: &Export<F>| export.write(&render).map_err(Failure::from);
    all_done(exports.iter().map(write))
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
