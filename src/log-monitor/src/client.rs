//! The monitor's Docker client: opens log streams and inspects containers.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::LogsOptionsBuilder;
use bollard::{BollardRequest, ClientVersion, Docker};
use docker_engine::address::parse_address;
use docker_engine::ask;
use docker_engine::dial::{Dialer, MemoryConnection};
use hyper::Uri;
use hyper::header::CONTENT_TYPE;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::body::{Body, LogFrames};
use super::framing::Framing;
use super::pace::Pace;
use crate::log_position::LogsOf;

/// An engine that does not answer a request's head within this time, on the monitor's clock, is given up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// However fast that clock runs, an engine on a busy machine is given so many seconds of wall time. It is
/// less than those for which a rotation that does not come along is waited for.
const SHORTEST_REQUEST_TIMEOUT_S: u64 = 2;

/// What an engine says of a response in which each line is a frame, from API 1.42 on.
const FRAMED: &[u8] = b"application/vnd.docker.multiplexed-stream";

/// What a connection reads at once, at most. Its buffer grows to this from 8 KiB while its reads fill it:
/// a smaller one costs a busy stream a wake of two tasks for each few lines, a greater one memory.
const LARGEST_READ_BYTES: usize = 64 << 10;

/// An engine to follow containers of, and the API version that it was found to speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineAddress {
    /// `unix:///path`, `tcp://host:port`, or `https://host:port` for TLS with the certificates that the
    /// environment names.
    pub url: String,
    /// Major and minor version of the Docker Engine API.
    pub api_version: (usize, usize),
    /// What its logs are of.
    pub logs_of: LogsOf,
}

impl EngineAddress {
    /// How an engine at this address is reached.
    ///
    /// # Errors
    /// Fails where the address is none, and where the certificates that it needs cannot be read.
    pub fn reach(&self) -> io::Result<Reach> {
        let address = parse_address(&self.url, false).map_err(io::Error::other)?;
        let dialer = Dialer::new(&address).map_err(io::Error::other)?;
        Ok(Reach {
            dialer,
            api_version: self.api_version,
            logs_of: self.logs_of,
        })
    }
}

/// How an engine is reached.
#[derive(Clone)]
pub struct Reach {
    dialer: Dialer,
    api_version: (usize, usize),
    logs_of: LogsOf,
}

impl Reach {
    /// An engine within the process, to which `dial` opens a connection.
    pub fn in_memory(
        dial: impl Fn() -> MemoryConnection + Send + Sync + 'static,
        api_version: (usize, usize),
    ) -> Self {
        Self {
            dialer: Dialer::in_memory(dial),
            api_version,
            logs_of: LogsOf::Containers,
        }
    }

    /// A client of the engine for those who measure.
    ///
    /// # Errors
    /// Fails where no client can be had.
    pub fn docker(&self) -> io::Result<Docker> {
        Client::new(self, Pooling::None, Pace::REAL).map(|client| client.docker)
    }
}

/// What becomes of a connection whose response has been read to its end. bollard's own clients keep none; the
/// incident's throwaway clients leaked by those that they kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pooling {
    /// It is closed: what bollard does over a unix socket.
    None,
    /// It is kept for the next request, for ever or for this long.
    Keep(Option<Duration>),
}

/// A Docker client. Dropping its last clone closes the connections that idle in its pool.
#[derive(Clone)]
pub(super) struct Client {
    docker: Docker,
    logs_of: LogsOf,
}

