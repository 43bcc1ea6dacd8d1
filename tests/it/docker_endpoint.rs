//! Bad endpoints: each way of failing has its message and its exit code.

use std::io::{Read, Write};
use std::net::TcpListener;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

fn leakcheck(arguments: &[&str]) -> assert_cmd::assert::Assert {
    Command::cargo_bin("leakcheck")
        .expect("the program")
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_TLS_VERIFY")
        .args(arguments)
        .assert()
}

#[test]
fn a_malformed_host_is_a_usage_error_that_shows_the_forms_there_are() {
    leakcheck(&["clean", "--host", "garbage"])
        .code(2)
        .stderr(contains("--host \"garbage\"").and(contains("unix:///path/to/docker.sock")));
}

#[test]
fn a_host_that_refuses_is_an_environment_error_that_names_it() {
    leakcheck(&["clean", "--host", "tcp://127.0.0.1:1"])
        .code(4)
        .stderr(contains("tcp://127.0.0.1:1 (from --host) refuses"));
}

#[test]
fn a_missing_socket_asks_whether_the_engine_runs() {
    leakcheck(&["clean", "--host", "unix:///nowhere/engine.sock"])
        .code(4)
        .stderr(contains("Is the engine running?").and(contains("--engine synthetic")));
}

#[test]
fn a_path_that_is_no_socket_is_called_that() {
    leakcheck(&["clean", "--host", "unix:///"])
        .code(4)
        .stderr(contains("is no socket"));
}

#[test]
fn a_web_server_is_not_taken_for_an_engine() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    // Ends with the test's process: the program may or may not come back for more.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\n<html/>");
        }
    });
    leakcheck(&["clean", "--host", &format!("tcp://{address}")])
        .code(4)
        .stderr(contains("not as a Docker engine does (HTTP status 404)"));
}

#[test]
fn doctor_warns_of_a_missing_engine_since_a_synthetic_run_needs_none() {
    let assert =
        leakcheck(&["doctor", "--host", "tcp://127.0.0.1:1", "--format", "json"]).success();
    let findings: serde_json::Value =
        serde_json::from_slice(&assert.get_output().stdout).expect("one JSON document");
    assert_eq!(findings["schema"], "leakcheck.doctor/v1");
    let engine = findings["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .find(|check| check["name"] == "Docker engine")
        .expect("a check of the engine");
    assert_eq!(engine["status"], "warn");
}

#[test]
fn doctors_table_fits_80_columns() {
    let assert = leakcheck(&["doctor", "--host", "unix:///nowhere/engine.sock"]).success();
    let table = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
}
