//! TLS settings: which servers a connection trusts, and the client certificate that it presents.

use ::redis::ConnectionInfo;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

use crate::Error;

/// TLS certificates, in PEM.
#[derive(Clone, Default)]
pub(crate) struct TlsConfig {
    /// The certificate authority of the servers.
    pub(crate) ca_certificate: Option<Vec<u8>>,
    /// The client certificate and its private key.
    pub(crate) client_certificate: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsConfig {
    /// Rejects certificates that cannot be read, a mix of addresses with and without TLS, and
    /// certificates for addresses without TLS, where they would be ignored silently.
    pub(crate) fn validate(&self, nodes: &[ConnectionInfo]) -> Result<(), Error> {
        let with_tls = nodes.iter().filter(|info| is_tls(info)).count();
        let has_certificates = self.ca_certificate.is_some() || self.client_certificate.is_some();
        if with_tls < nodes.len() && (has_certificates || with_tls > 0) {
            let problem = "must be rediss:// if another address is, or if certificates are set";
            return Err(Error::invalid("url", problem));
        }
        if let Some(ca) = &self.ca_certificate {
            validate_certificates(ca)?;
        }
        if let Some((certificate, key)) = &self.client_certificate {
            validate_certificates(certificate)?;
            PrivateKeyDer::from_pem_slice(key).map_err(invalid_certificate)?;
        }
        Ok(())
    }

    pub(crate) fn certificates(&self) -> ::redis::TlsCertificates {
        let client = self.client_certificate.clone();
        ::redis::TlsCertificates {
            client_tls: client.map(|(client_cert, client_key)| ::redis::ClientTlsConfig {
                client_cert,
                client_key,
            }),
            root_cert: self.ca_certificate.clone(),
        }
    }
}

pub(crate) fn is_tls(info: &ConnectionInfo) -> bool {
    matches!(info.addr(), ::redis::ConnectionAddr::TcpTls { .. })
}

fn validate_certificates(pem: &[u8]) -> Result<(), Error> {
    let mut certificates = CertificateDer::pem_slice_iter(pem);
    let first = certificates.next().unwrap_or(Err(pem::Error::NoItemsFound));
    std::iter::once(first)
        .chain(certificates)
        .try_for_each(|certificate| certificate.map(drop))
        .map_err(invalid_certificate)
}

pub(crate) fn invalid_certificate(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    // Unlike a URL, a certificate contains no password: the cause is kept.
    Error::invalid("certificate", "cannot be read as PEM").with_source(error)
}

/// Installs the cryptography provider of rustls, unless the application has installed one.
pub(crate) fn install_crypto_provider() {
    // Fails if a provider is installed already; that provider is then used.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
