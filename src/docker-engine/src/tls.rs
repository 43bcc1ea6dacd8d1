//! TLS with an engine, as the docker command does it: certificates out of a directory, and what each way
//! of failing means.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as TlsError, RootCertStore,
};

/// Names the directory of the certificates.
const CERT_PATH: &str = "DOCKER_CERT_PATH";
/// Names the docker command's own directory, where they are by default.
const CONFIG: &str = "DOCKER_CONFIG";

/// What to do about an engine that speaks no TLS.
pub const WITHOUT_TLS: &str =
    "an engine without TLS is --host tcp://HOST:PORT with DOCKER_TLS_VERIFY unset";

/// The certificates by which an engine and its client know each other.
#[derive(Clone)]
pub struct Certificates {
    config: Arc<ClientConfig>,
    directory: PathBuf,
    has_own: bool,
}

impl Certificates {
    /// Reads them from the directory that `DOCKER_CERT_PATH` names, else from the docker command's own.
    ///
    /// # Errors
    /// Names the file that is missing or not what it should be, and the variable to change.
    pub fn of_environment() -> Result<Self, String> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let (directory, named) = directory(set(CERT_PATH), set(CONFIG), std::env::home_dir())?;
        Self::read(&directory).map_err(|problem| format!("{problem}; {named}"))
    }

    /// Reads `ca.pem`, and `cert.pem` and `key.pem` where they are there, from a directory.
    fn read(directory: &Path) -> Result<Self, String> {
        let file = |name| PemFile::read(directory.join(name));
        let ca = file("ca.pem")?;
        let ca = ca.ok_or_else(|| {
            format!(
                "{} is missing, the certificate of the authority that signed the engine's",
                directory.join("ca.pem").display()
            )
        })?;
        let mut roots = RootCertStore::empty();
        if roots.add_parsable_certificates(ca.certificates()?).0 == 0 {
            return Err(format!("{ca} holds no certificate that can be read"));
        }
        // Of this program's own choice: a default for the whole process could be somebody else's.
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let own = (file("cert.pem")?, file("key.pem")?);
        let has_own = own.0.is_some();
        let config = match own {
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(cert.certificates()?, key.private_key()?)
                .map_err(|error| own_certificate_problem(&cert, &key, &error))?,
            (None, None) => builder.with_no_client_auth(),
            (Some(there), None) => return Err(half_missing(directory, "key.pem", &there)),
            (None, Some(there)) => return Err(half_missing(directory, "cert.pem", &there)),
        };
        Ok(Self {
            config: Arc::new(config),
            directory: directory.into(),
            has_own,
        })
    }

    /// What an error means, as what the engine does.
    fn explain(&self, error: &TlsError) -> String {
        let ca = self.directory.join("ca.pem");
        match error {
            TlsError::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => format!(
                "is not trusted: no certificate in {} signed its certificate; {CERT_PATH} names the \
                 directory of the engine's ca.pem",
                ca.display()
            ),
            TlsError::InvalidCertificate(error) => certificate_problem(error),
            TlsError::AlertReceived(alert) => self.alert(*alert),
            TlsError::InvalidMessage(_) => format!("answers, but not in TLS: {WITHOUT_TLS}"),
            error => format!("cannot agree on TLS: {error}"),
        }
    }

    /// What it means that the engine ended the handshake so.
    fn alert(&self, alert: AlertDescription) -> String {
        use AlertDescription as Alert;
        let directory = self.directory.display();
        match alert {
            // TLS 1.2 has no word for a certificate that is missing.
            Alert::CertificateRequired | Alert::BadCertificate | Alert::HandshakeFailure
                if !self.has_own =>
            {
                format!(
                    "wants a client certificate: {directory} holds no cert.pem and key.pem \
                     ({CERT_PATH} names the directory)"
                )
            }
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError => format!(
                "refuses the client certificate {directory}/cert.pem ({alert:?}): has it expired, or \
                 did another authority sign it than the engine's (dockerd --tlscacert)? {CERT_PATH} \
                 names the directory"
            ),
            Alert::ProtocolVersion => "speaks neither TLS 1.2 nor 1.3".into(),
            alert => format!("refuses TLS ({alert:?})"),
        }
    }
}

/// TLS with one engine.
#[derive(Clone)]
pub struct Tls {
    certificates: Certificates,
    server: ServerName<'static>,
}

impl Tls {
    /// TLS with the engine on a host, with the certificates that the environment names.
    ///
    /// # Errors
    /// Says which file or name is wrong, and what to change.
    pub fn with(host: &str) -> Result<Self, String> {
        let server = ServerName::try_from(bare_host(host).to_owned())
            .map_err(|_| format!("{host:?} is no name that a certificate can be for"))?;
        Ok(Self {
            certificates: Certificates::of_environment()?,
            server,
        })
    }

    /// Shakes hands over an open connection. Spawns nothing: the census counts what the wiring spawns.
    ///
    /// # Errors
    /// [`Tls::explain`] tells what they mean.
    pub async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.certificates.config);
        let connector = TlsConnector::from(config);
        connector.connect(self.server.clone(), stream).await
    }

    /// What an error of TLS means, as what the engine does (`wants a client certificate: …`); `None` for
    /// any other error.
    pub fn explain(&self, error: &io::Error) -> Option<String> {
        let error = error.get_ref()?.downcast_ref()?;
        Some(self.certificates.explain(error))
    }
}

