//! Where a Docker engine listens, and who said so.

use std::fmt;
use std::path::PathBuf;

use docker_engine::address::{Address, parse_address};
use leakcheck_report::exit_code::Failure;

/// Where the Docker command looks too when nobody says otherwise.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

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
    /// Where its socket is on this machine, once it is forwarded by ssh.
    forwarded: Option<PathBuf>,
}

impl Endpoint {
    /// Reads `unix:///path`, `tcp://host[:port]`, `http://host[:port]`, for TLS `https://host[:port]`, or
    /// `ssh://[user@]host[:port][/path]`, as given with `--host`.
    ///
    /// # Errors
    /// Says what is wrong with the text and which forms there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let address = parse_address(text.trim(), false)?;
        Ok(Self {
            address,
            origin: Origin::Flag,
            forwarded: None,
        })
    }

    /// The endpoint that `--host` names, else `DOCKER_HOST`, else the default. Where `DOCKER_TLS_VERIFY` is
    /// set, `tcp://` means TLS.
    ///
    /// # Errors
    /// A usage failure when the text is no endpoint, or when it denies the TLS that the environment demands.
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
        let address = parse_address(text.trim(), tls)
            .map_err(|problem| Failure::usage(format!("{given_as} {problem}")))?;
        Ok(Self {
            address,
            origin,
            forwarded: None,
        })
    }

    /// How the engine is reached.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// By which address a process of this machine reaches the engine: another one than its own where it is
    /// reached by ssh, and connected to.
    pub fn url(&self) -> String {
        match &self.forwarded {
            Some(socket) => Address::Unix(socket.clone()).to_string(),
            None => self.address.to_string(),
        }
    }

    /// The same engine, its socket forwarded to this one.
    pub(super) fn forwarded_to(&self, socket: PathBuf) -> Self {
        Self {
            forwarded: Some(socket),
            ..self.clone()
        }
    }

    /// Who chose the endpoint.
    pub fn origin(&self) -> Origin {
        self.origin
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

#[cfg(test)]
mod tests {
    use super::*;
    use leakcheck_report::exit_code::ExitCode;

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
        assert_eq!(address("https://build-host"), "https://build-host:2376");
        assert_eq!(address("https://[::1]:443"), "https://[::1]:443");
        assert_eq!(address("ssh://me@build-host"), "ssh://me@build-host");
        assert_eq!(
            address("ssh://h:2222/run/d.sock"),
            "ssh://h:2222/run/d.sock"
        );
        assert_eq!(address("ssh://h/var/run/docker.sock"), "ssh://h");
    }

    #[test]
    fn docker_tls_verify_makes_tcp_mean_tls_on_its_own_port() {
        let address = |text| {
            let endpoint = Endpoint::choose(Some(text), None, true).expect(text);
            endpoint.address().to_string()
        };
        assert_eq!(address("tcp://a"), "https://a:2376");
        assert_eq!(address("tcp://a:2375"), "https://a:2375");
        assert_eq!(address("https://a:1"), "https://a:1");
        assert_eq!(address("unix:///a"), "unix:///a");
    }

    #[test]
    fn an_endpoint_with_tls_is_the_same_when_it_is_read_from_what_it_shows() {
        let given = Endpoint::choose(Some("tcp://a"), None, true).expect("an endpoint");
        let read = Endpoint::parse(&given.address().to_string()).expect("an endpoint");
        assert_eq!(read.address(), given.address());
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name_with_what_is() {
        for (text, says) in [
            ("ssh://", "names no host"),
            ("ssh://me:secret@host", "holds a password"),
            ("ssh://-oProxyCommand=x", "begins with a dash"),
            ("ssh://host/a%20b", "characters"),
            ("ssh://host?x", "holds more than"),
            ("https://", "names no host"),
            ("https://host/prefix", "more than a host and a port"),
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
    fn http_is_refused_where_the_environment_demands_tls() {
        let failure = Endpoint::choose(Some("http://a:2375"), None, true).expect_err("no TLS");
        assert_eq!(failure.code, ExitCode::Usage);
        assert!(
            failure.to_string().contains("unset DOCKER_TLS_VERIFY"),
            "{failure}"
        );
    }
}
