//! The program as a user starts it, watched from outside.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use super::{leakcheck, leakcheck_command, poll, poll_for};

/// What an ended program left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The program with a directory of its own for temporary files, by which its children are told
/// from everybody else's.
pub struct Program {
    child: Child,
    temporary: TempDir,
    files: TempDir,
}

/// What a program is given in place of no input and of files that keep its output.
#[derive(Default)]
pub struct Streams {
    pub stdin: Option<Stdio>,
    pub stdout: Option<Stdio>,
    pub stderr: Option<Stdio>,
}

/// A process that the program started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// Its words, as `engine --child`.
    pub words: String,
}

impl Program {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_as(leakcheck_command().args(flags))
    }

    /// The same with other programs found on this search path.
    pub fn start_in(search_path: &str, flags: &[&str]) -> Self {
        Self::start_as(
            Command::new(leakcheck())
                .args(flags)
                .env("PATH", search_path),
        )
    }

    /// The same with soft and hard limit of file descriptors set to `limit`.
    pub fn start_with_fd_limit(limit: u32, flags: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"ulimit -n "$1"; shift; exec "$@""#, "sh"])
            .arg(limit.to_string())
            .arg(leakcheck())
            .args(flags);
        Self::start_as(&mut command)
    }

    /// The same with so many more files open than it was asked to have.
    pub fn start_with_open_files(files: usize, flags: &[&str]) -> Self {
        let open: Vec<String> = (3..3 + files)
            .map(|fd| format!("exec {fd}</dev/null;"))
            .collect();
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!(r#"{} exec "$@""#, open.concat()), "sh"])
            .arg(leakcheck())
            .args(flags);
        Self::start_as(&mut command)
    }

    fn start_as(command: &mut Command) -> Self {
        Self::start_on(command, Streams::default())
    }

    /// Starts the program by a command that becomes it.
    pub fn start_on(command: &mut Command, streams: Streams) -> Self {
        let (temporary, files) = (directory(), directory());
        let file = |name: &str| {
            let file = std::fs::File::create(files.path().join(name)).expect("a file");
            Stdio::from(file)
        };
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        let child = command
            .env("TMPDIR", temporary.path())
            .env_remove("COLUMNS")
            .env_remove("GITHUB_ACTIONS")
            .env_remove("GITHUB_STEP_SUMMARY")
            .stdin(streams.stdin.unwrap_or_else(Stdio::null))
            .stdout(streams.stdout.unwrap_or(stdout))
            .stderr(streams.stderr.unwrap_or(stderr))
            .spawn()
            .expect("starts");
        Self {
            child,
            temporary,
            files,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&self, signal: Signal) {
        send(i32::try_from(self.child.id()).expect("a pid"), signal);
    }

    /// Whether it handles a signal by now: until then the signal would end it.
    pub fn handles(&self, signal: Signal) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let caught = status.ok().and_then(|status| {
            let caught = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:"))?;
            u64::from_str_radix(caught.trim(), 16).ok()
        });
        // Bit 0 is signal 1 (proc_pid_status(5)).
        caught.is_some_and(|caught| caught >> (signal as i32 - 1) & 1 == 1)
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Waits for its end, which must come by itself.
    pub fn wait(&mut self) -> Ended {
        self.wait_for(Duration::from_secs(60))
    }

    /// The same where that takes longer than a minute.
    pub fn wait_for_minutes(&mut self) -> Ended {
        self.wait_for(Duration::from_secs(300))
    }

    fn wait_for(&mut self, patience: Duration) -> Ended {
        let what = format!("the program's end; it said {}", self.said("stderr"));
        let status = poll_for(patience, &what, || self.child.try_wait().expect("a child"));
        Ended {
            code: status.code(),
            stdout: self.said("stdout"),
            stderr: self.said("stderr"),
        }
    }

    /// What it has printed so far on `stdout` or `stderr`.
    pub fn said(&self, stream: &str) -> String {
        std::fs::read_to_string(self.files.path().join(stream)).expect("text")
    }

    /// Its live processes: itself, and those that it started, also when it is gone itself.
    #[cfg(target_os = "linux")]
    pub fn processes(&self) -> Vec<Process> {
        let mark = format!("TMPDIR={}", self.temporary.path().display());
        let of_ours = |entry: std::fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // A zombie's environment is empty: it has ended.
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let ours = environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes());
            let words = std::fs::read(entry.path().join("cmdline")).ok()?;
            let words: Vec<_> = words
                .split(|byte| *byte == 0)
                .skip(1)
                .map(String::from_utf8_lossy)
                .collect();
            ours.then(|| Process {
                pid,
                words: words.join(" ").trim_end().to_owned(),
            })
        };
        let all = std::fs::read_dir("/proc").expect("a Linux");
        let mut ours: Vec<_> = all.flatten().filter_map(of_ours).collect();
        ours.sort_by_key(|process| process.pid);
        ours
    }

    /// The files and directories that it has made among the temporary ones.
    pub fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.temporary.path()).expect("a directory");
        entries.flatten().map(|entry| entry.path()).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Its children end with it, and their sockets before the directory that these lie in.
        #[cfg(target_os = "linux")]
        for _ in 0..500 {
            if self.processes().is_empty() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Runs the program to its end.
pub fn run(flags: &[&str]) -> Ended {
    Program::start(flags).wait()
}

/// The same where that takes minutes.
pub fn run_for_minutes(flags: &[&str]) -> Ended {
    Program::start(flags).wait_for_minutes()
}

/// Makes sure that it and all that it started are gone, which a moment ago may have been killed.
#[cfg(target_os = "linux")]
pub fn assert_no_process_left(program: &Program) {
    poll("all of its processes gone", || {
        program.processes().is_empty().then_some(())
    });
}

pub fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("is alive");
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory")
}
