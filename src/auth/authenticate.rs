//! From the facts of a request to its caller: the look-ups in their order, and the environment selected.
//!
//! The order is Rancher's: a call for the type `token` needs no proof; then HTTP basic (API key, login and
//! password, or a session key in the form `x-api-bearer=<project>`); then the session key from the cookie, the
//! bearer header and the query. The first that proves an account in use wins.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::access::{self, Proved};
use super::audit::{self, Call, Deed};
use super::caller::{AuthType, Caller, Role};
use super::request::{Authenticator, RequestFacts};
use super::secret::{self, Verdict};
use super::throttle::Attempt;
use super::tokens::PROVIDER;
use super::{Auth, control, csrf, keys, open, registration, seed};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::Read;

/// Where a proof was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// The cookie `token`, which browsers add by themselves.
    Cookie,
    /// `Authorization: Bearer`.
    Bearer,
    /// Query parameter `token`.
    Query,
    /// `Authorization: Basic`.
    Basic,
}

/// Something offered as proof, as received.
#[derive(Clone, Copy)]
pub(super) struct Offer<'a> {
    pub carrier: Carrier,
    pub text: &'a str,
}

/// What a request offers, in the order it is tried.
pub(super) fn offers(request: &RequestFacts) -> Vec<Offer<'_>> {
    let scheme = |name: &str| {
        let text = request.authorization.as_deref()?;
        let (scheme, rest) = text.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case(name).then(|| rest.trim())
    };
    [
        (Carrier::Basic, scheme("Basic")),
        (Carrier::Cookie, request.token_cookie.as_deref()),
        (Carrier::Bearer, scheme("Bearer")),
        (Carrier::Query, request.token_query.as_deref()),
    ]
    .into_iter()
    .filter_map(|(carrier, text)| {
        Some(Offer { carrier, text: text.filter(|text| !text.is_empty())? })
    })
    .collect()
}

/// Name and secret of HTTP basic.
fn decode_basic(text: &str) -> Option<(String, String)> {
    let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (name, secret) = pair.split_once(':')?;
    Some((name.to_owned(), secret.to_owned()))
}

/// The environment in the name of HTTP basic's bearer form: `None` when it is another form, `Some("")`
/// when it selects none.
fn bearer_form(name: &str) -> Option<&str> {
    const FORM: &str = "x-api-bearer";
    let (form, project) = name.split_once('=').unwrap_or((name, ""));
    form.eq_ignore_ascii_case(FORM).then_some(project)
}

/// A proof, and the environment that came with it.
struct Found {
    proved: Proved,
    project: Option<String>,
}

impl Auth {
    /// The caller by one offer, from the cache or the store; `None` when it proves nothing.
    async fn by_offer(&self, request: &RequestFacts, offer: Offer<'_>) -> Result<Option<Caller>> {
        let project = request.project().unwrap_or("");
        let access_key = request.client_access_key.as_deref().unwrap_or("");
        let carrier = match offer.carrier {
            Carrier::Cookie | Carrier::Bearer | Carrier::Query => "session",
            Carrier::Basic => "basic",
        };
        let key = self.keyed.digest(&[carrier, offer.text, project, access_key]);
        let now_ms = self.clock.now_ms();
        let seen = match self.cache.get(&key, now_ms) {
            Ok(caller) => return Ok(Some(caller)),
            Err(seen) => seen,
        };
        let Some(found) = self.prove(offer, request).await? else { return Ok(None) };
        let caller = self.store.read(|read| {
            let project = select(read, request, found.project.as_deref())?;
            access::caller(read, &found.proved, project)
        })?;
        self.cache.put(seen, key, &caller, found.proved.expires);
        Ok(Some(caller))
    }

