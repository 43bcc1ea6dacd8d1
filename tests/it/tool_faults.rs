//! Whatever happens to the tool itself: it says what it measured, ends with a fitting code, and leaves nothing
//! behind.
//!
//! Each fault is tried twice (those that take long once), or as often as `LEAKCHECK_FAULT_REPETITIONS` says, at
//! moments drawn from a seed: the number of the repetition. With `--nocapture` each test prints its row of the
//! README's table.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use serde_json::Value;

use crate::common::faults::{
    A_RUN, Lost, Run, assert_nothing_left, at_any_moment_within, lost, lost_if_begun,
    lost_since_begun, sound, try_fault,
};
use crate::common::own_engine::OwnEngine;
use crate::common::poll;
use crate::common::program::{Ended, Program, Streams};
use crate::common::real_docker::engine_or_skip;
use crate::common::report::{self, poll_exported, rates, text, wiring};

/// What the README's table calls each fault.
const FAULTS: [&str; 22] = [
    "a worker is killed",
    "a worker crashes",
    "a worker hangs",
    "a worker hangs, then Ctrl-C",
    "an engine's process is killed",
    "an engine's process hangs",
    "an engine's process hangs, then Ctrl-C",
    "the disk is full for an export",
    "the disk is full for stdout",
    "stdout is closed after a line",
    "nobody reads stderr",
    "the terminal is closed",
    "the terminal is closed under nohup",
    "too few file descriptors for the parent",
    "two runs at once",
    "Ctrl-C at any moment",
    "Ctrl-C twice",
    "SIGTERM or SIGHUP at any moment",
    "Ctrl-C while containers are created",
    "Docker is restarted",
    "Docker is restarted while a run ends",
    "Docker hangs for 5 s",
];

/// How often each is tried in passing, and how often those that take half a minute are.
const TWICE: u64 = 2;
const ONCE: u64 = 1;

