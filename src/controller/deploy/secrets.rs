//! Secrets of a stack's files: kept as secrets of the environment, and named by launch configurations.
//!
//! A secret keeps its value for good. When a file's content changes, the stack gets a new secret, and its
//! services new containers; the old one stays for as long as a service names it, so that an upgrade can
//! be taken back. The stack itself remembers which of its files and variables were secrets, not what
//! was in them.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Request;
use crate::compose::{FileContent, FileDecl, FileKind, Problem, Project, Service, Severity};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process;
use crate::process::secrets::{self, VALUE};
use crate::store::{Read, Tx};
use crate::vault::Vault;

/// The field of a secret that says which declaration of its stack it is.
const KEY: &str = "composeKey";
/// The field of a stack with its files that are secrets: path to declaration.
const FILES: &str = "secretFiles";
/// The field of a stack with its variables that are secrets: name to declaration.
const VARIABLES: &str = "secretVariables";
/// Digits that tell two values of a secret apart by name.
const DIGITS: usize = 5;

/// Ids of the secrets that a project's services may name, by their key in the file.
pub type Ids = HashMap<String, i64>;

/// Makes rows for the secrets whose content a project brings and that its stack does not have yet.
///
/// # Errors
/// When the database or the vault fails.
pub fn declare(tx: &mut Tx<'_>, vault: &Vault, stack: &Resource, project: &Project) -> Result<Ids> {
    let mut ids = Ids::new();
    for (key, declared) in used(project) {
        let id = match declared.map(|declared| &declared.content) {
            Some(FileContent::Bytes(bytes)) => Some(keep(tx, vault, stack, key, bytes)?),
            Some(FileContent::External) | None => outside(tx, stack.account_id, key, declared)?,
        };
        ids.extend(id.map(|id| (key.to_owned(), id)));
    }
    Ok(ids)
}

/// Secrets that some service mounts: keys, and their declarations if there are any.
fn used(project: &Project) -> Vec<(&str, Option<&FileDecl>)> {
    let mut found: Vec<(&str, Option<&FileDecl>)> = Vec::new();
    let files = project.services.iter().flat_map(|service| &service.files);
    for file in files.filter(|file| file.kind == FileKind::Secret) {
        if !found.iter().any(|(key, _)| *key == file.source) {
            let declared = project.secrets.iter().find(|known| known.key == file.source);
            found.push((&file.source, declared));
        }
    }
    found
}

fn keep(tx: &mut Tx<'_>, vault: &Vault, stack: &Resource, key: &str, bytes: &[u8]) -> Result<i64> {
    if let Some(known) = newest(tx, stack, key)?
        && secrets::unseal(vault, &known, VALUE)? == bytes
    {
        return Ok(known.id);
    }
    let uuid = tx.entropy.uuid();
    let sealed = secrets::seal(vault, "secret", &uuid, bytes)?;
    let digits: String = uuid.chars().filter(char::is_ascii_hexdigit).take(DIGITS).collect();
    let name = format!("{}_{key}_{digits}", stack.name.as_deref().unwrap_or_default());
    let mut row = NewResource::new("secret", uuid)
        .name(name)
        .with("stackId", stack.id)
        .with("description", format!("`{key}` of the stack's compose file"))
        .with(KEY, key)
        .with(VALUE, sealed);
    row.account_id = stack.account_id;
    Ok(process::create(tx, row, Map::new())?.id)
}

/// The secret that a stack's declaration has now.
fn newest(read: &Read<'_>, stack: &Resource, key: &str) -> Result<Option<Resource>> {
    let own = read.referrers("secret", "stackId", stack.id)?;
    let own = own.into_iter().filter(|secret| secret.str(KEY) == Some(key));
    Ok(own.filter(|secret| secret.state != "removing").max_by_key(|secret| secret.id))
}

/// The environment's secret that a declaration means, or that a service names without one.
fn outside(
    read: &Read<'_>,
    environment: Option<i64>,
    key: &str,
    declared: Option<&FileDecl>,
) -> Result<Option<i64>> {
    let name = declared.map_or(key, |declared| declared.name.as_str());
    let found = read.by_name("secret", environment, name)?;
    let exact = found.iter().find(|secret| secret.name.as_deref() == Some(name));
    Ok(exact.map(|secret| secret.id))
}

/// Problems for the secrets that a project's services need and the environment has not.
///
/// # Errors
/// When the database fails.
pub fn missing(read: &Read<'_>, environment: i64, project: &Project) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for (key, declared) in used(project) {
        let is_outside = declared.is_none_or(|known| known.content == FileContent::External);
        if is_outside && outside(read, Some(environment), key, declared)?.is_none() {
            let name = declared.map_or(key, |declared| declared.name.as_str());
            problems.push(Problem {
                severity: Severity::Error,
                file: "compose.yaml".to_owned(),
                line: 0,
                path: format!("secrets.{key}"),
                message: format!("the environment has no secret `{name}`; create it first"),
            });
        }
    }
    Ok(problems)
}

