//! Claims put to the test, and the scenarios that they are made of.

use std::path::Path;
use std::sync::LazyLock;

use leakcheck_report::model::schema::Document;
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::only_one_is_busy;
use crate::common::program::{self, Ended, Program};
use crate::common::real_docker::engine_or_skip;
use crate::common::report::{self, count, text, wiring};

/// What becomes of every claim of the library, in its order.
const EXPECTED: [(&str, &str); 36] = [
    ("context-race", "refuted"),
    ("rotation-contention", "refuted"),
    ("blocked-channel", "refuted"),
    ("wrong-parent", "refuted"),
    ("wrong-parent-hang", "confirmed"),
    ("full-channel", "refuted"),
    ("drop-when-full", "partly"),
    ("hidden-goroutines", "confirmed"),
    ("ticker-leak", "refuted"),
    ("line-fix", "partly"),
    ("buffer-100", "refuted"),
    ("fix-with-drain", "confirmed"),
    ("drain-without-close", "refuted"),
    ("full-fix", "confirmed"),
    ("frozen-success", "refuted"),
    ("wait-before-close", "refuted"),
    ("own-wait-group", "confirmed"),
    ("nested-read", "refuted"),
    ("close-after-loop", "partly"),
    ("close-skipped", "refuted"),
    ("no-wait", "confirmed"),
    ("untracked-heartbeat", "confirmed"),
    ("client-per-rotation", "confirmed"),
    ("stream-limit", "refuted"),
    ("health-check-client", "confirmed"),
    ("shared-client", "confirmed"),
    ("short-lived-containers", "confirmed"),
    ("mutex-across-read", "refuted"),
    ("silent-stream", "refuted"),
    ("moby-37391", "refuted"),
    ("moby-51801", "refuted"),
    ("argo-cd-27243", "refuted"),
    ("testcontainers-1407", "refuted"),
    ("testcontainers-3660", "refuted"),
    ("loki-9495", "confirmed"),
    ("bollard-251", "confirmed"),
];

/// The audit of the whole library, with what it exported.
struct Whole {
    audit: Value,
    markdown: String,
    csv: String,
}

static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory");
    let (markdown, csv) = (folder.path().join("x.md"), folder.path().join("x.csv"));
    let _busy = only_one_is_busy();
    let ended = program::run_for_minutes(&[
        "audit",
        "--format=json",
        &format!("--export=markdown={}", markdown.display()),
        &format!("--export=csv={}", csv.display()),
    ]);
    let read = |path: &Path| std::fs::read_to_string(path).expect("exported");
    Whole {
        audit: audit_of(&ended, 0),
        markdown: read(&markdown),
        csv: read(&csv),
    }
});

fn audit_of(ended: &Ended, code: i32) -> Value {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let audit = serde_json::from_str(&ended.stdout).expect("one JSON document");
    report::assert_valid(&audit, Document::Audit);
    audit
}

/// The audit of a scenario of one's own.
fn audit_of_scenario(name: &str, text: &str, code: i32) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(format!("{name}.toml"));
    std::fs::write(&path, text).expect("writable");
    let path = path.to_str().expect("UTF-8");
    audit_of(&program::run(&["audit", "--format=json", path]), code)
}

fn claims(audit: &Value) -> &[Value] {
    audit["claims"].as_array().expect("claims")
}

fn verdicts(audit: &Value) -> Vec<(&str, &str)> {
    claims(audit)
        .iter()
        .map(|claim| (text(&claim["scenario"]), text(&claim["verdict"])))
        .collect()
}

/// A claim of the whole audit.
fn claim(scenario: &str) -> &'static Value {
    let mut claims = claims(&WHOLE.audit).iter();
    claims
        .find(|claim| claim["scenario"] == scenario)
        .expect("a claim of the library")
}

/// What the whole audit measured of a wiring.
fn measured(scenario: &str, name: &str) -> &'static Value {
    wiring(&claim(scenario)["report"], name)
}

#[test]
fn each_claim_of_the_library_comes_to_its_verdict() {
    assert_eq!(WHOLE.audit["schema"], "leakcheck.audit/v1");
    assert_eq!(WHOLE.audit["partial"], false);
    let reasons = || claims(&WHOLE.audit).iter().map(|claim| &claim["why"]);
    for ((verdict, expected), why) in verdicts(&WHOLE.audit).iter().zip(EXPECTED).zip(reasons()) {
        assert_eq!(*verdict, expected, "{why}");
    }
    assert_eq!(verdicts(&WHOLE.audit).len(), EXPECTED.len());
}

