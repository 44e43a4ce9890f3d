//! Fields that follow from other rows: each function serves a whole page in a few queries.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::model::id;
use crate::model::registry;
use crate::model::resource::Resource;
use crate::reconcile::health::{self, HealthState};
use crate::store::{Query, Read};

fn ids_of(rows: &[Resource]) -> Vec<i64> {
    rows.iter().map(|row| row.id).collect()
}

/// Sets `field` of each row to the list of ids that belong to it.
fn set_ids(rows: &mut [Resource], field: &str, pairs: impl IntoIterator<Item = (i64, i64)>) {
    let mut lists: HashMap<i64, Vec<Value>> = HashMap::new();
    for (owner, id) in pairs {
        lists.entry(owner).or_default().push(id.into());
    }
    for row in rows {
        let list = lists.remove(&row.id).unwrap_or_default();
        row.data.insert(field.to_owned(), Value::Array(list));
    }
}

/// (service, instance) of live memberships.
pub fn memberships(read: &Read<'_>, field: &str, ids: &[i64]) -> Result<Vec<(i64, i64)>> {
    let maps = read.referring("serviceExposeMap", field, ids)?;
    let pairs = maps.iter().filter_map(|map| Some((map.int("serviceId")?, map.int("instanceId")?)));
    Ok(pairs.collect())
}

/// `service.instanceIds`.
pub fn service(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let pairs = memberships(read, "serviceId", &ids_of(rows))?;
    set_ids(rows, "instanceIds", pairs);
    Ok(())
}

/// Adds nothing: the fields are set by a presenter.
pub fn nothing(_: &Read<'_>, _: &mut [Resource]) -> Result<()> {
    Ok(())
}

/// `stack.serviceIds`.
pub fn stack(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let pairs = read.referring_ids("service", "stackId", &ids_of(rows))?;
    set_ids(rows, "serviceIds", pairs);
    Ok(())
}

/// An environment's health, which follows its stacks'.
pub fn project(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    for row in rows.iter_mut().filter(|row| row.kind == "project") {
        let query = Query {
            ty: "stack",
            account_id: Some(row.id),
            limit: usize::MAX >> 1,
            ..Query::default()
        };
        let stacks = read.list(&query)?;
        let health = health::combined(stacks.iter().map(|stack| {
            let own = stack.str("healthState").and_then(HealthState::parse);
            (stack.state.as_str(), own.unwrap_or(HealthState::Healthy))
        }));
        row.set("healthState", health.as_str());
    }
    Ok(())
}

/// `host.instanceIds`, and the agent's state in place of the host's while it is active.
pub fn host(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let pairs = read.referring_ids("instance", "hostId", &ids_of(rows))?;
    set_ids(rows, "instanceIds", pairs);
    for row in rows {
        let agent = row.str("agentState").filter(|state| !state.trim().is_empty());
        if row.state == "active"
            && let Some(agent) = agent.map(str::to_owned)
        {
            row.state = agent;
        }
    }
    Ok(())
}

/// `container.serviceIds`, `mounts` and `healthcheckStates`.
pub fn container(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let ids = ids_of(rows);
    let pairs = memberships(read, "instanceId", &ids)?;
    set_ids(rows, "serviceIds", pairs.into_iter().map(|(service, instance)| (instance, service)));
    let mut mounts = mounts(read, "instanceId", &ids)?;
    for row in rows {
        row.data.insert("mounts".to_owned(), mounts.remove(&row.id).unwrap_or_default().into());
        let states = match (row.int("hostId"), row.str("healthState")) {
            (Some(host), Some(state)) => {
                let prefix = registry::lookup("host").map_or("h", |entry| entry.prefix.as_str());
                json!([{"hostId": id::format(prefix, host), "healthState": state}])
            }
            _ => json!([]),
        };
        row.data.insert("healthcheckStates".to_owned(), states);
    }
    Ok(())
}

/// `volume.mounts`.
pub fn volume(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let mut mounts = mounts(read, "volumeId", &ids_of(rows))?;
    for row in rows {
        row.data.insert("mounts".to_owned(), mounts.remove(&row.id).unwrap_or_default().into());
    }
    Ok(())
}

/// `storagePool.volumeIds`: the volumes on its hosts, unless the row says which are in it.
pub fn storage_pool(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    for row in rows {
        if row.data.contains_key("volumeIds") {
            continue;
        }
        let hosts: Vec<i64> = row.list("hostIds").iter().filter_map(Value::as_i64).collect();
        let pairs = read.referring_ids("volume", "hostId", &hosts)?;
        let volumes: Vec<Value> = pairs.into_iter().map(|(_, volume)| volume.into()).collect();
        row.data.insert("volumeIds".to_owned(), volumes.into());
    }
    Ok(())
}

/// `mountEntry` objects of live mounts, by the id in `field`.
fn mounts(read: &Read<'_>, field: &str, ids: &[i64]) -> Result<HashMap<i64, Vec<Value>>> {
    let mounts = read.referring("mount", field, ids)?;
    if mounts.is_empty() {
        return Ok(HashMap::new());
    }
    let named: Vec<i64> = mounts
        .iter()
        .flat_map(|mount| [mount.int("volumeId"), mount.int("instanceId")])
        .flatten()
        .collect();
    let names: HashMap<i64, Option<String>> = read.names(&named)?.into_iter().collect();
    let mut entries: HashMap<i64, Vec<Value>> = HashMap::new();
    for mount in &mounts {
        let Some(owner) = mount.int(field) else { continue };
        entries.entry(owner).or_default().push(mount_entry(mount, &names));
    }
    Ok(entries)
}

fn mount_entry(mount: &Resource, names: &HashMap<i64, Option<String>>) -> Value {
    let name = |id: Option<i64>| id.and_then(|id| names.get(&id).cloned()).flatten();
    let (volume, instance) = (mount.int("volumeId"), mount.int("instanceId"));
    let mut entry = Map::new();
    entry.insert("instanceId".to_owned(), instance.into());
    entry.insert("instanceName".to_owned(), name(instance).into());
    entry.insert("path".to_owned(), mount.str("path").into());
    entry.insert("permission".to_owned(), mount.str("permissions").into());
    entry.insert("volumeId".to_owned(), volume.into());
    entry.insert("volumeName".to_owned(), name(volume).into());
    Value::Object(entry)
}
