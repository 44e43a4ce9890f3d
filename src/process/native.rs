//! Containers that somebody runs beside ours ("native" ones): they are shown and follow what becomes of
//! them. Nothing in here asks an engine for anything: what a person asks for goes the way of every container.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::instance::{give_back, mounts};
use super::{carry, may_begin, start};
use crate::engine::spec::{LABEL_UUID, lost, seen};
use crate::error::Result;
use crate::model::names::label;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Condition, Op, Query, Read, Tx};

/// The setting that says whether they are shown at all.
pub const SHOWN: &str = "manage.nonrancher.containers";
/// Marks the row of one.
pub const NATIVE: &str = "nativeContainer";
/// Marks a row that was given up while its container is still there: the container may be shown again.
const LET_GO: &str = "letGo";
/// Docker's id of its image, which stays when the image's name comes to mean another.
pub const IMAGE_ID: &str = "nativeImageId";
/// The mode of its network in Docker's words.
pub const NETWORK_MODE: &str = "nativeNetworkMode";
/// The networks that it is on, with the names that it answers to there.
pub const NETWORKS: &str = "nativeNetworks";
/// What another container that is made from its launch configuration would be without.
pub const LOST: &str = "nativeLost";
/// What the labels of this program begin with.
const OURS: &str = "io.ranchette.";

/// Whether they are shown.
///
/// # Errors
/// When the database fails.
pub fn are_shown(read: &Read<'_>) -> Result<bool> {
    Ok(read.setting(SHOWN)?.as_deref() != Some("false"))
}

/// Whether a container belongs to a server like this one, or to what such a server runs for itself.
pub fn is_ours<'a>(labels: impl IntoIterator<Item = &'a String>) -> bool {
    let ours = |key: &String| key == LABEL_UUID || key == label::SYSTEM || key.starts_with(OURS);
    labels.into_iter().any(ours)
}

/// A container that somebody runs.
pub struct Found<'a> {
    /// Docker's id of it.
    pub id: &'a str,
    /// Its image as it was asked for.
    pub image: &'a str,
    /// Docker's id of its image; empty if it is not known.
    pub image_id: &'a str,
    /// Whether it runs.
    pub running: bool,
    /// How it ended, if it did.
    pub exit_code: Option<i64>,
    /// When it last started, in milliseconds since 1970, if that is known.
    pub started_ms: Option<i64>,
    /// Docker's answer to an inspection.
    pub inspected: &'a Map<String, Value>,
}

