//! Certificates made with OpenSSL; their keys guard nothing.

use expect_test::{Expect, expect};

use super::*;

const ROOT: &str = include_str!("fixtures/root.pem");
const OTHER: &str = include_str!("fixtures/other.pem");
const BETWEEN: &str = include_str!("fixtures/between.pem");
const RSA: &str = include_str!("fixtures/rsa.pem");
const RSA_KEY: &str = include_str!("fixtures/rsa.key");
const EC: &str = include_str!("fixtures/ec.pem");
const EC_KEY: &str = include_str!("fixtures/ec.key");
const ED25519: &str = include_str!("fixtures/ed25519.pem");
const ED25519_KEY: &str = include_str!("fixtures/ed25519.key");
const LOCKED_KEY: &str = include_str!("fixtures/locked.key");

fn refused(cert: &str, key: &str, chain: &str, expect: Expect) {
    let fault = check(cert, key, chain).expect_err("it is refused");
    expect.assert_eq(&fault.to_string());
}

#[test]
fn every_fact_is_read() {
    let facts = check(RSA, RSA_KEY, "").unwrap();
    let again = Facts { not_before_s: 0, not_after_s: 0, ..facts.clone() };
    assert!(facts.not_before_s > 1_700_000_000 && facts.not_after_s > 4_000_000_000);
    expect![[r#"
        Facts {
            common_name: "cow.example",
            algorithm: "SHA256WITHECDSA",
            fingerprint: "BA:82:FF:CE:65:76:D2:4A:5C:30:11:07:54:42:6B:50:2C:6F:01:E6",
            not_before_s: 0,
            not_after_s: 0,
            issuer: "O=Ranch, CN=Ranch Between",
            key_size: 2048,
            serial: "123456789012345678901234",
            version: 3,
            names: [
                "cow.example",
                "*.cow.example",
                "10.0.0.7",
                "2001:db8::7",
            ],
        }
    "#]]
    .assert_debug_eq(&again);
}

#[test]
fn keys_of_every_kind_are_compared() {
    for (cert, key, kind, bits) in [
        (RSA, RSA_KEY, "SHA256WITHECDSA", 2048),
        (EC, EC_KEY, "SHA256WITHECDSA", 256),
        (ED25519, ED25519_KEY, "ED25519", 256),
    ] {
        let facts = check(cert, key, "").unwrap();
        assert_eq!((facts.algorithm.as_str(), facts.key_size), (kind, bits));
    }
    refused(RSA, EC_KEY, "", expect!["`key` is not the key of the certificate"]);
    refused(EC, ED25519_KEY, "", expect!["`key` is not the key of the certificate"]);
    refused(RSA, LOCKED_KEY, "", expect!["`key` is locked with a password; give it without"]);
    refused(RSA, RSA, "", expect!["`key` is not a private key in PEM"]);
    refused(RSA, "moo", "", expect!["`key` is not a private key in PEM"]);
}

#[test]
fn a_chain_leads_upwards_from_the_certificate() {
    let chain = |pems: &[&str]| pems.concat();
    for good in [chain(&[BETWEEN]), chain(&[BETWEEN, ROOT]), chain(&[RSA, BETWEEN, ROOT])] {
        check(RSA, RSA_KEY, &good).unwrap();
        check(&chain(&[RSA, &good]), RSA_KEY, "").unwrap();
    }
    let chained = chain(&[RSA, BETWEEN]);
    check(&chained, RSA_KEY, ROOT).unwrap();
    refused(
        RSA,
        RSA_KEY,
        ROOT,
        expect![
            "`certChain` does not fit: `O=Ranch, CN=Ranch Root` has not issued `C=AT, O=Ranch, CN=cow.example`"
        ],
    );
    // Of the right name, but with another key.
    refused(
        RSA,
        RSA_KEY,
        &chain(&[BETWEEN, OTHER]),
        expect![
            "`certChain` does not fit: `O=Ranch, CN=Ranch Root` has not issued `O=Ranch, CN=Ranch Between`"
        ],
    );
    refused(RSA, RSA_KEY, "moo", expect!["`certChain` is not a certificate in PEM"]);
    refused(
        RSA,
        RSA_KEY,
        EC_KEY,
        expect!["`certChain` holds a EC PARAMETERS in place of a certificate"],
    );
}

#[test]
fn what_is_no_certificate_is_refused() {
    refused("", RSA_KEY, "", expect!["`cert` is not a certificate in PEM"]);
    refused("moo", RSA_KEY, "", expect!["`cert` is not a certificate in PEM"]);
    let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    refused(empty, RSA_KEY, "", expect!["`cert` is PEM, but not of a certificate"]);
}