    async fn prove(&self, offer: Offer<'_>, request: &RequestFacts) -> Result<Option<Found>> {
        let now_ms = self.clock.now_ms();
        let session = |key: &str| self.store.read(|read| by_session(read, key, now_ms));
        let found = |proved: Option<Proved>| proved.map(|proved| Found { proved, project: None });
        match offer.carrier {
            Carrier::Cookie | Carrier::Bearer | Carrier::Query => Ok(found(session(offer.text)?)),
            Carrier::Basic => {
                let Some((name, secret)) = decode_basic(offer.text) else { return Ok(None) };
                if let Some(project) = bearer_form(&name) {
                    let project = Some(project.to_owned()).filter(|project| !project.is_empty());
                    let proved = session(&secret)?;
                    return Ok(proved.map(|proved| Found { proved, project }));
                }
                if name == registration::USER {
                    let shown = |read: &Read<'_>| registration::check(read, &secret, now_ms);
                    return Ok(found(self.store.read(shown)?.map(proved_by_token)));
                }
                if let Some(proved) = self.store.read(|read| by_key(read, &name, &secret))? {
                    return Ok(found(Some(proved)));
                }
                if keys::looks_like_access_key(&name) {
                    return Ok(None);
                }
                let attempt = Attempt { login: &name, address: request.client_ip };
                Ok(found(self.by_password(attempt, &secret).await?))
            }
        }
    }

    /// The account whose login and password these are. Wrong ones take as long as right ones, and ever
    /// longer; a password that was right lately is not slowed down by other people's guesses.
    ///
    /// # Errors
    /// 429 when it is too early for another attempt; 503 when too many wait.
    pub(super) async fn by_password(
        &self,
        attempt: Attempt<'_>,
        password: &str,
    ) -> Result<Option<Proved>> {
        let found = self.store.read(|read| keys::usable(read, &[keys::PASSWORD], attempt.login))?;
        let stored = found.as_ref().and_then(|(credential, _)| keys::secret_hash(credential));
        let known =
            |now_ms| stored.is_some_and(|phc| self.passwords.remembers(password, phc, now_ms));
        let verdict = if known(self.clock.now_ms()) {
            Verdict::Right
        } else {
            self.throttle.check(attempt, self.clock.now_ms())?;
            let turn = self.passwords.turn().await?;
            // Whoever held the turn before may have asked the same, or have failed.
            let now_ms = self.clock.now_ms();
            if known(now_ms) {
                Verdict::Right
            } else {
                self.throttle.check(attempt, now_ms)?;
                let verdict = turn.verify(password, stored, now_ms).await?;
                match verdict {
                    Verdict::Wrong => self.throttle.failed(attempt, now_ms),
                    Verdict::Right | Verdict::RightButOld => self.throttle.succeeded(attempt),
                }
                if verdict == Verdict::RightButOld
                    && let Some((credential, _)) = &found
                {
                    self.store_newer_hash(credential, turn.hash(password).await?).await?;
                }
                verdict
            }
        };
        Ok(match (verdict, found) {
            (Verdict::Right | Verdict::RightButOld, Some((credential, account))) => {
                Some(proved_by(account, &credential))
            }
            _ => None,
        })
    }

    /// Replaces a hash made with other parameters, unless the password changed meanwhile.
    async fn store_newer_hash(&self, credential: &Resource, phc: String) -> Result<()> {
        let (id, revision) = (credential.id, credential.revision);
        self.store
            .write(move |tx| {
                tx.update(id, |row| {
                    if row.revision == revision {
                        row.set(keys::SECRET_HASH, phc);
                    }
                    Ok(())
                })
            })
            .await?;
        Ok(())
    }

    /// The caller when nothing was proved and access control is off.
    fn open_caller(&self, request: &RequestFacts) -> Result<Caller> {
        if request.enforce || self.is_controlled() {
            return Err(Error::status(401));
        }
        if !open::is_from_here(request) {
            return Err(Error::status(401).message(
                "access control is off, which is for this machine only and not for other sites' pages",
            ));
        }
        // The bearer form of HTTP basic selects an environment also when it proves nothing.
        let basic = offers(request).into_iter().find(|offer| offer.carrier == Carrier::Basic);
        let name = basic.and_then(|offer| decode_basic(offer.text)).map(|pair| pair.0);
        let project = name.as_deref().and_then(bearer_form).filter(|project| !project.is_empty());
        self.store.read(|read| {
            let Some(account) = access::first_admin(read)? else {
                return Err(Error::status(401));
            };
            let proved = open_proof(account);
            access::caller(read, &proved, select(read, request, project)?)
        })
    }

