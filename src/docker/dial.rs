//! Connections to an engine: over a unix socket, TCP, or TCP with TLS.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::address::Address;
use super::ssh::Forward;
use super::tls::Tls;

/// Opens connections to one engine, whatever host a request's URI names.
#[derive(Clone)]
pub struct Dialer {
    address: Address,
    tls: Option<Tls>,
    /// What the connections go through; it is there as long as somebody may open one.
    forward: Option<Arc<Forward>>,
}

impl Dialer {
    /// Prepares for connections to an address; nothing is opened yet.
    ///
    /// # Errors
    /// Says what is wrong with the certificates for TLS, and what to change; refuses an address that is
    /// reached through a forward only.
    pub fn new(address: &Address) -> Result<Self, String> {
        let tls = match address {
            Address::Tls { host, .. } => Some(Tls::with(host)?),
            Address::Unix(_) | Address::Tcp { .. } => None,
            Address::Ssh(_) => return Err(format!("{address} is reached through a forward")),
        };
        Ok(Self {
            address: address.clone(),
            tls,
            forward: None,
        })
    }

    /// Prepares for connections through a forward.
    pub(super) fn through(forward: Forward) -> Self {
        Self {
            address: Address::Unix(forward.socket()),
            tls: None,
            forward: Some(Arc::new(forward)),
        }
    }

    /// What the forward complained of last, where there is one.
    pub(super) fn complaint(&self) -> Option<String> {
        self.forward.as_ref()?.complaint()
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// What the system says, or TLS: [`Dialer::explain_tls`] tells the latter.
    pub async fn dial(&self) -> io::Result<EngineStream> {
        Ok(match &self.address {
            Address::Unix(path) => EngineStream::Unix(UnixStream::connect(path).await?),
            Address::Tcp { host, port } | Address::Tls { host, port } => {
                let stream = TcpStream::connect(format!("{host}:{port}")).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    None => EngineStream::Tcp(stream),
                    Some(tls) => EngineStream::Tls(Box::new(tls.handshake(stream).await?)),
                }
            }
            Address::Ssh(_) => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    /// What an error of TLS means, as what the engine does; `None` for any other error.
    pub fn explain_tls(&self, error: &io::Error) -> Option<String> {
        self.tls.as_ref()?.explain(error)
    }
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
}

/// Calls the same method on whichever stream it is.
macro_rules! delegate {
    ($stream:expr, $method:ident($($argument:expr),*)) => {
        match $stream.get_mut() {
            EngineStream::Unix(stream) => Pin::new(stream).$method($($argument),*),
            EngineStream::Tcp(stream) => Pin::new(stream).$method($($argument),*),
            EngineStream::Tls(stream) => Pin::new(stream).$method($($argument),*),
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