#[test]
fn the_declared_success_is_never_called_clean() {
    for (scenario, name) in [
        ("frozen-success", "shared-wait"),
        ("wait-before-close", "wait-close"),
        ("mutex-across-read", "close-between-reads"),
        ("stream-limit", "stream-limit"),
    ] {
        assert_eq!(measured(scenario, name)["verdict"], "hung", "{scenario}");
    }
    assert_eq!(
        claim("frozen-success")["report"]["config"]["scenario"],
        "frozen-success"
    );
}

#[test]
fn the_full_fix_loses_no_line() {
    let fixed = measured("full-fix", "fixed");
    assert_eq!(fixed["delivery"]["lost"], 0);
    assert!(count(&fixed["delivery"]["emitted"]) > 0);
}

#[test]
fn a_larger_buffer_only_delays_the_hang() {
    let hung = |name| count(&measured("buffer-100", name)["hung"]["containers"]);
    let (ten, hundred) = (hung("close-wait"), hung("close-wait-100"));
    assert!(0 < hundred && hundred <= ten, "{hundred}, {ten}");
}

#[test]
fn the_incidents_leak_goes_by_the_health_check_and_not_by_the_rotation() {
    let driver = &claim("health-check-client")["driver"];
    assert_eq!(driver["measured"], "health_check", "{driver}");
    // One connection per check: its driver and its file descriptor, 16 a minute.
    for of in ["tasks", "fds"] {
        let per_check = driver["per_event"][of].as_f64().expect("known");
        assert!((0.8..1.2).contains(&per_check), "{driver}");
        let per_minute = driver["base"][format!("{of}_per_minute")].as_f64();
        assert!(
            (13.0..19.0).contains(&per_minute.expect("known")),
            "{driver}"
        );
    }
    for (scenario, clock) in [
        ("wrong-parent", "rotation"),
        ("short-lived-containers", "restart"),
        ("loki-9495", "restart"),
    ] {
        let driver = &claim(scenario)["driver"];
        assert_eq!(driver["measured"], clock, "{scenario}: {driver}");
    }
}

#[test]
fn a_hang_is_told_by_the_place_where_it_waits_and_for_how_long() {
    for (scenario, name, place) in [
        (
            "frozen-success",
            "shared-wait",
            "the wait group that reader and heartbeat share",
        ),
        (
            "wrong-parent-hang",
            "close-wait",
            "sending into a full channel",
        ),
        ("drain-without-close", "fixed-drain", "in a read"),
        (
            "mutex-across-read",
            "close-between-reads",
            "the lock that a read holds",
        ),
        (
            "testcontainers-1407",
            "tell-reader",
            "until it takes the message",
        ),
    ] {
        let first = &measured(scenario, name)["hung"]["where"][0];
        assert!(text(&first["place"]).contains(place), "{scenario}: {first}");
        let (shortest, longest) = (count(&first["shortest_ms"]), count(&first["longest_ms"]));
        assert!(
            1000 < shortest && shortest <= longest,
            "{scenario}: {first}"
        );
        let evidence = text(&claim(scenario)["evidence"]);
        assert!(evidence.contains(place), "{evidence}");
    }
}

#[test]
fn forgotten_readers_are_told_by_the_places_where_they_wait() {
    let readers = measured("wrong-parent", "old")["forgotten_readers"]
        .as_array()
        .expect("places");
    let sites = measured("wrong-parent", "old")["sites"].as_array();
    let reader = sites
        .expect("sites")
        .iter()
        .find(|site| site["label"] == "reader");
    let waiting: u64 = readers.iter().map(|place| count(&place["tasks"])).sum();
    assert_eq!(waiting, count(&reader.expect("a site")["leaked"]));
    let of_silent = readers.iter().find(|place| place["place"] == "in a read");
    // Half of 50 containers print nothing, in 6 rotations; of the others some wait in a read too.
    assert!(
        count(&of_silent.expect("silent ones")["tasks"]) >= 150,
        "{readers:?}"
    );
}

