//! The rows that an agent's answer makes: host, physical host, storage pool and address, each once.

use std::sync::Arc;

use serde_json::{Map, json};

use super::SIMULATED;
use super::report::{HostReport, PingReport};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process::site::Site;
use crate::process::{self};
use crate::store::Tx;

/// Makes or changes what an agent's answer names.
///
/// # Errors
/// When the database fails.
pub fn take_in(
    tx: &mut Tx<'_>,
    site: &Arc<Site>,
    agent: &Resource,
    report: &PingReport,
) -> Result<()> {
    let Some(environment) = agent.int("agentResourcesAccountId") else {
        // An agent of nobody's environment has no hosts.
        return Ok(());
    };
    let known = tx.referrers("host", "agentId", agent.id)?;
    for reported in &report.hosts {
        // One that was made before its agent had answered goes by its agent alone.
        let host = known.iter().find(|host| {
            let uuid = host.str("reportedUuid");
            uuid.is_none_or(|uuid| uuid == reported.uuid)
        });
        let host = match host {
            Some(host) => host.clone(),
            None => make(tx, agent, environment, reported)?,
        };
        tx.update(host.id, |row| {
            reported.describe(row);
            Ok(())
        })?;
        equip(tx, agent, &host, reported)?;
        attach_simulated(site, agent, host.id);
    }
    Ok(())
}

/// Drives the simulated host of an agent from now on; does nothing for other agents.
pub fn attach_simulated(site: &Site, agent: &Resource, host_id: i64) {
    let name = agent.str("uri").and_then(|uri| uri.strip_prefix(SIMULATED));
    if let (Some(name), Some(fleet)) = (name, site.simulated())
        && site.engines.get(host_id).is_none()
    {
        site.engines.insert(host_id, Arc::new(fleet.host(name)), site.limits.concurrency);
    }
}

fn make(
    tx: &mut Tx<'_>,
    agent: &Resource,
    environment: i64,
    reported: &HostReport,
) -> Result<Resource> {
    let simulated = super::is_simulated(agent);
    let host = NewResource::new("host", tx.entropy.uuid())
        .kind(if simulated { "sim" } else { "docker" })
        .account(environment)
        .with("agentId", agent.id)
        .with("agentState", agent.state.as_str())
        .with("hostname", reported.hostname.as_str())
        .with("reportedUuid", reported.uuid.as_str())
        .with("labels", reported.create_labels.clone());
    let host = match agent.str("uri").filter(|_| simulated) {
        Some(uri) => host.with("engineUrl", uri).with(
            "simulatedOnly",
            tx.fact(super::SIMULATION)?.as_deref() == Some(super::BESIDE_REAL),
        ),
        None => host.with("remote", true),
    };
    process::create(tx, host, Map::new())
}

/// The machine, the address and the pools of a host.
fn equip(tx: &mut Tx<'_>, agent: &Resource, host: &Resource, reported: &HostReport) -> Result<()> {
    let new = |ty, tx: &Tx<'_>| {
        let mut new = NewResource::new(ty, tx.entropy.uuid()).state("active");
        new.account_id = host.account_id;
        new
    };
    if host.int("physicalHostId").is_none() {
        let machine = new("physicalHost", tx)
            .name(reported.hostname.as_str())
            .with("agentId", agent.id)
            .with("externalId", reported.physical_uuid.clone());
        let machine = tx.insert(machine)?;
        tx.update(host.id, |row| {
            row.set("physicalHostId", machine.id);
            Ok(())
        })?;
    }
    if let Some(address) = &reported.address {
        address_of(tx, host, address, new("ipAddress", tx))?;
    }
    if host.list("poolIds").is_empty() && !reported.pools.is_empty() {
        let mut pools = Vec::new();
        for (uuid, name) in &reported.pools {
            let pool = new("storagePool", tx)
                .kind("docker")
                .name(name.as_str())
                .with("agentId", agent.id)
                .with("driverName", "local")
                .with("externalId", uuid.as_str())
                .with("hostIds", json!([host.id]));
            pools.push(tx.insert(pool)?.id);
        }
        tx.update(host.id, |row| {
            row.set("poolIds", json!(pools));
            Ok(())
        })?;
    }
    Ok(())
}

/// A host has one address, and the address follows what the agent says.
fn address_of(tx: &mut Tx<'_>, host: &Resource, address: &str, new: NewResource) -> Result<()> {
    let maps = tx.referrers("hostIpAddressMap", "hostId", host.id)?;
    if let Some(known) = maps.iter().find_map(|map| map.int("ipAddressId")) {
        tx.update(known, |row| {
            row.set("address", address);
            row.name = Some(address.to_owned());
            Ok(())
        })?;
        return Ok(());
    }
    let row = tx.insert(new.name(address).with("address", address))?;
    let map = NewResource::new("hostIpAddressMap", tx.entropy.uuid())
        .state("active")
        .with("hostId", host.id)
        .with("ipAddressId", row.id);
    tx.insert(map)?;
    Ok(())
}

/// Retires what was the host's alone; its pools are the process's business.
///
/// # Errors
/// When the database fails.
pub fn retire_rows(tx: &mut Tx<'_>, host: &Resource) -> Result<()> {
    for map in tx.referrers("hostIpAddressMap", "hostId", host.id)? {
        if let Some(address) = map.int("ipAddressId") {
            process::retire(tx, address)?;
        }
        process::retire(tx, map.id)?;
    }
    if let Some(machine) = host.int("physicalHostId") {
        let shared = tx.referrers("host", "physicalHostId", machine)?;
        // One that a driver made has a removal of its own.
        let made = tx.get(machine)?.is_some_and(|machine| machine.str("driver").is_some());
        if !made && shared.iter().all(|other| other.id == host.id) {
            process::retire(tx, machine)?;
        }
    }
    Ok(())
}
