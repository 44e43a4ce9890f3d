//! Services that run elsewhere, as their agent reports them, and the names that others gave to ours.

use serde_json::{Map, Value};

use super::super::step::{Next, Work};
use super::super::{create, may_begin, object, project, start};
use super::text;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Read, Tx};

const CREATE: &str = "service.create";
const UPDATE: &str = "service.update";
const REMOVE: &str = "service.remove";
const REMOVE_STACK: &str = "stack.remove";

/// Events about services.
pub const EVENTS: &[&str] = &[CREATE, UPDATE, REMOVE, REMOVE_STACK];

/// What of a reported service is taken over: nothing that would run here.
const TAKEN: &[&str] =
    &["description", "externalIpAddresses", "healthCheck", "hostname", "metadata", "vip"];

/// Follows what is reported of a service.
pub fn follow(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let (Some(environment), Some(event)) = (report.account_id, report.str("eventType")) else {
        return Ok(Next::Finish);
    };
    let around = report.map("environment").cloned().unwrap_or_default();
    if event == REMOVE_STACK {
        if let Some(stack) = stack(tx, environment, &around)? {
            project::remove(tx, &stack)?;
        }
        return Ok(Next::Finish);
    }
    let given = report.map("service").cloned().unwrap_or_default();
    let Some(external) = report.str("externalId").or_else(|| text(&given, "externalId")) else {
        return Ok(Next::Finish);
    };
    match (event, known(tx, environment, external)?) {
        (CREATE | UPDATE, Some(service)) => describe(tx, &service, &given)?,
        (CREATE, None) => make(tx, environment, external, &around, &given)?,
        (REMOVE, Some(service)) => project::remove(tx, &service)?,
        _ => {}
    }
    Ok(Next::Finish)
}

/// The stack by what it is called elsewhere, else by its name.
fn stack(
    read: &Read<'_>,
    environment: i64,
    given: &Map<String, Value>,
) -> Result<Option<Resource>> {
    if let Some(external) = text(given, "externalId") {
        let found = read.referrers_by_text("stack", "externalId", external)?;
        if let Some(found) = found.into_iter().find(|row| row.account_id == Some(environment)) {
            return Ok(Some(found));
        }
    }
    match text(given, "name") {
        Some(name) => Ok(read.by_name("stack", Some(environment), name)?.pop()),
        None => Ok(None),
    }
}

fn known(read: &Read<'_>, environment: i64, external: &str) -> Result<Option<Resource>> {
    let found = read.referrers_by_text("service", "externalId", external)?;
    Ok(found.into_iter().find(|row| row.account_id == Some(environment)))
}

fn make(
    tx: &mut Tx<'_>,
    environment: i64,
    external: &str,
    around: &Map<String, Value>,
    given: &Map<String, Value>,
) -> Result<()> {
    let Some(name) = text(given, "name") else { return Ok(()) };
    let stack = match stack(tx, environment, around)? {
        Some(stack) => stack,
        None => {
            let own = text(around, "name").or_else(|| text(around, "externalId"));
            let mut new = NewResource::new("stack", tx.entropy.uuid())
                .name(own.unwrap_or("Default"))
                .account(environment)
                .with("startOnCreate", true);
            if let Some(external) = text(around, "externalId") {
                new = new.with("externalId", external);
            }
            create(tx, new, Map::new())?
        }
    };
    // A name that is taken is somebody else's.
    let siblings = tx.referrers("service", "stackId", stack.id)?;
    if siblings.iter().any(|row| row.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(name)))
    {
        return Ok(());
    }
    let mut service = NewResource::new("service", tx.entropy.uuid())
        .kind(text(given, "kind").unwrap_or("externalService"))
        .name(name)
        .account(environment)
        .with("externalId", external)
        .with("stackId", stack.id)
        .with("startOnCreate", true);
    service.data.extend(taken(given));
    create(tx, service, Map::new())?;
    Ok(())
}

fn taken(given: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let fields = TAKEN.iter().filter_map(|field| Some(((*field).to_owned(), given.get(*field)?)));
    fields.filter(|(_, value)| !value.is_null()).map(|(field, value)| (field, value.clone()))
}

/// Only what differs is changed, so that a report that comes again changes nothing.
fn describe(tx: &mut Tx<'_>, service: &Resource, given: &Map<String, Value>) -> Result<()> {
    let changed: Vec<(String, Value)> =
        taken(given).filter(|(field, value)| service.data.get(field) != Some(value)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let row = tx.update(service.id, |row| {
        for (field, value) in changed {
            row.set(&field, value);
        }
        Ok(())
    })?;
    if may_begin(&row, "update") {
        start(tx, row.id, "update", object(serde_json::json!({})))?;
    }
    Ok(())
}

/// Shows the name by which a service is found from outside.
pub fn name(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let report = &work.resource;
    let word = |field: &str| report.str(field).filter(|text| !text.is_empty());
    let (Some(environment), Some(stack), Some(service)) =
        (report.account_id, word("stackName"), word("serviceName"))
    else {
        return Ok(Next::Finish);
    };
    let fqdn = report.str("fqdn").map(str::to_owned);
    for stack in tx.by_name("stack", Some(environment), stack)? {
        let services = tx.referrers("service", "stackId", stack.id)?;
        let named = |row: &&Resource| row.name.as_deref() == Some(service);
        for row in services.iter().filter(named) {
            if row.str("fqdn") != fqdn.as_deref() {
                tx.update(row.id, |row| {
                    row.set("fqdn", fqdn.clone());
                    Ok(())
                })?;
            }
        }
    }
    Ok(Next::Finish)
}