#[test]
fn the_table_has_the_claim_its_prediction_what_was_measured_and_gos_figures() {
    let row = WHOLE
        .markdown
        .lines()
        .find(|line| line.starts_with("| line-fix<br>partly |"));
    let row = row.unwrap_or_else(|| panic!("{}", WHOLE.markdown));
    for part in [
        "Under 2.00 tasks per minute are left.",
        "line-fix<br>  1.50 / 1.00",
        "2.50 / 1.00",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }
    let rows: Vec<&str> = WHOLE.csv.lines().collect();
    assert!(
        rows.contains(&"line-fix,partly,old,leaking,2,1,0,0"),
        "{rows:?}"
    );
    assert!(
        rows.contains(&"frozen-success,refuted,fixed,clean,0,0,0,0"),
        "{rows:?}"
    );
}

#[tokio::test]
async fn real_containers_come_to_the_same_verdicts() {
    if engine_or_skip().await.is_none() {
        return;
    }
    let names = ["wrong-parent", "line-fix", "frozen-success"];
    let flags = [
        "audit",
        "--engine=docker",
        "--format=json",
        "--containers=6",
        "--rotations=3",
    ];
    let ended = program::run_for_minutes(&[&flags[..], &names].concat());
    let audit = audit_of(&ended, 0);
    let expected = EXPECTED.iter().filter(|(name, _)| names.contains(name));
    let expected: Vec<_> = expected.copied().collect();
    let reasons: Vec<_> = claims(&audit).iter().map(|claim| &claim["why"]).collect();
    assert_eq!(verdicts(&audit), expected, "{reasons:?}");
    for claim in claims(&audit) {
        assert_eq!(claim["report"]["config"]["engine"], "docker");
    }
}

#[test]
fn a_claim_that_nothing_can_be_said_of_is_inconclusive_with_its_own_exit_code() {
    let text = r#"
        title = "Nothing is printed"
        claim = "The fix is clean."
        claimed-by = "a test"
        [run]
        containers = 4
        rotations = 2
        silent = 1.0
        wirings = ["fixed"]
        [judgement]
        predicts = "Clean."
        confirmed-if = ["fixed.verdict == clean"]
        refuted-if = ["fixed.verdict == leaking"]
    "#;
    let audit = audit_of_scenario("silence", text, 3);
    assert_eq!(verdicts(&audit), [("silence", "inconclusive")]);
}

#[test]
fn a_claim_that_names_the_wrong_clock_is_refuted_by_the_right_one() {
    let text = r#"
        title = "The rotation drives the leak of the health check"
        claim = "Each rotation leaves connections."
        claimed-by = "a test"
        [run]
        containers = 6
        rotations = 4
        wirings = ["health-check-throwaway"]
        [judgement]
        predicts = "Connections are left."
        confirmed-if = ["health-check-throwaway.fds_per_rotation > 0"]
        refuted-if = ["health-check-throwaway.fds_per_rotation <= 0"]
        [driver]
        wiring = "health-check-throwaway"
        expected = "rotation"
    "#;
    let audit = audit_of_scenario("clock", text, 0);
    assert_eq!(verdicts(&audit), [("clock", "refuted")]);
    assert_eq!(claims(&audit)[0]["driver"]["measured"], "health_check");
}

