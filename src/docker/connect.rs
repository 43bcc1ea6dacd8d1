//! The first contact with an engine, and what each way of failing means.

use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use docker_engine::WITHOUT_TLS;
use docker_engine::address::{Address, Remote};
use docker_engine::ask;
use docker_engine::dial::Dialer;
use docker_engine::error_text::told;
use leakcheck_report::exit_code::Failure;
use log_monitor::plain_client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::endpoint::Endpoint;
use super::ssh::Forward;

/// How long an engine may take to answer the first request. It sits on the same machine or in
/// the same network; a longer silence is a firewall's or a stopped engine's.
const FIRST_CONTACT: Duration = Duration::from_secs(5);
/// How long one request may take, in seconds. Creating a container on a busy engine takes a while.
const REQUEST_TIMEOUT_S: u64 = 120;
/// How long is looked for the reason of an answer that was not understood.
const SECOND_LOOK: Duration = Duration::from_secs(2);

impl Endpoint {
    /// Connects, asks whether a Docker engine answers, and agrees on an API version. Returns the endpoint as
    /// it is reached then.
    ///
    /// # Errors
    /// A usage failure where the certificates for TLS are not what they should be; else an environment
    /// failure that says which of the ways to fail it was, and what to do.
    pub async fn connect(&self) -> Result<(Docker, Self), Failure> {
        let Address::Ssh(remote) = self.address() else {
            let dialer = Dialer::new(self.address())
                .map_err(|problem| Failure::usage(format!("{self} needs TLS: {problem}")))?;
            return Ok((self.connect_by(&dialer, None).await?, self.clone()));
        };
        let forward = Forward::open(remote)
            .await
            .map_err(|error| Failure::environment(format!("no way to {self}: {error:#}")))?;
        let reached = self.forwarded_to(forward.socket());
        let forward = Arc::new(forward);
        let dialer = Dialer::through(forward.socket(), Arc::clone(&forward) as _);
        Ok((self.connect_by(&dialer, Some(&forward)).await?, reached))
    }

    async fn connect_by(
        &self,
        dialer: &Dialer,
        forward: Option<&Forward>,
    ) -> Result<Docker, Failure> {
        // A bare connection first: its error says plainly what the HTTP client's wraps in layers.
        match timeout(FIRST_CONTACT, dialer.dial()).await {
            Err(_) => return Err(self.silent()),
            Ok(Err(error)) => {
                return Err(match dialer.explain_tls(&error) {
                    Some(does) => Failure::environment(format!("{self} {does}")),
                    None => self.unreachable(&error),
                });
            }
            Ok(Ok(_)) => {}
        }
        let client = plain_client(dialer.clone(), REQUEST_TIMEOUT_S, API_DEFAULT_VERSION)
            .map_err(|error| Failure::environment(format!("{self}: {error}")))?;
        match timeout(FIRST_CONTACT, ask::negotiate(client)).await {
            Err(_) | Ok(Err(Error::RequestTimeoutError)) => Err(self.silent()),
            Ok(Err(error @ Error::DockerResponseServerError { .. })) => Err(self.no_engine(&error)),
            Ok(Err(error)) => {
                if let Address::Ssh(remote) = self.address() {
                    return Err(self.not_forwarded(remote, forward, &error));
                }
                let of_tls = timeout(SECOND_LOOK, self.misunderstood_tls(dialer)).await;
                Err(of_tls
                    .ok()
                    .flatten()
                    .unwrap_or_else(|| self.no_engine(&error)))
            }
            Ok(Ok(client)) => Ok(client),
        }
    }

    /// Looks at an engine that has answered, but not in HTTP: whether it is TLS that it objects to.
    async fn misunderstood_tls(&self, dialer: &Dialer) -> Option<Failure> {
        let mut stream = dialer.dial().await.ok()?;
        let mut answer = [0; 2];
        match self.address() {
            Address::Unix(_) | Address::Ssh(_) => None,
            Address::Tcp { .. } => {
                stream
                    .write_all(b"GET /_ping HTTP/1.0\r\n\r\n")
                    .await
                    .ok()?;
                stream.read_exact(&mut answer).await.ok()?;
                // A TLS record that holds an alert begins so (RFC 8446, section 5.1).
                (answer == [0x15, 0x03]).then(|| self.wants_tls())
            }
            // With TLS 1.3 a server objects to a client's certificate only when the handshake is over for
            // the client. A request sent by then can have its connection reset, and the alert lost: so
            // nothing is sent.
            Address::Tls { .. } => {
                let error = stream.read_exact(&mut answer).await.err()?;
                let does = dialer.explain_tls(&error)?;
                Some(Failure::environment(format!("{self} {does}")))
            }
        }
    }

    /// ssh takes any connection, and ends it where the other end cannot be opened.
    fn not_forwarded(&self, remote: &Remote, forward: Option<&Forward>, error: &Error) -> Failure {
        let complaint = forward.and_then(Forward::complaint);
        let why = complaint.unwrap_or_else(|| told(error));
        Failure::environment(format!(
            "no engine answers at {} of {self}: {why}. Is the engine's socket there, and may the user open \
             it? Another is named behind the host: ssh://HOST/path/to/docker.sock",
            remote.socket
        ))
    }

    fn wants_tls(&self) -> Failure {
        let address = self.address().to_string().replacen("tcp://", "https://", 1);
        Failure::environment(format!(
            "{self} wants TLS: use --host {address}, or set DOCKER_TLS_VERIFY=1, with DOCKER_CERT_PATH as \
             the directory of ca.pem, cert.pem and key.pem"
        ))
    }

