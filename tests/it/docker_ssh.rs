//! Engines behind ssh: the same figures as over a socket, nothing left behind, and a message for each way of
//! failing.

use nix::sys::signal::Signal;

use crate::common::poll;
use crate::common::program::{Ended, Program};
use crate::common::report::{assert_the_incidents_figures, poll_exported};
use crate::common::ssh::SshHost;
use crate::common::synthetic_engine::Engine;

/// What `clean` says of a host, which it must end with 4.
fn refused(host: &SshHost, url: &str) -> String {
    let mut program = Program::start_in(&host.search_path(), &["clean", "--host", url]);
    let ended = program.wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_nothing_left(&program);
    ended.stderr
}

fn assert_nothing_left(program: &Program) {
    poll("all of its processes gone", || {
        program.processes().is_empty().then_some(())
    });
    let left = program.temporary_files();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn containers_behind_ssh_are_followed_as_over_a_socket() {
    let Some(host) = SshHost::or_skip() else {
        return;
    };
    let engine = Engine::on_a_socket();
    let url = format!("ssh://far{}", engine.socket().display());
    let flags = ["--rotations=3", "--host", &url];
    let flags = [&Engine::FOLLOWED[..], &flags].concat();
    let mut program = Program::start_in(&host.search_path(), &flags);
    assert_the_incidents_figures(&program.wait());
    assert_nothing_left(&program);
}

#[test]
fn a_killed_run_leaves_no_ssh_and_a_socket_that_clean_removes() {
    let Some(host) = SshHost::or_skip() else {
        return;
    };
    let engine = Engine::on_a_socket();
    let url = format!("ssh://far{}", engine.socket().display());
    let folder = tempfile::tempdir().expect("a directory");
    let export = folder.path().join("report.json");
    let exported = format!("--export=json={}", export.display());
    let flags = ["--rotations=1000", "--host", &url, &exported];
    let flags = [&Engine::FOLLOWED[..], &flags].concat();
    let mut program = Program::start_in(&host.search_path(), &flags);
    poll_exported(&export, 1);
    program.send(Signal::SIGKILL);
    program.wait();
    poll("all of its processes gone", || {
        program.processes().is_empty().then_some(())
    });
    let [left] = &program.temporary_files()[..] else {
        panic!(
            "its private directory is left: {:?}",
            program.temporary_files()
        );
    };
    let temporary = left.parent().expect("a directory");
    let cleaned = std::process::Command::new(crate::common::leakcheck())
        .args(["clean", "--host", &engine.url])
        .env("TMPDIR", temporary)
        .output()
        .expect("starts");
    assert!(cleaned.status.success(), "{cleaned:?}");
    assert!(program.temporary_files().is_empty());
}

#[test]
fn a_host_that_lets_nobody_in_is_told_in_the_words_of_ssh() {
    let Some(host) = SshHost::or_skip() else {
        return;
    };
    let unknown = refused(&host, "ssh://elsewhere");
    assert!(
        unknown.contains("Host key verification failed"),
        "{unknown}"
    );
    assert!(unknown.contains("try ssh elsewhere true"), "{unknown}");

    let missing = refused(&host, "ssh://far/nowhere/docker.sock");
    let says =
        "no engine answers at /nowhere/docker.sock of ssh://far/nowhere/docker.sock (from --host)";
    assert!(missing.contains(says), "{missing}");
    assert!(missing.contains("open failed"), "{missing}");

    host.shut_out();
    let shut_out = refused(&host, "ssh://far");
    assert!(shut_out.contains("Permission denied"), "{shut_out}");
}

#[test]
fn without_an_ssh_command_the_error_says_so() {
    let mut program = Program::start_in("/nowhere", &["clean", "--host", "ssh://far"]);
    let Ended { code, stderr, .. } = program.wait();
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("cannot start the ssh command"), "{stderr}");
}
