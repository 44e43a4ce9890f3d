//! Behaviour by type, hooked on by name: one row a behaviour, each slice sorted by its first word.
//!
//! Rows of a base type hold for the types below it too, and run before theirs. Everything that is not
//! said here follows from the declaration in `model/types`.

mod account;
mod container;
mod credential;
mod fields;
mod host;
mod member;
mod ports;
mod project;
mod selector;
mod service;
mod setting;
mod sources;
mod stack;
mod volume;

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::params::Params;
use super::query::Listing;
use crate::auth::{Auth, Caller};
use crate::error::Result;
use crate::model::registry::Entry;
use crate::model::resource::{NewResource, Resource};
use crate::model::schema::{Field, Kind, Scope};
use crate::store::{Read, Tx};

pub use sources::Picker;

/// What a hook works with.
pub struct Ctx<'a, 't> {
    /// The transaction.
    pub tx: &'a mut Tx<'t>,
    /// Who asks.
    pub caller: &'a Caller,
    /// The type asked for.
    pub entry: &'static Entry,
    /// Scheme and host that the client used: for URLs in answers.
    pub origin: &'a str,
}

/// A row in the making.
pub struct Creation {
    /// The row, out of the checked body; hooks may change it.
    pub row: NewResource,
    /// What the body gave as `kind`: for types whose kinds are not types.
    pub kind: Option<String>,
    /// Hash of the field that the type's hook names in `hashes`.
    pub hash: Option<String>,
    /// What its `create` process is told.
    pub process: Map<String, Value>,
    /// Shown in this answer and never again.
    pub reveal: Map<String, Value>,
    /// Rows to make of it.
    pub count: usize,
    /// Members to give the environment.
    pub members: Vec<Value>,
}

/// What happens around the writes of a type.
#[derive(Clone, Copy)]
pub struct Hook {
    /// Type.
    pub ty: &'static str,
    /// Before a row is made.
    pub create: Option<fn(&mut Ctx<'_, '_>, &mut Creation) -> Result<()>>,
    /// After it is made, in the same transaction.
    pub created: Option<fn(&mut Ctx<'_, '_>, &Resource, &mut Creation) -> Result<()>>,
    /// Before a row is changed: the row and the changed fields.
    pub update: Option<fn(&mut Ctx<'_, '_>, &Resource, &mut Map<String, Value>) -> Result<()>>,
    /// Before a row is removed or another action begins: the row and the action.
    pub act: Option<fn(&mut Ctx<'_, '_>, &Resource, &str) -> Result<()>>,
    /// The transition to begin, told to remove afterwards, when `remove` cannot begin in the row's state.
    pub instead_of_remove: Option<&'static str>,
    /// A field of a create that is hashed as a password before the transaction, and not kept.
    pub hashes: Option<&'static str>,
}

impl Hook {
    /// A row that changes nothing.
    pub const fn of(ty: &'static str) -> Self {
        Self {
            ty,
            create: None,
            created: None,
            update: None,
            act: None,
            instead_of_remove: None,
            hashes: None,
        }
    }
}

/// Hooks, by type.
pub const HOOKS: &[Hook] = &[
    account::HOOK,
    credential::API_KEY,
    container::HOOK,
    credential::CREDENTIAL,
    host::HOOK,
    container::INSTANCE,
    credential::PASSWORD,
    project::HOOK,
    service::HOOK,
    stack::HOOK,
    volume::HOOK,
];

/// The hooks of a type: its base's first.
pub fn hooks(entry: &Entry) -> impl Iterator<Item = &'static Hook> {
    let (base, own) = (entry.base, entry.ty.name);
    let of = |ty: &'static str| HOOKS.iter().filter(move |hook| hook.ty == ty);
    of(base).chain(of(own).filter(move |_| own != base))
}

