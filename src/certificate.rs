//! TLS certificates: what one says, whether its key and its chain belong to it. Pure: text in, facts out.

use std::fmt;

use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RsaKeyPair,
};
use sha1::{Digest, Sha1};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;
use x509_parser::public_key::PublicKey;

/// Certificates of a chain at most: nobody has more, and each costs a check of a signature.
const MOST: usize = 16;

/// What a certificate says of itself, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Common name of the subject.
    pub common_name: String,
    /// Such as `SHA256WITHRSA`.
    pub algorithm: String,
    /// SHA-1 over the certificate, in pairs of digits.
    pub fingerprint: String,
    /// Unix seconds from which it is valid.
    pub not_before_s: i64,
    /// Unix seconds until which it is valid.
    pub not_after_s: i64,
    /// Who has issued it.
    pub issuer: String,
    /// Bits of its key.
    pub key_size: usize,
    /// Number that its issuer gave it, decimal.
    pub serial: String,
    /// Version of the format, from 1.
    pub version: u32,
    /// Names and addresses it is for.
    pub names: Vec<String>,
}

/// What is wrong, and with which of the three texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Field of the API: `cert`, `certChain` or `key`.
    pub field: &'static str,
    /// What is wrong, to follow a name.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.field, self.problem)
    }
}

fn wrong(field: &'static str, problem: impl Into<String>) -> Fault {
    Fault { field, problem: problem.into() }
}

/// Reads a certificate with its key and chain, all PEM, and checks that they belong together.
///
/// # Errors
/// What is wrong, with the field.
pub fn check(cert: &str, key: &str, chain: &str) -> Result<Facts, Fault> {
    let pems = certificates("cert", cert)?;
    let Some((first, rest)) = pems.split_first() else {
        return Err(wrong("cert", "is not a certificate in PEM"));
    };
    let leaf = parsed("cert", first)?;
    let own = public_half(key)?;
    if leaf.public_key().subject_public_key.data.as_ref() != own.as_slice() {
        return Err(wrong("key", "is not the key of the certificate"));
    }
    // Some put the chain right behind the certificate.
    let mut below = leaf.clone();
    for (field, pem) in rest
        .iter()
        .map(|pem| ("cert", pem))
        .chain(certificates("certChain", chain)?.iter().map(|pem| ("certChain", pem)))
    {
        let above = parsed(field, pem)?;
        // A chain that begins with the certificate itself, or repeats one, says nothing new.
        if above.as_raw() == below.as_raw() {
            continue;
        }
        if below.issuer() != above.subject()
            || below.verify_signature(Some(above.public_key())).is_err()
        {
            return Err(wrong(
                field,
                format!("does not fit: `{}` has not issued `{}`", above.subject(), below.subject()),
            ));
        }
        below = parsed(field, pem)?;
    }
    facts(&leaf, &first.contents)
}

fn certificates(field: &'static str, text: &str) -> Result<Vec<Pem>, Fault> {
    let mut found = Vec::new();
    for pem in Pem::iter_from_buffer(text.as_bytes()) {
        let pem = pem.map_err(|error| wrong(field, format!("is not PEM: {error}")))?;
        if pem.label != "CERTIFICATE" && pem.label != "TRUSTED CERTIFICATE" {
            return Err(wrong(field, format!("holds a {} in place of a certificate", pem.label)));
        }
        found.push(pem);
    }
    if found.is_empty() && !text.trim().is_empty() {
        return Err(wrong(field, "is not a certificate in PEM"));
    }
    if found.len() > MOST {
        return Err(wrong(field, format!("holds more than {MOST} certificates")));
    }
    Ok(found)
}

fn parsed<'a>(field: &'static str, pem: &'a Pem) -> Result<X509Certificate<'a>, Fault> {
    pem.parse_x509().map_err(|_| wrong(field, "is PEM, but not of a certificate"))
}

