//! Another process, through `/proc`: its file descriptors, threads, children and memory.

use std::time::Duration;

use leakcheck_report::model::process_gauges::ProcessGauges;
use leakcheck_report::readings::Kind;
use leakcheck_test::fds::FdKinds;

/// A process, told from a later one with the same number by when it started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherProcess {
    pid: u32,
}

/// What was read of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessReading {
    /// The numbers of the processes that were read.
    pub pids: Vec<u32>,
    /// Open file descriptors.
    pub fds: u64,
    /// The same by kind.
    pub fd_kinds: FdKinds,
    /// Its sockets and other descriptors, threads and children one by one, each under a number that another
    /// one in its place does not have.
    pub members: Vec<(u64, Kind)>,
    /// What else the kernel counts.
    pub gauges: ProcessGauges,
    /// The CPU time that it has spent, in user and in kernel mode.
    pub cpu_time: Duration,
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
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::io::ErrorKind;
    use std::path::Path;
    use std::time::Duration;

    use leakcheck_report::model::process_gauges::ProcessGauges;
    use leakcheck_report::readings::Kind;
    use leakcheck_test::fds;
    use procfs::ProcError;
    use procfs::process::{ProcState, Process, Stat};

    use super::{OtherProcess, ProcessReadError, ProcessReading};
    use crate::probe::process::gauges;

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
            let descriptors = fds::numbered_targets(Path::new(&folder));
            let descriptors = descriptors.map_err(|error| match error.kind() {
                ErrorKind::NotFound => ProcessReadError::Gone,
                ErrorKind::PermissionDenied => ProcessReadError::Other(anyhow::anyhow!(
                    "the process {} is another user's: run leakcheck as that user, or as root",
                    self.pid
                )),
                _ => ProcessReadError::Other(anyhow::Error::from(error).context(folder)),
            })?;
            let threads = self.threads();
            let children = self.children(&threads);
            let zombies = children.as_ref().map(|children| {
                let has_ended = |child: &&Stat| matches!(child.state(), Ok(ProcState::Zombie));
                children.iter().filter(has_ended).count() as u64
            });
            let descriptor = |(number, target): &(u32, String)| match fds::socket(target) {
                // The same socket, whatever its descriptor's number.
                Some(socket) => (self.member(&socket), Kind::Socket),
                None => (self.member(&(number, target)), Kind::Descriptor),
            };
            let mut members: Vec<(u64, Kind)> = descriptors.iter().map(descriptor).collect();
            members.extend(
                threads
                    .iter()
                    .map(|thread| (self.member(thread), Kind::Thread)),
            );
            let child = |child: &Stat| (self.member(&(child.pid, child.starttime)), Kind::Child);
            members.extend(children.iter().flatten().map(child));
            Ok(ProcessReading {
                pids: vec![self.pid],
                fds: descriptors.len() as u64,
                fd_kinds: fds::by_kind(descriptors.iter().map(|(_, target)| target)),
                members,
                gauges: ProcessGauges {
                    children: children.map(|children| children.len() as u64),
                    zombies,
                    ..gauges(&stat)
                },
                cpu_time: cpu_time(&stat),
                started: stat.starttime,
            })
        }

        /// The numbers of its threads.
        fn threads(&self) -> Vec<u32> {
            let listed = std::fs::read_dir(format!("/proc/{}/task", self.pid));
            let names = listed
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name());
            names
                .filter_map(|name| name.to_str()?.parse().ok())
                .collect()
        }

        /// What its threads have started and not waited for; `None` where the kernel does not tell.
        fn children(&self, threads: &[u32]) -> Option<Vec<Stat>> {
            let mut children = Vec::new();
            let mut told = false;
            for thread in threads {
                let list = format!("/proc/{}/task/{thread}/children", self.pid);
                // A thread may have ended since.
                let Ok(list) = std::fs::read_to_string(list) else {
                    continue;
                };
                told = true;
                let numbers = list
                    .split_ascii_whitespace()
                    .filter_map(|pid| pid.parse().ok());
                children.extend(numbers.filter_map(|pid| Process::new(pid).ok()?.stat().ok()));
            }
            told.then_some(children)
        }

        /// The number of a member of this process among those of several processes.
        fn member(&self, what: &impl Hash) -> u64 {
            let mut hasher = DefaultHasher::new();
            (self.pid, what).hash(&mut hasher);
            hasher.finish()
        }

        fn process(&self) -> Result<Process, ProcessReadError> {
            let pid = i32::try_from(self.pid).map_err(|_| ProcessReadError::Gone)?;
            Ok(Process::new(pid)?)
        }
    }

    /// The time that its threads have run.
    fn cpu_time(stat: &Stat) -> Duration {
        let ticks = stat.utime.saturating_add(stat.stime);
        let per_second = procfs::ticks_per_second().max(1);
        Duration::from_millis(ticks.saturating_mul(1000) / per_second)
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
