//! Environments: who sees them, and what their owners may do with them.

use serde_json::{Map, Value};

use super::{Asked, Creation, Ctx, DENIED, EVERY_ACTION, Hook, member, template};
use crate::auth::{Caller, Role, access, seed};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::process;
use crate::process::site::Site;
use crate::store::{Condition, Query, Read};

/// `project`.
pub const HOOK: Hook = Hook {
    create: Some(create),
    created: Some(created),
    lists_removed: true,
    refuse_create: Some(refuse_create),
    update: Some(update),
    act: Some(act),
    instead_of_remove: Some("deactivate"),
    ..Hook::of("project")
};

const TYPE: &str = "project";
const SET_MEMBERS: &str = "setmembers";
const UPGRADE: &str = "upgrade";
const LINK: &str = "accountLink";
/// What owners only may do.
const OWNERS_ACTIONS: &[&str] = &["activate", "deactivate", "remove", "update", "purge"];
/// Environments listed at most.
const MOST: usize = 3000;

fn create(ctx: &mut Ctx<'_, '_>, creation: &mut Creation) -> Result<()> {
    check_ports(&creation.row.data)?;
    check_links(&creation.row.data, None)?;
    template::choose(ctx.tx, &mut creation.row.data)?;
    let data = &mut creation.row.data;
    match data.shift_remove("members") {
        Some(Value::Array(members)) => {
            member::check(&members)?;
            creation.members = members;
        }
        _ => creation.members = vec![member::owner(ctx.caller.user_id)],
    }
    data.insert("version".to_owned(), seed::version(ctx.tx)?.into());
    if !data.contains_key("servicesPortRange") {
        data.insert("servicesPortRange".to_owned(), seed::ports(ctx.tx)?);
    }
    Ok(())
}

/// A range of ports begins before it ends.
fn check_ports(fields: &Map<String, Value>) -> Result<()> {
    let Some(range) = fields.get("servicesPortRange").and_then(Value::as_object) else {
        return Ok(());
    };
    let port = |field: &str| range.get(field).and_then(Value::as_i64);
    match (port("startPort"), port("endPort")) {
        (Some(first), Some(last)) if first > last => {
            Err(Error::field("PortRangeWrongFormat", "servicesPortRange")
                .message(format!("a range of ports cannot begin at {first} and end at {last}")))
        }
        _ => Ok(()),
    }
}

/// An environment is not linked to itself.
fn check_links(fields: &Map<String, Value>, own: Option<i64>) -> Result<()> {
    let links = fields.get("projectLinks").and_then(Value::as_array);
    let itself = links.into_iter().flatten().any(|link| own.is_some() && link.as_i64() == own);
    if itself {
        return Err(Error::field("InvalidReference", "projectLinks")
            .message("an environment cannot be linked to itself"));
    }
    Ok(())
}

fn refuse_create(caller: &Caller) -> Result<()> {
    if caller.in_project() {
        return Err(Error::forbidden(
            "an environment cannot be made while acting in one; leave out the project id",
        ));
    }
    Ok(())
}

/// Only owners are offered actions on an environment; who may set members, a setting says.
pub fn guard(_: &Site, read: &Read<'_>, caller: &Caller, rows: &mut [Resource]) -> Result<()> {
    let setters = read.setting("project.set.member.roles")?.unwrap_or_default();
    let newest = seed::version(read)?;
    for row in rows.iter_mut().filter(|row| row.kind == TYPE) {
        let role = role_in(read, caller, row.id)?;
        let sets = caller.all_accounts
            || role.is_some_and(|role| setters.split(',').any(|own| own.trim() == role.as_str()));
        let mut denied = match (role, sets) {
            (Some(Role::Owner), true) => Vec::new(),
            (Some(Role::Owner), false) => vec![SET_MEMBERS],
            (Some(_) | None, true) => OWNERS_ACTIONS.to_vec(),
            (Some(_) | None, false) => vec![EVERY_ACTION],
        };
        if !is_older(row, &newest) {
            denied.push(UPGRADE);
        }
        row.set(DENIED, denied);
    }
    Ok(())
}

/// Whether an environment was made by a version before this one's.
fn is_older(row: &Resource, newest: &str) -> bool {
    let number = |text: &str| text.trim().parse::<i64>().unwrap_or(0);
    number(row.str("version").unwrap_or_default()) < number(newest)
}

