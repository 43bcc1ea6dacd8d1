//! `leakcheck dump`: what is stuck on what, and what grew between two goroutine dumps.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::Compression;
use flate2::write::GzEncoder;
use leakcheck_report::model::schema::Document;
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{fed, leakcheck, report};

const READ_LOOP: &str = "net/http.(*persistConn).readLoop(0xc000)\n\t/go/net/http/transport.go:2213 +0xd85\n\
    created by net/http.(*Transport).dialConn\n\t/go/net/http/transport.go:1751 +0x173e\n";
const WRITE_LOOP: &str = "net/http.(*persistConn).writeLoop(0xc000)\n\t/go/net/http/transport.go:2392 +0xf5\n\
    created by net/http.(*Transport).dialConn\n\t/go/net/http/transport.go:1752 +0x1791\n";
const READER: &str = "main.(*app).streamReader(0xc000, 0xc001)\n\t/src/main.go:277 +0x389\n\
    created by main.(*app).readContainerLogs\n\t/src/main.go:234 +0x26d\n";

/// A dump with so many open connections and so many readers; the numbers start at `from`.
fn dump_of(connections: usize, readers: usize, from: usize) -> String {
    let kinds = [
        (READ_LOOP, "select", connections),
        (WRITE_LOOP, "select, 3 minutes", connections),
        (READER, "select", readers),
    ];
    let paragraphs = kinds
        .into_iter()
        .flat_map(|(stack, state, count)| std::iter::repeat_n((stack, state), count));
    let numbered = (from..).zip(paragraphs);
    numbered
        .map(|(id, (stack, state))| format!("goroutine {id} [{state}]:\n{stack}\n"))
        .collect()
}

struct Dumps(TempDir);

impl Dumps {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    }
}

fn dump(paths: &[&Path], flags: &[&str]) -> Output {
    let mut command = Command::new(leakcheck());
    command.arg("dump").args(paths).args(flags);
    command.output().expect("starts")
}

fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn a_dump_is_grouped_by_state_stack_and_creator() {
    let dumps = Dumps::new();
    let path = dumps.write("one.txt", &dump_of(4, 2, 1));
    let document = json(&dump(&[&path], &["--format=json"]));
    report::assert_valid(&document, Document::Dump);
    assert_eq!(document["goroutines"], 10);
    let groups = document["groups"].as_array().expect("groups");
    let counts: Vec<_> = groups.iter().map(|group| &group["count"]).collect();
    assert_eq!(counts, [4, 4, 2]);
    assert_eq!(
        groups[1]["wait_minutes"],
        serde_json::json!({"min": 3, "max": 3})
    );
    assert_eq!(
        groups[2]["created_by"]["func"],
        "main.(*app).readContainerLogs"
    );
    let meaning = groups[0]["meaning"].as_str().expect("well known");
    assert!(
        meaning.contains("two goroutines and one fd per open connection"),
        "{meaning}"
    );
    assert!(document.get("each").is_none());
}

#[test]
fn what_grew_is_told_per_rotation_with_the_mechanism_that_fits() {
    let dumps = Dumps::new();
    let before = dumps.write("before.txt", &dump_of(5, 5, 1));
    for (readers, per_connection) in [
        (65, "3 goroutines per connection"),
        (5, "2 goroutines per connection"),
    ] {
        // Other numbers: goroutines are not told apart by them.
        let after = dumps.write("after.txt", &dump_of(65, readers, 10_000));
        let flags = ["--format=json", "--rotations=12", "--containers=5"];
        let document = json(&dump(&[&before, &after], &flags));
        report::assert_valid(&document, Document::DumpDiff);
        assert_eq!(document["connections"], 60);
        let mechanism = document["mechanism"].as_str().expect("known");
        assert!(mechanism.starts_with(per_connection), "{mechanism}");
        let first = &document["groups"][0];
        assert_eq!(
            (&first["growth"], &first["per_rotation_per_container"]),
            (&60.into(), &1.0.into())
        );
        let creators = document["creators"].as_array().expect("creators").len();
        assert_eq!(creators, 3, "{}", document["creators"]);
    }
}

#[test]
fn the_table_of_one_dump_fits_80_columns() {
    let dumps = Dumps::new();
    let output = dump(&[&dumps.write("one.txt", &dump_of(5, 3, 1))], &[]);
    let text = String::from_utf8(output.stdout).expect("text");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_table_of_what_grew_fits_80_columns() {
    let dumps = Dumps::new();
    let before = dumps.write("before.txt", &dump_of(5, 5, 1));
    let after = dumps.write("after.txt", &dump_of(65, 65, 1));
    let output = dump(&[&before, &after], &["--rotations=12", "--containers=5"]);
    let text = String::from_utf8(output.stdout).expect("text");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_profile_is_read_with_its_counts() {
    let dumps = Dumps::new();
    let text = "goroutine profile: total 52\n\
        50 @ 0x43be56 0x6ed005 0x46c7a1\n# labels: {\"a\":\"b\"}\n\
        #\t0x6ed004\tnet/http.(*persistConn).readLoop+0xd84\t/go/net/http/transport.go:2213\n\n\
        2 @ 0x43be56 0x7bef5e\n#\t0x7bef5d\tmain.(*app).heartbeat+0x11d\t\t/src/main.go:123\n\n";
    let document = json(&dump(
        &[&dumps.write("profile.txt", text)],
        &["--format=json"],
    ));
    assert_eq!(document["goroutines"], 52);
    assert_eq!(
        document["groups"][0]["state"],
        Value::Null,
        "a profile tells none"
    );
    assert_eq!(document["groups"][0]["labels"]["a"], "b");
    assert_eq!(document["groups"][1]["stack"][0]["line"], 123);
    assert_eq!(document["errors"], serde_json::json!([]));
}

#[test]
fn gzip_and_standard_input_are_read_alike() {
    let dumps = Dumps::new();
    let text = dump_of(3, 3, 1);
    let plain = json(&dump(
        &[&dumps.write("plain.txt", &text)],
        &["--format=json"],
    ));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    let gzipped = encoder.finish().expect("memory");
    let path = dumps.0.path().join("gzipped");
    std::fs::write(&path, &gzipped).expect("writable");
    assert_eq!(json(&dump(&[&path], &["--format=json"])), plain);
    let mut command = Command::new(leakcheck());
    command.args(["dump", "-", "--format=json"]);
    assert_eq!(json(&fed(&mut command, &gzipped)), plain);
}

#[test]
fn each_goroutine_is_listed_where_asked_for() {
    let dumps = Dumps::new();
    let path = dumps.write("one.txt", &dump_of(1, 1, 7));
    let document = json(&dump(&[&path], &["--format=json", "--each"]));
    let ids = document["each"].as_array().expect("asked for").iter();
    assert_eq!(ids.map(|one| &one["id"]).collect::<Vec<_>>(), [7, 8, 9]);
}

#[test]
fn what_holds_no_goroutine_or_cannot_be_read_is_refused() {
    let dumps = Dumps::new();
    let empty = dumps.write("empty.txt", "nothing of the kind\n");
    for (paths, said) in [
        (vec![empty.as_path()], "holds no goroutine"),
        (
            vec![Path::new("/no/such/dump")],
            "cannot read /no/such/dump",
        ),
        (vec![Path::new("-"), Path::new("-")], "only one of the two"),
    ] {
        let output = dump(&paths, &[]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}
