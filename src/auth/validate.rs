//! Rules for passwords that somebody else makes: with the setting `api.auth.local.validate.url`, every new
//! password is sent there, and what is not answered with success is refused.

use std::time::Duration;

use serde_json::json;

use super::Auth;
use crate::error::{Error, Result};

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
        let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        let sent = reqwest::Client::new()
            .post(&url)
            .timeout(timeout)
            .json(&json!({ "secret": password }))
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(refused(answer.status().as_u16(), &description)),
            Err(error) => {
                // The address only: the password must not get into a message.
                tracing::warn!(%url, error = %error.without_url(), "a password could not be checked");
                let failed = Error { status: 500, ..Error::code("AuthError") };
                Err(failed.message("the service that checks passwords does not answer"))
            }
        }
    }
}

fn refused(status: u16, description: &str) -> Error {
    let refusal = Error::status(status).message("the password does not follow the rules");
    match description.trim() {
        "" => refusal,
        rules => refusal.detail(rules),
    }
}
