//! Real containers: created all or none, printing what the fleet says, removed to the last one.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ::leakcheck::internals::docker::containers;
use ::leakcheck::internals::docker::containers::RunningContainer;
use ::leakcheck::internals::docker::image;
use ::leakcheck::internals::docker::image::DEFAULT_IMAGE;
use ::leakcheck::internals::docker::last_lines::ASKED_AT_A_TIME;
use ::leakcheck::internals::docker::run_id::RunId;
use ::leakcheck::internals::docker::run_owner::RunOwner;
use ::leakcheck::internals::docker::{attach, engine_load, labels, last_lines, removal};
use assert_cmd::Command;
use bollard::Docker;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptions, ListContainersOptionsBuilder, LogsOptionsBuilder, WaitContainerOptions,
};
use futures_util::{StreamExt, TryStreamExt};
use leakcheck_report::exit_code::{ExitCode, Failure};
use log_monitor::log_position::LogsOf;
use synthetic_engine::workload::containers::{Fleet, line_text};
use tokio_util::sync::CancellationToken;

use crate::common::eventually;
use crate::common::real_docker::{TestRun, engine_or_skip, only_one_cleans};

/// Longer than any test, shorter than anybody's patience with what a killed test left.
const LIFE: Duration = Duration::from_secs(120);
const DEADLINE: Duration = Duration::from_secs(60);

async fn create(
    docker: &Docker,
    run: &RunId,
    fleet: &Fleet,
    life: Duration,
) -> Result<Vec<RunningContainer>, Failure> {
    let never = CancellationToken::new();
    containers::create(docker, fleet, DEFAULT_IMAGE, run, life, &never, |_| {}).await
}

async fn count(docker: &Docker, run: &RunId) -> usize {
    let filters = HashMap::from([("label".to_owned(), vec![run.label()])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    docker
        .list_containers(Some(options))
        .await
        .expect("a list")
        .len()
}

async fn printed(docker: &Docker, id: &str) -> Vec<String> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let chunks: Vec<_> = docker
        .logs(id, Some(options))
        .try_collect()
        .await
        .expect("a log");
    let bytes: Vec<u8> = chunks
        .into_iter()
        .flat_map(|chunk| chunk.into_bytes())
        .collect();
    String::from_utf8(bytes)
        .expect("text")
        .lines()
        .map(str::to_owned)
        .collect()
}

async fn poll<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn real_containers_print_the_fleets_lines_from_0_on_and_are_removed_to_the_last() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let mut fleet = Fleet::generate(6, 0.5, 20.0, 3);
    fleet.containers[2].tty = true;
    let created = create(&docker, &run.id, &fleet, LIFE)
        .await
        .expect("6 containers");

    let names = |containers: &[RunningContainer]| -> Vec<String> {
        containers
            .iter()
            .map(|container| container.name.clone())
            .collect()
    };
    let wanted: Vec<_> = fleet.containers.iter().map(|c| c.name.clone()).collect();
    assert_eq!(names(&created), wanted, "the fleet's order");

    let ids: Vec<_> = created
        .iter()
        .map(|container| container.id.clone())
        .collect();
    let last = poll("ten lines of each that prints", async || {
        let last = last_lines::read(&docker, LogsOf::Containers, &ids, ASKED_AT_A_TIME)
            .await
            .expect("last lines");
        let enough = fleet.containers.iter().zip(&last).all(|(container, last)| {
            container.is_silent() || last.and_then(|last| last.sequence) >= Some(10)
        });
        enough.then_some(last)
    })
    .await;

    for ((container, running), last) in fleet.containers.iter().zip(&created).zip(last) {
        let lines = printed(&docker, &running.id).await;
        assert_eq!(running.tty, container.tty);
        if container.is_silent() {
            assert_eq!((lines.len(), last), (0, None), "{container:?}");
            continue;
        }
        assert!(
            lines.len() as u64 > last.and_then(|last| last.sequence).expect("a last line"),
            "{container:?}"
        );
        for (sequence, line) in (0..).zip(&lines) {
            assert_eq!(*line, line_text(&container.name, sequence));
        }
    }

    assert_eq!(
        removal::remove_run(&docker, &run.id)
            .await
            .expect("removed"),
        6
    );
    assert_eq!(count(&docker, &run.id).await, 0);
}

