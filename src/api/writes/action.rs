//! Actions and removal: transitions that begin now, and actions with handlers of their own.

use serde_json::{Map, Value};

use super::super::audit::Note;
use super::super::body::Body;
use super::super::form;
use super::super::hooks::{self, Answer, AuthCall, Ctx, Errand, Run, Write};
use super::super::reads::{answer, find, parse_id, shown};
use super::super::render::{Extras, is_offered};
use super::super::respond::{Reply, not_allowed};
use super::super::serve::Session;
use super::super::views::{View, Views};
use super::commit::{Subject, commit, lasting};
use super::{checked, not_tried_out, object, rehearsal};
use crate::auth::policy::{self, Verb};
use crate::error::{Error, Result};
use crate::model::lifecycle;
use crate::model::registry;
use crate::model::resource::Resource;
use crate::model::schema::{Action, Source};
use crate::process;
use crate::store::Read;

/// 422 for an action that the role's schema does not have.
pub fn no_such_action(view: &View, action: &str) -> Error {
    Error::field("InvalidAction", "action")
        .message(format!("{} has no action `{action}` for you", view.name))
}

/// `POST <resource>?action=`.
///
/// # Errors
/// 422 `InvalidAction` or `ActionNotAvailable`, 404, those of the body's check and of the action.
pub async fn action(
    session: &Session<'_>,
    view: &View,
    id: &str,
    name: &str,
    body: Body,
    note: &mut Note,
) -> Result<Reply> {
    if !matches!(view.entry.ty.source, Source::Computed(_)) {
        note.resource_id = Some(parse_id(session, id)?);
    }
    if !view.actions.iter().any(|own| own.action.name == name) && !has_below(session, view, name) {
        return Err(no_such_action(view, name));
    }
    let store = &session.state.store;
    let row = store.read(|read| find(session, read, view, id))?;
    note.resource_id = Some(row.id);
    let view = session.views.of_row(row.ty, &row.kind).unwrap_or(view);
    let Some(own) = view.actions.iter().find(|own| own.action.name == name) else {
        return Err(no_such_action(view, name));
    };
    let mut guarded = [row];
    store.read(|read| {
        let guards = hooks::GUARDS.iter().filter(|guard| guard.ty == view.entry.base);
        let site = &session.state.site;
        guards.clone().try_for_each(|guard| (guard.run)(site, read, session.caller, &mut guarded))
    })?;
    let [row] = guarded;
    if !is_offered(view, &row, own.action) {
        return Err(Error::field("ActionNotAvailable", "action").message(format!(
            "{} `{}` is {}; it does not offer `{name}` now",
            view.name,
            session.views.called(&row),
            if row.state.is_empty() { "as it is" } else { row.state.as_str() }
        )));
    }
    let input = input(session, view, own.action, body)?;
    match hooks::action_handler(view.entry, name) {
        Some(handler) => run(session, view, &row, name, handler.run, input).await,
        None => {
            for trial in hooks::hooks(view.entry).filter_map(|hook| hook.action_trial) {
                trial(&session.state.site, &row, own.action.name, &input).await?;
            }
            transition(session, view, row.id, own.action.name, input).await
        }
    }
}

/// Whether a type below this one has the action: the row decides which type it is.
fn has_below(session: &Session<'_>, view: &View, name: &str) -> bool {
    view.entry
        .descendants
        .iter()
        .filter_map(|ty| session.views.of_type(ty))
        .any(|below| below.actions.iter().any(|own| own.action.name == name))
}

/// What transitions without a typed input may be told: base type, action,
/// field.
const OPTIONS: &[(&str, &str, &str)] = &[("stack", "remove", "volumes")];

fn is_option(base: &str, action: &str, field: &str) -> bool {
    OPTIONS.contains(&(base, action, field))
}