/// What an action of its own answers.
pub enum Answer {
    /// The row it was asked of, or another.
    Row(Resource),
    /// Rows of the named type.
    Rows(&'static str, Vec<Resource>),
    /// An object of the named type.
    Object(&'static str, Map<String, Value>),
}

/// An action that is not a transition.
#[derive(Clone, Copy)]
pub struct ActionHandler {
    /// Type.
    pub ty: &'static str,
    /// Action.
    pub action: &'static str,
    /// Does it; the input is checked.
    pub run: Run,
}

/// How an action is done.
#[derive(Clone, Copy)]
pub enum Run {
    /// In one transaction.
    Write(fn(&mut Ctx<'_, '_>, &Resource, Map<String, Value>) -> Result<Answer>),
    /// By access control, which has its own transactions.
    Auth(for<'a> fn(AuthCall<'a>) -> BoxFuture<'a, Result<Answer>>),
}

/// What an action of access control is given.
pub struct AuthCall<'a> {
    /// Access control.
    pub auth: &'a Auth,
    /// Who asks.
    pub caller: &'a Caller,
    /// The row.
    pub row: &'a Resource,
    /// The checked input.
    pub input: Map<String, Value>,
    /// Where from.
    pub client_ip: Option<IpAddr>,
}

/// Actions, by type.
pub const ACTIONS: &[ActionHandler] = &[
    ActionHandler {
        ty: "password",
        action: "changesecret",
        run: Run::Auth(credential::change_secret),
    },
    ActionHandler {
        ty: "processInstance",
        action: "replay",
        run: Run::Write(sources::processes::replay),
    },
    ActionHandler { ty: "project", action: "setmembers", run: Run::Write(member::set_members) },
    ActionHandler {
        ty: "stack",
        action: "activateservices",
        run: Run::Write(stack::activate_services),
    },
    ActionHandler { ty: "stack", action: "addoutputs", run: Run::Write(stack::add_outputs) },
    ActionHandler {
        ty: "stack",
        action: "deactivateservices",
        run: Run::Write(stack::deactivate_services),
    },
];

/// The handler of an action: the type's own, else its base's.
pub fn action_handler(entry: &Entry, action: &str) -> Option<&'static ActionHandler> {
    let find = |ty: &str| ACTIONS.iter().find(|row| row.ty == ty && row.action == action);
    find(entry.ty.name).or_else(|| find(entry.base))
}

/// A link that is neither a reference nor a list of rows.
#[derive(Clone, Copy)]
pub struct LinkHandler {
    /// Type.
    pub ty: &'static str,
    /// Link.
    pub link: &'static str,
    /// Answers it.
    pub run: fn(&Read<'_>, &Caller, &Resource) -> Result<Answer>,
}

/// Links, by type.
pub const LINKS: &[LinkHandler] = &[];

/// The handler of a link: the type's own, else its base's.
pub fn link_handler(entry: &Entry, link: &str) -> Option<&'static LinkHandler> {
    let find = |ty: &str| LINKS.iter().find(|row| row.ty == ty && row.link == link);
    find(entry.ty.name).or_else(|| find(entry.base))
}

/// Types whose resources have one link for each type that is listed.
pub const LINKS_EVERY_TYPE: &[&str] = &["project"];

/// Types whose lists are short and come whole: no paging, filters or order.
const UNPAGED: &[&str] = &["activeSetting", "identity", "project", "setting"];

/// Whether a type's list comes whole.
pub fn is_unpaged(entry: &Entry) -> bool {
    UNPAGED.contains(&entry.ty.name)
}

/// A request to a source.
pub struct Asked<'a> {
    /// The database.
    pub read: &'a Read<'a>,
    /// Who asks.
    pub caller: &'a Caller,
    /// The type asked for.
    pub entry: &'static Entry,
    /// All parameters.
    pub params: &'a Params,
    /// What of them the generic handlers understand.
    pub listing: &'a Listing,
}

