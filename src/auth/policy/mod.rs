//! What a role may do with a type, its fields and its actions: a table, not code.
//!
//! The declarations in `model/types` say which [`Audience`] each thing is open to; this file says which
//! roles are in an audience, `departures` where a role departs from that, and `closed` what the roles see
//! that are in no audience. What no rule allows is denied.

mod closed;
mod departures;
mod rule;

use self::closed::CLOSED;
use self::departures::DEPARTURES;
use self::rule::Rule;
use super::caller::Role;
use crate::model::audience::Audience;
use crate::model::registry::Entry;
use crate::model::schema::{Action, Field, Source};

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

/// Whether something open to `audience` is open to `role`.
const fn includes(audience: Audience, role: Role) -> bool {
    let (inside, outside, admin) = match role {
        Role::Superadmin => return !matches!(audience, Audience::Nobody),
        Role::Service => {
            return !matches!(audience, Audience::Nobody | Audience::Super);
        }
        Role::Admin | Role::ReadAdmin => (false, true, true),
        Role::User => (false, true, false),
        Role::Owner
        | Role::Member
        | Role::Restricted
        | Role::ReadOnly
        | Role::Project
        | Role::Environment
        | Role::ProjectAdmin => (true, false, false),
        Role::Agent | Role::AgentRegister | Role::Register | Role::Token => return false,
    };
    match audience {
        Audience::Nobody | Audience::Super | Audience::Service => false,
        Audience::Admin => admin,
        Audience::Inside => inside,
        Audience::Outside => outside,
        Audience::Everyone => true,
    }
}

/// The rows for a role and a type.
fn rules(role: Role, entry: &Entry) -> impl Iterator<Item = &'static Rule> + use<> {
    let name = entry.ty.name;
    [DEPARTURES, CLOSED].into_iter().flat_map(move |table| {
        let first = table.partition_point(|row| row.ty < name);
        let rows = table.iter().skip(first).take_while(move |row| row.ty == name);
        rows.filter(move |row| row.roles.contains(&role)).map(|row| &row.rule)
    })
}

/// The letters by which a row lets a role use a field.
fn letters(role: Role, entry: &Entry, field: &Field) -> Option<&'static str> {
    rules(role, entry).find_map(|rule| match rule {
        Rule::Fields(letters, names) if names.contains(&field.name) => Some(*letters),
        Rule::Fields(..)
        | Rule::Hidden
        | Rule::NoActions
        | Rule::Action(_)
        | Rule::Shown
        | Rule::Verbs(_) => None,
    })
}

/// Whether a role changes nothing anywhere.
const fn is_reader(role: Role) -> bool {
    matches!(role, Role::ReadOnly | Role::ReadAdmin)
}

/// What follows from a row's process or place and is written by nobody, not even by the superadmin.
const DERIVED: &[&str] = &[
    "created",
    "id",
    "removed",
    "state",
    "transitioning",
    "transitioningMessage",
    "transitioningProgress",
];

/// The one action of those who only read.
const READERS_ACTION: &str = "logs";

/// Whether the role is served the type's schema at all; without it every use of the type is 404.
pub fn sees(role: Role, entry: &Entry) -> bool {
    let declared = includes(entry.ty.audience, role);
    rules(role, entry).fold(declared, |seen, rule| match rule {
        Rule::Hidden => false,
        Rule::Shown => true,
        Rule::Fields(..) | Rule::NoActions | Rule::Action(_) | Rule::Verbs(_) => seen,
    })
}

/// Whether the role may use a method of a type.
pub fn may(role: Role, entry: &Entry, verb: Verb) -> bool {
    if role == Role::Superadmin && entry.ty.source == Source::Resource {
        return true;
    }
    let methods = &entry.ty.methods;
    let audience = match verb {
        Verb::List => methods.list,
        Verb::Create => methods.create,
        Verb::Get => methods.get,
        Verb::Update => methods.update,
        Verb::Delete => methods.delete,
    };
    let allowed = rules(role, entry)
        .find_map(|rule| match rule {
            Rule::Verbs(verbs) => Some(verbs.contains(&verb)),
            Rule::Fields(..) | Rule::Hidden | Rule::NoActions | Rule::Action(_) | Rule::Shown => {
                None
            }
        })
        .unwrap_or_else(|| includes(audience, role));
    let reads = matches!(verb, Verb::List | Verb::Get);
    allowed && sees(role, entry) && (reads || !is_reader(role))
}

/// Whether the role is shown a field (once, if [`shown_once`]).
pub fn may_read(role: Role, entry: &Entry, field: &Field) -> bool {
    sees(role, entry)
        && letters(role, entry, field)
            .map_or_else(|| includes(field.read, role), |letters| letters.contains('r'))
}

/// Whether the role is shown a field only in the answer to the create.
pub fn shown_once(role: Role, entry: &Entry, field: &Field) -> bool {
    field.read_on_create_only && letters(role, entry, field).is_none()
}

/// Whether the role may give a field on create.
pub fn may_create(role: Role, entry: &Entry, field: &Field) -> bool {
    may_write(role, entry, field, field.create, 'c')
}

/// Whether the role may change a field.
pub fn may_update(role: Role, entry: &Entry, field: &Field) -> bool {
    may_write(role, entry, field, field.update, 'u')
}

/// Nobody writes what they are never shown, but for secrets that are shown to nobody.
fn may_write(role: Role, entry: &Entry, field: &Field, audience: Audience, letter: char) -> bool {
    if is_reader(role) || !sees(role, entry) {
        return false;
    }
    if let Some(letters) = letters(role, entry, field) {
        return letters.contains(letter);
    }
    if role == Role::Superadmin {
        return !DERIVED.contains(&field.name);
    }
    includes(audience, role) && (field.input_only || may_read(role, entry, field))
}

/// Whether the role is offered an action.
pub fn may_act(role: Role, entry: &Entry, action: &Action) -> bool {
    if is_reader(role) && action.name != READERS_ACTION {
        return false;
    }
    let declared = includes(action.by, role);
    let allowed = rules(role, entry).fold(declared, |allowed, rule| match rule {
        Rule::NoActions => false,
        Rule::Action(name) => allowed || *name == action.name,
        Rule::Fields(..) | Rule::Hidden | Rule::Shown | Rule::Verbs(_) => allowed,
    });
    allowed && sees(role, entry)
}

/// Whether the role has a say over infrastructure (hosts, registration, system stacks), by the setting
/// `modify.infrastructure.roles`: role words separated by commas.
pub fn may_modify_infrastructure(role: Role, setting: &str) -> bool {
    !is_reader(role)
        && !matches!(role, Role::Token | Role::Register | Role::AgentRegister)
        && setting.split(',').any(|word| word.trim() == role.as_str())
}

#[cfg(test)]
mod tests;