fn input(
    session: &Session<'_>,
    view: &View,
    action: &Action,
    body: Body,
) -> Result<Map<String, Value>> {
    let mut fields = match body {
        Body::Object(fields) => fields,
        Body::List(_) => {
            return Err(Error::code("InvalidBodyContent")
                .message("an action takes one JSON object, not a list"));
        }
    };
    session.call.params.merge_into(&mut fields);
    let Some(ty) = action.input else {
        // What a process tells itself is nobody else's to say.
        let handled = hooks::action_handler(view.entry, action.name).is_some();
        fields.retain(|field, _| handled || is_option(view.entry.base, action.name, field));
        return Ok(fields);
    };
    let entry = registry::lookup(ty).ok_or_else(Error::not_found)?;
    form::read(session.call, entry, &mut fields)?;
    let store = &session.state.store;
    store.read(|read| checked(session, read, |checker| checker.create(entry, fields)))
}

async fn run(
    session: &Session<'_>,
    view: &View,
    row: &Resource,
    name: &str,
    run: Run,
    input: Map<String, Value>,
) -> Result<Reply> {
    let store = &session.state.store;
    let run = match run {
        Run::Outside(look, run) => {
            look(&session.state.site, row, &input).await?;
            Run::Write(run)
        }
        Run::Write(_) | Run::Auth(_) | Run::Outdoors(_) | Run::Access(_) => run,
    };
    let done = match run {
        Run::Write(run) | Run::Outside(_, run) => {
            let (row, name) = (row.clone(), name.to_owned());
            let subject = subject(view, &row);
            let work = move |ctx: &mut Ctx<'_, '_>| {
                guard(ctx, &row, &name)?;
                run(ctx, &row, input)
            };
            let view = lasting(session, view.entry)?;
            let show = move |session: &Session<'_>, read: &Read<'_>, done| {
                answer(session, read, view, 200, done)
            };
            return commit(session, view.entry, subject, work, show).await;
        }
        Run::Access(_) if session.call.is_dry_run()? => return Ok(rehearsal::nothing(200)),
        Run::Auth(_) | Run::Outdoors(_) if session.call.is_dry_run()? => {
            return Err(not_tried_out(name));
        }
        Run::Outdoors(run) => {
            let (state, caller) = (session.state, session.caller);
            run(Errand { state, caller, row, input }).await?
        }
        Run::Auth(run) => {
            let call = AuthCall {
                auth: &session.state.auth,
                caller: session.caller,
                row,
                input,
                client_ip: session.call.facts.client_ip,
            };
            run(call).await?
        }
        Run::Access(run) => store.read(|read| run(&session.access(read, row), &input))?,
    };
    store.read(|read| answer(session, read, view, 200, done))
}

/// What an action is about.
fn subject(view: &View, row: &Resource) -> Subject {
    match view.entry.ty.source {
        Source::Computed(_) => Subject::Computed(
            row.str("id")
                .map_or_else(|| crate::model::id::format(view.prefix, row.id), str::to_owned),
        ),
        Source::Resource | Source::Value => Subject::Row(row.id),
    }
}

/// Asks the hooks of the type whether an action may begin.
fn guard(ctx: &mut Ctx<'_, '_>, row: &Resource, action: &str) -> Result<()> {
    for act in hooks::hooks(ctx.entry).filter_map(|hook| hook.act) {
        act(ctx, row, action)?;
    }
    Ok(())
}

async fn transition(
    session: &Session<'_>,
    view: &View,
    id: i64,
    name: &'static str,
    mut input: Map<String, Value>,
) -> Result<Reply> {
    let work = move |ctx: &mut Ctx<'_, '_>| {
        let row = ctx.tx.get(id)?.ok_or_else(Error::not_found)?;
        guard(ctx, &row, name)?;
        if process::may_begin(&row, name) {
            for check in hooks::hooks(ctx.entry).filter_map(|hook| hook.check) {
                check(ctx, &row, name, &mut input)?;
            }
        }
        process::start(ctx.tx, id, name, input)
    };
    let view = lasting(session, view.entry)?;
    let show = move |session: &Session<'_>, read: &Read<'_>, row| {
        Ok(Reply { status: 202, ..shown(session, read, view, row, Extras::default())? })
    };
    commit(session, view.entry, Subject::Row(id), work, show).await
}

