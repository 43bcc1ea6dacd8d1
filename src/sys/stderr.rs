//! Standard error, which may have nobody left who reads it.

use std::fmt::Display;
use std::io::Write;

/// Prints a line, all at once.
///
/// Where it cannot be written (a pipe whose reader has gone, a terminal that is closed, a full disk) there is
/// nobody left to be told, and what goes on goes on: `eprintln!` would panic, in the midst of an orderly end.
pub fn say(line: impl Display) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
