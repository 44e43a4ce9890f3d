//! `dryRun=true`: a write is done and taken back, and the answer says what it would have come to.
//!
//! Everything the write asks and refuses is asked and refused, because it is the same code. Ids of rows
//! that would be made stand for themselves within the plan only.

use serde_json::{Map, Value, json};

use super::super::hooks;
use super::super::render::Extras;
use super::super::respond::Reply;
use super::super::serve::Session;
use super::commit::Owned;
use crate::controller::foresee::{self, Foreseen};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{Read, Trace, Tx};

/// A plan out of what a rehearsed write did.
///
/// # Errors
/// Those that the write itself would end with.
pub async fn rehearse<T: Send + 'static>(
    session: &Session<'_>,
    owned: Owned,
    work: impl FnOnce(&Owned, &mut Tx<'_>) -> Result<T> + Send + 'static,
    show: impl FnOnce(&Session<'_>, &Read<'_>, T) -> Result<Reply> + Send + 'static,
) -> Result<Reply> {
    session
        .state
        .store
        .rehearse(move |tx| {
            let done = work(&owned, tx)?;
            let session = owned.session();
            let reply = show(&session, tx, done)?;
            let trace = tx.trace();
            let mut plan = plan(&session, tx, &trace, &reply)?;
            let foreseen = foreseen(&session, tx, &trace)?;
            plan.insert("foreseen".to_owned(), foreseen.into());
            Ok(Reply::json(200, Value::Object(plan).to_string().into_bytes()))
        })
        .await
}

/// The plan of something that would change nothing.
pub fn nothing(status: u16) -> Reply {
    let plan = json!({
        "type": "dryRun", "baseType": "dryRun", "id": null, "links": {}, "actions": {},
        "status": status, "changes": [], "processes": [], "foreseen": [], "resource": null,
    });
    Reply::json(200, plan.to_string().into_bytes())
}

fn plan(
    session: &Session<'_>,
    read: &Read<'_>,
    trace: &Trace,
    reply: &Reply,
) -> Result<Map<String, Value>> {
    let mut changes = Vec::new();
    for (before, after) in folded(trace) {
        changes.extend(change(session, read, before.as_ref(), after.as_ref())?);
    }
    let mut processes = Vec::new();
    for process in &trace.processes {
        if let Some(row) = read.get(process.resource_id)?
            && let Some(mut named) = named(session, read, &row)?
        {
            named.insert("processName".to_owned(), process.name.clone().into());
            processes.push(Value::Object(named));
        }
    }
    let resource: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let plan = json!({
        "type": "dryRun", "baseType": "dryRun", "id": null, "links": {}, "actions": {},
        "status": reply.status, "changes": changes, "processes": processes, "resource": resource,
    });
    Ok(if let Value::Object(plan) = plan { plan } else { Map::new() })
}

/// Each row once, as it was first and is last, in the order in which they were touched.
fn folded(trace: &Trace) -> Vec<(Option<Resource>, Option<Resource>)> {
    let mut rows: Vec<(i64, Option<Resource>, Option<Resource>)> = Vec::new();
    for (before, after) in &trace.rows {
        let Some(id) = after.as_ref().or(before.as_ref()).map(|row| row.id) else { continue };
        match rows.iter_mut().find(|row| row.0 == id) {
            Some(row) => row.2.clone_from(after),
            None => rows.push((id, before.clone(), after.clone())),
        }
    }
    rows.into_iter().map(|(_, before, after)| (before, after)).collect()
}

/// How a row is called in a plan; `None` for one that the caller may not know of.
fn named(
    session: &Session<'_>,
    read: &Read<'_>,
    row: &Resource,
) -> Result<Option<Map<String, Value>>> {
    let Some(view) = session.views.of_row(row.ty, &row.kind) else { return Ok(None) };
    if !hooks::is_visible(read, session.caller, row)? {
        return Ok(None);
    }
    let mut named = Map::new();
    named.insert("resourceType".to_owned(), view.name.into());
    named.insert("resourceId".to_owned(), session.renderer().id_of(view, row).into());
    named.insert("name".to_owned(), row.name.clone().into());
    Ok(Some(named))
}

fn change(
    session: &Session<'_>,
    read: &Read<'_>,
    before: Option<&Resource>,
    after: Option<&Resource>,
) -> Result<Option<Value>> {
    let word = match (before, after) {
        (None, Some(_)) => "create",
        (Some(_), None) => "delete",
        (Some(before), Some(after)) if before.removed.is_none() && after.removed.is_some() => {
            "remove"
        }
        (Some(_), Some(_)) => "update",
        (None, None) => return Ok(None),
    };
    let Some(row) = after.or(before) else { return Ok(None) };
    let Some(mut named) = named(session, read, row)? else { return Ok(None) };
    let old = before.map(|row| fields(session, row)).unwrap_or_default();
    let new = after.map(|row| fields(session, row)).unwrap_or_default();
    let mut differing = Map::new();
    for name in old.keys().chain(new.keys()) {
        let (from, to) = (old.get(name), new.get(name));
        let same = from.unwrap_or(&Value::Null) == to.unwrap_or(&Value::Null);
        if !same && !differing.contains_key(name) {
            differing.insert(name.clone(), json!({"from": from, "to": to}));
        }
    }
    if word == "update" && differing.is_empty() {
        return Ok(None);
    }
    named.insert("change".to_owned(), word.into());
    named.insert("fields".to_owned(), Value::Object(differing));
    Ok(Some(Value::Object(named)))
}

/// What the caller is shown of a row, without what follows from it.
fn fields(session: &Session<'_>, row: &Resource) -> Map<String, Value> {
    let renderer = session.renderer();
    let Some(view) = renderer.view_of(row) else { return Map::new() };
    let mut out = Vec::new();
    renderer.resource(&mut out, view, row, &Extras::default());
    let mut fields: Map<String, Value> = serde_json::from_slice(&out).unwrap_or_default();
    let twins: Vec<String> = fields.keys().map(|name| format!("{name}TS")).collect();
    for name in ["id", "type", "baseType", "links", session.call.actions_key] {
        fields.shift_remove(name);
    }
    for twin in twins {
        fields.shift_remove(&twin);
    }
    fields
}

/// What would happen next to the services and containers that the write touches.
fn foreseen(session: &Session<'_>, tx: &mut Tx<'_>, trace: &Trace) -> Result<Vec<Value>> {
    let mut ids: Vec<i64> = Vec::new();
    for row in trace.rows.iter().filter_map(|(_, after)| after.as_ref()) {
        if !ids.contains(&row.id) && foresee::concerns(row) {
            ids.push(row.id);
        }
    }
    let mut found = Vec::new();
    for id in ids {
        let Some(Foreseen { row, steps, more, outcome }) =
            foresee::foresee(tx, &session.state.site, id)?
        else {
            continue;
        };
        if let Some(mut named) = named(session, tx, &row)? {
            named.insert("steps".to_owned(), steps.into());
            named.insert("more".to_owned(), more.into());
            named.insert("outcome".to_owned(), outcome.into());
            found.push(Value::Object(named));
        }
    }
    Ok(found)
}