#[test]
fn an_interrupted_audit_prints_the_claims_that_it_tried() {
    let folder = tempfile::tempdir().expect("a directory");
    let export = folder.path().join("audit.json");
    // The second takes far longer than the first.
    let long = folder.path().join("long.toml");
    let short = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios/own-wait-group.toml"
    ));
    let short = short.expect("a scenario");
    std::fs::write(&long, short.replace("rotations = 6", "rotations = 1000")).expect("writable");
    let mut program = Program::start(&[
        "audit",
        "own-wait-group",
        long.to_str().expect("UTF-8"),
        "--format=json",
        &format!("--export=json={}", export.display()),
    ]);
    crate::common::poll("a claim that was tried", || {
        let exported: Value = serde_json::from_slice(&std::fs::read(&export).ok()?).ok()?;
        (!claims(&exported).is_empty()).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    let audit = audit_of(&ended, 130);
    assert_eq!(verdicts(&audit), [("own-wait-group", "confirmed")]);
    assert_eq!(audit["partial"], true);
    assert_eq!(program.temporary_files(), Vec::<std::path::PathBuf>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn an_audit_whose_worker_dies_says_so_and_keeps_what_it_tried() {
    let mut program = Program::start(&["audit", "close-after-loop", "--format=json"]);
    let worker = crate::common::poll("a worker", || {
        let mut processes = program.processes().into_iter();
        processes.find(|process| process.words == "worker")
    });
    program::send(worker.pid, Signal::SIGKILL);
    let ended = program.wait();
    let audit = audit_of(&ended, 4);
    let claim = &claims(&audit)[0];
    assert_eq!(claim["verdict"], "inconclusive");
    let why = text(&claim["why"]);
    assert!(why.contains("could not be measured to the end"), "{why}");
}

#[test]
fn a_misspelt_scenario_is_answered_with_the_nearest_name() {
    for flags in [&["audit", "ful-fix"][..], &["run", "--scenario=ful-fix"]] {
        let ended = program::run(flags);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("did you mean full-fix?"), "{ended:?}");
    }
}

#[test]
fn containers_that_must_start_again_are_refused_on_a_real_engine() {
    let ended = program::run(&["audit", "short-lived-containers", "--engine=docker"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("--restart needs --engine synthetic"),
        "{ended:?}"
    );
}

/// Each kind of mistake, with what the message must say to whoever made it.
#[test]
fn a_mistake_in_a_scenarios_file_is_told_by_its_file_line_and_column() {
    let head = "title = \"t\"\nclaim = \"c\"\nclaimed-by = \"we\"\n";
    let judged = "[judgement]\npredicts = \"p\"\nrefuted-if = []\n";
    for (tail, place, says) in [
        (
            "[run]\ncontaners = 5\n",
            "line 5, column 1",
            "did you mean `containers`?",
        ),
        (
            "[run]\ncontainers = \"many\"\n",
            "line 5, column 14",
            "write a number between 1 and 100000",
        ),
        (
            "[run]\nsilent = 2.0\n",
            "line 5, column 10",
            "between 0 and 1",
        ),
        (
            "[run]\nrotation = \"5\"\n",
            "line 5, column 12",
            "a number and a unit",
        ),
        (
            "[run]\nwirings = [\"fixd\"]\n",
            "line 5, column 12",
            "did you mean fixed?",
        ),
        ("[run]\nburst = 0\n", "line 5, column 9", "between 1 and"),
        ("[rum]\n", "line 4, column 2", "did you mean `run`?"),
        ("[run\n", "line 4", "unclosed table"),
        (
            "[run]\nclock = \"real\"\ntime-scale = 2.0\n",
            "line 4",
            "time-scale needs clock compressed",
        ),
        (
            "[run]\nwirings = [\"old\", \"A\"]\n",
            "line 4",
            "wiring old is given twice",
        ),
        (
            "# é\n[judgement]\npredicts = \"p\"\nconfirmed-if = []\nrefuted-if = []\n",
            "line 5",
            "confirmed-if and refuted-if need a gate each",
        ),
        (
            "[go-reference]\nfixd={fds=1.0}\n",
            "line 5, column 1",
            "did you mean fixed?",
        ),
        (
            "[driver]\nwiring = \"old\"\nexpected = \"restart\"\n",
            "line 6, column 12",
            "nothing in this scenario goes by that clock",
        ),
        (
            &format!("{judged}confirmed-if = [\"fixed.taks_per_minute < 2\"]\n"),
            "line 7, column 16",
            "did you mean tasks_per_minute?",
        ),
        (
            &format!("{judged}confirmed-if = [\"close.verdict == clean\"]\n"),
            "line 7, column 17",
            "there is no wiring close here",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, format!("{head}{tail}")).expect("writable");
        let path = path.to_str().expect("UTF-8");
        let ended = program::run(&["audit", path]);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:?}");
        for part in [path, place, says] {
            assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_scenario_runs_with_its_conditions_and_gives_way_to_flags() {
    let flags = [
        "run",
        "--scenario=frozen-success",
        "--containers=4",
        "--rotations=1",
        "--format=json",
    ];
    let report = report::of(&program::run(&flags));
    assert_eq!(report["config"]["scenario"], "frozen-success");
    assert_eq!(report["config"]["containers"], 4);
    assert_eq!(report["config"]["rotations"], 1);
    assert_eq!(wiring(&report, "shared-wait")["verdict"], "hung");
}

#[test]
fn the_scenarios_are_listed_and_shown_as_they_stand() {
    let listed = program::run(&["scenarios"]);
    let shown = program::run(&["scenarios", "show", "wrong-parent"]);
    for (name, _) in EXPECTED {
        assert!(listed.stdout.contains(&format!("{name}\n")), "{name}");
    }
    let file = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios/wrong-parent.toml"
    ));
    assert_eq!(shown.stdout, file.expect("the file"));
}
