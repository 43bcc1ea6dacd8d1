//! From a request to its answer: API version, path, method.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use nix::sys::signal::Signal;
use percent_encoding::percent_decode_str;
use rand::RngExt;

use crate::attach;
use crate::connection::Connection;
use crate::container::SyntheticContainer;
use crate::daemon::Daemon;
use crate::documents;
use crate::documents::{API_VERSION, MIN_API_VERSION, api_version_text};
use crate::errors::ApiError;
use crate::event_stream::EventRequest;
use crate::faults::injector::Strike;
use crate::follow::Broken;
use crate::followers::FollowersTold;
use crate::lifecycle::parse_signal;
use crate::list::ListRequest;
use crate::logs::LogRequest;
use crate::query::Query;
use crate::response::{
    Body, HeldBack, add_docker_headers, empty, json, never, no_bytes, ok, ping, stream,
};
use crate::rotation::{RotateBy, Rotation, StreamFate};
use crate::spawn::spawn;
use crate::stats::StatsRequest;
use crate::wait::WaitRequest;
use crate::workload::faults::Fault;

/// Where the engine tells its own counts; no path of Docker's, as those that follow.
pub const STATE_PATH: &str = "/_leakcheck/state";
/// Where it tells what it knows of its containers' followers.
pub const FOLLOWERS_PATH: &str = "/_leakcheck/followers";
/// Where it is told to rotate all streams: `POST` with `by` and `keep`.
pub const ROTATE_PATH: &str = "/_leakcheck/rotate";

/// What Docker's engine has, and this one has not, by the first word of its path, and after a
/// container's name.
const DOCKERS: &[&str] = &[
    "auth",
    "build",
    "commit",
    "configs",
    "distribution",
    "exec",
    "grpc",
    "images",
    "networks",
    "nodes",
    "plugins",
    "secrets",
    "services",
    "session",
    "swarm",
    "system",
    "tasks",
    "volumes",
];
const DOCKERS_OF_CONTAINERS: &[&str] = &[
    "archive", "changes", "create", "exec", "export", "pause", "prune", "rename", "resize",
    "start", "top", "unpause", "update",
];

/// Answers a request; errors become Docker's JSON errors.
pub fn answer(
    daemon: &Arc<Daemon>,
    connection: &Connection,
    request: &mut Request<Incoming>,
) -> Response<Body> {
    let mut response = route(daemon, connection, request)
        .unwrap_or_else(|error| json(error.status, &serde_json::json!({"message": error.message})));
    add_docker_headers(response.headers_mut());
    response
}

fn route(
    daemon: &Arc<Daemon>,
    connection: &Connection,
    request: &mut Request<Incoming>,
) -> Result<Response<Body>, ApiError> {
    let taken_over =
        attach::asks_to_take_over(request.headers()).then(|| hyper::upgrade::on(&mut *request));
    let path = request.uri().path();
    let query = Query::parse(request.uri().query());
    match (request.method(), path) {
        (_, STATE_PATH) => return Ok(ok(&daemon.counts.seen_by_client())),
        (_, FOLLOWERS_PATH) => {
            return Ok(ok(&FollowersTold::of(daemon.followers(), &daemon.requests)));
        }
        (&Method::POST, ROTATE_PATH) => return rotate(daemon, &query),
        _ => {}
    }
    daemon.counts.request();
    let segments = segments(path);
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let asked = without_version(&segments)?;
    let method = request.method();
    let answered = answer_dockers(daemon, connection, method, asked, &query, taken_over);
    let known = !matches!(&answered, Err(error) if error.is_unknown_here());
    daemon.requests.count(request.method(), asked, known);
    answered
}

