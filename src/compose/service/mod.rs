//! One service of a file as a draft in Rancher's terms; what needs other services comes later.

mod balancer;
mod build;
mod deploy;
mod files;
mod health;
mod keys;
mod limits;
mod network;
mod ports;
mod process;
mod rancher;
mod volumes;

#[cfg(test)]
pub(super) use keys::names as key_names;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::context::{Context, Scope};
use super::declared::Declared;
use super::document::Version;
use super::names::Names;
use super::node::{Entry, View};
use super::problem::Spot;
use super::project::{Build, Condition, Kind, Link, MountedFile};

/// Label that keeps a finished container from being started again.
pub(super) const START_ONCE: &str = "io.rancher.container.start_once";
/// Label that puts one container on every host.
pub(super) const GLOBAL: &str = "io.rancher.scheduler.global";
/// Label that names the sidekicks of a service.
pub(super) const SIDEKICKS: &str = "io.rancher.sidekicks";

/// What all services of a project are read with.
pub(super) struct Reader<'r, 'c> {
    pub context: &'r Context<'c>,
    pub scope: &'r Scope,
    pub names: &'r Names,
    pub declared: &'r Declared,
    pub version: Version,
    /// The stack's name, if it is known.
    pub project: Option<&'r str>,
}

/// What another service of the same unit lends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    Volumes,
    Network,
}

/// A `depends_on` entry with its place; `service` is the name in the file.
pub(super) struct Need {
    pub spot: Spot,
    pub service: String,
    pub condition: Condition,
    pub required: bool,
}

/// A service as far as it can be known alone.
pub(super) struct Draft {
    /// The name in the file.
    pub key: String,
    /// The valid name.
    pub name: String,
    pub spot: Spot,
    pub kind: Kind,
    pub launch: Map<String, Value>,
    pub fields: Map<String, Value>,
    pub upgrade: Map<String, Value>,
    pub image: Option<String>,
    pub build: Option<Build>,
    pub labels: BTreeMap<String, String>,
    pub environment: BTreeMap<String, String>,
    pub scale: Option<(u32, Spot)>,
    pub global: bool,
    pub start_on_create: Option<bool>,
    /// The container ends by itself and is not to be started again.
    pub start_once: bool,
    /// The policy of `deploy.restart_policy`, which counts where there is no `restart`.
    pub deployed: Option<deploy::Policy>,
    /// Links with the target as in the file.
    pub links: Vec<(Spot, Link)>,
    pub needs: Vec<Need>,
    pub shares: Vec<(Spot, String, Shared)>,
    pub sidekicks: Vec<(Spot, String)>,
    pub files: Vec<MountedFile>,
    pub container_name: Option<String>,
    /// Further names other services may use.
    pub aliases: BTreeSet<String>,
    /// Services that the balancer's rules name, as in the file.
    pub targets: Vec<(Spot, String)>,
}

impl Draft {
    fn new(key: &str, name: &str, view: &View<'_>) -> Self {
        Draft {
            key: key.to_owned(),
            name: name.to_owned(),
            spot: view.into(),
            kind: Kind::Service,
            launch: Map::new(),
            fields: Map::new(),
            upgrade: Map::new(),
            image: None,
            build: None,
            labels: BTreeMap::new(),
            environment: BTreeMap::new(),
            scale: None,
            global: false,
            start_on_create: None,
            start_once: false,
            deployed: None,
            links: Vec::new(),
            needs: Vec::new(),
            shares: Vec::new(),
            sidekicks: Vec::new(),
            files: Vec::new(),
            container_name: None,
            aliases: BTreeSet::new(),
            targets: Vec::new(),
        }
    }

    /// Sets a launch config field.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.launch.insert(field.to_owned(), value.into());
    }

    /// Adds texts to a list field of the launch config, each once.
    pub fn extend(&mut self, field: &str, texts: Vec<String>) {
        let list = self.launch.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            for text in texts {
                let text = Value::String(text);
                if !list.contains(&text) {
                    list.push(text);
                }
            }
        }
    }
}

