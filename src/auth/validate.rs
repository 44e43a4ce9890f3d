//! Rules for passwords that somebody else makes: with the setting `api.auth.local.validate.url`, every new
//! password is sent there, and what is not answered with success is refused.

use serde_json::json;

use super::Auth;
use crate::error::{Error, Result};
use crate::outbound::{Client, Limits, Request};
use crate::process::outbound::rules;

/// Where passwords are sent.
const URL: &str = "api.auth.local.validate.url";
/// How long an answer may take, in milliseconds.
const TIMEOUT_MS: &str = "api.auth.local.validate.timeout.milliseconds";
/// What people are told of the rules.
const DESCRIPTION: &str = "api.auth.local.validate.description";

impl Auth {
    /// Asks whether a new password will do.
    ///
    /// # Errors
    /// With the status of the answer; 500 `AuthError` when there is none.
    pub(super) async fn validate(&self, password: &str) -> Result<()> {
        let (url, timeout_ms, description) = self.store.read(|read| {
            let url = read.setting(URL)?.unwrap_or_default();
            let description = read.setting(DESCRIPTION)?.unwrap_or_default();
            Ok((url.trim().to_owned(), read.setting_int(TIMEOUT_MS)?, description))
        })?;
        if url.is_empty() {
            return Ok(());
        }
        let rules = self.store.read(rules)?;
        let request = Request {
            method: "POST",
            url,
            headers: vec![("content-type", "application/json".to_owned())],
            body: json!({ "secret": password }).to_string().into(),
        };
        let time_ms = u64::try_from(timeout_ms).unwrap_or(0);
        let limits = Limits { time_ms, body: 0, ..Limits::default() };
        match Client::new(self.clock.clone()).send(&rules, request, limits).await {
            Ok(answer) => match answer.status {
                200..=299 => Ok(()),
                status @ 400..=599 => Err(refused(status, &description)),
                status => Err(unanswered(&format!("it answers {status}"))),
            },
            Err(fault) => Err(unanswered(&fault)),
        }
    }
}

/// What is logged names the host only: neither the password nor a secret of the address.
fn unanswered(why: &dyn std::fmt::Display) -> Error {
    tracing::warn!(%why, "a password could not be checked");
    let failed = Error { status: 500, ..Error::code("AuthError") };
    failed.message("the service that checks passwords does not answer")
}

fn refused(status: u16, description: &str) -> Error {
    let refusal = Error::status(status).message("the password does not follow the rules");
    match description.trim() {
        "" => refusal,
        rules => refusal.detail(rules),
    }
}
