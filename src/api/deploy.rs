//! Stack plans: compose files in, what would change or was changed out.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::adopt;
use super::body::Body;
use super::call::DRY_RUN;
use super::render::Ids;
use super::respond::{Reply, not_allowed};
use super::serve::Session;
use super::views::View;
use super::{contents, hooks, publish};
use crate::auth::policy::{self, Verb};
use crate::compose::ComposeFile;
use crate::controller::bound::{self, Binding};
use crate::controller::deploy::{self, OrphanPolicy, Report, Request};
use crate::error::{Error, Result};
use crate::folder;
use crate::model::id;
use crate::store::{Read, Tx};

/// A `POST` on a type that does something instead of making a row.
pub type Command = for<'a> fn(&'a Session<'_>, &'a View, Body) -> BoxFuture<'a, Result<Reply>>;

/// Such types, by name.
pub const COMMANDS: &[(&str, Command)] = &[
    ("adoption", |session, view, body| Box::pin(adopt::adoption(session, view, body))),
    ("publish", |session, view, body| Box::pin(publish::publish(session, view, body))),
    ("stackPlan", |session, view, body| Box::pin(stack_plan(session, view, body))),
];

/// The command of a type, if it has one.
pub fn command(view: &View) -> Option<Command> {
    COMMANDS.iter().find(|row| row.0 == view.entry.ty.name).map(|row| row.1)
}

/// Whether a command is asked to change nothing. One that has no such field does what it does.
pub fn only_tries(view: &View, body: &Body) -> bool {
    let Body::Object(fields) = body else { return false };
    view.entry.field(DRY_RUN).is_some() && flag(fields, DRY_RUN).is_ok_and(|dry| dry)
}

async fn stack_plan(session: &Session<'_>, view: &View, body: Body) -> Result<Reply> {
    let Body::Object(fields) = body else {
        return Err(Error::code("InvalidBodyContent").message("a stack plan is one object"));
    };
    if !policy::may(session.caller.role, view.entry, Verb::Create) {
        return Err(not_allowed(view.plural));
    }
    let environment = session.caller.account_id;
    let mut request = match text(&fields, "directory")? {
        Some(directory) => from_directory(session, &fields, directory).await?,
        None => request(&fields)?,
    };
    if flag(&fields, "template")? {
        deploy::answers::check(&request)?;
        let read = |read: &Read<'_>| deploy::as_template(read, Some(environment), &mut request);
        session.state.store.read(read)?;
    }
    request.images = deploy::images(&session.state.site, &request).await;
    request.refusals = deploy::refusals(&session.state.site, environment, &request).await;
    let read_from = read_from(&request);
    let mut contents = None;
    let report = if flag(&fields, "contents")? {
        if !flag(&fields, DRY_RUN)? {
            return Err(Error::field("InvalidOption", "contents")
                .message("contents are told of a dry run only"));
        }
        let found = contents::compare(session, environment, request).await?;
        contents = Some((found.before, found.after));
        found.report
    } else if flag(&fields, DRY_RUN)? {
        session.state.store.read(|read| deploy::plan(read, environment, &request))?
    } else {
        let vault = Arc::clone(&session.state.site.vault);
        let caller = session.caller.clone();
        let apply = move |tx: &mut Tx<'_>| {
            tx.by = Some(caller.known_as());
            let report = deploy::apply(tx, &vault, environment, &request)?;
            if let Some(stack) = report.stack_id {
                hooks::restrict_keys(tx, &caller, stack)?;
            }
            Ok(report)
        };
        session.state.store.write(apply).await?
    };
    let mut answer = deploy::render(&report);
    if let Value::Object(answer) = &mut answer {
        answer.insert("stackId".to_owned(), stack_id(session, &report));
        if let Some((before, after)) = contents {
            answer.insert("before".to_owned(), before);
            answer.insert("after".to_owned(), after);
        }
        answer.extend(read_from);
    }
    let failed = report.error();
    if let (Some(error), Value::Object(answer)) = (&failed, &mut answer) {
        answer.insert("type".to_owned(), "error".into());
        answer.insert("status".to_owned(), error.status.into());
        answer.insert("code".to_owned(), error.code.into());
        answer.insert("message".to_owned(), error.message.clone().into());
        answer.insert("fieldName".to_owned(), error.field.clone().into());
    }
    let status = failed.map_or(200, |error| error.status);
    Ok(Reply::json(status, answer.to_string().into_bytes()))
}

fn stack_id(session: &Session<'_>, report: &Report) -> Value {
    let Some(stack) = report.stack_id else { return Value::Null };
    match session.renderer().ids {
        Ids::Plain => stack.to_string().into(),
        Ids::Formatted => {
            let prefix = session.views.by_any_name("stack").map_or("st", |view| view.prefix);
            id::format(prefix, stack).into()
        }
    }
}

/// Where the files of a request were read, if the server has read them itself.
fn read_from(request: &Request) -> Map<String, Value> {
    let fields = request.bound.iter().flat_map(|bound| {
        let fields = [("directory", &bound.binding.directory), ("fingerprint", &bound.fingerprint)];
        fields.map(|(field, text)| (field.to_owned(), Value::from(text.as_str())))
    });
    fields.collect()
}

