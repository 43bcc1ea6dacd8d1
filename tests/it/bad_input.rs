//! Whatever is wrong with a command line or its surroundings, the message says what to change.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::leakcheck;
use crate::common::program::{self, Program};
use crate::common::report::{self, count, text, wiring};

/// What `leakcheck run` says to these flags, which must end it with `code` and nothing printed.
fn refused(code: i32, flags: &[&str]) -> String {
    refused_program(code, Program::start(&run_with(flags)))
}

fn refused_program(code: i32, mut program: Program) -> String {
    let ended = program.wait();
    assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{ended:?}");
    ended.stderr
}

fn run_with<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&["run"], flags].concat()
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    for (flag, says) in [
        ("--containers=0", "must be between 1 and 100000, not 0"),
        ("--containers=-1", "invalid value '-1'"),
        ("--rotations=0", "must be between 1 and 1000000, not 0"),
        ("--silent=2", "must be between 0 and 1"),
        ("--silent=nan", "must be between 0 and 1"),
        ("--silent=half", "write a number between 0 and 1"),
        ("--lines-per-second=0", "must be between 0.001 and"),
        ("--lines-per-second=inf", "must be between 0.001 and"),
        ("--time-scale=0", "must be between 0.001 and"),
        ("--seed=x", "invalid value 'x'"),
        (
            "--format=xml",
            "[possible values: table, json, csv, markdown, html, svg, junit, openmetrics, gitlab]",
        ),
        ("--engine=podman", "[possible values: synthetic, docker"),
    ] {
        let message = refused(2, &[flag]);
        assert!(message.contains(says), "{flag}: {message}");
        let (name, _) = flag.split_once('=').expect("a value");
        assert!(message.contains(name), "{flag}: {message}");
    }
}

