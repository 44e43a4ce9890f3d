//! Volumes and their templates: each has a driver that can do what is asked of it.

use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::storage::{self, LOCAL, Options};
use crate::process;

/// `volume`.
pub const HOOK: Hook =
    Hook { create: Some(create), check: Some(super::snapshot::check), ..Hook::of("volume") };

/// `volumeTemplate`.
pub const TEMPLATE: Hook = Hook {
    create: Some(create_template),
    update: Some(update_template),
    ..Hook::of("volumeTemplate")
};

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let environment = creation.row.account_id;
    let name = creation.row.name.clone().unwrap_or_default();
    let row = &mut creation.row;
    let mut driver = text(&row.data, "driver").to_owned();
    let mut capabilities: Vec<String> = Vec::new();
    let by_id = row.data.get("storageDriverId").and_then(Value::as_i64);
    let known = match by_id {
        Some(id) => Some(ctx.tx.require("storageDriver", id)?),
        None => process::storage::driver(ctx.tx, environment, &driver)?,
    };
    if let Some(known) = known {
        driver = known.name.clone().unwrap_or_default();
        capabilities = known.strings("volumeCapabilities").into_iter().map(str::to_owned).collect();
        row.data.insert("storageDriverId".to_owned(), known.id.into());
    }
    if driver.is_empty() {
        return Err(Error::field("MissingRequired", "driver")
            .message(format!("volume `{name}` needs a driver, such as local")));
    }
    if by_id.is_some() && !ctx.tx.by_name("volume", environment, &name)?.is_empty() {
        return Err(Error::field("NotUnique", "name")
            .message(format!("the environment already has a volume called `{name}`")));
    }
    let sized = row.data.contains_key("sizeMb");
    if sized && !capabilities.iter().any(|capability| capability == storage::SIZE) {
        return Err(Error::field("InvalidOption", "sizeMb")
            .message(format!("the driver `{driver}` of volume `{name}` cannot limit its size")));
    }
    check_options(&driver, &row.data)?;
    let uri = format!("{driver}:///{name}");
    row.data.insert("driver".to_owned(), driver.into());
    row.data.entry("uri").or_insert_with(|| uri.into());
    Ok(())
}

fn text<'a>(data: &'a Map<String, Value>, field: &str) -> &'a str {
    data.get(field).and_then(Value::as_str).unwrap_or("").trim()
}

/// Options that a built-in driver cannot do anything with are refused at once.
fn check_options(driver: &str, data: &Map<String, Value>) -> Result<()> {
    let Some(known) = storage::built_in(driver) else { return Ok(()) };
    let options = data.get("driverOpts").and_then(Value::as_object).into_iter().flatten();
    let options: Options = options
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    (known.options)(&options).map(drop).map_err(|problem| {
        let code = if problem.missing { "MissingRequired" } else { "InvalidOption" };
        Error::field(code, "driverOpts").message(problem.message)
    })
}

fn create_template(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let name = creation.row.name.clone().unwrap_or_default();
    let data = &creation.row.data;
    let flag = |field: &str| data.get(field) == Some(&Value::Bool(true));
    if flag("external") && flag("perContainer") {
        return Err(Error::field("InvalidOption", "perContainer").message(format!(
            "the volume `{name}` is external: it exists once, and not once for each container"
        )));
    }
    let stack = data.get("stackId").and_then(Value::as_i64).unwrap_or(0);
    check_template_name(ctx, stack, None, &name)?;
    let driver = text(data, "driver");
    check_options(if driver.is_empty() { LOCAL } else { driver }, data)
}

fn update_template(
    ctx: &mut Ctx<'_, '_>,
    row: &crate::model::resource::Resource,
    changes: &mut Map<String, Value>,
) -> Result<()> {
    match (changes.get("name").and_then(Value::as_str), row.int("stackId")) {
        (Some(name), Some(stack)) => check_template_name(ctx, stack, Some(row.id), name),
        _ => Ok(()),
    }
}

fn check_template_name(ctx: &Ctx<'_, '_>, stack: i64, own: Option<i64>, name: &str) -> Result<()> {
    let others = ctx.tx.referrers("volumeTemplate", "stackId", stack)?;
    let same = |other: &crate::model::resource::Resource| {
        Some(other.id) != own && other.name.as_deref() == Some(name)
    };
    if others.iter().any(same) {
        return Err(Error::field("NotUnique", "name")
            .message(format!("the stack already has a volume template called `{name}`")));
    }
    Ok(())
}
