//! Preferences of people: one of each name for an account.

use super::sources::Picker;
use super::{Asked, Creation, Ctx, Hook};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::{Query, Read};

/// `userPreference`.
pub const HOOK: Hook = Hook { create: Some(create), update: Some(update), ..Hook::of(TYPE) };

const TYPE: &str = "userPreference";
/// Preferences looked at at most.
const MOST: usize = 10_000;

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    check_name(ctx.tx, creation.row.account_id, creation.row.name.as_deref(), None)
}

fn update(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    changes: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<()> {
    let name = changes.get("name").and_then(|name| name.as_str());
    check_name(ctx.tx, row.account_id, name, Some(row.id))
}

fn check_name(
    read: &Read<'_>,
    account_id: Option<i64>,
    name: Option<&str>,
    own: Option<i64>,
) -> Result<()> {
    let Some(name) = name else { return Ok(()) };
    let others = read.by_name(TYPE, account_id, name)?;
    if others.iter().any(|row| Some(row.id) != own && row.name.as_deref() == Some(name)) {
        return Err(Error::field("NotUnique", "name")
            .message(format!("there is already a preference called `{name}`")));
    }
    Ok(())
}

/// The caller's own; with `all=true`, an administrator's list has everybody's.
pub fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let everybody = asked.caller.all_accounts && asked.params.flag("all");
    let rows = asked.read.list(&Query {
        ty: TYPE,
        account_id: (!everybody).then_some(asked.caller.account_id),
        with_removed: asked.listing.with_removed,
        limit: MOST,
        ..Query::default()
    })?;
    let mut picker = Picker::new(asked.listing);
    // A page that is full wants no more.
    let _ = rows.into_iter().all(|row| picker.offer(row));
    Ok(picker.page())
}
