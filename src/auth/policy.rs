//! What a role may do with a type, its fields and its actions: a table, not code.
//!
//! The declarations in `model/types` say which [`Audience`] each thing is open to; this file says which
//! audience a role belongs to and where a role departs from that. What no rule allows is denied.

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

/// Whether the role is served the type's schema at all; without it every use of the type is 404.
pub fn sees(role: Role, entry: &Entry) -> bool {
    includes(entry.ty.audience, role)
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
    let reads = matches!(verb, Verb::List | Verb::Get);
    let read_only = matches!(role, Role::ReadOnly | Role::ReadAdmin);
    sees(role, entry) && includes(audience, role) && (reads || !read_only)
}

/// Whether the role is shown a field.
pub fn may_read(role: Role, _entry: &Entry, field: &Field) -> bool {
    includes(field.read, role)
}

/// Whether the role may give a field on create.
pub fn may_create(role: Role, _entry: &Entry, field: &Field) -> bool {
    includes(field.create, role)
}

/// Whether the role may change a field.
pub fn may_update(role: Role, _entry: &Entry, field: &Field) -> bool {
    includes(field.update, role)
}

/// Whether the role is offered an action.
pub fn may_act(role: Role, _entry: &Entry, action: &Action) -> bool {
    let read_only = matches!(role, Role::ReadOnly | Role::ReadAdmin);
    includes(action.by, role) && (!read_only || action.name == "logs")
}
