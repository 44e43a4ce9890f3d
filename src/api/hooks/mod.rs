//! Behaviour by type, hooked on by name: one row a behaviour, each slice sorted by its first word.
//!
//! Rows of a base type hold for the types below it too, and run before theirs. Everything that is not
//! said here follows from the declaration in `model/types`.

mod access;
mod account;
mod agent;
mod balancer;
mod certificate;
mod container;
mod credential;
mod directory;
mod endpoints;
mod event;
pub mod export;
mod fields;
mod handler;
mod host;
mod links;
mod machine;
mod member;
mod network;
mod ports;
mod preference;
mod project;
mod registry;
mod rows;
mod secret;
mod selector;
mod service;
mod setting;
mod snapshot;
mod sources;
mod stack;
mod template;
mod upgrade;
mod volume;
mod webhook;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::ApiState;
use super::params::Params;
use super::query::Listing;
use crate::auth::{Auth, Caller};
use crate::error::Result;
use crate::model::registry::Entry;
use crate::model::resource::{NewResource, Resource};
use crate::model::schema::{Field, Scope};
use crate::process::site::Site;
use crate::store::{Read, Store, Tx};
use crate::vault::Vault;

pub use directory::may_use as may_use_directory;
pub use host::{may_modify, restrict_keys};
pub use rows::*;
pub use sources::Picker;

/// What a hook works with.
pub struct Ctx<'a, 't> {
    /// The transaction.
    pub tx: &'a mut Tx<'t>,
    /// Who asks.
    pub caller: &'a Caller,
    /// Secrets at rest.
    pub vault: &'a Vault,
    /// The type asked for.
    pub entry: &'static Entry,
    /// Scheme and host that the client used: for URLs in answers.
    #[expect(dead_code, reason = "for writes that hand out URLs")]
    pub origin: &'a str,
    /// Everything outside the database.
    pub site: &'a Site,
}

/// A row in the making.
pub struct Creation {
    /// The row, out of the checked body; hooks may change it.
    pub row: NewResource,
    /// What the body gave as `kind`: for types whose kinds are not types.
    pub kind: Option<String>,
    /// Hash of the field that the type's hook names in `hashes`.
    pub hash: Option<String>,
    /// Fields that only a dynamic schema of the type knows, as they were given.
    pub extra: Map<String, Value>,
    /// What its `create` process is told.
    pub process: Map<String, Value>,
    /// Shown in this answer and never again.
    pub reveal: Map<String, Value>,
    /// Rows to make of it.
    pub count: usize,
    /// A row that is there already and is answered in place of a new one.
    pub existing: Option<Resource>,
    /// Members to give the environment.
    pub members: Vec<Value>,
}

/// Asked before a row is made.
type Create = fn(&mut Ctx<'_, '_>, &mut Creation) -> Result<()>;
/// Told of a row that was made.
type Created = fn(&mut Ctx<'_, '_>, &Resource, &mut Creation) -> Result<()>;
/// Asked before a row is changed.
type Update = fn(&mut Ctx<'_, '_>, &Resource, &mut Map<String, Value>) -> Result<()>;
/// Asked before an action on a row begins.
type Act = fn(&mut Ctx<'_, '_>, &Resource, &str) -> Result<()>;

/// Asked before an action on a row begins, with what the action is given, which it may change.
type Check = fn(&mut Ctx<'_, '_>, &Resource, &str, &mut Map<String, Value>) -> Result<()>;

/// Asked before the transaction of a create or a change: what is stored, and what would be. It may ask
/// engines.
type Trial =
    for<'a> fn(&'a Arc<Site>, Option<&'a Resource>, &'a Resource) -> BoxFuture<'a, Result<()>>;

/// Asked before the transaction in which an action begins: the row, the action and its checked input. It may ask
/// engines.
type ActionTrial = for<'a> fn(
    &'a Arc<Site>,
    &'a Resource,
    &'a str,
    &'a Map<String, Value>,
) -> BoxFuture<'a, Result<()>>;

