//! Lines per second through 1,000 streams, end to end: the monitor against a bare bollard loop that only
//! counts. The engine is asked for more than either can take, and serves each in turn.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::StreamExt;
use jiff::Timestamp;
use leakcheck::internals::docker::endpoint::Endpoint;
use leakcheck::internals::engine_process::EngineProcess;
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::workload::containers::Fleet;

use super::program::{LEAKCHECK, figure, report_of, samples};
use super::{Row, median};

const STREAMS: usize = 1_000;
/// Lines that each container prints in a second: more than two cores carry.
const LINES_PER_SECOND: u32 = 50_000;
/// How long lines are counted.
const COUNTED_FOR: Duration = Duration::from_secs(5);
/// Runs of each, in turn.
const ROUNDS: usize = 3;

pub fn measure() -> Vec<Row> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut bare, mut monitor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(runtime.block_on(bare_loop()));
        monitor.push(through_the_monitor());
    }
    let (bare, monitor) = (median(bare), median(monitor));
    vec![Row::new(
        "lines a second through 1,000 streams: the monitor, a bare bollard loop",
        format!("{:.2} and {:.2} million", monitor / 1e6, bare / 1e6),
        format!("{:.2}", monitor / bare),
    )]
}

/// From the baseline to the first rotation's sample.
fn through_the_monitor() -> f64 {
    let (streams, rate) = (
        format!("--containers={STREAMS}"),
        format!("--lines-per-second={LINES_PER_SECOND}"),
    );
    let rotation = format!("--rotation={}s", COUNTED_FOR.as_secs());
    let report = report_of(&[
        "--wiring=fixed",
        "--clock=real",
        "--silent=0",
        "--rotations=1",
        &streams,
        &rate,
        &rotation,
    ]);
    let [baseline, last] = samples(&report) else {
        panic!(
            "no rotation was sampled: {}",
            report["wirings"][0]["reason"]
        );
    };
    let grown = |pointer| figure(last, pointer) - figure(baseline, pointer);
    grown("/lines_read") / (grown("/t_ms") / 1000.0)
}

async fn bare_loop() -> f64 {
    let fleet = Fleet::generate(STREAMS, 0.0, f64::from(LINES_PER_SECOND), 1);
    let now = Timestamp::now().as_nanosecond();
    let spec = EngineSpec {
        fleet,
        started_at_ns: i64::try_from(now).expect("this century"),
    };
    let engine = EngineProcess::start_program(Path::new(LEAKCHECK), &spec).await;
    let engine = engine.expect("an engine");
    let url = format!("unix://{}", engine.socket().display());
    let endpoint = Endpoint::parse(&url).expect("a unix socket");
    let (docker, _) = endpoint.connect().await.expect("an engine");
    let lines = Arc::new(AtomicU64::new(0));
    let opened = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (spec.fleet.containers.into_iter())
        .map(|container| {
            let counting = count(
                docker.clone(),
                container.name,
                Arc::clone(&lines),
                Arc::clone(&opened),
            );
            tokio::spawn(counting)
        })
        .collect();
    while opened.load(Ordering::Relaxed) < STREAMS as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (before, started) = (lines.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(COUNTED_FOR).await;
    let counted = lines.load(Ordering::Relaxed) - before;
    let rate = counted as f64 / started.elapsed().as_secs_f64();
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    engine.stop().await.expect("ends");
    rate
}

/// Follows a container and counts its lines.
async fn count(docker: Docker, name: String, lines: Arc<AtomicU64>, opened: Arc<AtomicU64>) {
    let options = LogsOptionsBuilder::new()
        .follow(true)
        .stdout(true)
        .stderr(true);
    let mut stream = docker.logs(&name, Some(options.timestamps(true).build()));
    let mut first = true;
    while let Some(output) = stream.next().await {
        let _ = output.expect("a frame");
        lines.fetch_add(1, Ordering::Relaxed);
        if std::mem::take(&mut first) {
            opened.fetch_add(1, Ordering::Relaxed);
        }
    }
}
