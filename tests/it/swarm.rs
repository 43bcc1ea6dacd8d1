//! Containers on several engines, and those that a swarm places: a row for each host, the same figures,
//! and nothing left.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::poll;
use crate::common::program::{Ended, Program, run};
use crate::common::report::{self, count, poll_exported, rates, text, wiring, wirings};
use crate::common::swarm::{AGENTS, Swarm};

/// A run in the swarm, its report on standard output.
fn flags(swarm: &Swarm, rotations: u32, more: &[&str]) -> Vec<String> {
    let manager = swarm.engine(1);
    let own = [
        "run",
        "--engine=swarm",
        "--host",
        &manager,
        "--containers=8",
        "--rotation=1s",
        "--rotations",
        &rotations.to_string(),
        "--silent=0.25",
        "--format=json",
    ];
    own.iter()
        .chain(more)
        .map(|flag| (*flag).to_owned())
        .collect()
}

fn start(swarm: &Swarm, rotations: u32, export: &Path, more: &[&str]) -> Program {
    let mut flags = flags(swarm, rotations, more);
    flags.push(format!("--export=json={}", export.display()));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Program::start(&flags)
}

fn run_in(swarm: &Swarm, rotations: u32, more: &[&str]) -> Ended {
    let flags = flags(swarm, rotations, more);
    run(&flags.iter().map(String::as_str).collect::<Vec<_>>())
}

fn export() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("x.json");
    (folder, path)
}

fn hosts(wiring: &Value) -> &[Value] {
    wiring["hosts"].as_array().expect("rows of hosts")
}

/// The incident's figures, in total and on each of so many hosts, whose counts add up to the total.
fn assert_incident(report: &Value, hosts_with: u64) {
    assert_eq!(report["partial"], false, "{report}");
    for (name, verdict, expected) in [
        ("old", "leaking", (2.0, 1.0)),
        ("fixed", "clean", (0.0, 0.0)),
    ] {
        let wiring = wiring(report, name);
        assert_eq!(wiring["verdict"], verdict, "{wiring}");
        assert_eq!(rates(wiring), expected);
        assert_eq!(count(&wiring["delivery"]["lost"]), 0);
        assert_eq!(hosts(wiring).len() as u64, hosts_with);
        for host in hosts(wiring) {
            assert_eq!(
                (&host["verdict"], rates(host)),
                (&Value::from(verdict), expected)
            );
        }
        for when in ["baseline", "final"] {
            for of in ["tasks", "fds"] {
                let all: u64 = hosts(wiring)
                    .iter()
                    .map(|host| count(&host[when][of]))
                    .sum();
                assert_eq!(all, count(&wiring[when][of]), "{when} {of}");
            }
        }
        let containers: u64 = hosts(wiring)
            .iter()
            .map(|host| count(&host["containers"]))
            .sum();
        assert_eq!(containers, count(&report["config"]["containers"]));
    }
}

