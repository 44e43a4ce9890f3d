//! One compose file: its version, its sections, its variables replaced.

use std::rc::Rc;

use super::context::{Context, Scope};
use super::node::{Entry, Loc, Node, Source, Value, View};
use super::problem::Severity;
use super::yaml;

/// Which generation of the format a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// No version, or a version "3" that means nothing any more.
    Specification,
    /// Services at top level.
    V1,
    /// `version: "2"`, Rancher's own.
    V2,
}

/// A top-level section whose entries have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Services,
    Volumes,
    Networks,
    Secrets,
    Configs,
}

impl Section {
    pub const ALL: [Section; 5] = [
        Section::Services,
        Section::Volumes,
        Section::Networks,
        Section::Secrets,
        Section::Configs,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Section::Services => "services",
            Section::Volumes => "volumes",
            Section::Networks => "networks",
            Section::Secrets => "secrets",
            Section::Configs => "configs",
        }
    }
}

/// A compose file, or several after merging.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub version: Version,
    pub name: Option<Entry>,
    pub include: Option<Entry>,
    sections: [Vec<Entry>; 5],
}

impl Document {
    pub fn empty(version: Version) -> Self {
        Document { version, name: None, include: None, sections: Default::default() }
    }

    pub fn section(&self, section: Section) -> &[Entry] {
        let [services, volumes, networks, secrets, configs] = &self.sections;
        match section {
            Section::Services => services,
            Section::Volumes => volumes,
            Section::Networks => networks,
            Section::Secrets => secrets,
            Section::Configs => configs,
        }
    }

    pub fn section_mut(&mut self, section: Section) -> &mut Vec<Entry> {
        let [services, volumes, networks, secrets, configs] = &mut self.sections;
        match section {
            Section::Services => services,
            Section::Volumes => volumes,
            Section::Networks => networks,
            Section::Secrets => secrets,
            Section::Configs => configs,
        }
    }

    /// The prefix of dotted paths of services: nothing where services stand at top level.
    pub fn services_path(&self) -> &'static str {
        match self.version {
            Version::V1 => "",
            Version::V2 | Version::Specification => "services",
        }
    }
}

/// Reads a file into sections. None when it cannot be read at all. `beside` is the generation of
/// the file it stands beside, which counts when this one does not say.
pub(super) fn read(
    context: &Context<'_>,
    source: &Rc<Source>,
    bytes: &[u8],
    scope: &Scope,
    beside: Option<Version>,
) -> Option<Document> {
    let mut root = yaml::parse(bytes, source, &context.budget, &context.problems)?;
    let Value::Map(entries) = &mut root.value else {
        let message = format!("the file holds {}, not a mapping", root.kind());
        context.problems.add(Severity::Error, &root.at, "", message);
        return None;
    };
    // The project's name comes first: other values may hold it.
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == "name") {
        interpolate(context, scope, &mut entry.node, "name");
        context.call_project(entry.node.as_text().map(super::names::stack_name));
    }
    for entry in entries.iter_mut().filter(|entry| entry.key != "name") {
        if !is_extension(&entry.key) && !is_about(&entry.key) && entry.key != "version" {
            interpolate(context, scope, &mut entry.node, &entry.key);
        }
    }
    let version = version(context, &root, beside)?;
    let mut document = Document::empty(version);
    let Value::Map(entries) = root.value else { return None };
    for entry in entries {
        place(context, &mut document, entry);
    }
    Some(document)
}

/// Whether an entry describes a template of the catalog, not the stack.
fn is_about(key: &str) -> bool {
    matches!(key, "catalog" | ".catalog")
}

fn is_extension(key: &str) -> bool {
    key.starts_with("x-")
}

/// Replaces variables in every value of a tree. A value that cannot be replaced becomes null; the
/// finding is an error already.
fn interpolate(context: &Context<'_>, scope: &Scope, node: &mut Node, path: &str) {
    let Node { value, at, .. } = node;
    match value {
        Value::Null => {}
        Value::Scalar(scalar) if scalar.text.contains('$') => {
            match context.expand(scope, &scalar.text, at, path) {
                Some(text) => scalar.text = text,
                None => *value = Value::Null,
            }
        }
        Value::Scalar(_) => {}
        Value::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                interpolate(context, scope, item, &format!("{path}[{index}]"));
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let path = format!("{path}.{}", entry.key);
                interpolate(context, scope, &mut entry.node, &path);
            }
        }
    }
}

