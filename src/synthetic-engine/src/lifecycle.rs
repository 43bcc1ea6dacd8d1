//! Whether a container runs, and what ends it.

use std::str::FromStr;

use nix::sys::signal::Signal;

/// The states that a synthetic container goes through, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// It prints the lines of its schedule.
    Running,
    /// It printed its last line.
    Exited(Exit),
    /// It is no longer known to the engine.
    Removed(Exit),
}

/// How a container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// When, in ns of unix time.
    pub finished_at_ns: i64,
    /// 128 plus the signal's number, as a shell would say.
    pub code: i32,
}

impl Lifecycle {
    /// How it ended; `None` while it runs.
    pub fn exit(&self) -> Option<Exit> {
        match *self {
            Self::Running => None,
            Self::Exited(exit) | Self::Removed(exit) => Some(exit),
        }
    }

    /// Docker's word for the state: `running` or `exited`.
    pub fn word(&self) -> &'static str {
        if self.exit().is_none() {
            "running"
        } else {
            "exited"
        }
    }
}

/// Reads a signal as Docker does: `9`, `KILL`, `SIGKILL`, in any case. `None` for any other text.
pub fn parse_signal(text: &str) -> Option<Signal> {
    if let Ok(number) = text.parse::<i32>() {
        return Signal::try_from(number).ok();
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    Signal::from_str(&format!("SIG{name}")).ok()
}

/// Whether the signal ends a process that handles none (`signal(7)`, "Standard signals").
pub fn is_fatal(signal: Signal) -> bool {
    use Signal::{SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH};
    !matches!(
        signal,
        SIGCHLD | SIGCONT | SIGSTOP | SIGTSTP | SIGTTIN | SIGTTOU | SIGURG | SIGWINCH
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_by_number_and_by_name() {
        for text in ["9", "KILL", "SIGKILL", "sigkill"] {
            assert_eq!(parse_signal(text), Some(Signal::SIGKILL), "{text}");
        }
        for text in ["BAD", "", "0", "99", "-1"] {
            assert_eq!(parse_signal(text), None, "{text}");
        }
    }
}
