//! The top-level sections beside services: volumes, networks, secrets and configs.

use std::collections::BTreeMap;

use super::context::{Context, Scope};
use super::document::{Document, Section};
use super::node::{Entry, Node, View};
use super::problem::Spot;
use super::project::{FileContent, FileDecl, NetworkDecl, VolumeDecl};
use super::source::join;

/// What a project declares for its services to use.
#[derive(Default)]
pub(super) struct Declared {
    pub volumes: Vec<VolumeDecl>,
    pub networks: Vec<NetworkDecl>,
    pub secrets: Vec<FileDecl>,
    pub configs: Vec<FileDecl>,
}

/// Reads the sections.
pub(super) fn read(context: &Context<'_>, document: &Document, scope: &Scope) -> Declared {
    let entries = |section| document.section(section).iter();
    let file = |section| {
        move |entry: &Entry| {
            file(context, scope, &View::of_entry(Section::name(section), entry), entry)
        }
    };
    Declared {
        volumes: entries(Section::Volumes).filter_map(|entry| volume(context, entry)).collect(),
        networks: entries(Section::Networks).filter_map(|entry| network(context, entry)).collect(),
        secrets: entries(Section::Secrets).filter_map(file(Section::Secrets)).collect(),
        configs: entries(Section::Configs).filter_map(file(Section::Configs)).collect(),
    }
}

/// `external: true`, or the older `external: {name: x}`; the name if one is given there.
fn external(context: &Context<'_>, view: &View<'_>) -> (bool, Option<String>) {
    match view.get("external") {
        None => (false, None),
        Some(external) if external.node.as_text().is_none() => {
            context.known(&external, &["name"]);
            let name = external.get("name").and_then(|name| context.word(&name));
            (true, name)
        }
        Some(external) => (context.flag(&external).unwrap_or(false), None),
    }
}

/// The real name: `name`, or the one under `external`, or the key.
fn real_name(
    context: &Context<'_>,
    view: &View<'_>,
    external: Option<String>,
    key: &str,
) -> String {
    let given = view.get("name").and_then(|name| context.word(&name));
    given.or(external).unwrap_or_else(|| key.to_owned())
}

fn texts(context: &Context<'_>, view: Option<View<'_>>) -> BTreeMap<String, String> {
    let pairs = view.map(|view| context.pairs(&view)).unwrap_or_default();
    pairs.into_iter().map(|pair| (pair.name, pair.value.unwrap_or_default())).collect()
}

fn volume(context: &Context<'_>, entry: &Entry) -> Option<VolumeDecl> {
    const KEYS: &[&str] = &["driver", "driver_opts", "external", "labels", "name", "per_container"];
    let view = View::of_entry(Section::Volumes.name(), entry);
    if !entry.node.is_null() {
        if !context.is_map(&view) {
            return None;
        }
        context.known(&view, KEYS);
    }
    let (external, external_name) = external(context, &view);
    let name = real_name(context, &view, external_name, &entry.key);
    let bad = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '.' | '-');
    if name.contains(bad) || !name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        let message =
            format!("`{name}` is not a volume name; it takes letters, digits, `_`, `.` and `-`");
        context.error(&view, message);
        return None;
    }
    Some(VolumeDecl {
        name,
        key: entry.key.clone(),
        driver: view.get("driver").and_then(|driver| context.word_if_any(&driver)),
        driver_opts: texts(context, view.get("driver_opts")),
        labels: texts(context, view.get("labels")),
        external,
        per_container: view.get("per_container").and_then(|v| context.flag(&v)).unwrap_or(false),
    })
}

fn network(context: &Context<'_>, entry: &Entry) -> Option<NetworkDecl> {
    const KEYS: &[&str] = &[
        "attachable",
        "driver",
        "driver_opts",
        "enable_ipv4",
        "enable_ipv6",
        "external",
        "internal",
        "ipam",
        "labels",
        "name",
    ];
    let view = View::of_entry(Section::Networks.name(), entry);
    if !entry.node.is_null() {
        if !context.is_map(&view) {
            return None;
        }
        context.known(&view, KEYS);
    }
    let (external, external_name) = external(context, &view);
    let driver = view.get("driver").and_then(|driver| context.word(&driver));
    let internal = view.get("internal").and_then(|v| context.flag(&v)).unwrap_or(false);
    if internal {
        let message = "the services of this network keep their way out: all services of an \
                       environment share one network";
        context.warning(&view, message);
    }
    for key in ["ipam", "enable_ipv6", "driver_opts"] {
        if let Some(setting) = view.get(key) {
            context.warning(&setting, "has no effect: the environment's network is used");
        }
    }
    if let Some(driver) =
        driver.as_deref().filter(|d| !matches!(*d, "bridge" | "overlay" | "default"))
    {
        let message = format!("driver `{driver}` is not used: the environment's network is");
        context.warning(&view, message);
    }
    let name = real_name(context, &view, external_name, &entry.key);
    Some(NetworkDecl { key: entry.key.clone(), name, driver, external, internal })
}

/// A secret or config.
fn file(context: &Context<'_>, scope: &Scope, view: &View<'_>, entry: &Entry) -> Option<FileDecl> {
    const KEYS: &[&str] = &["content", "environment", "external", "file", "labels", "name"];
    const FOREIGN: &[&str] = &["driver", "driver_opts", "template_driver"];
    for key in FOREIGN {
        if let Some(setting) = view.get(key) {
            context.warning(&setting, "has no effect: secrets and configs have no drivers here");
        }
    }
    context.known(view, &[KEYS, FOREIGN].concat());
    let (external, external_name) = external(context, view);
    let given: Vec<&str> = ["file", "content", "environment"]
        .into_iter()
        .filter(|key| view.node.get(key).is_some_and(|node| !node.is_null()))
        .collect();
    let content = match (external, given.as_slice()) {
        (true, []) => FileContent::External,
        (false, [source]) => FileContent::Bytes(bytes(context, scope, &view.get(source)?, source)?),
        (false, []) => {
            context
                .error(view, "needs one of `file`, `content`, `environment` or `external: true`");
            return None;
        }
        (_, [_, ..]) => {
            context
                .error(view, "has more than one of `file`, `content`, `environment`, `external`");
            return None;
        }
    };
    let name = real_name(context, view, external_name, &entry.key);
    Some(FileDecl { key: entry.key.clone(), name, content })
}

fn bytes(context: &Context<'_>, scope: &Scope, view: &View<'_>, source: &str) -> Option<Vec<u8>> {
    let text = context.text(view)?;
    match source {
        "file" => context.read(&path(view.node, &text), &Spot::from(view)),
        "content" => Some(text.into_bytes()),
        _ => match context.variable(scope, &text) {
            Some(value) => Some(value.into_bytes()),
            None => {
                context.error(view, format!("variable `{text}` is not set"));
                None
            }
        },
    }
}

/// A path written in a file, relative to the project directory.
fn path(node: &Node, text: &str) -> String {
    join(&node.at.source.base, text)
}
