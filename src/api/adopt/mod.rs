//! Adoptions: which compose projects run beside ours, what would become of them, and taking them over or
//! giving them back.
//!
//! `POST .../adoptions` with `names`, `dryRun` (then of everything, unless there are names) and `undo`. One project is one transaction.

mod files;
mod home;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::Body;
use super::render::Ids;
use super::respond::{Reply, not_allowed};
use super::serve::Session;
use super::views::View;
use crate::auth::policy::{self, Verb};
use crate::controller::adopt::{self, Adopted, Images, Resolved, Running, Sources, Taken};
use crate::controller::{bound, deploy};
use crate::error::{Error, Result};
use crate::model::id;
use crate::process::native;

/// What somebody asks for.
struct Asked {
    names: Vec<String>,
    dry_run: bool,
    undo: bool,
}

/// Answers a `POST`.
///
/// # Errors
/// 403 for a caller who may not make stacks, 404 for a name that nothing has, 409 when the only project that
/// was named cannot be taken over or given back.
pub async fn adoption(session: &Session<'_>, view: &View, body: Body) -> Result<Reply> {
    let Body::Object(fields) = body else {
        return Err(Error::code("InvalidBodyContent").message("an adoption is one object"));
    };
    if !policy::may(session.caller.role, view.entry, Verb::Create) {
        return Err(not_allowed(view.plural));
    }
    let asked = asked(&fields)?;
    let found = if asked.undo {
        give_back(session, &asked).await?
    } else {
        let mut found = take_over(session, &asked).await?;
        if asked.names.is_empty() && asked.dry_run {
            found.extend(known(session)?);
        }
        found
    };
    let answer = json!({
        "type": "adoption",
        "names": asked.names,
        "dryRun": asked.dry_run,
        "undo": asked.undo,
        "projects": found,
    });
    Ok(Reply::json(200, answer.to_string().into_bytes()))
}

fn asked(fields: &Map<String, Value>) -> Result<Asked> {
    let wrong = |field: &str, what: &str| {
        Error::field("InvalidFormat", field).message(format!("`{field}` must be {what}"))
    };
    let flag = |field: &str| match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(field, "true or false")),
    };
    let names = match fields.get("names") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(names)) => names
            .iter()
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| wrong("names", "a list of texts"))?,
        Some(_) => return Err(wrong("names", "a list of texts")),
    };
    let asked = Asked { names, dry_run: flag("dryRun")?, undo: flag("undo")? };
    if asked.names.is_empty() && !asked.dry_run {
        return Err(Error::field("MissingRequired", "names")
            .message("an adoption needs the names of the projects it is about"));
    }
    Ok(asked)
}

/// Names that nothing has are an error of the whole request.
fn check_names(asked: &Asked, what: &str, has: impl Fn(&str) -> bool) -> Result<()> {
    match asked.names.iter().find(|name| !has(name)) {
        Some(name) => Err(Error::not_found().message(format!("no {what} is called `{name}`"))),
        None => Ok(()),
    }
}

/// The refusal of the only thing that was asked for is the answer.
fn only_refusal(asked: &Asked, refusals: &[String]) -> Result<()> {
    match refusals {
        [] => Ok(()),
        _ if asked.dry_run || asked.names.len() != 1 => Ok(()),
        why => Err(Error::conflict(why.join("; "))),
    }
}

async fn take_over(session: &Session<'_>, asked: &Asked) -> Result<Vec<Value>> {
    let environment = session.caller.account_id;
    let (shown, running) = session
        .state
        .store
        .read(|read| Ok((native::are_shown(read)?, adopt::running(read, environment)?)))?;
    if !shown {
        return Err(Error::conflict(format!(
            "containers that others run are not shown: setting `{}` is false",
            native::SHOWN
        )));
    }
    let is_called = |one: &Running, name: &str| {
        one.project == name || crate::compose::stack_name(&one.project) == name
    };
    check_names(asked, "compose project that runs beside ours", |name| {
        running.iter().any(|one| is_called(one, name))
    })?;
    let mut found = Vec::new();
    for one in running {
        if asked.names.is_empty() || asked.names.iter().any(|name| is_called(&one, name)) {
            found.push(take_one(session, asked, one).await?);
        }
    }
    Ok(found)
}

async fn take_one(session: &Session<'_>, asked: &Asked, running: Running) -> Result<Value> {
    let site = Arc::clone(&session.state.site);
    let looked = images(session, &running).await;
    let (images, unreachable) = match looked {
        Ok(images) => (images, None),
        Err(why) => (Images::new(), Some(why)),
    };
    let mut files = files::read(&running).await;
    if let Ok(request) = &mut files {
        request.images = deploy::images(&site, request).await;
    }
    let sources = Sources { images, files, home: home::of(session, &running).await? };
    let by = session.caller.known_as();
    let seen = running.clone();
    let is_away = unreachable.is_some();
    let work = move |tx: &mut crate::store::Tx<'_>| {
        tx.by = Some(by);
        adopt::take(tx, &site, &seen, &sources)
    };
    let store = &session.state.store;
    let (stack, mut resolved) = match asked.dry_run || is_away {
        true => store.rehearse(work).await?,
        false => store.write(work).await?,
    };
    resolved.refusals.extend(unreachable);
    only_refusal(asked, &resolved.refusals)?;
    let stack = stack.filter(|_| !asked.dry_run);
    Ok(project(session, &running, &resolved, stack))
}

