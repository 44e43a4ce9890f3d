//! Durable transitions: how one starts, what its steps are, and the runner that carries them out.
//!
//! Starting a transition sets the transitioning state and makes the process row in the caller's
//! transaction, so that the answer to a request already shows it. The runner does the work later, step
//! by step, and commits each step's result together with the cursor (invariants I5 and I7).

pub mod step;

pub mod site;

mod definitions;

pub mod agent;
pub mod balancer;
pub mod certificates;
pub mod external;
pub mod handlers;
mod helper;
pub mod host;
pub mod images;
pub mod instance;
pub mod instance_links;
pub mod issuance;
pub mod keys;
pub mod links;
pub mod lost_hosts;
pub mod machine;
pub mod native;
pub mod network;
pub mod order;
pub mod project;
mod pull_tasks;
pub mod pulls;
pub mod registries;
pub mod reports;
pub mod reserve;
pub mod secrets;
pub mod selectors;
pub mod service;
pub mod service_log;
mod simple;
pub mod snapshot;
pub mod storage;
pub mod template;
pub mod upgrade;
pub mod versions;
pub mod volume;
pub mod webhooks;

pub mod runner;

pub mod configs;
pub mod node;
pub mod outbound;
pub mod tasks;

pub mod addresses;
pub mod door;
pub mod facts;
pub mod ledger;

pub use definitions::with_steps;

use definitions::FOLLOWED;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::model::lifecycle::{Lifecycle, Transition, is_gone};
use crate::model::registry;
use crate::model::resource::{NewResource, Resource};
use crate::store::{NewProcess, Tx};

/// The lifecycle of a stored resource's type.
///
/// # Errors
/// 405 for a type without states.
pub fn lifecycle_of(resource: &Resource) -> Result<&'static Lifecycle> {
    registry::lookup(resource.ty)
        .and_then(|entry| entry.ty.lifecycle)
        .ok_or_else(|| Error::status(405).message(format!("a {} has no states", resource.ty)))
}

/// Whether a transition may begin in the resource's present state.
pub fn may_begin(resource: &Resource, transition: &str) -> bool {
    lifecycle_of(resource)
        .ok()
        .and_then(|lifecycle| lifecycle.transition(transition))
        .is_some_and(|transition| transition.via(&resource.state).is_some())
}

/// Starts a transition: sets the transitioning state, ends an unfinished process of the resource, and
/// makes the new one. A resource that already is where the transition leads is left alone.
///
/// # Errors
/// 409 when the transition cannot begin in the present state, 404 when the resource is gone.
pub fn start(
    tx: &mut Tx<'_>,
    id: i64,
    transition: &str,
    data: Map<String, Value>,
) -> Result<Resource> {
    let Some(resource) = tx.get(id)? else { return Err(Error::not_found()) };
    let lifecycle = lifecycle_of(&resource)?;
    let Some(arcs) = lifecycle.transition(transition) else {
        return Err(Error::not_found()
            .message(format!("a {} has no transition `{transition}`", resource.ty)));
    };
    let Some(via) = arcs.via(&resource.state) else {
        return already(resource, arcs);
    };
    let name = format!("{}.{transition}", lifecycle.name);
    let mut data = data;
    if let Some(begin) = definitions::beginning(&name) {
        begin(tx, &resource, transition, &mut data)?;
    }
    tx.process_supersede(id)?;
    let resource = tx.update(id, |row| {
        via.clone_into(&mut row.state);
        row.clear_message();
        Ok(())
    })?;
    followed(tx, &resource)?;
    tx.process_insert(NewProcess { name, resource_id: id, account_id: resource.account_id, data })?;
    Ok(resource)
}

/// Changes what shows another row's state; to be called whenever a process changes a state.
fn followed(tx: &mut Tx<'_>, resource: &Resource) -> Result<()> {
    match FOLLOWED.iter().find(|row| row.0 == resource.ty) {
        Some((_, follow)) => follow(tx, resource),
        None => Ok(()),
    }
}

/// The answer for a transition that cannot begin: fine when it has happened or is under way.
fn already(resource: Resource, transition: &Transition) -> Result<Resource> {
    let there = transition
        .list()
        .iter()
        .any(|(_, via, to)| resource.state == *via || resource.state == *to);
    if there {
        return Ok(resource);
    }
    Err(Error::conflict(format!(
        "{} `{}` is {}; it cannot {} now",
        resource.ty,
        resource.display_name(),
        resource.state,
        transition.name
    )))
}

/// Makes a row and starts its `create` transition.
///
/// # Errors
/// When the database fails or the type has no `create`.
pub fn create(tx: &mut Tx<'_>, new: NewResource, data: Map<String, Value>) -> Result<Resource> {
    let Some(lifecycle) = registry::lookup(new.ty).and_then(|entry| entry.ty.lifecycle) else {
        return Err(Error::internal(format!("type {} has no lifecycle", new.ty)));
    };
    let Some(via) = lifecycle.transition("create").and_then(|create| create.via(&new.state)) else {
        return Err(Error::internal(format!("type {} has no create transition", new.ty)));
    };
    let resource = tx.insert(new.state(via))?;
    tx.process_insert(NewProcess {
        name: format!("{}.create", lifecycle.name),
        resource_id: resource.id,
        account_id: resource.account_id,
        data,
    })?;
    Ok(resource)
}

/// Moves a row that depends on another along a declared transition at once, inside the owner's process:
/// there is nothing left to do for it. Does nothing when the transition cannot begin.
///
/// # Errors
/// When the database fails.
pub fn carry(tx: &mut Tx<'_>, id: i64, transition: &str) -> Result<()> {
    let Some(resource) = tx.get(id)? else { return Ok(()) };
    let Some(arcs) = lifecycle_of(&resource)?.transition(transition) else { return Ok(()) };
    let Some(done) = arcs.via(&resource.state).and_then(|via| arcs.done(via)) else {
        return Ok(());
    };
    let now = tx.now;
    tx.update(id, |row| {
        done.clone_into(&mut row.state);
        if is_gone(done) {
            row.removed.get_or_insert(now);
        }
        Ok(())
    })?;
    Ok(())
}

/// Removes a dependent row at once, deactivating it first where its lifecycle asks for that.
///
/// # Errors
/// When the database fails.
pub fn retire(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    carry(tx, id, "deactivate")?;
    carry(tx, id, "remove")
}

/// The members of a JSON object: what a process is given.
pub fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value { members } else { Map::new() }
}
