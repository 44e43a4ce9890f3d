//! `POST`, `PUT` and `DELETE`: what is checked before the transaction, and what happens inside it.

mod commit;
mod once;
mod rehearsal;

mod action;
mod create;
mod update;

pub use action::{action, delete, no_such_action};
pub use create::{create, create_child};
pub use update::update;

use serde_json::{Map, Value};

use super::call::DRY_RUN;
use super::hooks::{self, AuthWrite, AuthWriter, Write};
use super::input::{Checker, may_use_plain_ids};
use super::serve::Session;
use super::views::View;
use crate::error::{Error, Result};
use crate::model::registry::Entry;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Condition, Op, Query, Read};

/// Runs a check of a body with everything it needs to know.
fn checked<T>(
    session: &Session<'_>,
    read: &Read<'_>,
    check: impl FnOnce(&Checker<'_>) -> Result<T>,
) -> Result<T> {
    let sees = |entry: &Entry, id: i64| match read.get(id)? {
        Some(row) if row.ty == entry.base => hooks::is_visible(read, session.caller, &row),
        Some(_) | None => Ok(false),
    };
    check(&Checker {
        dialect: session.call.dialect(),
        role: session.caller.role,
        plain_ids: may_use_plain_ids(session.caller),
        sees: &sees,
        now: session.state.clock.now_ms(),
        besides: &[],
    })
}

/// Refuses a value that a live row of the same owner already has, for fields that are unique.
fn check_unique(
    read: &Read<'_>,
    entry: &'static Entry,
    account_id: Option<i64>,
    own: Option<i64>,
    values: &dyn Fn(&str) -> Option<Value>,
) -> Result<()> {
    for field in entry.ty.all_fields().filter(|field| field.unique) {
        let Some(value) = values(field.name).filter(|value| !value.is_null()) else { continue };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let query = Query {
            ty: entry.base,
            account_id,
            conditions: vec![Condition { field: field.name.to_owned(), op: Op::Eq, value }],
            limit: 2,
            ..Query::default()
        };
        if read.list(&query)?.iter().any(|row| Some(row.id) != own) {
            return Err(Error::field("NotUnique", field.name).message(format!(
                "there is already {} with the {} `{text}`",
                super::input::with_article(entry.ty.name),
                field.name
            )));
        }
    }
    Ok(())
}

/// Asks a type's hooks what outside of the database has to say of a row as it would be: a change of
/// `row`, or a new one.
async fn try_out(
    session: &Session<'_>,
    entry: &'static Entry,
    row: Option<Resource>,
    fields: &Map<String, Value>,
) -> Result<()> {
    let mut trials = hooks::hooks(entry).filter_map(|hook| hook.trial).peekable();
    if trials.peek().is_none() {
        return Ok(());
    }
    let mut wanted = row.clone().unwrap_or_else(|| {
        let new = NewResource::new(entry.base, String::new()).kind(entry.ty.name);
        new.account(session.caller.account_id).into()
    });
    for (field, value) in fields {
        set_field(&mut wanted, field, value.clone());
    }
    for trial in trials {
        trial(&session.state.site, row.as_ref(), &wanted).await?;
    }
    Ok(())
}

/// A write to a computed type that is access control's own.
async fn by_auth(
    session: &Session<'_>,
    view: &View,
    writer: &AuthWriter,
    write: Write,
) -> Result<Resource> {
    if session.call.is_dry_run()? {
        return Err(not_tried_out(view.name));
    }
    let call = AuthWrite {
        auth: &session.state.auth,
        store: &session.state.store,
        entry: view.entry,
        write,
        client_ip: session.call.facts.client_ip,
    };
    (writer.run)(call).await
}

/// 422 for what has transactions of its own, which cannot be taken back.
fn not_tried_out(what: &str) -> Error {
    Error::field("InvalidOption", DRY_RUN).message(format!("`{what}` cannot be tried out"))
}

/// A field of a row by its API name.
fn field_of(row: &Resource, field: &str) -> Value {
    match field {
        "accountId" => row.account_id.into(),
        "kind" => row.kind.clone().into(),
        "name" => row.name.clone().into(),
        other => row.data.get(other).cloned().unwrap_or_default(),
    }
}

/// Sets a field of a row by its API name.
fn set_field(row: &mut Resource, field: &str, value: Value) {
    match (field, value) {
        ("accountId", value) => row.account_id = value.as_i64(),
        ("kind", Value::String(kind)) => row.kind = kind,
        ("name", value) => row.name = value.as_str().map(str::to_owned),
        (other, value) => row.set(other, value),
    }
}

/// An object out of pairs.
fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