#[test]
fn the_readme_has_a_row_for_each_of_these_faults() {
    let readme = include_str!("../../README.md");
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

/// Tries one of these faults.
fn trying(fault: &str, outcome: &str, times: u64, once: impl FnMut(&mut ChaCha8Rng) -> Lost) {
    assert!(FAULTS.contains(&fault), "{fault}");
    try_fault(fault, outcome, times, once);
}

/// One process of a run is sent a signal.
fn strike(random: &mut ChaCha8Rng, words: &str, signal: Signal) -> Lost {
    let mut run = Run::synthetic();
    run.strike(random, words, signal);
    lost_if_begun(run.ends_though_unbegun(&[0, 4]).as_ref())
}

const ONE_IS_LOST: &str = "partial, exit 4; the other wiring is measured";

#[test]
fn a_worker_that_is_killed() {
    trying("a worker is killed", ONE_IS_LOST, TWICE, |random| {
        strike(random, "worker", Signal::SIGKILL)
    });
}

#[test]
fn a_worker_that_crashes() {
    trying("a worker crashes", ONE_IS_LOST, TWICE, |random| {
        let signals = [Signal::SIGSEGV, Signal::SIGABRT, Signal::SIGILL];
        let signal = signals[random.random_range(0..signals.len())];
        strike(random, "worker", signal)
    });
}

#[test]
fn an_engine_that_is_killed() {
    let fault = "an engine's process is killed";
    trying(fault, ONE_IS_LOST, TWICE, |random| {
        strike(random, "engine --child", Signal::SIGKILL)
    });
}

/// A process of a run hangs, which would go on for longer than that.
fn hang(random: &mut ChaCha8Rng, words: &str) -> Option<Value> {
    let flags = ["--containers=4", "--time-scale=600", "--rotations=8"];
    let mut run = Run::start(&flags);
    run.strike(random, words, Signal::SIGSTOP);
    run.ends_though_unbegun(&[4])
}

#[test]
fn a_worker_that_hangs() {
    let outcome = "given up after 15 s: partial, exit 4; the other wiring is measured";
    trying("a worker hangs", outcome, ONCE, |random| {
        let report = hang(random, "worker").expect("its engines have started");
        let why = "has said nothing for 15 s";
        assert!(report.to_string().contains(why), "{report}");
        lost(&report)
    });
}

#[test]
fn an_engine_that_hangs() {
    let outcome = "given up: partial, exit 4; the other wiring is measured";
    trying("an engine's process hangs", outcome, ONCE, |random| {
        lost_if_begun(hang(random, "engine --child").as_ref())
    });
}

/// A process of a run hangs, and somebody has enough of it.
fn hang_and_interrupt(random: &mut ChaCha8Rng, words: &str) -> Lost {
    let mut run = Run::start(&["--containers=4", "--time-scale=600", "--rotations=1000"]);
    run.strike(random, words, Signal::SIGSTOP);
    at_any_moment_within(random, A_RUN);
    run.program.send(Signal::SIGINT);
    lost_if_begun(run.ends_though_unbegun(&[130]).as_ref())
}

#[test]
fn a_worker_that_hangs_and_ctrl_c() {
    let fault = "a worker hangs, then Ctrl-C";
    trying(fault, "partial, exit 130", ONCE, |random| {
        hang_and_interrupt(random, "worker")
    });
}

#[test]
fn an_engine_that_hangs_and_ctrl_c() {
    let fault = "an engine's process hangs, then Ctrl-C";
    trying(fault, "partial, exit 130", ONCE, |random| {
        hang_and_interrupt(random, "engine --child")
    });
}

#[test]
fn a_full_disk() {
    let outcome = "exit 4; the report is on stdout and in the other exports";
    trying("the disk is full for an export", outcome, TWICE, |_| {
        let folder = tempfile::tempdir().expect("a directory");
        let csv = folder.path().join("samples.csv");
        let csv_flag = format!("--export=csv={}", csv.display());
        let flags = [
            "--containers=4",
            "--time-scale=600",
            "--rotations=2",
            "--export=markdown=/dev/full",
            &csv_flag,
        ];
        let mut run = Run::start(&flags);
        let ended = run.leaves_nothing();
        let said = &ended.stderr;
        assert!(said.contains("No space left on device"), "{said}");
        // Told while it goes on, once, and at the end.
        assert_eq!(said.matches("/dev/full").count(), 2, "{said}");
        let report = sound(&ended, &[4], report::of(&ended));
        assert_eq!(report["partial"], false);
        assert_eq!(run.exported(), report);
        let rows = std::fs::read_to_string(csv).expect("exported");
        let rows = rows.lines().count();
        assert_eq!(rows, 1 + 2 * 3, "a head, and three samples of each wiring");
        lost(&report)
    });
}

#[test]
fn a_full_disk_for_what_is_printed() {
    let outcome = "exit 4, all that could not be written is named; the other exports are whole";
    trying("the disk is full for stdout", outcome, TWICE, |_| {
        let full = File::options().write(true).open("/dev/full");
        let streams = Streams {
            stdout: Some(full.expect("a Linux").into()),
            ..Streams::default()
        };
        let flags = ["--export=markdown=/dev/full"];
        let mut run = Run::synthetic_by(&[], &flags, streams);
        let ended = run.leaves_nothing();
        let last = ended.stderr.lines().last().expect("what went wrong");
        for named in ["standard output", "/dev/full"] {
            assert!(last.contains(named), "{last}");
        }
        let report = sound(&ended, &[4], run.exported());
        assert_eq!(report["partial"], false);
        lost(&report)
    });
}

#[test]
fn a_reader_that_leaves() {
    let outcome = "exit 0; the exports are whole";
    trying("stdout is closed after a line", outcome, TWICE, |random| {
        let format = ["table", "json", "csv", "markdown"][random.random_range(0..4)];
        let (output, stdout) = std::io::pipe().expect("a pipe");
        let streams = Streams {
            stdout: Some(stdout.into()),
            ..Streams::default()
        };
        let flags = ["--quiet", &format!("--format={format}")];
        let mut run = Run::synthetic_by(&[], &flags, streams);
        let mut line = String::new();
        let mut output = BufReader::with_capacity(16, output);
        output.read_line(&mut line).expect("a line");
        drop(output);
        let report = run.ends_unread(&[0]);
        assert_eq!(run.program.said("stderr"), "");
        assert_eq!(report["partial"], false);
        lost(&report)
    });
}

#[test]
fn nobody_who_reads_what_is_said() {
    let outcome = "the report, and exit 1 as its gate failed, or 130";
    trying("nobody reads stderr", outcome, TWICE, |random| {
        let (nobody, stderr) = std::io::pipe().expect("a pipe");
        let streams = Streams {
            stderr: Some(stderr.into()),
            ..Streams::default()
        };
        // Each says something.
        let flags = ["--gate=old.verdict == clean", "--export=csv=/dev/null"];
        let mut run = Run::synthetic_by(&[], &flags, streams);
        drop(nobody);
        let signals = random.random_range(0..3);
        run.handles(&[Signal::SIGINT]);
        for _ in 0..signals {
            at_any_moment_within(random, A_RUN / 2);
            if !run.program.has_ended() {
                run.program.send(Signal::SIGINT);
            }
        }
        let report = run.ends_unread(&[1, 130]);
        lost_since_begun(&report)
    });
}

/// A terminal that somebody reads until it is closed.
struct ReadTerminal {
    close: Sender<()>,
    reader: JoinHandle<()>,
}

impl ReadTerminal {
    /// A terminal, and the three streams of a program on it.
    fn open() -> (Self, Streams) {
        // What another test starts meanwhile must not hold it open.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let mut master = posix_openpt(flags).expect("a terminal");
        grantpt(&master).expect("ours");
        unlockpt(&master).expect("ours");
        let slave = File::options()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NOCTTY.bits())
            .open(ptsname_r(&master).expect("a name"))
            .expect("a terminal");
        let (close, closed) = channel();
        let reader = std::thread::spawn(move || {
            while closed.try_recv() == Err(TryRecvError::Empty) {
                let mut ready = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
                let ready = nix::poll::poll(&mut ready, PollTimeout::from(10_u8));
                if ready.expect("polls") > 0 {
                    let _ = master.read(&mut [0; 4096]);
                }
            }
        });
        let stream = || Stdio::from(slave.try_clone().expect("a terminal"));
        let streams = Streams {
            stdin: Some(stream()),
            stdout: Some(stream()),
            stderr: Some(stream()),
        };
        (Self { close, reader }, streams)
    }

    fn close(self) {
        drop(self.close);
        self.reader.join().expect("reads");
    }
}