/// What happens around the writes of a type.
#[derive(Clone, Copy)]
pub struct Hook {
    /// Type.
    pub ty: &'static str,
    /// Before the transaction, with the row as it would be.
    pub trial: Option<Trial>,
    /// Before the transaction of an action.
    pub action_trial: Option<ActionTrial>,
    /// Before a row is made.
    pub create: Option<Create>,
    /// After it is made, in the same transaction.
    pub created: Option<Created>,
    /// Before a row is changed: the row and the changed fields.
    pub update: Option<Update>,
    /// Before a row is removed or another action begins: the row and the action.
    pub act: Option<Act>,
    /// Before an action begins: the row, the action and its checked input.
    pub check: Option<Check>,
    /// The transition to begin, told to remove afterwards, when `remove` cannot begin in the row's state.
    pub instead_of_remove: Option<&'static str>,
    /// Whether the answer to a removal is a list of the one row rather than the row.
    pub lists_removed: bool,
    /// Whom to refuse a create before the role's methods are looked at.
    pub refuse_create: Option<fn(&Caller) -> Result<()>>,
    /// A field of a create that is hashed as a password before the transaction, and not kept.
    pub hashes: Option<&'static str>,
}

impl Hook {
    /// A row that changes nothing.
    pub const fn of(ty: &'static str) -> Self {
        Self {
            ty,
            trial: None,
            action_trial: None,
            create: None,
            created: None,
            update: None,
            act: None,
            check: None,
            instead_of_remove: None,
            lists_removed: false,
            refuse_create: None,
            hashes: None,
        }
    }
}