#[test]
fn through_a_manager_each_node_has_a_row_and_two_plain_engines_have_one_each() {
    let Some(swarm) = Swarm::start_or_skip(&[]) else {
        return;
    };
    let ended = run_in(&swarm, 3, &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let of_swarm = report::of(&ended);
    assert_incident(&of_swarm, 2);
    assert_eq!(of_swarm["config"]["engine"], "swarm");
    swarm.assert_empty(&[1, 2]);

    // The nodes' engines by themselves.
    let (one, two) = (swarm.engine(1), swarm.engine(2));
    let plain = ["run", "--engine=docker", "--host", &one, "--host", &two];
    let more = [
        "--containers=5",
        "--rotation=1s",
        "--rotations=3",
        "--format=json",
    ];
    let ended = run(&[plain.as_slice(), &more].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let of_engines = report::of(&ended);
    assert_incident(&of_engines, 2);
    let rows = hosts(wiring(&of_engines, "old"));
    let names: Vec<&str> = rows.iter().map(|host| text(&host["host"])).collect();
    assert_eq!(names, [&one, &two]);
    swarm.assert_empty(&[1, 2]);
}

#[test]
fn a_container_that_the_swarm_replaces_is_churn_and_what_a_killed_run_leaves_is_removed() {
    let Some(swarm) = Swarm::start_or_skip(&[]) else {
        return;
    };
    let (_folder, path) = export();
    let mut program = start(&swarm, 9, &path, &["--quiet"]);
    poll_exported(&path, 2);
    let container = swarm.docker(2, &["ps", "-q"]);
    let container = container.lines().next().expect("a container of node 2");
    swarm.docker(2, &["kill", container]);
    let ended = program.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let replaced = report::of(&ended);
    for (name, verdict, expected) in [
        ("old", "leaking", (2.0, 1.0)),
        ("fixed", "clean", (0.0, 0.0)),
    ] {
        let wiring = wiring(&replaced, name);
        assert_eq!(
            (&wiring["verdict"], rates(wiring)),
            (&Value::from(verdict), expected)
        );
        assert_eq!(count(&wiring["churn"]["replaced"]), 1, "{wiring}");
        assert_eq!(count(&wiring["rotations"]["missed"]), 0);
        assert_eq!(count(&wiring["delivery"]["lost"]), 0);
    }
    swarm.assert_empty(&[1, 2]);

    let (_folder, path) = export();
    let mut killed = start(&swarm, 60, &path, &["--quiet"]);
    poll_exported(&path, 0);
    killed.send(Signal::SIGKILL);
    killed.wait();
    let manager = swarm.engine(1);
    // The containers on a worker are the swarm's: to remove one there would start another.
    let on_a_worker = run(&["clean", "--host", &swarm.engine(2)]);
    assert!(
        on_a_worker.stdout.contains("at a manager only"),
        "{on_a_worker:?}"
    );
    let cleaned = run(&["clean", "--host", &manager]);
    assert!(
        cleaned
            .stdout
            .contains("8 containers of the swarm's services"),
        "{cleaned:?}"
    );
    swarm.assert_empty(&[1, 2]);
}

#[test]
fn an_engine_that_is_killed_ends_the_run_and_what_was_measured_until_then_stays() {
    let Some(swarm) = Swarm::start_or_skip(&[]) else {
        return;
    };
    let (_folder, path) = export();
    let mut program = start(&swarm, 60, &path, &["--quiet"]);
    poll_exported(&path, 2);
    swarm.kill(2);
    let ended = program.wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let report = report::of(&ended);
    assert_eq!(report["partial"], true);
    for wiring in wirings(&report) {
        assert!(
            text(&wiring["cut_short"]).contains("out of reach"),
            "{wiring}"
        );
        assert_ne!(wiring["verdict"], "clean");
        assert!(count(&wiring["rotations"]["made"]) >= 2);
        let lost = hosts(wiring)
            .iter()
            .filter(|host| !host["cut_short"].is_null());
        assert_eq!(lost.count(), 1, "{wiring}");
    }
    assert_eq!(rates(wiring(&report, "old")), (2.0, 1.0));
    assert_eq!(rates(wiring(&report, "fixed")), (0.0, 0.0));
    swarm.assert_empty(&[1]);
}

#[test]
fn agents_measure_on_their_own_nodes_and_one_that_dies_is_missed_and_not_waited_for() {
    let Some(swarm) = Swarm::start_or_skip(&[AGENTS]) else {
        return;
    };
    let ended = run_in(&swarm, 3, &["--agents", "--quiet"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let of_agents = report::of(&ended);
    assert_incident(&of_agents, 2);
    assert_eq!(of_agents["config"]["agents"], true);
    swarm.assert_empty(&[1, 2]);

    let agents = |node| {
        let running = ["ps", "-q", "--filter", "label=leakcheck.agent-of"];
        swarm.docker(node, &running).lines().count()
    };
    let (_folder, path) = export();
    let mut interrupted = start(&swarm, 60, &path, &["--agents", "--quiet"]);
    poll("both agents", || (agents(1) + agents(2) == 2).then_some(()));
    interrupted.send(Signal::SIGINT);
    let ended = interrupted.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(report::of(&ended)["partial"], true);
    swarm.assert_empty(&[1, 2]);

    let (_folder, path) = export();
    let mut program = start(&swarm, 8, &path, &["--agents", "--quiet"]);
    poll("both agents", || (agents(1) + agents(2) == 2).then_some(()));
    swarm.kill(2);
    let ended = program.wait_for_minutes();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let report = report::of(&ended);
    assert_eq!(report["partial"], true);
    let fixed = wiring(&report, "fixed");
    assert_eq!(fixed["verdict"], "inconclusive", "{fixed}");
    let missing: Vec<&Value> = hosts(fixed)
        .iter()
        .filter(|host| host["final"].is_null())
        .collect();
    assert_eq!(missing.len(), 1, "{fixed}");
    assert!(
        text(&missing[0]["cut_short"]).contains("the node is down"),
        "{fixed}"
    );
    assert_eq!(rates(wiring(&report, "old")), (2.0, 1.0));
    swarm.assert_empty(&[1]);
}
