//! The parent's handle on an engine in a process of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use leakcheck_text::json;
use serde::{Deserialize, Serialize};
use synthetic_engine::followers::FollowersTold;
use synthetic_engine::rotation::Rotation;
use synthetic_engine::routes::{FOLLOWERS_PATH, ROTATE_PATH, STATE_PATH};
use synthetic_engine::spec::EngineSpec;
use synthetic_engine::state::EngineState;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::sys::console_server::PORT_VARIABLE;
use crate::sys::socket_dirs::private_directory;

/// How long a child may take to listen: process start and one bind, on a loaded machine.
const START_BOUND: Duration = Duration::from_secs(15);
/// How long a child may take to end before it is killed.
const STOP_BOUND: Duration = Duration::from_secs(5);
/// The same of one that nobody needs any more.
const DISCARD_BOUND: Duration = Duration::from_secs(1);
/// One that runs and cannot be reached, as one that starts anew, is asked again after so long.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// How long the engine may take to tell its state.
const STATE_BOUND: Duration = Duration::from_secs(10);

/// What a child is told, as one JSON line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Introduction {
    /// The private directory that its socket is to be in. It is its parent's, which removes it whatever becomes
    /// of the child; the child does so where it outlives its parent.
    pub directory: PathBuf,
    /// What it is to serve.
    pub spec: EngineSpec,
}

/// What a child prints, as one JSON line, once it listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listening {
    /// Its unix socket, in a private directory.
    pub socket: PathBuf,
}

/// A running engine in a child process. It ends with [`EngineProcess::stop`], when this is
/// dropped, and when this process dies, whatever way it dies.
#[derive(Debug)]
pub struct EngineProcess {
    child: Mutex<Child>,
    /// The child ends at the end of its stdin; `None` once that is closed.
    stdin: Option<ChildStdin>,
    socket: PathBuf,
    /// Removed once the child is killed.
    _directory: TempDir,
}

