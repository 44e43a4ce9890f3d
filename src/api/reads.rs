//! `GET`: lists, resources and links.

use super::collection::{self, Page};
use super::etag;
use super::hooks::{self, Answer};
use super::include::{self, reference, references};
use super::joins::{self, asked};
use super::marker;
use super::query::Listing;
use super::render::Extras;
use super::respond::{Reply, not_allowed};
use super::serve::Session;
use super::views::{LinkView, View};
use crate::auth::policy::{self, Verb};
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::registry::Entry;
use crate::model::resource::Resource;
use crate::model::schema::{Link, Scope, Source};
use crate::store::{Condition, Op, Query, Read};

/// Adds to rows what is not stored in them: computed and live fields, and actions that are not offered.
///
/// # Errors
/// When the database fails.
pub fn enrich(session: &Session<'_>, read: &Read<'_>, rows: &mut [Resource]) -> Result<()> {
    let newer = session.views.dialect.newer_fields;
    for run in rows.chunk_by_mut(|a, b| a.ty == b.ty) {
        let Some(ty) = run.first().map(|row| row.ty) else { continue };
        for guard in hooks::GUARDS.iter().filter(|guard| guard.ty == ty) {
            (guard.run)(&session.state.site, read, session.caller, run)?;
        }
        for live in hooks::LIVE.iter().filter(|live| live.ty == ty) {
            (live.run)(session.state, run);
        }
        for presenter in hooks::PRESENTERS.iter().filter(|presenter| presenter.ty == ty) {
            let shown = hooks::Shown {
                state: session.state,
                read,
                caller: session.caller,
                origin: &session.call.origin,
            };
            (presenter.run)(&shown, run)?;
        }
        for computer in hooks::COMPUTERS.iter().filter(|computer| computer.ty == ty) {
            if newer || !computer.newer {
                (computer.run)(read, run)?;
            }
        }
    }
    Ok(())
}

/// The account whose rows a list shows; `None` for all.
fn listed_account(session: &Session<'_>, entry: &Entry) -> Option<i64> {
    let everything = session.caller.all_accounts && !session.caller.in_project();
    let owned = entry.ty.scope == Scope::Account;
    (owned && !everything).then_some(session.caller.account_id)
}

fn query(session: &Session<'_>, view: &View, listing: &Listing) -> Query {
    let entry = view.entry;
    let mut conditions = listing.conditions.clone();
    if entry.ty.scope == Scope::Global && !session.caller.all_accounts {
        conditions.push(Condition {
            field: "id".to_owned(),
            op: Op::Eq,
            value: session.caller.account_id.into(),
        });
    }
    let mut kinds = Vec::new();
    if entry.is_child() {
        kinds.push(entry.ty.name);
        kinds.extend(entry.descendants.iter().copied());
    }
    Query {
        ty: entry.base,
        kinds,
        account_id: listed_account(session, entry),
        with_removed: listing.with_removed,
        conditions,
        sort: listing.sort.map(|sort| sort.1.to_owned()),
        order: listing.order,
        after: listing.after.clone(),
        offset: listing.skip(),
        limit: listing.limit.saturating_add(1),
    }
}

/// Cuts a page off rows of which there may be one too many, and adds what follows from other rows.
fn page(
    session: &Session<'_>,
    read: &Read<'_>,
    view: &View,
    listing: &Listing,
    mut rows: Vec<Resource>,
) -> Result<Page> {
    let more = rows.len() > listing.limit;
    rows.truncate(listing.limit);
    let next = rows.last().filter(|_| more).map(|last| marker::behind(listing, last));
    enrich(session, read, &mut rows)?;
    let included = include::resolve(session, read, view, &rows)?;
    Ok(Page { rows, included, next, paged: true, preset: None })
}

/// The rows of a computed type's list.
fn computed(
    session: &Session<'_>,
    read: &Read<'_>,
    entry: &'static Entry,
    listing: &Listing,
) -> Result<Option<Vec<Resource>>> {
    let asked = asked(session, read, entry, listing);
    match entry.ty.source {
        Source::Computed(name) => match hooks::source(name) {
            Some(source) => (source.list)(&asked).map(Some),
            None => Err(Error::not_found()),
        },
        Source::Value => Err(not_allowed(entry.ty.name)),
        Source::Resource => match hooks::lister(entry) {
            Some(lister) => (lister.list)(&asked).map(Some),
            None => Ok(None),
        },
    }
}

fn respond(session: &Session<'_>, view: &View, listing: &Listing, page: &Page) -> Reply {
    Reply::json(200, collection::write(&session.renderer(), session.call, view, listing, page))
}