#[test]
fn a_duration_needs_a_unit_and_must_not_be_zero() {
    insta::assert_snapshot!(refused(2, &["--rotation", "5"]), @"
    error: invalid value '5' for '--rotation <DUR>': time unit needed, for example 5sec or 5ms; write a number and a unit, as in 90s, 5m or 1h30m

    For more information, try '--help'.
    ");
    for zero in ["0", "0s"] {
        let message = refused(2, &["--rotation", zero]);
        assert!(message.contains("must be longer than zero"), "{message}");
    }
    let message = refused(2, &["--consumer-delay=5"]);
    assert!(message.contains("90s, 5m or 1h30m"), "{message}");
}

#[test]
fn an_unknown_wiring_is_answered_with_the_nearest_name() {
    insta::assert_snapshot!(refused(2, &["--wiring", "fixd"]), @r#"
    error: invalid value 'fixd' for '--wiring <NAME>': there is no wiring "fixd"; did you mean fixed? `leakcheck wirings` lists them

    For more information, try '--help'.
    "#);
    let message = refused(2, &["--wiring", "xyz"]);
    assert!(!message.contains("did you mean"), "{message}");
    let listed = program::run(&["wirings", "lin-fix"]);
    assert_eq!(listed.code, Some(2));
    assert!(
        listed.stderr.contains("did you mean line-fix?"),
        "{listed:?}"
    );
}

#[test]
fn a_wiring_given_twice_is_refused_by_its_letter_too() {
    for twice in [
        ["--wiring=old", "--wiring=old"],
        ["--wiring=old", "--wiring=A"],
    ] {
        let message = refused(2, &twice);
        assert_eq!(message, "leakcheck: --wiring old is given twice\n");
    }
}

#[test]
fn an_engine_that_cannot_be_reached_is_named_with_what_to_do() {
    let docker = |host| refused(4, &["--engine=docker", "--host", host]);
    insta::assert_snapshot!(docker("unix:///no/such.sock"), @"leakcheck: no Docker engine at unix:///no/such.sock (from --host): no such socket. Is the engine running? Name another with --host or DOCKER_HOST; leakcheck run --engine synthetic needs none");
    // Port 1 is nobody's.
    insta::assert_snapshot!(docker("tcp://127.0.0.1:1"), @"leakcheck: tcp://127.0.0.1:1 (from --host) refuses the connection: does the engine listen there (dockerd -H tcp://…)? Name another with --host; leakcheck run --engine synthetic needs none");
}

#[test]
fn a_file_that_is_no_socket_is_no_engine() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let host = format!("unix://{}", file.path().display());
    let message = refused(4, &["--engine=docker", "--host", &host]);
    assert!(message.contains(&host), "{message}");
}

#[test]
fn a_host_that_is_none_is_a_usage_error() {
    for host in ["garbage", "", "unix://", "ftp://x", "tcp://"] {
        let message = refused(2, &["--engine=docker", "--host", host]);
        assert!(message.contains("--host"), "{host:?}: {message}");
    }
    insta::assert_snapshot!(refused(2, &["--engine=docker", "--host=garbage"]), @r#"leakcheck: --host "garbage" is no Docker endpoint: write unix:///path/to/docker.sock, tcp://HOST:PORT, http://HOST:PORT, for TLS https://HOST:PORT, or ssh://USER@HOST"#);
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for (flags, says) in [
        (&["--host=unix:///x"][..], "--host needs --engine docker"),
        (&["--image=x"], "--image needs --engine docker"),
        (&["--attach=x"], "--attach needs --engine docker"),
        (
            &["--engine=docker", "--attach=x", "--containers=3"],
            "cannot be used with '--containers <N>'",
        ),
        (
            &["--engine=docker", "--attach=x", "--image=y"],
            "cannot be used with",
        ),
        (
            &["--clock=real", "--time-scale=2"],
            "--time-scale needs --clock compressed",
        ),
    ] {
        let message = refused(2, flags);
        assert!(message.contains(says), "{flags:?}: {message}");
    }
}

#[test]
fn an_export_that_cannot_be_written_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a directory");
    for path in [
        folder.path().to_owned(),
        folder.path().join("missing").join("x.json"),
    ] {
        let export = format!("--export=json={}", path.display());
        // The engine is unreachable as well, and was not tried.
        let message = refused(
            2,
            &["--engine=docker", "--host=unix:///no/such.sock", &export],
        );
        assert!(message.contains("--export"), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
}

#[test]
fn an_export_needs_a_format_that_there_is() {
    insta::assert_snapshot!(refused(2, &["--export=jsn=x"]), @r#"
    error: invalid value 'jsn=x' for '--export <FORMAT=PATH>': there is no format "jsn"; there are table, json, csv, markdown, html, svg, junit, openmetrics, gitlab

    For more information, try '--help'.
    "#);
    for export in ["--export=report.json", "--export=json="] {
        let message = refused(2, &[export]);
        assert!(message.contains("write FORMAT=PATH"), "{message}");
    }
}

#[test]
fn a_limit_below_the_containers_is_refused_even_when_forced() {
    for flags in [
        &["run", "--shards=1", "--containers=100"][..],
        &["run", "--shards=1", "--containers=100", "--force"],
    ] {
        let message = refused_program(4, Program::start_with_fd_limit(100, flags));
        insta::allow_duplicates! {
            insta::assert_snapshot!(message, @"leakcheck: 100 containers need 164 file descriptors with the wiring old, and a process may open 100: use --containers 36, or --shards 3, or a higher limit (ulimit -Hn)");
        }
    }
}

#[test]
fn a_leak_that_would_exhaust_the_limit_is_refused_with_the_flags_that_fit() {
    let message = refused_program(
        4,
        Program::start_with_fd_limit(120, &["run", "--containers=16"]),
    );
    insta::assert_snapshot!(message, @"leakcheck: the wiring old is predicted to leave 16 file descriptors per rotation, so that the limit of 120 is hit at rotation 3 of 12: use --rotations 2, or --containers 4, or --shards 4, or --force to run into it");
    // The advice holds.
    let advised = [
        "run",
        "--containers=16",
        "--rotations=2",
        "--time-scale=600",
    ];
    let ended = Program::start_with_fd_limit(120, &advised).wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_forced_run_says_at_which_rotation_its_descriptors_ran_out() {
    let ended = Program::start_with_fd_limit(
        120,
        &[
            "run",
            "--force",
            "--containers=16",
            "--rotations=4",
            "--format=json",
        ],
    )
    .wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("is hit at rotation 3 of 4"),
        "{ended:?}"
    );
    let report = report::of(&ended);
    let (old, fixed) = (wiring(&report, "old"), wiring(&report, "fixed"));
    // The prediction leaves some to spare.
    let exhausted = count(&old["fds_exhausted_at_rotation"]);
    assert!((3..=4).contains(&exhausted), "{exhausted}");
    assert_eq!(old["verdict"], "hung", "{}", old["reason"]);
    let says = format!("file descriptors ran out at rotation {exhausted}");
    assert!(text(&old["reason"]).contains(&says), "{}", old["reason"]);
    assert!(
        text(&old["stream_errors"]["example"]).contains("Too many open files"),
        "{}",
        old["stream_errors"]
    );
    assert_eq!(fixed["verdict"], "clean", "{}", fixed["reason"]);
    assert_eq!(fixed["fds_exhausted_at_rotation"], Value::Null);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    for flags in [
        &[
            "run",
            "--containers=2",
            "--rotations=1",
            "--time-scale=1000",
        ][..],
        &["wirings"],
        &["run", "--help"],
    ] {
        let mut child = Command::new(leakcheck())
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        // As `head` leaves: before all has been written.
        drop(child.stdout.take());
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        let said: Vec<_> = stderr.lines().map(|line| line.expect("UTF-8")).collect();
        let status = child.wait().expect("ends");
        assert_eq!(said, [""; 0], "{flags:?}");
        assert_eq!(status.code(), Some(0), "{flags:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_printed_is_an_error() {
    let output = Command::new(leakcheck())
        .args([
            "run",
            "--containers=2",
            "--rotations=1",
            "--time-scale=1000",
        ])
        .stdout(std::fs::File::create("/dev/full").expect("a full device"))
        .output()
        .expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("cannot write to standard output"), "{said}");
}

#[test]
fn no_command_and_an_unknown_one_are_usage_errors() {
    assert_eq!(program::run(&[]).code, Some(2));
    let unknown = program::run(&["rum"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("'run'"), "{unknown:?}");
}
