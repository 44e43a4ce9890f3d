//! Identities: accounts as people see them when they choose members of an environment.

use serde_json::{Map, Value};

use super::access::is_usable;
use super::caller::Caller;
use super::keys;
use crate::error::Result;
use crate::model::id;
use crate::model::resource::Resource;
use crate::store::{Condition, Op, Query, Read};

/// The kind of external id that local accounts have.
pub const LOCAL: &str = "rancher_id";
/// Kinds of accounts that are people.
pub(super) const PEOPLE: &[&str] = &["admin", "readAdmin", "user"];
/// Identities answered at most.
const MOST: usize = 100;

/// One local account as an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account's id as clients see it, such as `1a7`.
    pub external_id: String,
    /// The name it logs in with.
    pub login: Option<String>,
    /// The account's name.
    pub name: Option<String>,
}

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// Name or login is this, in any letter case (`?name=`).
    Exact(&'a str),
    /// Name or login contains this, in any letter case (`?all=`).
    Contains(&'a str),
}

impl Identity {
    /// Of an account with this login.
    pub fn of(account: &Resource, login: Option<&str>) -> Self {
        Self {
            external_id: id::format("a", account.id),
            login: login.map(str::to_owned),
            name: account.name.clone(),
        }
    }

    /// The API's fields; the API layer adds links.
    pub fn render(&self) -> Map<String, Value> {
        let login = self.login.as_ref().or(self.name.as_ref());
        let fields = [
            ("id", Value::from(format!("{LOCAL}:{}", self.external_id))),
            ("type", Value::from("identity")),
            ("all", Value::Null),
            ("externalId", Value::from(self.external_id.as_str())),
            ("externalIdType", Value::from(LOCAL)),
            ("login", Value::from(login.cloned())),
            ("name", Value::from(self.name.as_ref().or(login).cloned())),
            ("profilePicture", Value::Null),
            ("profileUrl", Value::Null),
            ("projectId", Value::Null),
            ("role", Value::Null),
            ("user", Value::Bool(true)),
        ];
        fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
    }
}

/// The caller's own identities: none for an environment's key.
///
/// # Errors
/// When the database fails.
pub fn own(read: &Read<'_>, caller: &Caller) -> Result<Vec<Identity>> {
    let account = read.get(caller.user_id)?;
    account.filter(is_person).map(|account| known(read, &account)).into_iter().collect()
}

/// The identity with an id such as `rancher_id:1a7`.
///
/// # Errors
/// When the database fails.
pub fn by_id(read: &Read<'_>, text: &str) -> Result<Option<Identity>> {
    let Some(id) = text.strip_prefix(LOCAL).and_then(|rest| id::parse(rest.strip_prefix(':')?))
    else {
        return Ok(None);
    };
    let account = read.get(id)?.filter(is_person);
    account.map(|account| known(read, &account)).transpose()
}

/// People by name or login, by account id.
///
/// # Errors
/// When the database fails.
pub fn search(read: &Read<'_>, what: Match<'_>) -> Result<Vec<Identity>> {
    let (op, text) = match what {
        Match::Exact(text) | Match::Contains(text) if text.trim().is_empty() => {
            return Ok(Vec::new());
        }
        Match::Exact(text) => (Op::Eq, text.to_owned()),
        Match::Contains(text) => (Op::Like, format!("%{text}%")),
    };
    let condition =
        |field: &str| Condition { field: field.to_owned(), op, value: Value::from(text.as_str()) };
    let mut accounts = read.list(&Query {
        ty: "account",
        kinds: PEOPLE.to_vec(),
        conditions: vec![condition("name")],
        limit: MOST,
        ..Query::default()
    })?;
    let logins = read.list(&Query {
        ty: "credential",
        kinds: vec![keys::PASSWORD],
        conditions: vec![condition("publicValue")],
        limit: MOST,
        ..Query::default()
    })?;
    for owner in logins.iter().filter_map(|login| login.account_id) {
        accounts.extend(read.get(owner)?);
    }
    accounts.retain(is_person);
    accounts.sort_by_key(|account| account.id);
    accounts.dedup_by_key(|account| account.id);
    accounts.iter().map(|account| known(read, account)).collect()
}

fn known(read: &Read<'_>, account: &Resource) -> Result<Identity> {
    let login = keys::login_of(read, account.id)?;
    Ok(Identity::of(account, login.as_deref()))
}

fn is_person(account: &Resource) -> bool {
    account.ty == "account" && PEOPLE.contains(&account.kind.as_str()) && is_usable(account)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::request::Authenticator;
    use crate::auth::testing::{World, basic};

    #[tokio::test]
    async fn people_are_found_by_name_and_login() {
        let world = World::seeded().await;
        let auth = world.auth();
        let ann = world.user(&auth, "user", "ann").await;
        let joann = world.user(&auth, "user", "joann").await;
        let gone = world.user(&auth, "user", "annette").await;
        world.set_state(gone, "inactive").await;
        world
            .store
            .write(move |tx| {
                tx.update(ann, |row| {
                    row.name = Some("Ann Smith".to_owned());
                    Ok(())
                })
            })
            .await
            .unwrap();
        let check = |what: Match<'_>, expect: &[i64]| {
            let found = world.store.read(|read| search(read, what)).unwrap();
            let ids: Vec<_> =
                found.iter().filter_map(|identity| id::parse(&identity.external_id)).collect();
            assert_eq!(ids, expect, "{what:?}");
        };
        check(Match::Exact("ann"), &[ann]);
        check(Match::Exact("Ann Smith"), &[ann]);
        check(Match::Exact("an"), &[]);
        check(Match::Contains("ANN"), &[ann, joann]);
        check(Match::Contains("Default"), &[]);
        check(Match::Contains(" "), &[]);
    }

    #[tokio::test]
    async fn a_caller_is_told_its_own() {
        let world = World::seeded().await;
        let auth = world.auth();
        let ann = world.user(&auth, "user", "ann").await;
        let caller = auth.authenticate(&basic("ann", "ann-secret")).await.unwrap();
        let own = world.store.read(|read| own(read, &caller)).unwrap();
        let id = format!("rancher_id:{}", id::format("a", ann));
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].render()["id"], Value::from(id.as_str()));
        assert_eq!(world.store.read(|read| by_id(read, &id)).unwrap(), Some(own[0].clone()));
        for other in ["rancher_id:1a5", "rancher_id:7", "github_user:1a1", ""] {
            assert_eq!(world.store.read(|read| by_id(read, other)).unwrap(), None, "{other}");
        }
        let (key, secret) = world.key(5).await;
        let project = auth.authenticate(&basic(&key, &secret)).await.unwrap();
        assert_eq!(world.store.read(|read| super::own(read, &project)).unwrap(), []);
    }
}
