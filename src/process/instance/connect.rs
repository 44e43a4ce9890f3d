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
    /// Never: there is no such network.
    Nowhere(String),
}

/// What a container's mode means.
enum Meant {
    /// This network.
    Network(Box<Resource>),
    /// What the engine does with a container of which nothing is said.
    EngineDefault,
    /// A network that there is not.
    Unknown(String),
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

/// Field with a container's MAC address.
pub const MAC: &str = "primaryMacAddress";

/// The MAC address that goes with an address: the network's prefix (`02:xx:xx`), then what tells addresses of a
/// network apart. The same address always has the same one.
fn mac(network: &Resource, address: Ipv4Addr) -> String {
    let own = network.id.to_be_bytes();
    let [.., high, low] = own;
    let prefix =
        network.str("macPrefix").map_or_else(|| format!("02:{high:02x}:{low:02x}"), str::to_owned);
    let [_, second, third, fourth] = address.octets();
    format!("{prefix}:{second:02x}:{third:02x}:{fourth:02x}")
}

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
    let network = match network_of(tx, row)? {
        Meant::Network(network) => *network,
        Meant::EngineDefault => return Ok(Attached::Here(Box::new(row.clone()))),
        Meant::Unknown(mode) => {
            let message = format!("Failed to find network for networkMode {mode}");
            return Ok(Attached::Nowhere(message));
        }
    };
    let point = |row: &mut Resource| {
        row.set("networkIds", json!([network.id]));
        row.set("primaryNetworkId", network.id);
        let address = row.str("primaryIpAddress").and_then(|text| text.parse().ok());
        if let Some(address) = address.filter(|_| !network.kind.starts_with("docker")) {
            row.set(MAC, mac(&network, address));
        }
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
            row.set("ipAddressId", kept.id);
            row.set("primaryIpAddress", address);
            point(row);
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
        row.set("ipAddressId", record.id);
        row.set("primaryIpAddress", address.to_string());
        point(row);
        Ok(())
    })?;
    reserve::retain(tx, &attached)?;
    Ok(Attached::Here(Box::new(attached)))
}

/// The network a container's mode means. A label that names one wins over the mode; a mode that was said to
/// be null leaves the container to the engine.
fn network_of(tx: &Tx<'_>, row: &Resource) -> Result<Meant> {
    let named = row.label(label::CNI_NETWORK).filter(|name| !name.is_empty());
    let is_null = row.data.get("networkMode").is_some_and(serde_json::Value::is_null);
    if named.is_none() && is_null {
        return Ok(Meant::EngineDefault);
    }
    let mode = named.or_else(|| row.str("networkMode")).unwrap_or(MANAGED);
    let network = network_by_mode(tx, row, mode)?;
    Ok(network.map_or_else(|| Meant::Unknown(mode.to_owned()), |own| Meant::Network(Box::new(own))))
}

fn network_by_mode(tx: &Tx<'_>, row: &Resource, mode: &str) -> Result<Option<Resource>> {
    let Some(environment) = row.account_id else { return Ok(None) };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::NewResource;

    #[test]
    fn a_mac_address_follows_the_address() {
        let new = NewResource::new("network", String::new());
        let mut network = Resource { id: 0x0105, ..new.into() };
        assert_eq!(mac(&network, Ipv4Addr::new(10, 42, 0, 7)), "02:01:05:2a:00:07");
        assert_eq!(mac(&network, Ipv4Addr::new(10, 42, 255, 7)), "02:01:05:2a:ff:07");
        network.set("macPrefix", "02:aa:bb");
        assert_eq!(mac(&network, Ipv4Addr::new(10, 42, 0, 7)), "02:aa:bb:2a:00:07");
    }
}
