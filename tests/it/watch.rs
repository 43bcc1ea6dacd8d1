//! `leakcheck watch`: a process that runs already, judged by its counts and its signs of life.

use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::peers::Follower;
use crate::common::program::{Program, run};
use crate::common::{leakcheck, poll, report};

fn each(process: &Value, count: &str) -> f64 {
    let rate = &process["rates"][count]["per_rotation_per_container"];
    rate.as_f64()
        .unwrap_or_else(|| panic!("no rate of {count}: {process}"))
}

fn assert_near(measured: f64, expected: f64) {
    assert!(
        (measured - expected).abs() < 0.05,
        "{measured}, not {expected}"
    );
}

#[test]
fn go_a_leaks_three_goroutines_and_one_fd_per_rotation_per_container() {
    let Some(follower) = Follower::start("A", "0s", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let dumps = format!("--dump-dir={}", folder.path().display());
    let ended = follower.watch(&[&dumps, "--for=8s", "--gate", "*.tasks_per_rotation <= 0"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["name"], "follower");
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert_near(each(process, "tasks"), 3.0);
    assert_near(each(process, "fds"), 1.0);
    let sites = process["sites"].as_array().expect("sites");
    let leaked = sites
        .iter()
        .filter(|site| site["leaked"].as_i64() > Some(20));
    let labels: Vec<&str> = leaked.filter_map(|site| site["label"].as_str()).collect();
    for label in [
        "main.readChunks",
        "net/http.(*persistConn).readLoop",
        "net/http.(*persistConn).writeLoop",
    ] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    assert_eq!(labels.len(), 3, "{labels:?}");
    let mechanism = process["trends"]["mechanism"].as_str().expect("known");
    assert!(
        mechanism.starts_with("3 goroutines per connection"),
        "{mechanism}"
    );
    assert_eq!(process["leak_profile"], Value::Null, "this Go serves none");

    let mut kept: Vec<_> = std::fs::read_dir(folder.path())
        .expect("kept")
        .flatten()
        .collect();
    kept.sort_by_key(std::fs::DirEntry::path);
    let (first, last) = (kept[0].path(), kept[kept.len() - 1].path());
    let output = Command::new(leakcheck())
        .arg("dump")
        .args([first, last])
        .output();
    let said = String::from_utf8(output.expect("starts").stdout).expect("text");
    assert!(said.contains("3 goroutines per connection"), "{said}");
}

#[test]
fn go_e_is_clean_with_its_signs_of_life_told() {
    let Some(follower) = Follower::start("E", "0s", &[]) else {
        return;
    };
    let ended = follower.watch(&["--for=8s", "--gate", "*.verdict == clean"]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.stderr, ended.stdout);
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    // A reading in the midst of a rotation moves the slope a little.
    assert_near(each(process, "tasks"), 0.0);
    assert!(
        process["trends"]["replaced"].as_u64() >= Some(20 * 4),
        "{process}"
    );
    assert_eq!(process["hung"]["containers"], 0);
    assert_eq!(process["delivery"]["read"], Value::Null, "nobody can know");
}

#[test]
fn go_d_under_back_pressure_is_hung_whether_it_hangs_already_or_not() {
    let chatty = ["--silent=0", "--lines-per-second=40"];
    let Some(follower) = Follower::start("D", "300ms", &chatty) else {
        return;
    };
    // The second watch finds all of its containers hung from its first reading on.
    for _ in 0..2 {
        let ended = follower.watch(&["--for=7s", "--gate", "*.verdict == clean"]);
        assert_eq!(ended.code, Some(1), "{} {}", ended.stderr, ended.stdout);
        let document = report::of(&ended);
        let process = &document["wirings"][0];
        assert_eq!(process["verdict"], "hung", "{}", process["reason"]);
        let reason = process["reason"].as_str().expect("told");
        assert!(reason.contains("waits for a WaitGroup"), "{reason}");
    }
    // Nor is it clean where no rotation is told: that it answers is no sign of life.
    let pprof = format!("--pprof={}", follower.pprof);
    let pid = format!("--pid={}", follower.child.id());
    let ended = run(&[
        "watch",
        &pprof,
        &pid,
        "--for=3s",
        "--every=100ms",
        "--format=json",
    ]);
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "inconclusive", "{}", process["reason"]);
}

#[test]
fn go_h2_leaks_two_goroutines_and_one_fd_and_its_idle_connections_are_named() {
    let Some(follower) = Follower::start("H2", "0s", &[]) else {
        return;
    };
    let document = report::of(&follower.watch(&["--for=8s"]));
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert_near(each(process, "tasks"), 2.0);
    assert_near(each(process, "fds"), 1.0);
    let sites = process["sites"].as_array().expect("sites");
    let idle = |site: &&Value| {
        let meaning = site["meaning"].as_str().unwrap_or_default();
        meaning.contains("idle in its pool") && site["leaked"].as_i64() > Some(20)
    };
    assert!(sites.iter().any(|site| idle(&site)), "{sites:?}");
    let mechanism = process["trends"]["mechanism"].as_str().expect("known");
    assert!(mechanism.contains("throwaway-client"), "{mechanism}");
}

#[test]
fn go_b_holds_one_blocked_goroutine_and_no_fd_for_each_stream_that_was_rotated_when_full() {
    let chatty = ["--silent=0", "--lines-per-second=40"];
    let Some(follower) = Follower::start("B", "300ms", &chatty) else {
        return;
    };
    let document = report::of(&follower.watch(&["--for=8s"]));
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert!(each(process, "tasks") > 0.5, "{process}");
    assert_near(each(process, "fds"), 0.0);
    assert_eq!(process["sites"][0]["label"], "main.readChunks");
    let mechanism = process["trends"]["mechanism"].as_str().expect("known");
    assert!(
        mechanism.contains("a consumer that has gone"),
        "{mechanism}"
    );
}

#[test]
fn go_a3_the_post_mortems_one_line_still_leaks_its_connections() {
    let Some(follower) = Follower::start("A3", "0s", &[]) else {
        return;
    };
    let document = report::of(&follower.watch(&["--for=8s"]));
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    // A reader that is woken by a line sees that its context has ended; half of them are silent.
    assert_near(each(process, "tasks"), 2.5);
    assert_near(each(process, "fds"), 1.0);
    let mechanism = process["trends"]["mechanism"].as_str().expect("known");
    assert!(mechanism.contains("wiring A3"), "{mechanism}");
}

#[test]
fn go_f_hangs_where_a_container_is_silent_and_leaks_its_connection_where_not() {
    let Some(follower) = Follower::start("F", "0s", &[]) else {
        return;
    };
    let document = report::of(&follower.watch(&["--for=8s"]));
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "hung", "{}", process["reason"]);
    assert_eq!(process["hung"]["containers"], 10, "the silent half");
    assert_near(each(process, "tasks"), 2.0 / 2.0);
    assert_near(each(process, "fds"), 1.0 / 2.0);
    assert_eq!(process["answers"]["liveness"]["verdict"], "hung");
    assert_eq!(process["answers"]["leak"]["verdict"], "leaking");
    // Its read loops stand in select: a body that is not closed, and no idle connection.
    let mechanism = process["trends"]["mechanism"].as_str().expect("known");
    assert!(mechanism.contains("wiring F"), "{mechanism}");
}

