//! The client of an ACME server: `instant-acme` over HTTPS.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hyper::Request;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error, HttpClient,
    Identifier, Key, NewOrder, OrderStatus, RetryPolicy,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{Authority, Fault, Issued, Order, split};
use crate::clock::Clock;
use crate::outbound::{self, Connector, Rules};

/// How long one certificate may take, in milliseconds.
const LIMIT_MS: u64 = 180_000;
/// How long the server may take to look at a proof, and to make the certificate.
const PATIENCE: Duration = Duration::from_secs(80);
/// What servers say when they are asked too often.
const RATE_LIMITED: &str = "urn:ietf:params:acme:error:rateLimited";

/// A client of whatever server is named.
pub struct Client {
    clock: Clock,
    /// Held while an account is looked up or made: some servers refuse one of two who make the same at once.
    registering: tokio::sync::Mutex<()>,
}

impl Client {
    /// A client.
    pub fn new(clock: Clock) -> Self {
        Self { clock, registering: tokio::sync::Mutex::default() }
    }
}

#[async_trait]
impl Authority for Client {
    async fn issue(&self, order: &Order) -> Result<Issued, Fault> {
        tokio::select! {
            outcome = self.obtain(order) => outcome,
            () = self.clock.sleep_ms(LIMIT_MS) => {
                Err(fault(format!("{} takes too long", order.directory)))
            }
        }
    }
}

pub(super) fn new_key() -> Result<Vec<u8>, Fault> {
    let (_, key) = Key::generate_pkcs8().map_err(|error| told(&error))?;
    Ok(key.secret_pkcs8_der().to_vec())
}

fn fault(message: impl Into<String>) -> Fault {
    Fault { message: message.into(), limited: false }
}

/// An error in words, those of what lies under it included.
fn told(error: &Error) -> Fault {
    if let Error::Api(problem) = error {
        let details = problem.subproblems.iter().filter_map(|below| below.detail.clone());
        let words: Vec<String> = problem.detail.iter().cloned().chain(details).collect();
        let words = if words.is_empty() { problem.to_string() } else { words.join(": ") };
        return Fault {
            message: format!("the ACME server says: {words}"),
            limited: problem.r#type.as_deref() == Some(RATE_LIMITED),
        };
    }
    if let Some(kind) = outbound::blocked(error) {
        return fault(format!(
            "the address of the ACME server is {kind} and is not called; an administrator may allow it in \
             the setting `outbound.allow`"
        ));
    }
    let mut message = format!("cannot speak with the ACME server: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let words = error.to_string();
        if !message.ends_with(&words) {
            message.push_str(&format!(": {words}"));
        }
        source = error.source();
    }
    fault(message)
}

impl Client {
    async fn obtain(&self, order: &Order) -> Result<Issued, Fault> {
        let http = Box::new(Https::new(order.authorities.as_deref(), &order.rules)?);
        let registering = self.registering.lock().await;
        let account = account(order, http).await.map_err(|error| told(&error))?;
        drop(registering);
        issue(order, account).await
    }
}

async fn issue(order: &Order, account: Account) -> Result<Issued, Fault> {
    let names = [Identifier::Dns(order.name.clone())];
    let mut open = account.new_order(&NewOrder::new(&names)).await.map_err(|error| told(&error))?;
    prove(&mut open).await?;
    let retries = RetryPolicy::new().timeout(PATIENCE);
    match open.poll_ready(&retries).await {
        Ok(OrderStatus::Ready) => {}
        Ok(_) | Err(Error::Api(_)) => return Err(refusal(&mut open).await),
        Err(error) => return Err(told(&error)),
    }
    let finished = async {
        let key = open.finalize().await?;
        Ok((key, open.poll_certificate(&retries).await?))
    };
    let (key, pem) = finished.await.map_err(|error| told(&error))?;
    let (cert, chain) = split(&pem);
    Ok(Issued { cert, chain, key })
}

