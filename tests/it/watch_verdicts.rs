//! What `leakcheck watch` makes of programs that nobody here wrote: leaks that begin late or lie elsewhere than
//! in descriptors, work that comes and goes, and what is dead or was not read.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::peers::{Shape, first_line};
use crate::common::program::{Ended, Program, run};
use crate::common::{have, poll, report};

/// Watches, and reads the process of the report.
fn watch(flags: &[&str]) -> (Ended, Value) {
    let ended = run(&[&["watch", "--format=json"], flags].concat());
    let process = report::of(&ended)["wirings"][0].clone();
    (ended, process)
}

fn reason(process: &Value) -> &str {
    process["reason"].as_str().expect("told")
}

fn answer<'a>(process: &'a Value, question: &str) -> &'a str {
    let verdict = process["answers"][question]["verdict"].as_str();
    verdict.unwrap_or_else(|| panic!("no answer on {question}: {process}"))
}

const CLEAN: &str = "--gate=*.verdict == clean";

#[test]
fn a_leak_that_begins_late_is_found_and_when_it_began_is_told() {
    for rotation in [&[][..], &["--rotation=500ms"]] {
        let Some(shape) = Shape::start(&["-shape=late", "-start=6s"]) else {
            return;
        };
        let (ended, process) = watch(&[&[&shape.address, "--for=10s", CLEAN], rotation].concat());
        assert_eq!(ended.code, Some(1), "{}", reason(&process));
        assert_eq!(process["verdict"], "leaking");
        assert!(
            reason(&process).contains("what has come stays"),
            "{process}"
        );
        let rise = &process["trends"]["tasks"]["rise"];
        let began_ms = rise["from_ms"].as_f64().expect("a rise");
        let samples = process["samples"].as_array().expect("samples");
        let tasks = |sample: &Value| sample["tasks"].as_u64();
        let level = samples
            .iter()
            .rfind(|sample| tasks(sample) <= tasks(&samples[0]));
        let level_ms = level.and_then(|sample| sample["t_ms"].as_f64());
        let apart_ms = began_ms - level_ms.expect("level at first");
        assert!(apart_ms.abs() < 1_500.0, "{apart_ms} {process}");
        assert!(process["began_at"].is_string(), "{process}");
    }
}

#[test]
fn a_dead_linear_leak_is_a_verdict_within_seconds() {
    let Some(shape) = Shape::start(&["-shape=leak", "-rate=10"]) else {
        return;
    };
    let (ended, process) = watch(&[&shape.address, "--until=verdict"]);
    assert_eq!(process["verdict"], "leaking", "{ended:?}");
    let samples = process["samples"].as_array().expect("samples");
    let last_ms = samples.last().and_then(|sample| sample["t_ms"].as_u64());
    assert!(last_ms < Some(30_000), "of its ten minutes: {last_ms:?}");
    // The process was found by its pprof: nobody gave its number.
    let covers = process["covers"].as_array().expect("a list");
    for count in ["goroutines", "fds", "threads"] {
        assert!(covers.contains(&Value::from(count)), "{covers:?}");
    }
}

#[test]
fn work_that_comes_and_goes_is_never_a_leak() {
    let shapes: [&[&str]; 3] = [
        &["-shape=plateau", "-start=4s"],
        &["-shape=sawtooth"],
        &["-shape=turnover", "-rate=5"],
    ];
    let watched = shapes.map(|flags| {
        std::thread::spawn(move || {
            let shape = Shape::start(flags)?;
            Some((flags, watch(&[&shape.address, "--for=10s"]).1))
        })
    });
    for thread in watched {
        let Some((flags, process)) = thread.join().expect("watched") else {
            return;
        };
        assert_ne!(
            answer(&process, "leak"),
            "leaking",
            "{flags:?}: {}",
            reason(&process)
        );
    }
}

#[test]
fn a_go_program_that_is_level_is_clean_with_its_goroutines_read_and_not_without() {
    let Some(shape) = Shape::start(&["-shape=flat"]) else {
        return;
    };
    let (ended, process) = watch(&[&shape.address, "--for=6s", CLEAN]);
    assert_eq!(ended.code, Some(0), "{}", reason(&process));
    assert!(reason(&process).contains("covers"), "{}", reason(&process));

    let (ended, process) = watch(&[&shape.pid(), "--for=3s", CLEAN]);
    assert_eq!(ended.code, Some(3), "{}", reason(&process));
    let leak = process["answers"]["leak"]["reason"].as_str().expect("told");
    assert!(leak.contains("its goroutines were not read"), "{leak}");
}

