//! The synthetic engine serves unmodified Docker clients and leaves nothing behind.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use ::leakcheck::internals::engine_process::EngineProcess;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, InspectContainerOptions, KillContainerOptions,
    ListContainersOptions, LogsOptions, LogsOptionsBuilder, RemoveContainerOptions,
    StopContainerOptions,
};
use futures_util::{StreamExt, TryStreamExt};
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::workload::containers::{Container, Fleet, Restarts, line_sequence};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::common::{eventually, leakcheck};

/// `chatty` prints 50 lines a second, `terminal` too, `silent` nothing; they started 10 s ago.
fn spec() -> EngineSpec {
    let container = |name: &str, lines_per_second: f64, tty: bool| Container {
        name: name.into(),
        lines_per_second,
        tty,
        ..Container::default()
    };
    let containers = vec![
        container("chatty", 50.0, false),
        container("silent", 0.0, false),
        container("terminal", 50.0, true),
    ];
    EngineSpec {
        fleet: Fleet { containers },
        started_at_ns: now_s() * 1_000_000_000 - 10_000_000_000,
    }
}

fn now_s() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(now.as_secs()).expect("before 2262")
}

async fn start() -> (EngineProcess, Docker) {
    let engine = EngineProcess::start_program(leakcheck(), &spec())
        .await
        .expect("starts");
    let docker = connect(&engine);
    (engine, docker)
}

fn connect(engine: &EngineProcess) -> Docker {
    let socket = engine.socket().to_str().expect("UTF-8");
    Docker::connect_with_unix(socket, 20, bollard::API_DEFAULT_VERSION).expect("connects")
}

fn stdout_logs() -> LogsOptionsBuilder {
    LogsOptionsBuilder::new().stdout(true)
}

async fn read_lines(docker: &Docker, name: &str, options: LogsOptions) -> Vec<String> {
    let chunks: Vec<LogOutput> = docker
        .logs(name, Some(options))
        .try_collect()
        .await
        .expect("logs are served");
    let bytes: Vec<u8> = chunks.into_iter().flat_map(LogOutput::into_bytes).collect();
    String::from_utf8(bytes)
        .expect("ASCII")
        .lines()
        .map(Into::into)
        .collect()
}

fn sequences(lines: &[String]) -> Vec<u64> {
    lines
        .iter()
        .map(|line| line_sequence(line.as_bytes()).expect(line))
        .collect()
}

/// The status and the whole text of an answer to a request without a body.
async fn raw_request(socket: &Path, method: &str, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).await.expect("connects");
    let request = format!("{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    answer
}

#[tokio::test]
async fn bollard_lists_and_inspects_the_containers() {
    let (engine, docker) = start().await;
    let listed = docker
        .list_containers(None::<ListContainersOptions>)
        .await
        .expect("lists");
    let names: Vec<_> = listed
        .iter()
        .flat_map(|c| c.names.clone().expect("names"))
        .collect();
    assert_eq!(names, ["/chatty", "/silent", "/terminal"]);

    let id = listed[0].id.clone().expect("an id");
    for reference in [&id, &id[..12], "chatty", "/chatty"] {
        let inspected = docker
            .inspect_container(reference, None::<InspectContainerOptions>)
            .await;
        assert_eq!(inspected.expect(reference).id.as_ref(), Some(&id));
    }
    assert!(
        docker
            .info()
            .await
            .expect("info")
            .nfd
            .is_some_and(|fds| fds > 0)
    );
    engine.stop().await.expect("stops");
}

#[tokio::test]
async fn lines_are_contiguous_from_0_across_reconnects_that_resume_from_the_last_timestamp() {
    let (engine, docker) = start().await;
    let mut seen: Vec<u64> = Vec::new();
    let mut last_timestamp = String::new();
    // 10 s of backlog are lines 0 to 500; each round follows for 60 lines more.
    while seen.len() < 700 {
        // bollard asks for whole seconds only, so what is older than the last line is dropped.
        let since = last_timestamp
            .parse::<jiff::Timestamp>()
            .map_or(0, |t| t.as_second());
        let since = i32::try_from(since).expect("before 2038");
        let options = stdout_logs()
            .follow(true)
            .timestamps(true)
            .since(since)
            .build();
        let mut stream = docker.logs("chatty", Some(options));
        let goal = seen.len() + 60;
        while seen.len() < goal {
            let chunk = stream
                .next()
                .await
                .expect("goes on")
                .expect("no error")
                .into_bytes();
            let line = String::from_utf8(chunk.to_vec()).expect("ASCII");
            let (timestamp, text) = line.split_once(' ').expect("a timestamp");
            if timestamp > last_timestamp.as_str() {
                seen.push(line_sequence(text.as_bytes()).expect("a line of ours"));
                last_timestamp = timestamp.to_owned();
            }
        }
    }
    assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
    engine.stop().await.expect("stops");
}