/// What a launch configuration of a service says of its secrets; `sidekick` is none for the primary.
pub fn references(wanted: &Service, sidekick: Option<&str>, ids: &Ids) -> Vec<Value> {
    let own = wanted
        .files
        .iter()
        .filter(|file| file.kind == FileKind::Secret && file.sidekick.as_deref() == sidekick);
    own.filter_map(|file| {
        let id = ids.get(&file.source)?;
        let name = file.target.strip_prefix("/run/secrets/").unwrap_or(&file.target);
        let text = |value: &Option<String>, default: &str| {
            value.clone().unwrap_or_else(|| default.to_owned())
        };
        Some(json!({
            "secretId": id,
            "name": name,
            "uid": text(&file.uid, "0"),
            "gid": text(&file.gid, "0"),
            "mode": text(&file.mode, "0444"),
        }))
    })
    .collect()
}

/// What may be remembered of a request: its files and variables without those that are secrets.
pub struct Remembered {
    /// Texts of files, by path.
    pub files: Map<String, Value>,
    /// Variables.
    pub variables: Map<String, Value>,
    secret_files: Map<String, Value>,
    secret_variables: Map<String, Value>,
}

impl Remembered {
    /// Of a request and what it means.
    pub fn of(request: &Request, project: &Project) -> Self {
        let secret = |bytes: &[u8]| {
            let is = |declared: &&FileDecl| declared.content == FileContent::Bytes(bytes.to_vec());
            project.secrets.iter().find(is).map(|declared| declared.key.clone())
        };
        let mut own = Self {
            files: Map::new(),
            variables: Map::new(),
            secret_files: Map::new(),
            secret_variables: Map::new(),
        };
        for (path, bytes) in &request.files {
            match (secret(bytes), std::str::from_utf8(bytes)) {
                (Some(key), _) => own.secret_files.insert(path.clone(), key.into()),
                (None, Ok(text)) => own.files.insert(path.clone(), text.into()),
                (None, Err(_)) => None,
            };
        }
        for (name, value) in &request.environment {
            match secret(value.as_bytes()) {
                Some(key) => own.secret_variables.insert(name.clone(), key.into()),
                None => own.variables.insert(name.clone(), value.as_str().into()),
            };
        }
        own
    }

    /// Whether something is a secret.
    pub fn hides(&self) -> bool {
        !self.secret_files.is_empty() || !self.secret_variables.is_empty()
    }

    /// Puts it onto the stack.
    pub fn put(self, stack: &mut Resource) {
        if !self.files.is_empty() || !self.secret_files.is_empty() {
            stack.set("templates", self.files);
        }
        stack.set("environment", self.variables);
        stack.set(FILES, self.secret_files);
        stack.set(VARIABLES, self.secret_variables);
    }
}

/// Gives a request that was made of a stack's own fields its secrets back.
///
/// # Errors
/// When the database or the vault fails.
pub fn recall(
    read: &Read<'_>,
    vault: &Vault,
    stack: &Resource,
    request: &mut Request,
) -> Result<()> {
    let open = |key: &Value| -> Result<Option<Vec<u8>>> {
        let known = newest(read, stack, key.as_str().unwrap_or_default())?;
        known.map(|known| secrets::unseal(vault, &known, VALUE)).transpose()
    };
    for (path, key) in stack.map(FILES).into_iter().flatten() {
        if let (false, Some(bytes)) = (request.files.contains_key(path), open(key)?) {
            request.files.insert(path.clone(), bytes);
        }
    }
    for (name, key) in stack.map(VARIABLES).into_iter().flatten() {
        if let (false, Some(bytes)) = (request.environment.contains_key(name), open(key)?) {
            request.environment.insert(name.clone(), String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(())
}

/// Removes the stack's secrets that no declaration has and no service names any more.
///
/// # Errors
/// When the database fails.
pub fn sweep(tx: &mut Tx<'_>, stack: &Resource, ids: &Ids) -> Result<()> {
    let own = tx.referrers("secret", "stackId", stack.id)?;
    let spare: Vec<i64> = own
        .iter()
        .filter(|secret| secret.str(KEY).is_some() && secret.state == "active")
        .map(|secret| secret.id)
        .filter(|id| !ids.values().any(|used| used == id))
        .collect();
    if spare.is_empty() {
        return Ok(());
    }
    let mut named = Vec::new();
    for service in tx.referrers("service", "stackId", stack.id)? {
        // An upgrade that can be taken back keeps the configurations before it in other fields.
        service.data.values().for_each(|value| collect(value, &mut named));
    }
    for id in spare.into_iter().filter(|id| !named.contains(id)) {
        process::start(tx, id, "remove", Map::new())?;
    }
    Ok(())
}

fn collect(value: &Value, named: &mut Vec<i64>) {
    match value {
        Value::Object(fields) => {
            named.extend(fields.get("secretId").and_then(Value::as_i64));
            fields.values().for_each(|value| collect(value, named));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
