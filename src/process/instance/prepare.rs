//! Makes a container ready to be launched: volumes, a host, a network address, ports. All rows, no engine.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::super::site::Site;
use super::super::step::{Next, Outcome, StepFuture, Work};
use super::super::{facts, instance_links, object, selectors, storage};
use super::{connect, mounts, providers, volumes};
use crate::error::{Error, Result};
use crate::model::lifecycle::REMOVED;
use crate::model::port::PortSpec;
use crate::model::resource::{NewResource, Resource};
use crate::scheduler::{Dependency, Placement};
use crate::store::{Read, Tx};

/// How long a service's container waits before it asks for its volumes and a host again, in milliseconds; a
/// change of hosts wakes it earlier.
const PLACE_AGAIN_MS: i64 = 10_000;

/// Containers woken at once.
const WAKE: usize = 500;

/// The containers of an environment, or of all, that wait without a host; at most [`WAKE`].
///
/// # Errors
/// When the database fails.
pub fn waiting(read: &Read<'_>, environment: Option<i64>, now: i64) -> Result<Vec<i64>> {
    let mut found = Vec::new();
    for id in read.waiting_in("instance.create", environment, now)? {
        if found.len() == WAKE {
            break;
        }
        let row = read.get(id)?;
        found.extend(row.filter(|row| row.int("hostId").is_none()).map(|row| row.id));
    }
    Ok(found)
}

/// They look again for what they wait for.
///
/// # Errors
/// When the database fails.
pub fn wake_waiting(tx: &mut Tx<'_>, environment: Option<i64>) -> Result<()> {
    let waiting = waiting(tx, environment, tx.now)?;
    waiting.into_iter().try_for_each(|id| tx.process_wake(id))
}

/// The step.
pub fn run(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            Ok(match prepare(tx, work)? {
                Ready::Wait(until, message) => Next::Wait { until: Some(until), message },
                Ready::Never(message) => return never(&work.resource, message),
                Ready::Is if starts(&work.resource) => Next::Chain("start", Map::new()),
                Ready::Is => Next::Finish,
            })
        })
    })
}

fn starts(row: &Resource) -> bool {
    row.data.get("startOnCreate").and_then(Value::as_bool).unwrap_or(true)
}

/// A container on its own that asks for what there is not is removed, and says why. One of a service fails:
/// the service makes another, later and later.
fn never(row: &Resource, message: String) -> Result<Next> {
    if row.int("serviceId").is_some() {
        return Err(Error::conflict(message));
    }
    Ok(Next::Chain("remove", object(json!({ "failure": message }))))
}

/// Whether a container has all it needs to be launched.
enum Ready {
    Is,
    /// Not yet: when to look again, and why.
    Wait(i64, String),
    /// It never will have, and why.
    Never(String),
}

/// The first step of a start. A container that was stopped before it had a host, or a place on its network,
/// is made ready now.
pub fn made_ready(work: Work) -> StepFuture {
    Box::pin(async move {
        let row = &work.resource;
        let is_made = row.str("externalId").is_some();
        let is_ready = row.int("hostId").is_some() && row.int("primaryNetworkId").is_some();
        if is_made || is_ready {
            return Ok(Outcome::Pass);
        }
        Outcome::commit(|tx, work| match prepare(tx, work)? {
            Ready::Wait(until, message) => Ok(Next::Wait { until: Some(until), message }),
            Ready::Never(message) => Err(Error::conflict(message)),
            Ready::Is => Ok(Next::Step),
        })
    })
}

fn prepare(tx: &mut Tx<'_>, work: &Work) -> Result<Ready> {
    let site = &work.site;
    let row = tx.require("instance", work.resource.id)?;
    let row = match with_volumes(tx, site, &row)? {
        Placed::Here(row) => *row,
        Placed::Wait(message) => return Ok(Ready::Wait(tx.now + PLACE_AGAIN_MS, message)),
        Placed::Never(message) => return Ok(Ready::Never(message)),
    };
    let row = match connect::attach_network(tx, site, &row)? {
        connect::Attached::Here(row) => *row,
        connect::Attached::Wait(message) => return Ok(Ready::Wait(tx.now + 1000, message)),
        connect::Attached::Nowhere(message) => return Ok(Ready::Never(message)),
    };
    mounts::mount(tx, &row)?;
    ports(tx, site, &row)?;
    instance_links::make(tx, &row)?;
    selectors::container_changed(tx, &row)?;
    Ok(Ready::Is)
}

enum Placed {
    Here(Box<Resource>),
    Wait(String),
    Never(String),
}