/// Answers what Docker's engine is asked; `taken_over` is there where the client asks for its connection.
fn answer_dockers(
    daemon: &Arc<Daemon>,
    connection: &Connection,
    method: &Method,
    path: &[&str],
    query: &Query,
    taken_over: Option<OnUpgrade>,
) -> Result<Response<Body>, ApiError> {
    match (method, path) {
        (&Method::GET | &Method::HEAD, ["_ping"]) => Ok(ping(method)),
        (&Method::GET, ["version"]) => Ok(ok(&documents::version())),
        (&Method::GET, ["info"]) => Ok(ok(&documents::info(
            &daemon.registry.existing(),
            daemon.clock.now_ns(),
        ))),
        (&Method::GET, ["events"]) => {
            let events = EventRequest::parse(query)?.open(Arc::clone(daemon));
            Ok(stream(
                "application/json",
                StreamBody::new(events).map_err(never).boxed_unsync(),
            ))
        }
        (&Method::GET, ["containers", "json"]) => {
            Ok(ok(&ListRequest::parse(query)?.answer(daemon)))
        }
        (&Method::GET, ["containers", reference, "json"]) => {
            let container = daemon.registry.find(reference)?;
            Ok(ok(&documents::inspect(&container, daemon.clock.now_ns())))
        }
        (&Method::GET, ["containers", reference, "logs"]) => {
            logs(daemon, connection, reference, query)
        }
        (&Method::POST, ["containers", reference, "attach"]) => {
            attach(daemon, connection, reference, query, taken_over)
        }
        (&Method::GET, ["containers", reference, "stats"]) => {
            let stats = StatsRequest::parse(query).open(daemon, daemon.registry.find(reference)?);
            Ok(stream(
                "application/json",
                StreamBody::new(stats).map_err(never).boxed_unsync(),
            ))
        }
        (&Method::POST, ["containers", reference, "wait"]) => {
            let wait = WaitRequest::parse(query)?.open(daemon.registry.find(reference)?);
            Ok(stream(
                "application/json",
                StreamBody::new(wait).map_err(never).boxed_unsync(),
            ))
        }
        (&Method::POST, ["containers", reference, "stop"]) => stop(daemon, reference, query),
        (&Method::POST, ["containers", reference, "kill"]) => kill(daemon, reference, query),
        (&Method::POST, ["containers", reference, "restart"]) => {
            query.integer("t")?;
            let container = daemon.registry.find(reference)?;
            daemon.restart(&container, StreamFate::Ends);
            Ok(empty(StatusCode::NO_CONTENT))
        }
        (&Method::DELETE, ["containers", reference]) => {
            let container = daemon.registry.find(reference)?;
            daemon.remove(&container, query.flag("force"))?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        (_, ["containers", _, what, ..]) if DOCKERS_OF_CONTAINERS.contains(what) => {
            Err(ApiError::not_implemented())
        }
        (_, ["containers", what]) if DOCKERS_OF_CONTAINERS.contains(what) => {
            Err(ApiError::not_implemented())
        }
        (_, [what, ..]) if DOCKERS.contains(what) => Err(ApiError::not_implemented()),
        _ => Err(ApiError::page_not_found()),
    }
}

fn rotate(daemon: &Daemon, query: &Query) -> Result<Response<Body>, ApiError> {
    let by = query.get("by").unwrap_or_default();
    let by = RotateBy::find(by)
        .ok_or_else(|| ApiError::bad_parameter(format!("by: there is no rotation {by:?}")))?;
    daemon.rotate(Rotation {
        by,
        keeps_streams: query.flag("keep"),
    });
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The decoded parts of a path. Empty ones are left out: clients that put a container's name as
/// `docker inspect` shows it ask for `/containers//web-00/json`.
fn segments(path: &str) -> Vec<String> {
    (path.split('/'))
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// Takes the `v1.NN` off the front of a path.
fn without_version<'a, 'b>(segments: &'a [&'b str]) -> Result<&'a [&'b str], ApiError> {
    let Some((first, rest)) = segments.split_first() else {
        return Ok(segments);
    };
    let Some(version) = parse_version(first) else {
        return Ok(segments);
    };
    let asked = api_version_text(version);
    if version > API_VERSION {
        return Err(ApiError::bad_parameter(format!(
            "client version {asked} is too new. Maximum supported API version is {}",
            api_version_text(API_VERSION)
        )));
    }
    if version < MIN_API_VERSION {
        return Err(ApiError::bad_parameter(format!(
            "client version {asked} is too old. Minimum supported API version is {}, \
             please upgrade your client to a newer version",
            api_version_text(MIN_API_VERSION)
        )));
    }
    Ok(rest)
}

fn parse_version(segment: &str) -> Option<(u32, u32)> {
    let (major, minor) = segment.strip_prefix('v')?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn logs(
    daemon: &Daemon,
    connection: &Connection,
    reference: &str,
    query: &Query,
) -> Result<Response<Body>, ApiError> {
    let request = LogRequest::parse(query)?;
    let container = daemon.registry.find(reference)?;
    let strike = (request.follow).then(|| daemon.next_strike(&container));
    match strike.flatten() {
        Some(strike) => struck(daemon, connection, &request, &container, strike),
        None => Ok(stream_lines(daemon, connection, &request, &container, None)),
    }
}

/// The answer to a log request that a fault strikes, at once or later in its stream.
fn struck(
    daemon: &Daemon,
    connection: &Connection,
    request: &LogRequest,
    container: &Arc<SyntheticContainer>,
    mut strike: Strike,
) -> Result<Response<Body>, ApiError> {
    /// How late an answer is.
    const LATE_MS: std::ops::RangeInclusive<u64> = 200..=600;
    let stream = |strike| stream_lines(daemon, connection, request, container, strike);
    match strike.fault {
        Fault::Error500 => {
            strike.has_struck();
            Err(ApiError::injected())
        }
        Fault::Error409 => {
            strike.has_struck();
            Err(ApiError::marked_for_removal())
        }
        Fault::Stall | Fault::NeverAccepts => {
            strike.has_struck();
            connection.follows(&container.followed);
            let mut response = empty(StatusCode::OK);
            response.extensions_mut().insert(HeldBack::ForGood);
            Ok(response)
        }
        Fault::SlowHeaders => {
            strike.has_struck();
            let late = Duration::from_millis(strike.draw.random_range(LATE_MS));
            let mut response = stream(None);
            response.extensions_mut().insert(HeldBack::For(late));
            Ok(response)
        }
        Fault::ContainerExit => {
            let response = stream(None);
            strike.has_struck();
            daemon.restart(container, StreamFate::Ends);
            Ok(response)
        }
        _ => Ok(stream(Some(strike))),
    }
}

/// A container's output, over a connection that the client takes over, or else as an ordinary answer.
fn attach(
    daemon: &Arc<Daemon>,
    connection: &Connection,
    reference: &str,
    query: &Query,
    taken_over: Option<OnUpgrade>,
) -> Result<Response<Body>, ApiError> {
    let request = attach::log_request(query)?;
    let container = daemon.registry.find(reference)?;
    let Some(taken_over) = taken_over else {
        return Ok(stream_lines(daemon, connection, &request, &container, None));
    };
    let lines = lines(daemon, connection, &request, &container, None);
    let mut response = stream(content_type(&container), no_bytes());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("tcp"));
    let daemon = Arc::clone(daemon);
    spawn(attach::carry(daemon, container, taken_over, lines));
    Ok(response)
}

fn stream_lines(
    daemon: &Daemon,
    connection: &Connection,
    request: &LogRequest,
    container: &Arc<SyntheticContainer>,
    strike: Option<Strike>,
) -> Response<Body> {
    connection.follows(&container.followed);
    let lines = lines(daemon, connection, request, container, strike);
    stream(
        content_type(container),
        StreamBody::new(lines).boxed_unsync(),
    )
}

/// A container's lines. Where they are broken off, their connection is to be reset.
fn lines(
    daemon: &Daemon,
    connection: &Connection,
    request: &LogRequest,
    container: &Arc<SyntheticContainer>,
    strike: Option<Strike>,
) -> impl Stream<Item = Result<Frame<Bytes>, Broken>> + Send + use<> {
    let resets = connection.resets.clone();
    let lines = request
        .open(daemon, container)
        .struck_by(strike)
        .into_frames();
    // `BodyExt` has methods of the same names.
    futures_util::TryStreamExt::inspect_err(lines, move |broken| match broken {
        Broken::Reset => resets.set(),
        Broken::Closed => {}
    })
}

fn content_type(container: &SyntheticContainer) -> &'static str {
    if container.tty {
        "application/vnd.docker.raw-stream"
    } else {
        "application/vnd.docker.multiplexed-stream"
    }
}

