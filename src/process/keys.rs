//! API keys: what is stored of them, and those that the server gives to containers whose label
//! `io.rancher.container.create_agent` asks for one.
//!
//! The keys of a container belong to an account of its own, which acts for the container's environment and for
//! no other, and never as an administrator. The account is made before the container and goes with it. A
//! container may have to be made anew with the same keys, which is why their secret is kept: sealed, in the
//! credential, and nowhere else. What the container's row and the API say of its environment does not have them.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::door;
use super::native::NATIVE;
use super::registries::SECRET;
use super::site::Site;
use super::step::{Failure, Work};
use super::{balancer, retire, secrets};
use crate::clock::Entropy;
use crate::error::Result;
use crate::model::names::label;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Query, Read, Tx};
use crate::vault::Vault;

/// Where a row keeps the hash of its secret: a name that no field has.
pub const SECRET_HASH: &str = "secretHash";
/// Kind of credentials that belong to agents, and to containers.
pub const AGENT_KEY: &str = "agentApiKey";
/// Where an agent's account keeps the environment that what it reports belongs to.
pub const AGENT_ENVIRONMENT: &str = "agentResourcesAccountId";
/// Set on an agent's account that acts as its environment.
pub const ACTS_AS_ENVIRONMENT: &str = "actAsResourceAccount";
/// Set on an agent's account that administers its environment.
pub const ACTS_AS_ADMIN: &str = "actAsResourceAdminAccount";
/// Set on an agent's account that acts in its environment as a restricted member.
pub const ACTS_AS_RESTRICTED: &str = "actAsRestrictedMember";
/// Where an account keeps the container whose keys it has.
pub const CONTAINER: &str = "keysOfInstanceId";
/// Where a container keeps the account that its keys are of.
const ACCOUNT: &str = "keysAccountId";
/// Set on containers, services and stacks of people without a say over the infrastructure: keys of their
/// containers have none, either.
pub const RESTRICTED: &str = "keysRestricted";

/// What marks the stored form of a key's secret.
pub const KEY_SCHEME: &str = "sha256$";
/// Length of a generated access key, in upper-case hexadecimal digits.
pub const ACCESS_KEY: usize = 20;
/// Length of a generated secret key, in letters and digits.
const SECRET_KEY: usize = 40;

/// The variable with the API's address.
const URL: &str = "CATTLE_URL";
/// Letters of a container's name in that of its account at most.
const NAME: usize = 200;

/// An API key as it is shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// `publicValue`.
    pub access_key: String,
    /// `secretValue`.
    pub secret_key: String,
}

impl std::fmt::Debug for KeyPair {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// A fresh one.
    pub fn generate(entropy: &Entropy) -> Self {
        let access_key = entropy.hex_upper(ACCESS_KEY);
        Self { access_key, secret_key: entropy.token(SECRET_KEY) }
    }
}

/// The stored form of a key's secret.
pub fn key_hash(secret: &str) -> String {
    format!("{KEY_SCHEME}{}", hex::encode(Sha256::digest(secret)))
}

/// What keys of a container may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    /// Report, as agents do.
    Agent,
    /// What members of the environment may.
    Environment,
    /// The same, by the schema of those who administer the environment.
    Administrator,
    /// What restricted members of the environment may.
    Restricted,
}

impl Power {
    /// What a label asks for: the most of its words. Words that nobody knows ask for nothing more.
    fn asked(roles: &str) -> Self {
        let names = |wanted: &str| roles.split(',').any(|word| word.trim() == wanted);
        if names("environmentAdmin") {
            Self::Administrator
        } else if names("environment") {
            Self::Environment
        } else {
            Self::Agent
        }
    }

    /// What marks the account.
    const fn flag(self) -> Option<&'static str> {
        match self {
            Self::Agent => None,
            Self::Environment => Some(ACTS_AS_ENVIRONMENT),
            Self::Administrator => Some(ACTS_AS_ADMIN),
            Self::Restricted => Some(ACTS_AS_RESTRICTED),
        }
    }
}

/// Whether a container asks for keys, as few do. What others have made is as they made it.
fn asks(row: &Resource) -> bool {
    row.label(label::CREATE_AGENT) == Some("true") && !row.flag(NATIVE) && row.account_id.is_some()
}

/// Whether whoever decided what runs in a container has no say over the infrastructure.
fn is_restricted(read: &Read<'_>, row: &Resource) -> Result<bool> {
    let look = |id: Option<i64>| id.map(|id| read.get(id)).transpose().map(Option::flatten);
    let service = look(row.int("serviceId"))?;
    let stack = look(service.as_ref().and_then(|service| service.int("stackId")))?;
    let all = [Some(row), service.as_ref(), stack.as_ref()];
    Ok(all.into_iter().flatten().any(|row| row.flag(RESTRICTED)))
}

