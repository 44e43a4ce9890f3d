//! Login sessions: login, logout, password change, and the `token` resource that tells of them.
//!
//! A session's key is 40 random characters that only the client has; the server keeps its SHA-256. In the
//! API the key is called `jwt`, but it is opaque.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::access::{self, Proved};
use super::audit::{self, Call, Deed};
use super::authenticate::{Carrier, by_session, offers};
use super::caller::{AuthType, Caller};
use super::request::RequestFacts;
use super::secret::{self, Verdict};
use super::setup::Phase;
use super::throttle::Attempt;
use super::{Auth, control, csrf, identities, keys, seed};
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::Resource;
use crate::process;
use crate::store::{Read, TokenRow, Tx};

/// The one provider of logins there is.
pub const PROVIDER: &str = "localAuthConfig";
/// Length of a session's key, in letters and digits.
const KEY: usize = 40;

/// A fresh session.
#[derive(Clone)]
pub struct Login {
    /// The session's key: the client's alone.
    pub key: String,
    /// How long it lives, for the cookie.
    pub lifetime_s: i64,
    /// The answer: a `token` resource with the key as `jwt`.
    pub resource: Map<String, Value>,
}

impl std::fmt::Debug for Login {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("lifetime_s", &self.lifetime_s).finish_non_exhaustive()
    }
}

impl Auth {
    /// Logs in by `login:password`, split at the first colon.
    ///
    /// # Errors
    /// 403 without a colon, 401 for wrong ones, 429 when it is too early for another attempt, 500
    /// `NoAuthProvider` before the set-up, 503 when too many log in at once.
    pub async fn login(&self, code: &str, address: Option<IpAddr>) -> Result<Login> {
        self.require_provider()?;
        let Some((login, password)) = code.split_once(':') else {
            return Err(Error::status(403).detail("the code is not `login:password`"));
        };
        let attempt = Attempt { login, address };
        let refused = match self.by_password(attempt, password).await {
            Ok(Some(proved)) => return self.open_session(proved, login, address).await,
            Ok(None) => Error::status(401).message("wrong login or password"),
            Err(error) => error,
        };
        let request = RequestFacts { client_ip: address, ..RequestFacts::default() };
        let shown: String = login.chars().take(64).collect();
        self.note_refusal(&request, &format!("login `{shown}`"), &refused).await;
        Err(refused)
    }

    /// Refuses logins that nobody here can check.
    fn require_provider(&self) -> Result<()> {
        if self.setup_phase() == Phase::Needed {
            return Err(Error::code("NoAuthProvider")
                .message("nobody can log in before there is an administrator with a login"));
        }
        match self.store.read(control::provider)? {
            Some(provider) if provider != PROVIDER => Err(Error::code("NotConfigured")
                .message(format!("the provider of logins `{provider}` cannot be used"))),
            None if !self.is_controlled() => Err(Error::code("NoAuthProvider")
                .message("access control is off, and no provider of logins is configured")),
            Some(_) | None => Ok(()),
        }
    }

    /// Makes the session of an account that has just proved itself.
    pub(super) async fn open_session(
        &self,
        proved: Proved,
        login: &str,
        address: Option<IpAddr>,
    ) -> Result<Login> {
        let key = self.entropy.token(KEY);
        let hash = secret::sha256_hex(&key);
        let (login, session_ms) = (login.to_owned(), self.options.session_ms);
        let (row, ended, resource) = self
            .store
            .write(move |tx| {
                control::check_mode(tx, &proved.account)?;
                let lifetime_ms = lifetime_ms(tx, session_ms)?;
                let row = TokenRow {
                    key_hash: hash,
                    account_id: proved.account.id,
                    created: tx.now,
                    expires: tx.now.saturating_add(lifetime_ms),
                    data: Map::from_iter([
                        ("login".to_owned(), Value::from(login.as_str())),
                        ("provider".to_owned(), Value::from(PROVIDER)),
                    ]),
                };
                let mut ended = Vec::new();
                if tx.setting_flag("api.auth.restrict.concurrent.sessions")? {
                    ended = tx.token_delete_of(row.account_id)?;
                }
                tx.token_insert(&row)?;
                default_project(tx, &proved.account, &login)?;
                let resource = resource(&proved.account, &login);
                record_login(tx, &proved.account, &login, address)?;
                Ok((row, ended, resource))
            })
            .await?;
        self.end(ended);
        let mut resource = resource;
        resource.insert("jwt".to_owned(), Value::from(key.as_str()));
        let lifetime_s = row.expires.saturating_sub(row.created) / 1000;
        Ok(Login { key, lifetime_s, resource })
    }

