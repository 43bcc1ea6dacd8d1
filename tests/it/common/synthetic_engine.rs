//! A synthetic engine as a user starts it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::leakcheck_command;

/// `leakcheck engine` with a directory for its temporary files, and the first line that it prints.
pub fn start_engine(temporary: &TempDir, flags: &[&str]) -> (Child, String) {
    let mut child = leakcheck_command()
        .arg("engine")
        .args(flags)
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped"))
        .read_line(&mut line)
        .expect("says where");
    (child, line.trim_end().to_owned())
}

/// An engine of four containers, none of them silent.
pub struct Engine {
    child: Child,
    /// What it says where it listens.
    pub url: String,
    _directory: TempDir,
}

impl Engine {
    pub fn on_a_socket() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("unix://{}", directory.path().join("e.sock").display());
        Self::start(&url, directory)
    }

    pub fn start(listen: &str, directory: TempDir) -> Self {
        let flags = ["--containers=4", "--silent=0", "--listen", listen];
        let (child, line) = start_engine(&directory, &flags);
        let scheme = listen.split(':').next().expect("a scheme");
        let at = line.find(&format!("{scheme}://")).expect("where");
        let url = line[at..].split_whitespace().next().expect("a URL");
        Self {
            child,
            url: url.into(),
            _directory: directory,
        }
    }

    /// The flags of a run of short rotations that follows its containers.
    pub const FOLLOWED: [&str; 5] = [
        "run",
        "--engine=docker",
        "--attach=leakcheck.synthetic",
        "--rotation=500ms",
        "--format=json",
    ];

    pub fn socket(&self) -> PathBuf {
        self.url.trim_start_matches("unix://").into()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
