//! Takes a compose project over, in one transaction: a stack, its services, and the containers that run as
//! those of its services.

use serde_json::{Map, Value, json};

use super::super::deploy;
use super::super::desired::{self, Wanted};
use super::super::rows;
use super::found::{Running, running};
use super::resolve::{Resolved, Taken, resolve};
use super::{ORIGIN, OWN_VOLUME, PROJECT, Sources, home};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::process::instance::adopted::{BEFORE, FORMER_NETWORKS};
use crate::process::instance::mounts::NATIVE_VOLUME;
use crate::process::native::NATIVE;
use crate::process::site::Site;
use crate::process::{self, native};
use crate::reconcile::UnitIds;
use crate::store::Tx;

/// What a container keeps when it becomes a service's.
const KEPT: &[&str] = &[
    "exitCode",
    "externalId",
    "firstRunning",
    "healthState",
    "healthUpdated",
    "hostId",
    "startCount",
    "startedAt",
];

/// Takes a project of a host over as it is now; the stack's id with what was decided. A project that cannot
/// be taken over changes nothing.
///
/// # Errors
/// When the database fails, or something that the project names is not there.
pub fn take(
    tx: &mut Tx<'_>,
    site: &Site,
    seen: &Running,
    from: &Sources,
) -> Result<(Option<i64>, Resolved)> {
    let environment = seen.host.account_id.unwrap_or(0);
    let is_it = |other: &Running| other.project == seen.project && other.host.id == seen.host.id;
    let Some(now) = running(tx, environment)?.into_iter().find(is_it) else {
        return Err(Error::conflict(format!("project `{}` runs no more", seen.project)));
    };
    let files = from.files.as_ref();
    let said = files.map(deploy::said).map_err(Clone::clone);
    let mut resolved = resolve(&now, &from.images, said);
    if !tx.by_name("stack", Some(environment), &resolved.name)?.is_empty() {
        let message = format!("there is already a stack called `{}`", resolved.name);
        resolved.refusals.push(message);
    }
    if now.host.state != "active" {
        let message = format!("host `{}` is {}", now.host.display_name(), now.host.state);
        resolved.refusals.push(message);
    }
    if !resolved.refusals.is_empty() {
        return Ok((None, resolved));
    }
    let stack = stack(tx, &now, &resolved)?;
    keep_volumes(tx, &stack, &now)?;
    let request = files.ok().filter(|_| resolved.from_files);
    deploy::adopt(tx, &site.vault, &stack, &resolved.project, request)?;
    for taken in &resolved.services {
        service(tx, site, &stack, taken)?;
    }
    home::settle(tx, &stack, &mut resolved, &from.home)?;
    Ok((Some(stack.id), resolved))
}

fn stack(tx: &mut Tx<'_>, from: &Running, resolved: &Resolved) -> Result<Resource> {
    let origin = json!({
        "hostId": from.host.id,
        "folder": from.folder,
        "files": from.files,
        "envFiles": from.env_files,
    });
    let mut new = NewResource::new("stack", tx.entropy.uuid())
        .name(resolved.name.as_str())
        .with("startOnCreate", true)
        .with("deployed", true)
        .with(PROJECT, from.project.as_str())
        .with(ORIGIN, origin);
    new.account_id = from.host.account_id;
    process::create(tx, new, Map::new())
}

/// The volumes that the containers use: they were there before the stack, and stay when it goes.
fn keep_volumes(tx: &mut Tx<'_>, stack: &Resource, from: &Running) -> Result<()> {
    let all = from.services.values().flatten();
    let lines = all.flat_map(|one| one.row.strings("dataVolumes"));
    let sources = lines.filter_map(|line| Some(line.split_once(':')?.0));
    let mut names: Vec<&str> = sources.filter(|source| !source.starts_with('/')).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let mut known = tx.by_name("volume", stack.account_id, name)?;
        known.retain(|volume| volume.name.as_deref() == Some(name));
        let shown = known.iter().find(|volume| {
            let elsewhere = volume.int("hostId").is_some_and(|host| host != from.host.id);
            volume.flag(NATIVE_VOLUME) && !elsewhere
        });
        if let Some(shown) = shown {
            tx.update(shown.id, |volume| {
                volume.set(NATIVE_VOLUME, Value::Null);
                volume.set(OWN_VOLUME, stack.id);
                Ok(())
            })?;
        }
        if !known.is_empty() {
            continue;
        }
        let mut new = NewResource::new("volume", tx.entropy.uuid())
            .name(name)
            .state("inactive")
            .with("driver", crate::model::storage::LOCAL)
            .with("uri", format!("{}:///{name}", crate::model::storage::LOCAL))
            .with("externalId", name)
            .with("hostId", from.host.id)
            .with(OWN_VOLUME, stack.id);
        new.account_id = stack.account_id;
        tx.insert(new)?;
    }
    Ok(())
}