#[tokio::test]
async fn a_creation_that_fails_halfway_leaves_no_container() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let mut fleet = Fleet::generate(12, 0.5, 5.0, 1);
    fleet.containers[7].name = "no name for docker!".into();
    let failure = create(&docker, &run.id, &fleet, LIFE)
        .await
        .expect_err("a bad name");
    assert_eq!(failure.code, ExitCode::Environment);
    assert!(
        failure.to_string().contains("no name for docker!"),
        "{failure}"
    );
    assert_eq!(count(&docker, &run.id).await, 0);
}

#[tokio::test]
async fn a_creation_that_is_interrupted_leaves_no_container() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let fleet = Fleet::generate(12, 0.5, 5.0, 1);
    let interrupt = CancellationToken::new();
    let reported = Mutex::new(Vec::new());
    let failure = containers::create(
        &docker,
        &fleet,
        DEFAULT_IMAGE,
        &run.id,
        LIFE,
        &interrupt,
        |running| {
            reported.lock().expect("unpoisoned").push(running);
            interrupt.cancel();
        },
    )
    .await
    .expect_err("interrupted");
    assert_eq!(failure.code, ExitCode::Interrupted);
    assert_eq!(reported.lock().expect("unpoisoned").first(), Some(&1));
    assert_eq!(count(&docker, &run.id).await, 0);
}

