//! What the tests of several capabilities share.

pub mod browser;
pub mod faults;
pub mod mutation;
pub mod own_engine;
pub mod peers;
pub mod program;
pub mod real_docker;
pub mod report;
pub mod ssh;
pub mod swarm;
pub mod synthetic_engine;
pub mod tls;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The program under test.
pub fn leakcheck() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_leakcheck"))
}

/// It as a command that a hangup reaches, also where the tests are run under nohup.
pub fn leakcheck_command() -> Command {
    // GNU's has this flag.
    static RESETS: LazyLock<bool> = LazyLock::new(|| {
        let tried = Command::new("env")
            .args(["--default-signal=HUP", "true"])
            .output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    if !*RESETS {
        return Command::new(leakcheck());
    }
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP").arg(leakcheck());
    command
}

/// Runs a program to its end on what it is to read.
pub fn fed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input).expect("listens");
    drop(stdin);
    child.wait_with_output().expect("ends")
}

/// Whether `program` can be run. Where it cannot, says that the test is skipped, and why; under
/// `LEAKCHECK_NO_SKIP=1` fails instead.
pub fn have(program: &str) -> bool {
    let there = std::process::Command::new(program)
        .arg("--version")
        .output()
        .is_ok();
    if !there {
        skip(&format!("{program} cannot be run"));
    }
    there
}

/// Says that a test is skipped, and why; under `LEAKCHECK_NO_SKIP=1` fails instead.
pub fn skip(why: &str) {
    assert!(
        std::env::var_os("LEAKCHECK_NO_SKIP").is_none_or(|value| value != "1"),
        "LEAKCHECK_NO_SKIP=1, and a test would be skipped: {why}"
    );
    eprintln!("skipped: {why}");
}

/// Held by a test while it keeps all cores busy: several of them at once would leave too little to the tests
/// beside them, which measure in real time.
pub fn only_one_is_busy() -> MutexGuard<'static, ()> {
    static BUSY: Mutex<()> = Mutex::new(());
    // A test that failed while it was busy is busy no more.
    BUSY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Polls until `look` finds something; fails after 60 s.
pub fn poll<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    poll_for(Duration::from_secs(60), what, look)
}

/// Polls until `look` finds something; fails after so long.
pub fn poll_for<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Polls until `condition` holds; fails after 20 s.
pub async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