#[test]
fn a_terminal_that_is_closed() {
    let outcome = "partial, exit 130; the export has what was measured";
    trying("the terminal is closed", outcome, TWICE, |random| {
        let (terminal, streams) = ReadTerminal::open();
        // A session of its own, of which this is the terminal.
        let by = ["setsid", "--ctty", "env", "--default-signal=HUP"];
        let live: &[&str] = if random.random() { &["--live"] } else { &[] };
        let mut run = Run::synthetic_by(&by, live, streams);
        run.handles(&[Signal::SIGHUP]);
        at_any_moment_within(random, A_RUN);
        terminal.close();
        let report = run.ends_unread(&[0, 130]);
        lost_since_begun(&report)
    });
}

#[test]
fn a_terminal_that_is_closed_under_nohup() {
    let fault = "the terminal is closed under nohup";
    trying(
        fault,
        "exit 0; the run goes on to its end",
        TWICE,
        |random| {
            let (terminal, streams) = ReadTerminal::open();
            // What is printed goes to a file: nohup would have it in one of the working directory's.
            let streams = Streams {
                stdout: None,
                stderr: None,
                ..streams
            };
            let by = ["setsid", "--ctty", "nohup"];
            let mut run = Run::synthetic_by(&by, &[], streams);
            run.handles(&[Signal::SIGINT]);
            at_any_moment_within(random, A_RUN);
            terminal.close();
            let report = run.ends_unread(&[0]);
            assert_eq!(report["partial"], false);
            lost(&report)
        },
    );
}

#[test]
fn a_parent_without_file_descriptors() {
    let fault = "too few file descriptors for the parent";
    let outcome = "refused before anything starts, or partial, exit 4; which limit it was is said";
    trying(fault, outcome, TWICE, |random| {
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
    });
}

