//! TLS for the vendors' own host names: by a port of its own, and inside of a proxy's tunnel.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::Authority;
use crate::time::wall;

/// How long a client may take over its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// By which names this machine calls itself.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Where certificates come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificates {
    /// An authority of our own in this folder.
    Authority(PathBuf),
    /// Files of the user's, in PEM: chain and key.
    Own { chain: PathBuf, key: PathBuf },
}

/// TLS on our side. Nothing is read or made before somebody needs it.
pub struct Tls {
    certificates: Certificates,
    hosts: Vec<String>,
    acceptor: OnceLock<Result<TlsAcceptor, String>>,
}

impl Tls {
    /// For these host names and those of this machine.
    #[must_use]
    pub fn new(certificates: Certificates, hosts: impl Iterator<Item = &'static str>) -> Self {
        let hosts = hosts.chain(LOCAL).map(str::to_owned).collect();
        Self { certificates, hosts, acceptor: OnceLock::new() }
    }

    /// Reads or makes what TLS needs.
    ///
    /// # Errors
    /// One line that says which file is wrong.
    pub fn prepare(&self) -> Result<&TlsAcceptor, String> {
        self.acceptor.get_or_init(|| self.make()).as_ref().map_err(Clone::clone)
    }

    fn make(&self) -> Result<TlsAcceptor, String> {
        let (chain, key) = match &self.certificates {
            Certificates::Authority(folder) => Authority::open(folder)?.issue(self.hosts.clone(), wall())?,
            Certificates::Own { chain, key } => {
                let wrong = |file: &PathBuf, error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
                let read = CertificateDer::pem_file_iter(chain).map_err(|error| wrong(chain, &error))?;
                let read: Result<Vec<_>, _> = read.collect();
                let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
                (read.map_err(|error| wrong(chain, &error))?, private)
            }
        };
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| format!("no TLS with this certificate: {error}"))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Shakes hands with a client, who may not take for ever.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let acceptor = self.prepare().map_err(io::Error::other)?;
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
