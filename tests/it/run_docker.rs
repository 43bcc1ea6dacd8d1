//! `leakcheck run` on real containers: the same figures, and none of ours left afterwards.

use std::collections::HashMap;

use ::leakcheck::internals::docker::image::DEFAULT_IMAGE;
use ::leakcheck::internals::docker::labels;
use ::leakcheck::internals::docker::run_owner::RunOwner;
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, ListContainersOptionsBuilder};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::common::program::{self, Program};
use crate::common::real_docker::{TestRun, engine_or_skip, only_one_cleans};
use crate::common::report::{self, count, poll_exported, rates, samples, wiring, wirings};

const CONTAINERS: u64 = 6;

/// A run on real containers, its report exported to `folder`.
fn start(rotations: &str, folder: &tempfile::TempDir) -> Program {
    Program::start(&[
        "run",
        "--engine=docker",
        "--containers=6",
        "--rotation=1s",
        "--format=json",
        "--rotations",
        rotations,
        &format!("--export=json={}", folder.path().join("x.json").display()),
    ])
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// The names of the containers that carry a label, whatever state they are in.
async fn labelled(docker: &Docker, label: &str) -> Vec<String> {
    let filters = HashMap::from([("label".to_owned(), vec![label.to_owned()])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters)
        .build();
    let list = docker.list_containers(Some(options)).await.expect("a list");
    let name = |container: bollard::models::ContainerSummary| container.names?.pop();
    list.into_iter().filter_map(name).collect()
}

/// The containers that a run has created.
async fn created_by(docker: &Docker, program: &Program) -> Vec<String> {
    labelled(docker, &format!("{}={}", labels::PID, program.pid())).await
}

#[tokio::test]
async fn real_containers_give_the_same_figures_and_are_removed() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let folder = folder();
    let mut program = start("3", &folder);
    poll_exported(&folder.path().join("x.json"), 1);
    let created = created_by(&docker, &program).await;
    assert_eq!(created.len() as u64, CONTAINERS, "{created:?}");
    let ended = program.wait();

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = report::of(&ended);
    assert_eq!(report["config"]["engine"], "docker");
    assert_eq!(report["config"]["clock"], "real");
    let (old, fixed) = (wiring(&report, "old"), wiring(&report, "fixed"));
    assert_eq!(
        (old["verdict"].as_str(), rates(old)),
        (Some("leaking"), (2.0, 1.0))
    );
    assert_eq!(
        (fixed["verdict"].as_str(), rates(fixed)),
        (Some("clean"), (0.0, 0.0)),
        "{}",
        fixed["reason"]
    );
    assert_eq!(fixed["baseline"], fixed["final"]);
    for wiring in wirings(&report) {
        assert_eq!(
            wiring["rotations"],
            json!({"due": 3, "made": 3, "missed": 0, "sufficed": null})
        );
        assert!(count(&wiring["delivery"]["emitted"]) > 0);
        assert_eq!(wiring["delivery"]["lost"], 0, "{}", wiring["delivery"]);
        assert_eq!(
            wiring["delivery"]["duplicated"], 0,
            "{}",
            wiring["delivery"]
        );
        // One engine served both, so that its figures are of both together.
        assert_eq!(wiring["engine_side"]["shared"], true);
        assert_ne!(
            wiring["engine_side"]["goroutines_baseline"], 0,
            "unknown, or some"
        );
    }
    assert_eq!(created_by(&docker, &program).await, [""; 0]);
}

#[tokio::test]
async fn an_interrupted_run_removes_its_containers() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = folder();
        let mut program = start("1000", &folder);
        poll_exported(&folder.path().join("x.json"), 1);
        program.send(signal);
        let ended = program.wait();

        assert_eq!(ended.code, Some(130), "{ended:?}");
        let report = report::of(&ended);
        assert_eq!(report["partial"], true);
        assert_eq!(wiring(&report, "old")["verdict"], "leaking");
        assert_eq!(wiring(&report, "fixed")["verdict"], "inconclusive");
        assert_eq!(created_by(&docker, &program).await, [""; 0], "{signal}");
    }
}

