//! Hosts: only roles with a say over the infrastructure change them.

use serde_json::{Map, Value};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Access, Answer, Attachment, Creation, Ctx, DENIED, EVERY_ACTION, Hook, machine};
use crate::auth::{Caller, policy};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process;
use crate::process::keys;
use crate::process::machine::bundle;
use crate::process::site::Site;
use crate::store::{Read, Tx};

/// Where a machine keeps what the program that made it left.
const EXTRACTED: &str = "extractedConfig";
/// Marks a host, while it is shown, whose machine keeps it.
pub const HAS_CONFIG: &str = "\u{1}config";

/// `host`.
pub const HOOK: Hook =
    Hook { create: Some(create), update: Some(update), act: Some(act), ..Hook::of("host") };

/// A host that somebody makes is made by a driver.
fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    machine::configure(ctx, creation)?;
    creation.row.kind = "docker".to_owned();
    creation.row.data.insert("agentState".to_owned(), "connecting".into());
    Ok(())
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &mut Map<String, Value>) -> Result<()> {
    require_infrastructure(ctx.tx, ctx.caller, || format!("host `{}`", row.display_name()))
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &str) -> Result<()> {
    require_infrastructure(ctx.tx, ctx.caller, || format!("host `{}`", row.display_name()))
}

/// Hosts offer nothing to roles without a say over the infrastructure.
pub fn guard(_: &Site, read: &Read<'_>, caller: &Caller, rows: &mut [Resource]) -> Result<()> {
    if !may_modify(read, caller)? {
        rows.iter_mut().for_each(|row| row.set(DENIED, vec![EVERY_ACTION]));
    }
    Ok(())
}

/// What belongs to the infrastructure offers them nothing either.
pub fn guard_system(
    _: &Site,
    read: &Read<'_>,
    caller: &Caller,
    rows: &mut [Resource],
) -> Result<()> {
    if rows.iter().any(|row| row.flag("system")) && !may_modify(read, caller)? {
        let system = rows.iter_mut().filter(|row| row.flag("system"));
        system.for_each(|row| row.set(DENIED, vec![EVERY_ACTION]));
    }
    Ok(())
}

/// Whether a caller's role has a say over the infrastructure.
pub fn may_modify(read: &Read<'_>, caller: &Caller) -> Result<bool> {
    let roles = read.setting("modify.infrastructure.roles")?.unwrap_or_default();
    Ok(policy::may_modify_infrastructure(caller.role, &roles))
}

/// Refuses a caller whose role the setting `modify.infrastructure.roles` does not name.
///
/// # Errors
/// 403.
pub fn require_infrastructure(
    read: &Read<'_>,
    caller: &Caller,
    what: impl FnOnce() -> String,
) -> Result<()> {
    if may_modify(read, caller)? {
        return Ok(());
    }
    let role = caller.role.as_str();
    Err(Error::forbidden(format!("the role {role} may not change {}", what())))
}

/// Remembers on a container, service or stack that somebody without a say over the infrastructure has decided
/// what runs in it: keys of its containers have none, either, for as long as it lives.
///
/// # Errors
/// When the database fails.
pub fn restrict_keys(tx: &mut Tx<'_>, caller: &Caller, id: i64) -> Result<()> {
    if !may_modify(tx, caller)? {
        tx.update(id, |row| {
            row.set(keys::RESTRICTED, true);
            Ok(())
        })?;
    }
    Ok(())
}

/// `evacuate`: the host takes nothing new, and its containers go; services make theirs again
/// elsewhere.
///
/// # Errors
/// When the database fails.
pub fn evacuate(ctx: &mut Ctx<'_, '_>, row: &Resource, _: Map<String, Value>) -> Result<Answer> {
    Ok(Answer::Row(process::host::evacuate(ctx.tx, row)?))
}

/// `config` of a machine: what is needed to log in there. A program that made it may have left an archive of
/// its own; else it is made of what the driver was given.
///
/// # Errors
/// 404 when there is nothing, or the caller has no say over the infrastructure.
pub fn machine_config(access: &Access<'_>) -> Result<Answer> {
    config_of(access, access.row)
}

/// `config` of a host: that of its machine.
///
/// # Errors
/// 404 when there is none.
pub fn config(access: &Access<'_>) -> Result<Answer> {
    let machine = access.row.int("physicalHostId").map(|id| access.read.get(id)).transpose()?;
    let machine = machine.flatten().ok_or_else(no_config)?;
    config_of(access, &machine)
}

fn no_config() -> Error {
    Error::not_found().message("the machine has no configuration")
}

fn config_of(access: &Access<'_>, machine: &Resource) -> Result<Answer> {
    if !may_modify(access.read, access.caller)? {
        return Err(no_config());
    }
    let archive = match machine.str(EXTRACTED).and_then(|text| STANDARD.decode(text).ok()) {
        Some(kept) => kept,
        None if keeps_config(machine) => bundle::archive(&access.state.site.vault, machine)?,
        None => return Err(no_config()),
    };
    Ok(Answer::File(Attachment::Bytes(
        "machine.tar.gz".into(),
        "application/octet-stream",
        archive,
    )))
}

/// Whether a machine has a configuration: one that is gone has none any more.
fn keeps_config(machine: &Resource) -> bool {
    let made = machine.data.get(EXTRACTED).is_some() || machine.str("driver").is_some();
    made && machine.removed.is_none()
}

/// Marks the hosts whose machine has a configuration.
pub fn mark_config(read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    for row in rows {
        let machine = row.int("physicalHostId").map(|id| read.get(id)).transpose()?.flatten();
        if machine.is_some_and(|machine| keeps_config(&machine)) {
            row.set(HAS_CONFIG, true);
        }
    }
    Ok(())
}