/// Where the rows of a computed type come from.
#[derive(Clone, Copy)]
pub struct Source {
    /// Name in the type's declaration.
    pub name: &'static str,
    /// Up to `listing.limit + 1` rows.
    pub list: fn(&Asked<'_>) -> Result<Vec<Resource>>,
    /// The row of an id as it stands in a URL.
    pub get: fn(&Asked<'_>, &str) -> Result<Option<Resource>>,
    /// Makes, changes (with the id) or deletes (without fields) a row.
    pub write: Option<fn(&mut Ctx<'_, '_>, &Write) -> Result<Resource>>,
}

/// A write to a computed type.
#[derive(Clone, Debug)]
pub enum Write {
    /// Make it.
    Create(Map<String, Value>),
    /// Change the one with this id.
    Update(String, Map<String, Value>),
    /// Delete the one with this id.
    Delete(String),
}

/// Sources, by name.
pub const SOURCES: &[Source] = &[
    sources::audit::SOURCE,
    sources::processes::DEFINITIONS,
    sources::processes::EXECUTIONS,
    sources::identities::SOURCE,
    sources::processes::SOURCE,
    setting::SOURCE,
];

/// The source of this name.
pub fn source(name: &str) -> Option<&'static Source> {
    SOURCES.iter().find(|source| source.name == name)
}

/// Who sees which rows of a base type, when it does not follow from the owner.
#[derive(Clone, Copy)]
pub struct Visibility {
    /// Base type.
    pub ty: &'static str,
    /// Whether a caller without access to all accounts sees a row.
    pub sees: fn(&Read<'_>, &Caller, &Resource) -> Result<bool>,
}

/// Visibilities, by base type.
pub const VISIBILITIES: &[Visibility] = &[
    Visibility { ty: "account", sees: project::sees },
    Visibility { ty: "projectMember", sees: member::sees },
];

/// A list that is not made of conditions on rows.
#[derive(Clone, Copy)]
pub struct Lister {
    /// Type.
    pub ty: &'static str,
    /// All rows; the generic filters do not apply.
    pub list: fn(&Asked<'_>) -> Result<Vec<Resource>>,
}

/// Lists, by type.
pub const LISTERS: &[Lister] = &[Lister { ty: "project", list: project::list }];

/// The list of a type, if it has one of its own.
pub fn lister(entry: &Entry) -> Option<&'static Lister> {
    LISTERS.iter().find(|lister| lister.ty == entry.ty.name)
}

/// Fields that follow from other rows, worked out for a page of rows at a time.
#[derive(Clone, Copy)]
pub struct Computer {
    /// Base type.
    pub ty: &'static str,
    /// Whether `/v1` lacks what it adds.
    pub newer: bool,
    /// Fields shown that no schema lists.
    pub unlisted: &'static [Field],
    /// Sets the fields of all rows, in as few queries as there are fields.
    pub run: fn(&Read<'_>, &mut [Resource]) -> Result<()>,
}

/// `{hostId, healthState}` of each host that checks the container.
const HEALTHCHECK_STATES: &[Field] = &[Field::new("healthcheckStates", Kind::Array(&Kind::Json))];

/// Computers, by base type.
pub const COMPUTERS: &[Computer] = &[
    Computer { ty: "host", newer: true, unlisted: &[], run: fields::host },
    Computer { ty: "instance", newer: true, unlisted: HEALTHCHECK_STATES, run: fields::container },
    Computer { ty: "service", newer: false, unlisted: &[], run: fields::service },
    Computer { ty: "stack", newer: true, unlisted: &[], run: fields::stack },
    Computer { ty: "storagePool", newer: true, unlisted: &[], run: fields::storage_pool },
    Computer { ty: "volume", newer: true, unlisted: &[], run: fields::volume },
];

/// Whether a caller may look at a row.
///
/// # Errors
/// When the database fails.
pub fn is_visible(read: &Read<'_>, caller: &Caller, row: &Resource) -> Result<bool> {
    if caller.all_accounts
        || row.account_id == Some(caller.account_id)
        || row.id == caller.account_id
        || row.id == caller.user_id
        || row.flag("isPublic")
    {
        return Ok(true);
    }
    match VISIBILITIES.iter().find(|rule| rule.ty == row.ty) {
        Some(rule) => (rule.sees)(read, caller, row),
        None => Ok(false),
    }
}

/// A row in the making, out of the checked body of a create.
pub fn creation(ctx: &Ctx<'_, '_>, input: Map<String, Value>) -> Creation {
    let mut data = input;
    let mut text = |field: &str| match data.shift_remove(field) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let name = text("name");
    let uuid = text("uuid").unwrap_or_else(|| ctx.tx.entropy.uuid());
    let kind = text("kind");
    let owner = data.shift_remove("accountId").and_then(|owner| owner.as_i64());
    for column in ["id", "state", "created", "removed"] {
        data.shift_remove(column);
    }
    data.retain(|_, value| !value.is_null());
    let account_id = match ctx.entry.ty.scope {
        Scope::Account => Some(owner.unwrap_or(ctx.caller.account_id)),
        Scope::Global => None,
    };
    let row = NewResource {
        name,
        account_id,
        data,
        ..NewResource::new(ctx.entry.base, uuid).kind(ctx.entry.ty.name)
    };
    Creation {
        row,
        kind,
        hash: None,
        process: Map::new(),
        reveal: Map::new(),
        count: 1,
        members: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::registry;
    use crate::model::schema;

    #[test]
    fn rows_name_known_types_and_are_sorted() {
        assert!(HOOKS.is_sorted_by_key(|row| row.ty));
        assert!(ACTIONS.is_sorted_by_key(|row| (row.ty, row.action)));
        assert!(LINKS.is_sorted_by_key(|row| (row.ty, row.link)));
        assert!(SOURCES.is_sorted_by_key(|row| row.name));
        assert!(VISIBILITIES.is_sorted_by_key(|row| row.ty));
        assert!(COMPUTERS.is_sorted_by_key(|row| row.ty));
        let named = HOOKS
            .iter()
            .map(|row| row.ty)
            .chain(VISIBILITIES.iter().map(|row| row.ty))
            .chain(COMPUTERS.iter().map(|row| row.ty))
            .chain(LISTERS.iter().map(|row| row.ty))
            .chain(LINKS_EVERY_TYPE.iter().copied());
        for ty in named {
            assert!(registry::lookup(ty).is_some(), "{ty}");
        }
        for row in ACTIONS {
            let entry = registry::lookup(row.ty).expect(row.ty);
            let declared = entry.ty.actions.iter().any(|action| action.name == row.action);
            assert!(declared, "{}.{}", row.ty, row.action);
        }
    }

    #[test]
    fn every_computed_type_has_a_source() {
        // These are served by routes of their own.
        let routed = ["schemas", "subscribe", "tokens"];
        for entry in registry::registry().all() {
            if let schema::Source::Computed(name) = entry.ty.source
                && !routed.contains(&name)
            {
                assert!(source(name).is_some(), "{name}");
            }
        }
    }
}
