//! Hosts: only roles with a say over the infrastructure change them.

use serde_json::{Map, Value};

use super::{Ctx, Hook};
use crate::auth::{Caller, policy};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::Read;

/// `host`.
pub const HOOK: Hook = Hook { update: Some(update), act: Some(act), ..Hook::of("host") };

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &mut Map<String, Value>) -> Result<()> {
    require_infrastructure(ctx.tx, ctx.caller, || format!("host `{}`", row.display_name()))
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, _: &str) -> Result<()> {
    require_infrastructure(ctx.tx, ctx.caller, || format!("host `{}`", row.display_name()))
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
    let roles = read.setting("modify.infrastructure.roles")?.unwrap_or_default();
    if policy::may_modify_infrastructure(caller.role, &roles) {
        return Ok(());
    }
    let role = caller.role.as_str();
    Err(Error::forbidden(format!("the role {role} may not change {}", what())))
}