impl EngineProcess {
    /// Starts an engine out of this very program.
    ///
    /// # Errors
    /// Fails where the process cannot be started or ends before it listens.
    pub async fn start(spec: &EngineSpec) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell this program's own path")?;
        Self::start_program(&program, spec).await
    }

    /// Starts an engine out of the given `leakcheck` program.
    ///
    /// # Errors
    /// As [`EngineProcess::start`].
    pub async fn start_program(program: &Path, spec: &EngineSpec) -> anyhow::Result<Self> {
        let directory = private_directory()?;
        let introduction = Introduction {
            directory: directory.path().to_owned(),
            spec: spec.clone(),
        };
        let mut child = Command::new(program)
            .args(["engine", "--child"])
            .env_remove(PORT_VARIABLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A group of its own: the terminal's Ctrl-C is for the parent, which then stops it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the engine process {}", program.display()))?;
        // From here on an early return kills the child.
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("the engine process was started without pipes");
        };
        match timeout(START_BOUND, introduce(&mut stdin, stdout, &introduction)).await {
            Ok(Ok(Listening { socket })) => Ok(Self {
                child: Mutex::new(child),
                stdin: Some(stdin),
                socket,
                _directory: directory,
            }),
            Ok(Err(error)) => {
                drop(stdin);
                let status = end(&mut child).await?;
                Err(error).with_context(|| {
                    format!("the engine process ended before it listened ({status}); its message is on stderr")
                })
            }
            Err(_) => {
                drop(stdin);
                end(&mut child).await?;
                bail!("the engine process did not listen within {START_BOUND:?}");
            }
        }
    }

    /// The unix socket that it listens on.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The child's process id; `None` once it ended.
    pub fn pid(&self) -> Option<u32> {
        self.lock().id()
    }

    /// Asks for the engine's live counts, over a connection of its own.
    ///
    /// # Errors
    /// Fails where the engine does not answer.
    pub async fn state(&self) -> anyhow::Result<EngineState> {
        Ok(serde_json::from_slice(
            &self.ask(Method::GET, STATE_PATH).await?,
        )?)
    }

    /// Asks for what the engine knows of its containers' followers.
    ///
    /// # Errors
    /// As [`EngineProcess::state`].
    pub async fn followers(&self) -> anyhow::Result<FollowersTold> {
        Ok(serde_json::from_slice(
            &self.ask(Method::GET, FOLLOWERS_PATH).await?,
        )?)
    }

    /// Rotates the streams of all containers.
    ///
    /// # Errors
    /// As [`EngineProcess::state`].
    pub async fn rotate(&self, rotation: Rotation) -> anyhow::Result<()> {
        let (by, keep) = (rotation.by.word(), u8::from(rotation.keeps_streams));
        let path = format!("{ROTATE_PATH}?by={by}&keep={keep}");
        self.ask(Method::POST, &path).await.map(drop)
    }

    /// Asks the engine over a connection of its own.
    async fn ask(&self, method: Method, path: &str) -> anyhow::Result<Bytes> {
        timeout(STATE_BOUND, self.fetch(method, path))
            .await
            .with_context(|| format!("no answer within {STATE_BOUND:?}"))
            .flatten()
            .with_context(|| {
                format!(
                    "the engine at {} does not tell its state",
                    self.socket.display()
                )
            })
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        !matches!(self.lock().try_wait(), Ok(None))
    }

    /// Asks again, for as long as the child runs, where it cannot be reached. What changes nothing is asked
    /// again after any failure.
    async fn fetch(&self, method: Method, path: &str) -> anyhow::Result<Bytes> {
        loop {
            let error = match UnixStream::connect(&self.socket).await {
                Ok(stream) => match fetch(stream, method.clone(), path).await {
                    Err(error) if method == Method::GET => error,
                    answered => return answered,
                },
                Err(error) => error.into(),
            };
            tokio::time::sleep(TRY_EVERY).await;
            if self.has_ended() {
                return Err(error);
            }
        }
    }

    /// Ends the engine and waits for it; kills it where it does not end by itself.
    ///
    /// # Errors
    /// Fails where the engine had ended by itself, with an error.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stdin = None;
        let mut child = self
            .child
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let status = end(&mut child).await?;
        ensure!(status.success(), "the engine process ended with {status}");
        Ok(())
    }

    /// Ends an engine that nobody needs any more: how it ends does not matter.
    pub async fn discard(mut self) {
        self.stdin = None;
        let child = self.child.get_mut();
        let child = child.unwrap_or_else(PoisonError::into_inner);
        if timeout(DISCARD_BOUND, child.wait()).await.is_err() {
            // What cannot be killed has ended.
            let _ = child.kill().await;
        }
    }
}

/// Tells the child what it is to do, and reads where it listens.
async fn introduce(
    stdin: &mut ChildStdin,
    stdout: ChildStdout,
    introduction: &Introduction,
) -> anyhow::Result<Listening> {
    let mut line = serde_json::to_vec(introduction).context("cannot write the spec as JSON")?;
    line.push(b'\n');
    stdin
        .write_all(&line)
        .await
        .context("cannot hand over the spec")?;
    let mut answer = String::new();
    BufReader::new(stdout)
        .read_line(&mut answer)
        .await
        .context("cannot read where it listens")?;
    ensure!(!answer.is_empty(), "it said nothing");
    json::parse(&answer).with_context(|| format!("it said {answer:?}"))
}

/// Waits for a child whose stdin is closed; kills it after a bound.
async fn end(child: &mut Child) -> io::Result<ExitStatus> {
    match timeout(STOP_BOUND, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}

async fn fetch(stream: UnixStream, method: Method, path: &str) -> anyhow::Result<Bytes> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "leakcheck")
        .body(Empty::<Bytes>::new())?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        ensure!(
            response.status().is_success(),
            "HTTP status {}",
            response.status()
        );
        anyhow::Ok(response.into_body().collect().await?.to_bytes())
    };
    // Driven here rather than in a task of its own: nothing outlives the call.
    let (body, _) = futures_util::future::join(exchange, connection).await;
    body
}