#[tokio::test]
async fn containers_end_and_go_by_themselves_when_their_life_is_over() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let fleet = Fleet::generate(3, 0.34, 10.0, 1);
    create(&docker, &run.id, &fleet, Duration::from_secs(2))
        .await
        .expect("3 containers");
    poll("all of them gone", async || {
        (count(&docker, &run.id).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_terminated_container_ends_by_itself() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let created = create(&docker, &run.id, &Fleet::generate(2, 0.5, 0.5, 1), LIFE)
        .await
        .expect("2 containers");
    for container in &created {
        let id = &container.id;
        // A shell that sleeps has set its trap: as process 1 it would ignore the signal before.
        eventually("the container's sleep", || async {
            let processes = docker.top_processes(id, None).await.ok();
            let rows = processes.and_then(|top| top.processes).unwrap_or_default();
            rows.iter().flatten().any(|word| word.contains("sleep"))
        })
        .await;
        let mut ended = docker.wait_container(id, None::<WaitContainerOptions>);
        let (ended, stopped) = tokio::join!(ended.next(), docker.stop_container(id, None));
        stopped.expect("stopped");
        // An engine kills what does not heed SIGTERM, with status 137.
        let status = ended.expect("an end").expect("by itself").status_code;
        assert_eq!(status, 0);
    }
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_names_the_script_that_makes_one() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    // Nobody listens on port 1: a registry that is not there.
    let failure = image::ensure(&docker, "127.0.0.1:1/nothing:here", |_| {})
        .await
        .expect_err("no registry");
    assert_eq!(failure.code, ExitCode::Environment);
    for says in ["scripts/import-busybox 127.0.0.1:1/nothing:here", "--image"] {
        assert!(failure.to_string().contains(says), "{failure}");
    }
    let malformed = image::ensure(&docker, "UPPER CASE", |_| {})
        .await
        .expect_err("malformed");
    assert_eq!(malformed.code, ExitCode::Usage, "{malformed}");
}

#[tokio::test]
async fn clean_removes_what_dead_runs_left_and_keeps_what_may_still_go_on() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let _alone = only_one_cleans().await;
    let me = RunOwner::this_process();
    let mut ended = std::process::Command::new("true")
        .spawn()
        .expect("a process");
    let dead = TestRun::new(&docker);
    left_by(
        &docker,
        &dead.id,
        &RunOwner {
            pid: ended.id(),
            ..me.clone()
        },
    )
    .await;
    ended.wait().expect("ended");
    let reused = TestRun::new(&docker);
    let earlier = me.start_ticks.map(|ticks| ticks.saturating_sub(1));
    left_by(
        &docker,
        &reused.id,
        &RunOwner {
            start_ticks: earlier,
            ..me.clone()
        },
    )
    .await;
    let elsewhere = TestRun::new(&docker);
    left_by(
        &docker,
        &elsewhere.id,
        &RunOwner {
            host: "elsewhere".into(),
            ..me
        },
    )
    .await;
    let live = TestRun::new(&docker);
    create(&docker, &live.id, &Fleet::generate(2, 0.5, 5.0, 1), LIFE)
        .await
        .expect("live");

    let says = clean(&["--dry-run"]);
    assert!(
        says.contains(&format!("would remove run {}: 1 container,", dead.id)),
        "{says}"
    );
    assert_eq!(count(&docker, &dead.id).await, 1);

    let says = clean(&[]);
    for gone in [&dead, &reused] {
        assert!(
            says.contains(&format!("removed run {}: 1 container,", gone.id)),
            "{says}"
        );
        assert_eq!(count(&docker, &gone.id).await, 0);
    }
    assert!(
        says.contains(&format!("kept run {}: 2 containers,", live.id)),
        "{says}"
    );
    assert_eq!(count(&docker, &live.id).await, 2);
    assert_eq!(count(&docker, &elsewhere.id).await, 1);
    // Not carried out: on a shared engine it would end other people's runs.
    let says = clean(&["--all", "--dry-run"]);
    assert!(
        says.contains(&format!("would remove run {}", live.id)),
        "{says}"
    );
}

/// A container that was created and never started, as a killed run leaves it.
async fn left_by(docker: &Docker, run: &RunId, owner: &RunOwner) {
    let mut labels = owner.to_labels();
    labels.insert(labels::RUN.into(), run.to_string());
    let body = ContainerCreateBody {
        image: Some(DEFAULT_IMAGE.into()),
        labels: Some(labels),
        ..Default::default()
    };
    docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .expect("created");
}

fn clean(arguments: &[&str]) -> String {
    let output = Command::cargo_bin("leakcheck")
        .expect("the program")
        .arg("clean")
        .args(arguments)
        .assert()
        .success();
    String::from_utf8_lossy(&output.get_output().stdout).into_owned()
}

#[tokio::test]
async fn containers_are_attached_to_by_label_and_outlive_it() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let mut fleet = Fleet::generate(2, 0.5, 5.0, 1);
    fleet.containers[1].tty = true;
    let created = create(&docker, &run.id, &fleet, LIFE)
        .await
        .expect("2 containers");

    let attached = attach::labelled(&docker, &run.id.label())
        .await
        .expect("2 containers");
    let ids = |containers: &[RunningContainer]| -> Vec<(String, bool)> {
        containers.iter().map(|c| (c.id.clone(), c.tty)).collect()
    };
    assert_eq!(ids(&attached), ids(&created));
    assert_eq!(attached[1].name, format!("leakcheck-{}-web-01", run.id));
    assert_eq!(count(&docker, &run.id).await, 2);

    let none = attach::labelled(&docker, "leakcheck.run=nobody")
        .await
        .expect_err("none");
    assert_eq!(none.code, ExitCode::Environment);
    assert!(none.to_string().contains("leakcheck.run=nobody"), "{none}");
    let malformed = attach::labelled(&docker, "=x").await.expect_err("no label");
    assert_eq!(malformed.code, ExitCode::Usage);
}

#[tokio::test]
async fn an_engines_own_load_is_known_or_unknown_and_never_0() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let load = engine_load::read(&docker).await.expect("an answer");
    assert!(
        load.goroutines != Some(0) && load.fds != Some(0),
        "{load:?}"
    );
}
