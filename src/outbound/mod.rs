//! Calls to addresses that people gave us: one client that goes nowhere it must not.
//!
//! A name is looked up, every address of it is held against the [`Rules`], and one that passed is what is
//! connected to: nothing is looked up a second time. That happens for each connection, and so after each
//! redirect. A call has a limit in time, its answer one in size. Messages name the host of an address and
//! never its path or query, which may be secrets.
//!
//! Nothing here knows rows, users or what the calls are for.

pub mod message;
pub mod rules;

mod connect;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::clock::Clock;
pub use connect::Connector;
use connect::{Blocked, Lookup};
pub use rules::{Kind, Rules};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, ...
    pub method: &'static str,
    /// Where.
    pub url: String,
    /// Names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Bytes,
}

/// How much a call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From its beginning to the last byte of the answer.
    pub time_ms: u64,
    /// Bytes of the answer's body; none for a body that nobody reads.
    pub body: usize,
    /// Redirects that are followed.
    pub redirects: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time_ms: 10_000, body: 64 * 1024, redirects: 3 }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// When to come again, as its header `Retry-After` says it.
    pub retry_after: Option<String>,
    /// Its body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The address is none that is called.
    #[error("`{address}` cannot be called: {why}")]
    Address {
        /// Scheme and host at most.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The rules forbid where it leads.
    #[error(
        "{host} is {kind} and is not called; an administrator may allow it in the setting \
         `outbound.allow`"
    )]
    Blocked {
        /// The host as it was given.
        host: String,
        /// What its address is.
        kind: Kind,
    },
    /// Nobody answers.
    #[error("no answer from {host}: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        why: String,
    },
    /// It takes too long.
    #[error("no answer from {host} in {time_ms} ms")]
    Slow {
        /// The host.
        host: String,
        /// The limit.
        time_ms: u64,
    },
    /// The answer is too long.
    #[error("the answer of {host} has more than {bytes} bytes")]
    Large {
        /// The host.
        host: String,
        /// The limit.
        bytes: usize,
    },
    /// It is sent on and on, or from TLS to plain HTTP.
    #[error("{host} redirects {why}")]
    Redirects {
        /// The host that redirects.
        host: String,
        /// What is wrong with that.
        why: &'static str,
    },
}

/// The client.
pub struct Client {
    clock: Clock,
    lookup: Lookup,
    tls: OnceLock<ClientConfig>,
}

impl Client {
    /// A client that asks this machine for addresses of names.
    pub fn new(clock: Clock) -> Self {
        Self { clock, lookup: connect::system(), tls: OnceLock::new() }
    }

    /// A client that also trusts servers that one of `others` vouches for: certificates in PEM, or nothing.
    ///
    /// # Errors
    /// When there are no certificates in it, in words.
    pub fn trusting(clock: Clock, others: &str) -> Result<Self, String> {
        let found = CertificateDer::pem_slice_iter(others.as_bytes());
        let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        if found.is_empty() && !others.is_empty() {
            return Err("nothing in it begins with `-----BEGIN CERTIFICATE-----`".to_owned());
        }
        let tls = tls(found).map_err(|error| error.to_string())?;
        Ok(Self { tls: OnceLock::from(tls), ..Self::new(clock) })
    }

    /// Calls an address and reads the answer.
    ///
    /// # Errors
    /// When the rules forbid it, nobody answers, or the limits are passed.
    pub async fn send(
        &self,
        rules: &Rules,
        request: Request,
        limits: Limits,
    ) -> Result<Answer, Fault> {
        let url = address(&request.url)?;
        let host = host(&url);
        tokio::select! {
            answer = self.follow(rules, url, request, limits) => answer,
            () = self.clock.sleep_ms(limits.time_ms) => {
                Err(Fault::Slow { host, time_ms: limits.time_ms })
            }
        }
    }

