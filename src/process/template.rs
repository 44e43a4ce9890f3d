//! The stacks an environment begins with: made from its template right after it, as system stacks, and
//! started once it has an active host.

use serde_json::{Map, Value};

use super::start;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Query, Tx};

/// Set on a stack whose services wait for a host of the environment.
pub const HELD_BACK: &str = "heldBack";
/// Ids of the stacks that were made, on the environment.
const CREATED: &str = "createdStackIds";
/// Ids of those whose services were started, on the environment.
const STARTED: &str = "startedStackIds";
/// Fields of a template's stack that the stack keeps by another name or the same.
const KEPT: &[(&str, &str)] = &[
    ("answers", "environment"),
    ("binding", "binding"),
    ("description", "description"),
    ("dockerCompose", "dockerCompose"),
    ("rancherCompose", "rancherCompose"),
];

/// Makes the stacks of the environment's template. Later changes of the template change nothing here.
///
/// # Errors
/// When the database fails.
pub fn make(tx: &mut Tx<'_>, project: &Resource) -> Result<()> {
    let Some(template) = project.int("projectTemplateId") else { return Ok(()) };
    let Some(template) = tx.get(template)?.filter(|row| row.removed.is_none()) else {
        return Ok(());
    };
    let mut made: Vec<Value> = Vec::new();
    for stack in template.list("stacks") {
        made.push(super::create(tx, stack_of(tx, project, stack), Map::new())?.id.into());
    }
    tx.update(project.id, |row| {
        row.set(CREATED, made);
        row.set(STARTED, Vec::<Value>::new());
        Ok(())
    })?;
    Ok(())
}

fn stack_of(tx: &Tx<'_>, project: &Resource, template: &Value) -> NewResource {
    let text = |field: &str| template.get(field).and_then(Value::as_str).unwrap_or_default();
    let mut new = NewResource::new("stack", tx.entropy.uuid())
        .name(text("name"))
        .account(project.id)
        .with("system", true)
        .with("startOnCreate", false)
        .with(HELD_BACK, true);
    for (from, to) in KEPT {
        if let Some(value) = template.get(*from).filter(|value| !value.is_null()) {
            new = new.with(to, value.clone());
        }
    }
    let catalog = [text("templateVersionId"), text("templateId")];
    match catalog.iter().find(|id| !id.is_empty()) {
        Some(id) => new.with("externalId", format!("catalog://{id}")),
        None => new,
    }
}

/// Starts what waits for a host of the environment: there is one now.
///
/// # Errors
/// When the database fails.
pub fn start_all(tx: &mut Tx<'_>, project_id: i64) -> Result<()> {
    let Some(project) = tx.get(project_id)? else { return Ok(()) };
    let ids: Vec<i64> = project.list(CREATED).iter().filter_map(Value::as_i64).collect();
    for id in ids {
        // One that is still being made is started when its services are there.
        if let Some(stack) = tx.get(id)?.filter(|stack| stack.state == "active") {
            start_one(tx, &stack)?;
        }
    }
    Ok(())
}

/// Starts a stack whose services have just been made, if its environment has a host.
///
/// # Errors
/// When the database fails.
pub fn start_if_hosted(tx: &mut Tx<'_>, stack: &Resource) -> Result<()> {
    let query =
        Query { ty: "host", account_id: stack.account_id, limit: 10_000, ..Default::default() };
    let hosted = tx.list(&query)?.iter().any(|host| host.state == "active");
    if hosted { start_one(tx, stack) } else { Ok(()) }
}

fn start_one(tx: &mut Tx<'_>, stack: &Resource) -> Result<()> {
    let Some(project) = stack.account_id.filter(|_| stack.flag(HELD_BACK)) else { return Ok(()) };
    for service in tx.referrers("service", "stackId", stack.id)? {
        match service.state.as_str() {
            "registering" => {
                tx.update(service.id, |row| {
                    row.set("startOnCreate", true);
                    Ok(())
                })?;
            }
            "inactive" => {
                start(tx, service.id, "activate", Map::new())?;
            }
            _ => {}
        }
    }
    tx.update(stack.id, |row| {
        row.set(HELD_BACK, Value::Null);
        Ok(())
    })?;
    tx.update(project, |row| {
        let mut started = row.list(STARTED).to_vec();
        started.push(stack.id.into());
        row.set(STARTED, started);
        Ok(())
    })?;
    Ok(())
}
