//! A container's place on a network: which network its mode means, and an address of its own.

use std::net::Ipv4Addr;

use serde_json::json;

use super::super::addresses::Subnet;
use super::super::reserve;
use super::super::site::Site;
use crate::error::{Error, Result};
use crate::model::names::label;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// Whether the container has its place.
pub enum Attached {
    /// It has.
    Here(Box<Resource>),
    /// Not yet, because of this.
    Wait(String),
}

/// Modes that mean one of Docker's own networks, with the kind of the network that stands for it.
const DOCKER_MODES: &[(&str, &str)] = &[
    ("bridge", "dockerBridge"),
    ("container", "dockerContainer"),
    ("default", "dockerBridge"),
    ("host", "dockerHost"),
    ("none", "dockerNone"),
];

/// The mode of a container that asks for none.
const MANAGED: &str = "managed";

/// The container of the same service that has a retained address and is not down: its host may be out of
/// reach, and two must not have one address.
fn still_has(tx: &Tx<'_>, row: &Resource, address: i64) -> Result<Option<String>> {
    let Some(service) = row.int("serviceId") else { return Ok(None) };
    let others = tx.referrers("instance", "serviceId", service)?;
    let holder = others.iter().find(|other| {
        let is_down = matches!(other.state.as_str(), "stopped" | "error" | "removing" | "removed");
        other.id != row.id && other.int("ipAddressId") == Some(address) && !is_down
    });
    Ok(holder.map(Resource::display_name))
}

/// Finds the network of a container and gives it an address there, once.
pub fn attach_network(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Attached> {
    let Some(network) = network_of(tx, row)? else {
        return Err(Error::conflict(format!(
            "failed to find network for networkMode {}",
            row.str("networkMode").unwrap_or(MANAGED)
        )));
    };
    let point = |row: &mut Resource| {
        row.set("networkIds", json!([network.id]));
        row.set("primaryNetworkId", network.id);
    };
    let only_point = |row: &mut Resource| {
        point(row);
        Ok(())
    };
    if network.kind.starts_with("docker") {
        return Ok(Attached::Here(Box::new(tx.update(row.id, only_point)?)));
    }
    let subnet = site.ledger.with(tx, |books| Ok(books.subnets.get(&network.id).copied()))?;
    let Some(subnet) = subnet.filter(|_| network.state == "active") else {
        return Ok(Attached::Wait(format!("network `{}` is not ready", network.display_name())));
    };
    if row.int("ipAddressId").is_some() {
        return Ok(Attached::Here(Box::new(tx.update(row.id, only_point)?)));
    }
    if let Some(kept) = reserve::retained(tx, row)?
        && let Some(address) = kept.str("address").map(str::to_owned)
    {
        if let Some(holder) = still_has(tx, row, kept.id)? {
            let message = format!("container `{holder}` still has the address {address}");
            return Ok(Attached::Wait(message));
        }
        let attached = tx.update(row.id, |row| {
            point(row);
            row.set("ipAddressId", kept.id);
            row.set("primaryIpAddress", address);
            Ok(())
        })?;
        return Ok(Attached::Here(Box::new(attached)));
    }
    let address = choose(tx, site, row, network.id, subnet.1)?;
    let mut record = NewResource::new("ipAddress", site.entropy.uuid())
        .kind("ipAddress")
        .state("active")
        .with("address", address.to_string())
        .with("networkId", network.id)
        .with("subnetId", subnet.0);
    record.account_id = row.account_id;
    let record = tx.insert(record)?;
    let attached = tx.update(row.id, |row| {
        point(row);
        row.set("ipAddressId", record.id);
        row.set("primaryIpAddress", address.to_string());
        Ok(())
    })?;
    reserve::retain(tx, &attached)?;
    Ok(Attached::Here(Box::new(attached)))
}

/// The network a container's mode means; `None` when there is none of that name.
fn network_of(tx: &Tx<'_>, row: &Resource) -> Result<Option<Resource>> {
    let Some(environment) = row.account_id else { return Ok(None) };
    let mode = row.str("networkMode").unwrap_or(MANAGED);
    if mode == MANAGED {
        let project = tx.require("account", environment)?;
        return match project.int("defaultNetworkId") {
            Some(id) => tx.get(id),
            None => Ok(None),
        };
    }
    if let Some((_, kind)) = DOCKER_MODES.iter().find(|entry| entry.0 == mode) {
        let query = crate::store::Query {
            ty: "network",
            kinds: vec![*kind],
            account_id: Some(environment),
            limit: 1,
            ..Default::default()
        };
        return Ok(tx.list(&query)?.into_iter().next());
    }
    Ok(tx.by_name("network", Some(environment), mode)?.into_iter().next())
}

/// The first free one of the addresses asked for, the one it had, or any free one.
fn choose(
    tx: &Tx<'_>,
    site: &Site,
    row: &Resource,
    network: i64,
    subnet: Subnet,
) -> Result<Ipv4Addr> {
    let asked = row.str("requestedIpAddress").or_else(|| row.label(label::REQUESTED_IP));
    let wanted: Vec<Ipv4Addr> = asked
        .or_else(|| row.str("primaryIpAddress"))
        .into_iter()
        .flat_map(|list| list.split(','))
        .filter_map(|text| text.trim().parse().ok())
        .collect();
    site.ledger.with(tx, |books| {
        let free = |address: &Ipv4Addr| !books.addresses.is_taken(network, *address);
        wanted
            .iter()
            .copied()
            .find(free)
            .or_else(|| books.addresses.free(network, subnet))
            .ok_or_else(|| Error::conflict(format!("subnet {subnet} has no free address left")))
    })
}
