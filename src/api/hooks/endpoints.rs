//! `publicEndpoints`: where what a service or a host publishes can be reached.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::{Value, json};

use super::fields::memberships;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::Read;

/// `service.publicEndpoints`: the public ports of its running containers.
pub fn service(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let members = memberships(read, "serviceId", &ids)?;
    let instances: Vec<i64> = members.iter().map(|(_, instance)| *instance).collect();
    let published = published(read, &instances, &members)?;
    set(rows, &published, |at| at.service);
    Ok(())
}

/// `host.publicEndpoints`: the public ports of the containers that run on it.
pub fn host(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let pairs = read.referring_ids("instance", "hostId", &ids)?;
    let instances: Vec<i64> = pairs.into_iter().map(|(_, instance)| instance).collect();
    let members = memberships(read, "instanceId", &instances)?;
    let published = published(read, &instances, &members)?;
    set(rows, &published, |at| at.host);
    Ok(())
}

/// A public port in use.
struct Published {
    instance: i64,
    host: Option<i64>,
    service: Option<i64>,
    /// Empty: every address of a host whose own is not known.
    address: String,
    port: i64,
}

/// The ports that running instances have published, in the order of instances.
fn published(read: &Read<'_>, instances: &[i64], members: &[(i64, i64)]) -> Result<Vec<Published>> {
    let ports = read.referring("port", "instanceId", instances)?;
    let services: HashMap<i64, i64> =
        members.iter().map(|(service, instance)| (*instance, *service)).collect();
    let mut owners: HashMap<i64, Option<Resource>> = HashMap::new();
    let mut found = Vec::new();
    for port in &ports {
        let (Some(instance), Some(public)) = (port.int("instanceId"), port.int("publicPort"))
        else {
            continue;
        };
        // Nothing answers at the port of a container that is stopped.
        let Some(host) = row(read, &mut owners, instance)?
            .filter(|owner| owner.state == "running")
            .map(|owner| owner.int("hostId"))
        else {
            continue;
        };
        let own = match host {
            Some(host) => row(read, &mut owners, host)?
                .and_then(|host| host.str("agentIpAddress"))
                .map(str::to_owned),
            None => None,
        };
        let bound =
            port.str("bindAddress").filter(|bound| !matches!(*bound, "" | "0.0.0.0" | "::"));
        let address = bound.map(str::to_owned).or(own).unwrap_or_default();
        let service = services.get(&instance).copied();
        found.push(Published { instance, host, service, address, port: public });
    }
    found.sort_by_key(|at| (at.instance, at.port));
    Ok(found)
}

/// A row, read once.
fn row<'a>(
    read: &Read<'_>,
    known: &'a mut HashMap<i64, Option<Resource>>,
    id: i64,
) -> Result<Option<&'a Resource>> {
    if let Entry::Vacant(place) = known.entry(id) {
        place.insert(read.get(id)?);
    }
    Ok(known.get(&id).and_then(Option::as_ref))
}

/// Gives each row the endpoints that it owns.
fn set(rows: &mut [Resource], published: &[Published], owner: fn(&Published) -> Option<i64>) {
    let mut lists: HashMap<i64, Vec<Value>> = HashMap::new();
    for at in published {
        let Some(row) = owner(at) else { continue };
        lists.entry(row).or_default().push(json!({
            "hostId": at.host,
            "instanceId": at.instance,
            "ipAddress": at.address,
            "port": at.port,
            "serviceId": at.service,
        }));
    }
    for row in rows {
        // Without any, what the owner of a service outside has written stays.
        if let Some(list) = lists.remove(&row.id) {
            row.data.insert("publicEndpoints".to_owned(), list.into());
        }
    }
}
