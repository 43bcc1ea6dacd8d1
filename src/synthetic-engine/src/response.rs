//! The answers: documents, streams, and what is not given at once.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, PRAGMA, SERVER};
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde::Serialize;

use crate::documents::{API_VERSION, api_version_text};
use crate::follow::Broken;

/// What every answer's body is.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Broken>;

/// An answer that is not given at once.
#[derive(Debug, Clone, Copy)]
pub enum HeldBack {
    /// It is given so much later.
    For(Duration),
    /// It is never given.
    ForGood,
}

/// The answer to `_ping`.
pub(crate) fn ping(method: &Method) -> Response<Body> {
    let body = if method == Method::HEAD { "" } else { "OK" };
    let mut response = Response::new(Full::from(body).map_err(never).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, must-revalidate"),
    );
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A document.
pub(crate) fn ok(document: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, document)
}

/// A document with a status of its own.
pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Response<Body> {
    // Documents are maps with string keys and plain values, which JSON can always express.
    let mut text = serde_json::to_vec(document).unwrap_or_default();
    text.push(b'\n');
    let mut response = Response::new(Full::from(text).map_err(never).boxed_unsync());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(no_bytes());
    *response.status_mut() = status;
    response
}

/// A body without anything in it.
pub(crate) fn no_bytes() -> Body {
    Empty::new().map_err(never).boxed_unsync()
}

/// An answer that goes on.
pub(crate) fn stream(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Adds what Docker says of itself in every answer.
pub(crate) fn add_docker_headers(headers: &mut HeaderMap) {
    const SERVER_NAME: &str = concat!("Docker/", env!("CARGO_PKG_VERSION"), "-leakcheck (linux)");
    if let Ok(version) = HeaderValue::from_str(&api_version_text(API_VERSION)) {
        headers.insert("api-version", version);
    }
    headers.insert("docker-experimental", HeaderValue::from_static("false"));
    headers.insert("ostype", HeaderValue::from_static("linux"));
    headers.insert(SERVER, HeaderValue::from_static(SERVER_NAME));
}

/// What no body of another kind ends with.
pub(crate) fn never(never: Infallible) -> Broken {
    match never {}
}