fn stop(daemon: &Daemon, reference: &str, query: &Query) -> Result<Response<Body>, ApiError> {
    // The grace time, which a container that obeys at once never needs.
    query.integer("t")?;
    let stopped = daemon.stop(&daemon.registry.find(reference)?);
    Ok(empty(if stopped {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_MODIFIED
    }))
}

fn kill(daemon: &Daemon, reference: &str, query: &Query) -> Result<Response<Body>, ApiError> {
    let signal = match query.get("signal") {
        None => Signal::SIGKILL,
        Some(text) => parse_signal(text)
            .ok_or_else(|| ApiError::bad_parameter(format!("Invalid signal: {text}")))?,
    };
    let container = (daemon.registry.find(reference))
        .map_err(|error| error.context(format_args!("Cannot kill container: {reference}")))?;
    if !daemon.signal(&container, signal) {
        return Err(ApiError::not_running(reference, &container.id));
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_works_with_and_without_a_version_and_with_the_slash_of_a_name() {
        for path in [
            "/containers/web-00/json",
            "/v1.41/containers//web-00/json",
            "/v1.24/containers/web%2D00/json",
        ] {
            let segments = segments(path);
            let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
            assert_eq!(
                without_version(&segments),
                Ok(&["containers", "web-00", "json"][..]),
                "{path}"
            );
        }
    }

    #[test]
    fn versions_outside_of_the_range_are_refused_in_dockers_words() {
        let message = |version| {
            without_version(&[version, "info"])
                .expect_err(version)
                .message
        };
        assert_eq!(
            message("v1.99"),
            "client version 1.99 is too new. Maximum supported API version is 1.53"
        );
        assert!(message("v1.10").starts_with("client version 1.10 is too old."));
    }
}
