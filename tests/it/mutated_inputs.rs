//! Files and streams that are not what they should be: each is read or refused, none panics or hangs.

#[path = "../../fuzz/src/followed_log.rs"]
mod followed_log;

use std::io::Write;
use std::path::Path;

use ::leakcheck::internals::docker::run_owner::RunOwner;
use ::leakcheck::internals::experiment::scenario::Scenario;
use ::leakcheck::internals::merge::Merge;
use ::leakcheck::internals::probe::prometheus_text;
use ::leakcheck::internals::protocol::{WorkerCommand, WorkerEvent, WorkerPlan};
use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;
use goroutine_dump::read_either;
use goroutine_dump::{Keep, compare};
use leakcheck_report::gate::baseline;
use leakcheck_report::gate::expression::Gate;
use leakcheck_report::gate::judge::{PartialReports, judge_all};
use leakcheck_report::model::report::Report;
use leakcheck_report::model::saved;
use leakcheck_report::render::dump_summary::{of_diff, of_dump};
use leakcheck_report::render::format::Format;
use leakcheck_report::render::github;
use leakcheck_report::render::section_text::Terminal;
use leakcheck_text::duration;
use synthetic_engine::workload::containers;

use crate::common::mutation::{
    each_is_read_or_refused, each_one_made_is_read_or_refused, mutate_json,
};
use crate::common::program::run;

/// The files of a folder of the checkout.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    // In one order, so that an input's number names it.
    paths.sort();
    let read = |path| std::fs::read(path).expect("readable");
    paths.into_iter().map(read).collect()
}

/// A run's report, small and with everything in it that paused time has.
fn report() -> Vec<u8> {
    let ended = run(&[
        "run",
        "--clock=virtual",
        "--containers=2",
        "--rotations=2",
        "--format=json",
        "--gate=fixed.verdict == clean",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout.into_bytes()
}

#[test]
fn reports() {
    let whole = report();
    let read = reader_of_reports(&whole);
    each_is_read_or_refused("report", vec![whole], read);
}

#[test]
fn reports_that_say_what_no_run_does() {
    let whole = report();
    let read = reader_of_reports(&whole);
    let document = serde_json::from_slice(&whole).expect("JSON");
    let make =
        move |random: &mut _| serde_json::to_vec(&mutate_json(random, &document)).expect("JSON");
    each_one_made_is_read_or_refused("report's figures", make, read);
}

/// Reads a report and does with it what the commands do.
fn reader_of_reports(sound: &[u8]) -> impl FnMut(&[u8]) -> bool + Send + 'static {
    let sound = saved::parse(sound).expect("a report");
    let gates = ["*.tasks_per_rotation <= 0", "*.verdict == clean"];
    let gates: Vec<Gate> = gates.map(|gate| Gate::parse(gate).expect("a gate")).into();
    let formats = Format::value_variants();
    let mut taken = 0;
    move |input| {
        let Ok(report) = saved::parse(input) else {
            return false;
        };
        taken += 1;
        // One format takes long; all of them nine times as long.
        let format = formats[taken % formats.len()];
        let written = format.render(&report, Terminal::PLAIN);
        if format == Format::Json {
            let written = written.expect("what was read can be written");
            let again = saved::parse(written.as_bytes()).expect("what was written can be read");
            assert_eq!(again, report, "as it was");
        }
        drop(github::summary(&report, 1024));
        if let Ok(results) = judge_all(&gates, &report, PartialReports::Allowed) {
            drop(github::annotations(&results));
        }
        drop(baseline::compare(&report, &sound, PartialReports::Allowed));
        merge_with_itself(report);
        true
    }
}

fn merge_with_itself(report: Report) {
    if let Ok(mut merge) = Merge::of("a", report.clone()) {
        // One that is not like itself, for it has a wiring twice, is refused.
        drop(merge.add("b", report));
        merge.miss("c", u64::MAX, "it was not there");
        drop(merge.finish());
    }
}

#[test]
fn scenarios() {
    each_is_read_or_refused("scenario", files("scenarios"), |input| {
        Scenario::parse("a", &String::from_utf8_lossy(input)).is_ok()
    });
}

#[test]
fn gate_expressions() {
    let seeds = [
        "fixed.tasks_per_rotation <= 0",
        "*.verdict == clean",
        "old.fds_over_baseline >= -12.75",
        "smallest-leak.verdict != hung",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).into();
    each_is_read_or_refused("gate", seeds, |input| {
        let text = String::from_utf8_lossy(input);
        match Gate::parse(&text) {
            Ok(gate) => {
                assert_eq!(
                    Gate::parse(&gate.to_string()),
                    Ok(gate),
                    "as it was written"
                );
                true
            }
            Err(error) => {
                drop(error.to_string());
                false
            }
        }
    });
}

#[test]
fn durations() {
    let seeds = ["90s", "5m", "1h30m", "250ms", "1h 2m 3s"];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).into();
    each_is_read_or_refused("duration", seeds, |input| {
        let read = duration::parse(&String::from_utf8_lossy(input));
        read.is_ok_and(|read| !duration::format(read).is_empty())
    });
}

