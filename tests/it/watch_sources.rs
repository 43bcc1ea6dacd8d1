//! `leakcheck watch`: what its sources tell, and servers that tell something else.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::common::peers::{Follower, TokioTasks, first_line, prometheus_client};
use crate::common::program::run;
use crate::common::{poll, report, skip};

/// A server that answers each request by its path.
fn serve(answer: impl Fn(&str) -> Vec<u8> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(&answer(path));
        }
    });
    format!("http://{address}")
}

/// A server that answers each request alike.
fn server(answer: &'static [u8]) -> String {
    serve(|_| answer.to_vec())
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.0 200 OK\r\n\r\n{body}").into_bytes()
}

#[test]
fn a_tokio_programs_leaking_spawn_site_is_named_by_its_console() {
    if !cfg!(all(feature = "console", tokio_unstable)) {
        return skip("--console needs a build with --cfg tokio_unstable and the feature console");
    }
    let program = TokioTasks::start(20, 1000);
    let console = format!("--console={}", program.console);
    let ended = run(&[
        "watch",
        &console,
        "--rotation=1s",
        "--containers=20",
        "--for=8s",
        "--format=json",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert_eq!(process["trends"]["tasks_are_lower_bound"], false);
    assert!(
        process["trends"]["replaced"].as_u64() >= Some(20 * 4),
        "{process}"
    );
    let sites = process["sites"].as_array().expect("sites");
    let leaking: Vec<_> = sites
        .iter()
        .filter(|site| site["leaked"].as_i64() > Some(20))
        .collect();
    assert_eq!(leaking.len(), 1, "{sites:?}");
    let line = line_of("tokio::spawn(forgotten(never))");
    let place = format!("tests/peers/tokio_tasks/main.rs:{line}:");
    let label = leaking[0]["label"].as_str().expect("told");
    assert!(label.contains(&place), "{label}");
    let each = leaking[0]["per_rotation_per_container"].as_f64();
    assert!((each.expect("a rate") - 1.0).abs() < 0.1, "{sites:?}");
}

/// The line at which the tokio peer does this.
fn line_of(what: &str) -> usize {
    let source = include_str!("../peers/tokio_tasks/main.rs");
    let at = source.lines().position(|line| line.contains(what));
    at.expect("it does") + 1
}

/// What Go 1.27 answered when a program had leaked two goroutines in each of two places.
const LEAKED: &str = "goroutineleak profile: total 4
2 @ 0x48c12a 0x418c9c 0x418897 0x68077e 0x493021
#\t0x68077d\tmain.send+0x1d\tleaky/main.go:14

2 @ 0x48c12a 0x4662d2 0x4662a9 0x48d64e 0x4987c5 0x680737 0x493021
#\t0x48d64d\tsync.runtime_SemacquireWaitGroup+0x2d\truntime/sema.go:114
#\t0x4987c4\tsync.(*WaitGroup).Wait+0x84\t\tsync/waitgroup.go:206
#\t0x680736\tmain.wait+0x16\t\t\t\tleaky/main.go:15

";

/// The goroutines of that program once its leak profile had been asked for.
const GOROUTINES: &str = "goroutine 1 [sleep]:
time.Sleep(0x3b9aca00)
\truntime/time.go:368 +0x165
main.main()
\tleaky/main.go:35 +0x1a5

goroutine 8 [chan send (leaked)]:
main.send(...)
\tleaky/main.go:14
created by main.leak in goroutine 1
\tleaky/main.go:17 +0x79

";

/// A Go program's pprof, with this answer where Go's own leak profile is served.
fn pprof_with_leak_profile(answer: &'static str) -> String {
    serve(move |path| match path.contains("goroutineleak") {
        true => ok(answer),
        false => ok(GOROUTINES),
    })
}

#[test]
fn gos_own_leak_profile_stands_beside_the_verdict() {
    let url = pprof_with_leak_profile(LEAKED);
    let flags = ["--for=1s", "--every=100ms"];
    let ended = run(&[&["watch", "--pprof", &url, "--format=json"][..], &flags].concat());
    let document = report::of(&ended);
    let profile = &document["wirings"][0]["leak_profile"];
    assert_eq!(profile["goroutines"], 4, "{ended:?}");
    let functions = profile["by_function"].as_array().expect("functions");
    let named: Vec<_> = functions.iter().map(|one| &one["function"]).collect();
    assert_eq!(named, ["main.send", "main.wait"]);
    let told = run(&[&["watch", "--pprof", &url][..], &flags].concat()).stdout;
    assert!(
        told.contains("Go's own leak profile finds 4 leaked goroutines"),
        "{told}"
    );
}

#[test]
fn another_answer_than_a_leak_profile_is_not_nothing_leaked() {
    for answer in [
        "",
        "<html>all is well</html>\n",
        "goroutine profile: total 0\n",
    ] {
        let url = pprof_with_leak_profile(answer);
        let flags = ["--for=500ms", "--every=100ms", "--format=json"];
        let ended = run(&[&["watch", "--pprof", &url][..], &flags].concat());
        assert!(
            ended.stderr.contains("Go's own leak profile: ")
                && ended.stderr.contains("answers something else"),
            "{ended:?}"
        );
        let document = report::of(&ended);
        assert_eq!(document["wirings"][0]["leak_profile"], Value::Null);
    }
}

#[test]
fn a_process_that_is_started_anew_is_judged_by_its_longest_stretch() {
    let Some(mut follower) = Follower::start("E", "0s", &[]) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let dumps = format!("--dump-dir={}", folder.path().display());
    let pprof = format!("--pprof={}", follower.pprof);
    let watch = std::thread::spawn(move || {
        let flags = [
            "--rotation=1s",
            "--containers=20",
            "--for=12s",
            "--format=json",
        ];
        run(&[&["watch", &pprof, &dumps][..], &flags].concat())
    });
    // Long enough for its goroutines' numbers to be higher than those that it begins with.
    poll("readings of three rotations", || {
        let kept = std::fs::read_dir(folder.path()).ok()?.count();
        (kept >= 30).then_some(())
    });
    follower.restart();
    let ended = watch.join().expect("watched");
    assert!(ended.stderr.contains("started anew"), "{}", ended.stderr);
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["trends"]["restarts"], 1, "{process}");
    assert_eq!(process["verdict"], "clean", "{process}");
}

/// A metrics endpoint whose gauge of goroutines depends on how often it has been read.
fn gauge(goroutines: impl Fn(usize) -> usize + Send + 'static) -> String {
    let readings = AtomicUsize::new(0);
    serve(move |_| {
        let reading = readings.fetch_add(1, Ordering::Relaxed);
        ok(&format!(
            "go_goroutines {}\nprocess_open_fds 57\n",
            goroutines(reading)
        ))
    })
}

#[test]
fn a_count_that_grows_in_steps_leaks_and_its_steps_are_told() {
    let url = gauge(|reading| 254 + 150 * (reading / 12));
    let flags = ["--for=13s", "--every=200ms", "--format=json"];
    let ended = run(&[&["watch", "--metrics", &url][..], &flags].concat());
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{ended:?}");
    let steps = process["trends"]["tasks"]["steps"]
        .as_array()
        .expect("steps");
    assert!(steps.len() >= 3, "{steps:?}");
    assert!(steps.iter().all(|step| step["size"] == 150.0), "{steps:?}");
}

#[test]
fn one_step_to_another_level_is_no_leak() {
    let url = gauge(|reading| if reading < 30 { 254 } else { 404 });
    let flags = ["--for=3s", "--every=50ms", "--format=json"];
    let ended = run(&[&["watch", "--metrics", &url][..], &flags].concat());
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "inconclusive", "{ended:?}");
    assert_eq!(
        process["trends"]["tasks"]["steps"].as_array().map(Vec::len),
        Some(1)
    );
}