/// `GET` of a collection.
///
/// # Errors
/// 405 when the role does not list the type.
pub fn list(session: &Session<'_>, view: &View) -> Result<Reply> {
    if !policy::may(session.caller.role, view.entry, Verb::List) {
        return Err(not_allowed(view.plural));
    }
    let listing = Listing::parse(view, &session.call.params);
    let page = session.state.store.read(|read| {
        match computed(session, read, view.entry, &listing)? {
            // Lists of their own are not cut into pages by us: they say how much they hold.
            Some(mut rows) if hooks::is_unpaged(view.entry) => {
                enrich(session, read, &mut rows)?;
                let included = include::resolve(session, read, view, &rows)?;
                Ok(Page { included, ..Page::whole(rows) })
            }
            Some(rows) => page(session, read, view, &listing, rows),
            None => {
                let rows = read.list(&query(session, view, &listing))?;
                page(session, read, view, &listing, rows)
            }
        }
    })?;
    Ok(respond(session, view, &listing, &page))
}

/// The number in an id of a URL.
///
/// # Errors
/// 404 for what is not an id.
pub fn parse_id(session: &Session<'_>, text: &str) -> Result<i64> {
    let plain =
        super::input::may_use_plain_ids(session.caller) && session.call.params.flag("_plainId");
    id::parse(text)
        .or_else(|| plain.then(|| text.parse().ok()).flatten())
        .ok_or_else(|| Error::not_found().message(format!("`{text}` is not the id of anything")))
}

/// The row of an id, if it is of the type and the caller may look at it.
///
/// # Errors
/// 404 otherwise, without telling which.
pub fn find(session: &Session<'_>, read: &Read<'_>, view: &View, text: &str) -> Result<Resource> {
    let missing = || Error::not_found().message(format!("there is no {} {text}", view.name));
    if let Source::Computed(name) = view.entry.ty.source {
        let source = hooks::source(name).ok_or_else(missing)?;
        let listing = Listing::parse(view, &session.call.params);
        let asked = asked(session, read, view.entry, &listing);
        return (source.get)(&asked, text)?.ok_or_else(missing);
    }
    let row = read.get(parse_id(session, text)?)?.ok_or_else(missing)?;
    let entry = view.entry;
    let of_type = row.ty == entry.base
        && (!entry.is_child()
            || row.kind == entry.ty.name
            || entry.descendants.contains(&row.kind.as_str()));
    if of_type && hooks::is_visible(read, session.caller, &row)? {
        return Ok(row);
    }
    Err(missing())
}

/// The JSON of one row.
///
/// # Errors
/// When the database fails.
pub fn one(
    session: &Session<'_>,
    read: &Read<'_>,
    fallback: &View,
    row: Resource,
    mut extras: Extras,
) -> Result<Vec<u8>> {
    let mut rows = [row];
    enrich(session, read, &mut rows)?;
    let renderer = session.renderer();
    let [row] = rows;
    let view = renderer.view_of(&row).unwrap_or(fallback);
    if let Some(included) = include::resolve(session, read, view, std::slice::from_ref(&row))? {
        extras.included.push((included.name, included.of(row.id)));
    }
    let mut out = Vec::with_capacity(4096);
    renderer.resource(&mut out, view, &row, &extras);
    Ok(out)
}

/// The answer that shows one row.
///
/// # Errors
/// When the database fails.
pub fn shown(
    session: &Session<'_>,
    read: &Read<'_>,
    fallback: &View,
    row: Resource,
    extras: Extras,
) -> Result<Reply> {
    let stored = fallback.entry.ty.source == Source::Resource;
    let revision = row.revision;
    let body = one(session, read, fallback, row, extras)?;
    let tag = if stored { etag::of_row(revision, &body) } else { etag::of_body(&body) };
    Ok(Reply { etag: Some(tag), ..Reply::json(200, body) })
}

/// `GET` of a resource.
///
/// # Errors
/// 405 when the role does not read the type, 404 when there is none.
pub fn show(session: &Session<'_>, view: &View, id: &str) -> Result<Reply> {
    if !policy::may(session.caller.role, view.entry, Verb::Get) {
        return Err(not_allowed(view.name));
    }
    session.state.store.read(|read| {
        let row = find(session, read, view, id)?;
        shown(session, read, view, row, Extras::default())
    })
}

/// The link of a view with this name, in any letter case.
pub fn link_of<'a>(view: &'a View, name: &str) -> Option<&'a LinkView> {
    view.links.iter().find(|link| link.path.eq_ignore_ascii_case(name))
}

/// `GET` of a link.
///
/// # Errors
/// 404 when the resource or the link is not there, or the link leads nowhere.
pub fn link(session: &Session<'_>, view: &View, id: &str, name: &str) -> Result<Reply> {
    session.state.store.read(|read| {
        let row = find(session, read, view, id)?;
        let view = session.views.of_row(row.ty, &row.kind).unwrap_or(view);
        let Some(link) = link_of(view, name) else {
            let message = format!("{} {id} has no link `{name}`", view.name);
            return Err(Error::not_found().message(message));
        };
        match link.link {
            Link::Ref { field, to, .. } => referred(session, read, &row, (name, field, to)),
            Link::Child { of, field, .. } => children(session, read, &row, view, (of, field)),
            Link::Map { through, here, there, to, .. } => {
                let maps = joins::referrers(session, read, through, here, &[row.id])?;
                let ids = maps.iter().filter_map(|(_, map)| map.int(there)).collect();
                listed(session, read, to, ids)
            }
            Link::Many { field, to, .. } => listed(session, read, to, references(&row, field)),
            Link::Computed { .. } => handled(session, read, view, &row, link.link.name()),
        }
    })
}

