//! Handlers: programs elsewhere that take part in processes. Making one makes what connects it with its
//! processes.

use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::process::{self, handlers};

/// `externalHandler`.
pub const HOOK: Hook =
    Hook { create: Some(check), created: Some(connect), ..Hook::of("externalHandler") };

fn check(_: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let Some(name) = creation.row.name.as_deref().map(str::trim).filter(|name| !name.is_empty())
    else {
        return Err(Error::field("MissingRequired", "name")
            .message("a handler needs a name: the events it listens for end with it"));
    };
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !name.bytes().all(is_letter) {
        return Err(Error::field("InvalidCharacters", "name").message(format!(
            "handler name `{name}` may hold letters, digits, dots, dashes and underscores only"
        )));
    }
    for (process, on_error) in configs(&creation.row.data) {
        for (given, is_needed) in [(process, true), (on_error, false)] {
            let is_known = given.is_some_and(|given| handlers::process_name(given).is_some());
            if !is_known && (is_needed || given.is_some()) {
                let given = given.unwrap_or_default();
                return Err(Error::field("InvalidOption", "processConfigs")
                    .message(format!("there is no process `{given}` that can have handlers")));
            }
        }
    }
    let data = &mut creation.row.data;
    data.entry("priority").or_insert_with(|| handlers::PRIORITY.into());
    data.entry("priorityName").or_insert_with(|| "specific".into());
    Ok(())
}

/// Name of the process and of the one that follows its failure.
fn configs(data: &Map<String, Value>) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    let list = data.get("processConfigs").and_then(Value::as_array);
    list.into_iter().flatten().map(|config| {
        let text =
            |field: &str| config.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        (text("name"), text("onError"))
    })
}

fn connect(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &mut Creation) -> Result<()> {
    let handler = row.name.clone().unwrap_or_default();
    for (process, on_error) in configs(&row.data) {
        let Some(name) = process.and_then(handlers::process_name) else { continue };
        let known = ctx.tx.by_name("externalHandlerProcess", None, &name)?.pop();
        let process = match known {
            Some(process) => process,
            None => {
                let new = NewResource::new("externalHandlerProcess", ctx.tx.entropy.uuid());
                process::create(ctx.tx, new.name(name.as_str()), Map::new())?
            }
        };
        let map =
            NewResource::new("externalHandlerExternalHandlerProcessMap", ctx.tx.entropy.uuid());
        let map = map
            .with("eventName", handlers::event_name(&name, &handler))
            .with("externalHandlerId", row.id)
            .with("externalHandlerProcessId", process.id)
            .with("onError", on_error.and_then(handlers::process_name));
        process::create(ctx.tx, map, Map::new())?;
    }
    Ok(())
}
