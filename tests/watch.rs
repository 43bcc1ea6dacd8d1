//! `leakcheck watch`: a process that runs already, judged by its counts and its signs of life.

#![allow(clippy::expect_used, reason = "helpers of tests may panic like tests")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use ::leakcheck::report::model::Report;
use ::leakcheck::report::schema;
use common::program::{Ended, Program, run};
use common::{leakcheck, poll, report, skip};
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// The Go follower, built once; `None` where there is no Go.
fn follower() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<TempDir>> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        if Command::new("go").arg("version").output().is_err() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a directory");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/follower");
        let built = Command::new("go")
            .args(["build", "-buildvcs=false", "-trimpath", "-o"])
            .arg(folder.path().join("follower"))
            .arg(".")
            .current_dir(source)
            .output()
            .expect("go can be run");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        Some(folder)
    });
    let path = folder.as_ref().map(|folder| folder.path().join("follower"));
    static PATH: OnceLock<std::path::PathBuf> = OnceLock::new();
    path.map(|path| PATH.get_or_init(|| path).as_path())
}

/// A Go follower of an engine's containers.
struct Follower {
    child: Child,
    pprof: String,
    _engine: Program,
    _folder: TempDir,
}

impl Follower {
    /// `None`, with a line that says so, where there is no Go.
    fn start(wiring: &str, delay: &str, engine_flags: &[&str]) -> Option<Self> {
        let Some(program) = follower() else {
            skip("go cannot be run");
            return None;
        };
        let folder = tempfile::tempdir().expect("a directory");
        let socket = folder.path().join("engine.sock");
        let address = format!("unix://{}", socket.display());
        let mut flags = vec!["engine", "--containers=20", "--listen", &address];
        flags.extend(engine_flags);
        let engine = Program::start(&flags);
        poll("the engine's socket", || socket.exists().then_some(()));
        let mut child = Command::new(program)
            .args(["-until-stdin-closes", "-rotation=1s", "-wiring", wiring])
            .args(["-consumer-delay", delay, "-docker", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut said = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut said).expect("text");
        let pprof = said
            .trim()
            .strip_prefix("pprof ")
            .expect("its address")
            .to_owned();
        Some(Self {
            child,
            pprof,
            _engine: engine,
            _folder: folder,
        })
    }

    fn watch(&self, flags: &[&str]) -> Ended {
        let pid = format!("--pid={}", self.child.id());
        let pprof = format!("--pprof={}", self.pprof);
        let mut all = vec!["watch", "--rotation=1s", "--containers=20", "--format=json"];
        all.extend([pid.as_str(), pprof.as_str()]);
        all.extend(flags);
        run(&all)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn document(ended: &Ended) -> Value {
    let document: Value = serde_json::from_str(&ended.stdout).expect("one JSON document");
    report::assert_valid(&document, &schema::of::<Report>());
    document
}

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
    let document = document(&ended);
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
    let document = document(&ended);
    let process = &document["wirings"][0];
    assert_eq!(each(process, "tasks"), 0.0);
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
        let document = document(&ended);
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
    let document = document(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "inconclusive", "{}", process["reason"]);
}

#[test]
fn go_h2_leaks_two_goroutines_and_one_fd_and_its_idle_connections_are_named() {
    let Some(follower) = Follower::start("H2", "0s", &[]) else {
        return;
    };
    let document = document(&follower.watch(&["--for=8s"]));
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
fn a_tokio_programs_leaking_spawn_site_is_named_by_its_console() {
    if !cfg!(all(feature = "console", tokio_unstable)) {
        return skip("--console needs a build with --cfg tokio_unstable and the feature console");
    }
    let program = Program::start(&[
        "run",
        "--console",
        "--wiring=old",
        "--containers=20",
        "--rotations=300",
        "--rotation=1s",
        "--clock=real",
    ]);
    let address = poll("the console's address", || {
        let said = program.said("stderr");
        let line = said
            .lines()
            .find_map(|line| line.strip_prefix("tokio-console "))?;
        Some(line.split_whitespace().next()?.to_owned())
    });
    // It listens a moment after its address is printed.
    poll("the console", || {
        std::net::TcpStream::connect(address.strip_prefix("http://")?).ok()
    });
    let console = format!("--console={address}");
    let ended = run(&[
        "watch",
        &console,
        "--rotation=1s",
        "--containers=20",
        "--for=9s",
        "--format=json",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let document = document(&ended);
    let process = &document["wirings"][0];
    assert_eq!(process["verdict"], "leaking", "{}", process["reason"]);
    assert_eq!(process["trends"]["tasks_are_lower_bound"], false);
    let rate = |place: &str| {
        let sites = process["sites"].as_array().expect("sites");
        let site = sites
            .iter()
            .find(|site| site["label"].as_str().is_some_and(|l| l.contains(place)));
        let site = site.unwrap_or_else(|| panic!("{place} is not in {sites:?}"));
        site["per_rotation_per_container"].as_f64().expect("a rate")
    };
    assert!(
        (rate("reader.rs") - 1.0).abs() < 0.25,
        "{}",
        process["sites"]
    );
}

/// A server that answers each request alike.
fn server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer);
        }
    });
    format!("http://{address}")
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
    let document = document(&ended);
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
    let document = document(&ended);
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
    // A second descriptor of a pipe, say: the signal handlers are there once its runtime is.
    poll("its event loop", || {
        let folder = format!("/proc/{}/fd", program.pid());
        let fds = std::fs::read_dir(folder).ok()?.count();
        (fds > 6).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert_eq!(document(&ended)["partial"], true);
}

#[test]
fn flags_that_leave_nothing_to_measure_are_refused_by_name() {
    for (flags, said) in [
        (&["--for=8s"][..], "--pid"),
        (&["--pid=1", "--containers=5"], "--rotation"),
        (&["--pid=1", "--rotation=1s", "--every=1s"], "--every 1s"),
        (&["--pid=1", "--for=1s"], "--for 1s"),
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
