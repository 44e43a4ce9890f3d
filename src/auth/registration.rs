//! Registration tokens: what a host shows once to become one of an environment's, and nothing else.
//!
//! A token is `<public value>:<milliseconds>:<signature>`. The signature is made with the credential's
//! secret, which is why that one secret is stored as it is, under a name that no schema has. The time in
//! the token is the same all year, so that the command a person has copied goes on working.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::access::is_usable;
use super::keys::KeyPair;
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::store::{Read, Tx};

/// The user name of HTTP basic that goes with a registration token.
pub const USER: &str = "registrationToken";
/// Kind of the credentials.
pub const KIND: &str = "registrationToken";
/// Where a row keeps its secret: a name that no field has.
const SECRET: &str = "registrationSecret";
/// The setting that says how long a token holds after the time in it, in milliseconds.
const PERIOD: &str = "registration.token.period.millis";
/// Ten years.
const PERIOD_MS: i64 = 315_360_000_000;
const DAY_MS: i64 = 86_400_000;

/// Prepares the row of a registration token that is about to be created.
pub fn prepare(tx: &Tx<'_>, new: &mut NewResource) {
    let pair = KeyPair::generate(tx.entropy);
    new.data.insert("publicValue".to_owned(), pair.access_key.into());
    new.data.insert(SECRET.to_owned(), pair.secret_key.into());
}

/// The token of a credential; `None` for a row that is no registration token.
pub fn token(credential: &Resource, now_ms: i64) -> Option<String> {
    let public = credential.str("publicValue")?;
    let secret = credential.str(SECRET)?;
    let at = stamp(now_ms);
    Some(format!("{public}:{at}:{}", signature(secret, public, at)?))
}

/// 00:00 UTC of 31 December of the year before that of `now_ms`.
fn stamp(now_ms: i64) -> i64 {
    let days = now_ms.div_euclid(DAY_MS);
    let mut year = 1970 + days.div_euclid(365);
    while first_day(year) > days {
        year -= 1;
    }
    (first_day(year) - 1) * DAY_MS
}

/// Days from 1 January 1970 to 1 January of a year.
const fn first_day(year: i64) -> i64 {
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - 477;
    (year - 1970) * 365 + leap_days
}

/// HMAC-SHA1 in the letters of base64 that stand in a URL as they are.
fn signature(secret: &str, public: &str, at: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{public}:{at}").as_bytes());
    let text = STANDARD.encode(mac.finalize().into_bytes());
    Some(text.replace(['/', '=', '+'], ""))
}

/// A token that holds: its credential, the environment, and until when.
pub struct Shown {
    /// The credential.
    pub credential: Resource,
    /// The environment it registers hosts for.
    pub account: Resource,
    /// Unix milliseconds.
    pub expires: i64,
}

/// Checks a token.
///
/// # Errors
/// When the database fails.
pub fn check(read: &Read<'_>, text: &str, now_ms: i64) -> Result<Option<Shown>> {
    let mut parts = text.splitn(3, ':');
    let (Some(public), Some(at), Some(signed)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let Ok(at) = at.parse::<i64>() else { return Ok(None) };
    let period = read.setting(PERIOD)?.and_then(|text| text.trim().parse().ok());
    let expires = at.saturating_add(period.unwrap_or(PERIOD_MS));
    if now_ms >= expires {
        return Ok(None);
    }
    for credential in read.referrers_by_text("credential", "publicValue", public)? {
        let right = credential.kind == KIND
            && is_usable(&credential)
            && credential
                .str(SECRET)
                .and_then(|secret| signature(secret, public, at))
                .is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(signed.as_bytes())));
        if !right {
            continue;
        }
        let Some(owner) = credential.account_id else { continue };
        if let Some(account) = read.get(owner)?.filter(is_usable) {
            return Ok(Some(Shown { credential, account, expires }));
        }
    }
    Ok(None)
}

/// Makes the account and the key of an agent whose row is about to be made; the agent acts as this account.
/// `resources` is the environment that what it reports belongs to.
///
/// # Errors
/// 422 `NotUnique` when the key or the address is taken.
pub fn enrol(tx: &mut Tx<'_>, agent: &mut NewResource, resources: Option<i64>) -> Result<KeyPair> {
    if let Some(uri) = agent.data.get("uri").and_then(serde_json::Value::as_str)
        && let Some(other) = tx.referrers_by_text("agent", "uri", uri)?.first()
    {
        return Err(Error::field("NotUnique", "uri")
            .message(format!("agent {} has the address `{uri}` already", other.id)));
    }
    let account = NewResource::new("account", tx.entropy.uuid())
        .kind("agent")
        .name(format!("agent {}", agent.uuid))
        .state("active")
        .with(AGENT_ENVIRONMENT, resources);
    let account = tx.insert(account)?;
    let mut key = NewResource::new("credential", tx.entropy.uuid())
        .account(account.id)
        .name("agent")
        .state("active");
    for field in ["publicValue", "secretValue"] {
        if let Some(value) = agent.data.shift_remove(field) {
            key.data.insert(field.to_owned(), value);
        }
    }
    let pair = super::keys::prepare_api_key(tx, &mut key)?;
    tx.insert(key.kind(super::keys::AGENT_KEY))?;
    agent.account_id = Some(account.id);
    Ok(pair)
}

