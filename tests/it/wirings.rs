//! Every wiring of the catalogue does what the closed form says that it does.

use ::leakcheck::internals::wirings;
use serde_json::{Value, json};

use crate::common::program;
use crate::common::report::{self, count, rates, samples, text, wiring, wirings};

/// What leaks by forgetting its streams.
const FORGETFUL: [&str; 8] = [
    "old",
    "line-fix",
    "cancel-on-return",
    "wait-dropped",
    "buffer-100",
    "cancellable-read",
    "close-after-loop",
    "close-on-engine-end",
];
/// What leaks by something beside its streams.
const BESIDES: [&str; 6] = [
    "drain",
    "hook-on-app",
    "unbuffered-last-word",
    "untracked-heartbeat",
    "throwaway-client",
    "old-throwaway-client",
];
/// What waits for what never comes.
const WAITING: [&str; 5] = [
    "wait-close",
    "wait-only",
    "fixed-drain",
    "shared-wait",
    "close-between-reads",
];
/// What leaks nothing under a consumer that keeps up, with containers that run on.
const CLEAN: [&str; 17] = [
    "complete-fix",
    "fixed",
    "close",
    "request-on-stream",
    "close-wait",
    "request-on-stream-close-wait",
    "cancel-close-wait",
    "throwaway-client-closed",
    "wait-limit",
    "drop-when-full",
    "blocking-send",
    "close-wait-100",
    "close-blocking-send",
    "tell-reader",
    "heartbeat-left",
    "client-per-start",
    "client-per-start-closed",
];
/// What goes by a clock beside the rotation's.
const BY_THE_CLOCK: [&str; 4] = [
    "health-check-throwaway",
    "health-check-pool",
    "health-check-shared",
    "throwaway-client-timeout",
];
/// What shows under conditions of its own.
const OF_THEIR_OWN: [&str; 4] = [
    "nested-read",
    "stream-limit",
    "resume-from-read",
    "smallest-leak",
];

fn run(wirings: &[&str], flags: &[&str]) -> Value {
    let mut all = vec!["run", "--format=json"];
    all.extend(flags);
    for wiring in wirings {
        all.extend(["--wiring", wiring]);
    }
    let ended = program::run(&all);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = report::of(&ended);
    let run: Vec<_> = report::wirings(&report).iter().map(name).collect();
    assert_eq!(run, wirings, "in the order of the flags");
    report
}

fn name(wiring: &Value) -> &str {
    text(&wiring["name"])
}

/// Holds every wiring's measurement to its prediction.
fn assert_as_predicted(report: &Value) {
    for wiring in wirings(report) {
        let (name, predicted) = (name(wiring), &wiring["predicted"]);
        let context = format!("{name}: {}; predicted {predicted}", text(&wiring["reason"]));
        assert_eq!(
            wiring["hung"]["containers"], predicted["containers_hung"],
            "{context}"
        );
        let left = |of: &str| predicted[format!("{of}_per_rotation_per_container")].as_f64();
        let verdict = match (count(&predicted["containers_hung"]), left("tasks")) {
            (0, Some(0.0)) => "clean",
            (0, Some(_)) => "leaking",
            (0, None) => panic!("nothing is predicted: {context}"),
            _ => "hung",
        };
        assert_eq!(wiring["verdict"], verdict, "{context}");
        if let (Some(tasks), Some(fds)) = (left("tasks"), left("fds")) {
            assert_eq!(rates(wiring), (tasks, fds), "{context}");
        }
    }
}

const SMALL: [&str; 2] = ["--containers=6", "--rotations=3"];

#[test]
fn wirings_that_forget_their_streams_leak_what_was_predicted() {
    let report = run(&FORGETFUL, &SMALL);
    assert_as_predicted(&report);
    assert_eq!(rates(wiring(&report, "line-fix")), (1.5, 1.0));
    assert_eq!(rates(wiring(&report, "cancellable-read")), (1.0, 1.0));
}

#[test]
fn wirings_that_leak_beside_their_streams_leak_what_was_predicted() {
    let report = run(&BESIDES, &SMALL);
    assert_as_predicted(&report);
    assert_eq!(rates(wiring(&report, "untracked-heartbeat")), (1.0, 0.0));
    // Only what a throwaway client keeps open survives the end of the monitor.
    for one in wirings(&report) {
        let outlives = name(one).contains("throwaway-client");
        let left = count(&one["after_shutdown"]["tasks"]);
        assert_eq!(left > 0, outlives, "{}: {left} tasks", name(one));
    }
    // One idle connection per stream that was opened, each a task and a file descriptor.
    let throwaway = wiring(&report, "throwaway-client");
    let streams = count(&samples(throwaway)[3]["streams_opened"]);
    assert_eq!(throwaway["after_shutdown"]["tasks"], streams);
}

