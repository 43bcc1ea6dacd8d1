//! Whatever happens to the tool itself: it says what it measured, ends with a fitting code, and leaves nothing
//! behind.
//!
//! Each fault is tried twice, or as often as `LEAKCHECK_FAULT_REPETITIONS` says, at moments drawn from a seed:
//! the number of the repetition. With `--nocapture` each test prints its row of the README's table.

#![cfg(target_os = "linux")]
#![allow(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::own_engine::OwnEngine;
use common::program::{Ended, Process, Program, send};
use common::real_docker::engine_or_skip;
use common::report::{self, poll_exported, rates, text, wiring, wirings};
use common::{leakcheck, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::TempDir;

/// What the README's table calls each fault.
const FAULTS: [&str; 14] = [
    "a worker is killed",
    "a worker crashes",
    "a worker hangs, then Ctrl-C",
    "an engine's process is killed",
    "an engine's process hangs, then Ctrl-C",
    "the disk is full for an export",
    "stdout is closed after a line",
    "too few file descriptors for the parent",
    "two runs at once",
    "Ctrl-C at any moment",
    "Ctrl-C twice",
    "SIGTERM or SIGHUP at any moment",
    "Ctrl-C while containers are created",
    "Docker is restarted",
];

#[test]
fn the_readme_has_a_row_for_each_of_these_faults() {
    let readme = include_str!("../README.md");
    for fault in FAULTS {
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| {fault} |")));
        let row = row.unwrap_or_else(|| panic!("the README says nothing of: {fault}"));
        let times: u64 = row
            .split('|')
            .nth(2)
            .expect("times")
            .trim()
            .parse()
            .expect("a number");
        assert!(times >= 20, "{row}");
    }
}

/// What `fixed` has lost of its lines; `None` where nobody is left who knows.
type Lost = Option<u64>;

/// Tries a fault again and again, and prints its row.
fn try_fault(fault: &str, outcome: &str, mut once: impl FnMut(&mut ChaCha8Rng) -> Lost) {
    assert!(FAULTS.contains(&fault), "{fault}");
    let times = std::env::var("LEAKCHECK_FAULT_REPETITIONS").ok();
    let times: u64 = times.map_or(2, |times| times.parse().expect("a number of repetitions"));
    let (mut lost, mut unknown) = (0, 0);
    for repetition in 0..times {
        // Shown where this repetition fails.
        println!("{fault}: repetition {repetition}");
        match once(&mut ChaCha8Rng::seed_from_u64(repetition)) {
            Some(lines) => lost += lines,
            None => unknown += 1,
        }
    }
    assert_eq!(lost, 0, "{fault}: fixed has lost lines");
    let lost = match unknown {
        0 => "0".to_owned(),
        unknown => format!("0 (unknown in {unknown})"),
    };
    println!("| {fault} | {times} | {outcome} | {lost} | nothing |");
}

/// A run of some seconds that exports its report.
struct Run {
    program: Program,
    export: std::path::PathBuf,
    _folder: TempDir,
}

impl Run {
    fn start(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let export = folder.path().join("report.json");
        let exported = format!("--export=json={}", export.display());
        let all = ["run", "--format=json", &exported]
            .into_iter()
            .chain(flags.iter().copied());
        Self {
            program: Program::start(&all.collect::<Vec<_>>()),
            export,
            _folder: folder,
        }
    }

    /// One on four synthetic containers.
    fn synthetic() -> Self {
        Self::start(&["--containers=4", "--time-scale=600", "--rotations=4"])
    }

    /// Its processes with these words, once there are two: one for each wiring.
    fn pair(&self, words: &str) -> Vec<Process> {
        poll("its processes", || {
            let mut processes = self.program.processes();
            processes.retain(|process| process.words == words);
            (processes.len() == 2).then_some(processes)
        })
    }

    /// Its end with one of these codes, and its report; nothing is left of it.
    fn ends(&mut self, codes: &[i32]) -> Value {
        let ended = self.program.wait();
        let report = sound(&ended, codes);
        assert_nothing_left(&self.program);
        report
    }
}

/// The report of a run that ended with one of these codes: valid, partial where it ended early, and never
/// clean there.
fn sound(ended: &Ended, codes: &[i32]) -> Value {
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    let code = ended.code.expect("ended by itself");
    assert!(codes.contains(&code), "{code}: {}", ended.stderr);
    let report = report::of(ended);
    let cut_short = |wiring: &&Value| !wiring["cut_short"].is_null();
    let any = wirings(&report).iter().any(|wiring| cut_short(&wiring));
    assert_eq!(report["partial"], any, "{report}");
    assert_eq!(code == 0, !any, "{}", ended.stderr);
    for wiring in wirings(&report).iter().filter(cut_short) {
        assert_ne!(wiring["verdict"], "clean", "{wiring}");
    }
    report
}

fn lost(report: &Value) -> Lost {
    wiring(report, "fixed")["delivery"]["lost"].as_u64()
}

fn assert_nothing_left(program: &Program) {
    poll("all of its processes gone", || {
        program.processes().is_empty().then_some(())
    });
    poll("all of its sockets gone", || {
        program.temporary_files().is_empty().then_some(())
    });
}

/// Lets a drawn time pass: what happens then may happen at any moment.
fn at_any_moment_within(random: &mut ChaCha8Rng, most: Duration) {
    std::thread::sleep(random.random_range(Duration::ZERO..most));
}

/// A run under way is about so long.
const A_RUN: Duration = Duration::from_millis(2500);

fn signal_a_process(random: &mut ChaCha8Rng, words: &str, signal: Signal) -> Run {
    let run = Run::synthetic();
    let pair = run.pair(words);
    at_any_moment_within(random, A_RUN);
    let pid = pair[random.random_range(0..2)].pid;
    // Where the run is over by then, so is this process.
    let _ = kill(Pid::from_raw(pid), signal);
    run
}

#[test]
fn a_worker_that_is_killed() {
    let outcome = "partial, exit 4; the other wiring is measured";
    try_fault("a worker is killed", outcome, |random| {
        lost(&signal_a_process(random, "worker", Signal::SIGKILL).ends(&[0, 4]))
    });
}

#[test]
fn a_worker_that_crashes() {
    let outcome = "partial, exit 4; the other wiring is measured";
    try_fault("a worker crashes", outcome, |random| {
        let signals = [Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGILL];
        let signal = signals[random.random_range(0..signals.len())];
        lost(&signal_a_process(random, "worker", signal).ends(&[0, 4]))
    });
}

#[test]
fn an_engine_that_is_killed() {
    let outcome = "partial, exit 4; the other wiring is measured";
    try_fault("an engine's process is killed", outcome, |random| {
        lost(&signal_a_process(random, "engine --child", Signal::SIGKILL).ends(&[0, 4]))
    });
}

/// A process of the run hangs, and somebody has enough of it.
fn hang(random: &mut ChaCha8Rng, words: &str) -> Lost {
    let mut run = Run::start(&["--containers=4", "--time-scale=600", "--rotations=1000"]);
    let pair = run.pair(words);
    at_any_moment_within(random, A_RUN);
    send(pair[random.random_range(0..2)].pid, Signal::SIGSTOP);
    at_any_moment_within(random, A_RUN);
    run.program.send(Signal::SIGINT);
    lost(&run.ends(&[130]))
}

#[test]
fn a_worker_that_hangs() {
    let outcome = "partial, exit 130";
    try_fault("a worker hangs, then Ctrl-C", outcome, |random| {
        hang(random, "worker")
    });
}

#[test]
fn an_engine_that_hangs() {
    let fault = "an engine's process hangs, then Ctrl-C";
    try_fault(fault, "partial, exit 130", |random| {
        hang(random, "engine --child")
    });
}

#[test]
fn a_full_disk() {
    let outcome = "exit 4; the report is on stdout and in the other exports";
    try_fault("the disk is full for an export", outcome, |_| {
        let folder = tempfile::tempdir().expect("a directory");
        let csv = folder.path().join("samples.csv");
        let csv_flag = format!("--export=csv={}", csv.display());
        let mut run = Run::start(&[
            "--containers=4",
            "--time-scale=600",
            "--rotations=2",
            "--export=markdown=/dev/full",
            &csv_flag,
        ]);
        let ended = run.program.wait();
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("No space left on device"),
            "{}",
            ended.stderr
        );
        // Told while it goes on, once, and at the end.
        assert_eq!(
            ended.stderr.matches("/dev/full").count(),
            2,
            "{}",
            ended.stderr
        );
        let report = report::of(&ended);
        assert_eq!(report["partial"], false);
        let exported: Value =
            serde_json::from_slice(&std::fs::read(&run.export).expect("exported")).expect("JSON");
        assert_eq!(exported, report);
        let rows = std::fs::read_to_string(csv)
            .expect("exported")
            .lines()
            .count();
        assert_eq!(rows, 1 + 2 * 3, "a head, and three samples of each wiring");
        assert_nothing_left(&run.program);
        lost(&report)
    });
}

