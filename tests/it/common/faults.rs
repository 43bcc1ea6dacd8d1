//! Something happens to a run, again and again, at moments drawn from a seed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tempfile::TempDir;

use super::program::{Ended, Process, Program, Streams, assert_no_process_left};
use super::report::{self, samples, wiring, wirings};
use super::{leakcheck, leakcheck_command, poll};

/// A run under way is about so long.
pub const A_RUN: Duration = Duration::from_millis(2500);

/// What `fixed` has lost of its lines; `None` where nobody is left who knows.
pub type Lost = Option<u64>;

/// Tries a fault as often as `LEAKCHECK_FAULT_REPETITIONS` says, or so often, and prints its row of the README's
/// table.
pub fn try_fault(
    fault: &str,
    outcome: &str,
    times: u64,
    mut once: impl FnMut(&mut ChaCha8Rng) -> Lost,
) {
    let asked = std::env::var("LEAKCHECK_FAULT_REPETITIONS").ok();
    let times = asked.map_or(times, |times| times.parse().expect("a number"));
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
        unknown if unknown == times => "unknown".to_owned(),
        unknown => format!("0 (unknown in {unknown})"),
    };
    println!("| {fault} | {times} | {outcome} | {lost} | nothing |");
}

/// Lets a drawn time pass: what happens then may happen at any moment.
pub fn at_any_moment_within(random: &mut ChaCha8Rng, most: Duration) {
    std::thread::sleep(random.random_range(Duration::ZERO..most));
}

/// A run of some seconds that exports its report.
pub struct Run {
    pub program: Program,
    pub export: PathBuf,
    _folder: TempDir,
}

impl Run {
    pub fn start(flags: &[&str]) -> Self {
        Self::start_by(&[], flags, Streams::default())
    }

    /// The same by another command (and its flags), which becomes it, and on these streams.
    pub fn start_by(by: &[&str], flags: &[&str], streams: Streams) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let export = folder.path().join("report.json");
        let mut command = match by {
            [] => leakcheck_command(),
            [first, more @ ..] => {
                let mut command = Command::new(first);
                command.args(more).arg(leakcheck());
                command
            }
        };
        command
            .args(["run", &format!("--export=json={}", export.display())])
            .args(flags);
        if !flags.iter().any(|flag| flag.starts_with("--format")) {
            command.arg("--format=json");
        }
        Self {
            program: Program::start_on(&mut command, streams),
            export,
            _folder: folder,
        }
    }

    /// One on four synthetic containers.
    pub fn synthetic() -> Self {
        Self::synthetic_by(&[], &[], Streams::default())
    }

    /// The same as [`Run::start_by`].
    pub fn synthetic_by(by: &[&str], flags: &[&str], streams: Streams) -> Self {
        let mut all = vec!["--containers=4", "--time-scale=600", "--rotations=4"];
        all.extend(flags);
        Self::start_by(by, &all, streams)
    }

    /// Waits until it handles these signals: until then they would end it.
    pub fn handles(&self, signals: &[Signal]) {
        let handles = |signal: &Signal| self.program.handles(*signal);
        poll("its handling of signals", || {
            signals.iter().all(handles).then_some(())
        });
    }

    /// Its processes with these words, once there are two: one for each wiring.
    pub fn pair(&self, words: &str) -> Vec<Process> {
        poll("its processes", || {
            let mut processes = self.program.processes();
            processes.retain(|process| process.words == words);
            (processes.len() == 2).then_some(processes)
        })
    }

    /// Sends a signal to one of its processes with these words, at any moment.
    pub fn strike(&self, random: &mut ChaCha8Rng, words: &str, signal: Signal) {
        let pair = self.pair(words);
        at_any_moment_within(random, A_RUN);
        let pid = pair[random.random_range(0..2)].pid;
        // Where the run is over by then, so is this process.
        let _ = kill(Pid::from_raw(pid), signal);
    }

    /// Its end with one of these codes, and the report that it printed; nothing is left of it.
    pub fn ends(&mut self, codes: &[i32]) -> Value {
        let ended = self.leaves_nothing();
        of_whole_or_cut_short(&ended, codes)
    }

    /// The same of a run whose engines may not even have started: it says so then, and has no report.
    pub fn ends_though_unbegun(&mut self, codes: &[i32]) -> Option<Value> {
        let ended = self.leaves_nothing();
        if ended.stdout.is_empty() {
            let code = ended.code.expect("ended by itself");
            assert!(codes.contains(&code), "{code}: {}", ended.stderr);
            assert!(ended.stderr.contains("engine"), "{}", ended.stderr);
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
            return None;
        }
        Some(of_whole_or_cut_short(&ended, codes))
    }

    /// The same with the report that it exported, where nobody reads what it prints.
    pub fn ends_unread(&mut self, codes: &[i32]) -> Value {
        let ended = self.leaves_nothing();
        sound(&ended, codes, self.exported())
    }

    /// Its end, whatever its code, with nothing left of it.
    pub fn leaves_nothing(&mut self) -> Ended {
        let ended = self.program.wait();
        assert_nothing_left(&self.program);
        ended
    }

    /// The report that it exported.
    pub fn exported(&self) -> Value {
        let exported = std::fs::read(&self.export).expect("exported");
        serde_json::from_slice(&exported).expect("JSON")
    }
}

/// The report that a run printed of which nothing else went wrong than what cut it short.
fn of_whole_or_cut_short(ended: &Ended, codes: &[i32]) -> Value {
    let report = sound(ended, codes, report::of(ended));
    let whole = report["partial"] == false;
    assert_eq!(ended.code == Some(0), whole, "{}", ended.stderr);
    report
}

/// The report of a run that ended with one of these codes: partial where it ended early, and never clean there.
pub fn sound(ended: &Ended, codes: &[i32], report: Value) -> Value {
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    let code = ended.code.expect("ended by itself");
    assert!(codes.contains(&code), "{code}: {}", ended.stderr);
    let cut_short = |wiring: &&Value| !wiring["cut_short"].is_null();
    let any = wirings(&report).iter().any(|wiring| cut_short(&wiring));
    assert_eq!(report["partial"], any, "{report}");
    for wiring in wirings(&report).iter().filter(cut_short) {
        assert_ne!(wiring["verdict"], "clean", "{wiring}");
    }
    report
}

pub fn lost(report: &Value) -> Lost {
    wiring(report, "fixed")["delivery"]["lost"].as_u64()
}

/// The same of a run that may have ended before its baseline: nothing was to be delivered by then.
pub fn lost_since_begun(report: &Value) -> Lost {
    match samples(wiring(report, "fixed")) {
        [] => lost(report).or(Some(0)),
        _ => lost(report),
    }
}

/// The same where nothing may have been followed, and hence nothing lost.
pub fn lost_if_begun(report: Option<&Value>) -> Lost {
    report.map_or(Some(0), lost)
}

pub fn assert_nothing_left(program: &Program) {
    assert_no_process_left(program);
    poll("all of its sockets gone", || {
        program.temporary_files().is_empty().then_some(())
    });
}