/// What an action of its own answers.
pub enum Answer {
    /// The row it was asked of, or another.
    Row(Resource),
    /// Rows of the named type.
    Rows(&'static str, Vec<Resource>),
    /// An object of the named type.
    Object(&'static str, Map<String, Value>),
    /// A file to keep.
    File(Attachment),
}

/// A file in an answer: its name, its media type, and what is in it.
#[derive(Debug)]
pub enum Attachment {
    /// A small one.
    Bytes(Cow<'static, str>, &'static str, Vec<u8>),
    /// One of any size, read as it is sent.
    Open(Cow<'static, str>, &'static str, std::fs::File),
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

/// A look at what is outside the database, before an action is done.
type Look = for<'a> fn(&'a Site, &'a Resource, &'a Map<String, Value>) -> Looked<'a>;
/// What comes of it.
type Looked<'a> = BoxFuture<'a, Result<()>>;

/// How an action is done.
#[derive(Clone, Copy)]
pub enum Run {
    /// In one transaction.
    Write(fn(&mut Ctx<'_, '_>, &Resource, Map<String, Value>) -> Result<Answer>),
    /// By access control, which has its own transactions.
    Auth(for<'a> fn(AuthCall<'a>) -> BoxFuture<'a, Result<Answer>>),
    /// In one transaction, after a look at what is outside the database: the look may refuse, and changes nothing.
    Outside(Look, fn(&mut Ctx<'_, '_>, &Resource, Map<String, Value>) -> Result<Answer>),
    /// Outside the database, and with transactions of its own if it needs any.
    Outdoors(for<'a> fn(Errand<'a>) -> BoxFuture<'a, Result<Answer>>),
    /// Without a transaction: it changes nothing that is stored.
    Access(fn(&Access<'_>, &Map<String, Value>) -> Result<Answer>),
}

/// What an action or link is given that changes nothing.
pub struct Access<'a> {
    /// What handlers share.
    pub state: &'a ApiState,
    /// The database.
    pub read: &'a Read<'a>,
    /// Who asks.
    pub caller: &'a Caller,
    /// The row.
    pub row: &'a Resource,
    /// Scheme and host that the client used: for URLs in answers.
    pub origin: &'a str,
}

/// What an action outside the database is given.
pub struct Errand<'a> {
    /// What handlers share.
    pub state: &'a ApiState,
    /// Who asks.
    pub caller: &'a Caller,
    /// The row.
    pub row: &'a Resource,
    /// The checked input.
    pub input: Map<String, Value>,
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

/// A link that is neither a reference nor a list of rows.
#[derive(Clone, Copy)]
pub struct LinkHandler {
    /// Type.
    pub ty: &'static str,
    /// Link.
    pub link: &'static str,
    /// Answers it.
    pub run: fn(&Access<'_>) -> Result<Answer>,
    /// An action that a role must have to be shown the link; nothing for everyone.
    pub needs: &'static str,
    /// A field that a row must have to show the link; nothing for all rows.
    pub from: &'static str,
}

impl LinkHandler {
    /// A link for everyone who sees the row.
    pub const fn new(
        ty: &'static str,
        link: &'static str,
        run: fn(&Access<'_>) -> Result<Answer>,
    ) -> Self {
        Self { ty, link, run, needs: "", from: "" }
    }

    /// Only on rows that have this field.
    pub const fn from(mut self, field: &'static str) -> Self {
        self.from = field;
        self
    }

    /// Only for roles that have this action of the type.
    pub const fn needs(mut self, action: &'static str) -> Self {
        self.needs = action;
        self
    }
}

/// A request to a source.
pub struct Asked<'a> {
    /// What handlers share.
    pub state: &'a ApiState,
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

/// A write to a computed type that is access control's own.
#[derive(Clone, Copy)]
pub struct AuthWriter {
    /// Name of the source in the type's declaration.
    pub source: &'static str,
    /// Does it.
    pub run: for<'a> fn(AuthWrite<'a>) -> BoxFuture<'a, Result<Resource>>,
}

/// What a write of access control is given.
pub struct AuthWrite<'a> {
    /// Access control.
    pub auth: &'a Auth,
    /// The database.
    pub store: &'a Store,
    /// The type asked for.
    pub entry: &'static Entry,
    /// The checked input.
    pub write: Write,
    /// Where from.
    pub client_ip: Option<IpAddr>,
}

/// Who sees which rows of a base type, when it does not follow from the owner.
#[derive(Clone, Copy)]
pub struct Visibility {
    /// Base type.
    pub ty: &'static str,
    /// Whether a caller without access to all accounts sees a row.
    pub sees: fn(&Read<'_>, &Caller, &Resource) -> Result<bool>,
}

/// A list that is not made of conditions on rows.
#[derive(Clone, Copy)]
pub struct Lister {
    /// Type.
    pub ty: &'static str,
    /// All rows; the generic filters do not apply.
    pub list: fn(&Asked<'_>) -> Result<Vec<Resource>>,
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

/// Where a row that is about to be shown keeps the actions that are not offered on it.
pub const DENIED: &str = "\u{1}denied";
/// Stands for every action in [`DENIED`].
pub const EVERY_ACTION: &str = "*";

/// Actions that single rows do not offer to a caller, worked out for a page of rows at a time.
#[derive(Clone, Copy)]
pub struct Guard {
    /// Base type.
    pub ty: &'static str,
    /// Sets [`DENIED`].
    pub run: fn(&Site, &Read<'_>, &Caller, &mut [Resource]) -> Result<()>,
}

/// What fields that are worked out for one answer go by.
pub struct Shown<'a> {
    /// What handlers share.
    pub state: &'a ApiState,
    /// The database.
    pub read: &'a Read<'a>,
    /// Who asks.
    pub caller: &'a Caller,
    /// Scheme and host that the client used.
    pub origin: &'a str,
}

/// Fields that depend on who asks, how and when, worked out for a page of rows at a time.
#[derive(Clone, Copy)]
pub struct Presenter {
    /// Base type.
    pub ty: &'static str,
    /// Sets the fields.
    pub run: fn(&Shown<'_>, &mut [Resource]) -> Result<()>,
}

/// Fields that change all the time and are not stored.
#[derive(Clone, Copy)]
pub struct Live {
    /// Base type.
    pub ty: &'static str,
    /// Sets them to what is true now.
    pub run: fn(&ApiState, &mut [Resource]),
}

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
        extra: Map::new(),
        process: Map::new(),
        reveal: Map::new(),
        count: 1,
        existing: None,
        members: Vec::new(),
    }
}