/// Gives a service its containers. From then on it is as it is wanted, so that nothing is made or started.
fn service(tx: &mut Tx<'_>, site: &Site, stack: &Resource, taken: &Taken) -> Result<()> {
    let services = tx.referrers("service", "stackId", stack.id)?;
    let named = services.into_iter().find(|one| one.name.as_ref() == Some(&taken.service));
    let Some(service) = named.filter(|_| !taken.units.is_empty()) else { return Ok(()) };
    let Some(wanted) = desired::wanted(tx, site, &service, Some(stack))? else {
        return Err(Error::conflict(format!(
            "service `{}` has no containers of its own here",
            service.display_name()
        )));
    };
    let mut number = 0;
    for (index, members) in &taken.units {
        let unit = UnitIds::new(&service.uuid).by_index(*index);
        for position in providers_first(&wanted) {
            let config = wanted.config_name(position);
            let member = members.iter().find(|(name, _)| name.as_deref() == config);
            let Some((_, row)) = member else { continue };
            number += 1;
            let place = rows::Place { index: *index, unit: &unit, host: None };
            let new = rows::instance(&service, Some(stack), &wanted, position, &place)
                .with("createIndex", number);
            container(tx, &service, &wanted, position, *row, new)?;
        }
    }
    let networks = taken.networks.clone();
    tx.update(service.id, |service| {
        service.set("createIndex", number);
        service.set(FORMER_NETWORKS, networks);
        Ok(())
    })?;
    if taken.runs {
        process::start(tx, service.id, "activate", Map::new())?;
    }
    Ok(())
}

/// The positions of a service's configurations: each comes after those that it takes from.
fn providers_first(wanted: &Wanted) -> Vec<usize> {
    let count = wanted.launch.len();
    let mut order: Vec<usize> = Vec::with_capacity(count);
    while order.len() < count {
        let ready = |at: &usize| {
            !order.contains(at) && wanted.providers(*at).all().all(|other| order.contains(&other))
        };
        match (0..count).find(ready) {
            Some(at) => order.push(at),
            // They take from each other, which was refused when the service was made.
            None => break,
        }
    }
    order
}

/// A container becomes the service's. Its row becomes what the row of a new container would be.
fn container(
    tx: &mut Tx<'_>,
    service: &Resource,
    wanted: &Wanted,
    position: usize,
    row: i64,
    new: NewResource,
) -> Result<()> {
    let new = wanted.providers(position).refer(tx, new, |at| wanted.config_name(at))?;
    let known = tx.require("instance", row)?;
    let providers = process::instance::providers_of(&new.data);
    // Containers refer to others that are older than themselves.
    let row = match providers.iter().any(|provider| *provider > known.id) {
        true => made_later(tx, &known)?,
        false => known,
    };
    let mut before = (*row.data).clone();
    before.insert("name".to_owned(), row.name.clone().into());
    let row = tx.update(row.id, |row| {
        let mut data = new.data;
        for field in KEPT {
            if let Some(value) = row.data.get(*field) {
                data.insert((*field).to_owned(), value.clone());
            }
        }
        let used = row.data.get("ports").cloned();
        if let Some(used) = used.filter(|_| data.contains_key("ports")) {
            data.insert("ports".to_owned(), used);
        }
        data.insert(BEFORE.to_owned(), Value::Object(before));
        data.retain(|_, value| !value.is_null());
        row.name = new.name;
        row.data = data.into();
        Ok(())
    })?;
    let mut map = NewResource::new("serviceExposeMap", tx.entropy.uuid())
        .state("active")
        .with("serviceId", service.id)
        .with("instanceId", row.id)
        .with("managed", true);
    map.account_id = row.account_id;
    tx.insert(map)?;
    // It gets its place on the environment's network.
    process::start(tx, row.id, "update", Map::new())?;
    Ok(())
}

/// A row of a higher id for the same container.
fn made_later(tx: &mut Tx<'_>, known: &Resource) -> Result<Resource> {
    let mut new = NewResource::new("instance", tx.entropy.uuid())
        .kind("container")
        .name(known.display_name())
        .state(known.state.as_str());
    new.account_id = known.account_id;
    new.data = (*known.data).clone();
    native::let_go(tx, known)?;
    debug_assert!(known.flag(NATIVE), "only containers of others are taken over");
    tx.insert(new)
}