/// What the images of the containers say; why that cannot be had.
async fn images(session: &Session<'_>, running: &Running) -> std::result::Result<Images, String> {
    let name = running.host.display_name();
    let Some(host) = session.state.site.engines.get(running.host.id) else {
        return Err(format!("host `{name}` is not driven from here, or cannot be reached"));
    };
    let mut found = BTreeMap::new();
    let ids = running.services.values().flatten().filter_map(|one| one.image_id());
    for id in ids {
        if found.contains_key(id) {
            continue;
        }
        let config = host.engine.image_config(id).await;
        let config = config.map_err(|error| format!("host `{name}`: {error}"))?;
        if let Some(Value::Object(config)) = config {
            found.insert(id.to_owned(), config);
        }
    }
    Ok(found)
}

async fn give_back(session: &Session<'_>, asked: &Asked) -> Result<Vec<Value>> {
    let environment = session.caller.account_id;
    let stacks = session.state.store.read(|read| adopt::adopted(read, environment))?;
    let name_of = |one: &Adopted| one.stack.display_name();
    let is_called = |one: &Adopted, name: &str| {
        name_of(one) == name || one.stack.str(adopt::PROJECT) == Some(name)
    };
    check_names(asked, "stack that was taken over", |name| {
        stacks.iter().any(|one| is_called(one, name))
    })?;
    let mut found = Vec::new();
    for one in stacks {
        if !asked.names.is_empty() && !asked.names.iter().any(|name| is_called(&one, name)) {
            continue;
        }
        let one = if asked.dry_run {
            one
        } else {
            let by = session.caller.known_as();
            let undo = move |tx: &mut crate::store::Tx<'_>| {
                tx.by = Some(by);
                adopt::undo(tx, one.stack.id)
            };
            session.state.store.write(undo).await?
        };
        only_refusal(asked, &one.refusals)?;
        let state = match one.refusals.is_empty() && !asked.dry_run {
            true => "released",
            false => "adopted",
        };
        found.push(stack(session, &one, state));
    }
    Ok(found)
}

/// Stacks that have been taken over, for the list of everything.
fn known(session: &Session<'_>) -> Result<Vec<Value>> {
    let environment = session.caller.account_id;
    let stacks = session.state.store.read(|read| adopt::adopted(read, environment))?;
    Ok(stacks.iter().map(|one| stack(session, one, "adopted")).collect())
}

fn stack(session: &Session<'_>, one: &Adopted, state: &str) -> Value {
    let services = one.services.iter().map(|service| {
        let own = one.containers.iter().filter(|row| row.int("serviceId") == Some(service.id));
        let containers: Vec<String> = own.map(|row| row.display_name()).collect();
        json!({ "name": service.name, "containers": containers })
    });
    json!({
        "name": one.stack.name,
        "project": one.stack.str(adopt::PROJECT),
        "state": state,
        "stackId": format_id(session, "stack", one.stack.id),
        "directory": one.stack.str(bound::DIRECTORY),
        "services": services.collect::<Vec<_>>(),
        "notes": [],
        "refusals": one.refusals,
    })
}

fn project(
    session: &Session<'_>,
    running: &Running,
    resolved: &Resolved,
    stack: Option<i64>,
) -> Value {
    let name_of = |row: i64| {
        let all = running.services.values().flatten();
        all.into_iter().find(|one| one.row.id == row).map(adopt::Container::name)
    };
    let service = |taken: &Taken| {
        let rows = taken.units.iter().flat_map(|(_, members)| members.iter().map(|(_, row)| *row));
        json!({
            "name": taken.service,
            "from": if taken.from_files { "files" } else { "containers" },
            "runs": taken.runs,
            "scale": taken.units.len(),
            "containers": rows.filter_map(name_of).collect::<Vec<_>>(),
            "notes": taken.notes,
        })
    };
    let refused = !resolved.refusals.is_empty();
    json!({
        "name": resolved.name,
        "project": running.project,
        "state": if stack.is_some() { "adopted" } else if refused { "refused" } else { "adoptable" },
        "stackId": stack.map(|id| format_id(session, "stack", id)),
        "host": running.host.display_name(),
        "hostId": format_id(session, "host", running.host.id),
        "folder": running.folder,
        "files": running.files,
        "directory": resolved.directory,
        "services": resolved.services.iter().map(service).collect::<Vec<_>>(),
        "notes": resolved.notes,
        "refusals": resolved.refusals,
    })
}

fn format_id(session: &Session<'_>, ty: &str, number: i64) -> Value {
    match session.renderer().ids {
        Ids::Plain => number.to_string().into(),
        Ids::Formatted => {
            let prefix = session.views.by_any_name(ty).map_or("", |view| view.prefix);
            id::format(prefix, number).into()
        }
    }
}
