//! What a role may do with a type, its fields and its actions: a table, not code.
//!
//! The declarations in `model/types` say which [`Audience`] each thing is open to; this file says which
//! audience a role belongs to and where a role departs from that. What no rule allows is denied.

mod exceptions;

use self::exceptions::{EXCEPTIONS, Rule, Use};
use super::caller::Role;
use crate::model::registry::Entry;
use crate::model::schema::{Action, Audience, Field};

/// What a request wants to do with a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `GET` a collection.
    List,
    /// `POST` to a collection.
    Create,
    /// `GET` a resource.
    Get,
    /// `PUT` a resource.
    Update,
    /// `DELETE` a resource.
    Delete,
}

/// The least audience that still includes a role.
const fn rank(role: Role) -> Option<Audience> {
    match role {
        Role::Superadmin => Some(Audience::Super),
        Role::Admin | Role::Service | Role::ReadAdmin => Some(Audience::Admin),
        Role::User
        | Role::Owner
        | Role::Member
        | Role::Restricted
        | Role::ReadOnly
        | Role::Project => Some(Audience::Project),
        Role::Token => None,
    }
}

/// Whether something open to `audience` is open to `role`.
fn includes(audience: Audience, role: Role) -> bool {
    audience != Audience::Nobody && rank(role).is_some_and(|rank| rank <= audience)
}

/// The departures for a role and a type.
fn exceptions(role: Role, entry: &Entry) -> impl Iterator<Item = &'static Rule> + use<> {
    let name = entry.ty.name;
    let first = EXCEPTIONS.partition_point(|row| row.ty < name);
    let rows = EXCEPTIONS.iter().skip(first).take_while(move |row| row.ty == name);
    rows.filter(move |row| row.roles.contains(&role)).map(|row| &row.rule)
}

/// How a departure lets a role use a field.
fn field_use(role: Role, entry: &Entry, field: &Field) -> Option<Use> {
    exceptions(role, entry).find_map(|rule| match rule {
        Rule::Fields(use_, names) if names.contains(&field.name) => Some(*use_),
        Rule::Fields(..) | Rule::Hidden | Rule::NoActions | Rule::Shown | Rule::Verbs(_) => None,
    })
}

/// Whether a role changes nothing anywhere.
const fn is_reader(role: Role) -> bool {
    match role {
        Role::ReadOnly | Role::ReadAdmin => true,
        Role::Superadmin
        | Role::Admin
        | Role::Service
        | Role::User
        | Role::Owner
        | Role::Member
        | Role::Restricted
        | Role::Project
        | Role::Token => false,
    }
}

/// The one action of those who only read.
const READERS_ACTION: &str = "logs";

/// Whether the role is served the type's schema at all; without it every use of the type is 404.
pub fn sees(role: Role, entry: &Entry) -> bool {
    let declared = includes(entry.ty.audience, role);
    exceptions(role, entry).fold(declared, |seen, rule| match rule {
        Rule::Hidden => false,
        Rule::Shown => true,
        Rule::Fields(..) | Rule::NoActions | Rule::Verbs(_) => seen,
    })
}

/// Whether the role may use a method of a type.
pub fn may(role: Role, entry: &Entry, verb: Verb) -> bool {
    let methods = &entry.ty.methods;
    let audience = match verb {
        Verb::List => methods.list,
        Verb::Create => methods.create,
        Verb::Get => methods.get,
        Verb::Update => methods.update,
        Verb::Delete => methods.delete,
    };
    let allowed = exceptions(role, entry)
        .find_map(|rule| match rule {
            Rule::Verbs(verbs) => Some(verbs.contains(&verb)),
            Rule::Fields(..) | Rule::Hidden | Rule::NoActions | Rule::Shown => None,
        })
        .unwrap_or_else(|| includes(audience, role));
    let reads = matches!(verb, Verb::List | Verb::Get);
    allowed && sees(role, entry) && (reads || !is_reader(role))
}

/// Whether the role is shown a field (once, for a field of [`Field::read_on_create_only`]).
pub fn may_read(role: Role, entry: &Entry, field: &Field) -> bool {
    sees(role, entry)
        && field_use(role, entry, field).map_or_else(|| includes(field.read, role), Use::reads)
}

/// Whether the role may give a field on create.
pub fn may_create(role: Role, entry: &Entry, field: &Field) -> bool {
    match field_use(role, entry, field) {
        Some(use_) => use_.creates() && !is_reader(role),
        None => includes(field.create, role) && may_write(role, entry, field),
    }
}

/// Whether the role may change a field.
pub fn may_update(role: Role, entry: &Entry, field: &Field) -> bool {
    field_use(role, entry, field).is_none()
        && includes(field.update, role)
        && may_write(role, entry, field)
}

/// Nobody writes what they are never shown, but for secrets that are shown to nobody.
fn may_write(role: Role, entry: &Entry, field: &Field) -> bool {
    !is_reader(role) && (field.input_only || may_read(role, entry, field)) && sees(role, entry)
}

/// Whether the role is offered an action.
pub fn may_act(role: Role, entry: &Entry, action: &Action) -> bool {
    let none = exceptions(role, entry).any(|rule| matches!(rule, Rule::NoActions));
    includes(action.by, role)
        && sees(role, entry)
        && !none
        && (!is_reader(role) || action.name == READERS_ACTION)
}

/// Whether the role has a say over infrastructure (hosts, registration, system stacks), by the setting
/// `modify.infrastructure.roles`: role words separated by commas.
pub fn may_modify_infrastructure(role: Role, setting: &str) -> bool {
    !is_reader(role)
        && role != Role::Token
        && setting.split(',').any(|word| word.trim() == role.as_str())
}

#[cfg(test)]
mod tests;
