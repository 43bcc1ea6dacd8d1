//! `leakcheck exercise`: somebody's own log follower against synthetic containers.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::peers::follower;
use crate::common::program::{Ended, Program, assert_no_process_left, run};
use crate::common::{have, poll, report, skip};

/// Exercises a command and reads the report.
fn exercise(flags: &[&str], command: &[&str]) -> (Ended, Value) {
    let ended = run(&[&["exercise", "--format=json"], flags, &["--"], command].concat());
    let document = report::of(&ended);
    (ended, document)
}

fn only(document: &Value) -> &Value {
    &document["wirings"][0]
}

fn each(process: &Value, count: &str) -> f64 {
    let rate = process["rates"][count]["per_rotation_per_container"].as_f64();
    rate.unwrap_or_else(|| panic!("no rate of {count}: {process}"))
}

/// The Go follower under a wiring, rotated by containers that restart; `None` where there is no Go.
fn exercise_go(wiring: &str, flags: &[&str]) -> Option<Value> {
    let Some(program) = follower() else {
        skip("go cannot be run");
        return None;
    };
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = free.local_addr().expect("bound").to_string();
    drop(free);
    let pprof = format!("--pprof={listen}");
    let common = ["--containers=20", "--rotation=1s", "--rotations=6", &pprof];
    let program = program.to_str().expect("text");
    let command = [
        program,
        "-wiring",
        wiring,
        "-rotate-on-restarts",
        "-listen",
        &listen,
        "-docker",
        "unix://{socket}",
    ];
    Some(exercise(&[&common[..], flags].concat(), &command).1)
}