/// A Python program with Prometheus' own client, which leaves a file open ten times a second.
const PYTHON_WITH_GAUGES: &str = "
import sys, threading, time
from wsgiref.simple_server import WSGIRequestHandler, make_server
from prometheus_client import make_wsgi_app

class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass

def leak():
    left = []
    while True:
        left.append(open('/dev/null'))
        time.sleep(0.1)

server = make_server('127.0.0.1', 0, make_wsgi_app(), handler_class=Quiet)
print(server.server_port, flush=True)
threading.Thread(target=leak, daemon=True).start()
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
";

#[test]
fn the_gauges_of_prometheus_own_client_are_read() {
    let Some(python) = prometheus_client() else {
        return;
    };
    let mut child = Command::new(python)
        .args(["-c", PYTHON_WITH_GAUGES])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let port = first_line(&mut child);
    let metrics = format!("--metrics=http://127.0.0.1:{port}/metrics");
    let ended = run(&[
        "watch",
        &metrics,
        "--fds-metric=process_open_fds",
        "--for=4s",
        "--every=100ms",
        "--format=json",
    ]);
    drop(child.stdin.take());
    child.wait().expect("ends");
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{ended:?}");
    let per_minute = process["trends"]["fds"]["per_minute"]
        .as_f64()
        .expect("a slope");
    assert!((300.0..700.0).contains(&per_minute), "{per_minute}");
}

#[test]
fn a_metric_that_is_not_there_is_an_error_with_the_nearest_name_and_never_zero() {
    let url = server(b"HTTP/1.0 200 OK\r\n\r\ngo_gorutines 254\nprocess_open_fds 57\n");
    let ended = run(&["watch", "--metrics", &url, "--for=8s", "--every=1s"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("there is no metric go_goroutines"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("go_gorutines"), "{ended:?}");
}

#[test]
fn counts_that_stand_still_with_nothing_that_shows_life_are_not_clean() {
    let url = server(b"HTTP/1.0 200 OK\r\n\r\ngo_goroutines 254\nprocess_open_fds 57\n");
    let ended = run(&[
        "watch",
        "--metrics",
        &url,
        "--for=2s",
        "--every=100ms",
        "--format=json",
        "--gate=*.verdict == clean",
    ]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let document = report::of(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "inconclusive");
    assert_eq!(process["final"]["tasks"], 254);
}

#[test]
fn a_server_without_a_profile_is_refused_with_what_it_answered() {
    for (answer, said) in [
        (&b"HTTP/1.0 200 OK\r\n\r\nhello\n"[..], "holds no goroutine"),
        (b"HTTP/1.0 401 No\r\n\r\n", "asks for authorization (401)"),
        (b"HTTP/1.0 404 No\r\n\r\n", "nothing at this address (404)"),
        (b"HTTP/1.0 302 No\r\nLocation: /again\r\n\r\n", "redirect"),
        (b"garbage\r\n\r\n", "pprof at http://127.0.0.1"),
    ] {
        let ended = run(&[
            "watch",
            "--pprof",
            &server(answer),
            "--for=5s",
            "--every=1s",
        ]);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up_in_time() {
    // The system accepts connections for it, and nobody reads them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let ended = run(&[
        "watch",
        "--pprof",
        &url,
        "--timeout=300ms",
        "--for=5s",
        "--every=1s",
    ]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("no answer within 300ms"), "{ended:?}");
}
