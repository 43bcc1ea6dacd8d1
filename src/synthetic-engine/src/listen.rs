//! Where an engine listens: a unix socket or a TCP address, taken over and left behind cleanly.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixSocket, UnixStream};

/// Connections that wait to be accepted. A monitor opens one per container at once.
const BACKLOG: u32 = 4096;
/// The longest path of a unix socket that every unix takes (`sun_path`, less its final NUL).
const MAX_PATH_BYTES: usize = 103;
/// The name of a private socket within its directory.
const SOCKET_NAME: &str = "docker.sock";

/// An address as Docker's clients write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// `unix:///path/to.sock`.
    Unix(PathBuf),
    /// `tcp://127.0.0.1:2375`.
    Tcp(SocketAddr),
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(format!(
                    "{path:?} is no absolute path; write unix:///path/to.sock"
                ));
            }
            return Ok(Self::Unix(path.into()));
        }
        let Some(address) = text.strip_prefix("tcp://") else {
            return Err("write unix:///path/to.sock or tcp://127.0.0.1:2375".into());
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        if let Some(port) = address
            .strip_prefix("localhost:")
            .and_then(|port| port.parse().ok())
        {
            return Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        (address.parse().map(Self::Tcp)).map_err(|_| {
            format!("{address:?} is no IP address and port; write tcp://127.0.0.1:2375")
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// An open listener. Dropping it removes its socket and its private directory.
#[derive(Debug)]
pub struct Listener {
    /// What accepts connections.
    pub socket: ListeningSocket,
    /// Where: with the real port where port 0 was asked for.
    pub address: ListenAddress,
    _file: Option<SocketFile>,
    directory: Option<TempDir>,
}

/// The two kinds of listening socket.
#[derive(Debug)]
pub enum ListeningSocket {
    /// A unix socket.
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// Fails where the address cannot be had: it is in use, no socket is there but some other
    /// file, or there is no permission.
    pub async fn bind(address: &ListenAddress) -> anyhow::Result<Self> {
        match address {
            ListenAddress::Unix(path) => Self::bind_unix(path).await,
            ListenAddress::Tcp(address) => Self::bind_tcp(*address),
        }
    }

    /// Listens on a unix socket in a directory, which goes when this is dropped.
    ///
    /// # Errors
    /// As [`Listener::bind_in`].
    pub async fn bind_within(directory: TempDir) -> anyhow::Result<Self> {
        let listener = Self::bind_in(directory.path()).await?;
        Ok(Self {
            directory: Some(directory),
            ..listener
        })
    }

    /// Listens on a unix socket in a directory, which is left there.
    ///
    /// # Errors
    /// Fails where the directory cannot be written.
    pub async fn bind_in(directory: &Path) -> anyhow::Result<Self> {
        Self::bind_unix(&directory.join(SOCKET_NAME)).await
    }

    /// Closes it, and opens it again at the same address after a while.
    ///
    /// # Errors
    /// As [`Listener::bind`]: somebody else may have taken the address meanwhile.
    pub async fn reopen_after(self, pause: Duration) -> anyhow::Result<Self> {
        let Self {
            socket,
            address,
            _file: file,
            directory,
        } = self;
        drop((socket, file));
        tokio::time::sleep(pause).await;
        let reopened = Self::bind(&address).await?;
        Ok(Self {
            directory,
            ..reopened
        })
    }

    async fn bind_unix(path: &Path) -> anyhow::Result<Self> {
        let address = ListenAddress::Unix(path.into());
        let context = || format!("cannot listen on {address}");
        make_way(path).await.with_context(context)?;
        let socket = UnixSocket::new_stream().with_context(context)?;
        socket.bind(path).with_context(context)?;
        let file = SocketFile(path.into());
        let socket = ListeningSocket::Unix(socket.listen(BACKLOG).with_context(context)?);
        Ok(Self {
            socket,
            address,
            _file: Some(file),
            directory: None,
        })
    }

    fn bind_tcp(asked: SocketAddr) -> anyhow::Result<Self> {
        let context = || format!("cannot listen on tcp://{asked}");
        let socket = if asked.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }
        .with_context(context)?;
        socket.set_reuseaddr(true).with_context(context)?;
        socket.bind(asked).with_context(context)?;
        let listener = socket.listen(BACKLOG).with_context(context)?;
        let address = ListenAddress::Tcp(listener.local_addr().with_context(context)?);
        Ok(Self {
            socket: ListeningSocket::Tcp(listener),
            address,
            _file: None,
            directory: None,
        })
    }
}

/// Checks that a socket can be at `path`, and removes one that a dead process left there; nothing
/// else is ever removed.
async fn make_way(path: &Path) -> anyhow::Result<()> {
    let length = path.as_os_str().len();
    if length > MAX_PATH_BYTES {
        bail!(
            "the path has {length} bytes, of {MAX_PATH_BYTES} a socket's may have; choose a shorter one"
        );
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
        bail!(
            "there is no directory {}; create it first",
            parent.display()
        );
    }
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() {
        bail!("a file that is no socket is there; choose another path or move it away");
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).context("cannot remove the socket of a dead process")
        }
        Err(error) => Err(error).context("a socket is there and it is unclear who serves it"),
        Ok(_) => bail!("another process serves that socket; stop it or choose another path"),
    }
}

/// A socket's file, removed on drop.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Where someone else removed it already, there is nothing left to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_dockers_clients_write_them() {
        for text in [
            "unix:///run/x.sock",
            "tcp://127.0.0.1:2375",
            "tcp://[::1]:0",
        ] {
            assert_eq!(text.parse::<ListenAddress>().expect(text).to_string(), text);
        }
        assert_eq!(
            "tcp://localhost:1".parse(),
            "tcp://127.0.0.1:1".parse::<ListenAddress>()
        );
        for text in [
            "",
            "/run/x.sock",
            "unix://x.sock",
            "tcp://",
            "tcp://host:x",
            "http://a:1",
        ] {
            let message = text.parse::<ListenAddress>().expect_err(text);
            assert!(message.contains("write "), "{message}");
        }
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_removed_at_the_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("binds"));
        assert!(path.exists(), "std leaves the file behind");
        drop(
            Listener::bind(&ListenAddress::Unix(path.clone()))
                .await
                .expect("takes it over"),
        );
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_served_socket_and_a_plain_file_are_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let served = directory.path().join("served.sock");
        let _server = std::os::unix::net::UnixListener::bind(&served).expect("binds");
        let file = directory.path().join("file");
        std::fs::write(&file, "precious").expect("writes");
        for (path, reason) in [(&served, "another process serves"), (&file, "no socket")] {
            let error = Listener::bind(&ListenAddress::Unix(path.clone()))
                .await
                .expect_err("in use");
            assert!(format!("{error:#}").contains(reason), "{error:#}");
            assert!(path.exists());
        }
    }
}
