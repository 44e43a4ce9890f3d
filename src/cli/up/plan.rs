//! The request that deploys a project, and the plan that comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::super::output::{Output, Style};
use super::super::project::Loaded;
use crate::compose::{Problem, Severity, layout};

/// What the server is to do with a project.
pub fn request(loaded: &Loaded, dry_run: bool, remove_orphans: bool) -> Value {
    let located = &loaded.located;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let first = located.files.first().map(|file| text(&file.text)).unwrap_or_default();
    let files: Map<String, Value> = loaded
        .files
        .iter()
        .map(|(path, bytes)| (path.clone(), STANDARD.encode(bytes).into()))
        .collect();
    let mut body = json!({
        "name": loaded.name,
        "dockerCompose": first,
        "environment": loaded.project.variables,
        "files": files,
        "projectDir": located.folder.display().to_string(),
        "profiles": loaded.profiles,
        "dryRun": dry_run,
        "removeOrphans": remove_orphans,
    });
    if let Some(rancher) = &located.rancher {
        body["rancherCompose"] = text(&rancher.text).into();
    }
    if located.files.len() > 1 {
        let all = located.files.iter();
        let all = all.map(|file| json!({ "name": file.name, "text": text(&file.text) }));
        body["composeFiles"] = all.collect();
    }
    body
}

/// What the server is to do with a project whose files it reads itself.
pub fn bound_request(loaded: &Loaded, dry_run: bool, remove_orphans: bool) -> Value {
    let located = &loaded.located;
    let names: Vec<&str> = located.files.iter().map(|file| file.name.as_str()).collect();
    let mut body = json!({
        "name": loaded.name,
        "directory": located.folder.display().to_string(),
        "profiles": loaded.profiles,
        "dryRun": dry_run,
        "removeOrphans": remove_orphans,
    });
    // Those with the usual names may change: an override may come.
    let usual = layout::compose_files(|name| names.contains(&name));
    body["composeFiles"] = if usual == names { json!([]) } else { json!(names) };
    body
}

/// The server's answer to a project.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The stack, if it exists.
    pub stack_id: Option<String>,
    /// What changes, dependencies first.
    pub changes: Vec<Change>,
    /// What is wrong with the files.
    pub problems: Vec<Problem>,
}

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `create`, `change`, `scale`, `start`, `remove` or `unchanged`.
    pub action: String,
    /// The service.
    pub service: String,
    /// Why.
    pub reason: String,
}

impl Answer {
    /// From the API's JSON: a plan, or an error with problems.
    pub fn read(value: &Value) -> Self {
        let list = |key: &str| value[key].as_array().into_iter().flatten();
        Answer {
            stack_id: value["stackId"].as_str().map(str::to_owned),
            changes: list("changes").map(Change::read).collect(),
            problems: list("problems").map(problem).collect(),
        }
    }

    /// Whether the files cannot be deployed.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether nothing changes.
    pub fn is_settled(&self) -> bool {
        self.stack_id.is_some() && self.changes.iter().all(|one| one.action == "unchanged")
    }
}

impl Change {
    fn read(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Change { action: text("action"), service: text("service"), reason: text("reason") }
    }

    /// Whether this is a service that the files do not name, and that stays.
    pub fn is_orphan(&self) -> bool {
        self.action == "unchanged" && self.reason.starts_with("orphan")
    }

    /// As a person reads it.
    pub fn text(&self, out: &Output) -> String {
        let (verb, style) = match self.action.as_str() {
            "create" => ("create", Style::Good),
            "remove" => ("remove", Style::Bad),
            "unchanged" => ("keep", Style::Dim),
            verb => (verb, Style::Busy),
        };
        let verb = out.paint(style, &format!("{verb:<7}"));
        format!("{verb} {}: {}", self.service, self.reason)
    }

    /// As a program reads it.
    pub fn json(&self) -> Value {
        json!({
            "type": "change", "action": self.action, "service": self.service,
            "reason": self.reason,
        })
    }
}

fn problem(value: &Value) -> Problem {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let line = value["line"].as_u64().and_then(|line| usize::try_from(line).ok());
    Problem {
        severity: match value["severity"].as_str() {
            Some("warning") => Severity::Warning,
            _ => Severity::Error,
        },
        file: text("file"),
        line: line.unwrap_or_default(),
        path: text("path"),
        message: text("message"),
    }
}

/// Whether a finding of the server is one that was shown before. The server knows the first file
/// under another name.
pub fn is_known(found: &Problem, shown: &[Problem]) -> bool {
    shown
        .iter()
        .any(|one| (one.line, &one.path, &one.message) == (found.line, &found.path, &found.message))
}