/// Keys that only a service can have; they tell a version 1 file from a misspelt one.
const SERVICE_KEYS: &[&str] = &["image", "build", "extends", "command", "scale", "health_check"];

fn version(context: &Context<'_>, root: &Node, beside: Option<Version>) -> Option<Version> {
    let declared = View::new(root, "").get("version");
    if let Some(view) = &declared {
        let text = view.node.as_text().unwrap_or_default();
        let major = text.split('.').next().unwrap_or_default();
        match major {
            // A service may well be called `version` in a version 1 file.
            "" if !view.node.entries().is_empty() => {}
            "1" if root.get("services").is_none() => return Some(Version::V1),
            "2" => return Some(Version::V2),
            "3" => return Some(Version::Specification),
            _ => {
                context.error(view, format!("`{text}` is not a version of compose files"));
                return None;
            }
        }
    }
    let sections = root.get("services").is_some() || root.get("include").is_some();
    let service = |entry: &&Entry| {
        !is_extension(&entry.key) && SERVICE_KEYS.iter().any(|key| entry.node.get(key).is_some())
    };
    if let Some(beside) = beside.filter(|_| !sections) {
        return Some(beside);
    }
    match !sections && root.entries().iter().any(|entry| service(&entry)) {
        true => Some(Version::V1),
        false => Some(Version::Specification),
    }
}

/// Top-level keys that are known but have no effect, and what to say about them.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("models", "models are not supported and ignored"),
    ("load_balancers", "write the balancer as a service with `lb_config`; it is ignored here"),
    ("storage_drivers", "storage drivers are not supported and ignored"),
    ("network_drivers", "network drivers are not supported and ignored"),
    ("external_services", "write it as a service with image `rancher/external-service`"),
    ("aliases", "write it as a service with image `rancher/dns-service`; it is ignored here"),
    ("virtual_machines", "virtual machines are not supported and ignored"),
    ("containers", "write it as a service; it is ignored here"),
    ("hosts", "hosts cannot be declared in a compose file; it is ignored"),
    ("dependencies", "dependencies between stacks are not supported and ignored"),
];

/// Puts a top-level entry where it belongs.
fn place(context: &Context<'_>, document: &mut Document, entry: Entry) {
    let key = entry.key.as_str();
    let text = entry.node.as_text().is_some();
    if is_extension(key) || is_about(key) || (key == "version" && text) {
        return;
    }
    if document.version == Version::V1 {
        document.section_mut(Section::Services).push(entry);
        return;
    }
    if let Some(section) = Section::ALL.into_iter().find(|section| section.name() == key) {
        match entry.node.value {
            Value::Null => {}
            Value::Map(entries) => *document.section_mut(section) = entries,
            Value::List(_) | Value::Scalar(_) => {
                let message = format!("must be a mapping of names, not {}", entry.node.kind());
                context.error(&View::of_entry("", &entry), message);
            }
        }
        return;
    }
    match key {
        "name" => document.name = Some(entry),
        "include" => document.include = Some(entry),
        _ => unknown(context, document.version, &entry),
    }
}

fn unknown(context: &Context<'_>, version: Version, entry: &Entry) {
    let view = View::of_entry("", entry);
    let known = WITHOUT_EFFECT.iter().find(|(key, _)| *key == entry.key);
    match (known, version) {
        (Some((_, message)), _) => context.warning(&view, *message),
        // Rancher ignores unknown top-level keys, and old files rely on it.
        (None, Version::V1 | Version::V2) => context.warning(&view, "unknown key, ignored"),
        (None, Version::Specification) => context.error(
            &view,
            "unknown key; extensions begin with `x-`, services belong under `services`",
        ),
    }
}

/// A place that stands for a whole file.
pub(super) fn whole(source: &Rc<Source>) -> Loc {
    Loc { source: Rc::clone(source), line: 0 }
}
