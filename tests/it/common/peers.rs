//! Programs in other languages, and others than leakcheck, that the tests are held against.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::program::{Ended, Program, run};
use super::{leakcheck, poll, skip};

/// The Go follower, built once; `None` where there is no Go.
pub fn follower() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<GoProgram>> = OnceLock::new();
    let built = BUILT.get_or_init(|| GoProgram::build("follower"));
    built.as_ref().map(|built| built.path.as_path())
}

/// The Go program of shapes, built once; `None` where there is no Go.
fn shapes() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<GoProgram>> = OnceLock::new();
    let built = BUILT.get_or_init(|| GoProgram::build("shapes"));
    built.as_ref().map(|built| built.path.as_path())
}

/// A program of tests/peers that is built by Go.
struct GoProgram {
    path: PathBuf,
    _folder: TempDir,
}

impl GoProgram {
    /// `None` where there is no Go.
    fn build(name: &str) -> Option<Self> {
        if Command::new("go").arg("version").output().is_err() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a directory");
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        let path = folder.path().join(name);
        let built = Command::new("go")
            .args(["build", "-buildvcs=false", "-trimpath", "-o"])
            .arg(&path)
            .arg(".")
            .current_dir(peers.join(name))
            .output()
            .expect("go can be run");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Some(Self {
            path,
            _folder: folder,
        })
    }
}

/// A Go program whose goroutines come and go in a known shape: see tests/peers/shapes.
pub struct Shape {
    child: Child,
    /// Where it serves its pprof, as `127.0.0.1:PORT`.
    pub address: String,
}

impl Shape {
    /// `None`, with a line that says so, where there is no Go.
    pub fn start(flags: &[&str]) -> Option<Self> {
        let Some(program) = shapes() else {
            skip("go cannot be run");
            return None;
        };
        let mut child = Command::new(program)
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let said = first_line(&mut child);
        let address = said.strip_prefix("pprof http://").expect("its address");
        Some(Self {
            address: address.to_owned(),
            child,
        })
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Shape {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A Go follower of an engine's containers.
pub struct Follower {
    pub child: Child,
    pub pprof: String,
    wiring: String,
    delay: String,
    docker: String,
    _engine: Program,
    _folder: TempDir,
}

impl Follower {
    /// `None`, with a line that says so, where there is no Go.
    pub fn start(wiring: &str, delay: &str, engine_flags: &[&str]) -> Option<Self> {
        if follower().is_none() {
            skip("go cannot be run");
            return None;
        }
        let folder = tempfile::tempdir().expect("a directory");
        let socket = folder.path().join("engine.sock");
        let docker = format!("unix://{}", socket.display());
        let mut flags = vec!["engine", "--containers=20", "--listen", &docker];
        flags.extend(engine_flags);
        let engine = Program::start(&flags);
        poll("the engine's socket", || socket.exists().then_some(()));
        let (child, pprof) = spawn(wiring, delay, &docker, "127.0.0.1:0");
        Some(Self {
            child,
            pprof,
            wiring: wiring.into(),
            delay: delay.into(),
            docker,
            _engine: engine,
            _folder: folder,
        })
    }

    /// Kills it and starts it anew at the same address.
    pub fn restart(&mut self) {
        self.kill();
        let listen = self.pprof.trim_start_matches("http://");
        (self.child, self.pprof) = spawn(&self.wiring, &self.delay, &self.docker, listen);
    }

    pub fn watch(&self, flags: &[&str]) -> Ended {
        let pid = format!("--pid={}", self.child.id());
        let pprof = format!("--pprof={}", self.pprof);
        let mut all = vec!["watch", "--rotation=1s", "--containers=20", "--format=json"];
        all.extend([pid.as_str(), pprof.as_str()]);
        all.extend(flags);
        run(&all)
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A follower that has all its streams open, and where it serves pprof.
fn spawn(wiring: &str, delay: &str, docker: &str, listen: &str) -> (Child, String) {
    let mut child = Command::new(follower().expect("built"))
        .args(["-until-stdin-closes", "-rotation=1s", "-wiring", wiring])
        .args(["-consumer-delay", delay, "-docker", docker])
        .args(["-listen", listen])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let said = first_line(&mut child);
    let pprof = said.strip_prefix("pprof ").expect("its address");
    (child, pprof.to_owned())
}

/// What a program whose standard output is piped says first.
pub fn first_line(child: &mut Child) -> String {
    let mut said = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut said).expect("text");
    said.trim().to_owned()
}

/// A Python that has Prometheus' own client; `None`, with a line that says so, where there is none.
pub fn prometheus_client() -> Option<&'static str> {
    let can_import = |python: &&str| {
        let import = ["-c", "import prometheus_client.openmetrics"];
        let tried = Command::new(python).args(import).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let found = ["/usr/bin/python3", "python3"].into_iter().find(can_import);
    if found.is_none() {
        skip("python3 has no prometheus_client (Debian: python3-prometheus-client)");
    }
    found
}

/// A tokio program that embeds console-subscriber and leaves one task behind per rotation of a
/// container: see tests/peers/tokio_tasks.
pub struct TokioTasks {
    child: Child,
    pub console: String,
}

impl TokioTasks {
    pub fn start(containers: u32, rotation_ms: u32) -> Self {
        // Cargo builds examples beside the programs.
        let program = leakcheck().with_file_name("examples").join("tokio_tasks");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("bound");
        drop(free);
        let child = Command::new(program)
            .args([
                address.to_string(),
                containers.to_string(),
                rotation_ms.to_string(),
            ])
            .stdin(Stdio::piped())
            .spawn()
            .expect("starts; `cargo test` builds it, or `cargo build --example tokio_tasks`");
        poll("the console", || TcpStream::connect(address).ok());
        Self {
            child,
            console: format!("http://{address}"),
        }
    }
}

impl Drop for TokioTasks {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
