//! What a service has for itself from its making to its end: public ports out of the environment's
//! range, a virtual address, and the addresses its containers retain.

use std::collections::HashSet;
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::model::names::label;
use crate::model::port::PortSpec;
use crate::model::resource::Resource;
use crate::store::Tx;

/// Field of an environment: which service has which port of the range.
const PORTS: &str = "servicePorts";
/// Field of an environment: which service has which virtual address.
const VIPS: &str = "serviceVips";
/// Field of a service: rows of the addresses that its containers retain, by configuration and index.
pub const RETAINED: &str = "retainedIps";

/// Public ports of an environment that does not say which.
const RANGE: (u16, u16) = (49153, 65535);
/// Virtual addresses: 169.254.64.0/18 without its first and last address.
const VIP_FIRST: u32 = 0xA9FE_4001;
const VIP_LAST: u32 = 0xA9FE_7FFE;

/// Gives a service the ports and the address that it asks for. Answers why not, if that cannot be now.
///
/// # Errors
/// When the database fails.
pub fn reserve(tx: &mut Tx<'_>, service: &Resource) -> Result<Option<String>> {
    if let Some(message) = ports(tx, service)? {
        return Ok(Some(message));
    }
    vip(tx, service)?;
    Ok(None)
}

/// Gives back whatever a service had.
///
/// # Errors
/// When the database fails.
pub fn release(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    for (_, id) in service.map(RETAINED).into_iter().flatten() {
        if let Some(id) = id.as_i64() {
            super::retire(tx, id)?;
        }
    }
    let Some(environment) = service.account_id else { return Ok(()) };
    let Some(project) = tx.get(environment)? else { return Ok(()) };
    for field in [PORTS, VIPS] {
        let Some(taken) = project.map(field) else { continue };
        if taken.values().any(|owner| owner.as_i64() == Some(service.id)) {
            let mut taken = taken.clone();
            taken.retain(|_, owner| owner.as_i64() != Some(service.id));
            tx.update(environment, |project| {
                project.set(field, taken);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Ports of a configuration that have no public part yet: where they stand, and what they say.
fn open_ports(config: &Map<String, Value>) -> Vec<(usize, PortSpec)> {
    let lines = config.get("ports").and_then(Value::as_array).into_iter().flatten().enumerate();
    lines
        .filter_map(|(at, line)| Some((at, line.as_str()?.parse::<PortSpec>().ok()?)))
        .filter(|(_, spec)| spec.public.is_none())
        .collect()
}

fn set_port(config: &mut Map<String, Value>, at: usize, mut spec: PortSpec, public: u16) {
    spec.public = Some(public);
    if let Some(Value::Array(lines)) = config.get_mut("ports")
        && let Some(line) = lines.get_mut(at)
    {
        *line = spec.to_string().into();
    }
}

/// Ports without a public part have the one that the same private port had before an upgrade.
pub fn carry_ports(before: &Map<String, Value>, after: &mut Map<String, Value>) {
    let known: Vec<PortSpec> = before
        .get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|line| line.as_str()?.parse().ok())
        .collect();
    for (at, spec) in open_ports(after) {
        let same = |old: &&PortSpec| old.private == spec.private && old.protocol == spec.protocol;
        if let Some(public) = known.iter().find(same).and_then(|old| old.public) {
            set_port(after, at, spec, public);
        }
    }
}

/// The lowest ports of a range that nobody has; `None` when there are not so many.
fn free_ports(range: (u16, u16), taken: &HashSet<u16>, count: usize) -> Option<Vec<u16>> {
    let free: Vec<u16> =
        (range.0..=range.1).filter(|port| !taken.contains(port)).take(count).collect();
    (free.len() == count).then_some(free)
}

fn range_of(project: &Resource) -> (u16, u16) {
    let range = project.map("servicesPortRange");
    let bound = |field: &str| {
        range.and_then(|range| range.get(field)?.as_i64()).and_then(|port| u16::try_from(port).ok())
    };
    (bound("startPort").unwrap_or(RANGE.0), bound("endPort").unwrap_or(RANGE.1))
}

fn ports(tx: &mut Tx<'_>, service: &Resource) -> Result<Option<String>> {
    let mut primary = service.map("launchConfig").cloned();
    let mut sidekicks: Vec<Map<String, Value>> = service
        .list("secondaryLaunchConfigs")
        .iter()
        .filter_map(Value::as_object)
        .cloned()
        .collect();
    let configs = || primary.iter().chain(&sidekicks);
    let count: usize = configs().map(|config| open_ports(config).len()).sum();
    let (Some(environment), true) = (service.account_id, count > 0) else { return Ok(None) };
    let Some(project) = tx.get(environment)? else { return Ok(None) };
    let mut taken = project.map(PORTS).cloned().unwrap_or_default();
    let numbers: HashSet<u16> = taken.keys().filter_map(|port| port.parse().ok()).collect();
    let is_balancer = service.kind == "loadBalancerService";
    let range = range_of(&project);
    let Some(free) = free_ports(range, &numbers, if is_balancer { 0 } else { count }) else {
        return Ok(Some(format!(
            "Not enough environment ports: service `{}` needs {count} of {} to {}, and all are \
             taken",
            service.display_name(),
            range.0,
            range.1
        )));
    };
    let mut free = free.into_iter();
    for config in primary.iter_mut().chain(&mut sidekicks) {
        for (at, spec) in open_ports(config) {
            // A balancer listens where its rules say.
            let public = if is_balancer { Some(spec.private) } else { free.next() };
            let Some(public) = public else { continue };
            set_port(config, at, spec, public);
            if !is_balancer {
                taken.insert(public.to_string(), service.id.into());
            }
        }
    }
    tx.update(service.id, |service| {
        service.set("launchConfig", primary);
        service.set("secondaryLaunchConfigs", sidekicks);
        Ok(())
    })?;
    tx.update(environment, |project| {
        project.set(PORTS, taken);
        Ok(())
    })?;
    Ok(None)
}

/// An address of the range of virtual addresses that nobody has.
fn free_vip(wanted: Option<Ipv4Addr>, taken: &Map<String, Value>) -> Option<Ipv4Addr> {
    let is_free = |address: &Ipv4Addr| !taken.contains_key(&address.to_string());
    wanted.filter(is_free).or_else(|| (VIP_FIRST..=VIP_LAST).map(Ipv4Addr::from).find(is_free))
}

fn vip(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    let given = service.str("vip");
    let wanted: Option<Ipv4Addr> = given.and_then(|text| text.parse().ok());
    let inside = wanted.is_none_or(|ip| (VIP_FIRST..=VIP_LAST).contains(&u32::from(ip)));
    let asked = given.is_some() || service.flag("assignServiceIpAddress");
    let (Some(environment), true, true) = (service.account_id, asked, inside) else {
        return Ok(());
    };
    let Some(project) = tx.get(environment)? else { return Ok(()) };
    let mut taken = project.map(VIPS).cloned().unwrap_or_default();
    if taken.values().any(|owner| owner.as_i64() == Some(service.id)) {
        return Ok(());
    }
    let Some(address) = free_vip(wanted, &taken) else { return Ok(()) };
    taken.insert(address.to_string(), service.id.into());
    tx.update(environment, |project| {
        project.set(VIPS, taken);
        Ok(())
    })?;
    tx.update(service.id, |service| {
        service.set("vip", address.to_string());
        Ok(())
    })?;
    Ok(())
}

/// Where a container of a service stands among its retained addresses.
fn place(container: &Resource) -> Option<String> {
    let config = container.label(label::LAUNCH_CONFIG)?;
    Some(format!("{config}/{}", container.int("unitIndex")?))
}

/// The row of the address that a container's place has retained.
///
/// # Errors
/// When the database fails.
pub fn retained(tx: &Tx<'_>, container: &Resource) -> Result<Option<Resource>> {
    let Some(service) = container.int("serviceId").map(|id| tx.get(id)).transpose()?.flatten()
    else {
        return Ok(None);
    };
    if !service.flag("retainIp") {
        return Ok(None);
    }
    let id = place(container).and_then(|place| service.map(RETAINED)?.get(&place)?.as_i64());
    let row = id.map(|id| tx.get(id)).transpose()?.flatten();
    Ok(row.filter(|row| row.removed.is_none()))
}

/// Remembers the address of a container, if its service retains addresses.
///
/// # Errors
/// When the database fails.
pub fn retain(tx: &mut Tx<'_>, container: &Resource) -> Result<()> {
    let (Some(service), Some(place), Some(address)) =
        (container.int("serviceId"), place(container), container.int("ipAddressId"))
    else {
        return Ok(());
    };
    if !tx.get(service)?.is_some_and(|service| service.flag("retainIp")) {
        return Ok(());
    }
    tx.update(service, |service| {
        let mut known = service.map(RETAINED).cloned().unwrap_or_default();
        known.insert(place, address.into());
        service.set(RETAINED, known);
        Ok(())
    })?;
    Ok(())
}

/// A service was changed: one that retains addresses from now on keeps those its containers have; one
/// that does so no longer keeps none.
///
/// # Errors
/// When the database fails.
pub fn retain_changed(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    let containers = tx.referrers("instance", "serviceId", service.id)?;
    if service.flag("retainIp") {
        for container in containers.iter().filter(|container| !container.flag("retired")) {
            if retained(tx, container)?.is_none() {
                retain(tx, container)?;
            }
        }
        return Ok(());
    }
    let Some(known) = service.map(RETAINED).cloned() else { return Ok(()) };
    for id in known.values().filter_map(Value::as_i64) {
        if !containers.iter().any(|container| container.int("ipAddressId") == Some(id)) {
            super::retire(tx, id)?;
        }
    }
    tx.update(service.id, |service| {
        service.set(RETAINED, json!(null));
        Ok(())
    })?;
    Ok(())
}

/// Whether an address outlives a container that is removed: its service retains it, or another container
/// of the same place has it.
///
/// # Errors
/// When the database fails.
pub fn outlives(tx: &Tx<'_>, container: &Resource, address: i64) -> Result<bool> {
    let Some(id) = container.int("serviceId") else { return Ok(false) };
    let keeps = tx.get(id)?.is_some_and(|service| {
        service.removed.is_none()
            && service.state != "removing"
            && service.flag("retainIp")
            && service
                .map(RETAINED)
                .is_some_and(|known| known.values().any(|kept| kept.as_i64() == Some(address)))
    });
    if keeps {
        return Ok(true);
    }
    let others = tx.referrers("instance", "serviceId", id)?;
    Ok(others
        .iter()
        .any(|other| other.id != container.id && other.int("ipAddressId") == Some(address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(ports: &[&str]) -> Map<String, Value> {
        super::super::object(json!({ "ports": ports }))
    }

    #[test]
    fn the_lowest_free_ports_are_taken() {
        let taken = HashSet::from([10, 12]);
        assert_eq!(free_ports((10, 14), &taken, 2), Some(vec![11, 13]));
        assert_eq!(free_ports((10, 14), &taken, 3), Some(vec![11, 13, 14]));
        assert_eq!(free_ports((10, 14), &taken, 4), None);
        assert_eq!(free_ports((10, 14), &taken, 0), Some(Vec::new()));
    }

    #[test]
    fn an_upgrade_keeps_public_ports_by_private_port_and_protocol() {
        let before = config(&["49153:80/tcp", "49154:53/udp", "8080:81/tcp"]);
        let mut after = config(&["80", "53", "53/udp", "9090:81"]);
        carry_ports(&before, &mut after);
        assert_eq!(after["ports"], json!(["49153:80/tcp", "53", "49154:53/udp", "9090:81"]));
    }

    #[test]
    fn virtual_addresses() {
        let ip = |text: &str| text.parse::<Ipv4Addr>().ok();
        let none = Map::new();
        assert_eq!(free_vip(None, &none), ip("169.254.64.1"));
        assert_eq!(free_vip(ip("169.254.70.1"), &none), ip("169.254.70.1"));
        let taken = super::super::object(json!({ "169.254.70.1": 5, "169.254.64.1": 6 }));
        assert_eq!(free_vip(ip("169.254.70.1"), &taken), ip("169.254.64.2"));
    }
}