/// The account of the key, made if the server does not know it yet.
async fn account(order: &Order, http: Box<dyn HttpClient>) -> Result<Account, Error> {
    let key = || PrivateKeyDer::Pkcs8(order.account_key.clone().into());
    let PrivateKeyDer::Pkcs8(pkcs8) = key() else { return Err(Error::KeyRejected) };
    let pair = (Key::from_pkcs8_der(pkcs8)?, key());
    let builder = Account::builder_with_http(http);
    let (account, _) = builder.create_from_key(pair, order.directory.clone()).await?;
    if let Some(email) = &order.email {
        account.update_contacts(&[&format!("mailto:{email}")]).await?;
    }
    Ok(account)
}

/// Says that what has to be proved can be looked at.
async fn prove(order: &mut instant_acme::Order) -> Result<(), Fault> {
    let mut proofs = order.authorizations();
    while let Some(proof) = proofs.next().await {
        let mut proof = proof.map_err(|error| told(&error))?;
        if proof.status == AuthorizationStatus::Valid {
            continue;
        }
        let Some(mut challenge) = proof.challenge(ChallengeType::Http01) else {
            return Err(fault("the ACME server offers no HTTP-01 challenge"));
        };
        challenge.set_ready().await.map_err(|error| told(&error))?;
    }
    Ok(())
}

/// Why a proof was not good enough.
async fn refusal(order: &mut instant_acme::Order) -> Fault {
    let mut proofs = order.authorizations();
    while let Some(Ok(mut proof)) = proofs.next().await {
        if proof.refresh().await.is_err() {
            continue;
        }
        if let Some(problem) = proof.challenges.iter().find_map(|one| one.error.clone()) {
            return told(&Error::Api(problem));
        }
    }
    fault("the ACME server refuses the order and does not say why")
}

/// HTTPS, and nothing else.
struct Https(HyperClient<HttpsConnector<Connector>, BodyWrapper<Bytes>>);

impl Https {
    fn new(authorities: Option<&Path>, rules: &Rules) -> Result<Self, Fault> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| fault(error.to_string()))?
            .with_root_certificates(roots(authorities)?)
            .with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(outbound::connector(rules));
        Ok(Self(HyperClient::builder(TokioExecutor::new()).build(connector)))
    }
}

/// By whom the server must be vouched for.
fn roots(authorities: Option<&Path>) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| {
                fault(format!("cannot read {} (setting `acme.ca.file`): {error}", path.display()))
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
        }
        None => {
            // Single certificates that cannot be read are no reason to trust none.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(fault(
            "this machine knows no certificate authority: install the package ca-certificates, or \
             name a file in the setting `acme.ca.file`",
        ));
    }
    Ok(roots)
}

impl HttpClient for Https {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let answer = self.0.request(request);
        Box::pin(async move {
            match answer.await {
                Ok(answer) => Ok(BytesResponse::from(answer)),
                Err(error) => Err(Error::Other(Box::new(error))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::rules::Private;

    /// Why there is no certificate from a server at this address.
    async fn check(directory: &str, rules: Rules, expect: &str) {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/src/certificate/fixtures/root.pem");
        let order = Order {
            directory: directory.to_owned(),
            authorities: Some(root.into()),
            rules,
            email: None,
            account_key: new_key().expect("a key"),
            name: "cow.example".to_owned(),
        };
        let fault = Client::new(Clock::System).issue(&order).await.err().expect(directory);
        assert!(fault.message.starts_with(expect), "{directory}: {}", fault.message);
    }

    #[tokio::test]
    async fn servers_at_addresses_that_must_not_be_called_are_not_called() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("nobody waits");
        let port = listener.local_addr().expect("an address").port();
        let home = || Rules::parse("", Private::Blocked).expect("rules");
        for (host, kind) in [
            ("127.0.0.1", "a loopback address"),
            ("localhost", "a loopback address"),
            ("169.254.169.254", "the address of a metadata service"),
            ("10.0.0.1", "an address of a private network"),
        ] {
            let directory = format!("https://{host}:{port}/dir");
            let expect = format!("the address of the ACME server is {kind} and is not called; an ");
            check(&directory, home(), &expect).await;
        }
        assert!(listener.accept().is_err(), "nobody was called");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        // Whoever is called hangs up.
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let named = Rules::parse("127.0.0.1", Private::Blocked).expect("rules");
        let directory = format!("https://127.0.0.1:{port}/dir");
        check(&directory, named, "cannot speak with the ACME server: ").await;
    }
}
