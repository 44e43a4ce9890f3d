//! TLS with a container: whatever certificate it has. Certificates of containers are their own, made for no
//! name that we could ask for, and the way to them is the host's own network.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};

use crate::engine::Wire;

/// Takes every certificate; that its key is there is still asked for.
#[derive(Debug)]
struct Any(CryptoProvider);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn config() -> Result<Arc<ClientConfig>, TlsError> {
    let provider = ring::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The connection to a container, as one that speaks TLS.
///
/// # Errors
/// When the container does not.
pub async fn secured(wire: Wire, at: IpAddr) -> std::io::Result<Wire> {
    static CONFIG: LazyLock<Result<Arc<ClientConfig>, TlsError>> = LazyLock::new(config);
    let config = CONFIG.as_ref().map_err(|error| std::io::Error::other(error.clone()))?;
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(ServerName::IpAddress(at.into()), wire).await?;
    Ok(Box::pin(stream))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

    use super::secured;
    use crate::engine::Wire;

    fn acceptor(certificate: &str, key: &str) -> TlsAcceptor {
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("a cert");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key);
        TlsAcceptor::from(Arc::new(config.expect("a server")))
    }

    /// What comes back of "moo".
    async fn asked(acceptor: Option<TlsAcceptor>) -> std::io::Result<String> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let server = async move {
            let Some(acceptor) = acceptor else {
                let mut said = [0; 16];
                let _ = theirs.read(&mut said).await;
                let _ = theirs.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                return;
            };
            let Ok(mut stream) = acceptor.accept(theirs).await else { return };
            let mut said = [0; 3];
            stream.read_exact(&mut said).await.expect("three bytes");
            stream.write_all(&said.map(|byte| byte.to_ascii_uppercase())).await.expect("sent");
            stream.shutdown().await.expect("ended");
        };
        let client = async move {
            let wire: Wire = Box::pin(ours);
            let mut wire = secured(wire, [10, 42, 0, 7].into()).await?;
            wire.write_all(b"moo").await?;
            let mut heard = String::new();
            wire.read_to_string(&mut heard).await?;
            Ok(heard)
        };
        tokio::join!(server, client).1
    }

    #[tokio::test]
    async fn any_certificate_will_do_and_no_certificate_will_not() {
        let rsa = acceptor(
            include_str!("../../../certificate/fixtures/rsa.pem"),
            include_str!("../../../certificate/fixtures/rsa.key"),
        );
        let ec = acceptor(
            include_str!("../../../certificate/fixtures/ec.pem"),
            include_str!("../../../certificate/fixtures/ec.key"),
        );
        for server in [rsa, ec] {
            assert_eq!(asked(Some(server)).await.expect("an answer"), "MOO");
        }
        let plain = asked(None).await.expect_err("no TLS there");
        assert_eq!(plain.kind(), std::io::ErrorKind::InvalidData, "{plain}");
    }
}