    async fn follow(
        &self,
        rules: &Rules,
        mut url: Url,
        mut request: Request,
        limits: Limits,
    ) -> Result<Answer, Fault> {
        let rules = Arc::new(rules.clone());
        for _ in 0..=limits.redirects {
            let (answer, location) = self.once(&rules, &url, &request, limits).await?;
            let repeats = match answer.status {
                301..=303 => request.method == "GET",
                307 | 308 => true,
                _ => false,
            };
            let (true, Some(location)) = (repeats, location) else { return Ok(answer) };
            let wrong = |why| Fault::Redirects { host: host(&url), why };
            let next = url.join(&location).map_err(|_| wrong("to what is no address"))?;
            let next = address(next.as_str())?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(wrong("from TLS to plain HTTP"));
            }
            if url.origin() != next.origin() {
                request.headers.retain(|(name, _)| !matches!(*name, "authorization" | "cookie"));
            }
            url = next;
        }
        Err(Fault::Redirects { host: host(&url), why: "too often" })
    }

    /// One request and its answer, with where that sends to.
    async fn once(
        &self,
        rules: &Arc<Rules>,
        url: &Url,
        request: &Request,
        limits: Limits,
    ) -> Result<(Answer, Option<String>), Fault> {
        let answer = self.head(rules, url, request).await?;
        let status = answer.status().as_u16();
        let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let header = |name: HeaderName| header(name).map(str::to_owned);
        let (location, retry_after) = (header(LOCATION), header(RETRY_AFTER));
        if limits.body == 0 {
            return Ok((Answer { status, retry_after, body: Bytes::new() }, location));
        }
        let body = Limited::new(answer.into_body(), limits.body).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return Fault::Large { host: host(url), bytes: limits.body };
            }
            Fault::Unreachable { host: host(url), why: error.to_string() }
        })?;
        Ok((Answer { status, retry_after, body: body.to_bytes() }, location))
    }

    /// One request, and the answer whose body is still to come. Redirects are not followed; limits are the
    /// caller's.
    ///
    /// # Errors
    /// When the rules forbid it, or nobody answers.
    pub async fn open(
        &self,
        rules: &Arc<Rules>,
        request: &Request,
    ) -> Result<hyper::Response<Incoming>, Fault> {
        self.head(rules, &address(&request.url)?, request).await
    }

    async fn head(
        &self,
        rules: &Arc<Rules>,
        url: &Url,
        request: &Request,
    ) -> Result<hyper::Response<Incoming>, Fault> {
        let told = |why: &dyn std::fmt::Display| Fault::Address {
            address: host(url),
            why: why.to_string(),
        };
        let mut wanted = hyper::Request::builder().method(request.method).uri(url.as_str());
        for (name, value) in &request.headers {
            let value = HeaderValue::from_str(value).map_err(|error| told(&error))?;
            wanted = wanted.header(HeaderName::from_static(name), value);
        }
        let wanted = wanted.header("user-agent", concat!("ranchette/", env!("CARGO_PKG_VERSION")));
        let wanted = wanted.body(Full::new(request.body.clone())).map_err(|error| told(&error))?;
        let connector = Connector { rules: Arc::clone(rules), lookup: Arc::clone(&self.lookup) };
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls().map_err(|why| told(&why))?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let client = HyperClient::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build::<_, Full<Bytes>>(https);
        let answer = client.request(wanted).await;
        answer.map_err(|error| unreachable(url, &error))
    }

    /// Certificates are read once, and only when somebody needs them.
    fn tls(&self) -> Result<ClientConfig, rustls::Error> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let config = tls(Vec::new())?;
        Ok(self.tls.get_or_init(|| config).clone())
    }
}

/// TLS with servers that the authorities of this machine vouch for, or one of `others`.
fn tls(others: Vec<CertificateDer<'static>>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // Single certificates that cannot be read are no reason to trust none.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for other in others {
        roots.add(other)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// An address that can be called: its form only, whatever it leads to.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Url, Fault> {
    let wrong = |address: &str, why: &str| {
        Err(Fault::Address { address: address.to_owned(), why: why.to_owned() })
    };
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return wrong("the address", &error.to_string()),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return wrong(url.scheme(), "it has to begin with `http://` or `https://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(&host(&url), "a name and a password do not belong into it");
    }
    Ok(url)
}

/// Scheme and host, which is all that messages show of an address.
pub fn host(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// What a failure lies in.
fn unreachable(url: &Url, error: &(dyn std::error::Error + 'static)) -> Fault {
    if let Some(kind) = blocked(error) {
        return Fault::Blocked { host: host(url), kind };
    }
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    Fault::Unreachable { host: host(url), why: last.to_string() }
}

/// What the address is that the rules kept a client of a [`connector`] from, if that is why it failed.
pub fn blocked(error: &(dyn std::error::Error + 'static)) -> Option<Kind> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(Blocked(kind)) = inner.and_then(|inner| inner.downcast_ref::<Blocked>()) {
            return Some(*kind);
        }
        next = error.source();
    }
    None
}

/// Connections for a client of HTTP that is not this one, to addresses that may be called only.
pub fn connector(rules: &Rules) -> Connector {
    Connector { rules: Arc::new(rules.clone()), lookup: connect::system() }
}

/// Refuses an address whose host is an address that must not be called. Names are looked up when they are called.
///
/// # Errors
/// When it is one, or nothing that can be called.
pub fn check_literal(rules: &Rules, text: &str) -> Result<(), Fault> {
    let url = address(text)?;
    let name = url.host_str().unwrap_or_default();
    match name.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(literal) => {
            rules.check(literal).map_err(|kind| Fault::Blocked { host: host(&url), kind })
        }
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