#[test]
fn a_reader_that_leaves() {
    let outcome = "exit 0; the exports are whole";
    try_fault("stdout is closed after a line", outcome, |random| {
        let folder = tempfile::tempdir().expect("a directory");
        let export = folder.path().join("report.json");
        let format = ["table", "json", "csv", "markdown"][random.random_range(0..4)];
        let mut child = Command::new(leakcheck())
            .args([
                "run",
                "--containers=4",
                "--time-scale=600",
                "--rotations=2",
                "--quiet",
            ])
            .args(["--format", format])
            .arg(format!("--export=json={}", export.display()))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let mut output = BufReader::with_capacity(16, child.stdout.take().expect("piped"));
        output.read_line(&mut line).expect("a line");
        drop(output);
        let ended = child.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!((ended.status.code(), &*said), (Some(0), ""));
        let report: Value =
            serde_json::from_slice(&std::fs::read(&export).expect("exported")).expect("JSON");
        assert_eq!(report["partial"], false);
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .expect("a directory")
            .flatten()
            .collect();
        assert_eq!(left.len(), 1, "the export alone: {left:?}");
        lost(&report)
    });
}

#[test]
fn a_parent_without_file_descriptors() {
    let outcome = "refused before anything starts, or partial, exit 4; which limit it was is said";
    try_fault(
        "too few file descriptors for the parent",
        outcome,
        |random| {
            let limit = random.random_range(8..48);
            let flags = [
                "run",
                "--containers=4",
                "--time-scale=600",
                "--rotations=1",
                "--format=json",
            ];
            let mut program = Program::start_with_fd_limit(limit, &flags);
            let Ended { code, stderr, .. } = program.wait();
            assert!(!stderr.contains("panicked"), "{limit}: {stderr}");
            assert_eq!(code, Some(4), "{limit}: {stderr}");
            let names_it = ["file descriptors", "open files"]
                .iter()
                .any(|words| stderr.contains(words));
            assert!(names_it, "{limit}: {stderr}");
            assert_nothing_left(&program);
            // Nothing was followed, or what was is not known.
            None
        },
    );
}

