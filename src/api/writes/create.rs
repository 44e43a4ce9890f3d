//! Creates: one row or several, each in the state its first process works in.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use super::super::audit::Note;
use super::super::body::Body;
use super::super::collection::{self, Page};
use super::super::dynamic;
use super::super::form;
use super::super::hooks::{self, Ctx, Write};
use super::super::query::Listing;
use super::super::reads::{enrich, find, link_of, shown};
use super::super::render::Extras;
use super::super::respond::{Reply, not_allowed};
use super::super::serve::Session;
use super::super::views::View;
use super::commit::{Subject, commit, lasting};
use super::{by_auth, check_unique, checked, try_out};
use crate::auth::policy::{self, Verb};
use crate::error::{Error, Result};
use crate::model::registry::Entry;
use crate::model::resource::Resource;
use crate::model::schema::{Link, Source};
use crate::process;
use crate::store::{Read, Tx};

/// One row of a request, as the transaction makes it.
struct Order {
    input: Map<String, Value>,
    hash: Option<String>,
    /// Fields that only a dynamic schema of the type knows.
    extra: Map<String, Value>,
}

/// Rows that were made, with what is shown of them this once.
type Made = Vec<(Resource, Map<String, Value>)>;

/// `POST` to a collection; `preset` is the foreign key of a child.
///
/// # Errors
/// 405, those of the body's check, and those of the type's hooks.
pub async fn create(
    session: &Session<'_>,
    view: &View,
    body: Body,
    preset: Option<(&'static str, Value)>,
    note: &mut Note,
) -> Result<Reply> {
    for refuse in hooks::hooks(view.entry).filter_map(|hook| hook.refuse_create) {
        refuse(session.caller)?;
    }
    let has_rows = view.entry.ty.source != Source::Value;
    let may = policy::may(session.caller.role, view.entry, Verb::Create);
    if !has_rows || !(may || dynamic::may(session, view, Verb::Create)?) {
        return Err(not_allowed(view.plural));
    }
    let objects = match body {
        Body::Object(object) => vec![object],
        Body::List(objects) => objects,
    };
    let mut orders = Vec::new();
    for mut object in objects {
        session.call.params.merge_into(&mut object);
        form::read(session.call, view.entry, &mut object)?;
        if let Some((field, value)) = &preset {
            object.insert((*field).to_owned(), value.clone());
        }
        orders.push(order(session, view.entry, object).await?);
    }
    if let Source::Computed(name) = view.entry.ty.source {
        return computed(session, view, name, orders).await;
    }
    let entry = view.entry;
    let work = move |ctx: &mut Ctx<'_, '_>| {
        let mut made = Vec::new();
        for order in orders {
            make_one(ctx, order, &mut made)?;
        }
        Ok(made)
    };
    let first = Arc::new(OnceLock::new());
    let seen = Arc::clone(&first);
    let view = lasting(session, entry)?;
    let show = move |session: &Session<'_>, read: &Read<'_>, made: Made| {
        // Who asks once more is told of what there is, but has made nothing.
        let _ = made.first().map(|made| seen.set(made.0.id));
        answer(session, read, view, made)
    };
    let reply = commit(session, entry, Subject::New, work, show).await?;
    note.resource_id = first.get().copied();
    Ok(reply)
}

/// Checks one object, and hashes what must be hashed before the transaction.
async fn order(
    session: &Session<'_>,
    entry: &'static Entry,
    object: Map<String, Value>,
) -> Result<Order> {
    let store = &session.state.store;
    let extra = store.read(|read| dynamic::extra(session, read, entry, &object))?;
    let mut input =
        store.read(|read| checked(session, read, |checker| checker.create(entry, object)))?;
    try_out(session, entry, None, &input).await?;
    let secret = hooks::hooks(entry)
        .find_map(|hook| hook.hashes)
        .and_then(|field| input.shift_remove(field))
        .and_then(|secret| secret.as_str().map(str::to_owned));
    let hash = match secret {
        Some(secret) => Some(session.state.auth.hash_password(&secret).await?),
        None => None,
    };
    Ok(Order { input, hash, extra })
}

fn make_one(ctx: &mut Ctx<'_, '_>, order: Order, made: &mut Made) -> Result<()> {
    let entry = ctx.entry;
    let mut creation = hooks::creation(ctx, order.input);
    creation.hash = order.hash;
    creation.extra = order.extra;
    for create in hooks::hooks(entry).filter_map(|hook| hook.create) {
        create(ctx, &mut creation)?;
    }
    if let Some(row) = creation.existing.take() {
        made.push((row, Map::new()));
        return Ok(());
    }
    let name = creation.row.name.clone();
    for number in 1..=creation.count {
        let mut row = creation.row.clone();
        if creation.count > 1 {
            row.uuid = ctx.tx.entropy.uuid();
            row.name = name.as_ref().map(|name| format!("{name}-{number}"));
        }
        let value = |field: &str| match field {
            "name" => row.name.clone().map(Value::from),
            "uuid" => Some(row.uuid.clone().into()),
            other => row.data.get(other).cloned(),
        };
        check_unique(ctx.tx, entry, row.account_id, None, &value)?;
        check_uuid(ctx.tx, &row.uuid)?;
        let row = match entry.ty.lifecycle {
            Some(_) => process::create(ctx.tx, row, creation.process.clone())?,
            None => ctx.tx.insert(row)?,
        };
        for created in hooks::hooks(entry).filter_map(|hook| hook.created) {
            created(ctx, &row, &mut creation)?;
        }
        made.push((row, creation.reveal.clone()));
    }
    Ok(())
}

/// Whoever may give uuids may give one twice.
fn check_uuid(tx: &Tx<'_>, uuid: &str) -> Result<()> {
    match tx.by_uuid(uuid)? {
        None => Ok(()),
        Some(_) => Err(Error::field("NotUnique", "uuid")
            .message(format!("there is already something with the uuid `{uuid}`"))),
    }
}

fn answer(session: &Session<'_>, read: &Read<'_>, view: &View, mut made: Made) -> Result<Reply> {
    if made.len() == 1
        && let Some((row, mut reveal)) = made.pop()
    {
        let renderer = session.renderer();
        let location = renderer.view_of(&row).map(|view| renderer.url_of(view, &row));
        if session.call.is_dry_run()? {
            // Secrets of something that is not made open nothing.
            reveal.clear();
        }
        let extras = Extras { reveal, ..Extras::default() };
        let reply = shown(session, read, view, row, extras)?;
        return Ok(Reply { status: 201, location, ..reply });
    }
    let mut rows: Vec<Resource> = made.into_iter().map(|made| made.0).collect();
    enrich(session, read, &mut rows)?;
    let listing = Listing { limit: rows.len(), ..Listing::default() };
    let page = Page::whole(rows);
    let body = collection::write(&session.renderer(), session.call, view, &listing, &page);
    Ok(Reply::json(201, body))
}

async fn computed(
    session: &Session<'_>,
    view: &View,
    source: &str,
    orders: Vec<Order>,
) -> Result<Reply> {
    let write = hooks::source(source).and_then(|source| source.write);
    let Some(order) = orders.into_iter().next() else { return Err(not_allowed(view.plural)) };
    if let Some(writer) = hooks::auth_writer(source) {
        let row = by_auth(session, view, writer, Write::Create(order.input)).await?;
        let store = &session.state.store;
        return store.read(|read| answer(session, read, view, vec![(row, Map::new())]));
    }
    let Some(write) = write else { return Err(not_allowed(view.plural)) };
    let work = move |ctx: &mut Ctx<'_, '_>| write(ctx, &Write::Create(order.input));
    let view = lasting(session, view.entry)?;
    let show = move |session: &Session<'_>, read: &Read<'_>, row| {
        answer(session, read, view, vec![(row, Map::new())])
    };
    commit(session, view.entry, Subject::New, work, show).await
}

/// `POST` to a link: creates a child whose foreign key is the resource.
///
/// # Errors
/// 404 when the resource or the link is not there, 405 for a link that is no list of children.
pub async fn create_child(
    session: &Session<'_>,
    view: &View,
    id: &str,
    name: &str,
    body: Body,
    note: &mut Note,
) -> Result<Reply> {
    let row = session.state.store.read(|read| find(session, read, view, id))?;
    let view = session.views.of_row(row.ty, &row.kind).unwrap_or(view);
    let Some(link) = link_of(view, name) else {
        let message = format!("{} {id} has no link `{name}`", view.name);
        return Err(Error::not_found().message(message));
    };
    let Link::Child { of, field, .. } = link.link else { return Err(not_allowed(link.name)) };
    let child = session.views.of_type(of).ok_or_else(Error::not_found)?;
    note.ty = Some(child.entry.ty.name);
    let key = crate::model::id::format(&view.entry.prefix, row.id).into();
    create(session, child, body, Some((field, key)), note).await
}
