//! Stacks and their directories on the server's disk: binding, reading files, saving them.
//!
//! Which directories there are is the operator's business, so only administrators bind. What a bound stack's
//! files say may be read and changed by owners of its environment, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::sources::{pick, row as computed};
use super::{Answer, Asked, Ctx, DENIED, EVERY_ACTION, Errand, Source};
use crate::auth::Caller;
use crate::auth::caller::Role;
use crate::compose::layout;
use crate::controller::bound::{self, Binding};
use crate::error::{Error, Result};
use crate::folder::{self, Edit, Files, Folders, LineEnding, Refused};
use crate::model::resource::{NewResource, Resource};
use crate::process;
use crate::process::site::Site;
use crate::store::Read;

/// `stackDirectories`.
pub const SOURCE: Source = Source { name: "stackDirectories", list, get, write: None };

/// Largest file that is shown as text.
const MAX_SHOWN: usize = 1 << 20;
/// Digits by which a directory is known.
const DIGITS: usize = 12;

/// Whether somebody is an administrator, wherever he acts.
fn is_operator(caller: &Caller) -> bool {
    caller.all_accounts && caller.role != Role::ReadAdmin
}

fn may_edit(caller: &Caller) -> bool {
    is_operator(caller) || caller.role == Role::Owner
}

/// Whether a caller may deploy what is in a directory: that of the stack, or another; as it is on disk, or
/// with texts that are not there.
///
/// # Errors
/// 403.
pub fn may_use(caller: &Caller, is_bound: bool, edits: bool) -> Result<()> {
    match (is_bound, edits) {
        _ if is_operator(caller) => Ok(()),
        (true, false) => Ok(()),
        (true, true) if may_edit(caller) => Ok(()),
        (true, true) => Err(Error::forbidden(
            "only owners of the environment and administrators may edit files of stacks",
        )),
        (false, _) => Err(Error::forbidden("only administrators may bind stacks to directories")),
    }
}

/// Actions on directories are offered to those who may use them, where there is a directory.
pub fn guard(site: &Site, _: &Read<'_>, caller: &Caller, rows: &mut [Resource]) -> Result<()> {
    let allowed = !site.folders.roots().is_empty();
    for row in rows {
        let mut denied = row.list(DENIED).to_vec();
        if denied.iter().any(|name| name == EVERY_ACTION) {
            continue;
        }
        let is_bound = row.str(bound::DIRECTORY).is_some();
        let rules = [
            ("bind", allowed && is_operator(caller)),
            ("readfiles", is_bound && may_edit(caller)),
            ("savefile", is_bound && may_edit(caller)),
            ("unbind", is_bound && is_operator(caller)),
        ];
        denied.extend(rules.iter().filter(|rule| !rule.1).map(|rule| Value::from(rule.0)));
        row.set(DENIED, denied);
    }
    Ok(())
}

fn texts(input: &Map<String, Value>, field: &str) -> Vec<String> {
    let list = input.get(field).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn binding(input: &Map<String, Value>) -> Binding {
    let directory = input.get("directory").and_then(Value::as_str).unwrap_or_default();
    Binding {
        directory: folder::tidy(directory),
        files: texts(input, "files"),
        profiles: texts(input, "profiles"),
        auto_apply: input.get("autoApply") == Some(&Value::Bool(true)),
    }
}

/// Looks whether there is something to bind a stack to.
pub fn look<'a>(
    site: &'a Site,
    row: &'a Resource,
    input: &'a Map<String, Value>,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (folders, name) = (Arc::clone(&site.folders), row.name.clone());
        let binding = binding(input);
        apart(move || bound::read(&folders, name.as_deref(), &binding, Default::default()))
            .await?
            .map(drop)
            .map_err(|refused| bound::refusal(refused, "directory"))
    })
}

/// `stack.bind`.
///
/// # Errors
/// 403, and when the database fails.
pub fn bind(ctx: &mut Ctx<'_, '_>, row: &Resource, input: Map<String, Value>) -> Result<Answer> {
    may_use(ctx.caller, false, false)?;
    Ok(Answer::Row(bound::bind(ctx.tx, row.id, &binding(&input))?))
}

/// `stack.unbind`.
///
/// # Errors
/// 403, and when the database fails.
pub fn unbind(ctx: &mut Ctx<'_, '_>, row: &Resource, _: Map<String, Value>) -> Result<Answer> {
    may_use(ctx.caller, false, false)?;
    Ok(Answer::Row(bound::unbind(ctx.tx, row.id)?))
}

/// What waits for the disk keeps nobody else waiting.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

fn bound_to(row: &Resource) -> Result<Binding> {
    Binding::of(row).ok_or_else(|| {
        Error::conflict(format!("stack `{}` is bound to no directory", row.display_name()))
    })
}

