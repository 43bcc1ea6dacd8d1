//! The stock `docker` command works with the synthetic engine as with a real one.

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use ::leakcheck::internals::engine_process::EngineProcess;
use synthetic_engine::rotation::{RotateBy, Rotation};
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::workload::containers::{Fleet, line_sequence};

use crate::common::{eventually, have, leakcheck};

/// An engine with three containers, of which `web-01` is silent, and the `docker` command.
struct Stock {
    engine: EngineProcess,
}

impl Stock {
    /// `None` where there is no `docker` command.
    async fn start() -> Option<Self> {
        if !have("docker") {
            return None;
        }
        let started_at = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(10);
        let spec = EngineSpec {
            fleet: Fleet::generate(3, 0.5, 10.0, 1),
            started_at_ns: i64::try_from(started_at.as_nanosecond()).expect("before 2262"),
        };
        let engine = EngineProcess::start_program(leakcheck(), &spec)
            .await
            .expect("starts");
        Some(Self { engine })
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new("docker");
        command
            .arg("-H")
            .arg(format!("unix://{}", self.engine.socket().display()));
        command.args(words.split(' '));
        command
    }

    fn output(&self, words: &str) -> Output {
        self.command(words).output().expect("docker runs")
    }

    /// What a command prints that must succeed.
    fn docker(&self, words: &str) -> String {
        let output = self.output(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {words}: {stderr}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// What a command says that must fail.
    fn error(&self, words: &str) -> String {
        let output = self.output(words);
        assert!(!output.status.success(), "docker {words}");
        String::from_utf8(output.stderr)
            .expect("UTF-8")
            .trim_end()
            .to_owned()
    }
}

#[tokio::test]
async fn docker_ps_inspect_info_and_version_work() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let table = stock.docker("ps");
    assert!(table.starts_with("CONTAINER ID"), "{table}");
    for name in ["web-00", "web-01", "web-02"] {
        assert!(table.contains(name), "{table}");
    }
    assert!(table.contains("Up 1"), "{table}");
    assert_eq!(
        stock.docker("ps --filter name=b-01 --format {{.Names}}"),
        "web-01\n"
    );
    assert_eq!(
        stock.docker("inspect --format {{.Name}} web-00"),
        "/web-00\n"
    );
    assert_eq!(stock.docker("info --format {{.ContainersRunning}}"), "3\n");
    assert!(
        stock
            .docker("version")
            .contains("leakcheck synthetic engine")
    );
    assert_eq!(
        stock.error("logs nope"),
        "Error response from daemon: No such container: nope"
    );
}

#[tokio::test]
async fn docker_logs_follows_and_tails() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let tail = stock.docker("logs --tail 5 -t web-00");
    assert_eq!(tail.lines().count(), 5, "{tail}");
    for line in tail.lines() {
        let (timestamp, text) = line.split_once(' ').expect("a timestamp");
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
        assert!(line_sequence(text.as_bytes()).is_some(), "{text}");
    }

    let mut follow = stock
        .command("logs -f web-00")
        .stdout(Stdio::piped())
        .spawn()
        .expect("docker runs");
    let lines = BufReader::new(follow.stdout.take().expect("piped")).lines();
    // More than the backlog of 10 s at under 10 lines a second: the last ones came while following.
    let sequences: Vec<_> = lines
        .take(110)
        .map(|line| line_sequence(line.expect("UTF-8").as_bytes()))
        .collect();
    assert_eq!(sequences, (0..110).map(Some).collect::<Vec<_>>());
    follow.kill().expect("is alive");
    follow.wait().expect("ends");
}

#[tokio::test]
async fn docker_stop_and_rm_are_told_by_docker_events() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let refusal = stock.error("rm web-00");
    assert!(
        refusal.contains("You cannot remove a running container"),
        "{refusal}"
    );
    assert_eq!(stock.docker("stop web-00"), "web-00\n");
    assert_eq!(stock.docker("rm web-00"), "web-00\n");
    let now = jiff::Timestamp::now().as_second() + 1;
    let format = "{{.Action}}";
    let events = stock.docker(&format!(
        "events --since 1h --until {now} -f container=web-00 --format {format}"
    ));
    assert_eq!(
        events.lines().collect::<Vec<_>>(),
        ["create", "start", "kill", "die", "stop", "destroy"]
    );
}

