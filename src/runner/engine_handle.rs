//! An engine as the runner asks it: the same questions to a synthetic and to a real one.

use std::time::Duration;

use bollard::Docker;
use docker_engine::ask;
use docker_engine::error_text::told;
use jiff::Timestamp;
use leakcheck_report::exit_code::Failure;
use leakcheck_report::model::report::EngineCounts;
use log_monitor::EngineAddress;
use log_monitor::log_position::{LastLine, LogsOf};
use synthetic_engine::spec::EngineSpec;
use tokio_util::sync::CancellationToken;

use crate::docker::{engine_load, last_lines, line_count};
use crate::engine_process::EngineProcess;
use crate::probe::process::rss_bytes;
use crate::protocol::WorkerEngine;

/// How long an engine may take to tell its counts: they are the story's margin, not its matter.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often an engine is asked whether it is there before it counts as gone, how long each answer may
/// take (one of our own serves nobody else), and how long after another it is asked again.
const ASKED: u32 = 3;
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const OUR_ANSWER_LIMIT: Duration = Duration::from_secs(5);
const ASK_PAUSE: Duration = Duration::from_secs(1);
/// How long it may take to tell the last lines of all containers where somebody waits for the end of the run.
const LAST_LINES_PATIENCE_AT_THE_END: Duration = Duration::from_millis(1500);

/// An engine that serves the containers of a wiring's shard, or of all wirings.
pub(super) enum EngineHandle {
    /// One that listens.
    Listening(Box<ListeningEngine>),
    /// One that the worker serves to itself: only the worker can ask it.
    InWorker(EngineSpec),
}

/// An engine that anybody can ask.
pub(super) struct ListeningEngine {
    docker: Docker,
    url: String,
    logs_of: LogsOf,
    /// The synthetic engine's process, which tells its connections too.
    process: Option<EngineProcess>,
}

impl EngineHandle {
    pub(super) fn real(docker: Docker, url: String, logs_of: LogsOf) -> Self {
        Self::Listening(Box::new(ListeningEngine {
            docker,
            url,
            logs_of,
            process: None,
        }))
    }

    pub(super) fn synthetic(docker: Docker, url: String, process: EngineProcess) -> Self {
        Self::Listening(Box::new(ListeningEngine {
            docker,
            url,
            logs_of: LogsOf::Containers,
            process: Some(process),
        }))
    }

    /// The engine as a worker is told of it.
    pub(super) fn for_worker(&self) -> WorkerEngine {
        match self {
            Self::Listening(engine) => WorkerEngine::At(engine.address()),
            Self::InWorker(spec) => WorkerEngine::InMemory(spec.clone()),
        }
    }

    /// The engine, where it can be asked.
    pub(super) fn listening(&self) -> Option<&ListeningEngine> {
        match self {
            Self::Listening(engine) => Some(engine),
            Self::InWorker(_) => None,
        }
    }

    /// Ends a synthetic engine; a real one is left alone.
    pub(super) async fn end(self) {
        if let Self::Listening(engine) = self
            && let Some(process) = engine.process
        {
            // What it served has been measured.
            process.discard().await;
        }
    }
}

impl ListeningEngine {
    /// Whether it is leakcheck's own.
    pub(super) fn is_ours(&self) -> bool {
        self.process.is_some()
    }

    /// Where the monitor finds the engine.
    fn address(&self) -> EngineAddress {
        let version = self.docker.client_version();
        EngineAddress {
            url: self.url.clone(),
            api_version: (version.major_version, version.minor_version),
            logs_of: self.logs_of,
        }
    }

    /// Why the engine counts as gone, where it does not answer any more. One that is busy for a moment is
    /// asked again.
    pub(super) async fn gone(&self) -> Option<String> {
        let mut why = self.silent().await?;
        for _ in 1..ASKED {
            tokio::time::sleep(ASK_PAUSE).await;
            why = self.silent().await?;
        }
        Some(why)
    }

    /// Why the engine does not answer at this moment, where it does not.
    async fn silent(&self) -> Option<String> {
        let asked = async {
            match &self.process {
                // By the way on which no connection is counted.
                Some(process) => process.state().await.map(drop),
                None => ask::ping(&self.docker)
                    .await
                    .map_err(|error| anyhow::anyhow!(told(&error))),
            }
        };
        let limit = match self.is_ours() {
            true => OUR_ANSWER_LIMIT,
            false => ANSWER_LIMIT,
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("the engine is gone: {error:#}")),
            Err(_) => Some(format!(
                "the engine was asked {ASKED} times and did not answer within {} s",
                limit.as_secs()
            )),
        }
    }

    /// What the engine counts of itself; whatever it does not tell is unknown.
    pub(super) async fn counts(&self) -> EngineCounts {
        // One after the other: the second question's connection is not to be counted by the first.
        let process = self.process.as_ref();
        let state = match process {
            Some(process) => tokio::time::timeout(PATIENCE, process.state()).await,
            None => Ok(Err(anyhow::anyhow!("a real engine does not tell"))),
        };
        let load = tokio::time::timeout(PATIENCE, engine_load::read(&self.docker)).await;
        let state = state.ok().and_then(Result::ok);
        let load = load.ok().and_then(Result::ok).unwrap_or_default();
        EngineCounts {
            connections: state.as_ref().map(|state| state.connections),
            goroutines: load.goroutines,
            fds: load.fds,
            rss_bytes: process.and_then(EngineProcess::pid).and_then(rss_bytes),
            faults: state.map(|state| state.faults).unwrap_or_default(),
        }
    }

    /// The last line that each container has printed by now, so many asked at a time. Who ends the run waits for that for some seconds,
    /// and no longer.
    pub(super) async fn last_lines(
        &self,
        containers: &[String],
        at_a_time: usize,
        interrupt: &CancellationToken,
    ) -> Result<Vec<Option<LastLine>>, Failure> {
        let enough_waited = async {
            interrupt.cancelled().await;
            tokio::time::sleep(LAST_LINES_PATIENCE_AT_THE_END).await;
        };
        tokio::select! {
            told = last_lines::read(&self.docker, self.logs_of, containers, at_a_time) => told,
            () = enough_waited => Err(Failure::environment(format!(
                "the engine did not tell the containers' last lines within {} s",
                LAST_LINES_PATIENCE_AT_THE_END.as_secs_f64()
            ))),
        }
    }

    /// How many lines each container printed from `since` to its own last moment.
    pub(super) async fn count_lines(
        &self,
        containers: &[(String, Option<Timestamp>)],
        since: Timestamp,
    ) -> Result<Vec<u64>, Failure> {
        line_count::read(&self.docker, containers, since).await
    }
}