/// The host that a container would get now, or why it would get none; for a transaction that is taken
/// back.
///
/// # Errors
/// When the database fails.
pub fn rehearse_place(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Result<i64, String>> {
    let row = tx.require("instance", row.id)?;
    match with_volumes(tx, site, &row) {
        Ok(Placed::Here(row)) => {
            Ok(row.int("hostId").ok_or_else(|| "it was given no host".to_owned()))
        }
        Ok(Placed::Wait(message) | Placed::Never(message)) => Ok(Err(message)),
        Err(error) if error.status == 500 => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Gives a container its volumes, and a host that can reach them.
fn with_volumes(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Placed> {
    match volumes::attach(tx, site, row)? {
        volumes::Found::All(row) => place(tx, site, &row),
        volumes::Found::Wait(message) => Ok(Placed::Wait(message)),
        volumes::Found::Never(message) => Ok(Placed::Never(message)),
    }
}

/// Gives a host to a container, and to every member of its deployment unit that has none yet.
fn place(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Placed> {
    if row.int("hostId").is_some() {
        return Ok(Placed::Here(Box::new(row.clone())));
    }
    let Some(environment) = row.account_id else {
        return Err(Error::internal(format!("container {} has no environment", row.id)));
    };
    let members = match unit_members(tx, site, row)? {
        Ok(members) => members,
        Err(message) => return Ok(Placed::Wait(message)),
    };
    let dependencies = dependencies(tx, row, &members)?;
    let mut request = facts::request(environment, &members, dependencies);
    for (member, row) in request.members.iter_mut().zip(&members) {
        member.labels.extend(storage::zone_rules(tx, row)?);
    }
    let placement = site.ledger.with(tx, |books| Ok(books.fleet.place(&request)))?;
    match placement {
        Ok(placement) => {
            for (position, member) in members.iter().enumerate() {
                settle(tx, member, position, &placement)?;
            }
            Ok(Placed::Here(Box::new(tx.require("instance", row.id)?)))
        }
        // A service keeps asking; a container on its own has its answer.
        Err(refusal) if row.int("serviceId").is_some() => Ok(Placed::Wait(refusal.to_string())),
        Err(refusal) => Err(Error::conflict(refusal.to_string())),
    }
}

/// The container and the members of its unit that are to be placed with it, in order of creation; or why one
/// of them has to wait.
fn unit_members(
    tx: &mut Tx<'_>,
    site: &Site,
    row: &Resource,
) -> Result<std::result::Result<Vec<Resource>, String>> {
    let Some(unit) = row.str("deploymentUnitUuid") else { return Ok(Ok(vec![row.clone()])) };
    let mut members = Vec::new();
    for member in tx.referrers_by_text("instance", "deploymentUnitUuid", unit)? {
        let waits = member.int("hostId").is_none() && facts::standing(&member).is_some();
        if member.id == row.id {
            members.push(row.clone());
        } else if waits {
            match volumes::attach(tx, site, &member)? {
                volumes::Found::All(member) => members.push(*member),
                volumes::Found::Wait(message) | volumes::Found::Never(message) => {
                    return Ok(Err(message));
                }
            }
        }
    }
    Ok(Ok(members))
}

/// Containers that a container must share a host with, but for those that are placed with it.
fn dependencies(tx: &Tx<'_>, row: &Resource, members: &[Resource]) -> Result<Vec<Dependency>> {
    let mut found = Vec::new();
    for id in providers::of(row) {
        if members.iter().any(|member| member.id == id) {
            continue;
        }
        let other = tx.require("instance", id)?;
        if other.state == REMOVED || other.removed.is_some() {
            return Err(Error::conflict(providers::unready(row, id, "removed")));
        }
        found.push(Dependency { name: other.display_name(), host: other.int("hostId") });
    }
    Ok(found)
}

fn settle(
    tx: &mut Tx<'_>,
    member: &Resource,
    position: usize,
    placement: &Placement,
) -> Result<()> {
    tx.update(member.id, |row| {
        row.set("hostId", placement.host);
        // Ports without an address that were put on one of the host's own.
        for assigned in placement.ports.iter().filter(|port| port.member == position) {
            bind(row, assigned.port, assigned.address);
        }
        Ok(())
    })?;
    Ok(())
}

fn bind(row: &mut Resource, port: usize, address: IpAddr) {
    let Some(serde_json::Value::Array(ports)) = row.data.get_mut("ports") else { return };
    if let Some(entry) = ports.get_mut(port)
        && let Some(mut spec) = entry.as_str().and_then(|text| text.parse::<PortSpec>().ok())
    {
        spec.address = Some(address);
        *entry = spec.to_string().into();
    }
}

/// One `port` row for each port, once.
///
/// # Errors
/// When the database fails.
pub fn ports(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<()> {
    if row.list("ports").is_empty() || !tx.referrers("port", "instanceId", row.id)?.is_empty() {
        return Ok(());
    }
    let specs: Vec<PortSpec> =
        row.strings("ports").iter().filter_map(|text| text.parse().ok()).collect();
    for spec in specs {
        let mut port = NewResource::new("port", site.entropy.uuid())
            .kind("userPort")
            .state("active")
            .with("instanceId", row.id)
            .with("privatePort", spec.private)
            .with("protocol", spec.protocol.as_str());
        port.account_id = row.account_id;
        if let Some(public) = spec.public {
            port = port.with("publicPort", public);
        }
        if let Some(address) = spec.address {
            port = port.with("bindAddress", address.to_string());
        }
        if let Some(address) = row.int("ipAddressId") {
            port = port.with("privateIpAddressId", address);
        }
        tx.insert(port)?;
    }
    Ok(())
}