    /// What `GET /token` answers, to anybody: whether access is controlled, and who is logged in.
    ///
    /// # Errors
    /// When the database fails.
    pub fn token_status(&self, request: &RequestFacts) -> Result<Map<String, Value>> {
        let now_ms = self.clock.now_ms();
        let mut status = self.store.read(|read| {
            for offer in offers(request) {
                if offer.carrier != Carrier::Basic
                    && let Some(proved) = present(by_session(read, offer.text, now_ms))?
                    && let Some(session) = &proved.session
                    && let Some(row) = read.token(session)?
                {
                    let login = row.data.get("login").and_then(Value::as_str).unwrap_or_default();
                    return Ok(resource(&proved.account, login));
                }
            }
            Ok(blank())
        })?;
        let controlled = self.is_controlled();
        for field in ["security", "enabled"] {
            status.insert(field.to_owned(), Value::from(controlled));
        }
        let provider = match self.setup_phase() {
            Phase::Needed => None,
            Phase::Done if controlled => self.store.read(control::provider)?.or_else(own_provider),
            Phase::Done => self.store.read(control::provider)?,
        };
        status.insert("authProvider".to_owned(), provider.into());
        Ok(status)
    }

    /// Ends the session that the request comes with (cookie, bearer header or query).
    ///
    /// # Errors
    /// 500 `JWTNotProvided` when it comes with none, 403 `InvalidCSRFToken`.
    pub async fn logout(&self, request: &RequestFacts) -> Result<()> {
        let Some(offer) = offers(request).into_iter().find(|offer| offer.carrier != Carrier::Basic)
        else {
            return Err(Error::code("JWTNotProvided").message("there is no session to end"));
        };
        if offer.carrier == Carrier::Cookie {
            csrf::check(request)?;
        }
        let hash = secret::sha256_hex(offer.text);
        let address = request.client_ip;
        let ended = self
            .store
            .write(move |tx| {
                let ended = tx.token_delete(&hash)?;
                if let Some(row) = &ended
                    && let Some(account) = tx.get(row.account_id)?
                {
                    record(tx, &account, Deed::Delete, "logout".to_owned(), address, 204)?;
                }
                Ok(ended)
            })
            .await?;
        self.end(ended.map(|row| row.key_hash));
        Ok(())
    }

    /// Gives a password credential another secret. Every session of its account ends, the caller's too.
    ///
    /// `old` is not looked at when the caller is an administrator, unless the password is their own.
    ///
    /// # Errors
    /// 404 when there is no such password or it is not the caller's, 400 `InvalidOldPassword`, 429 after
    /// too many wrong ones, and those of [`Auth::hash_password`].
    pub async fn change_secret(
        &self,
        caller: &Caller,
        credential_id: i64,
        old: &str,
        new: &str,
        address: Option<IpAddr>,
    ) -> Result<()> {
        secret::check_password(new)?;
        let (credential, operator) = self.store.read(|read| {
            let credential = read.require("credential", credential_id)?;
            Ok((credential, super::local::is_operator(read, caller)?))
        })?;
        // Whoever is locked out of their own account has no old password to give.
        let own = credential.account_id == Some(caller.user_id) && !operator;
        let is_password = credential.kind == keys::PASSWORD && credential.removed.is_none();
        if !is_password || (!own && !administers(caller)) {
            return Err(Error::not_found());
        }
        let login = credential.str("publicValue").unwrap_or_default();
        let attempt = Attempt { login, address };
        if own {
            self.throttle.check(attempt, self.clock.now_ms())?;
        }
        self.validate(new).await?;
        let turn = self.passwords.turn().await?;
        if own {
            let now_ms = self.clock.now_ms();
            let stored = keys::secret_hash(&credential);
            if turn.verify(old, stored, now_ms).await? == Verdict::Wrong {
                self.throttle.failed(attempt, now_ms);
                return Err(
                    Error::code("InvalidOldPassword").message("the old password is not right")
                );
            }
        }
        let phc = turn.hash(new).await?;
        let ended =
            self.store.write(move |tx| keys::replace_secret(tx, credential_id, &phc)).await?;
        self.end(ended.into_iter().chain([super::authenticate::credential_proof(credential_id)]));
        Ok(())
    }
}