#[test]
fn a_server_is_clean_under_a_load_that_closes_and_idle_without() {
    let Some(shape) = Shape::start(&["-shape=server"]) else {
        return;
    };
    let (_, process) = watch(&[&shape.address, "--for=4s"]);
    assert_eq!(process["verdict"], "inconclusive", "{}", reason(&process));
    assert!(reason(&process).contains("idle"), "{}", reason(&process));

    let over = Arc::new(AtomicBool::new(false));
    let asking = std::thread::spawn({
        let (over, address) = (Arc::clone(&over), shape.address.clone());
        move || {
            while !over.load(Ordering::Relaxed) {
                ask_and_close(&address);
                // A load, and none that uses up all ports of the machine.
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    });
    let (ended, process) = watch(&[&shape.address, "--for=8s", CLEAN]);
    over.store(true, Ordering::Relaxed);
    asking.join().expect("asked");
    assert_eq!(ended.code, Some(0), "{}", reason(&process));
    assert!(
        reason(&process).contains("goroutines started"),
        "{}",
        reason(&process)
    );
}

fn ask_and_close(address: &str) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let request = "GET /debug/pprof/cmdline HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sent");
    stream.read_to_end(&mut Vec::new()).expect("answered");
}

/// A Python program that leaks what its word says, ten times a second, and says when it begins.
const LEAKS: &str = "
import os, subprocess, sys, threading, time
kept = []
def leak(what):
    if what == 'threads':
        threading.Thread(target=time.sleep, args=(500,), daemon=True).start()
    if what == 'children':
        kept.append(subprocess.Popen(['sleep', '500']))
    if what == 'zombies':
        kept.append(subprocess.Popen(['true']))
    if what == 'memory':
        kept.append(bytearray(os.urandom(1_000_000)))
print('begins', flush=True)
while True:
    leak(sys.argv[1])
    time.sleep(0.1)
";

/// It ends with what it has started.
struct Leaking(Child);

impl Leaking {
    fn start(what: &str) -> Self {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new("python3");
        let mut child = (command.args(["-c", LEAKS, what]).process_group(0))
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        first_line(&mut child);
        Self(child)
    }
}

impl Drop for Leaking {
    fn drop(&mut self) {
        let group = i32::try_from(self.0.id()).expect("a pid");
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

#[test]
fn threads_children_and_zombies_leak_like_any_count_and_memory_is_never_clean() {
    if !have("python3") {
        return;
    }
    let all = ["threads", "children", "zombies", "memory"].map(|what| {
        std::thread::spawn(move || {
            let leaking = Leaking::start(what);
            let pid = leaking.0.id().to_string();
            (what, watch(&[&pid, "--for=8s", "--every=100ms", CLEAN]))
        })
    });
    for thread in all {
        let (what, (ended, process)) = thread.join().expect("watched");
        match what {
            "memory" => {
                assert_eq!(ended.code, Some(3), "{what}: {}", reason(&process));
                assert!(
                    reason(&process).contains("its memory does"),
                    "{}",
                    reason(&process)
                );
            }
            _ => {
                assert_eq!(
                    process["verdict"],
                    "leaking",
                    "{what}: {}",
                    reason(&process)
                );
                assert!(
                    reason(&process).contains(what),
                    "{what}: {}",
                    reason(&process)
                );
                let course = &process["trends"][what]["course"];
                assert_eq!(course, "growing", "{what}");
            }
        }
    }
}

/// A Go program's pprof that renews its five goroutines at each reading, up to a reading.
fn pprof_that_freezes(after: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let readings = AtomicUsize::new(0);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer_pprof(stream, || {
                let reading = readings.fetch_add(1, Ordering::Relaxed).min(after);
                let goroutine = |number: usize| {
                    format!(
                        "goroutine {} [IO wait]:\nmain.f()\n\t/x/main.go:1 +0x1\ncreated by main.c in \
                         goroutine 1\n\t/x/main.go:2 +0x1\n\n",
                        10 + reading / 2 * 5 + number
                    )
                };
                (0..5).map(goroutine).collect()
            });
        }
    });
    address
}