fn created(ctx: &mut Ctx<'_, '_>, row: &Resource, creation: &mut Creation) -> Result<()> {
    for member in std::mem::take(&mut creation.members) {
        member::insert(ctx, row.id, &member)?;
    }
    link(ctx, row.id, row.list("projectLinks"))
}

/// Makes the one-way links to other environments what they are said to be.
fn link(ctx: &mut Ctx<'_, '_>, project_id: i64, wanted: &[Value]) -> Result<()> {
    let wanted: Vec<i64> = wanted.iter().filter_map(Value::as_i64).collect();
    let query = Query { ty: LINK, account_id: Some(project_id), limit: MOST, ..Query::default() };
    let existing = ctx.tx.list(&query)?;
    let leads_to = |row: &Resource| row.int("linkedAccountId");
    for old in &existing {
        if !leads_to(old).is_some_and(|target| wanted.contains(&target)) {
            ctx.tx.process_supersede(old.id)?;
            process::retire(ctx.tx, old.id)?;
        }
    }
    for target in wanted {
        if existing.iter().any(|old| leads_to(old) == Some(target)) {
            continue;
        }
        let uuid = ctx.tx.entropy.uuid();
        let new = NewResource::new(LINK, uuid)
            .account(project_id)
            .state("active")
            .with("linkedAccountId", target)
            .with("external", false);
        ctx.tx.insert(new)?;
    }
    Ok(())
}

/// The caller's role in an environment; whoever sees all accounts owns every one.
pub fn role_in(read: &Read<'_>, caller: &Caller, project_id: i64) -> Result<Option<Role>> {
    if caller.account_id == project_id {
        return Ok(Some(caller.role));
    }
    if caller.all_accounts {
        return Ok(Some(Role::Owner));
    }
    access::membership(read, project_id, caller.user_id)
}

fn require_owner(ctx: &Ctx<'_, '_>, row: &Resource, message: &str) -> Result<()> {
    match role_in(ctx.tx, ctx.caller, row.id)? {
        Some(Role::Owner) => Ok(()),
        Some(_) | None => Err(Error::forbidden(message)),
    }
}

fn update(ctx: &mut Ctx<'_, '_>, row: &Resource, changes: &mut Map<String, Value>) -> Result<()> {
    require_owner(ctx, row, "You must be a project owner to update the name or description.")?;
    check_ports(changes)?;
    check_links(changes, Some(row.id))?;
    match changes.get("projectLinks").and_then(Value::as_array) {
        Some(wanted) => link(ctx, row.id, wanted),
        None => Ok(()),
    }
}

fn act(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    if action == SET_MEMBERS {
        return member::require_setter(ctx, row);
    }
    let message = format!("only an owner may {action} the environment `{}`", row.display_name());
    require_owner(ctx, row, &message)
}

/// An environment is seen by its members, an inactive one by its owners.
pub fn sees(read: &Read<'_>, caller: &Caller, row: &Resource) -> Result<bool> {
    if row.kind != TYPE {
        return Ok(false);
    }
    let role = access::membership(read, row.id, caller.user_id)?;
    Ok(match role {
        Some(Role::Owner) => true,
        Some(_) => row.state == "active" || row.state.starts_with("updating"),
        None => false,
    })
}

/// Environments the caller is a member of; with `all=true` an administrator's list has every one.
/// Filters: `id`, `uuid` and `name` only, in any letter case.
pub fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let everything = asked.caller.all_accounts && asked.params.flag("all");
    let kept = |condition: &Condition| {
        matches!(condition.field.as_str(), "id" | "uuid" | "name" | "state" | "removed")
    };
    let query = Query {
        ty: asked.entry.base,
        kinds: vec![asked.entry.ty.name],
        with_removed: asked.listing.with_removed,
        conditions: asked.listing.conditions.iter().filter(|c| kept(c)).cloned().collect(),
        limit: MOST,
        ..Query::default()
    };
    if everything {
        return asked.read.list(&query);
    }
    let own = if asked.caller.user_kind == "project" {
        vec![asked.caller.user_id]
    } else {
        access::projects_of(asked.read, asked.caller.user_id)?
    };
    let mut rows = Vec::new();
    for row in asked.read.list(&query)? {
        let mine = own.contains(&row.id);
        if mine && (asked.caller.all_accounts || super::is_visible(asked.read, asked.caller, &row)?)
        {
            rows.push(row);
        }
    }
    Ok(rows)
}
