//! TCP connections that end with an RST where an answer breaks off, as they do in life.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Whether a connection is to be reset where it is closed.
#[derive(Debug, Clone, Default)]
pub struct Resets(Arc<AtomicBool>);

impl Resets {
    /// From now on it is.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A TCP connection. Dropped, it is closed in order, or reset.
#[derive(Debug)]
pub struct Resettable {
    stream: TcpStream,
    resets: Resets,
}

impl Resettable {
    /// Closes `stream` as `resets` says in the end.
    pub fn new(stream: TcpStream, resets: Resets) -> Self {
        Self { stream, resets }
    }
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.resets.0.load(Ordering::Acquire) {
            // What cannot be reset is closed in order.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Resettable {
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

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