#[tokio::test]
async fn tail_since_and_until_narrow_the_log() {
    let (engine, docker) = start().await;
    let all = sequences(&read_lines(&docker, "chatty", stdout_logs().build()).await);
    assert!(all.len() >= 500, "{}", all.len());
    let tail = sequences(&read_lines(&docker, "chatty", stdout_logs().tail("5").build()).await);
    assert_eq!(tail.len(), 5);
    assert!(tail.last() >= all.last());
    let start = spec_start_s(&docker).await;
    let window = stdout_logs().since(start + 2).until(start + 4).build();
    // 50 lines a second, both ends included.
    assert_eq!(
        sequences(&read_lines(&docker, "chatty", window).await),
        (100..=200).collect::<Vec<_>>()
    );
    engine.stop().await.expect("stops");
}

async fn spec_start_s(docker: &Docker) -> i32 {
    let listed = docker
        .list_containers(None::<ListContainersOptions>)
        .await
        .expect("lists");
    i32::try_from(listed[0].created.expect("a creation time")).expect("before 2038")
}

#[tokio::test]
async fn two_engines_with_one_spec_serve_identical_logs() {
    let spec = spec();
    let one = EngineProcess::start_program(leakcheck(), &spec)
        .await
        .expect("starts");
    let two = EngineProcess::start_program(leakcheck(), &spec)
        .await
        .expect("starts");
    for name in ["chatty", "terminal"] {
        let until = i32::try_from(spec.started_at_ns / 1_000_000_000 + 9).expect("before 2038");
        let options = stdout_logs().timestamps(true).until(until).build();
        let log_of_one = read_lines(&connect(&one), name, options.clone()).await;
        assert_eq!(log_of_one, read_lines(&connect(&two), name, options).await);
        assert_eq!(log_of_one.len(), 451);
    }
    one.stop().await.expect("stops");
    two.stop().await.expect("stops");
}

#[tokio::test]
async fn a_terminals_log_is_raw_and_any_others_is_framed() {
    let (engine, _docker) = start().await;
    let path = |name| format!("/containers/{name}/logs?stdout=1&tail=1");
    let raw = raw_request(engine.socket(), "GET", &path("terminal")).await;
    assert!(raw.contains("\r\nleakcheck terminal line "), "{raw:?}");
    let framed = raw_request(engine.socket(), "GET", &path("chatty")).await;
    assert!(framed.contains("\u{1}\0\0\0\0\0\0"), "{framed:?}");
    engine.stop().await.expect("stops");
}

#[tokio::test]
async fn bollard_attaches_to_a_terminals_output_and_to_any_others_from_the_first_line() {
    let (engine, docker) = start().await;
    for name in ["chatty", "terminal"] {
        let options = AttachContainerOptionsBuilder::new()
            .stdout(true)
            .logs(true)
            .stream(true)
            .build();
        let attached = docker.attach_container(name, Some(options)).await;
        let mut output = attached.expect("is taken over").output;
        let mut text = String::new();
        while text.lines().count() < 600 {
            let chunk = output.next().await.expect("goes on").expect("is intact");
            text += &String::from_utf8_lossy(&chunk.into_bytes());
        }
        let lines: Vec<String> = text.lines().take(599).map(str::to_owned).collect();
        assert_eq!(sequences(&lines), (0..599).collect::<Vec<_>>(), "{name}");
    }
    eventually("its end, once the next line finds nobody", || async {
        engine.state().await.is_ok_and(|state| state.streams == 0)
    })
    .await;
}

#[tokio::test]
async fn errors_have_dockers_status_and_words() {
    let (engine, docker) = start().await;
    let id = docker
        .inspect_container("chatty", None)
        .await
        .expect("exists")
        .id
        .expect("an id");
    let cannot_remove = format!(
        "You cannot remove a running container {id}. \
         Stop the container before attempting removal or force remove"
    );
    for (method, path, status, message) in [
        ("GET", "/nope", 404, "page not found"),
        ("POST", "/v1.41/containers/json", 404, "page not found"),
        (
            "GET",
            "/v1.41/containers/nope/json",
            404,
            "No such container: nope",
        ),
        (
            "GET",
            "/containers/nope/logs?stdout=1",
            404,
            "No such container: nope",
        ),
        (
            "GET",
            "/containers/chatty/logs",
            400,
            "Bad parameters: you must choose at least one stream",
        ),
        (
            "GET",
            "/containers/json?limit=x",
            400,
            r#"strconv.Atoi: parsing \"x\": invalid syntax"#,
        ),
        (
            "GET",
            "/v1.99/info",
            400,
            "client version 1.99 is too new. Maximum supported API version is 1.53",
        ),
        (
            "POST",
            "/containers/chatty/kill?signal=BAD",
            400,
            "Invalid signal: BAD",
        ),
        (
            "POST",
            "/containers/nope/kill",
            404,
            "Cannot kill container: nope: No such container: nope",
        ),
        (
            "POST",
            "/containers/nope/stop",
            404,
            "No such container: nope",
        ),
        ("DELETE", "/containers/chatty", 409, cannot_remove.as_str()),
    ] {
        let answer = raw_request(engine.socket(), method, path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{method} {path}: {answer}"
        );
        assert!(
            answer.ends_with(&format!("{{\"message\":\"{message}\"}}\n")),
            "{method} {path}: {answer}"
        );
    }
    engine.stop().await.expect("stops");
}

