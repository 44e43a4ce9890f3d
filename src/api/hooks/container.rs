//! Containers: what a create must say, and that a running one is stopped before it is removed.

use serde_json::Value;

use super::host::{guard_system, require_infrastructure, restrict_keys};
use super::{Creation, Ctx, DENIED, Hook, links, ports, secret};
use crate::auth::{Caller, Role};
use crate::error::{Error, Result};
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::process::images;
use crate::process::instance::build;
use crate::process::site::Site;
use crate::store::Read;

/// `container`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("container") };

/// `instance`.
pub const INSTANCE: Hook = Hook {
    created: Some(|ctx, row, _| restrict_keys(ctx.tx, ctx.caller, row.id)),
    act: Some(act),
    instead_of_remove: Some("stop"),
    ..Hook::of("instance")
};

/// Containers made by one request at most.
const MOST: i64 = 1000;

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    let data = &mut creation.row.data;
    let image = data.get("imageUuid").and_then(|image| image.as_str()).unwrap_or("");
    let built = data.get("build").is_some_and(|build| !build.is_null());
    if image.trim().is_empty() && !built {
        return Err(Error::field("MissingRequired", "imageUuid")
            .message("a container needs an image, such as docker:nginx"));
    }
    if built {
        if image.trim().is_empty() {
            let name = format!("docker:built-{}", ctx.tx.entropy.uuid());
            data.insert("imageUuid".to_owned(), name.into());
        }
        build::wanted(data).map_err(|fault| {
            Error::field("InvalidFormat", "build").message(format!("`build` {fault}"))
        })?;
    }
    let names = data.get("instanceLinks").and_then(|links| links.as_object());
    for name in names.into_iter().flat_map(|links| links.keys()) {
        links::check_name(name)
            .map_err(|fault| Error { field: Some("instanceLinks".to_owned()), ..fault })?;
    }
    // Whoever says nothing has the schema's default.
    data.entry("networkMode").or_insert(Value::Null);
    if let Some(Value::Object(labels)) = data.get_mut("labels") {
        labels.shift_remove(label::MANAGED_NETWORK);
        let name = labels.get(label::DISPLAY_NAME).and_then(Value::as_str);
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            creation.row.name = Some(name.to_owned());
        }
    }
    ports::check(data.get("ports"))?;
    images::settle(ctx.tx, data, "imageUuid")?;
    images::check(ctx.tx, data)?;
    secret::check_references(data)?;
    if data.get("networkMode").and_then(|mode| mode.as_str()) == Some("container")
        && !data.contains_key("networkContainerId")
        && !data.contains_key("networkLaunchConfig")
    {
        return Err(Error::field("MissingRequired", "networkContainerId")
            .message("network mode `container` needs the container whose network is shared"));
    }
    if let Some(count) = data.shift_remove("count").and_then(|count| count.as_i64()) {
        if count > MOST {
            return Err(Error::field("MaxLimitExceeded", "count")
                .message(format!("{count} containers at once are more than {MOST}")));
        }
        creation.count = usize::try_from(count).unwrap_or(1).max(1);
    }
    Ok(())
}

/// The setting that lets restricted members run commands anywhere.
const ENTER_ANYWHERE: &str = "allow.restricted.user.exec";

/// Restricted members neither run commands in nor reach into containers that reach beyond themselves,
/// unless the setting says otherwise; what belongs to the infrastructure has a guard of its own.
pub fn guard(site: &Site, read: &Read<'_>, caller: &Caller, rows: &mut [Resource]) -> Result<()> {
    guard_system(site, read, caller, rows)?;
    for row in rows.iter_mut().filter(|row| is_agent(row)) {
        deny(row, CUTS_OFF);
    }
    let concerned = caller.role == Role::Restricted && rows.iter().any(reaches_out);
    if concerned && !read.setting_flag(ENTER_ANYWHERE)? {
        for row in rows.iter_mut().filter(|row| reaches_out(row)) {
            deny(row, &["execute", "proxy"]);
        }
    }
    Ok(())
}

fn deny(row: &mut Resource, actions: &[&str]) {
    let mut denied = row.list(DENIED).to_vec();
    denied.extend(actions.iter().map(|action| Value::from(*action)));
    row.set(DENIED, denied);
}

/// Whether a container is the agent of a host, which would cut itself off.
fn is_agent(row: &Resource) -> bool {
    row.name.as_deref() == Some(AGENT) && row.label(label::SYSTEM) == Some(AGENT)
}

/// What an agent is not told through the server that it serves.
const CUTS_OFF: &[&str] = &["start", "stop", "restart", "remove"];
/// Name of an agent's container, and what its label for the infrastructure says.
const AGENT: &str = "rancher-agent";

/// Whether a container has rights on its host or in the API.
fn reaches_out(container: &Resource) -> bool {
    container.flag("privileged")
        || !container.list("capAdd").is_empty()
        || container.label(label::CREATE_AGENT) == Some("true")
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if is_agent(row) && CUTS_OFF.contains(&action) {
        return Err(Error::field("ActionNotAvailable", "action").message(format!(
            "container `{AGENT}` is the agent of its host, which nobody could reach without it"
        )));
    }
    if row.flag("system") {
        let what = || format!("system container `{}`", row.display_name());
        require_infrastructure(ctx.tx, ctx.caller, what)?;
    }
    Ok(())
}
