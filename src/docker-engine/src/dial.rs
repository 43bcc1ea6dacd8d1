//! Connections to an engine: over a unix socket, TCP, TCP with TLS, or within the process.

use std::any::Any;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::address::Address;
use super::tls::Tls;

/// Opens connections to one engine, whatever host a request's URI names.
#[derive(Clone)]
pub struct Dialer {
    way: Way,
    /// Dropped with the last clone.
    _kept: Option<Arc<dyn Any + Send + Sync>>,
}

#[derive(Clone)]
enum Way {
    Unix(PathBuf),
    Tcp(String),
    Tls(String, Tls),
    Memory(Arc<dyn Fn() -> MemoryConnection + Send + Sync>),
}

impl Dialer {
    /// Prepares for connections to an address; nothing is opened yet.
    ///
    /// # Errors
    /// Says what is wrong with the certificates for TLS, and what to change; refuses an address that is
    /// reached through a forward only.
    pub fn new(address: &Address) -> Result<Self, String> {
        Ok(Self::by(match address {
            Address::Unix(path) => Way::Unix(path.clone()),
            Address::Tcp { host, port } => Way::Tcp(format!("{host}:{port}")),
            Address::Tls { host, port } => Way::Tls(format!("{host}:{port}"), Tls::with(host)?),
            Address::Ssh(_) => return Err(format!("{address} is reached through a forward")),
        }))
    }

    /// Prepares for connections to a unix socket that is there for as long as `kept` is.
    pub fn through(socket: PathBuf, kept: Arc<dyn Any + Send + Sync>) -> Self {
        Self {
            way: Way::Unix(socket),
            _kept: Some(kept),
        }
    }

    /// Prepares for connections to an engine within the process, each of which `dial` makes.
    pub fn in_memory(dial: impl Fn() -> MemoryConnection + Send + Sync + 'static) -> Self {
        Self::by(Way::Memory(Arc::new(dial)))
    }

    fn by(way: Way) -> Self {
        Self { way, _kept: None }
    }

    /// What requests are addressed to: the engine's host and port, or a name that stands for an engine without.
    pub fn url(&self) -> String {
        match &self.way {
            Way::Tcp(host) | Way::Tls(host, _) => format!("http://{host}"),
            Way::Unix(_) | Way::Memory(_) => "http://docker".into(),
        }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// What the system says, or TLS: [`Dialer::explain_tls`] tells the latter.
    pub async fn dial(&self) -> io::Result<EngineStream> {
        Ok(match &self.way {
            Way::Unix(path) => EngineStream::Unix(UnixStream::connect(path).await?),
            Way::Tcp(host) => EngineStream::Tcp(connect_tcp(host).await?),
            Way::Tls(host, tls) => {
                EngineStream::Tls(Box::new(tls.handshake(connect_tcp(host).await?).await?))
            }
            Way::Memory(dial) => EngineStream::Memory(dial()),
        })
    }

    /// What an error of TLS means, as what the engine does; `None` for any other error.
    pub fn explain_tls(&self, error: &io::Error) -> Option<String> {
        match &self.way {
            Way::Tls(_, tls) => tls.explain(error),
            _ => None,
        }
    }
}

async fn connect_tcp(host: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl tower_service::Service<Uri> for Dialer {
    type Response = TokioIo<EngineStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.dial().await.map(TokioIo::new) })
    }
}

/// An open connection to an engine.
pub enum EngineStream {
    /// Over a unix socket.
    Unix(UnixStream),
    /// Over TCP, in the clear.
    Tcp(TcpStream),
    /// Over TCP with TLS; boxed, since its state would make each of the others as large.
    Tls(Box<TlsStream<TcpStream>>),
    /// Within the process.
    Memory(MemoryConnection),
}

/// The client's end of a connection within the process, counted while it is open.
pub struct MemoryConnection {
    stream: DuplexStream,
    open: Arc<AtomicU64>,
}

impl MemoryConnection {
    /// A connection that adds itself to those that are open.
    pub fn new(stream: DuplexStream, open: &Arc<AtomicU64>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self {
            stream,
            open: Arc::clone(open),
        }
    }
}

impl Drop for MemoryConnection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls the same method on whichever stream it is.
macro_rules! delegate {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match $stream.get_mut() {
            EngineStream::Unix(stream) => Pin::new(stream).$method($($argument),*),
            EngineStream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            EngineStream::Tls(stream) => Pin::new(stream).$method($($argument),*),
            EngineStream::Memory(connection) => {
                Pin::new(&mut connection.stream).$method($($argument),*)
            }
        }
    };
}

impl AsyncRead for EngineStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(cx, buf))
    }
}

impl AsyncWrite for EngineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, poll_shutdown(cx))
    }
}

impl Connection for EngineStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
