//! An engine process listens where it is told, and leaves nothing behind however it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ::leakcheck::internals::engine_process::{EngineProcess, Introduction, Listening};
use ::leakcheck::internals::sys::socket_dirs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::workload::containers::Fleet;
use tempfile::TempDir;

use crate::common::synthetic_engine::start_engine;
use crate::common::{eventually, leakcheck};

fn spec() -> EngineSpec {
    EngineSpec {
        fleet: Fleet::generate(3, 0.5, 10.0, 1),
        started_at_ns: 0,
    }
}

/// A child engine as its parent starts it, with a directory for its temporary files.
fn start_child(temporary: &TempDir) -> (Child, PathBuf) {
    let mut child = Command::new(leakcheck())
        .args(["engine", "--child"])
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let introduction = introduction(temporary);
    writeln!(child.stdin.as_mut().expect("piped"), "{introduction}").expect("takes its spec");
    let socket = read_socket(&mut child);
    (child, socket)
}

/// What it is told: to listen in a private directory there.
fn introduction(temporary: &TempDir) -> String {
    let directory = socket_dirs::make_directory(temporary.path()).expect("a directory");
    let introduction = Introduction {
        directory: directory.keep(),
        spec: spec(),
    };
    serde_json::to_string(&introduction).expect("serialises")
}

fn read_socket(child: &mut Child) -> PathBuf {
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    BufReader::new(stdout)
        .read_line(&mut line)
        .expect("says where");
    serde_json::from_str::<Listening>(&line)
        .expect("JSON")
        .socket
}

fn send(signal: Signal, child: &Child) {
    let pid = i32::try_from(child.id()).expect("a pid");
    kill(Pid::from_raw(pid), signal).expect("is alive");
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory)
        .expect("exists")
        .next()
        .is_none()
}

fn run(flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(leakcheck())
        .arg("engine")
        .args(flags)
        .output()
        .expect("runs");
    (
        output.status.code(),
        String::from_utf8(output.stderr).expect("UTF-8"),
    )
}