/// The public half of a private key, as a certificate holds it.
fn public_half(key: &str) -> Result<Vec<u8>, Fault> {
    const KINDS: &str = "is of a kind that is not supported; RSA from 2048 to 4096 bits, ECDSA on \
                         P-256 or P-384, and Ed25519 are";
    let mut locked = false;
    for pem in Pem::iter_from_buffer(key.as_bytes()) {
        // The message of the parser could repeat some of the text.
        let pem = pem.map_err(|_| wrong("key", "is not PEM"))?;
        let half = match pem.label.as_str() {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&pem.contents)
                .ok()
                .map(|pair| pair.public_key().as_ref().to_vec()),
            "EC PRIVATE KEY" => sec1::EcPrivateKey::try_from(pem.contents.as_slice())
                .ok()
                .and_then(|pair| pair.public_key.map(<[u8]>::to_vec)),
            "PRIVATE KEY" => of_pkcs8(&pem.contents),
            "ENCRYPTED PRIVATE KEY" => {
                locked = true;
                continue;
            }
            // `EC PARAMETERS` and the like.
            _ => continue,
        };
        return half.ok_or_else(|| wrong("key", KINDS));
    }
    Err(match locked {
        true => wrong("key", "is locked with a password; give it without"),
        false => wrong("key", "is not a private key in PEM"),
    })
}

fn of_pkcs8(bytes: &[u8]) -> Option<Vec<u8>> {
    if let Ok(pair) = RsaKeyPair::from_pkcs8(bytes) {
        return Some(pair.public_key().as_ref().to_vec());
    }
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes) {
        return Some(pair.public_key().as_ref().to_vec());
    }
    // The library wants it for signatures; none is made here.
    let random = ring::rand::SystemRandom::new();
    [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING]
        .into_iter()
        .find_map(|algorithm| EcdsaKeyPair::from_pkcs8(algorithm, bytes, &random).ok())
        .map(|pair| pair.public_key().as_ref().to_vec())
}

fn facts(leaf: &X509Certificate<'_>, der: &[u8]) -> Result<Facts, Fault> {
    let common = leaf.subject().iter_common_name().find_map(|name| name.as_str().ok());
    let key_size = match leaf.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => key.key_size(),
        Ok(PublicKey::EC(point)) => point.key_size(),
        _ => leaf.public_key().subject_public_key.data.len() * 8,
    };
    let names = leaf
        .subject_alternative_name()
        .map_err(|_| wrong("cert", "has names that cannot be read"))?
        .map(|names| names.value.general_names.iter().filter_map(name).collect())
        .unwrap_or_default();
    Ok(Facts {
        common_name: common.unwrap_or_default().to_owned(),
        algorithm: algorithm(&leaf.signature_algorithm.algorithm.to_id_string()),
        fingerprint: pairs(&Sha1::digest(der)),
        not_before_s: leaf.validity().not_before.timestamp(),
        not_after_s: leaf.validity().not_after.timestamp(),
        issuer: leaf.issuer().to_string(),
        key_size,
        serial: leaf.serial.to_str_radix(10),
        version: leaf.version().0.saturating_add(1),
        names,
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) =
        name
    {
        return Some((*text).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let four = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
    four.or_else(|_| sixteen()).ok().map(|address| address.to_string())
}

/// The names that Java gives signature algorithms, in capitals.
fn algorithm(oid: &str) -> String {
    let known = match oid {
        "1.2.840.113549.1.1.5" => "SHA1WITHRSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "SHA256WITHRSA",
        "1.2.840.113549.1.1.12" => "SHA384WITHRSA",
        "1.2.840.113549.1.1.13" => "SHA512WITHRSA",
        "1.2.840.113549.1.1.14" => "SHA224WITHRSA",
        "1.2.840.10045.4.3.1" => "SHA224WITHECDSA",
        "1.2.840.10045.4.3.2" => "SHA256WITHECDSA",
        "1.2.840.10045.4.3.3" => "SHA384WITHECDSA",
        "1.2.840.10045.4.3.4" => "SHA512WITHECDSA",
        "1.3.101.112" => "ED25519",
        other => other,
    };
    known.to_owned()
}

fn pairs(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests;