/// Makes the keys of a container that is about to be made, once.
pub(super) async fn ensure(work: &Work) -> std::result::Result<(), Failure> {
    let (id, site) = (work.resource.id, &work.site);
    // Balancers are brought what they need.
    let is_balancer = || site.store.read(|read| balancer::service_of(read, &work.resource));
    if !asks(&work.resource) || is_balancer()?.is_some() {
        return Ok(());
    }
    let vault = std::sync::Arc::clone(&site.vault);
    Ok(site.store.write(move |tx| make(tx, &vault, id)).await?)
}

fn make(tx: &mut Tx<'_>, vault: &Vault, id: i64) -> Result<()> {
    let Some(row) = tx.get(id)?.filter(|row| row.removed.is_none()) else { return Ok(()) };
    if row.int(ACCOUNT).is_some() {
        return Ok(());
    }
    let power = match is_restricted(tx, &row)? {
        true => Power::Restricted,
        false => Power::asked(row.label(label::AGENT_ROLE).unwrap_or_default()),
    };
    let name: String = row.display_name().chars().take(NAME).collect();
    let mut account = NewResource::new("account", tx.entropy.uuid())
        .kind("agent")
        .name(format!("container {name}"))
        .state("active")
        .with(AGENT_ENVIRONMENT, row.account_id)
        .with(CONTAINER, row.id);
    if let Some(flag) = power.flag() {
        account = account.with(flag, true);
    }
    let account = tx.insert(account)?;
    let pair = KeyPair::generate(tx.entropy);
    let uuid = tx.entropy.uuid();
    let sealed = secrets::seal(vault, "credential", &uuid, pair.secret_key.as_bytes())?;
    let key = NewResource::new("credential", uuid)
        .kind(AGENT_KEY)
        .account(account.id)
        .name("container")
        .state("active")
        .with("publicValue", pair.access_key)
        .with(SECRET_HASH, key_hash(&pair.secret_key))
        .with(SECRET, sealed);
    tx.insert(key)?;
    tx.update(row.id, |row| {
        row.set(ACCOUNT, account.id);
        Ok(())
    })?;
    Ok(())
}

/// The account whose keys a container has. The row that a step was given may be older than they are.
fn account(read: &Read<'_>, row: &Resource) -> Result<Option<i64>> {
    match row.int(ACCOUNT) {
        None if asks(row) => Ok(read.get(row.id)?.and_then(|row| row.int(ACCOUNT))),
        known => Ok(known),
    }
}

/// The keys of a container that is gone are worth nothing from now on.
pub(super) fn bury(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    let Some(account) = account(tx, row)? else { return Ok(()) };
    for key in credentials(tx, account)? {
        retire(tx, key.id)?;
    }
    retire(tx, account)
}

fn credentials(read: &Read<'_>, account: i64) -> Result<Vec<Resource>> {
    let query = Query {
        ty: "credential",
        kinds: vec![AGENT_KEY],
        account_id: Some(account),
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    read.list(&query)
}

/// What the environment of a container has for its keys; nothing for a container without.
pub(super) fn environment(
    read: &Read<'_>,
    site: &Site,
    row: &Resource,
) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let Some(account) = account(read, row)? else { return Ok(found) };
    let Some(key) = credentials(read, account)?.into_iter().next() else { return Ok(found) };
    let secret = secrets::unseal(&site.vault, &key, SECRET)?;
    let public = key.str("publicValue").unwrap_or_default().to_owned();
    found.insert("CATTLE_ACCESS_KEY".to_owned(), public);
    found.insert("CATTLE_SECRET_KEY".to_owned(), String::from_utf8_lossy(&secret).into_owned());
    found.extend(door::url(read, site, row)?.map(|url| (URL.to_owned(), url)));
    Ok(found)
}

/// What a person ought to know of a container that has keys and nowhere to use them.
pub(super) fn complaint(site: &Site, row: &Resource) -> Result<Option<String>> {
    let said = row.map("environment").is_some_and(|own| own.get(URL).is_some_and(Value::is_string));
    if row.int(ACCOUNT).is_none()
        || said
        || site.store.read(|read| door::url(read, site, row))?.is_some()
    {
        return Ok(None);
    }
    Ok(Some(format!(
        "it has API keys and no {URL}: containers do not reach the server where it listens; \
         set `server.listen` or the setting `api.host`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_of_the_words_counts_and_unknown_ones_do_not() {
        for (roles, expect) in [
            ("", Power::Agent),
            ("agent", Power::Agent),
            ("external-dns", Power::Agent),
            ("environment", Power::Environment),
            ("agent, environment", Power::Environment),
            ("environmentAdmin,agent", Power::Administrator),
            ("environment,environmentAdmin", Power::Administrator),
            ("admin", Power::Agent),
            ("superadmin,service", Power::Agent),
            ("ENVIRONMENT", Power::Agent),
        ] {
            assert_eq!(Power::asked(roles), expect, "{roles}");
        }
    }
}
