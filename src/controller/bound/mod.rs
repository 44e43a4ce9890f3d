//! Stacks that are bound to a directory: the files there say what the stack is.
//!
//! A stack has the directory and how it stands to it; the files themselves are not kept in the database.
//! `watch` notices that they change and works out what that would do; nothing is done unless somebody
//! says so, or has said so beforehand.

pub mod watch;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::deploy::{OrphanPolicy, Request};
use crate::compose::plan::{Action, Change};
use crate::compose::{Problem, stack_name};
use crate::error::{Error, Result};
use crate::folder::{self, Files, Folders, Refused, Wanted};
use crate::model::resource::Resource;
use crate::store::Tx;

/// The field of a stack with the directory it is bound to.
pub const DIRECTORY: &str = "directory";
/// The field of a stack that says how it stands to its directory.
pub const STATUS: &str = "directoryStatus";
/// The field of a stack with the fingerprint of the files that were applied last; not shown.
const APPLIED: &str = "directoryApplied";
/// Values shorter than this are not looked for in messages: they would be found in any word.
const SHORTEST_SECRET: usize = 4;

/// What a stack is bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Absolute path of the directory on the server's machine.
    pub directory: String,
    /// Compose files in it; those with the usual names if there are none.
    pub files: Vec<String>,
    /// Profiles.
    pub profiles: Vec<String>,
    /// Whether changes of the files are applied without being asked.
    pub auto_apply: bool,
}

impl Binding {
    /// That of a stack.
    pub fn of(stack: &Resource) -> Option<Self> {
        let directory = stack.str(DIRECTORY)?.to_owned();
        let status = stack.map(STATUS);
        let list = |key: &str| -> Vec<String> {
            let list = status.and_then(|status| status.get(key)).and_then(Value::as_array);
            let texts = list.into_iter().flatten().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        };
        let auto_apply = status.and_then(|status| status.get("autoApply"));
        Some(Self {
            directory,
            files: list("files"),
            profiles: list("profiles"),
            auto_apply: auto_apply == Some(&Value::Bool(true)),
        })
    }

    /// Puts it onto a stack.
    fn put(&self, stack: &mut Resource, standing: &Standing) {
        stack.set(DIRECTORY, self.directory.as_str());
        let mut status = Map::new();
        status.insert("state".to_owned(), standing.state.into());
        status.insert("message".to_owned(), standing.message.clone().into());
        status.insert("autoApply".to_owned(), self.auto_apply.into());
        status.insert("changes".to_owned(), json!(standing.changes));
        status.insert("problems".to_owned(), json!(standing.problems));
        status.insert("files".to_owned(), json!(self.files));
        status.insert("profiles".to_owned(), json!(self.profiles));
        stack.set(STATUS, Value::Object(status));
    }
}

/// How a stack stands to its directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    state: &'static str,
    message: Option<String>,
    changes: Vec<Change>,
    problems: Vec<Problem>,
}

impl Standing {
    /// The stack is what the files say.
    pub const SETTLED: Self =
        Self { state: "settled", message: None, changes: Vec::new(), problems: Vec::new() };

    /// The files say something else.
    fn changed(changes: Vec<Change>, problems: Vec<Problem>) -> Self {
        let message = Some(summary(&changes));
        Self { state: "changed", message, changes, problems }
    }

    /// The files cannot be applied.
    fn invalid(message: String, problems: Vec<Problem>) -> Self {
        Self { state: "invalid", message: Some(message), changes: Vec::new(), problems }
    }

    /// There are no files.
    fn missing(message: String) -> Self {
        let message = format!("{message}; the stack runs on as it is");
        Self { state: "missing", message: Some(message), ..Self::SETTLED }
    }

    /// Whether a stack says so already.
    fn is_of(&self, stack: &Resource) -> bool {
        let status = stack.map(STATUS);
        let own =
            |key: &str| status.and_then(|status| status.get(key)).cloned().unwrap_or_default();
        own("state") == self.state
            && own("message") == Value::from(self.message.clone())
            && own("changes") == json!(self.changes)
            && own("problems") == json!(self.problems)
    }
}

/// `1 service to create, 2 to change`.
fn summary(changes: &[Change]) -> String {
    let words = [
        (Action::Create, "to create"),
        (Action::Change, "to change"),
        (Action::Scale, "to scale"),
        (Action::Start, "to start"),
        (Action::Remove, "to remove"),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (action, word) in words {
        match changes.iter().filter(|change| change.action == action).count() {
            0 => {}
            count if !parts.is_empty() => parts.push(format!("{count} {word}")),
            1 => parts.push(format!("1 service {word}")),
            count => parts.push(format!("{count} services {word}")),
        }
    }
    parts.join(", ")
}

/// Where the files of a request come from.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// What the stack is bound to.
    pub binding: Binding,
    /// The name of the first compose file.
    pub first_file: String,
    /// The fingerprint of the files.
    pub fingerprint: String,
    /// Files that are named and may not be read, and why.
    pub refused: BTreeMap<String, String>,
    /// Values of variables, which no message may tell.
    secrets: Vec<String>,
}

