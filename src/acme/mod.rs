//! Certificates from an ACME server (RFC 8555): the port to one, and the client.
//!
//! What is absent: rows, balancers, and when to ask. A name is proved by HTTP-01, and whoever answers the
//! server's request needs nothing but the thumbprint of the account's key: the answer to any token is
//! the token, a dot and the thumbprint. So an answer can stand in a balancer's configuration for good.

mod client;

use std::path::PathBuf;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

use crate::outbound::Rules;
pub use client::Client;

/// Someone who issues certificates.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Gets a certificate for a name, which must lead to whoever answers for the account by now.
    ///
    /// # Errors
    /// Why there is none, in the server's words if it spoke.
    async fn issue(&self, order: &Order) -> Result<Issued, Fault>;
}

/// What is wanted, from whom, in whose name.
#[derive(Clone, PartialEq, Eq)]
pub struct Order {
    /// URL of the server's directory.
    pub directory: String,
    /// A file with the certificates by which the server is known; those of the machine if absent.
    pub authorities: Option<PathBuf>,
    /// Which addresses may be called.
    pub rules: Rules,
    /// Where the server's operator may write to, if anywhere.
    pub email: Option<String>,
    /// The account's private key, in PKCS#8.
    pub account_key: Vec<u8>,
    /// The name.
    pub name: String,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key must not reach a log.
        write!(f, "Order({} from {})", self.name, self.directory)
    }
}

/// A certificate that was issued.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, in PEM.
    pub cert: String,
    /// The certificates above it, in PEM.
    pub chain: String,
    /// Its private key, in PEM.
    pub key: String,
}

/// Why there is no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happened, for a person.
    pub message: String,
    /// Whether the server asks not to be asked so often.
    pub limited: bool,
}

/// A new key of an account, in PKCS#8.
///
/// # Errors
/// When the machine has no randomness.
pub fn new_key() -> Result<Vec<u8>, Fault> {
    client::new_key()
}

/// What the answer to a challenge ends with: the thumbprint (RFC 7638) of an account's key.
///
/// # Errors
/// When it is no such key.
pub fn thumbprint(account_key: &[u8]) -> Result<String, Fault> {
    // Verifying is all that is done with the key here; no signature is made with this randomness.
    let random = ring::rand::SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, account_key, &random)
        .map_err(|_| Fault { message: "the account's key is broken".to_owned(), limited: false })?;
    // An uncompressed point: a byte that says so, then x and y.
    let point = pair.public_key().as_ref();
    let half = |from: usize| {
        let bytes = point.get(from..from + 32).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    };
    let key = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, half(1), half(33));
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    Ok(BASE64_URL_SAFE_NO_PAD.encode(digest.as_ref()))
}

/// A chain in PEM, as a server sends it: the certificate, and what is above it.
fn split(pem: &str) -> (String, String) {
    const END: &str = "-----END CERTIFICATE-----";
    match pem.find(END) {
        Some(at) => {
            let (cert, chain) = pem.split_at(at + END.len());
            (format!("{}\n", cert.trim()), chain.trim_start().to_owned())
        }
        None => (pem.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_split_after_its_first_certificate() {
        let one = |text: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
        };
        let (cert, chain) = split(&format!("{}\n{}{}", one("a"), one("b"), one("c")));
        assert_eq!((cert, chain), (one("a"), format!("{}{}", one("b"), one("c"))));
        assert_eq!(split(&one("a")), (one("a"), String::new()));
    }

    #[test]
    fn a_thumbprint_belongs_to_its_key() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert_eq!(thumbprint(&one), thumbprint(&one));
        assert_ne!(thumbprint(&one), thumbprint(&other));
        assert_eq!(thumbprint(&one).unwrap().len(), 43);
        assert!(thumbprint(b"no key").is_err());
    }
}
