//! Connections: accepted, served over HTTP/1.1, counted while they are open.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::connection::Connection;
use crate::daemon::Daemon;
use crate::listen::{Listener, ListeningSocket};
use crate::resettable::Resettable;
use crate::response::HeldBack;
use crate::routes;
use crate::spawn::spawn;

/// The longest request head; also what hyper holds of a response that the client does not read,
/// besides one chunk.
const MAX_BUFFER_BYTES: usize = 32 * 1024;
/// Of a request's body no more than this is read before it is answered.
const MAX_UNUSED_BYTES: usize = 1024 * 1024;
/// How long to leave the listener alone when no connection can be accepted, as where the fds are
/// used up: retrying at once would take a whole CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long an engine that starts anew answers nobody.
pub const DOWN_FOR: Duration = Duration::from_millis(200);

/// Serves for as long as it is polled, and starts anew where the daemon is asked to: all connections
/// break, and for a moment there is no socket.
///
/// # Errors
/// Where the address cannot be had again.
pub async fn serve_and_restart(
    daemon: Arc<Daemon>,
    mut listener: Listener,
) -> anyhow::Result<Infallible> {
    let mut restarts = daemon.restarts.subscribe();
    loop {
        tokio::select! {
            never = serve(Arc::clone(&daemon), &listener.socket) => match never {},
            // The sender is the daemon's, which lives on.
            _ = restarts.changed() => {}
        }
        listener = listener.reopen_after(DOWN_FOR).await?;
    }
}

/// Serves for as long as it is polled.
pub async fn serve(daemon: Arc<Daemon>, socket: &ListeningSocket) -> Infallible {
    loop {
        let accepted = match socket {
            ListeningSocket::Unix(listener) => listener
                .accept()
                .await
                .map(|(stream, _)| spawn_connection(&daemon, stream)),
            ListeningSocket::Tcp(listener) => listener.accept().await.and_then(|(stream, _)| {
                send_lines_at_once(&stream)?;
                let connection = Connection::default();
                let stream = Resettable::new(stream, connection.resets.clone());
                serve_connection(&daemon, Box::new(stream), connection);
                Ok(())
            }),
        };
        if accepted.is_err() {
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }
}

fn send_lines_at_once(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Serves one connection in a task of its own, whatever carries it: a socket, or a pipe in memory.
pub fn spawn_connection<S>(daemon: &Arc<Daemon>, stream: S)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    serve_connection(daemon, Box::new(stream), Connection::default());
}

/// Reads a request's body, which nothing here needs: a client that still writes it where its connection
/// is closed never sees the answer.
async fn read_to_its_end(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_UNUSED_BYTES {
            return;
        }
    }
}

/// What carries a connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Of a stream by a pointer, so that hyper's server is compiled once, here, and not in whoever serves.
fn serve_connection(daemon: &Arc<Daemon>, stream: Box<dyn Stream>, of_requests: Connection) {
    let daemon = Arc::clone(daemon);
    let open = daemon.counts.connection();
    let mut restarts = daemon.restarts.subscribe();
    let service = service_fn(move |mut request| {
        let mut response = routes::answer(&daemon, &of_requests, &mut request);
        async {
            read_to_its_end(request.into_body()).await;
            match response.extensions_mut().remove::<HeldBack>() {
                Some(HeldBack::For(late)) => tokio::time::sleep(late).await,
                // Until the client has had enough, and closes its connection.
                Some(HeldBack::ForGood) => std::future::pending().await,
                None => {}
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(MAX_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    spawn(async move {
        let _open = open;
        tokio::select! {
            // An error is a client that went away, which is the client's right.
            _ = connection => {}
            // With the daemon gone there is nobody left to serve.
            _ = restarts.changed() => {}
        }
    });
}
