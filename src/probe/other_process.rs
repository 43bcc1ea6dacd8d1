//! Another process, through `/proc`: its file descriptors, threads and memory.

use leakcheck_report::model::process_gauges::ProcessGauges;
use leakcheck_test::fds::FdKinds;

/// A process, told from a later one with the same number by when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherProcess {
    pid: u32,
}

/// What was read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessReading {
    /// Open file descriptors.
    pub fds: u64,
    /// The same by kind.
    pub fd_kinds: FdKinds,
    /// The numbers of its sockets: a socket that is opened anew has a number of its own.
    pub sockets: Vec<u64>,
    /// What else the kernel counts.
    pub gauges: ProcessGauges,
    /// When the process started, in clock ticks since the system did.
    pub started: u64,
}

/// Why a process was not read.
#[derive(Debug)]
pub enum ProcessReadError {
    /// There is no such process, or it has ended.
    Gone,
    /// It is another user's, or nothing tells.
    Other(anyhow::Error),
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::ErrorKind;
    use std::path::Path;

    use procfs::ProcError;
    use procfs::process::{ProcState, Process};

    use super::{OtherProcess, ProcessReadError, ProcessReading};
    use crate::probe::process::gauges;
    use leakcheck_test::fds;

    impl OtherProcess {
        /// The process with this number.
        pub fn new(pid: u32) -> Self {
            Self { pid }
        }

        /// The name of its program; `None` where it has none.
        pub fn name(&self) -> Option<String> {
            let process = self.process().ok()?;
            let words = process
                .cmdline()
                .ok()
                .and_then(|words| words.into_iter().next());
            let program = words
                .as_deref()
                .and_then(|word| Path::new(word).file_name()?.to_str());
            let name = program.map(str::to_owned);
            name.or_else(|| process.stat().ok().map(|stat| stat.comm))
        }

        /// Reads it.
        ///
        /// # Errors
        /// Says whether it is gone, or may not be read.
        pub fn read(&self) -> Result<ProcessReading, ProcessReadError> {
            let stat = self.process()?.stat()?;
            // What has ended and is not waited for yet has no descriptor any more.
            if matches!(stat.state(), Ok(ProcState::Zombie | ProcState::Dead)) {
                return Err(ProcessReadError::Gone);
            }
            let folder = format!("/proc/{}/fd", self.pid);
            let targets = fds::targets(Path::new(&folder)).map_err(|error| match error.kind() {
                ErrorKind::NotFound => ProcessReadError::Gone,
                ErrorKind::PermissionDenied => ProcessReadError::Other(anyhow::anyhow!(
                    "the process {} is another user's: run leakcheck as that user, or as root",
                    self.pid
                )),
                _ => ProcessReadError::Other(anyhow::Error::from(error).context(folder)),
            })?;
            Ok(ProcessReading {
                fds: targets.len() as u64,
                fd_kinds: fds::by_kind(&targets),
                sockets: targets
                    .iter()
                    .filter_map(|target| fds::socket(target))
                    .collect(),
                gauges: gauges(&stat),
                started: stat.starttime,
            })
        }

        fn process(&self) -> Result<Process, ProcessReadError> {
            let pid = i32::try_from(self.pid).map_err(|_| ProcessReadError::Gone)?;
            Ok(Process::new(pid)?)
        }
    }

    impl From<ProcError> for ProcessReadError {
        fn from(error: ProcError) -> Self {
            match error {
                ProcError::NotFound(_) => Self::Gone,
                error => Self::Other(error.into()),
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl OtherProcess {
    /// The process with this number.
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Nothing: only Linux has `/proc`.
    pub fn name(&self) -> Option<String> {
        None
    }

    /// Reads nothing: only Linux has `/proc`.
    ///
    /// # Errors
    /// Always.
    pub fn read(&self) -> Result<ProcessReading, ProcessReadError> {
        Err(ProcessReadError::Other(anyhow::anyhow!(
            "the process {} cannot be read: only Linux has /proc",
            self.pid
        )))
    }
}