#[test]
fn a_child_listens_privately_and_leaves_nothing_when_its_stdin_closes() {
    let temporary = tempfile::tempdir().expect("a directory");
    let (mut child, socket) = start_child(&temporary);
    UnixStream::connect(&socket).expect("listens");
    let directory = socket.parent().expect("a directory");
    let mode = std::fs::metadata(directory)
        .expect("exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);

    drop(child.stdin.take());
    assert!(child.wait().expect("ends").success());
    assert!(is_empty(temporary.path()));
}

#[test]
fn a_parent_that_is_killed_outright_takes_its_engine_along() {
    let temporary = tempfile::tempdir().expect("a directory");
    let pipe = tempfile::tempdir().expect("a directory");
    let fifo = pipe.path().join("stdin");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("runs")
            .success()
    );
    // The parent is a process that holds the only writing end of the engine's stdin.
    let mut parent = Command::new("sh")
        .args([
            "-c",
            r#"exec 3>"$FIFO"; printf '%s\n' "$SPEC" >&3; exec sleep 1000"#,
        ])
        .env("FIFO", &fifo)
        .env("SPEC", introduction(&temporary))
        .spawn()
        .expect("starts");
    let mut child = Command::new(leakcheck())
        .args(["engine", "--child"])
        .env("TMPDIR", temporary.path())
        .stdin(std::fs::File::open(&fifo).expect("opens once the parent does"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    UnixStream::connect(read_socket(&mut child)).expect("listens");

    parent.kill().expect("is alive");
    parent.wait().expect("ends");
    assert!(child.wait().expect("ends").success());
    assert!(is_empty(temporary.path()));
}

#[test]
fn garbage_in_place_of_a_spec_is_refused() {
    let temporary = tempfile::tempdir().expect("a directory");
    let output = assert_cmd::Command::new(leakcheck())
        .args(["engine", "--child"])
        .env("TMPDIR", temporary.path())
        .write_stdin("garbage\n")
        .assert()
        .code(4);
    let message = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(message.contains("no engine spec"), "{message}");
    assert!(is_empty(temporary.path()));
}

#[tokio::test]
async fn a_dropped_handle_kills_the_engine_and_removes_its_directory() {
    let engine = EngineProcess::start_program(leakcheck(), &spec())
        .await
        .expect("starts");
    let directory = engine.socket().parent().expect("a directory").to_owned();
    let proc_entry = PathBuf::from(format!("/proc/{}", engine.pid().expect("runs")));
    drop(engine);
    eventually("the engine is gone", async || {
        !directory.exists() && !proc_entry.exists()
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_hangs_before_it_listens_goes_with_its_directory() {
    let temporary = tempfile::tempdir().expect("a directory");
    let (program, heard) = (
        temporary.path().join("hangs"),
        temporary.path().join("heard"),
    );
    let script = format!(
        "#!/bin/sh\nread line; echo $$ \"$line\" >{}\nexec sleep 1000\n",
        heard.display()
    );
    // By another process: what of ours is open for writing, somebody whom another test starts may hold open.
    let written = Command::new("sh")
        .args([
            "-c",
            r#"printf %s "$1" >"$2" && chmod 700 "$2""#,
            "sh",
            &script,
        ])
        .arg(&program)
        .status();
    assert!(written.expect("runs").success());
    let told = || std::fs::read_to_string(&heard).is_ok_and(|text| text.ends_with('\n'));
    let spec = spec();
    tokio::select! {
        started = EngineProcess::start_program(&program, &spec) => panic!("{started:?}"),
        () = eventually("it is told", async || told()) => {}
    }
    let heard = std::fs::read_to_string(&heard).expect("a line");
    let (pid, line) = heard.split_once(' ').expect("two words");
    let proc_entry = PathBuf::from(format!("/proc/{pid}"));
    let introduction: Introduction = serde_json::from_str(line).expect("JSON");
    assert!(!introduction.directory.exists());
    eventually("it is gone", async || !proc_entry.exists()).await;
}

#[tokio::test]
async fn a_program_that_is_no_engine_is_named_in_the_error() {
    let error = EngineProcess::start_program(Path::new("/bin/false"), &spec()).await;
    let message = format!("{:#}", error.expect_err("no engine"));
    assert!(message.contains("ended before it listened"), "{message}");
}

#[test]
fn signals_end_the_engine_with_status_0_and_its_socket_removed() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let temporary = tempfile::tempdir().expect("a directory");
        let (mut child, line) = start_engine(&temporary, &[]);
        assert!(
            line.starts_with("50 synthetic containers, 25 of them silent, at unix:///"),
            "{line}"
        );
        send(signal, &child);
        assert_eq!(child.wait().expect("ends").code(), Some(0), "{signal}");
        assert!(is_empty(temporary.path()), "{signal}");
    }
}

#[test]
fn tcp_port_0_is_told_by_its_real_number() {
    let temporary = tempfile::tempdir().expect("a directory");
    let (mut child, line) = start_engine(&temporary, &["--listen", "tcp://127.0.0.1:0"]);
    let (_, address) = line.split_once("tcp://").expect("an address");
    std::net::TcpStream::connect(address).expect("listens there");
    send(Signal::SIGINT, &child);
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_tcp_connection_that_a_rotation_breaks_is_reset_and_one_that_ends_is_not() {
    for (by, reset) in [("reset", true), ("eof", false)] {
        let temporary = tempfile::tempdir().expect("a directory");
        let flags = ["--listen=tcp://127.0.0.1:0", "--rotation=300ms"];
        let by = format!("--rotate-by={by}");
        let (mut child, line) = start_engine(&temporary, &[&flags[..], &[&by]].concat());
        let (_, address) = line.split_once("tcp://").expect("an address");
        let mut stream = std::net::TcpStream::connect(address).expect("listens there");
        let request = "GET /containers/web-00/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("is open");
        let mut answer = Vec::new();
        // A chunked answer that ends in order is followed by nothing: the connection is kept.
        let mut byte = [0];
        let ended = loop {
            match stream.read(&mut byte) {
                Ok(0) => break Ok(()),
                Ok(_) => answer.push(byte[0]),
                Err(error) => break Err(error.kind()),
            }
            if answer.ends_with(b"\r\n0\r\n\r\n") {
                break Ok(());
            }
        };
        send(Signal::SIGINT, &child);
        assert_eq!(child.wait().expect("ends").code(), Some(0));
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{by}");
        let was_reset = ended == Err(std::io::ErrorKind::ConnectionReset);
        assert_eq!(was_reset, reset, "{by}: {ended:?}");
    }
}

#[test]
fn an_address_open_to_other_machines_needs_its_flag() {
    let (code, message) = run(&["--listen", "tcp://0.0.0.0:0"]);
    assert_eq!(code, Some(2));
    assert!(message.contains("--listen-any"), "{message}");
}

#[test]
fn wrong_flags_are_usage_errors() {
    for flags in [
        ["--listen", "/run/x.sock"],
        ["--containers", "0"],
        ["--silent", "1.5"],
        ["--tty", "-1"],
        ["--lines-per-second", "0"],
        ["--lines-per-second", "NaN"],
    ] {
        assert_eq!(run(&flags).0, Some(2), "{flags:?}");
    }
}

#[test]
fn a_served_socket_and_a_plain_file_are_errors_and_stay() {
    let temporary = tempfile::tempdir().expect("a directory");
    let (mut child, line) = start_engine(&temporary, &[]);
    let (_, served) = line.split_once("unix://").expect("an address");
    let file = temporary.path().join("file");
    std::fs::write(&file, "precious").expect("writes");
    for path in [Path::new(served), &file] {
        let (code, message) = run(&["--listen", &format!("unix://{}", path.display())]);
        assert_eq!(code, Some(4), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
    UnixStream::connect(served).expect("is still served");
    assert_eq!(
        std::fs::read_to_string(&file).expect("is still there"),
        "precious"
    );
    send(Signal::SIGTERM, &child);
    child.wait().expect("ends");
}
