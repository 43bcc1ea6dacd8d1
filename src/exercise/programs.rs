//! The processes that are exercised: started, started again where they are to be, and ended with all
//! that they started.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::command_line::CommandLine;
use crate::probe::process_set::{ProcessSet, children_but};

/// Who ends sooner than this, and badly, is not started again at once …
const TOO_SOON: Duration = Duration::from_secs(1);
/// … but after this.
const PAUSE: Duration = Duration::from_millis(500);
/// So much of the end of an output is looked at for its last lines.
const TAIL_BYTES: u64 = 8 << 10;

/// What became of the processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ends {
    /// How often one ended by itself.
    pub by_themselves: u64,
    /// How the last of these ended.
    pub last: Option<String>,
    /// How many had to be killed: they did not heed SIGTERM.
    pub killed: u64,
    /// Processes that they had started and left behind.
    pub left_behind: u64,
}

/// What the processes have in common.
struct Common {
    command: CommandLine,
    socket: PathBuf,
    output: PathBuf,
    restart: bool,
    grace: Duration,
    set: ProcessSet,
    /// Processes that this one has started for other ends.
    others: BTreeSet<u32>,
    ends: Mutex<Ends>,
    end: CancellationToken,
}

/// The running processes.
pub struct Programs {
    common: Arc<Common>,
    supervisors: JoinSet<()>,
}

/// How processes are run.
#[derive(Debug, Clone)]
pub struct Running {
    /// The folder of their output, a file each.
    pub output: PathBuf,
    /// Whether one that ends is started again.
    pub restart: bool,
    /// How long one may take to heed SIGTERM.
    pub grace: Duration,
    /// Whether what they start is read with them.
    pub with_children: bool,
}

impl Programs {
    /// Starts the processes: one, or one for each container.
    ///
    /// # Errors
    /// Where the program cannot be started or its output cannot be written.
    pub fn start(
        command: CommandLine,
        socket: &Path,
        containers: &[String],
        others: BTreeSet<u32>,
        running: Running,
    ) -> anyhow::Result<Self> {
        adopt_orphans();
        let each: Vec<Option<String>> = match command.is_per_container() {
            true => containers.iter().cloned().map(Some).collect(),
            false => vec![None],
        };
        let common = Arc::new(Common {
            command,
            socket: socket.to_owned(),
            output: running.output,
            restart: running.restart,
            grace: running.grace,
            set: match running.with_children {
                true => ProcessSet::default().with_children_but(others.clone()),
                false => ProcessSet::default(),
            },
            others,
            ends: Mutex::default(),
            end: CancellationToken::new(),
        });
        // Where one cannot be started, those before it end as this is dropped.
        let mut programs = Self {
            common,
            supervisors: JoinSet::new(),
        };
        for container in each {
            let child = programs.common.spawn(container.as_deref())?;
            let supervised = Arc::clone(&programs.common).supervise(child, container);
            programs.supervisors.spawn(supervised);
        }
        Ok(programs)
    }

    /// The processes, to be read.
    pub fn set(&self) -> ProcessSet {
        self.common.set.clone()
    }

    /// Why there is nothing of them left to read; `None` while there is.
    pub fn why_gone(&self) -> Option<String> {
        if !self.common.set.all().is_empty() {
            return None;
        }
        let how = self.ends().last.unwrap_or_default();
        let running = children_but(&self.common.others).len();
        let behind = match running {
            0 => String::new(),
            _ => format!("; {running} processes that it started go on: --tree reads them too"),
        };
        Some(format!("it ended by itself ({how}){behind}"))
    }

    /// What has become of them so far.
    pub fn ends(&self) -> Ends {
        self.common.lock_ends().clone()
    }

    /// The last lines that any of them printed.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let files = std::fs::read_dir(&self.common.output).into_iter().flatten();
        let written = files.flatten().filter_map(|file| {
            let metadata = file.metadata().ok()?;
            (metadata.len() > 0).then_some((metadata.modified().ok()?, file.path()))
        });
        let latest = written.max().map(|(_, path)| tail(&path));
        let text = latest.and_then(Result::ok).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(count)..];
        last.iter().map(|line| (*line).to_owned()).collect()
    }

    /// Ends them and all that they started, and says what became of them.
    pub async fn end(mut self) -> Ends {
        self.common.end.cancel();
        while self.supervisors.join_next().await.is_some() {}
        let mut ends = self.ends();
        ends.left_behind = kill_all(&children_but(&self.common.others));
        ends
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        for pid in self.common.set.pids() {
            let _ = killpg(id(pid), Signal::SIGKILL);
        }
        kill_all(&children_but(&self.common.others));
    }
}

impl Common {
    fn lock_ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, container: Option<&str>) -> anyhow::Result<Child> {
        let name = container.unwrap_or(self.command.program());
        let path = self.output.join(format!("{name}.log"));
        let said = || format!("cannot write {}", path.display());
        let out = File::options().append(true).create(true).open(&path);
        let out = out.with_context(said)?;
        let errors = out.try_clone().with_context(said)?;
        let mut process = self.command.process(&self.socket, container);
        let child = process.stdout(out).stderr(errors).spawn();
        let program = &self.command.words()[0];
        let child = child.with_context(|| format!("cannot start {program}"))?;
        if let Some(pid) = child.id() {
            self.set.insert(pid);
        }
        Ok(child)
    }

    /// Waits for a process's end, and starts it again where it is to be.
    async fn supervise(self: Arc<Self>, mut child: Child, container: Option<String>) {
        loop {
            let (pid, started) = (child.id(), Instant::now());
            let ended = tokio::select! {
                status = child.wait() => Some(status),
                () = self.end.cancelled() => None,
            };
            let Some(status) = ended else {
                self.terminate(&mut child).await;
                return pid.into_iter().for_each(|pid| self.set.remove(pid));
            };
            let failed = !matches!(&status, Ok(status) if status.success());
            {
                let mut ends = self.lock_ends();
                ends.by_themselves += 1;
                ends.last = Some(told(status.ok()));
            }
            let again = self.restart && !self.end.is_cancelled();
            if again && failed && started.elapsed() < TOO_SOON {
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = self.end.cancelled() => {}
                }
            }
            // The next one comes before the last one goes: the set is not empty in between.
            let next = match again {
                true => self.spawn(container.as_deref()).ok(),
                false => None,
            };
            if let Some(pid) = pid {
                self.set.remove(pid);
            }
            match next {
                Some(next) => child = next,
                None => return,
            }
        }
    }

    async fn terminate(&self, child: &mut Child) {
        let Some(pid) = child.id().map(id) else {
            return;
        };
        let _ = killpg(pid, Signal::SIGTERM);
        if tokio::time::timeout(self.grace, child.wait())
            .await
            .is_err()
        {
            self.lock_ends().killed += 1;
            let _ = killpg(pid, Signal::SIGKILL);
            let _ = child.wait().await;
        }
        // What else is in the group did not heed SIGTERM either.
        let _ = killpg(pid, Signal::SIGKILL);
    }
}

fn told(status: Option<ExitStatus>) -> String {
    // `exit status: 3`, `signal: 9 (SIGKILL)`.
    status.map_or("nobody knows how".into(), |status| status.to_string())
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Kills what is left of these; says how many that were.
fn kill_all(pids: &BTreeSet<u32>) -> u64 {
    let killed = pids
        .iter()
        .filter(|pid| kill(id(**pid), Signal::SIGKILL).is_ok());
    killed.count() as u64
}

fn id(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX))
}

/// Makes this process the parent of what its children leave behind, so that it is found.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
}
