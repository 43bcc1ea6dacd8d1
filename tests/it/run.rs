//! `leakcheck run` on synthetic containers: what each wiring leaks, by whom, in every format.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ::leakcheck::internals::docker::endpoint::Endpoint;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use crate::common::poll;
use crate::common::program::{self, Program};
use crate::common::report::{self, count, rates, samples, text, wiring, wirings};

const CONTAINERS: u64 = 10;
const ROTATIONS: u64 = 3;

/// One run of the two default wirings, looked at while it went on and at its end.
struct Observed {
    report: Value,
    stderr: String,
    /// What the JSON export held while the run went on, each state once.
    exported_on_the_way: Vec<Value>,
    exported: Value,
    csv: String,
}

static RUN: LazyLock<Observed> = LazyLock::new(Observed::run);

impl Observed {
    fn run() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let (json, csv) = (folder.path().join("x.json"), folder.path().join("x.csv"));
        let mut program = Program::start(&[
            "run",
            "--containers=10",
            "--rotations=3",
            "--format=json",
            &format!("--export=json={}", json.display()),
            &format!("--export=csv={}", csv.display()),
        ]);
        let mut exported_on_the_way: Vec<Value> = Vec::new();
        while !program.has_ended() {
            let exported = std::fs::read_to_string(&json).unwrap_or_default();
            if !exported.is_empty() {
                let exported = serde_json::from_str(&exported).expect("whole JSON at any time");
                if exported_on_the_way.last() != Some(&exported) {
                    exported_on_the_way.push(exported);
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let ended = program.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        // The last of what was seen may be the final export already.
        exported_on_the_way.retain(|report| report["partial"] == true);
        Self {
            report: report::of(&ended),
            stderr: ended.stderr,
            exported_on_the_way,
            exported: serde_json::from_slice(&std::fs::read(&json).expect("exported"))
                .expect("JSON"),
            csv: std::fs::read_to_string(&csv).expect("exported"),
        }
    }
}

/// The sockets of a run's engines.
fn sockets(program: &Program) -> Vec<PathBuf> {
    let directories = program.temporary_files();
    directories
        .iter()
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flatten()
        .map(|entry| entry.expect("a socket").path())
        .collect()
}

fn served_by(sockets: &[PathBuf]) -> Vec<Vec<(String, Vec<String>)>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    sockets
        .iter()
        .map(|socket| runtime.block_on(first_lines(socket)))
        .collect()
}

/// Every container's name, and its first lines with their timestamps.
///
/// None where the socket is not served yet.
async fn first_lines(socket: &Path) -> Vec<(String, Vec<String>)> {
    let endpoint = Endpoint::parse(&format!("unix://{}", socket.display())).expect("well-formed");
    let Ok((docker, _)) = endpoint.connect().await else {
        return Vec::new();
    };
    let mut containers = Vec::new();
    for container in docker.list_containers(None).await.expect("a list") {
        let name = container.names.expect("a name").remove(0);
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .timestamps(true)
            .build();
        let log: Vec<_> = docker
            .logs(name.trim_start_matches('/'), Some(options))
            .try_collect()
            .await
            .expect("a log");
        let lines = log.iter().map(ToString::to_string).take(5).collect();
        containers.push((name, lines));
    }
    containers
}

#[test]
fn old_wiring_leaks_two_tasks_and_one_fd_per_rotation_and_container() {
    let old = wiring(&RUN.report, "old");
    assert_eq!(old["verdict"], "leaking");
    assert_eq!(rates(old), (2.0, 1.0));
    assert_eq!(old["rates"]["tasks"]["weakest_rotation"], 2 * CONTAINERS);
    assert_eq!(old["rates"]["fds"]["weakest_rotation"], CONTAINERS);
    assert_eq!(old["rates"]["tasks"]["ci95"], json!([2.0, 2.0]));
    assert_eq!(old["rates"]["fds"]["ci95"], json!([1.0, 1.0]));
    for (rotation, sample) in (0..).zip(samples(old)) {
        assert_eq!(sample["rotation"], rotation);
        assert_eq!(sample["tasks"], 4 * CONTAINERS + rotation * 2 * CONTAINERS);
    }
    assert_eq!(samples(old).len() as u64, ROTATIONS + 1);
    assert_eq!(
        text(&old["reason"]),
        "2.00 tasks and 1.00 fds per rotation per container, in 3 of 3 rotations"
    );
}

#[test]
fn the_leaked_tasks_are_the_readers_and_the_connection_drivers_one_each_per_rotation() {
    let sites = wiring(&RUN.report, "old")["sites"]
        .as_array()
        .expect("sites");
    let leaked: Vec<_> = sites
        .iter()
        .filter(|site| site["leaked"].as_i64() != Some(0))
        .map(|site| {
            assert_eq!(site["per_rotation_per_container"], 1.0, "{site}");
            assert_eq!(site["leaked"], ROTATIONS * CONTAINERS, "{site}");
            (text(&site["label"]), text(&site["package"]))
        })
        .collect();
    let [(driver, hyper), reader] = leaked[..] else {
        panic!("two sites leak: {leaked:?}");
    };
    assert_eq!(reader, ("reader", "leakcheck"));
    assert_eq!(driver, "connection driver");
    assert!(hyper.starts_with("hyper-util-"), "{hyper}");
    for site in sites {
        let location = text(&site["location"]);
        assert_eq!(location.split(':').count(), 3, "file:line:column: {site}");
    }
}

#[test]
fn fixed_wiring_is_back_at_the_baseline_after_every_rotation() {
    let fixed = wiring(&RUN.report, "fixed");
    assert_eq!(fixed["verdict"], "clean");
    assert_eq!(rates(fixed), (0.0, 0.0));
    assert_eq!(fixed["baseline"], fixed["final"]);
    for sample in samples(fixed) {
        assert_eq!(sample["tasks"], fixed["baseline"]["tasks"], "{sample}");
        assert_eq!(sample["fds"], fixed["baseline"]["fds"], "{sample}");
        assert_eq!(sample["settled"], true, "{sample}");
    }
}

#[test]
fn both_wirings_make_every_rotation_and_deliver_every_line_once() {
    for wiring in wirings(&RUN.report) {
        let expected = json!({"due": ROTATIONS, "made": ROTATIONS, "missed": 0, "sufficed": null});
        assert_eq!(wiring["rotations"], expected);
        let delivery = &wiring["delivery"];
        assert!(count(&delivery["emitted"]) > 0, "{delivery}");
        assert_eq!(delivery["read"], delivery["emitted"]);
        assert_eq!(
            (&delivery["lost"], &delivery["duplicated"]),
            (&json!(0), &json!(0))
        );
        assert_eq!(wiring["hung"], json!({"containers": 0, "where": []}));
        assert_eq!(wiring["stream_errors"]["count"], 0);
        assert_eq!(wiring["fds_exhausted_at_rotation"], Value::Null);
    }
}

#[test]
fn a_shut_down_monitor_leaves_no_task_whatever_it_leaked() {
    for wiring in wirings(&RUN.report) {
        assert_eq!(wiring["after_shutdown"]["tasks"], 0);
        let (baseline, left) = (
            count(&wiring["baseline"]["fds"]),
            count(&wiring["after_shutdown"]["fds"]),
        );
        assert_eq!(left, baseline - CONTAINERS, "no stream is open");
    }
}

#[test]
fn a_rate_per_minute_is_on_the_monitors_own_clock() {
    let config = &RUN.report["config"];
    assert_eq!(config["clock"], "compressed");
    assert_eq!(config["rotation_ms"], 300_000);
    assert_eq!(config["time_scale"], 300.0);
    let rates = &wiring(&RUN.report, "old")["rates"];
    let per_rotation = 2.0 * CONTAINERS as f64;
    assert_eq!(rates["tasks"]["per_rotation"], per_rotation);
    assert_eq!(rates["tasks"]["per_minute"], per_rotation / 5.0);
    assert_eq!(rates["fds"]["per_minute"], per_rotation / 2.0 / 5.0);
}

#[cfg(target_os = "linux")]
#[test]
fn every_sample_tells_the_memory_on_both_sides() {
    let both = |sample: &Value| {
        let engine = count(&sample["engine"]["rss_bytes"]);
        count(&sample["rss_bytes"]).min(engine)
    };
    for wiring in wirings(&RUN.report) {
        // No process of ours fits into a megabyte.
        assert!(samples(wiring).iter().all(|sample| both(sample) > 1 << 20));
    }
}

#[test]
fn the_engine_sees_the_connections_that_its_client_leaks() {
    let side = |name| &wiring(&RUN.report, name)["engine_side"];
    let open = |side: &Value| {
        (
            side["connections_baseline"].clone(),
            side["connections_final"].clone(),
        )
    };
    assert_eq!(open(side("fixed")), (json!(CONTAINERS), json!(CONTAINERS)));
    let leaked = CONTAINERS + ROTATIONS * CONTAINERS;
    assert_eq!(open(side("old")), (json!(CONTAINERS), json!(leaked)));
    assert_eq!(side("old")["shared"], false);
}

#[test]
fn the_document_has_every_key_of_its_contract() {
    let report = &RUN.report;
    assert_eq!(report["schema"], "leakcheck.report/v1");
    assert_eq!(report["partial"], false);
    assert_eq!(report["tool"]["version"], env!("CARGO_PKG_VERSION"));
    let has = |value: &Value, keys: &str| {
        for key in keys.split(' ') {
            assert!(value.get(key).is_some(), "{key} is missing in {value}");
        }
    };
    has(report, "schema tool partial config wirings gates");
    has(&report["tool"], "version tokio spawn_sites");
    has(
        &report["config"],
        "engine containers rotation_ms rotations clock time_scale scenario seed",
    );
    for wiring in wirings(report) {
        has(
            wiring,
            "name verdict reason rotations baseline final after_shutdown rates predicted sites \
             fds_by_kind delivery hung runtime engine_side samples",
        );
        has(&wiring["rotations"], "due made");
        has(
            &wiring["predicted"],
            "tasks_per_rotation_per_container fds_per_rotation_per_container",
        );
        has(&wiring["fds_by_kind"], "baseline final");
        has(&wiring["delivery"], "emitted read lost duplicated");
        has(&wiring["hung"], "containers where");
        has(&wiring["runtime"], "busy_ratio polls");
        has(
            &wiring["engine_side"],
            "connections_baseline connections_final",
        );
        for counts in ["baseline", "final", "after_shutdown"] {
            has(&wiring[counts], "tasks fds");
        }
        for rate in ["tasks", "fds"] {
            has(
                &wiring["rates"][rate],
                "per_rotation_per_container per_rotation per_minute weakest_rotation ci95",
            );
        }
        for site in wiring["sites"].as_array().expect("sites") {
            has(
                site,
                "label location package baseline final leaked per_rotation_per_container",
            );
        }
        for sample in samples(wiring) {
            has(
                sample,
                "rotation t_ms tasks fds rss_bytes threads settle_ms streams_opened \
                 rotations_made lines_read sites",
            );
        }
    }
}

#[test]
fn without_a_terminal_nothing_is_printed_beside_the_report() {
    assert_eq!(RUN.stderr, "");
}

#[test]
fn the_export_is_rewritten_on_the_way_and_marked_partial_until_the_end() {
    let samples_of = |report: &Value| -> usize {
        wirings(report)
            .iter()
            .map(|wiring| samples(wiring).len())
            .sum()
    };
    let on_the_way = &RUN.exported_on_the_way;
    assert!(
        on_the_way.iter().any(|report| {
            let taken = samples_of(report);
            0 < taken && taken < samples_of(&RUN.report)
        }),
        "an export after some rotation: {on_the_way:?}"
    );
    for report in on_the_way {
        let fixed = wiring(report, "fixed");
        if (samples(fixed).len() as u64) <= ROTATIONS {
            assert_ne!(fixed["verdict"], "clean", "it was not through: {fixed}");
        }
        for wiring in wirings(report) {
            assert!(count(&wiring["rotations"]["made"]) <= count(&wiring["rotations"]["due"]));
        }
    }
    assert_eq!(RUN.exported, RUN.report);
}

#[test]
fn the_csv_has_a_row_per_wiring_and_rotation() {
    let rows: Vec<(String, String, u64, u64)> = csv_rows(&RUN.csv);
    let expected: Vec<_> = wirings(&RUN.report)
        .iter()
        .flat_map(|wiring| {
            samples(wiring).iter().map(|sample| {
                (
                    text(&wiring["name"]).to_owned(),
                    text(&wiring["verdict"]).to_owned(),
                    count(&sample["rotation"]),
                    count(&sample["tasks"]),
                )
            })
        })
        .collect();
    assert_eq!(rows, expected);
    assert_eq!(rows.len() as u64, 2 * (ROTATIONS + 1));
}

fn csv_rows(text: &str) -> Vec<(String, String, u64, u64)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let column = |name| {
        let found = header.iter().position(|column| column == name);
        found.unwrap_or_else(|| panic!("no column {name}: {header:?}"))
    };
    let number = |field: &str| field.parse().expect("a number");
    reader
        .records()
        .map(|row| row.expect("a row as long as the header"))
        .map(|row| {
            (
                row[column("wiring")].to_owned(),
                row[column("verdict")].to_owned(),
                number(&row[column("rotation")]),
                number(&row[column("tasks")]),
            )
        })
        .collect()
}