impl Client {
    /// A client for an engine; nothing is connected before the first request.
    pub(super) fn new(engine: &Reach, pooling: Pooling, pace: Pace) -> io::Result<Self> {
        let mut builder = HttpClient::builder(TokioExecutor::new());
        builder.http1_max_buf_size(LARGEST_READ_BYTES);
        match pooling {
            Pooling::None => builder.pool_max_idle_per_host(0),
            Pooling::Keep(limit) => builder
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(limit),
        };
        let http = builder.build(engine.dialer.clone());
        let transport = move |request: BollardRequest| {
            let head = request.extensions().get::<Head>().cloned();
            let response = http.request(request);
            async move {
                let response = response.await?;
                if let Some(Head(told)) = head {
                    let content_type = response.headers().get(CONTENT_TYPE);
                    let framed = content_type.is_some_and(|value| value.as_bytes() == FRAMED);
                    told.framed.store(framed, Ordering::Relaxed);
                    // The last: whoever sees it may rely on the rest.
                    let success = response.status().is_success();
                    told.arrived.store(success, Ordering::Release);
                }
                Ok(response)
            }
        };
        let docker = Docker::connect_with_custom_transport(
            transport,
            Some(engine.dialer.url()),
            // The library has it in whole seconds.
            (pace.of(REQUEST_TIMEOUT).as_secs()).max(SHORTEST_REQUEST_TIMEOUT_S),
            &ClientVersion {
                major_version: engine.api_version.0,
                minor_version: engine.api_version.1,
            },
        )
        .map_err(io::Error::other)?;
        Ok(Self {
            docker,
            logs_of: engine.logs_of,
        })
    }

    /// Follows a container's log from `since` on, inclusive; `None` follows it from its beginning.
    ///
    /// Returns when the engine has answered, which it does for a silent container too.
    pub(super) async fn follow(
        &self,
        container: &str,
        since: Option<Timestamp>,
    ) -> Result<Arc<Body>, Error> {
        let head = Head::default();
        let mark = head.clone();
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .build();
        let docker = self
            .docker
            .clone()
            .with_request_modifier(move |mut request| {
                request.extensions_mut().insert(mark.clone());
                if let Some(since) = since {
                    *request.uri_mut() = with_since(request.uri(), since);
                }
                request
            });
        let mut frames: LogFrames = match self.logs_of {
            LogsOf::Containers => Box::pin(docker.logs(container, Some(options))),
            LogsOf::Tasks => Box::pin(docker.task_logs(container, Some(options))),
        };
        // bollard sends the request when its stream is first polled, and hides the moment at which
        // the head of the response arrives behind the first line; the mark tells it.
        let first = poll_fn(|cx| match frames.as_mut().poll_next(cx) {
            Poll::Ready(first) => Poll::Ready(first),
            Poll::Pending if head.0.arrived.load(Ordering::Acquire) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        match first {
            Some(Err(error)) => Err(error),
            first => {
                let framing = Framing::said(head.0.framed.load(Ordering::Relaxed));
                Ok(Body::new(frames, first, framing))
            }
        }
    }

    /// Asks for a container's state and reads the whole answer; tells whether it runs.
    pub(super) async fn inspect(&self, container: &str) -> Result<bool, Error> {
        match self.logs_of {
            LogsOf::Containers => ask::container_runs(&self.docker, container).await,
            LogsOf::Tasks => ask::task_runs(&self.docker, container).await,
        }
    }
}

/// The address of a log request with its `since` to the nanosecond: bollard takes whole seconds
/// only, with which a resumed stream would repeat up to a second of lines.
fn with_since(uri: &Uri, since: Timestamp) -> Uri {
    let nanos = since.as_nanosecond();
    let since = format!(
        "since={}.{:09}",
        nanos / 1_000_000_000,
        nanos % 1_000_000_000
    );
    let text = uri.to_string().replace("since=0", &since);
    text.parse().unwrap_or_else(|_| uri.clone())
}

/// A request's mark, which tells of its response's head.
#[derive(Clone, Default)]
struct Head(Arc<HeadTold>);

/// What a head tells.
#[derive(Default)]
struct HeadTold {
    /// Whether that of a successful response has arrived.
    arrived: AtomicBool,
    /// Whether it says that each line is a frame.
    framed: AtomicBool,
}

/// Whether an error means that this process may open no more file descriptors.
pub(super) fn is_fd_exhaustion(error: &Error) -> bool {
    /// `EMFILE` on Linux, macOS and the BSDs: too many open files in this process.
    const EMFILE: i32 = 24;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let os_error = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::raw_os_error);
        if os_error == Some(EMFILE) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_stream_asks_from_the_nanosecond_on() {
        let uri: Uri = "http://docker/v1.41/containers/web/logs?follow=true&since=0&until=0"
            .parse()
            .expect("a URI");
        let since = Timestamp::new(1_700_000_000, 5).expect("a time");
        assert_eq!(
            with_since(&uri, since).query(),
            Some("follow=true&since=1700000000.000000005&until=0")
        );
    }
}
