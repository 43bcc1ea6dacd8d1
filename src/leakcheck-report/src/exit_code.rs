//! What the program's exit status means, and the one place where an error becomes a status.

use std::fmt;

use leakcheck_text::printable::printable_lines;

/// The exit statuses of every `leakcheck` command. They are a contract: CI jobs read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Measured, and every gate held.
    Measured = 0,
    /// Measured, and a gate failed.
    GateFailed = 1,
    /// A flag, a file or an expression is wrong; nothing was started.
    Usage = 2,
    /// Too little evidence for a verdict.
    NoVerdict = 3,
    /// Engine unreachable, image missing, file descriptors exhausted before a baseline.
    Environment = 4,
    /// Interrupted; what was measured so far was still reported.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An error together with the exit status that it ends the program with.
///
/// An unclassified error converts to [`ExitCode::Environment`]: what went wrong then is
/// neither the user's command line nor a measurement.
#[derive(Debug)]
pub struct Failure {
    /// The status to exit with.
    pub code: ExitCode,
    /// What went wrong, and what to do about it.
    pub error: anyhow::Error,
}

impl Failure {
    /// A wrong flag, file or expression, found before anything was started.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self {
            code: ExitCode::Usage,
            error: anyhow::anyhow!("{message}"),
        }
    }

    /// Something that this machine lacks, or an engine that does not answer.
    pub fn environment(message: impl fmt::Display) -> Self {
        Self {
            code: ExitCode::Environment,
            error: anyhow::anyhow!("{message}"),
        }
    }

    /// Somebody who did not want to wait any longer, while this was being done.
    pub fn interrupted(what: impl fmt::Display) -> Self {
        Self {
            code: ExitCode::Interrupted,
            error: anyhow::anyhow!("interrupted while {what}"),
        }
    }
}

impl Failure {
    /// The same, with the name of the scenario that it is about.
    #[must_use]
    pub fn about(self, scenario: &str) -> Self {
        Self {
            error: self.error.context(format!("the scenario {scenario}")),
            ..self
        }
    }

    /// The same, once what was there had to be removed: with what was left behind, where that failed.
    #[must_use]
    pub fn after(self, removal: Result<(), Self>) -> Self {
        match removal {
            Ok(()) => self,
            Err(left) => self.and(&left),
        }
    }

    /// The same, and what else went wrong beside it, whose status it has where it was only interrupted.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let (said, also) = (format!("{:#}", self.error), format!("{:#}", other.error));
        let code = match self.code {
            ExitCode::Interrupted => other.code,
            code => code,
        };
        // A full disk, for instance, is one reason for many failures.
        let is_said = format!("; {said}; ").contains(&format!("; {also}; "));
        let error = match is_said {
            true => self.error,
            false => anyhow::anyhow!("{said}; {also}"),
        };
        Self { code, error }
    }
}

/// That all of this went well, none of which is left out because another went wrong.
///
/// # Errors
/// Everything that went wrong, with the status of the first.
pub fn all_done(done: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let failures = done.into_iter().filter_map(Result::err);
    match failures.reduce(|first, other| first.and(&other)) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self {
            code: ExitCode::Environment,
            error,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may quote what another process or a file is called.
        f.write_str(&printable_lines(&format!("{:#}", self.error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_went_wrong_is_told_once_with_the_status_of_the_first() {
        let full = || Err(Failure::environment("the disk is full"));
        let failures = [full(), Ok(()), Err(Failure::usage("no such file")), full()];
        let failure = all_done(failures).expect_err("three failures");
        assert_eq!(failure.to_string(), "the disk is full; no such file");
        assert_eq!(failure.code, ExitCode::Environment);
        assert!(all_done([Ok(()), Ok(())]).is_ok());
        let interrupted = Failure::interrupted("containers were being created");
        let left = Failure::environment("2 are left; remove them");
        let failure = interrupted.and(&left).and(&left);
        assert_eq!(failure.code, ExitCode::Environment);
        let told = "interrupted while containers were being created; 2 are left; remove them";
        assert_eq!(failure.to_string(), told);
    }
}
