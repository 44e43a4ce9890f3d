//! Logins at registries: which one a pull uses, and whether the registry accepts it.
//!
//! A login that is refused makes its credential inactive, and inactive ones are not used. A registry that
//! cannot be asked keeps its credentials as they are: the next pull will tell.

use std::sync::Arc;

use serde_json::json;

use super::images::{registry_name, registry_of};
use super::site::{HostEngine, Site};
use super::step::{Definition, Failure, Next, Outcome, Step, StepFuture, Work};
use super::{object, secrets};
use crate::engine::{EngineError, RegistryAuth};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{Query, Read, Store};
use crate::vault::Vault;

/// Where a credential's sealed password is kept.
pub const SECRET: &str = "sealedSecret";
/// Where it is given, and was kept before passwords were sealed.
pub const GIVEN: &str = "secretValue";
/// The kind of credential that registries know.
pub const CREDENTIAL: &str = "registryCredential";
/// What counts as switched on.
const ON: &[&str] = &["active", "updating-active"];

/// Processes of `registryCredential`; other credentials have nothing to do in them.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "credential.activate",
        steps: &[Step { name: "ask", run: ask }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "credential.update",
        steps: &[Step { name: "ask", run: ask }],
        tries: None,
        give_up: None,
    },
];

/// The login for an image: that of the wanted credential, else of the first that is active for the image's
/// registry; none if there is none. A password goes to no other registry than its own.
///
/// # Errors
/// When the database fails or the password cannot be opened.
pub fn login_for(
    read: &Read<'_>,
    vault: &Vault,
    environment: Option<i64>,
    image: &str,
    wanted: Option<i64>,
) -> Result<Option<RegistryAuth>> {
    let Some(environment) = environment else { return Ok(None) };
    let name = registry_of(image);
    let mut usable = Vec::new();
    for registry in registries(read, environment)? {
        let address = registry.str("serverAddress").unwrap_or_default();
        if ON.contains(&registry.state.as_str()) && registry_name(address) == name {
            let known = read.referrers("credential", "registryId", registry.id)?;
            usable.extend(known.into_iter().filter(|row| {
                row.kind == CREDENTIAL && row.account_id == Some(environment) && is_on(row)
            }));
        }
    }
    let explicit = usable.iter().find(|row| Some(row.id) == wanted);
    let chosen = explicit.or_else(|| usable.iter().min_by_key(|row| row.id));
    chosen.map(|row| login(vault, row, &name)).transpose()
}

fn registries(read: &Read<'_>, environment: i64) -> Result<Vec<Resource>> {
    read.list(&Query {
        ty: "storagePool",
        kinds: vec!["registry"],
        account_id: Some(environment),
        limit: usize::MAX >> 1,
        ..Query::default()
    })
}

fn is_on(row: &Resource) -> bool {
    ON.contains(&row.state.as_str())
}

/// A credential, opened, for its registry.
fn login(vault: &Vault, credential: &Resource, server: &str) -> Result<RegistryAuth> {
    let password = match credential.str(SECRET) {
        Some(_) => {
            let bytes = secrets::unseal(vault, credential, SECRET)?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        None => credential.str(GIVEN).unwrap_or_default().to_owned(),
    };
    Ok(RegistryAuth {
        username: credential.str("publicValue").unwrap_or_default().to_owned(),
        password,
        server: server.to_owned(),
    })
}

/// The step that asks the registry whether it accepts a login.
fn ask(work: Work) -> StepFuture {
    Box::pin(async move {
        let row = &work.resource;
        if row.kind != CREDENTIAL || row.state == "updating-inactive" {
            return Ok(Outcome::Pass);
        }
        let Some(auth) = own_login(&work)? else { return Ok(Outcome::Pass) };
        match answer(&work, &auth).await? {
            Ok(()) => Ok(Outcome::Pass),
            Err(refused @ EngineError::LoginRefused { .. }) => Outcome::commit(move |_, _| {
                let failure = object(json!({ "failure": refused.to_string() }));
                Ok(Next::Chain("deactivate", failure))
            }),
            Err(error) => {
                let credential = row.display_name();
                tracing::warn!(%error, credential, "a login is kept although nobody could check it");
                Ok(Outcome::Pass)
            }
        }
    })
}

/// The login that a credential is; none when its registry is gone.
fn own_login(work: &Work) -> Result<Option<RegistryAuth>, Failure> {
    let row = &work.resource;
    let Some(registry) = row.int("registryId") else { return Ok(None) };
    let registry = work.site.store.read(|read| read.get(registry))?;
    let Some(registry) = registry.filter(|registry| registry.removed.is_none()) else {
        return Ok(None);
    };
    let name = registry_name(registry.str("serverAddress").unwrap_or_default());
    Ok(Some(login(&work.site.vault, row, &name)?))
}

/// What the registry says: the first host that can be reached asks.
async fn answer(work: &Work, auth: &RegistryAuth) -> Result<Result<(), EngineError>, Failure> {
    let nobody = || EngineError::RegistryAway {
        server: auth.server.clone(),
        detail: "the environment has no active host that could ask".to_owned(),
    };
    let mut last = None;
    for host in active_engines(&work.site, work.resource.account_id)? {
        match host.engine.login(auth).await {
            Err(error) if error.is_unavailable() => last = Some(error),
            said => return Ok(said),
        }
    }
    Ok(Err(last.unwrap_or_else(nobody)))
}

/// The engines of an environment's active hosts.
fn active_engines(site: &Arc<Site>, environment: Option<i64>) -> Result<Vec<HostEngine>> {
    let query =
        Query { ty: "host", account_id: environment, limit: usize::MAX >> 1, ..Query::default() };
    let hosts = site.store.read(|read| read.list(&query))?;
    let active = hosts.iter().filter(|host| is_on(host));
    Ok(active.filter_map(|host| site.engines.get(host.id)).collect())
}

/// Seals the passwords and private keys of credentials from before they were sealed; how many.
///
/// # Errors
/// When the database or the vault cannot be used.
pub async fn seal_plain(store: &Store, vault: &Arc<Vault>) -> Result<usize> {
    let query = Query {
        ty: "credential",
        kinds: vec![CREDENTIAL, "sshKey"],
        with_removed: true,
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    let rows = store.read(|read| read.list(&query))?;
    let plain: Vec<i64> =
        rows.iter().filter(|row| row.str(GIVEN).is_some()).map(|row| row.id).collect();
    let (count, vault) = (plain.len(), Arc::clone(vault));
    if count == 0 {
        return Ok(0);
    }
    let seal = move |tx: &mut crate::store::Tx<'_>| {
        for id in plain {
            let Some(row) = tx.get(id)? else { continue };
            let Some(password) = row.str(GIVEN) else { continue };
            let sealed = secrets::seal(&vault, row.ty, &row.uuid, password.as_bytes())?;
            tx.update(id, |row| {
                row.data.shift_remove(GIVEN);
                row.set(SECRET, sealed);
                Ok(())
            })?;
        }
        Ok(())
    };
    store.write(seal).await?;
    Ok(count)
}