#[test]
fn go_a_leaks_three_goroutines_and_one_fd_per_rotation_of_the_engines() {
    let Some(document) = exercise_go("A", &["--keep-ended-streams"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert!((each(process, "tasks") - 3.0).abs() < 0.05, "{process}");
    assert!((each(process, "fds") - 1.0).abs() < 0.05, "{process}");
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["followed_twice"], 20, "{engine}");
    assert_eq!(engine["streams_final"], 20 * (1 + 7), "{engine}");
}

#[test]
fn go_e_is_clean_and_is_handed_each_line_once() {
    let Some(document) = exercise_go("E", &["--keep-ended-streams"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "clean", "{}", process["reason"]);
    assert_eq!(process["rotations"]["made"], 7);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(
        (&engine["streams_final"], &engine["reopened"]),
        (&20.into(), &140.into())
    );
    assert_eq!(
        (&engine["lines_lost"], &engine["lines_repeated"]),
        (&0.into(), &0.into())
    );
    assert!(engine["lines_sent"].as_u64() > Some(100), "{engine}");
}

#[test]
fn go_a_leaks_nothing_where_the_engine_ends_its_streams() {
    let Some(document) = exercise_go("A", &["--rotate-by=restart"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(each(process, "tasks"), 0.0, "{process}");
    assert_eq!(each(process, "fds"), 0.0, "{process}");
}

/// Follows one container until its fourth stream ends, makes a file then, and stays.
const FOLLOWS_FOUR_TIMES: &str = "
import socket, sys, time
for stream in range(4):
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(sys.argv[1])
    engine.sendall(b'GET /containers/web-00/logs?follow=1&stdout=1 HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n')
    while engine.recv(4096):
        pass
open(sys.argv[2], 'w').close()
time.sleep(1000)
";

#[test]
fn an_engine_that_is_killed_keeps_what_was_read_until_then() {
    if !have("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let ended = folder.path().join("ended").display().to_string();
    let flags = [
        "exercise",
        "--format=json",
        "--containers=1",
        "--silent=0",
        "--rotate-by=eof",
        "--rotation=500ms",
        "--rotations=100",
        // What a gate makes of it is another matter.
        "--gate=*.verdict == clean",
        "--",
        "python3",
        "-c",
        FOLLOWS_FOUR_TIMES,
        "{socket}",
        &ended,
    ];
    let mut program = Program::start(&flags);
    poll("the fourth rotation", || {
        std::fs::exists(&ended).ok()?.then_some(())
    });
    let processes = program.processes();
    let engine = processes.iter().find(|one| one.words == "engine --child");
    crate::common::program::send(engine.expect("runs").pid, Signal::SIGKILL);
    let ended = program.wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let document = report::of(&ended);
    assert_eq!(document["partial"], true);
    let process = only(&document);
    assert!(!report::samples(process).is_empty(), "{process}");
    let why = report::text(&process["cut_short"]);
    assert!(why.contains("engine"), "{why}");
}

#[test]
fn go_f_is_hung_by_what_the_engine_alone_knows() {
    let Some(program) = follower() else {
        return skip("go cannot be run");
    };
    let flags = [
        "--containers=5",
        "--rotation=1s",
        "--rotations=5",
        "--keep-ended-streams",
    ];
    let command = [
        program.to_str().expect("text"),
        "-wiring=F",
        "-rotate-on-restarts",
        "-docker=unix://{socket}",
    ];
    let (_, document) = exercise(&flags, &command);
    let process = only(&document);
    assert_eq!(process["verdict"], "hung", "{}", process["reason"]);
    assert_eq!(process["hung"]["containers"], 5);
}

const DOCKER_LOGS: [&str; 6] = ["docker", "logs", "-f", "--tail", "0", "{container}"];

#[test]
fn the_docker_command_is_judged_over_twenty_rotations() {
    if !have("docker") {
        return;
    }
    let flags = [
        "--containers=3",
        "--rotation=500ms",
        "--rotations=20",
        "--silent=0",
    ];
    let (_, document) = exercise(&flags, &DOCKER_LOGS);
    let process = only(&document);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["rotations"], 3 * 21, "{engine}");
    assert_eq!(engine["reopened"], engine["rotations"], "{engine}");
    let delay = &engine["reopen_delay_ms"];
    assert!(delay["median"].as_f64() > Some(0.0), "{delay}");
    // It is started anew for each stream, and what is printed meanwhile nobody is told.
    assert!(engine["lines_lost"].as_u64() > Some(0), "{engine}");
    assert_eq!(process["verdict"], "starved", "{}", process["reason"]);
    assert_eq!(each(process, "fds"), 0.0);
    let ends = document["config"]["exercised"]["ended_by_itself"].as_u64();
    assert!(ends >= Some(3 * 20), "{ends:?}");
}

#[test]
fn each_way_to_rotate_is_followed_by_new_streams() {
    if !have("docker") {
        return;
    }
    let ways = ["eof", "reset", "restart", "replace", "engine-restart"];
    std::thread::scope(|scope| {
        for by in ways {
            scope.spawn(move || {
                let by = format!("--rotate-by={by}");
                let flags = ["--containers=2", "--rotation=2s", "--rotations=3", &by];
                let (ended, document) = exercise(&flags, &DOCKER_LOGS);
                let engine = &only(&document)["engine_side"]["followers"];
                assert_eq!(
                    engine["rotations"],
                    2 * 4,
                    "{by}: {engine} {}",
                    ended.stderr
                );
                assert_eq!(engine["reopened"], 2 * 4, "{by}: {engine} {}", ended.stderr);
                assert_eq!(engine["streams_final"], 2, "{by}: {engine}");
            });
        }
    });
}

/// A follower of 20 lines that uses Docker's own client for Python; `follow` follows one container.
fn python_follower(follow: &str) -> String {
    format!(
        "
import threading, time
import docker

client = docker.from_env()
{follow}
threads = [threading.Thread(target=follow, args=[c.name]) for c in client.containers.list()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"
    )
}

const BY_ITS_LOG: &str = "
def follow(name):
    since = None
    while True:
        container = client.containers.get(name)
        lines = container.logs(stream=True, follow=True, since=since, tail='all' if since else 0)
        for line in lines:
            pass
        since = time.time()
";

const BY_ATTACHING: &str = "
def follow(name):
    while True:
        for chunk in client.containers.get(name).attach(stream=True, logs=False):
            pass
";

/// A Python with Docker's client in an environment of its own; `None` where none can be made.
fn python_with_docker() -> Option<PathBuf> {
    static MADE: OnceLock<Option<TempDir>> = OnceLock::new();
    let folder = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a directory");
        let succeeds = |command: &mut Command| {
            let output = command.output();
            output.is_ok_and(|output| output.status.success())
        };
        let python = folder.path().join("bin/python");
        let made =
            succeeds(
                Command::new("python3")
                    .args(["-m", "venv"])
                    .arg(folder.path()),
            ) && succeeds(Command::new(&python).args(["-m", "pip", "install", "-q", "docker"]));
        made.then_some(folder)
    });
    if folder.is_none() {
        skip("no Python with Docker's client can be made (venv, and docker from PyPI)");
    }
    Some(folder.as_ref()?.path().join("bin/python"))
}

/// A follower in Python of five containers that print; `None` where none can be made.
fn exercise_python(follow: &str, flags: &[&str]) -> Option<(Ended, Value)> {
    let python = python_with_docker()?;
    let python = python.to_str().expect("text");
    let common = ["--containers=5", "--rotation=500ms", "--silent=0"];
    let command = [python, "-c", &python_follower(follow)];
    Some(exercise(&[&common[..], flags].concat(), &command))
}

#[test]
fn dockers_client_for_python_is_judged_over_twenty_rotations() {
    let Some((ended, document)) = exercise_python(BY_ITS_LOG, &["--rotations=20"]) else {
        return;
    };
    let process = only(&document);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["rotations"], 5 * 21, "{engine} {}", ended.stderr);
    assert_eq!(engine["reopened"], engine["rotations"], "{engine}");
    assert!(engine["reopen_delay_ms"]["median"].as_f64() > Some(0.0));
    assert_eq!(engine["followed_twice"], 0);
    let asked = engine["requests_per_minute"].as_object().expect("requests");
    assert!(asked.contains_key("GET /containers/{id}/json"), "{asked:?}");
    let fds = each(process, "fds");
    assert!(fds.abs() < 0.05, "{fds}: {}", process["reason"]);
}

#[test]
fn who_attaches_is_judged_as_who_follows_the_log_and_its_reopening_is_gated() {
    let flags = [
        "--rotations=6",
        "--gate=*.rotations_not_reopened == 0",
        "--gate=*.reopen_delay_ms <= 0",
        "--gate=*.lines_not_handed_over <= 100000",
    ];
    let Some((ended, document)) = exercise_python(BY_ATTACHING, &flags) else {
        return;
    };
    let process = only(&document);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["reopened"], 5 * 7, "{engine} {}", ended.stderr);
    assert_eq!(engine["streams_final"], 5, "{engine}");
    let asked = engine["requests_per_minute"].as_object().expect("requests");
    assert!(
        asked.contains_key("POST /containers/{id}/attach"),
        "{asked:?}"
    );
    let gates = document["gates"].as_array().expect("judged");
    let held: Vec<_> = gates.iter().map(|gate| gate["held"] == true).collect();
    assert_eq!(held, [true, false, true], "{gates:?}");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
}

#[test]
fn what_ends_at_once_is_told_with_its_last_words() {
    let command = ["sh", "-c", "echo no such option >&2; exit 3"];
    let (ended, document) = exercise(&["--containers=2"], &command);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("ended by itself (exit status: 3)"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("no such option"), "{}", ended.stderr);
    assert_eq!(document["partial"], true);
    assert_eq!(only(&document)["verdict"], "inconclusive");
}

#[test]
fn what_dies_between_two_rotations_is_told_with_how_and_its_last_words() {
    if !have("docker") {
        return;
    }
    let script = "docker logs -f --tail 0 web-00; echo out of lines; exit 7";
    let flags = ["--containers=1", "--rotation=1s"];
    let (ended, document) = exercise(&flags, &["sh", "-c", script]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("ended by itself (exit status: 7)"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("out of lines"), "{}", ended.stderr);
    assert_eq!(document["partial"], true);
}

#[test]
fn what_goes_on_in_the_background_is_read_with_its_tree_and_named_without() {
    if !have("docker") {
        return;
    }
    let script = "while true; do docker logs -f --tail 0 web-00; done & sleep 0.5";
    let flags = ["--containers=1", "--rotation=1s", "--rotations=3"];
    let (_, document) = exercise(&[&flags[..], &["--tree"]].concat(), &["sh", "-c", script]);
    let process = only(&document);
    assert_eq!(process["cut_short"], Value::Null, "{process}");
    assert_eq!(
        process["engine_side"]["followers"]["reopened"], 4,
        "{process}"
    );
    let (ended, _) = exercise(&flags, &["sh", "-c", script]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("--tree reads them too"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_does_not_heed_docker_host_is_said_to_follow_nothing() {
    let flags = ["--containers=2", "--ready-within=500ms"];
    let (ended, document) = exercise(&flags, &["sleep", "1000"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("does it heed DOCKER_HOST?"),
        "{}",
        ended.stderr
    );
    assert_eq!(
        only(&document)["engine_side"]["followers"]["never_followed"],
        2
    );
}

#[test]
fn what_cannot_be_started_is_refused_by_name() {
    let ended = run(&["exercise", "--", "/no/such/shipper"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("cannot start /no/such/shipper"),
        "{}",
        ended.stderr
    );
}

#[test]
fn flags_that_do_not_go_together_are_refused_by_name() {
    for (flags, said) in [
        (
            &["--pprof=localhost:1", "--", "x", "{container}"][..],
            "--pprof",
        ),
        (
            &["--keep-ended-streams", "--rotate-by=eof", "--", "x"],
            "--keep-ended-streams",
        ),
        (&["--rotation=1ms", "--", "x"], "--rotation 1ms"),
        (&["--env=X", "--", "x"], "NAME=VALUE"),
        (&["--rotation=1s"], "CMD"),
    ] {
        let ended = run(&[&["exercise"], flags].concat());
        assert_eq!(ended.code, Some(2), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}

/// A follower of one container, which its supervisor starts again.
fn one_container<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    let mut flags = vec![
        "--containers=1",
        "--rotation=500ms",
        "--rotations=3",
        "--restart",
    ];
    flags.extend(extra);
    flags
}

#[test]
fn what_it_left_behind_is_told_and_ended() {
    if !have("docker") {
        return;
    }
    let script = "setsid sleep 98765 & exec docker logs -f --tail 0 web-00";
    let flags = one_container(&["--format=json", "--", "sh", "-c", script]);
    let mut program = Program::start(&[&["exercise"], &flags[..]].concat());
    let ended = program.wait();
    let document = report::of(&ended);
    let left = document["config"]["exercised"]["left_behind"].as_u64();
    assert!(left >= Some(4), "{left:?}: {}", ended.stderr);
    assert_no_process_left(&program);
}

#[test]
fn what_does_not_heed_sigterm_is_killed_in_time() {
    if !have("docker") {
        return;
    }
    let script = "trap '' TERM; while true; do docker logs -f --tail 0 web-00; done";
    let flags = one_container(&["--grace=200ms", "--format=json", "--", "sh", "-c", script]);
    let mut program = Program::start(&[&["exercise"], &flags[..]].concat());
    let ended = program.wait();
    let document = report::of(&ended);
    assert_eq!(
        document["config"]["exercised"]["killed"], 1,
        "{}",
        ended.stderr
    );
    assert_no_process_left(&program);
}

#[test]
fn ctrl_c_leaves_nothing_running_and_reports_what_was_measured() {
    if !have("docker") {
        return;
    }
    let flags = [
        "exercise",
        "--containers=2",
        "--rotation=1s",
        "--format=json",
        "--",
    ];
    let mut program = Program::start(&[&flags[..], &DOCKER_LOGS].concat());
    poll("the followers", || {
        let processes = program.processes();
        // The program's own words end with theirs.
        let followers = (processes.iter()).filter(|one| one.words.starts_with("logs -f"));
        (followers.count() == 2).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(report::of(&ended)["partial"], true);
    assert_no_process_left(&program);
}

/// A follower that opens a stream of each container and reads nothing.
const OPENS_AND_DOES_NOT_READ: &str = r"
import socket, sys, time

streams = []
for name in ('web-00', 'web-01'):
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(sys.argv[1])
    path = f'/containers/{name}/logs?follow=1&stdout=1&tail=0'
    stream.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
    streams.append(stream)
time.sleep(1000)
";

#[test]
fn what_lies_unread_at_each_rotation_is_told() {
    if !have("python3") {
        return;
    }
    let flags = [
        "--containers=2",
        "--keep-ended-streams",
        "--rotation=500ms",
        "--rotations=3",
        "--silent=0",
    ];
    let command = ["python3", "-c", OPENS_AND_DOES_NOT_READ, "{socket}"];
    let (_, document) = exercise(&flags, &command);
    let unread = &only(&document)["engine_side"]["followers"]["unread_at_rotations"];
    assert!(unread["median_bytes"].as_f64() > Some(0.0), "{unread}");
    assert!(
        unread["most_bytes"].as_f64() >= unread["median_bytes"].as_f64(),
        "{unread}"
    );
}

#[test]
fn who_opens_streams_and_does_not_read_them_is_not_clean() {
    if !have("python3") {
        return;
    }
    let flags = [
        "--containers=2",
        "--rotate-by=none",
        "--rotation=500ms",
        "--rotations=5",
        "--silent=0",
    ];
    let command = ["python3", "-c", OPENS_AND_DOES_NOT_READ, "{socket}"];
    let (_, document) = exercise(&flags, &command);
    let process = only(&document);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["unread_connections"], 2, "{engine}");
    assert_eq!(process["verdict"], "starved", "{}", process["reason"]);
    let reason = process["reason"].as_str().expect("told");
    assert!(reason.contains("nobody reads"), "{reason}");
}

/// A follower in Python with these options, exercised on containers that print; `None` where there is no
/// Python.
fn exercise_own(flags: &[&str], options: &[&str]) -> Option<(Ended, Value)> {
    if !have("python3") {
        return None;
    }
    let common = ["--silent=0", "--containers=5"];
    let command = ["python3", LOG_FOLLOWER];
    Some(exercise(
        &[&common[..], flags].concat(),
        &[&command[..], options].concat(),
    ))
}

const LOG_FOLLOWER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/log_follower.py");

fn count(of: &Value, what: &str) -> u64 {
    (of[what].as_u64()).unwrap_or_else(|| panic!("no {what}: {of}"))
}

#[test]
fn a_resume_from_the_last_line_hands_it_over_again_and_is_no_fault() {
    let flags = ["--rotate-by=eof", "--rotation=1s", "--rotations=6"];
    let Some((_, document)) = exercise_own(&flags, &["--inclusive"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "clean", "{}", process["reason"]);
    let delivery = &process["delivery"];
    // A line at each resume of a container that has printed one by then.
    let again = count(delivery, "redelivered");
    assert!((5 * 4..=5 * 7).contains(&again), "{delivery}");
    assert_eq!(
        (&delivery["duplicated"], &delivery["lost"]),
        (&0.into(), &0.into())
    );
    assert_eq!(
        process["engine_side"]["followers"]["lines_redelivered"],
        again
    );
}

#[test]
fn a_resume_from_the_last_line_is_a_fault_where_each_is_wanted_exactly_once() {
    let flags = [
        "--rotate-by=eof",
        "--rotation=500ms",
        "--rotations=5",
        "--exactly-once",
    ];
    let Some((_, document)) = exercise_own(&flags, &["--inclusive"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "starved", "{}", process["reason"]);
    assert_eq!(document["config"]["exercised"]["exactly_once"], true);
}

#[test]
fn lines_that_two_streams_hand_over_at_once_are_repeated_and_none_is_redelivered() {
    let flags = ["--rotate-by=none", "--rotation=500ms", "--rotations=5"];
    let Some((_, document)) = exercise_own(&flags, &["--twice"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "starved", "{}", process["reason"]);
    let delivery = &process["delivery"];
    assert!(count(delivery, "duplicated") > 0, "{delivery}");
    assert_eq!(delivery["redelivered"], 0);
}

#[test]
fn who_repeats_lines_and_leaks_is_starved_whatever_can_be_read_of_it() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let asked = format!("--pprof=127.0.0.1:{port}");
    let serves = format!("--pprof={port}");
    let flags = ["--rotate-by=none", "--rotation=500ms", "--rotations=10"];
    let options = ["--every=0.5", "--forgets", &serves];
    for by_pprof in [false, true] {
        let asked = by_pprof.then_some(&*asked);
        let flags: Vec<&str> = flags.into_iter().chain(asked).collect();
        let Some((_, document)) = exercise_own(&flags, &options) else {
            return;
        };
        let process = only(&document);
        assert_eq!(process["verdict"], "starved", "{}", process["reason"]);
        let answers = &process["answers"];
        assert_eq!(answers["leak"]["verdict"], "leaking", "{answers}");
        assert_eq!(answers["delivery"]["verdict"], "starved", "{answers}");
        let reason = report::text(&process["reason"]);
        assert!(reason.contains("and it leaks"), "{reason}");
        assert_eq!(process["rates"]["tasks"].is_null(), !by_pprof, "{process}");
    }
}

#[test]
fn a_thread_that_each_stream_leaves_is_a_leak_though_descriptors_are_level() {
    let flags = ["--rotation=1s", "--rotations=8"];
    let Some((_, document)) = exercise_own(&flags, &["--threads"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(
        process["answers"]["leak"]["verdict"], "leaking",
        "{process}"
    );
    assert!(each(process, "fds").abs() < 0.1, "{process}");
    let reason = process["reason"].as_str().expect("told");
    assert!(
        reason.contains("threads per rotation per container"),
        "{reason}"
    );
    let covers = process["covers"].as_array().expect("a list");
    assert!(covers.contains(&Value::from("threads")), "{covers:?}");
}

#[test]
fn who_pauses_between_two_streams_and_loses_nothing_is_not_starved() {
    let flags = ["--rotate-by=none", "--rotation=1s", "--rotations=6"];
    let options = ["--every=0.7", "--pause=0.9"];
    let Some((_, document)) = exercise_own(&flags, &options) else {
        return;
    };
    let process = only(&document);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["starved"], 0, "{engine}");
    assert_eq!(process["delivery"]["lost"], 0, "{engine}");
    let answers = &process["answers"];
    assert_eq!(answers["delivery"]["verdict"], "clean", "{answers}");
    assert_eq!(answers["liveness"]["verdict"], "clean", "{answers}");
    // In a pause it holds no stream, and after it it leaks none.
    assert_ne!(answers["leak"]["verdict"], "leaking", "{answers}");
    assert_ne!(process["verdict"], "starved", "{}", process["reason"]);
}

#[test]
fn who_closes_its_streams_and_does_not_come_back_is_starved() {
    let flags = ["--rotate-by=eof", "--rotation=500ms", "--rotations=8"];
    let Some((_, document)) = exercise_own(&flags, &["--streams=3"]) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "starved", "{}", process["reason"]);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["starved"], 5, "{engine}");
    assert!(count(engine, "lines_lost") > 0, "{engine}");
}

#[test]
fn what_hung_before_its_process_ended_in_order_is_hung() {
    let flags = ["--keep-ended-streams", "--rotation=500ms", "--rotations=20"];
    let options = ["--by-events", "--streams=3", "--ends-after=8"];
    let Some((ended, document)) = exercise_own(&flags, &options) else {
        return;
    };
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let process = only(&document);
    assert_eq!(process["verdict"], "hung", "{}", process["reason"]);
    assert_eq!(process["hung"]["containers"], 5);
    let reason = report::text(&process["reason"]);
    assert!(reason.contains("ended by itself"), "{reason}");
}

#[test]
fn who_stops_to_rotate_by_itself_is_hung_and_leaks_by_its_own_rotations() {
    let flags = ["--rotate-by=none", "--rotation=500ms", "--rotations=14"];
    let options = ["--every=0.4", "--forgets", "--streams=11"];
    let Some((_, document)) = exercise_own(&flags, &options) else {
        return;
    };
    let process = only(&document);
    assert_eq!(process["verdict"], "hung", "{}", process["reason"]);
    let engine = &process["engine_side"]["followers"];
    assert_eq!(engine["stopped"], 5, "{engine}");
    assert_eq!(engine["own_rotations"]["made"], 10, "{engine}");
    let reason = report::text(&process["reason"]);
    assert!(reason.contains("after 10 rotations of its own"), "{reason}");
    let fds = each(process, "fds");
    assert!((fds - 1.0).abs() < 0.15, "{fds}: {process}");
}

#[test]
fn who_is_handed_the_last_lines_of_a_replaced_container_late_has_lost_none() {
    if !have("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let counted = folder.path().join("lines").display().to_string();
    let flags = [
        "--rotate-by=replace",
        "--lines-per-second=200",
        "--rotation=500ms",
        "--rotations=8",
    ];
    let Some((_, document)) = exercise_own(&flags, &["--lines", &counted]) else {
        return;
    };
    let process = only(&document);
    let engine = &process["engine_side"]["followers"];
    let told = std::fs::read_to_string(&counted).expect("ended in order");
    let told: Value = serde_json::from_str(&told).expect("JSON");
    // Until it is ended it is handed some more.
    assert!(
        count(&told, "handed") >= count(engine, "lines_sent"),
        "{told} {engine}"
    );
    assert_eq!(
        (&engine["lines_lost"], &told["missed"]),
        (&0.into(), &0.into()),
        "{told} {engine}"
    );
}

/// Stops the engine of an exercise for seconds in the middle of its rotations.
fn exercise_with_a_stall(by: &str) -> Option<(Ended, Value)> {
    if !have("python3") {
        return None;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let opened = folder.path().join("opened").display().to_string();
    let by = format!("--rotate-by={by}");
    let flags = [
        "exercise",
        "--format=json",
        "--containers=5",
        "--silent=0",
        "--rotation=1s",
        "--rotations=5",
        &by,
        "--",
        "python3",
        LOG_FOLLOWER,
        "--opened",
        &opened,
    ];
    let mut program = Program::start(&flags);
    poll("the second rotation", || {
        let count = std::fs::read_to_string(&opened).ok()?;
        (count.parse::<u64>().ok()? >= 5 * 3).then_some(())
    });
    let processes = program.processes();
    let engine = processes.iter().find(|one| one.words == "engine --child");
    let engine = engine.expect("runs").pid;
    crate::common::program::send(engine, Signal::SIGSTOP);
    // So long it stands still: some rotations fall into it.
    std::thread::sleep(std::time::Duration::from_secs(4));
    crate::common::program::send(engine, Signal::SIGCONT);
    let ended = program.wait();
    let document = report::of(&ended);
    Some((ended, document))
}

#[test]
fn rotations_that_a_stall_delays_are_made_one_by_one() {
    for by in ["eof", "engine-restart"] {
        let Some((ended, document)) = exercise_with_a_stall(by) else {
            return;
        };
        assert_eq!(ended.code, Some(0), "{by}: {}", ended.stderr);
        let process = only(&document);
        let engine = &process["engine_side"]["followers"];
        assert_eq!(engine["rotations"], 5 * 6, "{by}: {engine}");
        assert_eq!(engine["reopened"], 5 * 6, "{by}: {engine}");
        assert_eq!(engine["starved"], 0, "{by}: {engine}");
        let delivery = &process["answers"]["delivery"];
        assert_eq!(delivery["verdict"], "clean", "{by}: {delivery}");
    }
}
