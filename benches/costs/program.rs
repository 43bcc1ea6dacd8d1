//! The program, run to its end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The release build.
pub const LEAKCHECK: &str = env!("CARGO_BIN_EXE_leakcheck");

/// How long a command takes, its output unread.
pub fn time_of(command: &mut Command) -> Duration {
    let started = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .status()
        .expect("it can be run");
    assert!(status.success(), "{command:?} ended with {status}");
    started.elapsed()
}

/// What `leakcheck run` reports, whatever it exits with.
pub fn report_of(flags: &[&str]) -> Value {
    let output = Command::new(LEAKCHECK)
        .args(["run", "--quiet", "--format=json"])
        .args(flags)
        .stderr(Stdio::inherit())
        .output()
        .expect("it can be run");
    serde_json::from_slice(&output.stdout).expect("a report")
}

/// The samples of the only wiring of a report.
pub fn samples(report: &Value) -> &[Value] {
    let samples = report["wirings"][0]["samples"].as_array();
    samples.expect("samples")
}

/// A figure of a sample.
pub fn figure(sample: &Value, pointer: &str) -> f64 {
    let figure = sample.pointer(pointer).and_then(Value::as_f64);
    figure.unwrap_or_else(|| panic!("no {pointer} in {sample}"))
}