/// Answers one request: a dump, and to whatever else that there is none.
fn answer_pprof(mut stream: impl Read + Write, dump: impl FnOnce() -> String) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..read]);
    let answer = match text.contains("/goroutine?") {
        true => format!("HTTP/1.0 200 OK\r\n\r\n{}", dump()),
        false => "HTTP/1.0 404 No\r\n\r\n".into(),
    };
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
fn what_stops_working_at_any_moment_of_the_watch_is_never_clean() {
    // Of some 40 readings.
    let watched = [8, 20, 28, 32, 36].map(|after| {
        std::thread::spawn(move || {
            let address = pprof_that_freezes(after);
            let mut asleep = Command::new("sleep").arg("60").spawn().expect("starts");
            let pid = asleep.id().to_string();
            let pprof = format!("--pprof={address}");
            let flags = ["--every=100ms", "--for=4s", "--warm-up=0s"];
            let process = watch(&[&[pid.as_str(), pprof.as_str()][..], &flags].concat()).1;
            asleep.kill().expect("ended");
            asleep.wait().expect("ended");
            (after, process)
        })
    });
    for thread in watched {
        let (after, process) = thread.join().expect("watched");
        let (_, liveness) = (reason(&process), answer(&process, "liveness"));
        assert_eq!(
            liveness, "inconclusive",
            "frozen after {after} readings: {process}"
        );
        assert_ne!(process["verdict"], "clean");
    }
}

/// A metrics endpoint that answers after so long; its goroutines grow by ten at each reading.
fn slow_metrics(delay_ms: u64, readings: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            std::thread::sleep(std::time::Duration::from_millis(delay_ms));
            let reading = readings.fetch_add(1, Ordering::Relaxed);
            let body = format!("go_goroutines {}\nprocess_open_fds 7\n", 100 + 10 * reading);
            let _ = stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{body}").as_bytes());
        }
    });
    format!("--metrics={address}")
}

#[test]
fn a_watch_ends_when_it_said_it_would_though_each_reading_takes_longer_than_its_interval() {
    let metrics = slow_metrics(300, Arc::default());
    let (ended, process) = watch(&[&metrics, "--for=2s", "--every=100ms"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let samples = process["samples"].as_array().expect("samples").len();
    assert!(samples <= 8, "{samples} readings of 300 ms in 2 s");
}

#[test]
fn however_soon_it_is_interrupted_a_watch_says_what_grew() {
    let readings = Arc::new(AtomicUsize::new(0));
    let metrics = slow_metrics(0, Arc::clone(&readings));
    let mut program = Program::start(&["watch", &metrics, "--every=300ms", "--format=json"]);
    poll("three readings", || {
        (readings.load(Ordering::Relaxed) >= 4).then_some(())
    });
    program.send(Signal::SIGINT);
    let ended = program.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let process = report::of(&ended)["wirings"][0].clone();
    assert_eq!(process["verdict"], "inconclusive", "{}", reason(&process));
    assert!(
        reason(&process).contains("went from 100 to 1"),
        "{}",
        reason(&process)
    );
    assert!(process["final"]["tasks"].as_u64() > process["baseline"]["tasks"].as_u64());
}

#[test]
fn pprof_is_read_over_a_unix_socket() {
    let folder = tempfile::tempdir().expect("a directory");
    let socket = folder.path().join("daemon.sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer_pprof(stream, || {
                "goroutine 1 [running]:\nmain.main()\n\t/x.go:1 +0x1\n\n".into()
            });
        }
    });
    let target = format!("unix://{}", socket.display());
    let (ended, process) = watch(&[&target, "--for=1s", "--every=100ms"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(process["final"]["tasks"], 1);
    assert_eq!(process["source"], "pprof");
}

#[test]
fn an_address_that_serves_nothing_to_watch_is_refused_with_what_it_lacks() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer_pprof(stream, String::new);
        }
    });
    let ended = run(&["watch", &address]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("serves neither /debug/pprof nor /metrics"),
        "{ended:?}"
    );
}

#[test]
fn what_a_process_has_started_is_read_with_it_where_that_is_asked_for() {
    if !have("python3") {
        return;
    }
    let leaking = Leaking::start("children");
    let pid = leaking.0.id().to_string();
    let alone = watch(&[&pid, "--for=2s", "--every=100ms"]).1;
    let tree = watch(&[&pid, "--tree", "--for=2s", "--every=100ms"]).1;
    let threads = |process: &Value| process["samples"][0]["threads"].as_u64();
    assert_eq!(threads(&alone), Some(1), "{alone}");
    assert!(threads(&tree) > Some(5), "a thread each: {tree}");
}
