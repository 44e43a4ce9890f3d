//! Hosts whose engine this server drives: how they come to be known, and whether they can be reached.

use std::sync::Arc;

use serde_json::{Map, json};

use crate::engine::EngineInfo;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process::agent::{self, HostReport};
use crate::process::facts::GIVEN_UP;
use crate::process::site::Site;
use crate::process::{self};
use crate::store::{Store, Tx};

/// How long an engine may fail to answer before what changes on its host is given up, in milliseconds: as long as
/// an agent may fail to answer six pings (scheduling.md, section 4).
const PATIENCE_MS: i64 = 30_000;

/// Finds or makes the host row of an engine, known by the address it is reached at, and its agent. `None`
/// for one that somebody has removed: an engine registers by itself only once.
///
/// # Errors
/// When the database fails.
pub async fn register(
    site: &Arc<Site>,
    environment: i64,
    address: &str,
    hostname: &str,
) -> Result<Option<i64>> {
    let (address, hostname) = (address.to_owned(), hostname.to_owned());
    site.store
        .write(move |tx| {
            if let Some(host) = known(tx, &address)? {
                if host.int("agentId").is_none() {
                    let agent = agent::driven(tx, environment, &address)?;
                    tx.update(host.id, |row| {
                        row.set("agentId", agent.id);
                        row.set("agentState", agent.state.as_str());
                        Ok(())
                    })?;
                }
                return Ok(Some(host.id));
            }
            let registered = registered(&address);
            if tx.fact(&registered)?.is_some_and(|host| !host.is_empty()) {
                return Ok(None);
            }
            let agent = agent::driven(tx, environment, &address)?;
            let host = NewResource::new("host", tx.entropy.uuid())
                .kind("docker")
                .name(hostname.clone())
                .account(environment)
                .with("agentId", agent.id)
                .with("agentState", agent.state.as_str())
                .with("hostname", hostname)
                .with("engineUrl", address)
                .with("labels", json!({}));
            let host = process::create(tx, host, Map::new())?;
            tx.set_fact(&registered, &host.id.to_string())?;
            Ok(Some(host.id))
        })
        .await
}

/// The fact that remembers that an engine has been a host.
fn registered(address: &str) -> String {
    format!("registered {address}")
}

/// Forgets that an engine was a host and has been removed; `false` when that is not so.
///
/// # Errors
/// When the database fails.
pub async fn forget(store: &Store, address: &str) -> Result<bool> {
    let address = address.to_owned();
    store
        .write(move |tx| {
            let fact = registered(&address);
            let was = tx.fact(&fact)?.is_some_and(|host| !host.is_empty());
            if !was || known(tx, &address)?.is_some() {
                return Ok(false);
            }
            tx.set_fact(&fact, "")?;
            Ok(true)
        })
        .await
}

fn known(tx: &Tx<'_>, address: &str) -> Result<Option<Resource>> {
    let mut found = None;
    tx.for_each("host", |host| {
        if host.str("engineUrl") == Some(address) {
            found = Some(host);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Whether a host is still there to be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Kept,
    /// It has been removed.
    Gone,
}

/// Records what an engine says of its machine; its agent goes on if it was waited for.
///
/// # Errors
/// When the database fails.
pub async fn connected(site: &Arc<Site>, host_id: i64, info: &EngineInfo) -> Result<Standing> {
    let report = HostReport::of_engine(info);
    site.store
        .write(move |tx| {
            let Some(host) = tx.get(host_id)?.filter(|host| host.removed.is_none()) else {
                return Ok(Standing::Gone);
            };
            tx.update(host_id, |row| {
                report.describe(row);
                Ok(())
            })?;
            if let Some(agent) = host.int("agentId") {
                agent::heard(tx, agent)?;
            }
            Ok(Standing::Kept)
        })
        .await
}

/// Records that an engine cannot be reached, and why. Its containers stay as they are.
///
/// # Errors
/// When the database fails.
pub async fn away(site: &Arc<Site>, host_id: i64, why: String) -> Result<Standing> {
    let host = site.store.read(|read| read.get(host_id))?;
    let Some(host) = host.filter(|host| host.removed.is_none()) else { return Ok(Standing::Gone) };
    if host.str("transitioningMessage") == Some(why.as_str())
        && host.str("agentState") != Some("active")
    {
        return Ok(Standing::Kept);
    }
    tracing::warn!(host = host_id, why, "the host's engine is away");
    site.store
        .write(move |tx| {
            if let Some(agent) = host.int("agentId") {
                agent::silent(tx, agent)?;
            }
            let given_up = tx.now.saturating_add(PATIENCE_MS);
            tx.update(host_id, |row| {
                if host.str("agentState") == Some("active") {
                    row.set(GIVEN_UP, given_up);
                }
                row.set_error(&why);
                Ok(())
            })?;
            Ok(Standing::Kept)
        })
        .await
}