    fn silent(&self) -> Failure {
        Failure::environment(format!(
            "{self} does not answer within {} s: is the engine running, and does a firewall let \
             this machine through? Name another with --host; leakcheck run --engine synthetic needs \
             none",
            FIRST_CONTACT.as_secs()
        ))
    }

    /// Classifies the error of a connection that could not be opened.
    fn unreachable(&self, error: &io::Error) -> Failure {
        let synthetic = "leakcheck run --engine synthetic needs none";
        Failure::environment(match (error.kind(), self.address()) {
            (io::ErrorKind::NotFound, Address::Unix(_)) => format!(
                "no Docker engine at {self}: no such socket. Is the engine running? Name another \
                 with --host or DOCKER_HOST; {synthetic}"
            ),
            (io::ErrorKind::PermissionDenied, Address::Unix(path)) => {
                format!("no permission to open {self}: {}", permission_advice(path))
            }
            (_, Address::Unix(path)) if is_no_socket(path) => format!(
                "{self} is no socket: name the engine's with --host or DOCKER_HOST; {synthetic}"
            ),
            (io::ErrorKind::ConnectionRefused, Address::Unix(_)) => format!(
                "nobody listens at {self}: the engine that made this socket is gone. Start it, \
                 name another with --host; {synthetic}"
            ),
            (io::ErrorKind::ConnectionRefused, Address::Tcp { .. } | Address::Tls { .. }) => {
                format!(
                    "{self} refuses the connection: does the engine listen there (dockerd -H tcp://…)? \
                     Name another with --host; {synthetic}"
                )
            }
            (
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset,
                Address::Tls { .. },
            ) => {
                format!(
                    "{self} ends the connection in the TLS handshake: does it speak TLS? {WITHOUT_TLS}"
                )
            }
            _ => format!(
                "cannot reach {self}: {error}. Name another engine with --host; {synthetic}"
            ),
        })
    }

    /// Classifies the answer of something that is there and does not answer as an engine does.
    fn no_engine(&self, error: &Error) -> Failure {
        let told = match error {
            // What a stranger's answer holds may be a whole page.
            Error::DockerResponseServerError {
                status_code,
                message,
            } => {
                // Go's web server, and so Docker's, and nginx.
                if ["HTTPS server", "HTTPS port"]
                    .iter()
                    .any(|words| message.contains(words))
                {
                    return self.wants_tls();
                }
                format!("HTTP status {status_code}")
            }
            _ => told(error),
        };
        Failure::environment(format!(
            "{self} answers, but not as a Docker engine does ({told}): check the address given with \
             --host or DOCKER_HOST"
        ))
    }
}

fn is_no_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.file_type().is_socket())
}

/// Who may open the socket, and how to become one of them.
fn permission_advice(socket: &Path) -> String {
    let Ok(metadata) = std::fs::metadata(socket) else {
        return "its directory is closed to you; run as the user who started the engine".into();
    };
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let group = group_name(&groups, metadata.gid()).unwrap_or(metadata.gid().to_string());
    let mode = metadata.mode() & 0o777;
    if mode & 0o020 == 0 || metadata.gid() == 0 {
        return format!(
            "it belongs to uid {} and group {group}, mode {mode:03o}; run as its owner, or give it \
             a group of yours (chgrp and chmod g+rw)",
            metadata.uid()
        );
    }
    format!(
        "it is open to the group {group}; join it (sudo usermod -aG {group} \"$USER\", then log in \
         again)"
    )
}

/// The name of a group in the text of a group file.
fn group_name(groups: &str, gid: u32) -> Option<String> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn at(host: &str) -> Endpoint {
        Endpoint::parse(host).expect("an endpoint")
    }

    #[test]
    fn a_socket_of_somebody_elses_group_names_the_group_and_how_to_join_it() {
        let groups = "root:x:0:\ndocker:x:986:alice,bob\n";
        assert_eq!(group_name(groups, 986).as_deref(), Some("docker"));
        assert_eq!(group_name(groups, 7), None);
    }

    #[test]
    fn a_socket_without_permission_says_whose_it_is() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("engine.sock");
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).expect("mode");
        // Root may open any socket, so the kernel's answer is given here by hand.
        let failure = at(&format!("unix://{}", path.display()))
            .unreachable(&io::ErrorKind::PermissionDenied.into());
        let message = failure.to_string();
        assert!(
            message.contains("no permission to open unix://"),
            "{message}"
        );
        assert!(message.contains("mode 000"), "{message}");
        assert!(message.contains("(from --host)"), "{message}");
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_told_from_one_that_is_missing() {
        let endpoint = at("unix:///nowhere/engine.sock");
        let gone = endpoint.unreachable(&io::ErrorKind::ConnectionRefused.into());
        let missing = endpoint.unreachable(&io::ErrorKind::NotFound.into());
        assert!(gone.to_string().contains("is gone"), "{gone}");
        assert!(missing.to_string().contains("no such socket"), "{missing}");
        assert!(
            missing
                .to_string()
                .contains("--engine synthetic needs none"),
            "{missing}"
        );
    }

    #[test]
    fn an_engine_that_wants_tls_is_told_from_a_stranger() {
        let told = Error::DockerResponseServerError {
            status_code: 400,
            message: "Client sent an HTTP request to an HTTPS server.".into(),
        };
        let failure = at("tcp://host:2376").no_engine(&told);
        let message = failure.to_string();
        assert!(message.contains("wants TLS"), "{message}");
        assert!(message.contains("--host https://host:2376"), "{message}");
    }
}
