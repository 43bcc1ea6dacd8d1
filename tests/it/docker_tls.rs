//! Engines behind TLS: the same figures as over a socket, and a message for each way of failing.

use std::path::Path;
use std::process::{Command, Stdio};

use ::leakcheck::internals::docker::endpoint::Endpoint;
use docker_engine::address::Address;
use tempfile::TempDir;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::common::leakcheck;
use crate::common::program::Ended;
use crate::common::real_docker::engine_or_skip;
use crate::common::report::assert_the_incidents_figures;
use crate::common::synthetic_engine::Engine;
use crate::common::tls::{Authority, NOW, Server, TlsProxy, Years};

/// The program with the certificates of a directory.
fn program(certificates: &Path) -> Command {
    let mut command = Command::new(leakcheck());
    for variable in [
        "DOCKER_CONFIG",
        "DOCKER_HOST",
        "DOCKER_TLS_VERIFY",
        "GITHUB_ACTIONS",
        "GITHUB_STEP_SUMMARY",
    ] {
        command.env_remove(variable);
    }
    command
        .env("DOCKER_CERT_PATH", certificates)
        .stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Ended {
    let output = command.output().expect("starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// What `clean` says of an engine, which must end it with `code`.
fn refused(code: i32, command: &mut Command, host: &str) -> String {
    let ended = run(command.args(["clean", "--host", host]));
    assert_eq!(ended.code, Some(code), "{ended:?}");
    ended.stderr
}

#[test]
fn containers_behind_tls_are_followed_as_over_a_socket() {
    let (engine, authority) = (Engine::on_a_socket(), Authority::new());
    let proxy = TlsProxy::start(&Server::verifying(&authority), &engine.socket());
    let certificates = authority.directory(Some(&authority));
    let port = proxy.address.port();
    for (host, verify) in [
        (format!("https://localhost:{port}"), None),
        (format!("tcp://127.0.0.1:{port}"), Some("1")),
    ] {
        let mut command = program(certificates.path());
        if let Some(verify) = verify {
            command.env("DOCKER_TLS_VERIFY", verify);
        }
        assert_the_incidents_figures(&run(command.args(Engine::FOLLOWED).args([
            "--rotations=3",
            "--host",
            &host,
        ])));
    }
}

#[tokio::test]
async fn real_containers_behind_tls_give_the_same_figures() {
    if engine_or_skip().await.is_none() {
        return;
    }
    let endpoint = Endpoint::resolve(None).expect("an endpoint");
    let Address::Unix(socket) = endpoint.address() else {
        crate::common::skip("the engine has no unix socket to put TLS before");
        return;
    };
    let authority = Authority::new();
    let proxy = TlsProxy::start(&Server::verifying(&authority), socket);
    let certificates = authority.directory(Some(&authority));
    assert_the_incidents_figures(&run(program(certificates.path())
        .env("DOCKER_HOST", format!("tcp://{}", proxy.address))
        .env("DOCKER_TLS_VERIFY", "1")
        .args([
            "run",
            "--engine=docker",
            "--containers=3",
            "--rotation=1s",
            "--rotations=3",
            "--format=json",
        ])));
}

/// Somewhere that nothing is sent to: what is wrong is found before.
const NOWHERE: &str = "https://127.0.0.1:1";

#[test]
fn files_that_are_not_what_they_should_be_are_a_usage_error_that_names_them() {
    let (authority, other) = (Authority::new(), Authority::new());
    let other = other.directory(Some(&other));
    let others = |name| std::fs::read(other.path().join(name)).expect("a file");
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
    let cut_off = b"-----BEGIN CERTIFICATE-----\nAAAA\n";
    let no_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases: [(&str, Option<Vec<u8>>, &str); 11] = [
        ("ca.pem", None, "is missing"),
        (
            "ca.pem",
            Some(b"hello".into()),
            "holds no certificate in PEM",
        ),
        (
            "ca.pem",
            Some(others("key.pem")),
            "holds no certificate in PEM",
        ),
        (
            "ca.pem",
            Some(cut_off.into()),
            "damaged PEM: a section has no end",
        ),
        (
            "ca.pem",
            Some(no_der.into()),
            "no certificate that can be read",
        ),
        ("cert.pem", None, "is missing, and"),
        (
            "cert.pem",
            Some(no_der.into()),
            "no certificate that can be read",
        ),
        ("key.pem", None, "is missing, and"),
        ("key.pem", Some(others("cert.pem")), "no private key in PEM"),
        ("key.pem", Some(encrypted.into()), "needs a passphrase"),
        ("key.pem", Some(others("key.pem")), "is not the key of"),
    ];
    for (name, content, says) in cases {
        let certificates = authority.directory(Some(&authority));
        let path = certificates.path().join(name);
        match content {
            Some(content) => std::fs::write(&path, content).expect("written"),
            None => std::fs::remove_file(&path).expect("removed"),
        }
        let message = refused(2, &mut program(certificates.path()), NOWHERE);
        assert!(message.contains(says), "{name}: {message}");
        let named = format!("{} ", path.display());
        assert!(message.contains(&named), "{name}: {message}");
        assert!(
            message.contains("DOCKER_CERT_PATH names that directory"),
            "{message}"
        );
        assert!(message.contains(NOWHERE), "{message}");
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let authority = Authority::new();
    let certificates = authority.directory(None);
    // Root may read any file, but nobody a directory as one.
    std::fs::create_dir(certificates.path().join("cert.pem")).expect("a directory");
    let message = refused(2, &mut program(certificates.path()), NOWHERE);
    assert!(message.contains("cert.pem cannot be read: "), "{message}");
}

#[test]
fn without_docker_cert_path_the_docker_commands_own_directory_is_read() {
    let home = tempfile::tempdir().expect("a directory");
    let mut command = program(home.path());
    command
        .env_remove("DOCKER_CERT_PATH")
        .env("HOME", home.path());
    let message = refused(2, &mut command, NOWHERE);
    let missing = home.path().join(".docker/ca.pem");
    assert!(
        message.contains(&format!("{} is missing", missing.display())),
        "{message}"
    );
    assert!(
        message.contains("DOCKER_CERT_PATH would name another"),
        "{message}"
    );

    let mut command = program(home.path());
    command
        .env("DOCKER_CERT_PATH", "")
        .env("DOCKER_CONFIG", home.path());
    let message = refused(2, &mut command, NOWHERE);
    let missing = home.path().join("ca.pem");
    assert!(
        message.contains(&format!("{} is missing", missing.display())),
        "{message}"
    );
    assert!(
        message.contains("DOCKER_CONFIG names that directory"),
        "{message}"
    );
}

#[test]
fn a_host_that_denies_the_tls_demanded_is_a_usage_error() {
    let nowhere = Path::new("/nowhere");
    let mut command = program(nowhere);
    command.env("DOCKER_TLS_VERIFY", "1");
    let message = refused(2, &mut command, "http://127.0.0.1:1");
    assert!(message.contains("unset DOCKER_TLS_VERIFY"), "{message}");

    let message = refused(2, &mut program(nowhere), "https://a..b:1");
    assert!(
        message.contains("no name that a certificate can be for"),
        "{message}"
    );
}

/// What is said of an engine behind TLS with these certificates.
fn told_of(server: &Server, certificates: &TempDir) -> String {
    // Behind it is no engine.
    let proxy = TlsProxy::start(server, Path::new("/nowhere/engine.sock"));
    let host = format!("https://{}", proxy.address);
    let message = refused(4, &mut program(certificates.path()), &host);
    assert!(
        message.contains(&format!("{host} (from --host) ")),
        "{message}"
    );
    message
}

#[test]
fn a_certificate_of_the_engines_that_does_not_hold_says_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let certificates = authority.directory(Some(&authority));
    let told = |server| told_of(&server, &certificates);

    let message = told(Server::verifying(&other));
    let ca = certificates.path().join("ca.pem");
    let says = format!("is not trusted: no certificate in {} signed", ca.display());
    assert!(message.contains(&says), "{message}");
    assert!(message.contains("DOCKER_CERT_PATH"), "{message}");

    let message = told(Server {
        names: &["build-host", "10.0.0.7"],
        ..Server::verifying(&authority)
    });
    let says = "shows a certificate for build-host, 10.0.0.7, not for 127.0.0.1";
    assert!(message.contains(says), "{message}");

    let of = |years: Years| Server {
        years,
        ..Server::verifying(&authority)
    };
    let message = told(of((NOW.0, 2001)));
    assert!(
        message.contains("expired at 2001-01-01T00:00:00Z"),
        "{message}"
    );
    let message = told(of((3999, NOW.1)));
    assert!(
        message.contains("valid from 3999-01-01T00:00:00Z on only"),
        "{message}"
    );
}

#[test]
fn an_engine_that_wants_a_client_certificate_is_told_from_one_that_refuses_it() {
    let (authority, other) = (Authority::new(), Authority::new());
    // TLS 1.2 objects within the handshake, 1.3 after it.
    for version in [&TLS12, &TLS13] {
        let server = Server {
            versions: &[version],
            ..Server::verifying(&authority)
        };
        let none = authority.directory(None);
        let message = told_of(&server, &none);
        let says = format!("{} holds no cert.pem and key.pem", none.path().display());
        assert!(message.contains("wants a client certificate"), "{message}");
        assert!(message.contains(&says), "{message}");

        let others = authority.directory(Some(&other));
        let message = told_of(&server, &others);
        let cert = others.path().join("cert.pem");
        let says = format!("refuses the client certificate {}", cert.display());
        assert!(message.contains(&says), "{message}");
    }
}

#[test]
fn no_client_certificate_is_needed_where_the_engine_wants_none() {
    let (engine, authority) = (Engine::on_a_socket(), Authority::new());
    let server = Server {
        asks_client: false,
        ..Server::verifying(&authority)
    };
    let proxy = TlsProxy::start(&server, &engine.socket());
    let host = format!("https://{}", proxy.address);
    let certificates = authority.directory(None);
    let ended = run(program(certificates.path()).args(["clean", "--dry-run", "--host", &host]));
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_connection_that_ends_after_the_handshake_is_not_blamed_on_tls() {
    let authority = Authority::new();
    let message = told_of(
        &Server::verifying(&authority),
        &authority.directory(Some(&authority)),
    );
    assert!(message.contains("not as a Docker engine does"), "{message}");
}

#[test]
fn what_ends_the_connection_in_the_handshake_may_not_speak_tls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = format!("https://{}", listener.local_addr().expect("an address"));
    // Ends with the test's process.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let certificates = Authority::new().directory(None);
    let message = refused(4, &mut program(certificates.path()), &host);
    assert!(message.contains("does it speak TLS?"), "{message}");
}

#[test]
fn an_engine_without_tls_is_told_from_one_that_fails_at_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let engine = Engine::start("tcp://127.0.0.1:0", directory);
    let certificates = Authority::new().directory(None);
    let host = engine.url.replace("tcp://", "https://");
    let message = refused(4, &mut program(certificates.path()), &host);
    assert!(
        message.contains("with DOCKER_TLS_VERIFY unset"),
        "{message}"
    );
}

#[test]
fn an_engine_with_tls_is_recognised_where_none_was_asked_for() {
    let authority = Authority::new();
    let nowhere = Path::new("/nowhere");
    let proxy = TlsProxy::start(&Server::verifying(&authority), nowhere);
    let host = format!("tcp://{}", proxy.address);
    let message = refused(4, &mut program(nowhere), &host);
    let says = format!(
        "{host} (from --host) wants TLS: use --host https://{}",
        proxy.address
    );
    assert!(message.contains(&says), "{message}");
}

#[test]
fn doctor_finds_what_is_wrong_with_the_certificates() {
    let ended =
        run(program(Path::new("/nowhere")).args(["doctor", "--format=json", "--host", NOWHERE]));
    assert!(
        ended.stdout.contains("/nowhere/ca.pem is missing"),
        "{ended:?}"
    );
}
