//! Stacks: their names, and actions on all their services.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::host::{require_infrastructure, restrict_keys};
use super::{Access, Answer, Attachment, Creation, Ctx, Hook, export};
use crate::controller::deploy;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process;
use crate::process::site::Site;

/// `stack`.
pub const HOOK: Hook = Hook {
    trial: Some(try_out),
    action_trial: Some(try_action),
    create: Some(create),
    created: Some(created),
    update: Some(update),
    act: Some(act),
    check: Some(check),
    ..Hook::of("stack")
};

/// Refuses files with lines for HAProxy that it does not take, before the stack is made.
fn try_out<'a>(
    site: &'a Arc<Site>,
    before: Option<&'a Resource>,
    stack: &'a Resource,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match before {
            // Its files change in an upgrade only.
            Some(_) => Ok(()),
            None => deploy::check_stack(site, stack).await,
        }
    })
}

/// The same before an upgrade begins.
fn try_action<'a>(
    site: &'a Arc<Site>,
    stack: &'a Resource,
    action: &'a str,
    input: &'a Map<String, Value>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        match action {
            "upgrade" => deploy::check_upgraded(site, stack, input).await,
            _ => Ok(()),
        }
    })
}

/// An upgrade whose files are wrong changes nothing.
fn check(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    action: &str,
    input: &mut Map<String, Value>,
) -> Result<()> {
    if action != "upgrade" {
        return Ok(());
    }
    restrict_keys(ctx.tx, ctx.caller, row.id)?;
    deploy::check_upgrade(ctx.tx, ctx.vault, row, input)
}

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    if creation.row.data.get("system") == Some(&Value::Bool(true)) {
        require_infrastructure(ctx.tx, ctx.caller, || "system stacks".to_owned())?;
    }
    deploy::answers::check_launch(&creation.row.data)?;
    let name = creation.row.name.clone().unwrap_or_default();
    check_name(ctx, creation.row.account_id, None, &name)
}

/// The secrets among a stack's files are never stored as they came.
fn created(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &mut Creation) -> Result<()> {
    restrict_keys(ctx.tx, ctx.caller, row.id)?;
    deploy::conceal(ctx.tx, ctx.vault, row)
}

fn check_name(
    ctx: &Ctx<'_, '_>,
    account_id: Option<i64>,
    own: Option<i64>,
    name: &str,
) -> Result<()> {
    if name.starts_with('-') || name.ends_with('-') {
        return Err(Error::field("InvalidCharacters", "name")
            .message(format!("stack name `{name}` begins or ends with a dash")));
    }
    let others = ctx.tx.by_name("stack", account_id, name)?;
    if others.iter().any(|other| Some(other.id) != own) {
        return Err(Error::field("NotUnique", "name")
            .message(format!("there is already a stack called `{name}`")));
    }
    Ok(())
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    act(ctx, row, "update")?;
    if changes.get("system") == Some(&Value::Bool(true)) {
        require_infrastructure(ctx.tx, ctx.caller, || "system stacks".to_owned())?;
    }
    match changes.get("name").and_then(Value::as_str) {
        Some(name) => check_name(ctx, row.account_id, Some(row.id), name),
        None => Ok(()),
    }
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if action == "remove" {
        for service in services(ctx, row)? {
            super::service::check_driver(ctx, &service)?;
        }
    }
    if row.flag("system") {
        let what = || format!("system stack `{}`", row.display_name());
        require_infrastructure(ctx.tx, ctx.caller, what)?;
    }
    Ok(())
}

fn services(ctx: &Ctx<'_, '_>, row: &Resource) -> Result<Vec<Resource>> {
    ctx.tx.referrers("service", "stackId", row.id)
}

/// `activateservices`: activates every service that can be, after those that it is linked to.
///
/// # Errors
/// When the database fails.
pub fn activate_services(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    _: Map<String, Value>,
) -> Result<Answer> {
    let services = services(ctx, row)?;
    process::order::activate(ctx.tx, &services)?;
    Ok(Answer::Row(row.clone()))
}

/// States of a service that `deactivateservices` passes over.
const AT_REST: &[&str] =
    &["inactive", "deactivating", "registering", "removing", "removed", "purged"];

/// `deactivateservices`: deactivates every service, or none.
///
/// # Errors
/// 422 `InvalidState` when one of them cannot be deactivated now.
pub fn deactivate_services(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    _: Map<String, Value>,
) -> Result<Answer> {
    for service in services(ctx, row)? {
        if AT_REST.contains(&service.state.as_str()) {
            continue;
        }
        if !process::may_begin(&service, "deactivate") {
            return Err(Error::code("InvalidState").message(format!(
                "service `{}` is {}; it cannot be deactivated now",
                service.display_name(),
                service.state
            )));
        }
        process::start(ctx.tx, service.id, "deactivate", Map::new())?;
    }
    Ok(Answer::Row(row.clone()))
}

/// `exportconfig`: the stack, or some of its services, as compose files.
///
/// # Errors
/// When the database fails.
pub fn export_config(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    input: Map<String, Value>,
) -> Result<Answer> {
    let wanted: Vec<i64> = input
        .get("serviceIds")
        .and_then(Value::as_array)
        .map(|ids| ids.iter().filter_map(Value::as_i64).collect())
        .unwrap_or_default();
    let files = export::composed(ctx.tx, row, &wanted)?;
    let answer = process::object(json!({
        "dockerComposeConfig": files.docker_compose,
        "rancherComposeConfig": files.rancher_compose,
    }));
    Ok(Answer::Object("composeConfig", answer))
}

/// `composeConfig`: the compose files in an archive.
///
/// # Errors
/// When the database fails.
pub fn compose_config(access: &Access<'_>) -> Result<Answer> {
    let files = export::composed(access.read, access.row, &[])?;
    let named = [
        ("docker-compose.yml", files.docker_compose),
        ("rancher-compose.yml", files.rancher_compose),
    ];
    let archive = pack(&named).map_err(Error::internal)?;
    Ok(Answer::File(Attachment::Bytes("compose.zip".into(), "application/zip", archive)))
}

fn pack(files: &[(&str, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in files {
        archive.start_file(*name, stored)?;
        archive.write_all(text.as_bytes())?;
    }
    Ok(archive.finish()?.into_inner())
}

/// `addoutputs`: adds to the stack's outputs.
///
/// # Errors
/// When the database fails.
pub fn add_outputs(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    mut input: Map<String, Value>,
) -> Result<Answer> {
    let added = match input.shift_remove("outputs") {
        Some(Value::Object(added)) => added,
        _ => Map::new(),
    };
    let row = ctx.tx.update(row.id, |row| {
        let mut outputs = row.map("outputs").cloned().unwrap_or_default();
        outputs.extend(added);
        row.set("outputs", Value::Object(outputs));
        Ok(())
    })?;
    Ok(Answer::Row(row))
}
