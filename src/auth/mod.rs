//! Who is calling and what they may do: callers, sessions, keys and the policy table.
//!
//! How the rest of the program uses this layer:
//!
//! * Start: [`seed::seed`] and [`control::settle`] in a write, then [`Auth::new`], then
//!   [`Auth::prepare_setup`] (log the code it returns, once), [`Auth::write_local_access`], and
//!   [`Auth::watch`] as a task.
//! * Listening: [`setup::listen_address`] of the wanted address and [`Auth::setup_phase`]; await
//!   [`Auth::setup_done`] to listen on the wanted address from then on.
//! * Each request: [`Authenticator::authenticate`], then [`policy`] for every type, field and action.
//! * `GET /token`: [`Auth::token_status`]. `POST /token`: [`Auth::login`] (answer 201, set
//!   [`csrf::session_cookie`]). `DELETE /token/current`: [`Auth::logout`] (answer 204, set
//!   [`csrf::expired_session_cookie`]).
//! * `GET /setup`: `{"needed": Auth::setup_phase() == Needed}`. `POST /setup` with `code`, `username`,
//!   `password` and `name`: [`Auth::claim`] (answer as a login).
//! * `POST /apiKey`: [`keys::prepare_api_key`] on the new row in the write that creates it; its
//!   `secret_key` goes into this one answer. `POST /password`: [`Auth::hash_password`] first, then
//!   [`keys::prepare_password`] in the write. `changesecret`: [`Auth::change_secret`].
//! * `POST /registrationToken`: [`registration::prepare`]; an agent's row: [`registration::enrol`].
//! * Deactivating, removing or demoting an account: [`access::guard_last_admin`] in the write.
//! * After a call that was no `GET`: [`audit::entry`] and `Tx::audit_insert`. Refused credentials, logins
//!   and logouts record themselves.
//! * A websocket closes when [`Authenticator::ended_sessions`] names its caller's `session`.

pub mod caller;

pub mod policy;

pub mod request;

pub mod access;
mod authenticate;
mod cache;
pub mod control;
pub mod csrf;
pub mod keys;
mod open;
pub mod registration;
pub mod secret;
pub mod throttle;
pub mod tokens;
mod validate;
mod watch;

pub mod audit;
pub mod identities;
pub mod local;
pub mod seed;
pub mod setup;

#[cfg(test)]
mod testing;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::broadcast;

use crate::clock::{Clock, Entropy};
use crate::error::Result;
use crate::store::Store;

pub use caller::{AuthType, Caller, Role};
pub use request::{Authenticator, RequestFacts};

/// Whether callers must prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Everyone must.
    #[default]
    Controlled,
    /// Until it is switched on (see [`control`]), whoever proves nothing and calls from this machine is the
    /// first administrator: for sandboxes and demos.
    Open,
}

/// What the configuration says of access.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a password hash costs.
    pub cost: secret::Cost,
    /// How many wrong passwords are too many.
    pub limits: throttle::Limits,
    /// How long a session lives, unless the setting `api.auth.jwt.token.expiry` is stored.
    pub session_ms: i64,
    /// Whether callers must prove who they are.
    pub access: Access,
    /// Where the set-up code and the local operator's key are written.
    pub data_dir: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cost: secret::Cost::default(),
            limits: throttle::Limits::default(),
            session_ms: 57_600_000,
            access: Access::default(),
            data_dir: PathBuf::new(),
        }
    }
}

/// Ended sessions a slow listener may lag behind before it must ask for each of its own.
const ENDED_BACKLOG: usize = 256;

/// Access control of one installation.
pub struct Auth {
    store: Store,
    clock: Clock,
    entropy: Entropy,
    options: Options,
    passwords: secret::Passwords,
    throttle: throttle::Throttle,
    keyed: secret::Keyed,
    cache: cache::Cache,
    ended: broadcast::Sender<String>,
    setup: setup::Setup,
    refusals: Mutex<audit::Refusals>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Auth {
    /// Over a seeded store.
    ///
    /// # Errors
    /// When the database fails, or Argon2 does not accept the cost.
    pub fn new(
        store: Store,
        clock: Clock,
        entropy: Entropy,
        options: Options,
    ) -> Result<Arc<Self>> {
        let setup = setup::Setup::new(store.read(setup::phase)?);
        Ok(Arc::new(Self {
            passwords: secret::Passwords::new(options.cost, entropy.clone())?,
            throttle: throttle::Throttle::new(options.limits),
            keyed: secret::Keyed::new(&entropy),
            cache: cache::Cache::new(store.feed().listen()),
            ended: broadcast::channel(ENDED_BACKLOG).0,
            setup,
            refusals: Mutex::new(audit::Refusals::default()),
            store,
            clock,
            entropy,
            options,
        }))
    }

    /// Hashes a password for [`keys::prepare_password`]; waits for its turn.
    ///
    /// # Errors
    /// 400 for a blank one, 422 for one that is too long, 503 when too many wait, and what the service
    /// answers that the setting `api.auth.local.validate.url` names.
    pub async fn hash_password(&self, password: &str) -> Result<String> {
        secret::check_password(password)?;
        self.validate(password).await?;
        self.passwords.turn().await?.hash(password).await
    }

    /// Forgets whom it knows and closes what hangs on these proofs.
    fn end(&self, proofs: impl IntoIterator<Item = String>) {
        self.cache.clear();
        for proof in proofs {
            // Nobody listening is fine.
            let _ = self.ended.send(proof);
        }
    }
}
