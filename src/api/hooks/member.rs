//! Members of environments.

use serde_json::{Map, Value, json};

use super::project::role_in;
use super::{Answer, Ctx, DENIED, EVERY_ACTION, Hook};
use crate::auth::{Caller, Role, access, identities};
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::resource::{NewResource, Resource};
use crate::process::site::Site;
use crate::store::{Read, Tx};

/// `projectMember`.
pub const HOOK: Hook =
    Hook { act: Some(act), refuse_create: Some(refuse_create), ..Hook::of(TYPE) };

const TYPE: &str = "projectMember";

/// Members are set all at once, so that an environment always has an owner.
fn refuse_create(_: &Caller) -> Result<()> {
    Err(Error::status(405).message("members are set by the action `setmembers` of the environment"))
}

fn invalid(message: impl Into<String>) -> Error {
    Error { status: 400, ..Error::code("InvalidFormat") }.message(message)
}

fn text<'a>(member: &'a Value, field: &str) -> &'a str {
    member.get(field).and_then(Value::as_str).unwrap_or("")
}

/// The account itself as owner.
pub fn owner(account_id: i64) -> Value {
    json!({
        "externalId": id::format("a", account_id),
        "externalIdType": identities::LOCAL,
        "role": "owner",
    })
}

/// Checks a list of members.
///
/// # Errors
/// 400 `InvalidFormat` when an entry is incomplete or nobody is owner.
pub fn check(members: &[Value]) -> Result<()> {
    for member in members {
        for field in ["externalId", "externalIdType", "role"] {
            if text(member, field).trim().is_empty() {
                return Err(invalid(format!("every member needs `{field}`")));
            }
        }
    }
    if !members.iter().any(|member| text(member, "role") == "owner") {
        return Err(invalid("Members list does not have an owner"));
    }
    Ok(())
}

/// External ids of local accounts are kept as clients see them, whichever way they are given.
fn external_id(member: &Value) -> String {
    let given = text(member, "externalId").trim();
    if text(member, "externalIdType") != identities::LOCAL {
        return given.to_owned();
    }
    let number = id::parse(given).or_else(|| given.parse().ok());
    number.map_or_else(|| given.to_owned(), |number| id::format("a", number))
}

/// Makes a member of an environment.
pub fn insert(ctx: &mut Ctx<'_, '_>, project_id: i64, member: &Value) -> Result<Resource> {
    let external = external_id(member);
    let local = text(member, "externalIdType") == identities::LOCAL;
    if local && !is_account(ctx.tx, &external)? {
        return Err(invalid(format!("no account has the id `{external}`")));
    }
    let uuid = ctx.tx.entropy.uuid();
    let mut new = NewResource::new(TYPE, uuid)
        .account(project_id)
        .with("projectId", project_id)
        .with("externalId", external)
        .with("externalIdType", text(member, "externalIdType"))
        .with("role", text(member, "role"));
    new.name = Some(text(member, "name").to_owned()).filter(|name| !name.is_empty());
    // Nothing has to be done for a membership: it counts from this transaction on.
    ctx.tx.insert(new.state("active"))
}

fn is_account(read: &Read<'_>, external: &str) -> Result<bool> {
    let Some(id) = id::parse(external) else { return Ok(false) };
    Ok(read.get(id)?.is_some_and(|row| row.ty == "account" && row.removed.is_none()))
}

/// Whether the caller is a member of the environment that a membership is of.
pub fn sees(read: &Read<'_>, caller: &Caller, row: &Resource) -> Result<bool> {
    let Some(project) = row.int("projectId") else { return Ok(false) };
    Ok(access::membership(read, project, caller.user_id)?.is_some())
}

/// Whether the caller may end or change a membership: who may set members may, and only an owner or who
/// sees all accounts where an owner is concerned.
fn may_change(read: &Read<'_>, caller: &Caller, member: &Resource) -> Result<bool> {
    if caller.all_accounts {
        return Ok(true);
    }
    let Some(project) = member.int("projectId") else { return Ok(false) };
    let Some(role) = role_in(read, caller, project)? else { return Ok(false) };
    let owners_only = member.str("role") == Some("owner");
    Ok(sets_members(read, role)? && (role == Role::Owner || !owners_only))
}