#[test]
fn wirings_that_wait_for_what_never_comes_hang_where_it_was_predicted() {
    let report = run(&WAITING, &SMALL);
    assert_as_predicted(&report);
    for one in wirings(&report) {
        let places = one["hung"]["where"].as_array().expect("places");
        let containers: u64 = places.iter().map(|place| count(&place["containers"])).sum();
        assert_eq!(one["hung"]["containers"], containers, "{}", name(one));
        assert_eq!(one["rotations"]["made"], 0, "{}", name(one));
    }
    let frozen = wiring(&report, "shared-wait");
    assert!(
        text(&frozen["hung"]["where"][0]["place"]).contains("heartbeat"),
        "{frozen}"
    );
    // The original team's success: every stream had frozen, and fewer tasks were left.
    assert!(count(&frozen["final"]["tasks"]) < count(&frozen["baseline"]["tasks"]));
}

#[test]
fn wirings_that_end_their_connections_are_clean() {
    assert_as_predicted(&run(&CLEAN, &SMALL));
}

#[test]
fn what_leaks_by_a_clock_of_its_own_leaks_by_that_clock() {
    // A health check every 30 s, twice per rotation: a second apart in wall time.
    let report = run(
        &BY_THE_CLOCK,
        &[
            "--containers=6",
            "--rotations=2",
            "--rotation=60s",
            "--time-scale=30",
        ],
    );
    assert_as_predicted(&report);
    let throwaway = wiring(&report, "health-check-throwaway");
    assert_eq!(rates(throwaway), (2.0, 2.0));
    assert!(count(&throwaway["after_shutdown"]["tasks"]) > 0);
}

#[test]
fn one_task_in_each_rotation_of_one_container_is_a_leak() {
    let report = run(&["smallest-leak"], &["--containers=10", "--rotations=3"]);
    let leak = &wirings(&report)[0];
    assert_eq!(leak["verdict"], "leaking", "{}", leak["reason"]);
    assert_eq!(leak["rates"]["tasks"]["per_rotation"], 1.0);
    assert_eq!(rates(leak), (0.1, 0.0));
}

#[test]
fn a_pool_that_is_large_enough_throws_no_client_away() {
    let report = run(&["health-check-pool"], &["--containers=4", "--rotations=2"]);
    assert_as_predicted(&report);
    assert_eq!(wirings(&report)[0]["verdict"], "clean");
}

#[test]
fn reads_that_were_given_up_stay_with_their_stream() {
    // A read is waited for 30 s, twice and a half per rotation: on a busy machine, wall time may miss one.
    let flags = [
        "--containers=6",
        "--rotations=2",
        "--rotation=75s",
        "--clock=virtual",
    ];
    let report = run(&["nested-read"], &flags);
    assert_as_predicted(&report);
    let sites = wirings(&report)[0]["sites"].as_array().expect("sites");
    let left = |label: &str| {
        let site = sites.iter().find(|site| site["label"] == label);
        count(&site.expect("a site")["leaked"])
    };
    // Of three silent containers, two reads each that were given up and one that was waited for.
    assert_eq!((left("nested read"), left("connection driver")), (18, 12));
}

#[test]
fn containers_beyond_the_limit_of_a_wiring_hang_and_say_so() {
    let flags = ["--containers=52", "--rotations=1", "--silent=0.9"];
    let report = run(&["stream-limit"], &flags);
    assert_as_predicted(&report);
    let limited = &wirings(&report)[0];
    assert_eq!(limited["hung"]["containers"], 2);
    let place = &limited["hung"]["where"][0];
    assert!(
        text(&place["place"]).contains("waiting for room"),
        "{place}"
    );
    assert!(count(&place["longest_ms"]) > 500, "{place}");
    assert!(count(&limited["stream_errors"]["count"]) > 0);
}

#[test]
fn containers_that_start_again_leave_what_the_wiring_forgets_at_their_end() {
    let report = run(
        &["fixed", "client-per-start", "heartbeat-left", "tell-reader"],
        &["--containers=6", "--rotations=3", "--restart=5m"],
    );
    let verdict = |name| text(&wiring(&report, name)["verdict"]);
    assert_eq!(
        verdict("fixed"),
        "clean",
        "{}",
        wiring(&report, "fixed")["reason"]
    );
    let (tasks, fds) = rates(wiring(&report, "client-per-start"));
    assert!(
        (0.5..2.0).contains(&tasks),
        "about one per rotation: {tasks}"
    );
    assert_eq!(tasks, fds);
    let (tasks, fds) = rates(wiring(&report, "heartbeat-left"));
    assert!(
        (0.5..2.0).contains(&tasks),
        "about one per rotation: {tasks}"
    );
    assert_eq!(fds, 0.0);
    let told = wiring(&report, "tell-reader");
    let place = text(&told["hung"]["where"][0]["place"]);
    assert!(place.contains("the reader is gone"), "{place}");
}

