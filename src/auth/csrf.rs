//! Cookies of a login, and the proof that a request with them comes from our own page.
//!
//! A browser adds cookies to requests that other sites make it send. So a call that changes something and
//! is authenticated by the cookie must repeat the value of the CSRF cookie, which other sites cannot read,
//! in a header or parameter. Rancher asks this of browsers that already have the cookie; we ask it of
//! everyone who comes with a session cookie, because a cookie is what the attack rides on. Callers with a
//! key or a bearer header are not concerned.

use super::request::RequestFacts;
use super::secret;
use crate::clock::Entropy;
use crate::error::{Error, Result};

/// Name of the session's cookie.
pub const TOKEN_COOKIE: &str = "token";
/// Name of the CSRF cookie.
pub const CSRF_COOKIE: &str = "CSRF";

/// How the request reached us, or the proxy before us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP.
    Plain,
    /// HTTPS: cookies are sent back over HTTPS only.
    Tls,
}

impl Transport {
    const fn attribute(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Tls => "; Secure",
        }
    }
}

/// A fresh value for the CSRF cookie: 10 hexadecimal digits.
pub fn new_value(entropy: &Entropy) -> String {
    entropy.hex_upper(10)
}

/// Whether a method may change something.
pub fn is_unsafe(method: &str) -> bool {
    !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// Checks a request that is authenticated by its session cookie.
///
/// # Errors
/// 403 `InvalidCSRFToken`.
pub fn check(request: &RequestFacts) -> Result<()> {
    if !is_unsafe(&request.method) {
        return Ok(());
    }
    match (request.csrf_cookie.as_deref(), request.csrf.as_deref()) {
        (Some(cookie), Some(given)) if !cookie.is_empty() && secret::same(cookie, given) => Ok(()),
        _ => Err(Error::code("InvalidCSRFToken").message("CSRF header and cookie do not match")),
    }
}

/// `Set-Cookie` of a login: out of reach of scripts, and not sent along by other sites' forms.
pub fn session_cookie(key: &str, lifetime_s: i64, transport: Transport) -> String {
    let secure = transport.attribute();
    format!("{TOKEN_COOKIE}={key}; Path=/; Max-Age={lifetime_s}; HttpOnly; SameSite=Lax{secure}")
}

/// `Set-Cookie` of a logout.
pub fn expired_session_cookie(transport: Transport) -> String {
    session_cookie("", 0, transport)
}

/// `Set-Cookie` of the CSRF value; our page's script reads it.
pub fn csrf_cookie(value: &str, transport: Transport) -> String {
    let secure = transport.attribute();
    format!("{CSRF_COOKIE}={value}; Path=/; SameSite=Lax{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_by_cookie_must_repeat_the_value() {
        for (method, cookie, given, fine) in [
            ("GET", None, None, true),
            ("HEAD", Some("A1"), None, true),
            ("POST", Some("A1"), Some("A1"), true),
            ("POST", Some("A1"), Some("A2"), false),
            ("POST", Some("A1"), None, false),
            ("PUT", None, Some("A1"), false),
            ("DELETE", Some(""), Some(""), false),
            ("DELETE", None, None, false),
        ] {
            let request = RequestFacts {
                method: method.to_owned(),
                csrf_cookie: cookie.map(str::to_owned),
                csrf: given.map(str::to_owned),
                ..RequestFacts::default()
            };
            let status = check(&request).map_err(|error| (error.status, error.code));
            let expect = if fine { Ok(()) } else { Err((403, "InvalidCSRFToken")) };
            assert_eq!(status, expect, "{method} {cookie:?} {given:?}");
        }
    }

    #[test]
    fn cookies_carry_their_attributes() {
        assert_eq!(
            session_cookie("k", 60, Transport::Tls),
            "token=k; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            expired_session_cookie(Transport::Plain),
            "token=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
        );
        assert_eq!(csrf_cookie("A1", Transport::Plain), "CSRF=A1; Path=/; SameSite=Lax");
        let value = new_value(&Entropy::seeded(1));
        assert!(value.len() == 10 && value.chars().all(|digit| digit.is_ascii_hexdigit()));
    }
}