#[test]
fn both_wirings_meet_the_same_containers_and_the_same_lines() {
    // A run of its own: who asks an engine has a connection to it, which a run would count.
    let program = Program::start(&["run", "--containers=4", "--rotations=1000"]);
    let (old, fixed) = poll("lines from both engines", || {
        let served = served_by(&sockets(&program));
        let printing = |containers: &Vec<(String, Vec<String>)>| {
            containers.len() == 4 && containers.iter().any(|(_, lines)| lines.len() > 3)
        };
        let [old, fixed] = <[_; 2]>::try_from(served).ok()?;
        (printing(&old) && printing(&fixed)).then_some((old, fixed))
    });
    for ((name, old), (other, fixed)) in old.iter().zip(&fixed) {
        assert_eq!(name, other);
        // The two were asked one after the other: the first may have printed less by then.
        let both = old.len().min(fixed.len());
        assert_eq!(old[..both], fixed[..both], "{name}");
    }
}

/// A run as small as one can be whose figures are all of them known.
const SMALL: [&str; 7] = [
    "run",
    "--containers=4",
    "--rotations=2",
    "--rotation=5m",
    "--time-scale=500",
    "--wiring=old",
    "--wiring=fixed",
];

fn small_run(format: &str) -> String {
    let mut flags = SMALL.to_vec();
    flags.extend(["--format", format]);
    let ended = program::run(&flags);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    report::without_what_varies(&ended.stdout)
}

#[test]
fn what_the_caller_has_open_is_not_counted_in_a_worker() {
    let fds_at_baseline = |mut program: Program| {
        let report = report::of(&program.wait());
        count(&wiring(&report, "fixed")["baseline"]["fds"])
    };
    let flags = [&SMALL[..], &["--format=json"]].concat();
    assert_eq!(
        fds_at_baseline(Program::start_with_open_files(5, &flags)),
        fds_at_baseline(Program::start(&flags)),
    );
}

#[test]
fn the_table_reads_as_it_always_did() {
    let table = small_run("table");
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_markdown_reads_as_it_always_did() {
    insta::assert_snapshot!(small_run("markdown"));
}

#[test]
fn csv_is_all_that_is_printed_where_csv_is_asked_for() {
    let rows = csv_rows(&small_run("csv"));
    let of = |name: &str| -> Vec<(u64, u64)> {
        let of_wiring = rows.iter().filter(|(wiring, ..)| wiring == name);
        of_wiring
            .map(|&(_, _, rotation, tasks)| (rotation, tasks))
            .collect()
    };
    assert_eq!(of("old"), [(0, 16), (1, 24), (2, 32)]);
    assert_eq!(of("fixed"), [(0, 16), (1, 16), (2, 16)]);
}
