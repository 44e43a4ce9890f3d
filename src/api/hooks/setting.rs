//! Settings as resources: the table of those in use, and whatever else was stored.

use serde_json::{Map, Value};

use super::{Asked, Ctx, Source, Write};
use crate::auth::{Caller, Role};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::model::settings::{self, SETTINGS};
use crate::store::Read;

/// `settings`.
pub const SOURCE: Source = Source { name: "settings", list, get, write: Some(write) };

/// The name under which settings are shown, also when they are listed as `setting`.
const SHOWN_AS: &str = "activeSetting";

/// Whether a caller is shown settings that are not public.
fn sees_private(caller: &Caller) -> bool {
    matches!(caller.role, Role::Superadmin | Role::Admin | Role::Service)
        || (caller.all_accounts && caller.user_kind != "readAdmin")
}

fn is_public(name: &str) -> bool {
    settings::setting(name).is_some_and(|setting| setting.public)
}

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let everything = sees_private(asked.caller) && asked.params.get("all") != Some("false");
    let mut names: Vec<String> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
    names.extend(asked.read.settings_stored()?);
    names.sort_unstable();
    names.dedup();
    names.retain(|name| everything || is_public(name));
    names.iter().map(|name| row(asked.read, name)).collect()
}

fn get(asked: &Asked<'_>, name: &str) -> Result<Option<Resource>> {
    if !sees_private(asked.caller) && !is_public(name) {
        return Ok(None);
    }
    row(asked.read, name).map(Some)
}

/// A setting as a resource; one that nobody knows has no value.
fn row(read: &Read<'_>, name: &str) -> Result<Resource> {
    let stored = read.setting_stored(name)?;
    let environment = read.setting_environment(name)?;
    let default = settings::setting(name).and_then(|setting| setting.default);
    let source = match (&environment, &stored) {
        (Some(_), _) => "Environment Variables",
        (None, Some(_)) => "Database",
        (None, None) => "Code Packaged Defaults",
    };
    let active = environment.or_else(|| stored.clone()).or_else(|| default.map(str::to_owned));
    let value = stored.clone().or_else(|| default.map(str::to_owned));
    Ok(super::sources::row(
        NewResource::new("setting", String::new())
            .name(name)
            .with("id", name)
            .with("type", SHOWN_AS)
            .with("activeValue", active)
            .with("value", value)
            .with("inDb", stored.is_some())
            .with("source", source),
    ))
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
    let complaint = value
        .as_deref()
        .and_then(|value| settings::setting(&name).and_then(|known| known.complaint(value)));
    if let Some(complaint) = complaint {
        return Err(Error::field("InvalidFormat", "value").message(complaint));
    }
    let keeps = matches!(write, Write::Update(..)) && value.is_none();
    if !keeps {
        ctx.tx.set_setting(&name, value.as_deref())?;
    }
    row(ctx.tx, &name)
}

fn text(fields: &Map<String, Value>, field: &str) -> Option<String> {
    fields.get(field).and_then(Value::as_str).map(str::to_owned)
}