/// A session that is refused is none: whoever asks is told what to do next.
fn present(found: Result<Option<Proved>>) -> Result<Option<Proved>> {
    match found {
        Err(error) if error.status == 401 => Ok(None),
        found => found,
    }
}

fn own_provider() -> Option<String> {
    Some(PROVIDER.to_owned())
}

/// Whether a caller may set other people's passwords.
fn administers(caller: &Caller) -> bool {
    matches!(caller.user_kind.as_str(), "admin" | "superadmin")
}

/// How long a session lives: what the setting was given, else what the options say.
fn lifetime_ms(read: &Read<'_>, configured: i64) -> Result<i64> {
    let given = read.setting_layers("api.auth.jwt.token.expiry")?;
    let given = given.first().and_then(|given| given.1.trim().parse().ok());
    Ok(given.filter(|lifetime| *lifetime > 0).unwrap_or(configured))
}

/// On an account's first login, an environment of its own if it has none.
fn default_project(tx: &mut Tx<'_>, account: &Resource, login: &str) -> Result<()> {
    /// Marks accounts that have logged in: the environment is made once, not again after its removal.
    const LOGGED_IN: &str = "firstLogin";
    let wanted = tx.setting_flag("project.create.default")?;
    if account.int(LOGGED_IN).is_some() || account.kind != "user" && account.kind != "admin" {
        return Ok(());
    }
    let now = tx.now;
    tx.update(account.id, |row| {
        row.set(LOGGED_IN, now);
        Ok(())
    })?;
    if !wanted || !access::projects_of(tx, account.id)?.is_empty() {
        return Ok(());
    }
    let uuid = tx.entropy.uuid();
    let project = seed::project(tx, &uuid, &format!("{login}-Default"))?;
    let project = process::create(tx, project, Map::new())?;
    seed::add_owner(tx, project.id, account.id)
}

fn record_login(
    tx: &mut Tx<'_>,
    account: &Resource,
    login: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    record(tx, account, Deed::Create, format!("login `{login}`"), address, 201)
}

/// Records something about an account's sessions.
fn record(
    tx: &mut Tx<'_>,
    account: &Resource,
    deed: Deed,
    description: String,
    client_ip: Option<IpAddr>,
    status: u16,
) -> Result<()> {
    let proved = Proved {
        account: account.clone(),
        auth_type: AuthType::Token,
        session: None,
        expires: i64::MAX,
    };
    let caller = access::caller(tx, &proved, None)?;
    let entry = audit::any_entry(&Call {
        caller: Some(&caller),
        client_ip,
        ty: "token",
        deed,
        resource_id: None,
        request: &Value::Null,
        response: &Value::Null,
        status,
        runtime_ms: 0,
        description: Some(description),
    });
    tx.audit_insert(&entry)?;
    Ok(())
}

/// A `token` resource of nobody.
fn blank() -> Map<String, Value> {
    let fields = [
        ("type", Value::from("token")),
        ("accountId", Value::Null),
        ("authProvider", Value::from(PROVIDER)),
        ("authenticatedAsAccountId", Value::Null),
        ("enabled", Value::Bool(true)),
        ("identities", Value::Array(Vec::new())),
        ("jwt", Value::Null),
        ("originalLogin", Value::Null),
        ("redirectUrl", Value::Null),
        ("security", Value::Bool(true)),
        ("user", Value::Null),
        ("userIdentity", Value::Null),
        ("userType", Value::Null),
    ];
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

/// The `token` resource of a session, without its key.
fn resource(account: &Resource, login: &str) -> Map<String, Value> {
    let identity = Value::Object(identities::Identity::of(account, Some(login)).render());
    let account_id = Value::from(id::format("a", account.id));
    let mut map = blank();
    for (field, value) in [
        ("accountId", account_id.clone()),
        ("authenticatedAsAccountId", account_id),
        ("identities", json!([identity])),
        ("originalLogin", Value::from(login)),
        ("user", Value::from(login)),
        ("userIdentity", identity),
        ("userType", Value::from(account.kind.as_str())),
    ] {
        map.insert(field.to_owned(), value);
    }
    map
}

#[cfg(test)]
mod tests;
