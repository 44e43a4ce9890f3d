//! `Idempotency-Key`: a create that is sent twice is done once, and answered twice with the same answer.
//!
//! The answer is kept in the transaction of the create, so that a crash cannot come between. It may hold
//! a secret that is shown once; it is sealed with the key, which is not stored.

use serde_json::{Map, Value, json};

use super::super::call::IDEMPOTENCY_KEY;
use super::super::respond::Reply;
use super::super::serve::Session;
use crate::auth::secret::sha256_hex;
use crate::error::{Error, Result};
use crate::store::{AnswerKey, KeptAnswer, Tx};
use crate::vault::words;

/// Longest key, in characters.
const LONGEST: usize = 255;

/// A caller's key for a request.
pub struct Claim {
    key: String,
    kept: AnswerKey,
    request: String,
    lifetime_ms: i64,
}

fn fault(message: String) -> Error {
    Error::field("InvalidFormat", IDEMPOTENCY_KEY).message(message)
}

impl Claim {
    /// Of a request; `None` without a key.
    ///
    /// # Errors
    /// 422 for a key that is empty, too long or not plain text.
    pub fn of(session: &Session<'_>) -> Result<Option<Self>> {
        let (call, caller) = (session.call, session.caller);
        let Some(key) = call.idempotency_key.clone() else { return Ok(None) };
        let plain = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if key.is_empty() || key.len() > LONGEST || !plain {
            return Err(fault(format!(
                "{IDEMPOTENCY_KEY} must be 1 to {LONGEST} letters of plain ASCII"
            )));
        }
        let kept = AnswerKey {
            account_id: caller.account_id,
            user_id: caller.user_id,
            key_hash: sha256_hex(&key),
        };
        let body = sorted(&call.sent).to_string();
        let digest = words::digest(&[&call.facts.path, &call.params.query(&[], &[]), &body]);
        let request = hex::encode(digest);
        let lifetime_ms = session.state.config.keep_answers_s.saturating_mul(1000);
        Ok(Some(Self { key, kept, request, lifetime_ms }))
    }

    fn words(&self) -> [&str; 2] {
        [&self.key, &self.request]
    }

    /// The answer from before.
    ///
    /// # Errors
    /// 422 when the key came with another request.
    pub fn answered(&self, tx: &Tx<'_>) -> Result<Option<Reply>> {
        let Some(kept) = tx.kept_answer(&self.kept, tx.now)? else { return Ok(None) };
        if kept.request != self.request {
            return Err(fault(format!(
                "{IDEMPOTENCY_KEY} `{}` was used for another request; take a new one",
                self.key
            )));
        }
        let unreadable = || Error::internal("a kept answer cannot be read");
        let text = words::open(&self.words(), &kept.answer).ok_or_else(unreadable)?;
        let answer: Value = serde_json::from_slice(&text).map_err(Error::internal)?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let status = answer.get("status").and_then(Value::as_u64);
        Ok(Some(Reply {
            status: status.and_then(|status| status.try_into().ok()).ok_or_else(unreadable)?,
            body: text("body").ok_or_else(unreadable)?.into(),
            location: text("location"),
            etag: text("etag"),
            is_replayed: true,
            ..Reply::default()
        }))
    }

    /// Keeps an answer.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep(&self, tx: &mut Tx<'_>, reply: &Reply) -> Result<()> {
        let body = std::str::from_utf8(&reply.body).map_err(Error::internal)?;
        let text = json!({
            "status": reply.status,
            "body": body,
            "location": reply.location,
            "etag": reply.etag,
        });
        let answer = words::seal(&self.words(), tx.entropy, text.to_string().as_bytes())?;
        let kept = KeptAnswer { request: self.request.clone(), answer };
        let expires = tx.now.saturating_add(self.lifetime_ms);
        tx.keep_answer(&self.kept, &kept, expires)
    }
}

/// A value whose objects have their names in order: the order in a body says nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_unstable();
            let of = |name: &String| fields.get(name).map(sorted).unwrap_or_default();
            let fields: Map<String, Value> =
                names.into_iter().map(|name| (name.clone(), of(name))).collect();
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
