//! Settings as resources: the whole table, and whatever else was stored or given by the environment.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Asked, Ctx, Source, Write};
use crate::auth::{Caller, Role, control};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::model::settings::{self, Layer, Shape};
use crate::process::native;
use crate::store::Read;

/// `settings`.
pub const SOURCE: Source = Source { name: "settings", list, get, write: Some(write) };

/// The name under which settings are shown, also when they are listed as `setting`.
const SHOWN_AS: &str = "activeSetting";
/// Letters that a name may have.
const LONGEST_NAME: usize = 255;

/// Whether a caller is shown settings that are not public.
fn sees_private(caller: &Caller) -> bool {
    matches!(caller.role, Role::Superadmin | Role::Admin | Role::Service)
        || (caller.all_accounts && caller.user_kind != "readAdmin")
}

/// Names that begin with a capital are variables that the server was started with.
fn is_variable(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_lowercase())
}

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let mut given: BTreeMap<String, Vec<(Layer, String)>> =
        settings::settings().iter().map(|known| (known.name.to_owned(), Vec::new())).collect();
    for (name, layer, value) in asked.read.settings_given()? {
        given.entry(name).or_default().push((layer, value));
    }
    let everything = sees_private(asked.caller) && asked.params.get("all") != Some("false");
    if !everything {
        let public = asked.read.setting_list(settings::PUBLIC)?;
        given.retain(|name, _| public.contains(name));
    }
    given.retain(|name, _| !is_variable(name));
    let value_of = |name: &str| {
        let first = given.get(name).and_then(|layers| layers.first());
        let default = || settings::setting(name)?.default.map(str::to_owned);
        first.map(|found| found.1.clone()).or_else(default)
    };
    let rows = given.iter().map(|(name, layers)| {
        let active = value_of(name).map(|value| settings::expand(&value, &value_of));
        row(asked.caller, name, layers, active)
    });
    Ok(rows.collect())
}

/// Any name has an answer; what a caller may not know has no value.
fn get(asked: &Asked<'_>, name: &str) -> Result<Option<Resource>> {
    let known = sees_private(asked.caller)
        || asked.read.setting_list(settings::PUBLIC)?.iter().any(|public| public == name);
    if !known || is_variable(name) {
        return Ok(Some(shown(name)));
    }
    one(asked.read, asked.caller, name).map(Some)
}

fn one(read: &Read<'_>, caller: &Caller, name: &str) -> Result<Resource> {
    Ok(row(caller, name, &read.setting_layers(name)?, read.setting(name)?))
}

/// A setting without a value.
fn shown(name: &str) -> Resource {
    let new = NewResource::new("setting", String::new())
        .name(name)
        .with("id", name)
        .with("type", SHOWN_AS)
        .with("inDb", false)
        .with("source", settings::PACKAGED);
    super::sources::row(new)
}

/// A setting as a resource: `value` is what is stored, else the default; `activeValue` what counts.
fn row(
    caller: &Caller,
    name: &str,
    layers: &[(Layer, String)],
    active: Option<String>,
) -> Resource {
    let known = settings::setting(name);
    let stored = layers.iter().find(|given| given.0 == Layer::Database).map(|given| &given.1);
    let source = layers.first().map_or(settings::PACKAGED, |given| given.0.source());
    let mut row = shown(name);
    row.set("inDb", stored.is_some());
    row.set("source", source);
    let hidden = known.is_some_and(|known| known.shape == Shape::Secret);
    if !hidden || caller.user_kind == "service" {
        let default = known.and_then(|known| known.default).map(str::to_owned);
        row.set("value", stored.cloned().or(default));
        row.set("activeValue", active);
    }
    row
}

fn write(ctx: &mut Ctx<'_, '_>, write: &Write) -> Result<Resource> {
    let (name, value) = match write {
        Write::Create(fields) => (text(fields, "name").unwrap_or_default(), text(fields, "value")),
        Write::Update(name, fields) => (name.clone(), text(fields, "value")),
        Write::Delete(name) => (name.clone(), None),
    };
    if name.trim().is_empty() {
        return Err(Error::field("MissingRequired", "name").message("a setting needs a name"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Error::field("MaxLengthExceeded", "name")
            .message(format!("a setting's name has at most {LONGEST_NAME} letters")));
    }
    if let (Some(value), Some(known)) = (value.as_deref(), settings::setting(&name))
        && let Some(complaint) = known.complaint(value)
    {
        let code = match known.shape {
            Shape::Ports => settings::port_range_code(value),
            Shape::Flag | Shape::List | Shape::Number | Shape::Secret | Shape::Text => {
                "InvalidFormat"
            }
        };
        return Err(Error::field(code, "value").message(complaint));
    }
    let keeps = !matches!(write, Write::Delete(_)) && value.is_none();
    if !keeps {
        control::check_setting(ctx.tx, &name, value.as_deref())?;
        ctx.tx.set_setting(&name, value.as_deref())?;
        if name == native::SHOWN {
            native::hide(ctx.tx)?;
        }
    }
    let mut row = one(ctx.tx, ctx.caller, &name)?;
    if matches!(write, Write::Delete(_)) {
        // Nothing is stored any more; what counts now is the active value.
        row.set("value", Value::Null);
    }
    Ok(row)
}

fn text(fields: &Map<String, Value>, field: &str) -> Option<String> {
    fields.get(field).and_then(Value::as_str).map(str::to_owned)
}