    /// Records that a proof was refused; not each time in a flood.
    pub(super) async fn note_refusal(&self, request: &RequestFacts, login: &str, error: &Error) {
        let admitted = match self.refusals.lock() {
            Ok(mut refusals) => refusals.admit(self.clock.now_ms()),
            Err(_) => None,
        };
        let Some(skipped) = admitted else { return };
        let more = if skipped > 0 { format!(" ({skipped} more before)") } else { String::new() };
        let null = Value::Null;
        let call = Call {
            caller: None,
            client_ip: request.client_ip,
            ty: "token",
            deed: Deed::Create,
            resource_id: None,
            request: &null,
            response: &null,
            status: error.status,
            runtime_ms: 0,
            description: Some(refusal(request, login, error) + &more),
        };
        let entry = audit::any_entry(&call);
        if let Err(error) = self.store.write(move |tx| tx.audit_insert(&entry)).await {
            tracing::warn!(%error, "a refused call could not be recorded");
        }
    }
}

/// A refusal in words; without the query, which may hold a proof.
fn refusal(request: &RequestFacts, who: &str, error: &Error) -> String {
    let path: String = request.path.chars().take(255).collect();
    let place = match path.as_str() {
        "" => String::new(),
        path => format!(" for {} {path}", request.method),
    };
    format!("refused {who}{place}: {error}")
}

/// The environment a request selects: header, query, path, the bearer form, then an access key's owner.
fn select(read: &Read<'_>, request: &RequestFacts, bearer: Option<&str>) -> Result<Option<i64>> {
    if let Some(text) = request.project().or(bearer) {
        return access::project_id(text).map(Some);
    }
    let Some(key) = request.client_access_key.as_deref() else { return Ok(None) };
    let found = keys::usable(read, &[keys::API_KEY], key)?;
    Ok(found.filter(|(_, account)| account.kind == "project").map(|(_, account)| account.id))
}

/// The account of a live session.
pub(super) fn by_session(read: &Read<'_>, key: &str, now_ms: i64) -> Result<Option<Proved>> {
    by_session_hash(read, &secret::sha256_hex(key), now_ms)
}

fn by_session_hash(read: &Read<'_>, hash: &str, now_ms: i64) -> Result<Option<Proved>> {
    let Some(token) = read.token(hash)?.filter(|token| now_ms < token.expires) else {
        return Ok(None);
    };
    let made_by = token.data.get("provider").and_then(Value::as_str).unwrap_or(PROVIDER);
    if control::provider(read)?.is_some_and(|now| now != made_by) {
        return Err(Error::code("AuthProviderChanged")
            .message("this session was opened with another provider of logins; log in again"));
    }
    let account = read.get(token.account_id)?.filter(access::is_usable);
    Ok(account.map(|account| Proved {
        account,
        auth_type: AuthType::Token,
        session: Some(token.key_hash),
        expires: token.expires,
    }))
}

/// The account or environment of an API key.
fn by_key(read: &Read<'_>, name: &str, secret: &str) -> Result<Option<Proved>> {
    let Some((credential, account)) = keys::usable(read, keys::PROGRAM_KEYS, name)? else {
        return Ok(None);
    };
    let right =
        keys::secret_hash(&credential).is_some_and(|stored| secret::key_matches(secret, stored));
    Ok(right.then(|| proved_by(account, &credential)))
}

/// What connections proved by a credential end with; no session's hash looks like this.
pub(super) fn credential_proof(id: i64) -> String {
    format!("credential:{id}")
}

/// The credential of such a proof.
pub(super) fn proving_credential(proof: &str) -> Option<i64> {
    proof.strip_prefix("credential:")?.parse().ok()
}

fn proved_by(account: Resource, credential: &Resource) -> Proved {
    let token = credential.kind == registration::KIND;
    Proved {
        account,
        auth_type: if token { AuthType::RegistrationToken } else { AuthType::Basic },
        session: Some(credential_proof(credential.id)),
        expires: i64::MAX,
    }
}

fn open_proof(account: Resource) -> Proved {
    Proved {
        account,
        auth_type: AuthType::Admin,
        session: Some(control::OPEN_PROOF.to_owned()),
        expires: i64::MAX,
    }
}

fn proved_by_token(shown: registration::Shown) -> Proved {
    Proved { expires: shown.expires, ..proved_by(shown.account, &shown.credential) }
}

