//! An engine on a host that is reached by ssh: its socket, forwarded by the ssh command to one on this
//! machine, over one connection for all clients.
//!
//! The docker command starts an ssh process for each connection to the engine. A monitor opens one for each
//! stream, and what it leaks is to be counted here: a socket.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use docker_engine::address::Remote;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::sys::child_stderr::LastWords;
use crate::sys::socket_dirs;

/// How long ssh may take to log in: it looks names up, connects, and may try several keys.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);
/// What the other end says back once it is there.
const HELLO: &[u8] = b"leakcheck\n";
/// How much a shell may print before that: greetings, and what its start-up files say.
const LONGEST_GREETING: usize = 64 * 1024;

/// An open forward. It ends when this is dropped, and when this process dies, whatever way it dies: what
/// runs at the other end ends with its input, and ssh with that. (Before the login is done, ssh alone ends
/// it.)
#[derive(Debug)]
pub struct Forward {
    /// Killed when it is dropped, before its directory is removed.
    _ssh: Child,
    _input: ChildStdin,
    last_words: LastWords,
    directory: TempDir,
}

impl Forward {
    /// Logs in, and forwards the engine's socket.
    ///
    /// # Errors
    /// Fails where there is no ssh command, and where it cannot log in without asking anybody: in its words.
    pub async fn open(remote: &Remote) -> anyhow::Result<Self> {
        let directory = socket_dirs::make_directory(&std::env::temp_dir())
            .context("cannot make a directory for the forwarded socket")?;
        let mut ssh = command(remote, &socket_in(&directory))
            .spawn()
            .context("cannot start the ssh command: is it installed?")?;
        let (input, output, errors) = (ssh.stdin.take(), ssh.stdout.take(), ssh.stderr.take());
        let (Some(mut input), Some(output), Some(errors)) = (input, output, errors) else {
            bail!("the pipes of the ssh command are missing");
        };
        let mut last_words = LastWords::of(errors);
        match tokio::time::timeout(LOGIN_LIMIT, greet(&mut input, output)).await {
            // It listens before it logs in, or says why it does not.
            Ok(Ok(())) if socket_in(&directory).exists() => Ok(Self {
                _ssh: ssh,
                _input: input,
                last_words,
                directory,
            }),
            Ok(_) => {
                // It has closed its output, and has ended or is about to.
                drop(ssh.kill().await);
                let said = last_words.of_the_dead().await;
                let said = said.unwrap_or_else(|| "it ended without a word".into());
                Err(anyhow!("{}{}", said.trim_end_matches('.'), advice(remote)))
            }
            Err(_) => bail!(
                "no login within {} s{}",
                LOGIN_LIMIT.as_secs(),
                advice(remote)
            ),
        }
    }

    /// The socket on this machine.
    pub fn socket(&self) -> PathBuf {
        socket_in(&self.directory)
    }

    /// What ssh complained of last; it does of a socket that it cannot open at the other end.
    pub fn complaint(&self) -> Option<String> {
        self.last_words.so_far()
    }
}

fn socket_in(directory: &TempDir) -> PathBuf {
    directory.path().join("docker.sock")
}

fn command(remote: &Remote, socket: &Path) -> Command {
    let mut ssh = Command::new("ssh");
    for option in [
        // It has no terminal to ask on: a question would be waited for without end.
        "BatchMode=yes",
        "ConnectTimeout=15",
        // What else the user's configuration forwards may be in use already, and a command of its own would
        // run in place of the one below.
        "ExitOnForwardFailure=no",
        "RemoteCommand=none",
        // Not through another ssh, which would keep the forward when this one has ended.
        "ControlMaster=no",
        "ControlPath=none",
        // A host that goes away is noticed, also where nothing is printed.
        "ServerAliveInterval=10",
        "ServerAliveCountMax=3",
        // A shell at the other end is not to be given more than is asked for here.
        "ForwardAgent=no",
        "ForwardX11=no",
    ] {
        ssh.args(["-o", option]);
    }
    ssh.arg("-T")
        .arg("-L")
        .arg(format!("{}:{}", socket.display(), remote.socket));
    if let Some(user) = &remote.user {
        ssh.args(["-l", user]);
    }
    if let Some(port) = remote.port {
        ssh.args(["-p", &port.to_string()]);
    }
    // It says back what it is told, which shows that the login is done, and ends with its input.
    ssh.args(["--", &remote.host, "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A terminal's Ctrl-C is for this process, which then removes its containers through ssh.
        .process_group(0)
        .kill_on_drop(true);
    ssh
}

/// What is to be done about a login that failed.
fn advice(remote: &Remote) -> String {
    let user = remote.user.as_ref().map(|user| format!("-l {user} "));
    let port = remote.port.map(|port| format!("-p {port} "));
    format!(
        ". ssh must log in without asking anybody, by a key or an agent, to a host that it knows: try ssh \
         {}{}{} true",
        user.unwrap_or_default(),
        port.unwrap_or_default(),
        remote.host
    )
}

/// Waits until the other end is there, whatever its shell says first.
async fn greet(input: &mut ChildStdin, mut output: ChildStdout) -> std::io::Result<()> {
    input.write_all(HELLO).await?;
    let mut said = Vec::new();
    while !said.ends_with(HELLO) {
        if output.read_buf(&mut said).await? == 0 || said.len() > LONGEST_GREETING {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_asked_for_a_login_that_needs_nobody_and_for_one_forward() {
        let remote = Remote {
            user: Some("me".into()),
            host: "build-host".into(),
            port: Some(2222),
            socket: "/run/d.sock".into(),
        };
        let ssh = command(&remote, Path::new("/tmp/x/docker.sock"));
        let arguments: Vec<_> = ssh
            .as_std()
            .get_args()
            .map(|one| one.to_string_lossy())
            .collect();
        assert!(arguments.iter().any(|one| one == "BatchMode=yes"));
        let end = [
            "-T",
            "-L",
            "/tmp/x/docker.sock:/run/d.sock",
            "-l",
            "me",
            "-p",
            "2222",
            "--",
            "build-host",
            "cat",
        ];
        assert!(arguments.ends_with(&end.map(Into::into)), "{arguments:?}");
    }
}