/// What is asked for of a directory on the server's disk, whose files the server reads. `files` are texts that
/// have not been saved there yet: they can be tried out, not applied.
async fn from_directory(
    session: &Session<'_>,
    fields: &Map<String, Value>,
    directory: String,
) -> Result<Request> {
    let (name, unsaved) = (text(fields, "name")?, decoded(fields)?);
    let directory = folder::tidy(&directory);
    let stack = match &name {
        Some(name) => session.state.store.read(|read| {
            let found = read.by_name("stack", Some(session.caller.account_id), name)?;
            Ok(found.into_iter().next())
        })?,
        None => None,
    };
    let known = stack.as_ref().and_then(Binding::of);
    let known = known.filter(|binding| binding.directory == directory);
    let given = |field| fields.get(field).is_some_and(|value| !value.is_null());
    let mut binding = Binding { directory, ..known.clone().unwrap_or_default() };
    if given("composeFiles") {
        binding.files = names(fields)?;
    }
    if given("profiles") {
        binding.profiles = list(fields, "profiles")?;
    }
    let is_bound = known.as_ref() == Some(&binding);
    hooks::may_use_directory(session.caller, is_bound, !unsaved.is_empty())?;
    if !unsaved.is_empty() && !flag(fields, DRY_RUN)? {
        return Err(Error::field("InvalidOption", "files")
            .message("what a directory has not on disk can only be tried out; save it first"));
    }
    let folders = Arc::clone(&session.state.site.folders);
    let read = move || bound::read(&folders, name.as_deref(), &binding, unsaved);
    let read = tokio::task::spawn_blocking(read).await.map_err(Error::internal)?;
    let (mut request, _) = read.map_err(|refused| bound::refusal(refused, "directory"))?;
    if !flag(fields, "removeOrphans")? {
        request.orphans = OrphanPolicy::Keep;
    }
    let seen = text(fields, "fingerprint")?;
    let now = request.bound.as_ref().map(|bound| bound.fingerprint.as_str());
    if seen.is_some() && seen.as_deref() != now {
        return Err(Error::conflict(
            "the files have changed on disk since this was planned; look at the plan again",
        ));
    }
    Ok(request)
}

/// Names in `composeFiles`.
fn names(fields: &Map<String, Value>) -> Result<Vec<String>> {
    let files = fields.get("composeFiles").and_then(Value::as_array);
    let name = |entry: &Value| {
        let name = entry.as_str().or_else(|| entry.get("name").and_then(Value::as_str));
        name.map(str::to_owned).ok_or_else(|| wrong("composeFiles", "a list of names"))
    };
    files.ok_or_else(|| wrong("composeFiles", "a list of names"))?.iter().map(name).collect()
}

/// The files of a request, by path.
fn decoded(fields: &Map<String, Value>) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for (path, content) in map(fields, "files")? {
        let bytes = base64::engine::general_purpose::STANDARD.decode(&content).map_err(|_| {
            Error::field("InvalidFormat", "files").message(format!("file `{path}` is not base64"))
        })?;
        files.insert(path, bytes);
    }
    Ok(files)
}

fn request(fields: &Map<String, Value>) -> Result<Request> {
    let files = decoded(fields)?;
    let docker_compose = text(fields, "dockerCompose")?.unwrap_or_default();
    let overlays = overlays(fields)?;
    if docker_compose.trim().is_empty() {
        return Err(Error::field("MissingRequired", "dockerCompose")
            .message("a stack plan needs the text of a compose file"));
    }
    Ok(Request {
        name: text(fields, "name")?,
        docker_compose,
        overlays,
        rancher_compose: text(fields, "rancherCompose")?,
        environment: map(fields, "environment")?,
        files,
        project_dir: text(fields, "projectDir")?,
        profiles: list(fields, "profiles")?,
        orphans: if flag(fields, "removeOrphans")? {
            OrphanPolicy::Remove
        } else {
            OrphanPolicy::Keep
        },
        template: None,
        previous_version: None,
        images: BTreeMap::new(),
        refusals: BTreeMap::new(),
        bound: None,
    })
}

/// Compose files laid over the first one: `composeFiles` without its first entry.
fn overlays(fields: &Map<String, Value>) -> Result<Vec<ComposeFile>> {
    let files = match fields.get("composeFiles") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(files)) => files,
        Some(_) => return Err(wrong("composeFiles", "a list of {name, text}")),
    };
    let file = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        match (text("name"), text("text")) {
            (Some(name), Some(text)) => Ok(ComposeFile::new(name, text)),
            _ => Err(wrong("composeFiles", "a list of {name, text}")),
        }
    };
    files.iter().skip(1).map(file).collect()
}

fn wrong(field: &str, what: &str) -> Error {
    Error::field("InvalidFormat", field).message(format!("`{field}` must be {what}"))
}

fn text(fields: &Map<String, Value>, field: &str) -> Result<Option<String>> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(field, "text")),
    }
}

fn flag(fields: &Map<String, Value>, field: &str) -> Result<bool> {
    match fields.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(wrong(field, "true or false")),
    }
}

fn list(fields: &Map<String, Value>, field: &str) -> Result<Vec<String>> {
    let entries = match fields.get(field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => return Err(wrong(field, "a list of texts")),
    };
    entries
        .iter()
        .map(|entry| {
            entry.as_str().map(str::to_owned).ok_or_else(|| wrong(field, "a list of texts"))
        })
        .collect()
}

fn map(fields: &Map<String, Value>, field: &str) -> Result<BTreeMap<String, String>> {
    let entries = match fields.get(field) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(wrong(field, "an object of texts")),
    };
    entries
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => Ok((key.clone(), text.clone())),
            Value::Number(number) => Ok((key.clone(), number.to_string())),
            Value::Bool(flag) => Ok((key.clone(), flag.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err(wrong(field, "an object of texts"))
            }
        })
        .collect()
}
