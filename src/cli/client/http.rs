//! HTTP as a command speaks it: plain or over TLS, one connection kept for the next question.
//!
//! The same way to the server is used for websockets.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service as _;

use super::super::Result;
use super::super::failure::Failure;

/// Longest wait for a connection; a server on the other side of the world answers sooner.
const CONNECT: Duration = Duration::from_secs(5);

/// What is sent.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
/// A connection for a websocket.
pub type Way = TokioIo<MaybeHttpsStream<TokioIo<tokio::net::TcpStream>>>;

/// The ways to a server.
#[derive(Clone, Debug)]
pub struct Http {
    pool: Pool<HttpsConnector<HttpConnector>, Body>,
    connector: HttpsConnector<HttpConnector>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Broken {
    /// Nobody is there.
    Connect(String),
    /// Somebody is there whose certificate is not good.
    Distrusted(String),
    /// The answer does not come.
    Late,
    /// The connection ended in the middle.
    Lost(String),
}

/// Bytes as a body.
pub fn whole(bytes: Vec<u8>) -> Body {
    Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// A stream as a body.
pub fn streamed(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(stream.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

impl Http {
    /// Ways to a server whose URL has this scheme.
    ///
    /// # Errors
    /// When certificates of authorities cannot be read, or there is none.
    pub fn new(url: &str, authorities: Option<&Path>) -> Result<Self> {
        let roots = match url.starts_with("https:") {
            true => roots(authorities)?,
            false => RootCertStore::empty(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure::new(format!("cannot speak TLS: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new()).build(connector.clone());
        Ok(Http { pool, connector })
    }

    /// Sends a request; the answer's head comes within the time given, if one is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        request: Request<Body>,
        within: Option<Duration>,
    ) -> Result<Response<Incoming>, Broken> {
        let answer = self.pool.request(request);
        let answer = match within {
            Some(within) => tokio::time::timeout(within, answer).await.map_err(|_| Broken::Late)?,
            None => answer.await,
        };
        answer.map_err(|error| match distrust(&error) {
            Some(why) => Broken::Distrusted(why),
            None if error.is_connect() => Broken::Connect(deepest(&error)),
            None => Broken::Lost(deepest(&error)),
        })
    }

    /// All of an answer's body.
    ///
    /// # Errors
    /// When it breaks off, or takes longer than the time given.
    pub async fn body(answer: Response<Incoming>, within: Duration) -> Result<Bytes, Broken> {
        let body = tokio::time::timeout(within, answer.into_body().collect()).await;
        let body = body.map_err(|_| Broken::Late)?;
        Ok(body.map_err(|error| Broken::Lost(deepest(&error)))?.to_bytes())
    }

    /// The pieces of an answer's body as they come.
    pub fn pieces(answer: Response<Incoming>) -> impl Stream<Item = Result<Bytes, Broken>> {
        let pieces = answer.into_body().into_data_stream();
        pieces.map(|piece| piece.map_err(|error| Broken::Lost(deepest(&error))))
    }

    /// A new connection to the server.
    ///
    /// # Errors
    /// When there is none.
    pub async fn connect(&self, uri: Uri) -> Result<Way, Broken> {
        let stream = self.connector.clone().call(uri).await;
        let stream = stream.map_err(|error| match distrust(&*error) {
            Some(why) => Broken::Distrusted(why),
            None => Broken::Connect(deepest(&*error)),
        })?;
        Ok(TokioIo::new(stream))
    }
}

/// By whom the server may be vouched for: the machine's authorities, and those of the file.
fn roots(file: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Single certificates that cannot be read are no reason to trust none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let wrong = |error: &dyn std::fmt::Display| {
            let message = format!("cannot read certificates from {}: {error}", file.display());
            Failure::usage(message).hint("--ca-file names a PEM file of an authority")
        };
        let found = CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))?;
        let mut count = 0;
        for certificate in found {
            let certificate = certificate.map_err(|error| wrong(&error))?;
            roots.add(certificate).map_err(|error| wrong(&error))?;
            count += 1;
        }
        if count == 0 {
            return Err(wrong(&"there is none in it"));
        }
    }
    match roots.is_empty() {
        true => Err(Failure::new("this machine knows no certificate authority")
            .hint("install the package ca-certificates, or name a file with --ca-file")),
        false => Ok(roots),
    }
}

type Cause<'a> = &'a (dyn std::error::Error + 'static);

fn causes(error: Cause<'_>) -> impl Iterator<Item = Cause<'_>> {
    std::iter::successors(Some(error), |error| match error.downcast_ref::<io::Error>() {
        // What an `io::Error` holds is not among its sources.
        Some(io) => io.get_ref().map(|inner| inner as Cause<'_>),
        None => error.source(),
    })
}

fn deepest(error: Cause<'_>) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What is wrong with the server's certificate, if that is why there is no connection.
fn distrust(error: Cause<'_>) -> Option<String> {
    let tls = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    let rustls::Error::InvalidCertificate(why) = tls else { return None };
    Some(why.to_string())
}