pub use crate::process::keys::{ACTS_AS_ADMIN, ACTS_AS_ENVIRONMENT, AGENT_ENVIRONMENT};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::caller::{AuthType, Role};
    use crate::auth::request::Authenticator;
    use crate::auth::testing::{START, World, basic, within};

    #[test]
    fn the_time_in_a_token_is_the_end_of_the_year_before() {
        for (now, stamped) in [
            (1_480_000_000_000, 1_451_520_000_000), // 2016-11-24: 2015-12-31
            (1_483_228_799_999, 1_451_520_000_000), // the last of 2016
            (1_483_228_800_000, 1_483_142_400_000), // 2017-01-01: 2016-12-31
            (1_709_164_800_000, 1_703_980_800_000), // 2024-02-29: 2023-12-31
            (0, -86_400_000),
        ] {
            assert_eq!(stamp(now), stamped, "{now}");
        }
    }

    async fn registered(world: &World) -> Resource {
        world
            .store
            .write(|tx| {
                let mut new = NewResource::new("credential", tx.entropy.uuid())
                    .kind(KIND)
                    .account(5)
                    .state("active");
                prepare(tx, &mut new);
                tx.insert(new)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_token_registers_for_its_environment_and_does_nothing_else() {
        let world = World::seeded().await;
        world.set_state(5, "active").await;
        let auth = world.auth();
        let credential = registered(&world).await;
        let token = token(&credential, START).unwrap();
        assert_eq!(token, super::token(&credential, START + 1).unwrap());
        let caller = auth.authenticate(&basic(USER, &token)).await.unwrap();
        assert_eq!((caller.account_id, caller.role), (5, Role::Register));
        assert_eq!(caller.auth_type, AuthType::RegistrationToken);
        assert!(!caller.all_accounts && auth.is_live(&caller).await.unwrap());
        let elsewhere = within(basic(USER, &token), 1);
        assert_eq!(auth.authenticate(&elsewhere).await.unwrap_err().status, 403);

        let mut forged = token.clone();
        forged.pop();
        for (user, wrong) in [(USER, forged.as_str()), (USER, "a:b"), (USER, ""), ("admin", &token)]
        {
            assert_eq!(auth.authenticate(&basic(user, wrong)).await.unwrap_err().status, 401);
        }
        world.set_setting(PERIOD, "1000").await;
        let found = world.store.read(|read| check(read, &token, START)).unwrap();
        assert!(found.is_none(), "it has expired");
        world.set_setting(PERIOD, "315360000000").await;
        world.set_state(credential.id, "inactive").await;
        assert_eq!(auth.authenticate(&basic(USER, &token)).await.unwrap_err().status, 401);
        assert!(!auth.is_live(&caller).await.unwrap());
    }

    async fn agent(world: &World, flag: Option<&'static str>) -> KeyPair {
        world
            .store
            .write(move |tx| {
                let mut new = NewResource::new("agent", tx.entropy.uuid())
                    .with("uri", flag.unwrap_or("event://a"));
                let pair = enrol(tx, &mut new, Some(5))?;
                if let Some(account) = new.account_id.filter(|_| flag.is_some()) {
                    tx.update(account, |row| {
                        row.set(flag.unwrap_or_default(), true);
                        Ok(())
                    })?;
                }
                tx.insert(new.state("active"))?;
                Ok(pair)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn agents_act_as_themselves_or_as_their_environment() {
        let world = World::seeded().await;
        world.set_state(5, "active").await;
        let auth = world.auth();
        for (flag, role, environment) in [
            (None, Role::Agent, false),
            (Some(ACTS_AS_ENVIRONMENT), Role::Environment, true),
            (Some(ACTS_AS_ADMIN), Role::ProjectAdmin, true),
        ] {
            let pair = agent(&world, flag).await;
            let caller = auth.authenticate(&basic(&pair.access_key, &pair.secret_key)).await;
            let caller = caller.unwrap();
            assert_eq!(caller.role, role);
            assert_eq!(caller.account_id == 5, environment);
            assert_eq!(caller.user_kind, "agent");
            assert!(!caller.all_accounts && auth.is_live(&caller).await.unwrap());
        }
        let taken = world
            .store
            .write(|tx| {
                let mut new = NewResource::new("agent", tx.entropy.uuid()).with("uri", "event://a");
                enrol(tx, &mut new, Some(5)).map(|_| ())
            })
            .await;
        let taken = taken.unwrap_err();
        assert_eq!((taken.code, taken.field.as_deref()), ("NotUnique", Some("uri")));
    }
}