#[test]
fn two_runs() {
    let outcome = "exit 0, each with the figures that it has alone";
    try_fault("two runs at once", outcome, |random| {
        let mut first = Run::synthetic();
        at_any_moment_within(random, A_RUN);
        let mut second = Run::synthetic();
        let reports = [first.ends(&[0]), second.ends(&[0])];
        for report in &reports {
            assert_eq!(rates(wiring(report, "old")), (2.0, 1.0));
            let fixed = wiring(report, "fixed");
            assert_eq!(fixed["verdict"], "clean", "{}", fixed["reason"]);
        }
        reports.iter().map(lost).sum()
    });
}

/// A run that is sent signals, from the moment on from which it handles them.
fn signal_the_run(random: &mut ChaCha8Rng, signals: &[Signal]) -> Lost {
    let mut run = Run::synthetic();
    poll("its handling of signals", || {
        signals
            .iter()
            .all(|signal| run.program.handles(*signal))
            .then_some(())
    });
    at_any_moment_within(random, A_RUN);
    for signal in signals {
        if !run.program.has_ended() {
            run.program.send(*signal);
        }
    }
    let report = run.ends(&[0, 130]);
    // Before its first stream it has neither lost nor delivered anything.
    Some(lost(&report).unwrap_or(0))
}

#[test]
fn ctrl_c() {
    try_fault("Ctrl-C at any moment", "partial, exit 130", |random| {
        signal_the_run(random, &[Signal::SIGINT])
    });
}