#[test]
fn two_runs() {
    let outcome = "exit 0, each with the figures that it has alone";
    trying("two runs at once", outcome, TWICE, |random| {
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
    run.handles(signals);
    at_any_moment_within(random, A_RUN);
    for signal in signals {
        if !run.program.has_ended() {
            run.program.send(*signal);
        }
    }
    let report = run.ends(&[0, 130]);
    lost_since_begun(&report)
}

#[test]
fn ctrl_c() {
    let fault = "Ctrl-C at any moment";
    trying(fault, "partial, exit 130", TWICE, |random| {
        signal_the_run(random, &[Signal::SIGINT])
    });
}

#[test]
fn ctrl_c_again() {
    trying("Ctrl-C twice", "partial, exit 130", TWICE, |random| {
        signal_the_run(random, &[Signal::SIGINT, Signal::SIGINT])
    });
}

#[test]
fn other_signals() {
    let fault = "SIGTERM or SIGHUP at any moment";
    trying(fault, "partial, exit 130", TWICE, |random| {
        let signal = [Signal::SIGTERM, Signal::SIGHUP][random.random_range(0..2)];
        signal_the_run(random, &[signal])
    });
}

#[tokio::test]
async fn a_creation_that_is_interrupted() {
    if engine_or_skip().await.is_none() {
        return;
    }
    let fault = "Ctrl-C while containers are created";
    let outcome = "exit 130, with what was measured by then";
    trying(fault, outcome, TWICE, |random| {
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
        let report = sound(&ended, &[130], report::of(&ended));
        lost_since_begun(&report)
    });
}

/// A run on an engine of its own, with a rotation behind it.
fn on(engine: &OwnEngine, rotations: &str) -> Run {
    let url = engine.url();
    let flags = [
        "--engine=docker",
        "--host",
        &url,
        "--containers=3",
        "--rotation=1s",
        rotations,
    ];
    let run = Run::start(&flags);
    poll_exported(&run.export, 1);
    run
}

fn assert_no_container_left(engine: &OwnEngine) {
    let left = engine.docker(&["ps", "-aq"]);
    assert_eq!(left.as_deref(), Some(""), "containers");
}

#[test]
fn an_engine_that_is_restarted() {
    let Some(mut engine) = OwnEngine::start_or_skip() else {
        return;
    };
    let outcome = "partial, exit 4; fixed inconclusive: its containers have ended, and are gone";
    trying("Docker is restarted", outcome, TWICE, |random| {
        let mut run = on(&engine, "--rotations=4");
        at_any_moment_within(random, Duration::from_secs(1));
        engine.restart();
        let report = run.ends(&[4]);
        let fixed = wiring(&report, "fixed");
        assert_eq!(fixed["verdict"], "inconclusive", "{fixed}");
        let old = wiring(&report, "old");
        assert_ne!(text(&old["verdict"]), "clean", "{old}");
        assert_no_container_left(&engine);
        lost(&report)
    });
}

#[test]
fn an_engine_that_is_restarted_while_a_run_ends() {
    let Some(mut engine) = OwnEngine::start_or_skip() else {
        return;
    };
    let fault = "Docker is restarted while a run ends";
    trying(fault, "partial, exit 130", TWICE, |random| {
        let mut run = on(&engine, "--rotations=100");
        run.program.send(Signal::SIGINT);
        at_any_moment_within(random, Duration::from_secs(1));
        engine.restart();
        let report = run.ends(&[130]);
        assert_no_container_left(&engine);
        lost(&report)
    });
}

#[test]
fn an_engine_that_hangs_for_a_while() {
    let Some(engine) = OwnEngine::start_or_skip() else {
        return;
    };
    let outcome = "exit 0; whoever it kept from rotating has caught up";
    trying("Docker hangs for 5 s", outcome, ONCE, |random| {
        let mut run = on(&engine, "--rotations=8");
        at_any_moment_within(random, A_RUN);
        engine.signal(Signal::SIGSTOP);
        std::thread::sleep(Duration::from_secs(5));
        engine.signal(Signal::SIGCONT);
        let report = run.ends(&[0]);
        assert_no_container_left(&engine);
        assert_eq!(rates(wiring(&report, "old")), (2.0, 1.0));
        lost(&report)
    });
}