/// Reads a dump of whichever kind, and compares it with itself; whether anything was found in it.
fn read_dump(input: &[u8]) -> bool {
    let Ok(dump) = read_either(input, Keep::Each) else {
        return false;
    };
    drop(of_dump(&dump));
    let diff = compare(dump.clone(), dump, None);
    assert!(diff.groups.iter().all(|group| group.growth == 0));
    drop(of_diff(&diff));
    diff.before > 0
}

#[test]
fn goroutine_dumps() {
    let mut seeds = files("fuzz/corpus/goroutine_dump");
    let profiles = files("fuzz/corpus/goroutine_profile_text").into_iter();
    // These come without the head that tells what they are.
    seeds.extend(profiles.map(|text| [b"goroutine profile: total 7\n", &text[..]].concat()));
    each_is_read_or_refused("goroutine dump", seeds, read_dump);
}

#[test]
fn pprof_profiles() {
    let seeds = files("fuzz/corpus/pprof_protobuf");
    each_is_read_or_refused("pprof", seeds, read_dump);
}

#[test]
fn gzipped_pprof_profiles() {
    let packed = |profile: Vec<u8>| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&profile).expect("in memory");
        packed.finish().expect("in memory")
    };
    let seeds = files("fuzz/corpus/pprof_protobuf").into_iter().map(packed);
    each_is_read_or_refused("gzipped pprof", seeds.collect(), read_dump);
}

#[test]
fn prometheus_texts() {
    let seeds = files("fuzz/corpus/prometheus_text");
    each_is_read_or_refused("Prometheus text", seeds, |input| {
        let (_, unread) = prometheus_text::read(&String::from_utf8_lossy(input));
        unread.is_empty()
    });
}

#[test]
fn what_a_worker_and_its_parent_say() {
    let seeds = [
        r#"{"event":"progress","followed":4,"rotation":1,"tasks":16,"fds":20,"behind":0,"lines_read":9}"#,
        r#"{"event":"failed","message":"no engine"}"#,
        r#"{"event":"rotations_done"}"#,
        r#"{"command":"replace","container":3,"reference":"0badf00d"}"#,
        r#"{"command":"finish","last_lines":[null,{"timestamp":"2026-01-01T00:00:00Z","sequence":7}]}"#,
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).into();
    each_is_read_or_refused("worker's line", seeds, |input| {
        let plan = serde_json::from_slice::<WorkerPlan>(input).is_ok();
        let command = serde_json::from_slice::<WorkerCommand>(input).is_ok();
        plan || command || serde_json::from_slice::<WorkerEvent>(input).is_ok()
    });
}

#[test]
fn labels_of_containers() {
    let owner = RunOwner::this_process().to_labels();
    let owner = serde_json::to_vec(&owner).expect("JSON");
    each_is_read_or_refused("labels", vec![owner], |input| {
        let labels = serde_json::from_slice(input);
        labels.is_ok_and(|labels| RunOwner::from_labels(&labels).is_some())
    });
}

/// A log's frame: which stream, how long, and what.
fn frame(stream: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    [&[stream, 0, 0, 0], &length[..], text.as_bytes()].concat()
}

#[test]
fn frames_of_logs() {
    let line = |number: u64| {
        let text = containers::line_text("web-0", number);
        format!("2026-01-01T00:00:0{number}.000000000Z {text}\n")
    };
    let frames = [frame(1, &line(1)), frame(2, &line(2)), frame(1, &line(3))].concat();
    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n";
    let chunked = [
        &head[..],
        b"Transfer-Encoding: chunked\r\n\r\n",
        &chunk(&frames),
        b"0\r\n\r\n",
    ];
    let closed = [&head[..], b"Connection: close\r\n\r\n", &frames];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let seeds = vec![chunked.concat(), closed.concat()];
    each_is_read_or_refused("frames", seeds, move |input| {
        runtime.block_on(followed_log::follow(input.to_vec()))
    });
}