/// The built-in account that may log in and little else.
fn token_caller() -> Caller {
    Caller {
        account_id: seed::TOKEN,
        user_id: seed::TOKEN,
        user_kind: "token".to_owned(),
        user_name: Some("token".to_owned()),
        role: Role::Token,
        auth_type: AuthType::TokenAccount,
        all_accounts: false,
        session: None,
    }
}

/// How an offer is named in the audit log: never by its secret.
fn label(offer: Offer<'_>) -> String {
    match offer.carrier {
        Carrier::Cookie | Carrier::Bearer | Carrier::Query => "a session key".to_owned(),
        Carrier::Basic => match decode_basic(offer.text) {
            Some((name, _)) if bearer_form(&name).is_some() => "a session key".to_owned(),
            Some((name, _)) => format!("`{}`", name.chars().take(64).collect::<String>()),
            None => "a malformed header".to_owned(),
        },
    }
}

#[async_trait]
impl Authenticator for Auth {
    async fn authenticate(&self, request: &RequestFacts) -> Result<Caller> {
        if request.for_token {
            return Ok(token_caller());
        }
        let mut refused = None;
        for offer in offers(request) {
            match self.by_offer(request, offer).await {
                Ok(Some(caller)) => {
                    let checked = match offer.carrier {
                        Carrier::Cookie => csrf::check(request),
                        Carrier::Bearer | Carrier::Query | Carrier::Basic => Ok(()),
                    };
                    if let Err(error) = checked {
                        self.note_refusal(request, &label(offer), &error).await;
                        return Err(error);
                    }
                    return Ok(caller);
                }
                Ok(None) => {
                    refused.get_or_insert((offer, Error::status(401)));
                }
                // Another proof in the same request may still be good.
                Err(error) if error.status == 429 => {
                    refused.get_or_insert((offer, error));
                }
                Err(error) => {
                    if error.status == 403 {
                        self.note_refusal(request, &label(offer), &error).await;
                    }
                    return Err(error);
                }
            }
        }
        match (self.open_caller(request), refused) {
            (Ok(caller), _) => Ok(caller),
            // The environment it wants is not there.
            (Err(error), _) if error.status != 401 => Err(error),
            (Err(_), Some((offer, error))) => {
                self.note_refusal(request, &label(offer), &error).await;
                Err(error)
            }
            (Err(error), None) => {
                // Pages look before they log in; that is no attempt at anything.
                if csrf::is_unsafe(&request.method) {
                    self.note_refusal(request, "nobody", &error).await;
                }
                Err(error)
            }
        }
    }

    fn is_enabled(&self) -> bool {
        self.is_controlled()
    }

    fn ended_sessions(&self) -> tokio::sync::broadcast::Receiver<String> {
        self.ended.subscribe()
    }

    async fn is_live(&self, caller: &Caller) -> Result<bool> {
        if caller.session.as_deref() == Some(control::OPEN_PROOF) && self.is_controlled() {
            return Ok(false);
        }
        let now_ms = self.clock.now_ms();
        self.store.read(|read| {
            let Some(proved) = renewed(read, caller, now_ms)? else { return Ok(false) };
            match access::caller(read, &proved, Some(caller.account_id)) {
                Ok(now) => Ok(now.role == caller.role),
                Err(error) if error.status == 500 => Err(error),
                Err(_) => Ok(false),
            }
        })
    }
}

/// What a caller's proof is worth now.
fn renewed(read: &Read<'_>, caller: &Caller, now_ms: i64) -> Result<Option<Proved>> {
    let Some(session) = caller.session.as_deref() else {
        let account = read.get(caller.user_id)?.filter(access::is_usable);
        let auth_type = caller.auth_type;
        return Ok(account.map(|account| Proved {
            account,
            auth_type,
            session: None,
            expires: i64::MAX,
        }));
    };
    if session == control::OPEN_PROOF {
        let account = read.get(caller.user_id)?.filter(access::is_usable);
        return Ok(account.map(open_proof));
    }
    let Some(id) = session.strip_prefix("credential:") else {
        return by_session_hash(read, session, now_ms);
    };
    let Some(credential) = read.get(id.parse().unwrap_or(0))?.filter(access::is_usable) else {
        return Ok(None);
    };
    let account = read.get(caller.user_id)?.filter(access::is_usable);
    Ok(account.map(|account| proved_by(account, &credential)))
}

#[cfg(test)]
mod tests;