#[tokio::test]
async fn a_stopped_container_ends_its_follow_and_can_then_be_removed() {
    let (engine, docker) = start().await;
    for name in ["chatty", "silent"] {
        let follow = {
            let docker = docker.clone();
            let options = stdout_logs().follow(true).tail("0").build();
            tokio::spawn(async move { read_lines(&docker, name, options).await })
        };
        eventually("the follow is open", async || {
            engine.state().await.expect("state").streams == 1
        })
        .await;
        docker
            .stop_container(name, None::<StopContainerOptions>)
            .await
            .expect("stops");
        follow.await.expect("the follow ends");
        let again = raw_request(engine.socket(), "POST", &format!("/containers/{name}/stop")).await;
        assert!(again.starts_with("HTTP/1.1 304 "), "{again}");
        let killed = docker
            .kill_container(name, None::<KillContainerOptions>)
            .await;
        assert!(
            matches!(&killed, Err(Error::DockerResponseServerError { status_code: 409, message })
                if message.ends_with("is not running")),
            "{killed:?}"
        );
        docker
            .remove_container(name, None::<RemoveContainerOptions>)
            .await
            .expect("removes");
        assert!(
            docker
                .inspect_container(name, None::<InspectContainerOptions>)
                .await
                .is_err()
        );
    }
    engine.stop().await.expect("stops");
}

#[tokio::test]
async fn a_dropped_follow_of_a_silent_container_closes_its_connection() {
    let (engine, docker) = start().await;
    let mut follows = Vec::new();
    for _ in 0..10 {
        let mut stream = UnixStream::connect(engine.socket())
            .await
            .expect("connects");
        let request = "GET /containers/silent/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("writes");
        let mut status = [0; 15];
        stream
            .read_exact(&mut status)
            .await
            .expect("the headers come at once");
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        follows.push(stream);
    }
    let state = engine.state().await.expect("state");
    assert_eq!(
        (state.connections, state.streams, state.lines_sent),
        (10, 10, 0)
    );
    drop((follows, docker));
    eventually("no connection is left", async || {
        let state = engine.state().await.expect("state");
        (state.connections, state.streams) == (0, 0)
    })
    .await;
    engine.stop().await.expect("stops");
}

#[tokio::test]
async fn a_container_that_starts_again_ends_its_follows_and_says_so() {
    let restarts = Restarts {
        first_s: 13.0,
        every_s: 1000.0,
        keeps_streams: false,
    };
    let spec = EngineSpec {
        fleet: Fleet {
            containers: vec![Container {
                name: "restless".into(),
                restarts: Some(restarts),
                ..Container::default()
            }],
        },
        ..spec()
    };
    let engine = EngineProcess::start_program(leakcheck(), &spec)
        .await
        .expect("starts");
    let docker = connect(&engine);
    let before = docker
        .inspect_container("restless", None::<InspectContainerOptions>)
        .await
        .expect("is there");
    // It ends by itself, where that of a container that runs on would not.
    let follow = stdout_logs().follow(true).build();
    assert_eq!(read_lines(&docker, "restless", follow).await, [""; 0]);
    let after = docker
        .inspect_container("restless", None::<InspectContainerOptions>)
        .await
        .expect("is there");
    assert_eq!(
        (before.restart_count, after.restart_count),
        (Some(0), Some(1))
    );
    let started = |inspected: ContainerInspectResponse| {
        let state = inspected.state.expect("a state");
        assert_eq!(state.running, Some(true));
        state.started_at.expect("a time")
    };
    assert!(started(before) < started(after));
    let events = format!("/events?since=1&until={}", now_s() + 1);
    let told = raw_request(engine.socket(), "GET", &events).await;
    let actions = ["create", "start", "die", "start"];
    let mut rest = &told[..];
    for action in actions {
        let key = format!("\"Action\":\"{action}\"");
        let at = rest
            .find(&key)
            .unwrap_or_else(|| panic!("{action}: {told}"));
        rest = &rest[at + key.len()..];
    }
    engine.stop().await.expect("stops");
}
