//! A worker process as its parent holds it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use leakcheck_text::json;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::protocol::{WorkerCommand, WorkerEngine, WorkerEvent, WorkerPlan};
use crate::sys::child_stderr::LastWords;
use crate::sys::console_server::PORT_VARIABLE;

/// How long a worker may say nothing where somebody wants the run to end.
const SILENCE_AT_THE_END: Duration = Duration::from_secs(4);
/// A worker that says nothing for this long is taken for dead, as is one that takes nothing in. While it is
/// alive it says how it stands several times a second, but for the 8 s at most that its monitor may take to
/// end.
const SILENCE: Duration = Duration::from_secs(15);
/// The same of a worker in paused time, which is busy with all of its containers at once, while nobody waits
/// for the end of the run.
const SILENCE_IN_PAUSED_TIME: Duration = Duration::from_secs(60);
/// How much is written to a worker at a time: a pipe of Linux holds as much by default (pipe(7)).
const WRITTEN_AT_ONCE: usize = 65_536;

/// A running worker. Dropping it kills the process.
pub struct WorkerProcess {
    child: Child,
    /// `None` once the worker has taken nothing in for too long: half a message may stand in the pipe then.
    input: Option<ChildStdin>,
    in_paused_time: bool,
    events: Lines<BufReader<ChildStdout>>,
    last_words: LastWords,
}

impl WorkerProcess {
    /// Starts a worker and gives it its plan.
    ///
    /// # Errors
    /// Fails where this program cannot be started again.
    pub async fn start(plan: &WorkerPlan) -> anyhow::Result<Self> {
        let program =
            std::env::current_exe().context("cannot find leakcheck's own program file")?;
        let mut child = tokio::process::Command::new(program)
            .arg("worker")
            // A backtrace would push the message that it belongs to out of the last words.
            .env("RUST_BACKTRACE", "0")
            .env_remove(PORT_VARIABLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C goes to the parent alone, which then ends the run in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a worker process")?;
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = (input, output, errors) else {
            bail!("the worker's pipes are missing");
        };
        let events = BufReader::new(output).lines();
        let mut worker = Self {
            child,
            input: Some(input),
            in_paused_time: matches!(plan.engine, WorkerEngine::InMemory(_)),
            events,
            last_words: LastWords::of(errors),
        };
        worker.write(plan).await?;
        Ok(worker)
    }

    /// Says something to the worker.
    ///
    /// # Errors
    /// Fails where the worker is gone, or takes nothing in.
    pub async fn tell(&mut self, command: &WorkerCommand) -> anyhow::Result<()> {
        self.write(command).await
    }

    async fn write(&mut self, message: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        for part in line.chunks(WRITTEN_AT_ONCE) {
            let Some(input) = &mut self.input else { break };
            match tokio::time::timeout(SILENCE, input.write_all(part)).await {
                Ok(written) => written.context("the worker does not listen")?,
                Err(_) => self.input = None,
            }
        }
        self.listens()
    }

    /// That the worker has taken in what it was told.
    fn listens(&self) -> anyhow::Result<()> {
        let seconds = SILENCE.as_secs();
        ensure!(
            self.input.is_some(),
            "the worker has taken nothing in for {seconds} s"
        );
        Ok(())
    }

    /// Waits for what the worker says next, less long where somebody waits for the end of the run. It may be
    /// dropped and called again.
    ///
    /// # Errors
    /// Fails where the worker died, with its last words, and where it says nothing or takes nothing in for too
    /// long.
    pub async fn next_event(&mut self, interrupted: bool) -> anyhow::Result<WorkerEvent> {
        self.listens()?;
        let silence = match (self.in_paused_time, interrupted) {
            (_, true) => SILENCE_AT_THE_END,
            (true, false) => SILENCE_IN_PAUSED_TIME,
            (false, false) => SILENCE,
        };
        match tokio::time::timeout(silence, self.events.next_line()).await {
            Ok(Ok(Some(line))) => json::parse(&line)
                .with_context(|| format!("the worker said something unexpected: {line}")),
            Ok(Ok(None)) => Err(self.death().await),
            Ok(Err(error)) => Err(error).context("the worker cannot be heard"),
            Err(_) => bail!("the worker has said nothing for {} s", silence.as_secs()),
        }
    }

    /// Waits for the worker's exit and describes it.
    async fn death(&mut self) -> anyhow::Error {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        match self.last_words.of_the_dead().await {
            None => anyhow!("the worker died ({status})"),
            Some(words) => anyhow!("the worker died ({status}): {words}"),
        }
    }

    /// Ends the worker and waits until it is gone.
    pub async fn end(&mut self) {
        // Nothing to be done where it cannot be killed: it goes when its input ends.
        let _ = self.child.kill().await;
    }
}