fn referred(
    session: &Session<'_>,
    read: &Read<'_>,
    row: &Resource,
    (name, field, to): (&str, &str, &str),
) -> Result<Reply> {
    let nothing = || Error::not_found().message(format!("the link `{name}` leads nowhere"));
    let view = session.views.of_type(to).ok_or_else(nothing)?;
    let target = reference(row, field).ok_or_else(nothing)?;
    let target = joins::target(session, read, to, target)?.ok_or_else(nothing)?;
    shown(session, read, view, target, Extras::default())
}

fn children(
    session: &Session<'_>,
    read: &Read<'_>,
    row: &Resource,
    parent: &View,
    (of, field): (&'static str, &'static str),
) -> Result<Reply> {
    let view = session.views.of_type(of).ok_or_else(Error::not_found)?;
    let mut listing = Listing::parse(view, &session.call.params);
    let key = Condition { field: field.to_owned(), op: Op::Eq, value: row.id.into() };
    listing.conditions.push(key);
    let page_of = match view.entry.ty.source {
        Source::Computed(_) | Source::Value => {
            let rows = computed(session, read, view.entry, &listing)?.unwrap_or_default();
            page(session, read, view, &listing, rows)?
        }
        Source::Resource => {
            let mut query = query(session, view, &listing);
            if field == "accountId" {
                // The resource is the owner, and it is visible: so is what it owns.
                query.account_id = Some(row.id);
            }
            page(session, read, view, &listing, read.list(&query)?)?
        }
    };
    let created = policy::may(session.caller.role, view.entry, Verb::Create);
    let preset = created.then(|| (field, session.renderer().id_of(parent, row)));
    Ok(respond(session, view, &listing, &Page { preset, ..page_of }))
}

/// The rows of these ids that are live and visible.
fn listed(session: &Session<'_>, read: &Read<'_>, to: &str, mut ids: Vec<i64>) -> Result<Reply> {
    let view = session.views.of_type(to).ok_or_else(Error::not_found)?;
    ids.sort_unstable();
    ids.dedup();
    let listing = Listing::parse(view, &session.call.params);
    let mut picker = hooks::Picker::new(&listing);
    for id in ids {
        let Some(target) = joins::target(session, read, to, id)? else { continue };
        let live = target.removed.is_none() || listing.with_removed;
        if live && !picker.offer(target) {
            break;
        }
    }
    let page = page(session, read, view, &listing, picker.page())?;
    Ok(respond(session, view, &listing, &page))
}

fn handled(
    session: &Session<'_>,
    read: &Read<'_>,
    view: &View,
    row: &Resource,
    name: &str,
) -> Result<Reply> {
    let Some(handler) = hooks::link_handler(view.entry, name) else {
        return Err(Error::not_found());
    };
    let answer = (handler.run)(&session.access(read, row))?;
    self::answer(session, read, view, 200, answer)
}

/// The answer of an action or link of its own.
///
/// # Errors
/// When the database fails.
pub fn answer(
    session: &Session<'_>,
    read: &Read<'_>,
    view: &View,
    status: u16,
    answer: Answer,
) -> Result<Reply> {
    let renderer = session.renderer();
    match answer {
        Answer::Row(row) => {
            Ok(Reply { status, ..shown(session, read, view, row, Extras::default())? })
        }
        Answer::Rows(ty, mut rows) => {
            enrich(session, read, &mut rows)?;
            let view = session.views.of_type(ty).unwrap_or(view);
            let listing = Listing { limit: rows.len(), ..Listing::default() };
            let body =
                collection::write(&renderer, session.call, view, &listing, &Page::whole(rows));
            Ok(Reply::json(status, body))
        }
        Answer::File(file) => Ok(Reply { file: Some(file), ..Reply::json(status, Vec::new()) }),
        Answer::Object(ty, fields) => {
            let mut out = b"{\"id\":null,\"links\":{},\"actions\":{}".to_vec();
            let name = session.views.of_type(ty).map_or(ty, |view| view.name);
            for (key, value) in [("type", name), ("baseType", name)] {
                out.extend_from_slice(format!(",\"{key}\":").as_bytes());
                super::json::text(&mut out, value);
            }
            for (key, value) in &fields {
                out.push(b',');
                super::json::text(&mut out, key);
                out.push(b':');
                super::json::value(&mut out, value);
            }
            out.push(b'}');
            Ok(Reply::json(status, out))
        }
    }
}
