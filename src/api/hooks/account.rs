//! Accounts: their kind, and that an administrator is always left.

use serde_json::{Map, Value};

use super::{Creation, Ctx, Hook};
use crate::auth::access;
use crate::error::{Error, Result};
use crate::model::resource::Resource;

/// `account`.
pub const HOOK: Hook =
    Hook { create: Some(create), update: Some(update), act: Some(act), ..Hook::of("account") };

/// Kinds that an administrator may give.
const KINDS: &[&str] = &[
    "admin",
    "agent",
    "agentRegister",
    "environment",
    "projectadmin",
    "readAdmin",
    "registeredAgent",
    "service",
    "user",
];

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    creation.row.account_id = None;
    if ctx.entry.is_child() {
        return Ok(());
    }
    if let Some(kind) = creation.kind.take() {
        check_kind(&kind)?;
        creation.row.kind = kind;
    }
    Ok(())
}

fn check_kind(kind: &str) -> Result<()> {
    if KINDS.contains(&kind) {
        return Ok(());
    }
    Err(Error::field("InvalidOption", "kind")
        .message(format!("an account's kind is one of {}, not `{kind}`", KINDS.join(", "))))
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    let Some(kind) = changes.get("kind").and_then(Value::as_str) else { return Ok(()) };
    if ctx.entry.is_child() {
        changes.shift_remove("kind");
        return Ok(());
    }
    check_kind(kind)?;
    if row.kind == "admin" && kind != "admin" {
        access::guard_last_admin(ctx.tx, row.id)?;
    }
    Ok(())
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if row.kind == "admin" && matches!(action, "deactivate" | "remove") {
        access::guard_last_admin(ctx.tx, row.id)?;
    }
    Ok(())
}
