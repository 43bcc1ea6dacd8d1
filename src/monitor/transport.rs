//! How the monitor reaches an engine: connections over a unix socket or TCP.
//!
//! bollard's own transports switch connection pooling off; the incident's throwaway clients leaked
//! by it, so the monitor brings a transport whose pooling is a choice.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use crate::docker::endpoint::Address;

/// Opens connections to one address, whatever host the request's URI names.
#[derive(Debug, Clone)]
pub(super) struct Connector(pub(super) Address);

impl tower_service::Service<Uri> for Connector {
    type Response = Socket;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let address = self.0.clone();
        Box::pin(async move {
            Ok(match address {
                Address::Unix(path) => Socket::Unix(TokioIo::new(UnixStream::connect(path).await?)),
                Address::Tcp { host, port } => {
                    let stream = TcpStream::connect(format!("{host}:{port}")).await?;
                    stream.set_nodelay(true)?;
                    Socket::Tcp(TokioIo::new(stream))
                }
            })
        })
    }
}

/// An open connection.
pub(super) enum Socket {
    Unix(TokioIo<UnixStream>),
    Tcp(TokioIo<TcpStream>),
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Calls the same method on whichever stream the socket is.
macro_rules! delegate {
    ($socket:expr, $method:ident($($argument:expr),*)) => {
        match $socket.get_mut() {
            Socket::Unix(stream) => Pin::new(stream).$method($($argument),*),
            Socket::Tcp(stream) => Pin::new(stream).$method($($argument),*),
        }
    };
}

impl Read for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, poll_read(cx, buf))
    }
}

impl Write for Socket {
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
