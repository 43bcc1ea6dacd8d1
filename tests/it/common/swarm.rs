//! A Docker Swarm of two nodes for a test, made and removed by the repository's own scripts.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::Signal;

use super::{have, program, skip};

/// The image of the containers, and that of the agents.
const PRINTERS: &str = "busybox:stable";
pub const AGENTS: &str = concat!("leakcheck:", env!("CARGO_PKG_VERSION"));

/// A swarm that goes when the test ends, however it ends.
pub struct Swarm {
    directory: tempfile::TempDir,
}

impl Swarm {
    /// A swarm whose nodes have the containers' image and these. `None`, with the reason printed, where
    /// none can be started; under `LEAKCHECK_NO_SKIP=1` that fails.
    pub fn start_or_skip(images: &[&str]) -> Option<Self> {
        static SWARMS: AtomicU32 = AtomicU32::new(1);
        if !have("docker") {
            return None;
        }
        let number = SWARMS.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}-{number}", std::process::id());
        // Short enough for the path of a socket.
        let directory = tempfile::Builder::new()
            .prefix("lk")
            .tempdir()
            .expect("a directory");
        let swarm = Self { directory };
        let mut command = script("swarm-up");
        command
            .arg("--name")
            .arg(name)
            .arg("--dir")
            .arg(swarm.path());
        for image in [PRINTERS].iter().chain(images) {
            command.args(["--image", image]);
        }
        let output = command.output().expect("runs");
        if output.status.success() {
            return Some(swarm);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        skip(&format!("no swarm can be started: {}", said.trim()));
        None
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("s")
    }

    /// The URL of a node's engine; the first manages the swarm.
    pub fn engine(&self, node: u32) -> String {
        format!("unix://{}/node-{node}/docker.sock", self.path().display())
    }

    /// What the docker command prints at a node.
    pub fn docker(&self, node: u32, words: &[&str]) -> String {
        let output = Command::new("docker")
            .args(["-H", &self.engine(node)])
            .args(words)
            .output()
            .expect("runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Makes sure that no service and no container is left on these nodes.
    pub fn assert_empty(&self, nodes: &[u32]) {
        assert_eq!(self.docker(1, &["service", "ls", "-q"]), "", "services");
        for node in nodes {
            assert_eq!(
                self.docker(*node, &["ps", "-q"]),
                "",
                "containers of {node}"
            );
        }
    }

    /// Kills a node's engine.
    pub fn kill(&self, node: u32) {
        let file = self.path().join(format!("node-{node}/pid"));
        let pid = std::fs::read_to_string(file).expect("a file");
        program::send(pid.trim().parse().expect("a pid"), Signal::SIGKILL);
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        let removed = script("swarm-down").arg("--dir").arg(self.path()).output();
        if !removed
            .as_ref()
            .is_ok_and(|removed| removed.status.success())
        {
            eprintln!("{removed:?}");
        }
    }
}

fn script(name: &str) -> Command {
    let mut command = Command::new(format!("{}/scripts/{name}", env!("CARGO_MANIFEST_DIR")));
    command.env_remove("TMPDIR");
    command
}