#[test]
fn ctrl_c_again() {
    try_fault("Ctrl-C twice", "partial, exit 130", |random| {
        signal_the_run(random, &[Signal::SIGINT, Signal::SIGINT])
    });
}

#[test]
fn other_signals() {
    try_fault(
        "SIGTERM or SIGHUP at any moment",
        "partial, exit 130",
        |random| {
            let signal = [Signal::SIGTERM, Signal::SIGHUP][random.random_range(0..2)];
            signal_the_run(random, &[signal])
        },
    );
}

#[tokio::test]
async fn a_creation_that_is_interrupted() {
    if engine_or_skip().await.is_none() {
        return;
    }
    let outcome = "exit 130, with what was measured by then";
    try_fault("Ctrl-C while containers are created", outcome, |random| {
        let mut program = Program::start(&[
            "run",
            "--engine=docker",
            "--containers=6",
            "--rotation=1s",
            "--rotations=100",
            "--format=json",
        ]);
        poll("its handling of signals", || {
            program.handles(Signal::SIGINT).then_some(())
        });
        at_any_moment_within(random, Duration::from_secs(1));
        program.send(Signal::SIGINT);
        let ended = program.wait();
        assert_eq!(ended.code, Some(130), "{ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        assert_nothing_left(&program);
        let label = format!("label=leakcheck.pid={}", program.pid());
        let left = Command::new("docker")
            .args(["ps", "-aq", "--filter", &label])
            .output();
        assert_eq!(left.expect("runs").stdout, b"", "containers");
        // Nothing is followed before all of them run.
        if ended.stdout.is_empty() {
            return Some(0);
        }
        Some(lost(&sound(&ended, &[130])).unwrap_or(0))
    });
}

#[test]
fn an_engine_that_is_restarted() {
    let Some(mut engine) = OwnEngine::start_or_skip() else {
        return;
    };
    let outcome = "fixed inconclusive: its containers have ended; exit 0, or 4 and partial";
    try_fault("Docker is restarted", outcome, |random| {
        let url = engine.url();
        let flags = [
            "--engine=docker",
            "--host",
            &url,
            "--containers=3",
            "--rotation=1s",
            "--rotations=4",
        ];
        let mut run = Run::start(&flags);
        poll_exported(&run.export, 1);
        at_any_moment_within(random, Duration::from_secs(1));
        engine.restart();
        let report = run.ends(&[0, 4]);
        let fixed = wiring(&report, "fixed");
        assert_eq!(fixed["verdict"], "inconclusive", "{fixed}");
        let old = wiring(&report, "old");
        assert_ne!(text(&old["verdict"]), "clean", "{old}");
        assert_eq!(
            engine.docker(&["ps", "-aq"]).as_deref(),
            Some(""),
            "containers"
        );
        lost(&report)
    });
}