/// Whether a service takes part, given the profiles asked for (`*` is all).
pub(super) fn active(context: &Context<'_>, view: &View<'_>, profiles: &[String]) -> bool {
    let Some(own) = view.get("profiles") else { return true };
    let own = context.texts(&own);
    own.is_empty() || profiles.iter().any(|profile| profile == "*" || own.contains(profile))
}

/// Reads a service. None when it has no valid name or is no mapping.
pub(super) fn read(reader: &Reader<'_, '_>, path: &str, entry: &Entry) -> Option<Draft> {
    let view = View::of_entry(path, entry);
    let name = reader.names.get(&entry.key)?;
    if entry.node.is_null() {
        reader.context.error(&view, "the service is empty; it needs at least an `image`");
        return None;
    }
    if !reader.context.is_map(&view) {
        return None;
    }
    let mut draft = Draft::new(&entry.key, name, &view);
    draft.image = view.get("image").and_then(|image| reader.context.word(&image));
    draft.kind = rancher::kind(&view, draft.image.as_deref());
    // Values of `environment` count more than those of files, wherever the keys stand.
    process::env_files(reader, &view, &mut draft);
    for (key, value) in view.entries() {
        keys::read(reader, key, &value, &mut draft);
    }
    finish(reader, &view, &mut draft);
    Some(draft)
}

/// What follows from several keys together.
fn finish(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    deploy::finish(reader, draft);
    rancher::labels(reader, view, draft);
    rancher::finish(reader, view, draft);
    image(reader, view, draft);
    balancer::finish(reader, view, draft);
    network::finish(reader, view, draft);
    if draft.start_once {
        draft.labels.entry(START_ONCE.to_owned()).or_insert_with(|| "true".to_owned());
    }
    if draft.global && draft.scale.take().is_some_and(|(scale, _)| scale != 1) {
        let message = "the scale has no effect: a global service runs once on every host";
        reader.context.warning(view, message);
    }
    if draft.key != draft.name {
        draft.aliases.insert(draft.key.clone());
    }
    draft.aliases.remove(&draft.name);
    if !draft.aliases.is_empty() {
        let aliases = std::mem::take(&mut draft.aliases);
        draft.extend("netAlias", aliases.into_iter().collect());
    }
    for (field, texts) in [("environment", &draft.environment), ("labels", &draft.labels)] {
        if !texts.is_empty() {
            let texts = texts.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
            draft.launch.insert(field.to_owned(), Value::Object(texts.collect()));
        }
    }
}

/// The image to run: named, or else the name of what is built.
fn image(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let built = |name: &str| match reader.project {
        Some(project) => format!("{project}-{name}"),
        None => name.to_owned(),
    };
    let tag = match (&draft.image, &draft.build) {
        (Some(image), _) => image.clone(),
        (None, Some(_)) => built(&draft.name),
        (None, None) if draft.fields.contains_key("selectorContainer") => "rancher/none".to_owned(),
        (None, None) => {
            // What could not be extended or read was said already.
            let said = |key| reader.context.problems.mentions(&format!("{}.{key}", view.path));
            if view.get("extends").is_none() && !said("image") && !said("build") {
                reader.context.error(view, "the service has neither `image` nor `build`");
            }
            return;
        }
    };
    if let Some(bad) = tag.chars().find(|letter| letter.is_whitespace() || letter.is_control()) {
        let bad = bad.escape_default();
        reader.context.error(view, format!("`{tag}` is not an image name: it holds `{bad}`"));
        return;
    }
    if let Some(build) = &mut draft.build {
        build.tag = tag.clone();
    }
    // Simulated images keep the prefix by which the engine knows them. `docker:27` is the image `docker`.
    let uuid = if tag.starts_with("sim:") { tag } else { format!("docker:{tag}") };
    draft.set("imageUuid", uuid);
}
