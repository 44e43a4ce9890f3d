//! Which volume a container gets for each entry of its `dataVolumes`: one of that name, one that a template
//! of its stack stands for, or a new one.

use serde_json::{Map, Value};

use super::super::site::Site;
use super::super::storage;
use super::mounts::VolumeSpec;
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::names::is_active_service;
use crate::model::resource::{NewResource, Resource};
use crate::model::storage::is_local;
use crate::store::Tx;

/// Which service a volume of one unit was made for.
const UNIT_SERVICE: &str = "unitServiceId";
/// The index of that unit.
const UNIT_INDEX: &str = "unitIndex";

/// Whether a container has its volumes.
pub enum Found {
    /// It has.
    All(Box<Resource>),
    /// One is not there yet; this is why.
    Wait(String),
    /// Nobody can tell which one is meant.
    Never(String),
}

/// What an entry leads to.
enum Lead {
    Volume(i64, String),
    Missing(String),
    Several(String),
}

/// Finds or makes the volume of each entry and remembers it in `dataVolumeMounts`, so that the scheduler
/// can keep a container beside its data.
pub fn attach(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Found> {
    let mut mounts = row.map("dataVolumeMounts").cloned().unwrap_or_default();
    let mut entries: Vec<Value> = row.list("dataVolumes").to_vec();
    let before = mounts.len();
    for entry in &mut entries {
        let Some(text) = entry.as_str() else { continue };
        let Some(spec) = VolumeSpec::parse(text) else {
            return Err(Error::field("InvalidFormat", "dataVolumes")
                .message(format!("volume `{text}` is not of the form [source:]/path[:mode]")));
        };
        if mounts.contains_key(spec.target) {
            continue;
        }
        match lead(tx, site, row, &spec)? {
            Some(Lead::Volume(id, name)) => {
                mounts.insert(spec.target.to_owned(), id.into());
                let mode =
                    if spec.mode == "rw" { String::new() } else { format!(":{}", spec.mode) };
                *entry = format!("{name}:{}{mode}", spec.target).into();
            }
            Some(Lead::Missing(message)) => return Ok(Found::Wait(message)),
            Some(Lead::Several(name)) => {
                return Ok(Found::Never(format!("more than one volume is named `{name}`")));
            }
            None => {}
        }
    }
    if mounts.len() == before {
        return Ok(Found::All(Box::new(row.clone())));
    }
    let row = tx.update(row.id, |row| {
        row.set("dataVolumeMounts", mounts);
        row.set("dataVolumes", entries);
        Ok(())
    })?;
    Ok(Found::All(Box::new(row)))
}

/// `None` for what Docker is told as it is: paths of the host, and volumes without a name.
fn lead(
    tx: &mut Tx<'_>,
    site: &Site,
    row: &Resource,
    spec: &VolumeSpec<'_>,
) -> Result<Option<Lead>> {
    match spec.volume_name() {
        Some(name) => match template(tx, row, name)? {
            Some(template) => by_template(tx, site, row, &template).map(Some),
            None => named(tx, site, row, name).map(Some),
        },
        None if spec.source.is_none() && !is_local(driver(row)) => {
            let name = site.entropy.uuid();
            let volume = tx.insert(volume(tx, site, row, &name, driver(row))?)?;
            Ok(Some(Lead::Volume(volume.id, name)))
        }
        None => Ok(None),
    }
}

fn driver(row: &Resource) -> &str {
    row.str("volumeDriver").unwrap_or_default()
}

/// The volume of a name that a container can have; a new one when there is none.
fn named(tx: &mut Tx<'_>, site: &Site, row: &Resource, name: &str) -> Result<Lead> {
    let is_placed = |volume: &Resource| {
        is_local(volume.str("driver").unwrap_or_default()) && volume.int("hostId").is_some()
    };
    let (placed, free): (Vec<_>, Vec<_>) = live(tx, row, name)?.into_iter().partition(is_placed);
    // A container that has to be on a host has that host's own, as Docker knows it; any other goes to the data.
    let host = row.int("requestedHostId");
    let there =
        placed.into_iter().find(|volume| host.is_none_or(|id| volume.int("hostId") == Some(id)));
    let found = match (free.as_slice(), there) {
        ([], Some(volume)) => volume,
        ([], None) => {
            let new = volume(tx, site, row, name, driver(row))?;
            tx.insert(new)?
        }
        ([volume], _) => volume.clone(),
        _ => return Ok(Lead::Several(name.to_owned())),
    };
    if let Some(host) = host.filter(|_| is_local(found.str("driver").unwrap_or_default())) {
        // So that the next container, which may have to be elsewhere, does not take it.
        tx.update(found.id, |volume| {
            volume.set("hostId", host);
            Ok(())
        })?;
    }
    Ok(Lead::Volume(found.id, name.to_owned()))
}

/// Volumes are told apart by letter case, as Docker does.
fn live(tx: &Tx<'_>, row: &Resource, name: &str) -> Result<Vec<Resource>> {
    let mut named = tx.by_name("volume", row.account_id, name)?;
    named.retain(|volume| volume.name.as_deref() == Some(name));
    Ok(named)
}

fn volume(
    tx: &Tx<'_>,
    site: &Site,
    row: &Resource,
    name: &str,
    driver: &str,
) -> Result<NewResource> {
    let driver = if driver.is_empty() { crate::model::storage::LOCAL } else { driver };
    let mut volume = NewResource::new("volume", site.entropy.uuid())
        .name(name)
        .state("inactive")
        .with("driver", driver)
        .with("uri", format!("{driver}:///{name}"))
        .with("externalId", name);
    if let Some(stack) = row.int("stackId") {
        volume = volume.with("stackId", stack);
    }
    if let Some(known) = storage::driver(tx, row.account_id, driver)? {
        volume = volume.with("storageDriverId", known.id);
    }
    volume.account_id = row.account_id;
    Ok(volume)
}

/// The template of a name in the stack of a service's container.
fn template(tx: &Tx<'_>, row: &Resource, name: &str) -> Result<Option<Resource>> {
    let (Some(stack), Some(_)) = (row.int("stackId"), row.int("serviceId")) else {
        return Ok(None);
    };
    let templates = tx.referrers("volumeTemplate", "stackId", stack)?;
    Ok(templates.into_iter().find(|template| template.name.as_deref() == Some(name)))
}

fn by_template(tx: &mut Tx<'_>, site: &Site, row: &Resource, template: &Resource) -> Result<Lead> {
    let name = template.name.as_deref().unwrap_or_default();
    if template.flag("external") {
        return match live(tx, row, name)?.as_slice() {
            [volume] => Ok(Lead::Volume(volume.id, name.to_owned())),
            [] => Ok(Lead::Missing(format!(
                "Failed to locate volume `{name}`: it is external, and the environment has none of \
                 that name"
            ))),
            _ => Ok(Lead::Several(name.to_owned())),
        };
    }
    let per_unit = template.flag("perContainer");
    for volume in tx.referrers("volume", "volumeTemplateId", template.id)? {
        let fits = !per_unit || is_of_unit(&volume, row) && is_usable(tx, &volume)?;
        if fits && volume.state != "removing" {
            return Ok(Lead::Volume(volume.id, volume.name.unwrap_or_default()));
        }
    }
    let new = from_template(tx, site, row, template, per_unit)?;
    let volume = tx.insert(new)?;
    Ok(Lead::Volume(volume.id, volume.name.unwrap_or_default()))
}

/// `<stack>_<template>_<5 letters>`, for one unit `<stack>_<template>_<index>_<uuid>_<5 letters>`.
fn from_template(
    tx: &Tx<'_>,
    site: &Site,
    row: &Resource,
    template: &Resource,
    per_unit: bool,
) -> Result<NewResource> {
    let stack = row.int("stackId").map(|id| tx.require("stack", id)).transpose()?;
    let stack = stack.and_then(|stack| stack.name).unwrap_or_default();
    let unit = row.str("deploymentUnitUuid").unwrap_or_default();
    let index = row.int(UNIT_INDEX).unwrap_or(0);
    let letters: String = site.entropy.uuid().chars().take(5).collect();
    let own = template.name.as_deref().unwrap_or_default();
    let name = if per_unit {
        format!("{stack}_{own}_{index}_{unit}_{letters}")
    } else {
        format!("{stack}_{own}_{letters}")
    };
    let driver = template.str("driver").unwrap_or_default();
    let mut new = volume(tx, site, row, &name, driver)?.with("volumeTemplateId", template.id);
    if let Some(options) = template.map("driverOpts") {
        new = new.with("driverOpts", options.clone());
    }
    if per_unit {
        new = new
            .with("deploymentUnitId", id::of_text(&["deploymentUnit", unit]))
            .with(UNIT_SERVICE, row.int("serviceId"))
            .with(UNIT_INDEX, index);
    }
    Ok(new)
}

fn is_of_unit(volume: &Resource, container: &Resource) -> bool {
    volume.int(UNIT_SERVICE) == container.int("serviceId")
        && volume.int(UNIT_INDEX) == container.int(UNIT_INDEX)
}

/// Whether a volume that is on one host can be had again: a host that is gone has taken it along.
fn is_usable(tx: &Tx<'_>, volume: &Resource) -> Result<bool> {
    let Some(host) = volume.int("hostId") else { return Ok(true) };
    Ok(tx.get(host)?.is_some_and(|host| host.removed.is_none()))
}

/// Starts the removal of a unit's own volumes once the unit is not wanted any more: its service has become
/// smaller or is being removed. What is on shared storage is kept.
pub fn let_go(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    for id in row.map("dataVolumeMounts").into_iter().flatten().filter_map(|(_, id)| id.as_i64()) {
        let Some(volume) = tx.get(id)? else { continue };
        let own = is_of_unit(&volume, row) && volume.data.contains_key(UNIT_SERVICE);
        let kept = !is_local(volume.str("driver").unwrap_or_default());
        if !own || kept || is_wanted(tx, row)? {
            continue;
        }
        if tx.referrers("mount", "volumeId", id)?.is_empty()
            && super::super::may_begin(&volume, "remove")
        {
            super::super::start(tx, id, "remove", Map::new())?;
        }
    }
    Ok(())
}

/// Whether the service of a container still wants the unit that it belongs to.
fn is_wanted(tx: &Tx<'_>, row: &Resource) -> Result<bool> {
    let service = row.int("serviceId").map(|id| tx.get(id)).transpose()?.flatten();
    let Some(service) = service.filter(|service| service.removed.is_none()) else {
        return Ok(false);
    };
    if service.state == "removing" {
        return Ok(false);
    }
    let scale = service.int("scale").unwrap_or(1);
    let index = row.int(UNIT_INDEX).unwrap_or(0);
    Ok(!is_active_service(&service.state) || !service.data.contains_key("scale") || index <= scale)
}
