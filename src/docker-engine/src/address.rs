//! How an engine is reached: the forms of its address.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where an engine listens on its own host when the address does not say.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// The port of an engine that listens on TCP without TLS.
const DEFAULT_PORT: u16 = 2375;

/// The port of an engine that listens on TCP with TLS.
const DEFAULT_TLS_PORT: u16 = 2376;

/// How an engine is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A unix socket at an absolute path.
    Unix(PathBuf),
    /// TCP without TLS.
    Tcp {
        /// A name or an IP address (an IPv6 address in brackets).
        host: String,
        /// The port.
        port: u16,
    },
    /// TCP with TLS.
    Tls {
        /// A name or an IP address (an IPv6 address in brackets), which the certificate must be for.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket on another host, by ssh.
    Ssh(Remote),
}

/// An engine's socket on another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The user to log in as; `None` leaves it to ssh.
    pub user: Option<String>,
    /// The host, by a name that ssh knows.
    pub host: String,
    /// The port; `None` leaves it to ssh.
    pub port: Option<u16>,
    /// The engine's socket there, by an absolute path.
    pub socket: String,
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match &*self.socket {
            DEFAULT_SOCKET => Ok(()),
            socket => f.write_str(socket),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            // Says TLS by itself, so that it can be handed on to a worker.
            Self::Tls { host, port } => write!(f, "https://{host}:{port}"),
            Self::Ssh(remote) => remote.fmt(f),
        }
    }
}

/// Reads an endpoint's address; with `tls`, `tcp://` means TLS.
pub fn parse_address(text: &str, tls: bool) -> Result<Address, String> {
    const FORMS: &str = "write unix:///path/to/docker.sock, tcp://HOST:PORT, http://HOST:PORT, for TLS \
                         https://HOST:PORT, or ssh://USER@HOST";
    let Some((scheme, rest)) = text.split_once("://") else {
        let advice = if Path::new(text).is_absolute() {
            format!("for a socket write unix://{text}")
        } else {
            FORMS.into()
        };
        return Err(format!("{text:?} is no Docker endpoint: {advice}"));
    };
    match scheme {
        "unix" if Path::new(rest).is_absolute() => Ok(Address::Unix(rest.into())),
        "unix" => Err(format!(
            "{text:?} names no socket by an absolute path: {FORMS}"
        )),
        "http" if tls => Err(format!(
            "{text:?} is without TLS, and DOCKER_TLS_VERIFY demands it: write https:// or tcp://, or \
             unset DOCKER_TLS_VERIFY"
        )),
        "tcp" | "http" | "https" => {
            let (host, port) =
                parse_tcp(rest).map_err(|problem| format!("{text:?} {problem}: {FORMS}"))?;
            Ok(if tls || scheme == "https" {
                let port = port.unwrap_or(DEFAULT_TLS_PORT);
                Address::Tls { host, port }
            } else {
                let port = port.unwrap_or(DEFAULT_PORT);
                Address::Tcp { host, port }
            })
        }
        "ssh" => parse_ssh(rest).map(Address::Ssh).map_err(|problem| {
            format!("{text:?} {problem}: write ssh://USER@HOST:PORT/path/to/docker.sock")
        }),
        _ => Err(format!("{text:?}: {scheme}:// is not supported; {FORMS}")),
    }
}

/// Who, where, and which socket there.
fn parse_ssh(rest: &str) -> Result<Remote, String> {
    let url = url::Url::parse(&format!("ssh://{rest}"))
        .map_err(|error| format!("is no address ({error})"))?;
    if url.password().is_some() {
        return Err("holds a password, which ssh takes from nobody but its user".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("holds more than a user, a host, a port and a path".into());
    }
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let user = url.username();
    if host.is_empty() {
        return Err("names no host".into());
    }
    // What ssh would take for an option, or the engine's clients for something else than a path.
    if [host, user].iter().any(|name| name.starts_with('-')) {
        return Err("names a host or a user that begins with a dash".into());
    }
    if host.contains('%')
        || [user, url.path()]
            .iter()
            .any(|part| part.contains(['%', ':']))
    {
        return Err("holds characters that no name of a host, a user or a socket should".into());
    }
    Ok(Remote {
        user: (!user.is_empty()).then(|| user.into()),
        host: host.into(),
        port: url.port(),
        socket: match url.path() {
            "" | "/" => DEFAULT_SOCKET.into(),
            path => path.into(),
        },
    })
}

/// The host and, where it is told, the port.
fn parse_tcp(rest: &str) -> Result<(String, Option<u16>), String> {
    // Always as tcp: `url` would drop the port 80 of http, and 2375 would take its place.
    let url = url::Url::parse(&format!("tcp://{rest}"))
        .map_err(|error| format!("is no address ({error})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user, whom the engine would not ask for".into());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("holds more than a host and a port".into());
    }
    match url.host_str() {
        None | Some("") => Err("names no host".into()),
        Some(host) => Ok((host.into(), url.port())),
    }
}