/// `stack.readfiles`: the files of the stack's directory, as an editor shows them.
pub fn read_files(errand: Errand<'_>) -> BoxFuture<'_, Result<Answer>> {
    Box::pin(async move {
        may_use(errand.caller, true, true)?;
        let binding = bound_to(errand.row)?;
        let (folders, name) = (Arc::clone(&errand.state.site.folders), errand.row.name.clone());
        let directory = binding.directory.clone();
        let read = move || bound::read(&folders, name.as_deref(), &binding, Default::default());
        let (_, files) =
            apart(read).await?.map_err(|refused| bound::refusal(refused, "directory"))?;
        let answer = json!({
            "directory": directory,
            "fingerprint": files.fingerprint,
            "files": listed(&files),
        });
        Ok(Answer::Object("stackFileList", process::object(answer)))
    })
}

/// The files of a project: compose files first; `.env` whether or not it is there.
fn listed(files: &Files) -> Vec<Value> {
    let mut shown = BTreeSet::new();
    let mut list = Vec::new();
    let main = files.compose.iter().chain(&files.rancher);
    let main = main.map(|file| (file.name.as_str(), file.text.as_slice()));
    let env = files.named.get(layout::DOTENV).map(Vec::as_slice);
    let named = files.named.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    if env.is_none() {
        shown.insert(layout::DOTENV);
    }
    for (name, bytes) in main.chain(env.map(|bytes| (layout::DOTENV, bytes))).chain(named) {
        if shown.insert(name) {
            let mut file = described(name, Some(bytes));
            if files.secrets.contains(name) {
                // What a secret says is shown to nobody.
                file["text"] = Value::Null;
                file["isText"] = false.into();
            }
            list.push(file);
        }
    }
    if env.is_none() {
        list.push(described(layout::DOTENV, None));
    }
    list
}

fn described(name: &str, bytes: Option<&[u8]>) -> Value {
    let content = bytes.unwrap_or_default();
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= MAX_SHOWN);
    json!({
        "type": "stackFile",
        "name": name,
        "size": content.len(),
        "hash": bytes.map(folder::hash),
        "isText": text.is_some(),
        "text": text.map(folder::shown),
        "bom": text.is_some_and(folder::has_mark),
        "lineEnding": text.map_or(LineEnding::Lf, LineEnding::of).as_str(),
    })
}

/// `stack.savefile`: writes one file, if it still is what the caller has read.
pub fn save_file(errand: Errand<'_>) -> BoxFuture<'_, Result<Answer>> {
    Box::pin(async move {
        may_use(errand.caller, true, true)?;
        let binding = bound_to(errand.row)?;
        let order = Order::read(&errand.input)?;
        let stack = errand.row.name.clone();
        let site = Arc::clone(&errand.state.site);
        let save = move || order.carry_out(&site, stack.as_deref(), &binding);
        let saved = apart(save).await?.map_err(|refused| bound::refusal(refused, "name"))?;
        Ok(Answer::Object("stackFile", process::object(saved)))
    })
}

/// What is to be saved.
struct Order {
    name: String,
    content: Content,
    hash: Option<String>,
}

enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

impl Order {
    fn read(input: &Map<String, Value>) -> Result<Self> {
        let text = |field: &str| input.get(field).and_then(Value::as_str).map(str::to_owned);
        let content = match (text("text"), text("content")) {
            (Some(text), None) => Content::Text(text),
            (None, Some(content)) => {
                Content::Bytes(base64::engine::general_purpose::STANDARD.decode(content).map_err(
                    |_| Error::field("InvalidBase64", "content").message("`content` is not base64"),
                )?)
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::field("MissingRequired", "text")
                    .message("a file is saved with either `text` or `content`"));
            }
        };
        Ok(Self { name: text("name").unwrap_or_default(), content, hash: text("hash") })
    }

    fn carry_out(
        &self,
        site: &Site,
        stack: Option<&str>,
        binding: &Binding,
    ) -> std::result::Result<Value, Refused> {
        let name = self.name.as_str();
        if !self.is_of(&site.folders, stack, binding) {
            let message = format!("`{name}` is none of the files that make the stack");
            return Err(Refused::Outside(message));
        }
        let folder = site.folders.open(&binding.directory)?;
        let edit = match &self.content {
            Content::Text(text) => Edit::Text(text),
            Content::Bytes(bytes) => Edit::Bytes(bytes),
        };
        folder::save(&folder, name, edit, self.hash.as_deref(), &site.entropy)?;
        Ok(described(name, Some(&folder.bytes(name)?)))
    }

    /// Whether it is a file that the stack is made of, or may come to be.
    fn is_of(&self, folders: &Folders, stack: Option<&str>, binding: &Binding) -> bool {
        let name = &self.name;
        if layout::is_known(name) || binding.files.contains(name) {
            return true;
        }
        let read = bound::read(folders, stack, binding, Default::default());
        read.is_ok_and(|(_, files)| files.named.contains_key(name))
    }
}

/// Directories that stacks may be bound to, for those who may bind them.
fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, candidates(asked)?))
}

fn get(asked: &Asked<'_>, id: &str) -> Result<Option<Resource>> {
    Ok(candidates(asked)?.into_iter().find(|row| row.str("id") == Some(id)))
}

fn candidates(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    if !is_operator(asked.caller) {
        return Ok(Vec::new());
    }
    let found = asked.state.site.folders.candidates();
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut bound_stacks = Vec::new();
    asked.read.for_each("stack", |stack| {
        let directory = stack.str(bound::DIRECTORY).map(str::to_owned);
        bound_stacks.extend(directory.map(|directory| (directory, stack.id)));
        Ok(())
    })?;
    let row = |one: folder::Candidate| {
        let hash = folder::hash(one.directory.as_bytes());
        let last = one.directory.rsplit('/').next().unwrap_or_default();
        let stack = bound_stacks.iter().find(|row| row.0 == one.directory).map(|row| row.1);
        let new = NewResource::new("stackDirectory", String::new())
            .name(crate::compose::stack_name(last))
            .with("id", hash.get(..DIGITS).unwrap_or_default())
            .with("directory", one.directory.as_str())
            .with("files", one.files)
            .with("stackId", stack);
        computed(new)
    };
    Ok(found.into_iter().map(row).collect())
}
