//! Lines of the service log, written in the transaction of what they tell of.

use serde_json::{Map, Value};

use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// Key in a process's data: the line that tells of the whole.
const LINE: &str = "serviceLog";

/// Transitions that the log tells of, and what they do to the service.
const TOLD: &[(&str, &str)] = &[
    ("activate", "activating"),
    ("continueupgrade", "going on with the upgrade of"),
    ("finishupgrade", "finishing the upgrade of"),
    ("restart", "restarting"),
    ("rollback", "rolling back"),
    ("update", "updating"),
    ("upgrade", "upgrading"),
];

/// Writes a line about something that has happened, as part of what another line tells of.
///
/// # Errors
/// When the database fails.
pub fn write(
    tx: &mut Tx<'_>,
    service: &Resource,
    event_type: &str,
    level: &'static str,
    description: String,
) -> Result<()> {
    let now = tx.now;
    let row = row(tx, service, event_type, level, description);
    tx.insert(row.with("subLog", true).with("endTime", now))?;
    Ok(())
}

/// Writes what went wrong with a service's container.
///
/// # Errors
/// When the database fails.
pub fn trouble(tx: &mut Tx<'_>, container: &Resource, words: &str) -> Result<()> {
    let service = container.int("serviceId").map(|id| tx.get(id)).transpose()?.flatten();
    let Some(service) = service else { return Ok(()) };
    let description = format!("{}: {words}", container.display_name());
    let now = tx.now;
    let row = row(tx, &service, "service.trigger.exception", "error", description);
    let row = row.with("subLog", true).with("endTime", now).with("instanceId", container.id);
    tx.insert(row)?;
    Ok(())
}

/// A transition of a service begins: the line that tells of the whole has no end yet, and that of a
/// transition whose place is taken has.
///
/// # Errors
/// When the database fails.
pub fn begin(
    tx: &mut Tx<'_>,
    service: &Resource,
    transition: &str,
    data: &mut Map<String, Value>,
) -> Result<()> {
    if let Some(open) = tx.open_process(service.id)? {
        end(tx, &open.data)?;
    }
    let Some((_, doing)) = TOLD.iter().find(|told| told.0 == transition) else { return Ok(()) };
    // Going on is part of the same event to whoever looks for upgrades.
    let event = if transition == "continueupgrade" { "upgrade" } else { transition };
    let description = format!("{doing} service `{}`", service.display_name());
    let row = row(tx, service, &format!("service.{event}"), "info", description);
    let row = tx.insert(row.with("subLog", false))?;
    data.insert(LINE.to_owned(), row.id.into());
    Ok(())
}

/// The transition whose process had this data is over.
///
/// # Errors
/// When the database fails.
pub fn end(tx: &mut Tx<'_>, data: &Map<String, Value>) -> Result<()> {
    let Some(id) = data.get(LINE).and_then(Value::as_i64) else { return Ok(()) };
    // It may have been cleaned up: a service can be busy for longer than its log is kept.
    if tx.get(id)?.is_none() {
        return Ok(());
    }
    let now = tx.now;
    tx.update(id, |row| {
        row.data.entry("endTime").or_insert_with(|| now.into());
        Ok(())
    })?;
    Ok(())
}

fn row(
    tx: &Tx<'_>,
    service: &Resource,
    event_type: &str,
    level: &'static str,
    description: String,
) -> NewResource {
    let mut row = NewResource::new("serviceLog", tx.entropy.uuid())
        .state("")
        .with("serviceId", service.id)
        .with("eventType", event_type)
        .with("level", level)
        .with("description", description);
    if let Some(stack) = service.int("stackId") {
        row = row.with("stackId", stack);
    }
    row.account_id = service.account_id;
    row
}