/// The directory to read, and whose word it is.
fn directory(
    cert_path: Option<OsString>,
    config: Option<OsString>,
    home: Option<PathBuf>,
) -> Result<(PathBuf, String), String> {
    match (cert_path, config, home) {
        (Some(path), _, _) => Ok((path.into(), format!("{CERT_PATH} names that directory"))),
        (None, Some(path), _) => Ok((
            path.into(),
            format!("{CONFIG} names that directory, and {CERT_PATH} would another"),
        )),
        (None, None, Some(home)) => Ok((
            home.join(".docker"),
            format!("{CERT_PATH} would name another directory than this, the default"),
        )),
        (None, None, None) => Err(format!(
            "there is no home directory to find certificates in: set {CERT_PATH} to the directory of \
             ca.pem, cert.pem and key.pem"
        )),
    }
}

/// The text of a file that is to be PEM.
struct PemFile {
    path: PathBuf,
    text: Vec<u8>,
}

impl PemFile {
    /// `None` where there is no such file.
    fn read(path: PathBuf) -> Result<Option<Self>, String> {
        match std::fs::read(&path) {
            Ok(text) => Ok(Some(Self { path, text })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        match found {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(format!(
                "{self} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"
            )),
            Err(error) => Err(format!("{self} is damaged PEM: {}", damage(&error))),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, String> {
        if memchr::memmem::find(&self.text, b"ENCRYPTED").is_some() {
            return Err(format!(
                "{self} needs a passphrase, which nobody is asked for: write the key without (openssl \
                 pkey -in key.pem -out key-without-passphrase.pem)"
            ));
        }
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| match error {
            pem::Error::NoItemsFound => {
                format!("{self} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)")
            }
            error => format!("{self} is damaged PEM: {}", damage(&error)),
        })
    }
}

impl fmt::Display for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// What is wrong with a PEM file; the library's own words show bytes as numbers.
fn damage(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end".into(),
        pem::Error::IllegalSectionStart { .. } => {
            "a section begins with a line that is none".into()
        }
        error => error.to_string(),
    }
}

fn half_missing(directory: &Path, missing: &str, there: &PemFile) -> String {
    format!(
        "{} is missing, and {there} is of no use without it",
        directory.join(missing).display()
    )
}

fn own_certificate_problem(cert: &PemFile, key: &PemFile, error: &TlsError) -> String {
    match error {
        TlsError::InconsistentKeys(_) => format!("{key} is not the key of {cert}"),
        TlsError::InvalidCertificate(_) => format!("{cert} holds no certificate that can be read"),
        error => format!("{key} cannot be used: {error}"),
    }
}

/// What is wrong with the engine's certificate.
fn certificate_problem(error: &CertificateError) -> String {
    match error {
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
            let names = match &names[..] {
                [] => "no name at all".into(),
                names => names.join(", "),
            };
            format!(
                "shows a certificate for {names}, not for {}: name the engine with --host as its \
                 certificate does",
                expected.to_str()
            )
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "shows a certificate that expired at {}: renew it, or set this machine's clock",
            moment(*not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "shows a certificate that is valid from {} on only: set this machine's clock",
            moment(*not_before)
        ),
        error => format!("shows a certificate that is not accepted: {error}"),
    }
}

/// `::1` out of `[::1]`.
fn bare_host(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

/// `localhost` out of `DnsName("localhost")`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map(|(_, rest)| rest);
    let inner = inner.and_then(|rest| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

fn moment(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).map_or_else(
        |_| format!("second {seconds} of 1970"),
        |time| time.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_the_first_that_somebody_names() {
        let of = |cert_path: Option<&str>, config: Option<&str>, home: Option<&str>| {
            directory(
                cert_path.map(Into::into),
                config.map(Into::into),
                home.map(Into::into),
            )
            .map(|(directory, _)| directory)
        };
        assert_eq!(of(Some("/a"), Some("/b"), Some("/c")), Ok("/a".into()));
        assert_eq!(of(None, Some("/b"), Some("/c")), Ok("/b".into()));
        assert_eq!(of(None, None, Some("/c")), Ok("/c/.docker".into()));
        let message = of(None, None, None).expect_err("no directory");
        assert!(message.contains("set DOCKER_CERT_PATH"), "{message}");
    }

    #[test]
    fn a_name_in_a_certificate_is_told_without_its_kind() {
        assert_eq!(bare(r#"DnsName("*.example.org")"#), "*.example.org");
        assert_eq!(bare("IpAddress(::1)"), "::1");
        assert_eq!(bare("another form"), "another form");
    }

    #[test]
    fn a_host_is_one_that_a_certificate_can_be_for() {
        assert!(ServerName::try_from(bare_host("[::1]")).is_ok());
        assert!(ServerName::try_from(bare_host("build-host")).is_ok());
        assert!(ServerName::try_from(bare_host("a..b")).is_err());
    }
}