#[tokio::test]
async fn a_run_that_is_interrupted_while_it_creates_removes_what_it_has_created() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let folder = folder();
    let mut program = start("1000", &folder);
    let mut created = Vec::new();
    while created.is_empty() {
        assert!(!program.has_ended(), "{}", program.said("stderr"));
        created = created_by(&docker, &program).await;
    }
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(created_by(&docker, &program).await, [""; 0]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_killed_run_leaves_is_removed_by_clean() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let _alone = only_one_cleans().await;
    let folder = folder();
    let mut program = start("1000", &folder);
    poll_exported(&folder.path().join("x.json"), 0);
    program.send(Signal::SIGKILL);
    program.wait();
    crate::common::poll("its workers gone", || {
        program.processes().is_empty().then_some(())
    });
    let left = created_by(&docker, &program).await;
    assert_eq!(left.len() as u64, CONTAINERS, "{left:?}");

    let cleaned = program::run(&["clean"]);
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    let of_ours = |line: &&str| line.contains(&format!("by process {} ", program.pid()));
    let line = cleaned.stdout.lines().find(of_ours);
    let line = line.unwrap_or_else(|| panic!("{cleaned:?}"));
    assert!(
        line.starts_with("removed run") && line.contains("6 containers"),
        "{line}"
    );
    assert_eq!(created_by(&docker, &program).await, [""; 0]);
}

/// A container that is none of ours, printing lines without our numbers.
async fn start_foreign(docker: &Docker, run: &TestRun, label: &str) -> String {
    let script = "i=0; while [ $i -lt 1200 ]; do echo hello $i; i=$((i+1)); sleep 0.1; done";
    // By these the test's own cleaning finds it, and `leakcheck clean` leaves it alone.
    let mut labels = RunOwner::this_process().to_labels();
    labels.insert(labels::RUN.into(), run.id.to_string());
    labels.insert(label.into(), "yes".into());
    let body = ContainerCreateBody {
        image: Some(DEFAULT_IMAGE.into()),
        entrypoint: Some(["sh", "-c", script].map(str::to_owned).into()),
        labels: Some(labels),
        network_disabled: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            auto_remove: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let created = docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .expect("created");
    docker
        .start_container(&created.id, None)
        .await
        .expect("started");
    created.id
}

#[tokio::test]
async fn attached_containers_are_followed_and_left_running() {
    let Some(docker) = engine_or_skip().await else {
        return;
    };
    let run = TestRun::new(&docker);
    let label = format!("leakcheck-test-{}", run.id);
    let ids = [
        start_foreign(&docker, &run, &label).await,
        start_foreign(&docker, &run, &label).await,
    ];
    attach_and_check("1", &label);
    // There are no more shards than containers.
    attach_and_check("9", &label);
    for id in ids {
        let state = docker.inspect_container(&id, None).await.expect("there");
        assert_eq!(state.state.and_then(|state| state.running), Some(true));
    }
}

fn attach_and_check(shards: &str, label: &str) {
    let ended = program::run(&[
        "run",
        "--engine=docker",
        "--attach",
        label,
        "--shards",
        shards,
        "--rotation=1s",
        "--rotations=2",
        "--format=json",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = report::of(&ended);
    assert_eq!(report["config"]["containers"], 2);
    let shards = shards.parse::<u64>().expect("a number").min(2);
    assert_eq!(report["config"]["shards"], shards);
    assert_eq!(report["config"]["lines_per_second"], Value::Null, "unknown");
    let (old, fixed) = (wiring(&report, "old"), wiring(&report, "fixed"));
    assert_eq!(
        (old["verdict"].as_str(), rates(old)),
        (Some("leaking"), (2.0, 1.0))
    );
    assert_eq!(rates(fixed), (0.0, 0.0), "{fixed}");
    // Nobody knows how chatty they are, and what their lines say is compared with the engine's log.
    assert_eq!(
        old["predicted"]["tasks_per_rotation_per_container"],
        Value::Null
    );
    for wiring in wirings(&report) {
        let delivery = &wiring["delivery"];
        assert!(count(&delivery["read"]) > 0, "{delivery}");
        assert_eq!(delivery["read"], delivery["emitted"]);
        assert_eq!(
            (&delivery["lost"], &delivery["duplicated"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(samples(wiring).len(), 3);
    }
}

#[tokio::test]
async fn an_image_that_is_missing_names_the_script_that_makes_one() {
    if engine_or_skip().await.is_none() {
        return;
    }
    // Nobody listens on port 1: a registry that is not there.
    let ended = program::run(&["run", "--engine=docker", "--image=127.0.0.1:1/nothing:here"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(4), ""), "{ended:?}");
    assert!(ended.stderr.contains("scripts/import-busybox"), "{ended:?}");
}
