//! A Docker engine of a test's own, which it may stop and start: in namespaces that end with it, so that nothing
//! of it is left.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{poll, program, skip};

const IMAGE: &str = "busybox:stable";

/// An engine that goes when the test ends, with all of its containers.
pub struct OwnEngine {
    directory: TempDir,
    /// The namespaces' first process ends with this, and all others in them with that.
    outside: Option<Child>,
}

impl OwnEngine {
    /// Starts one that has the image of containers. `None`, with the reason printed, where none can be
    /// started; under `LEAKCHECK_NO_SKIP=1` that fails.
    pub fn start_or_skip() -> Option<Self> {
        // Short enough for the path of a socket.
        let directory = tempfile::Builder::new()
            .prefix("lk")
            .tempdir()
            .expect("a directory");
        let saved = directory.path().join("image.tar");
        let save = Command::new("docker")
            .args(["save", "-o"])
            .arg(&saved)
            .arg(IMAGE)
            .output();
        match save {
            Ok(saved) if saved.status.success() => {}
            Ok(saved) => {
                let said = String::from_utf8_lossy(&saved.stderr).trim().to_owned();
                skip(&format!("no image for an engine of the test's own: {said}"));
                return None;
            }
            Err(error) => {
                skip(&format!("the docker command cannot be run: {error}"));
                return None;
            }
        }
        let mut engine = Self {
            directory,
            outside: None,
        };
        if !(engine.starts(&[]) || engine.starts(&["--storage-driver=vfs"])) {
            let log = std::fs::read_to_string(engine.path("log")).unwrap_or_default();
            let last = log.lines().last().unwrap_or("it said nothing").to_owned();
            skip(&format!(
                "no engine of the test's own can be started: {last}"
            ));
            return None;
        }
        let load = ["load", "--quiet", "--input", &saved.display().to_string()];
        assert!(engine.docker(&load).is_some(), "the image is loaded");
        Some(engine)
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.path("d.sock"))
    }

    /// What the docker command prints there; `None` where it fails.
    pub fn docker(&self, words: &[&str]) -> Option<String> {
        let output = Command::new("docker")
            .args(["-H", &self.url()])
            .args(words)
            .output()
            .expect("runs");
        let text = String::from_utf8(output.stdout).expect("text");
        output.status.success().then_some(text)
    }

    /// Stops it as a system does, and starts it again with the same data; its containers have ended.
    pub fn restart(&mut self) {
        self.signal(Signal::SIGTERM);
        let outside = self.outside.as_mut().expect("runs");
        poll("the engine's end", || outside.try_wait().expect("a child"));
        assert!(
            self.starts(&[]) || self.starts(&["--storage-driver=vfs"]),
            "starts again"
        );
    }

    /// Sends the engine's process a signal.
    pub fn signal(&self, signal: Signal) {
        let outside = self.outside.as_ref().expect("runs").id();
        let children = format!("/proc/{outside}/task/{outside}/children");
        let children = std::fs::read_to_string(children).expect("a process");
        let pid = children.split_whitespace().next().expect("dockerd");
        program::send(pid.parse().expect("a pid"), signal);
    }

    /// Whether it answers once it is started with these flags.
    fn starts(&mut self, flags: &[&str]) -> bool {
        let log = || {
            File::options()
                .create(true)
                .append(true)
                .open(self.path("log"))
        };
        let log = log().expect("a file");
        let errors = log.try_clone().expect("a file");
        let own = [
            ("--data-root", self.path("data")),
            ("--exec-root", self.path("run")),
            ("--pidfile", self.path("pid")),
            ("--config-file", self.path("daemon.json")),
            ("--host", self.url()),
        ];
        std::fs::write(self.path("daemon.json"), "{}\n").expect("written");
        let _ = std::fs::remove_file(self.path("pid"));
        let mut command = Command::new("unshare");
        command
            .args([
                "--net",
                "--uts",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
            ])
            .arg("dockerd")
            .args([
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
                "--shutdown-timeout=1",
            ])
            .args(own.iter().flat_map(|(flag, value)| [*flag, value]))
            .args(flags)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let Ok(mut outside) = command.spawn() else {
            return false;
        };
        let answers = poll("the engine answers or ends", || {
            match outside.try_wait().expect("a child") {
                Some(_) => Some(false),
                None => self.docker(&["version"]).map(|_| true),
            }
        });
        self.outside = Some(outside);
        answers
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if let Some(outside) = &mut self.outside {
            let _ = outside.kill();
            let _ = outside.wait();
        }
    }
}