/// The row of a container by Docker's id, in an environment: the live one, else one that was removed. One that
/// was given up while its container ran on does not count.
///
/// # Errors
/// When the database fails.
pub fn known(read: &Read<'_>, environment: Option<i64>, id: &str) -> Result<Option<Resource>> {
    let query = Query {
        ty: "instance",
        account_id: environment,
        with_removed: true,
        conditions: vec![Condition {
            field: "externalId".to_owned(),
            op: Op::Eq,
            value: id.into(),
        }],
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    let mut rows = read.list(&query)?;
    rows.retain(|row| row.removed.is_none() || !row.flag(LET_GO));
    rows.sort_by_key(|row| (row.removed.is_some(), row.id));
    Ok(rows.into_iter().next())
}

/// Makes the row of a container that is there already, so that there is nothing to do for it.
///
/// # Errors
/// When the database fails.
pub fn make(tx: &mut Tx<'_>, host: &Resource, found: &Found<'_>) -> Result<Resource> {
    let name = found.inspected.get("Name").and_then(Value::as_str).unwrap_or_default();
    let name = Some(name.trim_start_matches('/')).filter(|name| !name.is_empty());
    let started = found.started_ms.unwrap_or(tx.now);
    let mut row = NewResource::new("instance", tx.entropy.uuid())
        .kind("container")
        .name(name.unwrap_or(found.id))
        .state(if found.running { "running" } else { "stopped" });
    row.account_id = host.account_id;
    row.data = seen::launch_config(found.inspected);
    let asked = row.data.insert("ports".to_owned(), seen::ports_in_use(found.inspected).into());
    row = row
        .with("userPorts", asked)
        .with("exitCode", found.exit_code)
        .with(IMAGE_ID, Some(found.image_id).filter(|id| !id.is_empty()))
        .with(NETWORK_MODE, seen::docker_network_mode(found.inspected))
        .with(NETWORKS, seen::networks(found.inspected))
        .with(LOST, Some(lost::lost(found.inspected)).filter(|lost| !lost.is_empty()))
        .with(NATIVE, true)
        .with("externalId", found.id)
        .with("imageUuid", format!("docker:{}", found.image))
        .with("networkMode", seen::network_mode(found.inspected))
        .with("hostId", host.id)
        .with("requestedHostId", host.id)
        .with("firstRunning", started)
        .with("startedAt", started)
        .with("startCount", 1)
        .with("startOnCreate", true);
    if let Some(owner) = network_owner(tx, host, found.inspected)? {
        row = row.with("networkMode", "container").with("networkContainerId", owner.id);
    }
    if let Some(address) = address(found.inspected) {
        row = row.with("primaryIpAddress", address);
    }
    row.data.retain(|_, value| !value.is_null());
    let row = tx.insert(row)?;
    mounts::show(tx, &row, &drivers(found.inspected))?;
    Ok(row)
}

/// The drivers of the volumes of a container.
fn drivers(inspected: &Map<String, Value>) -> BTreeMap<String, String> {
    let mounts = inspected.get("Mounts").and_then(Value::as_array).into_iter().flatten();
    let text = |mount: &Value, key: &str| Some(mount.get(key)?.as_str()?.to_owned());
    let driven = mounts.filter_map(|mount| Some((text(mount, "Name")?, text(mount, "Driver")?)));
    driven.filter(|(_, driver)| !driver.is_empty()).collect()
}

/// The container whose network a container shares, if it is shown.
fn network_owner(
    read: &Read<'_>,
    host: &Resource,
    inspected: &Map<String, Value>,
) -> Result<Option<Resource>> {
    let mode = inspected.get("HostConfig").and_then(|host| host.get("NetworkMode")?.as_str());
    let Some(owner) = mode.and_then(|mode| mode.strip_prefix("container:")) else {
        return Ok(None);
    };
    Ok(known(read, host.account_id, owner)?.filter(|owner| owner.removed.is_none()))
}

/// The address of a container on the first of its networks.
pub fn address(inspected: &Map<String, Value>) -> Option<String> {
    let settings = inspected.get("NetworkSettings")?.as_object()?;
    let given = |of: &Map<String, Value>| {
        let text = of.get("IPAddress").and_then(Value::as_str).unwrap_or_default();
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    given(settings).or_else(|| {
        let networks = settings.get("Networks").and_then(Value::as_object)?;
        networks.values().filter_map(Value::as_object).find_map(given)
    })
}

/// A row follows what became of its container, in Docker's words.
///
/// # Errors
/// When the database fails.
pub fn change(tx: &mut Tx<'_>, row: &Resource, status: &str) -> Result<()> {
    match status {
        "start" if row.state == "stopped" => {
            carry(tx, row.id, "start")?;
            let now = tx.now;
            tx.update(row.id, |row| {
                row.set("startedAt", now);
                row.set("startCount", row.int("startCount").unwrap_or(0) + 1);
                Ok(())
            })?;
        }
        "stop" | "die" if row.state == "running" => carry(tx, row.id, "stop")?,
        "destroy" => {
            if row.state == "running" {
                carry(tx, row.id, "stop")?;
            }
            if tx.get(row.id)?.is_some_and(|row| may_begin(&row, "remove")) {
                start(tx, row.id, "remove", Map::new())?;
            }
        }
        // The others change nothing that is shown.
        _ => {}
    }
    Ok(())
}

/// Takes the row of a container away and leaves the container alone. It may be shown again.
///
/// # Errors
/// When the database fails.
pub fn let_go(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    tx.process_supersede(row.id)?;
    tx.update(row.id, |row| {
        row.set(LET_GO, true);
        Ok(())
    })?;
    end(tx, row)
}

/// Takes the rows of all of them away, unless they are to be shown.
///
/// # Errors
/// When the database fails.
pub fn hide(tx: &mut Tx<'_>) -> Result<()> {
    if are_shown(tx)? {
        return Ok(());
    }
    let mut rows = Vec::new();
    tx.for_each("instance", |row| {
        rows.extend(row.flag(NATIVE).then_some(row));
        Ok(())
    })?;
    rows.iter().try_for_each(|row| let_go(tx, row))
}

/// Ends the row of a container that is gone.
///
/// # Errors
/// When the database fails.
pub fn gone(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    tx.process_supersede(row.id)?;
    end(tx, row)
}

fn end(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    give_back(tx, row)?;
    carry(tx, row.id, "stop")?;
    super::project::bury(tx, row.id)
}
