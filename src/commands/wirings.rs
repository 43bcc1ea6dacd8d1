//! `leakcheck wirings`: what there is to compare, and what each wiring means.

use std::fmt::Write;

use clap::Args;
use leakcheck_report::exit_code::{ExitCode, Failure};
use leakcheck_report::render::section_text::push_wrapped;
use log_monitor::wiring::{InGo, Wiring};

use crate::commands::output;
use crate::wirings;

/// The list is as wide in a wide terminal: it is read downwards.
const COLUMNS: u16 = 80;

const EXAMPLES: &str = "\
Examples:
  leakcheck wirings                     every wiring in short
  leakcheck wirings line-fix            one, with all of its choices, as JSON
  leakcheck run --wiring A --wiring A3  letters work as names, too";

/// Flags of `leakcheck wirings`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WiringsArgs {
    /// Show all choices of this wiring, by its name or letter
    #[arg(value_parser = wirings::find)]
    name: Option<Wiring>,
}

/// Prints the catalogue, or one wiring whole.
///
/// # Errors
/// Fails where standard output cannot be written.
pub fn execute(args: WiringsArgs) -> Result<ExitCode, Failure> {
    let text = match &args.name {
        Some(wiring) => whole(wiring)?,
        None => overview(),
    };
    output::print(text.trim_end())?;
    Ok(ExitCode::Measured)
}

/// Each wiring in two lines; what several have to say about Rust is said once, at the end.
fn overview() -> String {
    let mut out = String::from(
        "Go: goroutines / file descriptors left per rotation per container, half of the\n\
         containers silent (measured once with Go 1.19 against dockerd 20.10).\n\
         Rust: where it differs from Go, and what the monitor does about it; see the end.\n\n",
    );
    let wirings = wirings::all();
    let mut notes: Vec<&str> = Vec::new();
    for wiring in &wirings {
        let mut head = wiring.name.clone();
        if let Some(letter) = &wiring.letter {
            let _ = write!(head, " ({letter})");
        }
        if let Some(go) = &wiring.go {
            let _ = write!(head, " - Go: {}", go_figures(go));
        }
        if let Some(note) = &wiring.rust_note {
            let number = notes.iter().position(|known| known == note);
            let number = number.unwrap_or_else(|| {
                notes.push(note);
                notes.len() - 1
            });
            let _ = write!(head, " - Rust: [{}]", number + 1);
        }
        push_wrapped(&mut out, &head, COLUMNS);
        let _ = writeln!(out, "    {}", wiring.summary);
    }
    out.push('\n');
    for (number, note) in (1..).zip(notes) {
        push_wrapped(&mut out, &format!("[{number}] {note}"), COLUMNS);
    }
    out
}

fn go_figures(go: &InGo) -> String {
    let left = go.goroutines.zip(go.fds);
    let left = left.map(|(goroutines, fds)| format!("{goroutines:.2} / {fds:.2}"));
    let hung = go.hung.as_ref().map(|hung| format!("hung: {hung}"));
    left.into_iter().chain(hung).collect::<Vec<_>>().join(", ")
}

fn whole(wiring: &Wiring) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(wiring)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_fits_80_columns_and_explains_every_note_that_it_refers_to() {
        let list = overview();
        for line in list.lines() {
            assert!(line.chars().count() <= usize::from(COLUMNS), "{line}");
        }
        for wiring in wirings::all() {
            assert!(list.contains(&wiring.summary), "{}", wiring.name);
        }
        for note in 1..=4 {
            assert!(list.contains(&format!(" - Rust: [{note}]")), "{note}");
            assert!(list.contains(&format!("\n[{note}] ")), "{note}");
        }
    }
}