#[test]
fn what_a_reader_had_read_is_lost_where_the_next_stream_resumes_behind_it() {
    let flags = [
        "--containers=6",
        "--rotations=3",
        "--silent=0",
        "--consumer-delay=300ms",
        "--lines-per-second=40",
    ];
    let report = run(&["resume-from-read", "close-blocking-send"], &flags);
    let starved = wiring(&report, "resume-from-read");
    assert_eq!(starved["verdict"], "starved", "{}", starved["reason"]);
    assert!(count(&starved["delivery"]["lost"]) > 0);
    let stuck = &wiring(&report, "close-blocking-send")["forgotten_readers"];
    assert!(
        text(&stuck[0]["place"]).contains("sending into a full channel"),
        "{stuck}"
    );
}

#[test]
fn no_wiring_of_the_catalogue_is_left_out_here() {
    let mut tested = [
        &FORGETFUL[..],
        &BESIDES,
        &WAITING,
        &CLEAN,
        &BY_THE_CLOCK,
        &OF_THEIR_OWN,
    ]
    .concat();
    tested.sort_unstable();
    let all = wirings::all();
    let mut all: Vec<_> = all.iter().map(|wiring| wiring.name.as_str()).collect();
    all.sort_unstable();
    assert_eq!(tested, all);
}

#[test]
fn a_slow_consumer_hangs_the_wirings_that_wait_for_a_reader_nobody_cancels() {
    let report = run(
        &[
            "close-wait",
            "request-on-stream-close-wait",
            "cancel-close-wait",
            "fixed",
            "drop-when-full",
        ],
        &[
            "--containers=6",
            "--rotations=5",
            "--silent=0",
            "--consumer-delay=300ms",
            "--lines-per-second=40",
        ],
    );
    for name in ["close-wait", "request-on-stream-close-wait"] {
        let hung = wiring(&report, name);
        assert_eq!(hung["verdict"], "hung", "{name}: {}", hung["reason"]);
        let place = text(&hung["hung"]["where"][0]["place"]);
        assert!(place.contains("sending into a full channel"), "{place}");
        // An alarm on growth would see an improvement.
        for of in ["tasks", "fds"] {
            assert!(
                count(&hung["final"][of]) < count(&hung["baseline"][of]),
                "{name}: {of}: {} -> {}",
                hung["baseline"],
                hung["final"]
            );
        }
    }
    for name in ["cancel-close-wait", "fixed"] {
        let clean = wiring(&report, name);
        assert_eq!(clean["verdict"], "clean", "{name}: {}", clean["reason"]);
        assert_eq!(clean["delivery"]["lost"], 0);
    }
    let starved = wiring(&report, "drop-when-full");
    assert_eq!(starved["verdict"], "starved", "{}", starved["reason"]);
    assert!(count(&starved["delivery"]["lost"]) > 0);
    for wiring in wirings(&report) {
        let unknown = json!({
            "tasks_per_rotation_per_container": null,
            "fds_per_rotation_per_container": null,
            "containers_hung": null,
        });
        assert_eq!(wiring["predicted"], unknown, "a matter of timing");
    }
}

#[test]
fn a_letter_of_the_reference_table_names_its_wiring() {
    let ended = program::run(&[
        "run",
        "--format=json",
        "--containers=2",
        "--rotations=1",
        "--time-scale=1000",
        "--wiring=A3",
        "--wiring=I",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let report = report::of(&ended);
    let names: Vec<_> = wirings(&report).iter().map(name).collect();
    assert_eq!(names, ["line-fix", "untracked-heartbeat"]);
    assert_eq!(wirings(&report)[0]["go_reference"]["row"], "A3");
}

#[test]
fn the_list_of_wirings_has_each_name_with_its_letter() {
    let listed = program::run(&["wirings"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    for wiring in wirings::all() {
        let named = match wiring.letter {
            Some(letter) => format!("{} ({letter})", wiring.name),
            None => wiring.name,
        };
        let names = |line: &str| line == named || line.starts_with(&format!("{named} "));
        assert!(listed.stdout.lines().any(names), "{named}");
    }
    // Readable in the narrowest terminal there is.
    for line in listed.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(listed.stdout);
}

#[test]
fn one_wiring_is_shown_whole_by_its_name_or_its_letter() {
    let (by_name, by_letter) = (
        program::run(&["wirings", "line-fix"]),
        program::run(&["wirings", "A3"]),
    );
    assert_eq!(by_name.stdout, by_letter.stdout);
    let choices: Value = serde_json::from_str(&by_name.stdout).expect("JSON");
    assert_eq!(choices["reader_parent"], "stream");
    assert_eq!(choices["request"], "app");
}
