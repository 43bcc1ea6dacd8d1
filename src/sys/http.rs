//! HTTP as an outside process is asked by it: bounded in time and size, whatever answers.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::tls::{RootCerts, TlsConfig};
use url::Url;

use super::unix_socket;

/// More redirects than this lead nowhere.
const MOST_REDIRECTS: u32 = 5;

/// A header of every request, as `Authorization: Bearer …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

impl Header {
    /// Parses `NAME: VALUE`.
    ///
    /// # Errors
    /// Says what is missing or cannot stand in a header.
    pub fn parse(text: &str) -> Result<Self, String> {
        let example = "as in 'Authorization: Bearer TOKEN'";
        let (name, value) = text.split_once(':').ok_or(format!("no colon, {example}"))?;
        let (name, value) = (name.trim(), value.trim());
        let valid = ureq::http::HeaderName::try_from(name).is_ok()
            && ureq::http::HeaderValue::try_from(value).is_ok();
        match valid {
            true => Ok(Self {
                name: name.into(),
                value: value.into(),
            }),
            false => Err(format!("no header can have this name or value, {example}")),
        }
    }
}

/// Asks for documents.
#[derive(Debug, Clone)]
pub struct Getter {
    agent: Agent,
    headers: Vec<Header>,
    timeout: Duration,
}

/// Why there is no document.
#[derive(Debug)]
pub enum GetError {
    /// The server has none at this address: 404.
    NotFound,
    /// Anything else.
    Other(anyhow::Error),
}

impl From<GetError> for anyhow::Error {
    fn from(error: GetError) -> Self {
        match error {
            GetError::NotFound => anyhow::anyhow!("there is nothing at this address (404)"),
            GetError::Other(error) => error,
        }
    }
}

impl Getter {
    /// A getter whose requests end within `timeout`, their bodies read, and carry these headers.
    pub fn new(timeout: Duration, headers: Vec<Header>) -> Self {
        Self {
            agent: config(timeout).new_agent(),
            headers,
            timeout,
        }
    }

    /// The same, whose requests all go to a unix socket, whatever host they name.
    #[must_use]
    pub fn over(self, socket: &Path) -> Self {
        Self {
            agent: unix_socket::agent(config(self.timeout), socket),
            ..self
        }
    }

    /// Gets a document, of which at most `most` bytes can be read.
    ///
    /// # Errors
    /// Where nothing answers in time, and where what answers has no such document.
    pub fn get(&self, url: &Url, most: u64) -> Result<impl Read + use<>, GetError> {
        let mut request = self.agent.get(url.as_str());
        for Header { name, value } in &self.headers {
            request = request.header(name, value);
        }
        let response = request.call().map_err(|error| {
            let waited = matches!(error, ureq::Error::Timeout(_));
            let error = anyhow::Error::from(error);
            GetError::Other(match waited {
                true => error.context(format!("no answer within {:?}", self.timeout)),
                false => error,
            })
        })?;
        match status(response.status().as_u16()) {
            Ok(()) => Ok(Limited {
                body: response.into_body().into_reader(),
                left: most,
                most,
            }),
            Err(error) => Err(error),
        }
    }
}

fn config(timeout: Duration) -> Config {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(MOST_REDIRECTS)
        .http_status_as_error(false)
        .tls_config(tls.build())
        .build()
}

fn status(code: u16) -> Result<(), GetError> {
    let said = match code {
        200..=299 => return Ok(()),
        404 => return Err(GetError::NotFound),
        401 | 403 => format!(
            "it asks for authorization ({code}): write http://USER:PASSWORD@HOST, or give --header \
             'Authorization: Bearer TOKEN'"
        ),
        300..=399 => format!("it redirects elsewhere ({code}), more than {MOST_REDIRECTS} times"),
        code => format!("it answers with status {code}"),
    };
    Err(GetError::Other(anyhow::anyhow!(said)))
}

/// A body that ends with an error where it is too large.
struct Limited<R> {
    body: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("it answers with more than {} MiB", self.most >> 20))
        })?;
        Ok(read)
    }
}

/// Parses a URL of HTTP.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_url(text: &str) -> Result<Url, String> {
    // What has no scheme is a host with its port, as everybody writes it.
    let text = match text.contains("://") {
        true => text.to_owned(),
        false => format!("http://{text}"),
    };
    let url = Url::parse(&text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err(format!("{text:?} is neither http:// nor https://")),
    }
}

/// Parses a URL of HTTP, or a unix socket over which HTTP is spoken: `unix:///run/docker.sock`.
///
/// # Errors
/// Says what is wrong with it.
pub fn parse_url_or_socket(text: &str) -> Result<Url, String> {
    match text.strip_prefix("unix://") {
        Some(path) if path.starts_with('/') => {
            Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))
        }
        Some(_) => Err(format!(
            "{text:?}: write the socket's whole path, as in unix:///run/docker.sock"
        )),
        None => parse_url(text),
    }
}

/// The unix socket that a URL names; `None` where it names a host.
pub fn socket_of(url: &Url) -> Option<PathBuf> {
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy();
    (url.scheme() == "unix").then(|| PathBuf::from(path.into_owned()))
}

/// A URL as it may be shown.
pub fn without_password(url: &Url) -> Url {
    let mut shown = url.clone();
    // What has no host has no password either.
    let _ = shown.set_password(None);
    shown
}
