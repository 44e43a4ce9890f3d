//! Changes: only fields that differ, and the `update` process only when one of them calls for it.

use serde_json::{Map, Value};

use super::super::audit::Note;
use super::super::body::Body;
use super::super::dynamic;
use super::super::form;
use super::super::hooks::{self, Ctx, Write};
use super::super::input::Checker;
use super::super::reads::{find, parse_id, shown};
use super::super::render::Extras;
use super::super::respond::{Reply, not_allowed};
use super::super::serve::Session;
use super::super::views::{View, Views};
use super::commit::{Subject, commit, lasting};
use super::{by_auth, check_unique, checked, field_of, set_field, try_out};
use crate::auth::policy::{self, Verb};
use crate::error::{Error, Result};
use crate::model::registry::Entry;
use crate::model::resource::Resource;
use crate::model::schema::Source;
use crate::process;
use crate::store::{Read, Tx};

/// `PUT` of a resource.
///
/// # Errors
/// 405, those of the body's check, 404, and those of the type's hooks.
pub async fn update(
    session: &Session<'_>,
    view: &View,
    id: &str,
    body: Body,
    note: &mut Note,
) -> Result<Reply> {
    let is_computed = matches!(view.entry.ty.source, Source::Computed(_));
    note.resource_id = if is_computed { None } else { Some(parse_id(session, id)?) };
    let may = policy::may(session.caller.role, view.entry, Verb::Update);
    if !(may || dynamic::may(session, view, Verb::Update)?) {
        return Err(not_allowed(view.name));
    }
    let mut object = match body {
        Body::Object(object) => object,
        Body::List(_) => {
            return Err(Error::code("InvalidBodyContent")
                .message("one resource is changed by one JSON object, not by a list"));
        }
    };
    session.call.params.merge_into(&mut object);
    form::read(session.call, view.entry, &mut object)?;
    let store = &session.state.store;
    let changes = store.read(|read| {
        let besides = &dynamic::changeable(read, session.caller, view.entry)?;
        checked(session, read, |checker| Checker { besides, ..*checker }.update(view.entry, object))
    })?;
    if let Source::Computed(name) = view.entry.ty.source {
        return computed(session, view, name, id, changes).await;
    }
    let row = store.read(|read| find(session, read, view, id))?;
    let own = session.views.of_row(row.ty, &row.kind).unwrap_or(view);
    let (entry, id, views) = (own.entry, row.id, session.views);
    try_out(session, entry, Some(row), &changes).await?;
    let work = move |ctx: &mut Ctx<'_, '_>| apply(ctx, views, id, changes);
    commit(session, entry, Subject::Row(id), work, show(session, view)?).await
}

/// Shows the changed row.
fn show(
    session: &Session<'_>,
    view: &View,
) -> Result<impl FnOnce(&Session<'_>, &Read<'_>, Resource) -> Result<Reply> + Send + 'static> {
    let view = lasting(session, view.entry)?;
    Ok(move |session: &Session<'_>, read: &Read<'_>, row| {
        shown(session, read, view, row, Extras::default())
    })
}

fn apply(
    ctx: &mut Ctx<'_, '_>,
    views: &Views,
    id: i64,
    mut changes: Map<String, Value>,
) -> Result<Resource> {
    let row = ctx.tx.get(id)?.ok_or_else(Error::not_found)?;
    let entry = ctx.entry;
    changes.retain(|field, value| field_of(&row, field) != *value);
    if changes.is_empty() {
        return Ok(row);
    }
    if row.removed.is_some() {
        return Err(Error::conflict(format!(
            "{} `{}` is {}; it cannot be changed any more",
            entry.ty.name,
            views.called(&row),
            row.state
        )));
    }
    for update in hooks::hooks(entry).filter_map(|hook| hook.update) {
        update(ctx, &row, &mut changes)?;
    }
    check_unique(ctx.tx, entry, row.account_id, Some(id), &|field| changes.get(field).cloned())?;
    let begins = schedules(entry, &changes);
    let changed = save(ctx.tx, id, &changes)?;
    if begins && entry.ty.lifecycle.is_some_and(|own| own.transition("update").is_some()) {
        return process::start(ctx.tx, id, "update", changes);
    }
    Ok(changed)
}

fn schedules(entry: &Entry, changes: &Map<String, Value>) -> bool {
    changes.keys().any(|name| entry.field(name).is_some_and(|field| field.schedules))
}

fn save(tx: &mut Tx<'_>, id: i64, changes: &Map<String, Value>) -> Result<Resource> {
    tx.update(id, |row| {
        for (field, value) in changes {
            set_field(row, field, value.clone());
        }
        Ok(())
    })
}

async fn computed(
    session: &Session<'_>,
    view: &View,
    source: &str,
    id: &str,
    changes: Map<String, Value>,
) -> Result<Reply> {
    if let Some(writer) = hooks::auth_writer(source) {
        let row = by_auth(session, view, writer, Write::Update(id.to_owned(), changes)).await?;
        let store = &session.state.store;
        return store.read(|read| shown(session, read, view, row, Extras::default()));
    }
    let Some(write) = hooks::source(source).and_then(|source| source.write) else {
        return Err(not_allowed(view.name));
    };
    let (subject, id) = (Subject::Computed(id.to_owned()), id.to_owned());
    let work = move |ctx: &mut Ctx<'_, '_>| write(ctx, &Write::Update(id, changes));
    commit(session, view.entry, subject, work, show(session, view)?).await
}
