//! Containers: what a create must say, and that a running one is stopped before it is removed.

use super::host::{guard_system, require_infrastructure};
use super::{Creation, Ctx, DENIED, Hook, links, ports, secret};
use crate::auth::{Caller, Role};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::images;
use crate::process::instance::build;
use crate::process::site::Site;
use crate::store::Read;

/// `container`.
pub const HOOK: Hook = Hook { create: Some(create), ..Hook::of("container") };

/// `instance`.
pub const INSTANCE: Hook =
    Hook { act: Some(act), instead_of_remove: Some("stop"), ..Hook::of("instance") };

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
    let concerned = caller.role == Role::Restricted && rows.iter().any(reaches_out);
    if concerned && !read.setting_flag(ENTER_ANYWHERE)? {
        for row in rows.iter_mut().filter(|row| reaches_out(row)) {
            let mut denied = row.list(DENIED).to_vec();
            denied.extend(["execute".into(), "proxy".into()]);
            row.set(DENIED, denied);
        }
    }
    Ok(())
}

/// Whether a container has rights on its host or in the API.
fn reaches_out(container: &Resource) -> bool {
    let agent = container.map("labels").and_then(|labels| labels.get(AGENT_LABEL));
    container.flag("privileged")
        || !container.list("capAdd").is_empty()
        || agent.is_some_and(|agent| agent.as_str() == Some("true"))
}

/// A container with this label gets a key to the API.
const AGENT_LABEL: &str = "io.rancher.container.create_agent";

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &str) -> Result<()> {
    if row.flag("system") {
        let what = || format!("system container `{}`", row.display_name());
        require_infrastructure(ctx.tx, ctx.caller, what)?;
    }
    Ok(())
}
