//! An end that speaks TLS, in front of a server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where it listens on loopback, and who vouches for it.
pub struct End {
    pub port: u16,
    pub authority: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes what comes over TLS on to `server`, an address such as `127.0.0.1:80`.
pub async fn in_front_of(server: &str, folder: &Path) -> End {
    let (chain, key) = certificate(folder);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let server = server.to_owned();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                // Clients that do not trust the certificate go away.
                let Ok(mut inside) = acceptor.accept(stream).await else { return };
                let Ok(mut outside) = TcpStream::connect(&server).await else { return };
                let _ = tokio::io::copy_bidirectional(&mut inside, &mut outside).await;
            });
        }
    });
    End { port, authority: folder.join("authority.pem"), task }
}

fn openssl(folder: &Path, args: &[&str]) {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "3650"]);
    command.args(["-pkeyopt", "ec_paramgen_curve:P-256"]).args(args);
    let output = command.output().expect("`openssl` starts; install package openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and what it signed for 127.0.0.1.
fn certificate(folder: &Path) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    openssl(
        folder,
        &["-subj", "/CN=authority", "-out", "authority.pem", "-keyout", "authority.key"],
    );
    let signer = ["-CA", "authority.pem", "-CAkey", "authority.key"];
    let named = ["-subj", "/CN=end", "-addext", "subjectAltName=IP:127.0.0.1"];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-out", "end.pem"];
    openssl(folder, &[&signer[..], &named, &leaf, &["-keyout", "end.key"]].concat());
    let chain = CertificateDer::from_pem_file(folder.join("end.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(folder.join("end.key")).expect("a key");
    (chain, key)
}
