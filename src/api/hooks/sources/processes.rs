//! Processes, what they did and how they are defined, as resources for administrators.

use serde_json::{Map, Value, json};

use super::{Picker, asked_text, lists_all, paged, row};
use crate::api::hooks::{Answer, Asked, Ctx, Source};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::model::{id, registry};
use crate::store::{ProcessFilter, ProcessRow};

/// `processes`.
pub const SOURCE: Source = Source { name: "processes", list, get, write: None };
/// `executions`.
pub const EXECUTIONS: Source =
    Source { name: "executions", list: list_executions, get: get_execution, write: None };
/// `definitions`.
pub const DEFINITIONS: Source =
    Source { name: "definitions", list: list_definitions, get: get_definition, write: None };

/// Rows read at a time.
const CHUNK: u32 = 500;

/// The processes that a list is about, narrowed by what the store can find by.
fn filter(asked: &Asked<'_>) -> ProcessFilter {
    let resource = asked_text(asked.listing, "resourceId").and_then(|text| id::parse(&text));
    ProcessFilter {
        resource_id: resource,
        account_id: (!lists_all(asked)).then_some(asked.caller.account_id),
        open: asked
            .listing
            .conditions
            .iter()
            .any(|c| c.field == "endTime" && c.op == crate::store::Op::Null),
        limit: CHUNK,
        ..ProcessFilter::default()
    }
}

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let filter = filter(asked);
    paged(asked.listing, |after| {
        let rows = asked.read.processes(ProcessFilter { after, ..filter })?;
        rows.into_iter().map(|process| instance(asked, process)).collect()
    })
}

fn get(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    let Some(process) = find(asked, text)? else { return Ok(None) };
    instance(asked, process).map(Some)
}

fn find(asked: &Asked<'_>, text: &str) -> Result<Option<ProcessRow>> {
    let Some(id) = id::parse(text) else { return Ok(None) };
    let process = asked.read.process(id)?;
    Ok(process.filter(|process| {
        asked.caller.all_accounts || process.account_id == Some(asked.caller.account_id)
    }))
}

fn instance(asked: &Asked<'_>, process: ProcessRow) -> Result<Resource> {
    let target = asked.read.get(process.resource_id)?;
    let entry = target.as_ref().and_then(|target| registry::lookup(target.ty));
    let ty = match entry {
        Some(entry) => entry.base.to_owned(),
        None => process.name.split('.').next().unwrap_or("").to_owned(),
    };
    let prefix = entry.map_or("", |entry| entry.prefix.as_str());
    let phase = match (process.ended, process.started) {
        (Some(_), _) => "DONE",
        (None, Some(_)) => "HANDLERS",
        (None, None) => "REQUESTED",
    };
    let result = process.ended.map(|_| match process.exit_reason.as_deref() {
        Some("DONE" | "CHAIN") => "SUCCESS",
        _ => "FAILED",
    });
    let mut new = NewResource::new("processInstance", String::new());
    new.account_id = process.account_id;
    let new = new
        .with("endTime", process.ended)
        .with("executionCount", process.tries)
        .with("exitReason", process.exit_reason)
        .with("phase", phase)
        .with("priority", 0)
        .with("processName", process.name)
        .with("resourceId", id::format(prefix, process.resource_id))
        .with("resourceType", ty)
        .with("result", result)
        .with("runAfter", (process.run_after < i64::MAX).then_some(process.run_after))
        .with("startTime", process.started.unwrap_or(process.created))
        .with(
            "data",
            Value::Object(Map::from_iter([("message".to_owned(), process.message.into())])),
        );
    Ok(Resource { id: process.id, created: process.created, ..row(new) })
}

fn list_executions(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let filter = ProcessFilter { resource_id: None, ..filter(asked) };
    paged(asked.listing, |after| {
        let rows = asked.read.processes(ProcessFilter { after, ..filter })?;
        Ok(rows.into_iter().map(execution).collect())
    })
}

fn get_execution(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(find(asked, text)?.map(execution))
}

fn execution(process: ProcessRow) -> Resource {
    let lines: Value = serde_json::from_str(&process.log).unwrap_or_default();
    let log = json!({"name": process.name, "log": lines});
    let new = NewResource::new("processExecution", String::new())
        .with("log", log)
        .with("processInstanceId", process.id);
    Resource { id: process.id, created: process.created, ..row(new) }
}

/// `replay`: lets a process that waits run now.
///
/// # Errors
/// 409 when it has ended.
pub fn replay(ctx: &mut Ctx<'_, '_>, process: &Resource, _: Map<String, Value>) -> Result<Answer> {
    let Some(found) = ctx.tx.process(process.id)? else { return Err(Error::not_found()) };
    if found.ended.is_some() {
        return Err(Error::conflict(format!("process `{}` has ended", found.name)));
    }
    ctx.tx.process_wake(found.resource_id)?;
    Ok(Answer::Row(process.clone()))
}

/// Every transition of every type.
fn definitions() -> impl Iterator<Item = Resource> {
    let mut seen = Vec::new();
    registry::registry().all().iter().flat_map(move |entry| {
        let fresh = entry.ty.lifecycle.filter(|own| !seen.contains(&own.name));
        seen.extend(fresh.map(|own| own.name));
        let transitions = fresh.map_or(&[][..], |own| own.transitions);
        transitions.iter().map(move |transition| {
            let name = format!("{}.{}", fresh.map_or("", |own| own.name), transition.name);
            let arcs: Vec<Value> = transition
                .list()
                .iter()
                .flat_map(|(from, via, to)| {
                    let arc = |from: &str, to: &str, ty: &str| {
                        json!({"field": "state", "fromState": from, "toState": to, "type": ty})
                    };
                    [arc(from, via, "TRANSITIONING"), arc(via, to, "DONE")]
                })
                .collect();
            row(NewResource::new("processDefinition", String::new())
                .name(name.clone())
                .with("id", format!("1pd!{name}"))
                .with("extensionBased", false)
                .with("resourceType", entry.base)
                .with("stateTransitions", arcs))
        })
    })
}

fn list_definitions(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let mut rows: Vec<Resource> = definitions().collect();
    rows.sort_by(|a, b| a.str("id").cmp(&b.str("id")));
    let mut picker = Picker::new(asked.listing);
    for row in rows {
        picker.offer(row);
    }
    Ok(picker.page())
}

fn get_definition(_: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(definitions().find(|row| row.str("id") == Some(text)))
}
