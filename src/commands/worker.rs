//! `leakcheck worker`: the hidden command that `leakcheck run` starts for each wiring and shard.

use anyhow::Context;
use leakcheck_report::exit_code::{ExitCode, Failure};
use log_monitor::census;
use tokio::runtime::{Builder, Runtime};

use crate::experiment::fd_budget::FDS_LEFT_TO_ENGINE;
use crate::protocol::{WorkerEngine, WorkerEvent, WorkerPlan};
use crate::sys::console_server;
use crate::worker::experiment::Experiment;
use crate::worker::parent_link;

/// Reads its plan from standard input, carries the experiment out, and says what it found.
///
/// # Errors
/// Fails where there is no plan, or no runtime can be had.
pub fn execute() -> Result<ExitCode, Failure> {
    let (plan, commands) = parent_link::open::<WorkerPlan>()?;
    raise_fd_limit();
    if let Some(port) = plan.console_port {
        console_server::serve(port)?;
    }
    let runtime = match plan.engine {
        WorkerEngine::At(_) => in_wall_time(),
        WorkerEngine::InMemory(_) => in_paused_time(),
    };
    let runtime = runtime.context("cannot start the worker's runtime")?;
    runtime.block_on(async {
        match Experiment::start(plan, commands) {
            Ok(experiment) => {
                let finding = experiment.run().await;
                parent_link::say(&WorkerEvent::Finished(Box::new(finding)));
            }
            Err(error) => parent_link::say(&WorkerEvent::Failed {
                message: format!("{error:#}"),
            }),
        }
    });
    // What a wiring never closes is not waited for.
    runtime.shutdown_background();
    Ok(ExitCode::Measured)
}

fn in_wall_time() -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    census().observe(builder.enable_all());
    builder.build()
}

/// A runtime on one thread whose time goes on when nothing is left to be done, and whose choices are the
/// same each time.
#[cfg(tokio_unstable)]
fn in_paused_time() -> std::io::Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_all()
        .start_paused(true)
        .rng_seed(tokio::runtime::RngSeed::from_bytes(b"leakcheck"));
    // The engine lives in this runtime too: its tasks are not the monitor's.
    census().observe_unless(synthetic_engine::spawn::is_spawning, &mut builder);
    builder.build()
}

/// The parent asks for it only where this build has it.
#[cfg(not(tokio_unstable))]
fn in_paused_time() -> std::io::Result<Runtime> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Raises the limit of file descriptors as far as the system lets a process do it by itself, less
/// what the engine needs beside the worker's connections: a synthetic engine has the same limit,
/// and once it can accept no connection it answers nobody. A lower limit only ends the run early.
fn raise_fd_limit() {
    let _ = rlimit::increase_nofile_limit(u64::MAX).and_then(|limit| {
        let hard = rlimit::Resource::NOFILE.get_hard()?;
        rlimit::Resource::NOFILE.set(limit.saturating_sub(FDS_LEFT_TO_ENGINE), hard)
    });
}