/// States in which a row is gone or going: removing it again succeeds.
const GOING: &[&str] = &["removing", lifecycle::REMOVED, "purging", lifecycle::PURGED];

/// `DELETE` of a resource.
///
/// # Errors
/// 405 when the role or the state forbids it, 404, and those of the type's hooks.
pub async fn delete(
    session: &Session<'_>,
    view: &View,
    id: &str,
    note: &mut Note,
) -> Result<Reply> {
    let store = &session.state.store;
    if let Source::Computed(name) = view.entry.ty.source {
        return delete_computed(session, view, name, id).await;
    }
    note.resource_id = Some(parse_id(session, id)?);
    if !policy::may(session.caller.role, view.entry, Verb::Delete) {
        return Err(not_allowed(view.name));
    }
    let row = store.read(|read| find(session, read, view, id))?;
    let view = session.views.of_row(row.ty, &row.kind).unwrap_or(view);
    let (entry, id, views) = (view.entry, row.id, session.views);
    let work = move |ctx: &mut Ctx<'_, '_>| remove(ctx, views, id);
    let view = lasting(session, entry)?;
    let show = move |session: &Session<'_>, read: &Read<'_>, row| {
        if hooks::hooks(entry).any(|hook| hook.lists_removed) {
            let listed = Answer::Rows(entry.ty.name, vec![row]);
            return answer(session, read, view, 200, listed);
        }
        shown(session, read, view, row, Extras::default())
    };
    commit(session, entry, Subject::Row(id), work, show).await
}

fn remove(ctx: &mut Ctx<'_, '_>, views: &Views, id: i64) -> Result<Resource> {
    let row = ctx.tx.get(id)?.ok_or_else(Error::not_found)?;
    if row.removed.is_some() || GOING.contains(&row.state.as_str()) {
        return Ok(row);
    }
    guard(ctx, &row, "remove")?;
    if process::may_begin(&row, "remove") {
        return process::start(ctx.tx, id, "remove", Map::new());
    }
    let instead = hooks::hooks(ctx.entry).find_map(|hook| hook.instead_of_remove);
    if let Some(instead) = instead {
        let data = object([("remove", true.into())]);
        if process::may_begin(&row, instead) {
            return process::start(ctx.tx, id, instead, data);
        }
        if let Some(running) = ctx.tx.open_process(id)?
            && running.name.ends_with(&format!(".{instead}"))
        {
            // It is under way: it only has to go on to the removal.
            let mut running = running;
            running.data.extend(data);
            ctx.tx.process_save(&running)?;
            return Ok(row);
        }
    }
    Err(Error::status(405).message(format!(
        "{} `{}` is {}; it cannot be removed now",
        ctx.entry.ty.name,
        views.called(&row),
        row.state
    )))
}

async fn delete_computed(
    session: &Session<'_>,
    view: &View,
    source: &str,
    id: &str,
) -> Result<Reply> {
    let write = hooks::source(source).and_then(|source| source.write);
    let Some(write) = write.filter(|_| policy::may(session.caller.role, view.entry, Verb::Delete))
    else {
        return Err(not_allowed(view.name));
    };
    let (subject, id) = (Subject::Computed(id.to_owned()), id.to_owned());
    let work = move |ctx: &mut Ctx<'_, '_>| write(ctx, &Write::Delete(id));
    let view = lasting(session, view.entry)?;
    let show = move |session: &Session<'_>, read: &Read<'_>, row| {
        shown(session, read, view, row, Extras::default())
    };
    commit(session, view.entry, subject, work, show).await
}