/// Offers nothing on memberships that the caller may not change.
pub fn guard(_: &Site, read: &Read<'_>, caller: &Caller, rows: &mut [Resource]) -> Result<()> {
    for row in rows {
        if !may_change(read, caller, row)? {
            row.set(DENIED, vec![EVERY_ACTION]);
        }
    }
    Ok(())
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if !may_change(ctx.tx, ctx.caller, row)? {
        return Err(Error::forbidden(format!("you may not {action} this membership")));
    }
    if row.str("role") == Some("owner") && matches!(action, "deactivate" | "remove" | "purge") {
        return require_other_owner(ctx.tx, row);
    }
    Ok(())
}

/// An environment has an owner at all times.
fn require_other_owner(read: &Read<'_>, member: &Resource) -> Result<()> {
    let Some(project) = member.int("projectId") else { return Ok(()) };
    let others = read.referrers(TYPE, "projectId", project)?;
    let is_owner = |other: &Resource| {
        other.id != member.id && other.str("role") == Some("owner") && access::is_usable(other)
    };
    if member.removed.is_some() || others.iter().any(is_owner) {
        return Ok(());
    }
    Err(invalid("Members list does not have an owner"))
}

/// Whether a role may set members: the setting `project.set.member.roles` names the roles.
fn sets_members(read: &Read<'_>, role: Role) -> Result<bool> {
    let allowed = read.setting("project.set.member.roles")?.unwrap_or_default();
    Ok(allowed.split(',').any(|allowed| allowed.trim() == role.as_str()))
}

/// Refuses whoever may not set members: the setting `project.set.member.roles` names the roles.
pub fn require_setter(ctx: &Ctx<'_, '_>, row: &Resource) -> Result<()> {
    let may = match role_in(ctx.tx, ctx.caller, row.id)? {
        Some(role) => sets_members(ctx.tx, role)?,
        None => false,
    };
    if may || ctx.caller.all_accounts {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "you may not set the members of the environment `{}`",
        row.display_name()
    )))
}

/// Who is who among members: external id and its kind.
fn key(member: &Resource) -> (String, String) {
    let text = |field: &str| member.str(field).unwrap_or("").to_owned();
    (text("externalIdType"), text("externalId"))
}

/// `setmembers`: replaces the whole list, answers the new one.
///
/// # Errors
/// 400 for a bad list, or one that changes owners when the caller is none.
pub fn set_members(
    ctx: &mut Ctx<'_, '_>,
    row: &Resource,
    input: Map<String, Value>,
) -> Result<Answer> {
    let wanted = input.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
    check(&wanted)?;
    let existing = ctx.tx.referrers(TYPE, "projectId", row.id)?;
    if role_in(ctx.tx, ctx.caller, row.id)? != Some(Role::Owner) {
        check_same_owners(&existing, &wanted)?;
    }
    let mut kept = Vec::new();
    for member in &wanted {
        let same = existing.iter().find(|old| {
            let wanted_key = (text(member, "externalIdType").to_owned(), external_id(member));
            key(old) == wanted_key && old.str("role") == Some(text(member, "role"))
        });
        match same {
            Some(old) if kept.contains(&old.id) => {}
            Some(old) => kept.push(old.id),
            None => kept.push(insert(ctx, row.id, member)?.id),
        }
    }
    for old in existing.iter().filter(|old| !kept.contains(&old.id)) {
        remove(ctx.tx, old)?;
    }
    Ok(Answer::Rows(TYPE, ctx.tx.referrers(TYPE, "projectId", row.id)?))
}

fn check_same_owners(existing: &[Resource], wanted: &[Value]) -> Result<()> {
    let mut before: Vec<_> =
        existing.iter().filter(|old| old.str("role") == Some("owner")).map(key).collect();
    let mut after: Vec<_> = wanted
        .iter()
        .filter(|member| text(member, "role") == "owner")
        .map(|member| (text(member, "externalIdType").to_owned(), external_id(member)))
        .collect();
    before.sort_unstable();
    after.sort_unstable();
    if before == after {
        return Ok(());
    }
    Err(invalid("only an owner may change who the owners are"))
}

/// A membership ends at once: it must not count a moment longer.
fn remove(tx: &mut Tx<'_>, member: &Resource) -> Result<()> {
    tx.process_supersede(member.id)?;
    let now = tx.now;
    tx.update(member.id, |row| {
        row.removed = Some(now);
        crate::model::lifecycle::REMOVED.clone_into(&mut row.state);
        Ok(())
    })?;
    Ok(())
}
