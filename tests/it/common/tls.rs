//! An engine behind TLS, as dockerd with --tlsverify is, and the certificates for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// Who signs certificates.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// The years from and until whose first day a certificate is valid.
pub type Years = (i32, i32);

/// What is valid now, and for the life of this test.
pub const NOW: Years = (2000, 4000);

impl Authority {
    /// Each has the same name and another key.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        Self(issuer.expect("a certificate"))
    }

    fn sign(
        &self,
        names: &[&str],
        purpose: ExtendedKeyUsagePurpose,
        years: Years,
    ) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![purpose];
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.0).expect("a certificate"), key)
    }

    /// A directory with this authority's certificate, and with a client's that `client` has signed.
    pub fn directory(&self, client: Option<&Self>) -> TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name, text: String| {
            std::fs::write(directory.path().join(name), text).expect("written");
        };
        write("ca.pem", self.0.pem());
        if let Some(client) = client {
            let (cert, key) = client.sign(&[], ExtendedKeyUsagePurpose::ClientAuth, NOW);
            write("cert.pem", cert.pem());
            write("key.pem", key.serialize_pem());
        }
        directory
    }
}

/// What an engine shows, and whether it asks for a client's certificate.
pub struct Server<'a> {
    pub authority: &'a Authority,
    pub names: &'a [&'a str],
    pub years: Years,
    pub asks_client: bool,
    pub versions: &'a [&'static SupportedProtocolVersion],
}

impl<'a> Server<'a> {
    /// As dockerd with --tlsverify.
    pub fn verifying(authority: &'a Authority) -> Self {
        Self {
            authority,
            names: &["localhost", "127.0.0.1"],
            years: NOW,
            asks_client: true,
            versions: ALL_VERSIONS,
        }
    }

    fn config(&self) -> ServerConfig {
        let purpose = ExtendedKeyUsagePurpose::ServerAuth;
        let (cert, key) = self.authority.sign(self.names, purpose, self.years);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .expect("versions");
        let builder = if self.asks_client {
            let mut roots = RootCertStore::empty();
            let ca: CertificateDer = self.authority.0.der().clone();
            roots.add(ca).expect("an authority");
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        builder
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate")
    }
}

/// Speaks TLS on a port, and passes on what it hears to a unix socket.
pub struct TlsProxy {
    pub address: SocketAddr,
    runtime: Option<Runtime>,
}

impl TlsProxy {
    pub fn start(server: &Server, socket: &Path) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(server.config()));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        // Not from within: the test may have a runtime of its own.
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let socket = socket.to_owned();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(pass_on(acceptor.clone(), stream, socket.clone()));
            }
        });
        Self {
            address,
            runtime: Some(runtime),
        }
    }
}

/// Ends as soon as either side does.
async fn pass_on(acceptor: TlsAcceptor, stream: tokio::net::TcpStream, socket: PathBuf) {
    if let Ok(mut client) = acceptor.accept(stream).await
        && let Ok(mut engine) = UnixStream::connect(socket).await
    {
        let _ = tokio::io::copy_bidirectional(&mut client, &mut engine).await;
    }
}

impl Drop for TlsProxy {
    fn drop(&mut self) {
        // A runtime must not be waited for within another.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