#[tokio::test]
async fn a_stream_ends_at_its_rotation_and_what_becomes_of_its_container_is_told() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let rotation = |by| Rotation {
        by,
        keeps_streams: false,
    };
    let state = "inspect -f {{.State.Running}}|{{.RestartCount}}|{{.Id}} web-00";
    let before = stock.docker(state);
    assert!(before.starts_with("true|0|"), "{before}");
    for (by, succeeds) in [
        (RotateBy::Eof, true),
        (RotateBy::Reset, false),
        (RotateBy::Restart, true),
        (RotateBy::Replace, true),
        (RotateBy::EngineRestart, false),
    ] {
        let mut follow = stock.command("logs -f --tail 0 web-00");
        let mut follow = follow.stderr(Stdio::null()).spawn().expect("docker runs");
        let opened = || async {
            stock
                .engine
                .state()
                .await
                .is_ok_and(|state| state.streams == 1)
        };
        eventually("a stream", opened).await;
        stock.engine.rotate(rotation(by)).await.expect("rotates");
        let status = tokio::task::spawn_blocking(move || follow.wait());
        let status = status.await.expect("waited for").expect("ends");
        assert_eq!(status.success(), succeeds, "{by:?}: {status}");
        eventually("the engine", || async {
            stock.engine.state().await.is_ok()
        })
        .await;
        let now = stock.docker(state);
        let same = before.trim_end().trim_start_matches("true|0|");
        match by {
            RotateBy::Restart => assert!(now.starts_with("true|1|") && now.contains(same), "{now}"),
            RotateBy::Replace => {
                assert!(now.starts_with("true|0|") && !now.contains(same), "{now}")
            }
            _ => assert!(now.starts_with("true|"), "{by:?}: {now}"),
        }
    }
    let followers = stock.engine.followers().await.expect("tells");
    let web = &followers.containers[0];
    assert_eq!(
        (web.rotations, web.reopened, web.opened),
        (5, 4, 5),
        "{web:?}"
    );
}

#[tokio::test]
async fn docker_attach_takes_its_connection_over_until_the_container_ends() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let mut attach = stock.command("attach --no-stdin web-00");
    let mut attach = (attach.stdout(Stdio::piped()).stderr(Stdio::null()))
        .spawn()
        .expect("docker runs");
    let mut lines = BufReader::new(attach.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("UTF-8");
    let first = line_sequence(first.as_bytes()).expect("a line of its container");
    // The container has been running for 10 s: what it said before is left out.
    assert!(first > 5, "{first}");
    let follows = stock.engine.followers().await.expect("tells");
    assert_eq!(
        (
            follows.containers[0].streams,
            follows.containers[0].connections
        ),
        (1, 1)
    );
    stock.docker("restart web-00");
    let rest = tokio::task::spawn_blocking(move || (lines.count(), attach.wait()));
    rest.await.expect("waited for").1.expect("ends");
    eventually("the connection's end", || async {
        let told = stock.engine.followers().await;
        told.is_ok_and(|told| told.containers[0].connections == 0)
    })
    .await;
}

#[tokio::test]
async fn what_the_engine_does_not_know_is_refused_in_dockers_form_and_counted() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let said = stock.error("volume ls");
    assert!(said.contains("has containers and their logs"), "{said}");
    let said = stock.error("exec web-00 true");
    assert!(said.contains("has containers and their logs"), "{said}");
    let followers = stock.engine.followers().await.expect("tells");
    let unknown: Vec<_> = followers.unknown.keys().map(String::as_str).collect();
    assert_eq!(unknown, ["GET /volumes", "POST /containers/{id}/exec"]);
    assert!(
        followers.requests.contains_key("GET /containers/{id}/json"),
        "{followers:?}"
    );
}

#[tokio::test]
async fn stats_wait_and_restart_are_answered() {
    let Some(stock) = Stock::start().await else {
        return;
    };
    let stats = stock.docker("stats --no-stream --format {{.Name}}|{{.PIDs}} web-00");
    assert_eq!(stats, "web-00|0\n");
    let mut wait = stock.command("wait web-00");
    let wait = wait.stdout(Stdio::piped()).spawn().expect("docker runs");
    let asked = || async {
        let followers = stock.engine.followers().await;
        followers.is_ok_and(|told| told.requests.contains_key("POST /containers/{id}/wait"))
    };
    eventually("the wait", asked).await;
    stock.docker("restart web-00");
    let ended = tokio::task::spawn_blocking(move || wait.wait_with_output());
    let ended = ended.await.expect("waited for").expect("ends");
    assert_eq!(String::from_utf8_lossy(&ended.stdout), "0\n");
    let count = stock.docker("inspect -f {{.RestartCount}} web-00");
    assert_eq!(count, "1\n");
}
