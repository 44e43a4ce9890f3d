//! Gives a project back that was taken over, in one transaction: its containers run on as they are, and
//! belong to nobody here again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::bound;
use super::{OWN_VOLUME, PROJECT};
use crate::error::Result;
use crate::model::lifecycle::is_gone;
use crate::model::resource::Resource;
use crate::process::instance::adopted::{BEFORE, LEAVE, is_adopted};
use crate::process::instance::give_back;
use crate::process::instance::mounts::{self, NATIVE_VOLUME};
use crate::process::{self, project, service};
use crate::store::{Query, Read, Tx};

/// A stack that was taken over, and whether it can be given back.
#[derive(Clone, Debug)]
pub struct Adopted {
    /// The stack.
    pub stack: Resource,
    /// Its services.
    pub services: Vec<Resource>,
    /// The containers that are still those that were taken over.
    pub containers: Vec<Resource>,
    /// Why it cannot be given back, in sentences.
    pub refusals: Vec<String>,
}

/// States of a service in which nothing is on its way that would have to be taken back first.
const AT_REST: &[&str] =
    &["active", "activating", "inactive", "deactivating", "updating-active", "updating-inactive"];

/// What a container keeps that was given back.
const KEPT: &[&str] = &["exitCode", "healthState", "healthUpdated", "startCount", "startedAt"];

/// The stacks of an environment that were compose projects.
///
/// # Errors
/// When the database fails.
pub fn adopted(read: &Read<'_>, environment: i64) -> Result<Vec<Adopted>> {
    let query = Query {
        ty: "stack",
        account_id: Some(environment),
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    let stacks = read.list(&query)?.into_iter().filter(|stack| stack.str(PROJECT).is_some());
    stacks.map(|stack| look(read, stack)).collect()
}

fn look(read: &Read<'_>, stack: Resource) -> Result<Adopted> {
    let services = read.referrers("service", "stackId", stack.id)?;
    let (mut containers, mut refusals) = (Vec::new(), Vec::new());
    if stack.state == "removing" || is_gone(&stack.state) {
        refusals.push(format!("stack `{}` is {}", stack.display_name(), stack.state));
    }
    for service in &services {
        if !AT_REST.contains(&service.state.as_str()) {
            refusals.push(format!(
                "service `{}` is {}; wait until that is done, or take it back",
                service.display_name(),
                service.state
            ));
        }
        let mut made = Vec::new();
        for row in read.referrers("instance", "serviceId", service.id)? {
            if !is_adopted(&row) {
                made.push(format!("`{}`", row.display_name()));
            } else if concluded(&row.state).is_none() {
                let (name, state) = (row.display_name(), row.state);
                refusals.push(format!("container `{name}` is {state}; wait until that is done"));
            } else {
                containers.push(row);
            }
        }
        if !made.is_empty() {
            refusals.push(format!(
                "service `{}` was changed: {} {} made here, and nobody could be given {} back",
                service.display_name(),
                made.join(", "),
                if made.len() == 1 { "was" } else { "were" },
                if made.len() == 1 { "it" } else { "them" },
            ));
        }
    }
    if containers.is_empty() && refusals.is_empty() {
        refusals.push(format!(
            "nothing of stack `{}` is left that was taken over; `down` removes it",
            stack.display_name()
        ));
    }
    Ok(Adopted { stack, services, containers, refusals })
}

/// The state in which a container is once it is in no process; none if that cannot be said.
fn concluded(state: &str) -> Option<&'static str> {
    match state {
        "running" | "updating-running" => Some("running"),
        "stopped" | "updating-stopped" => Some("stopped"),
        _ => None,
    }
}

/// Gives a stack back, unless that is refused; what there was.
///
/// # Errors
/// 404 when there is no such stack.
pub fn undo(tx: &mut Tx<'_>, stack_id: i64) -> Result<Adopted> {
    let stack = tx.require("stack", stack_id)?;
    let found = look(tx, stack)?;
    if !found.refusals.is_empty() {
        return Ok(found);
    }
    for row in &found.containers {
        release(tx, row)?;
    }
    for row in &found.services {
        service::dismantle(tx, row)?;
        project::bury(tx, row.id)?;
    }
    let shown = belongings(tx, stack_id)?;
    for row in &found.containers {
        let row = tx.require("instance", row.id)?;
        mounts::show(tx, &row, &BTreeMap::new())?;
    }
    for volume in shown {
        bury_unless_used(tx, volume)?;
    }
    // Its directory may become another stack's; the files there are left alone.
    bound::unbind(tx, stack_id)?;
    project::bury(tx, stack_id)?;
    Ok(found)
}

/// A container is again what it was before. It leaves our network in a process of its own.
fn release(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    let network = row.int("primaryNetworkId").map(|id| tx.get(id)).transpose()?.flatten();
    let ours = network.filter(|network| !network.kind.starts_with("docker"));
    let leave = ours.and_then(|network| network.str("engineName").map(str::to_owned));
    give_back(tx, row)?;
    tx.process_supersede(row.id)?;
    tx.update(row.id, |row| {
        let mut before = row.map(BEFORE).cloned().unwrap_or_default();
        row.name = before.shift_remove("name").and_then(|name| name.as_str().map(str::to_owned));
        for field in KEPT {
            match row.data.get(*field) {
                Some(value) => before.insert((*field).to_owned(), value.clone()),
                None => before.shift_remove(*field),
            };
        }
        if let Some(state) = concluded(&row.state) {
            state.clone_into(&mut row.state);
        }
        row.data = before.into();
        Ok(())
    })?;
    match leave {
        Some(network) => {
            let data = process::object(json!({ LEAVE: network }));
            process::start(tx, row.id, "update", data).map(drop)
        }
        None => Ok(()),
    }
}

/// Secrets, templates and rows of volumes. The volumes themselves stay: they were there before, and are what they
/// were; their rows.
fn belongings(tx: &mut Tx<'_>, stack_id: i64) -> Result<Vec<i64>> {
    for secret in tx.referrers("secret", "stackId", stack_id)? {
        if process::may_begin(&secret, "remove") {
            process::start(tx, secret.id, "remove", Map::new())?;
        }
    }
    for template in tx.referrers("volumeTemplate", "stackId", stack_id)? {
        process::retire(tx, template.id)?;
    }
    for volume in tx.referrers("volume", "stackId", stack_id)? {
        bury_unless_used(tx, volume.id)?;
    }
    let mut kept = Vec::new();
    tx.for_each("volume", |volume| {
        let is_kept = volume.data.get(OWN_VOLUME).and_then(Value::as_i64) == Some(stack_id);
        kept.extend(is_kept.then_some(volume.id));
        Ok(())
    })?;
    for id in &kept {
        tx.update(*id, |volume| {
            volume.set(OWN_VOLUME, Value::Null);
            volume.set(NATIVE_VOLUME, true);
            Ok(())
        })?;
    }
    Ok(kept)
}

fn bury_unless_used(tx: &mut Tx<'_>, volume: i64) -> Result<()> {
    if tx.referrers("mount", "volumeId", volume)?.is_empty() {
        project::bury(tx, volume)?;
    }
    Ok(())
}
