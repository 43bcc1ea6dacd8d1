//! Where a Docker engine listens, and who said so.

use std::fmt;
use std::path::{Path, PathBuf};

use bollard::{API_DEFAULT_VERSION, Docker};

use crate::exit_code::Failure;

/// Where the Docker command looks too when nobody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The port of an engine that listens on TCP without TLS.
const DEFAULT_PORT: u16 = 2375;

/// How long one request may take, in seconds. Creating a container on a busy engine takes a while.
const REQUEST_TIMEOUT_S: u64 = 120;

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
}

/// Who chose the endpoint, so that an error points at what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The flag `--host`.
    Flag,
    /// The environment variable `DOCKER_HOST`.
    DockerHost,
    /// Nobody: [`DEFAULT_HOST`].
    Default,
}

/// A Docker engine's address and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    address: Address,
    origin: Origin,
}

impl Endpoint {
    /// Reads `unix:///path`, `tcp://host[:port]` or `http://host[:port]`, as given with `--host`.
    ///
    /// # Errors
    /// Says what is wrong with the text and which forms there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let address = parse_address(text.trim())?;
        Ok(Self {
            address,
            origin: Origin::Flag,
        })
    }

    /// The endpoint that `--host` names, else `DOCKER_HOST`, else the default.
    ///
    /// # Errors
    /// A usage failure when the text is no endpoint, or when the environment demands TLS.
    pub fn resolve(flag: Option<&str>) -> Result<Self, Failure> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::choose(
            flag,
            variable("DOCKER_HOST").as_deref(),
            variable("DOCKER_TLS_VERIFY").is_some(),
        )
    }

    /// [`Endpoint::resolve`] without the environment.
    fn choose(flag: Option<&str>, variable: Option<&str>, tls: bool) -> Result<Self, Failure> {
        let (text, origin, given_as) = match (flag, variable) {
            (Some(flag), _) => (flag, Origin::Flag, "--host"),
            (None, Some(variable)) => (variable, Origin::DockerHost, "DOCKER_HOST"),
            (None, None) => (DEFAULT_HOST, Origin::Default, "the default"),
        };
        let address = parse_address(text.trim())
            .map_err(|problem| Failure::usage(format!("{given_as} {problem}")))?;
        if tls && matches!(address, Address::Tcp { .. }) {
            return Err(Failure::usage(format!(
                "DOCKER_TLS_VERIFY is set, and TLS is not supported yet: {address} {origin} would \
                 be spoken to in the clear; forward the engine's socket over ssh (ssh -L \
                 /tmp/engine.sock:/var/run/docker.sock HOST) and use --host \
                 unix:///tmp/engine.sock, or unset DOCKER_TLS_VERIFY"
            )));
        }
        Ok(Self { address, origin })
    }

    /// How the engine is reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Who chose the endpoint.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// A client that speaks to the engine; nothing is sent yet.
    ///
    /// # Errors
    /// Fails when the unix socket does not exist.
    pub fn client(&self) -> anyhow::Result<Docker> {
        let address = self.address.to_string();
        let client = match &self.address {
            Address::Unix(_) => {
                Docker::connect_with_unix(&address, REQUEST_TIMEOUT_S, API_DEFAULT_VERSION)
            }
            Address::Tcp { .. } => {
                Docker::connect_with_http(&address, REQUEST_TIMEOUT_S, API_DEFAULT_VERSION)
            }
        };
        client.map_err(|error| anyhow::anyhow!("{self}: {error}"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "(from --host)",
            Self::DockerHost => "(from DOCKER_HOST)",
            Self::Default => "(the default)",
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.address, self.origin)
    }
}

fn parse_address(text: &str) -> Result<Address, String> {
    const FORMS: &str = "write unix:///path/to/docker.sock, tcp://HOST:PORT or http://HOST:PORT";
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
        "tcp" | "http" => parse_tcp(rest).map_err(|problem| format!("{text:?} {problem}: {FORMS}")),
        "https" => Err(format!(
            "{text:?} needs TLS, which is not supported yet: {FORMS}"
        )),
        "ssh" => Err(format!(
            "{text:?} needs ssh, which is not supported; forward the engine's socket (ssh -L \
             /tmp/engine.sock:/var/run/docker.sock HOST) and use unix:///tmp/engine.sock"
        )),
        _ => Err(format!("{text:?}: {scheme}:// is not supported; {FORMS}")),
    }
}

fn parse_tcp(rest: &str) -> Result<Address, String> {
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
        Some(host) => Ok(Address::Tcp {
            host: host.into(),
            port: url.port().unwrap_or(DEFAULT_PORT),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    fn address(text: &str) -> String {
        Endpoint::parse(text).expect(text).address().to_string()
    }

    #[test]
    fn sockets_and_tcp_addresses_are_read_in_the_forms_that_docker_takes() {
        assert_eq!(address("unix:///run/d.sock"), "unix:///run/d.sock");
        assert_eq!(address("tcp://10.0.0.7:4000"), "tcp://10.0.0.7:4000");
        assert_eq!(address("http://build-host:80/"), "tcp://build-host:80");
        assert_eq!(address("tcp://build-host"), "tcp://build-host:2375");
        assert_eq!(address("tcp://[::1]:2375"), "tcp://[::1]:2375");
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name_with_what_is() {
        for (text, says) in [
            ("ssh://me@host", "ssh -L"),
            ("https://host:2376", "TLS"),
            (
                "npipe:////./pipe/docker_engine",
                "npipe:// is not supported",
            ),
            ("/var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("unix://relative.sock", "absolute path"),
            ("tcp://", "tcp://HOST:PORT"),
            ("tcp://host:99999", "tcp://HOST:PORT"),
            ("tcp://user@host:1", "holds a user"),
            ("tcp://host:1/prefix", "more than a host and a port"),
            ("", "no Docker endpoint"),
            ("nonsense", "tcp://HOST:PORT"),
        ] {
            let message = Endpoint::parse(text).expect_err(text);
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn the_flag_wins_over_docker_host_and_both_over_the_default() {
        let origin = |flag, variable| {
            Endpoint::choose(flag, variable, false)
                .expect("valid")
                .origin()
        };
        assert_eq!(origin(Some("tcp://a:1"), Some("tcp://b:1")), Origin::Flag);
        assert_eq!(origin(None, Some("tcp://b:1")), Origin::DockerHost);
        assert_eq!(origin(None, None), Origin::Default);
    }

    #[test]
    fn a_malformed_endpoint_is_a_usage_error_that_says_who_gave_it() {
        let failure = Endpoint::choose(None, Some("garbage"), false).expect_err("garbage");
        assert_eq!(failure.code, ExitCode::Usage);
        assert!(
            failure.to_string().starts_with("DOCKER_HOST \"garbage\""),
            "{failure}"
        );
    }

    #[test]
    fn tls_is_refused_for_tcp_only() {
        let failure = Endpoint::choose(Some("tcp://a:2376"), None, true).expect_err("TLS");
        assert!(
            failure.to_string().contains("TLS is not supported yet"),
            "{failure}"
        );
        assert!(Endpoint::choose(Some("unix:///a"), None, true).is_ok());
    }
}