#[test]
fn go_i_leaves_a_heartbeat_per_rotation_and_its_ticker_is_named() {
    let Some(follower) = Follower::start("I", "0s", &[]) else {
        return;
    };
    let document = report::of(&follower.watch(&["--for=8s"]));
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert_near(each(process, "tasks"), 1.0);
    assert_near(each(process, "fds"), 0.0);
    let mechanism = process["trends"]["mechanism"].as_str().expect("known");
    assert!(mechanism.contains("wiring I"), "{mechanism}");
}

#[test]
fn go_serves_the_same_goroutines_in_each_form() {
    let Some(follower) = Follower::start("E", "0s", &[]) else {
        return;
    };
    for form in ["", "?debug=1", "?debug=2"] {
        let url = format!("{}/debug/pprof/goroutine{form}", follower.pprof);
        let output = Command::new(leakcheck())
            .args(["dump", &url, "--format=json"])
            .output();
        let output = output.expect("starts");
        let dump: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        assert_eq!(dump["errors"], serde_json::json!([]));
        let groups = dump["groups"].as_array().expect("groups");
        let at = |func: &str| {
            let has = |group: &&Value| group["stack"].to_string().contains(func);
            let counts = groups
                .iter()
                .filter(has)
                .filter_map(|group| group["count"].as_u64());
            counts.sum::<u64>()
        };
        let counts = ["main.heartbeat", "readLoop", "writeLoop"].map(at);
        assert_eq!(counts[0], 20, "{form}: {groups:?}");
        // A moment of a rotation has a few connections more or less.
        assert!(
            counts[1].abs_diff(20) <= 20 && counts[1].abs_diff(counts[2]) <= 20,
            "{counts:?}"
        );
    }
}

#[test]
fn a_process_that_ends_is_said_to_have_ended_and_one_that_is_not_there_is_refused() {
    let mut sleeping = Command::new("sleep").arg("1").spawn().expect("starts");
    let reaper = std::thread::spawn({
        let pid = format!("--pid={}", sleeping.id());
        move || run(&["watch", &pid, "--for=30s", "--every=100ms", "--format=json"])
    });
    sleeping.wait().expect("ends");
    let ended = reaper.join().expect("watched");
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let document = report::of(&ended);
    assert_eq!(document["partial"], true);
    let reason = document["wirings"][0]["reason"].as_str().expect("told");
    assert!(reason.contains("the process ended after"), "{reason}");

    let gone = run(&["watch", "--pid", &sleeping.id().to_string()]);
    assert_eq!(gone.code, Some(4), "{gone:?}");
    assert!(gone.stderr.contains("there is no such process"), "{gone:?}");
}

#[test]
fn ctrl_c_ends_a_watch_with_a_partial_report() {
    let pid = format!("--pid={}", std::process::id());
    let mut program = Program::start(&["watch", &pid, "--every=50ms", "--format=json"]);
    poll("its handler", || {
        program.handles(Signal::SIGINT).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(report::of(&ended)["partial"], true);
}

#[test]
fn flags_that_leave_nothing_to_measure_are_refused_by_name() {
    for (flags, said) in [
        (&["--for=8s"][..], "--pid"),
        (&["--pid=1", "--containers=5"], "--rotation"),
        (&["--pid=1", "--rotation=1s", "--every=1s"], "--every 1s"),
        (&["--pid=1", "--for=1s", "--every=1s"], "--for 1s"),
        (&["0"], "0 is no process's number"),
        (&["1", "--pid=2"], "--pid 2"),
        (&["--pprof=ftp://x"], "neither http:// nor https://"),
        (&["--pid=1", "--dump-dir=x"], "--pprof"),
    ] {
        let mut all = vec!["watch"];
        all.extend(flags);
        let ended = run(&all);
        assert_eq!(ended.code, Some(2), "{flags:?}: {ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
}
