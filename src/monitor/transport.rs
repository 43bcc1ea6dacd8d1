//! How the monitor reaches an engine: connections over a socket, with or without TLS, or within the process.
//!
//! bollard's own transports switch connection pooling off; the incident's throwaway clients leaked
//! by it, so the monitor brings a transport whose pooling is a choice.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use crate::docker::dial::{Dialer, EngineStream};

/// Opens connections to one engine, whatever host the request's URI names.
#[derive(Clone)]
pub(super) enum Connector {
    /// By a socket.
    Socket(Dialer),
    /// Within the process.
    Memory(Arc<dyn Fn() -> MemoryConnection + Send + Sync>),
}

impl tower_service::Service<Uri> for Connector {
    type Response = Socket;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            Ok(match connector {
                Self::Socket(dialer) => Socket::Engine(TokioIo::new(dialer.dial().await?)),
                Self::Memory(dial) => Socket::Memory(TokioIo::new(dial())),
            })
        })
    }
}

/// An open connection.
pub(super) enum Socket {
    Engine(TokioIo<EngineStream>),
    Memory(TokioIo<MemoryConnection>),
}

/// The monitor's end of a connection within the process, counted while it is open.
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

impl AsyncRead for MemoryConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for MemoryConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
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
            Socket::Engine(stream) => Pin::new(stream).$method($($argument),*),
            Socket::Memory(stream) => Pin::new(stream).$method($($argument),*),
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