impl Bound {
    /// Puts onto a stack that its files have been applied. What they say stays in them.
    pub fn put(&self, stack: &mut Resource) {
        self.binding.put(stack, &Standing::SETTLED);
        stack.set(APPLIED, self.fingerprint.as_str());
        stack.set("environment", Map::new());
        for field in ["templates", "secretFiles", "secretVariables"] {
            stack.set(field, Value::Null);
        }
    }

    /// Takes the values of variables out of a message.
    pub fn conceal(&self, message: &mut String) {
        for secret in &self.secrets {
            if message.contains(secret.as_str()) {
                *message = message.replace(secret.as_str(), "***");
            }
        }
    }
}

/// What has been applied since says something else than the directory may say.
pub fn forget_applied(stack: &mut Resource) {
    if stack.str(DIRECTORY).is_some() {
        stack.set(APPLIED, Value::Null);
    }
}

/// Whether a stack may be made from a directory: not from another than it is bound to.
///
/// # Errors
/// 409.
pub fn check(stack: &Resource, wanted: &Bound) -> Result<()> {
    match stack.str(DIRECTORY) {
        Some(own) if own != wanted.binding.directory => Err(Error::conflict(format!(
            "stack `{}` is bound to `{own}`; unbind it first",
            stack.display_name()
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Binds a stack to a directory, which changes nothing that runs: the difference is worked out and shown.
///
/// # Errors
/// When the database fails, or the stack is gone.
pub fn bind(tx: &mut Tx<'_>, stack: i64, binding: &Binding) -> Result<Resource> {
    tx.update(stack, |stack| {
        binding.put(stack, &Standing::SETTLED);
        stack.set(APPLIED, Value::Null);
        Ok(())
    })
}

/// Unbinds a stack; its services and the files stay as they are.
///
/// # Errors
/// When the database fails, or the stack is gone.
pub fn unbind(tx: &mut Tx<'_>, stack: i64) -> Result<Resource> {
    tx.update(stack, |stack| {
        for field in [DIRECTORY, STATUS, APPLIED] {
            stack.set(field, Value::Null);
        }
        Ok(())
    })
}

/// Reads a binding's directory: what deploying it asks for, and the files. Waits for the disk.
///
/// # Errors
/// When the directory may not be used, or there is nothing to deploy in it.
pub fn read(
    folders: &Folders,
    name: Option<&str>,
    binding: &Binding,
    unsaved: BTreeMap<String, Vec<u8>>,
) -> Result<(Request, Files), Refused> {
    let folder = folders.open(&binding.directory)?;
    let wanted = Wanted { files: &binding.files, profiles: &binding.profiles, name, unsaved };
    let files = folder::read(&folder, &wanted)?;
    let text = |file: &crate::compose::ComposeFile| match std::str::from_utf8(&file.text) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Refused::Unfit(format!("file `{}` is no text in UTF-8", file.name))),
    };
    let directory = folder.given.to_string_lossy().into_owned();
    let named = name.map(str::to_owned).or_else(|| files.name.clone());
    let named = named.unwrap_or_else(|| {
        let last = Path::new(&directory).file_name().unwrap_or_default();
        stack_name(&last.to_string_lossy())
    });
    let first = files.compose.first();
    let request = Request {
        name: Some(named),
        docker_compose: first.map(text).transpose()?.unwrap_or_default(),
        overlays: files.compose.iter().skip(1).cloned().collect(),
        rancher_compose: files.rancher.as_ref().map(text).transpose()?,
        files: files.named.clone(),
        project_dir: Some(directory.clone()),
        profiles: binding.profiles.clone(),
        orphans: OrphanPolicy::Remove,
        bound: Some(Bound {
            binding: Binding { directory, ..binding.clone() },
            first_file: first.map(|file| file.name.clone()).unwrap_or_default(),
            fingerprint: files.fingerprint.clone(),
            refused: files.refused.clone(),
            secrets: secrets(&files.named),
        }),
        ..Request::default()
    };
    Ok((request, files))
}

/// What stands in files of variables: values, and lines that are no assignments.
fn secrets(files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let is_variables = |name: &str| name == ".env" || name.ends_with(".env");
    let variables = files.iter().filter(|(name, _)| is_variables(name));
    let mut found: Vec<String> = Vec::new();
    for (_, bytes) in variables {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        found.extend(lines.filter_map(|line| {
            let value = line.split_once('=').map_or(line, |(_, value)| value).trim();
            let value = value.trim_matches(['"', '\'']);
            (value.len() >= SHORTEST_SECRET).then(|| value.to_owned())
        }));
    }
    // Longer ones first: they may contain others.
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

/// A refusal as the API tells it, about a field of what was asked.
pub fn refusal(refused: Refused, field: &str) -> Error {
    let message = refused.to_string();
    match refused {
        Refused::Outside(_) => Error::field("InvalidOption", field).message(message),
        Refused::Gone(_) => Error::field("InvalidReference", field).message(message),
        Refused::Unfit(_) => Error::field("InvalidFormat", field).message(message),
        Refused::Changed(_) | Refused::Denied(_) => Error::conflict(message),
    }
}
