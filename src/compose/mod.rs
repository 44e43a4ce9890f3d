//! Compose files in, Rancher's terms out, and back; what an `up` would change; all pure.
//!
//! [`parse`] reads `compose.yaml` as people write it today, and Rancher's own version 1 and 2 with
//! `rancher-compose.yml` beside it, into a [`Project`]. Whatever a file says that has no or another
//! effect here is a [`Problem`] with file, line and dotted key; nothing is dropped in silence.
//!
//! The way of a file: `templated` (Go templates of catalogs) -> `yaml` (located tree) -> `document` (variables, sections) -> `extends`,
//! `include`, `merge` (one document) -> `declared`, `service` (drafts) -> `group` (sidekicks,
//! references) -> [`Project`].
//!
//! Architecture invariant: nothing here reads files, the clock or the environment. Files come
//! through a caller's [`Loader`], variables as a map; [`Recorder`] keeps what was read, so that a
//! server that gets the record reads exactly the same project.

pub mod about;
pub mod answers;
pub mod emit;
pub mod export;
pub mod gotemplate;
pub mod layout;
pub mod plan;
pub mod transform;

mod context;
mod declared;
mod document;
mod dotenv;
mod extends;
mod group;
mod hash;
mod include;
mod interpolate;
mod limits;
mod merge;
mod names;
mod node;
mod order;
mod problem;
mod project;
mod read;
mod service;
mod source;
mod templated;
mod yaml;

#[cfg(any(test, fuzzing))]
pub mod probe;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

pub use hash::canonical_sha256;
pub use names::{service_name, stack_name};
pub use order::{Cycle, service_order};
pub use problem::{Problem, Severity};
pub use project::{
    Build, Condition, Dependency, FileContent, FileDecl, FileKind, Kind, Link, MountedFile,
    NetworkDecl, Project, Service, VolumeDecl,
};
pub use source::{LoadError, Loader, Recorder, files_loader};

use context::{Context, Scope};
use document::{Document, Section};
use include::File;
use node::{Entry, Loc, Source, View};
use problem::Spot;

/// A compose file whose text the caller has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeFile {
    /// Path relative to the project directory; relative paths in the first file start there.
    pub name: String,
    pub text: Vec<u8>,
}

impl ComposeFile {
    /// A file from its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        ComposeFile { name: name.into(), text: text.into() }
    }
}

/// What a project is read from.
#[derive(Clone, Debug, Default)]
pub struct Input<'a> {
    /// The compose files, each laid over the ones before.
    pub files: Vec<ComposeFile>,
    /// The `rancher-compose.yml` beside them.
    pub rancher: Option<ComposeFile>,
    /// The caller's environment variables.
    pub env: BTreeMap<String, String>,
    /// Absolute path of the project directory on the host, for relative bind mounts.
    pub project_dir: Option<&'a str>,
    /// The stack's name if the caller knows it; goes before the file's `name`.
    pub project_name: Option<&'a str>,
    /// Profiles asked for; `*` is all of them.
    pub profiles: Vec<String>,
    /// What the Go templates in the files are told; without it they are none.
    pub template: Option<gotemplate::Facts>,
}

/// Reads a project. It always gives a result; whether that can be deployed is
/// [`Project::has_errors`].
pub fn parse<'a>(input: &'a Input<'a>, load: &'a mut Loader<'a>) -> Project {
    let mut context = Context::new(&input.env, load);
    context.project_dir = input.project_dir;
    context.project_name = input.project_name;
    let first = input.files.first().map_or("compose.yaml", |file| file.name.as_str());
    let base = source::directory(&source::join("", first));
    let source = |name: &str| Rc::new(Source { name: name.to_owned(), base: base.clone() });
    let spot = Spot { at: document::whole(&source(first)), path: String::new() };
    if input.files.is_empty() {
        context.problems.error(&spot, "no compose file is given");
        return Project { problems: context.problems.into_sorted(), ..Project::default() };
    }
    let texts = match templated::run(input) {
        Ok(texts) => texts,
        Err((name, failure)) => {
            let at = Loc { source: source(&name), line: failure.line };
            let message = format!("the template: {}", failure.message);
            context.problems.add(Severity::Error, &at, "", message);
            return Project { problems: context.problems.into_sorted(), ..Project::default() };
        }
    };
    let file = |file: &ComposeFile| File { source: source(&file.name), bytes: file.text.clone() };
    let files: Vec<File> = texts.files.iter().map(file).collect();
    let scope = include::with_dotenv(&context, &base, &Scope::default(), spot.clone());
    let mut document = include::assemble(&context, &files, &scope, &mut Vec::new());
    if let Some(rancher) = &texts.rancher {
        document = with_rancher(&context, document, &file(rancher), &scope);
    }
    let mut project = project(&context, &document, &scope, input, &spot);
    if let Err(cycle) = service_order(&project) {
        let first = cycle.services.first().map_or("", String::as_str);
        let services = document.section(Section::Services);
        let named = |entry: &&Entry| names::valid_name(&entry.key).is_ok_and(|name| name == first);
        let at = services.iter().find(named).map(|e| View::of_entry(document.services_path(), e));
        context.problems.error(&at.as_ref().map_or(spot, Spot::from), cycle.to_string());
    }
    project.variables = context.used_variables();
    project.problems = context.problems.into_sorted();
    project
}

/// Lays `rancher-compose.yml` over the compose files. It may only add to their services.
fn with_rancher(context: &Context<'_>, document: Document, file: &File, scope: &Scope) -> Document {
    let beside = Some(document.version);
    let read = document::read(context, &file.source, &file.bytes, scope, beside);
    let Some(mut rancher) = read else { return document };
    let path = rancher.services_path();
    let services = document.section(Section::Services).iter();
    let services: HashSet<&str> = services.map(|entry| entry.key.as_str()).collect();
    rancher.section_mut(Section::Services).retain(|entry| {
        let known = services.contains(entry.key.as_str());
        if !known {
            let message = "the service is not in the compose file";
            context.error(&View::of_entry(path, entry), message);
        }
        known
    });
    include::overlay(document, rancher)
}

/// Reads the sections of the final document.
fn project(
    context: &Context<'_>,
    document: &Document,
    scope: &Scope,
    input: &Input<'_>,
    spot: &Spot,
) -> Project {
    let given = document.name.as_ref().map(|entry| View::of_entry("", entry));
    let given = given.and_then(|view| {
        let text = context.word(&view)?;
        let name = stack_name(&text);
        if name != text {
            context.warning(&view, format!("the stack is called `{name}` here"));
        }
        Some(name)
    });
    let name = input.project_name.map(str::to_owned).or(given);
    let declared = declared::read(context, document, scope);
    let path = document.services_path();
    let entries = document.section(Section::Services);
    if entries.is_empty() && !context.problems.has_errors() {
        context.problems.warning(spot, "the project has no services");
    }
    let profiles = profiles(context, scope, input);
    let mut inactive = HashSet::new();
    let mut active = Vec::new();
    for entry in entries {
        match service::active(context, &View::of_entry(path, entry), &profiles) {
            true => active.push(entry.clone()),
            false => {
                inactive.insert(entry.key.clone());
            }
        }
    }
    let names = names::Names::of(context, path, &active);
    let reader = service::Reader {
        context,
        scope,
        names: &names,
        declared: &declared,
        version: document.version,
        project: name.as_deref(),
    };
    let drafts = active.iter().filter_map(|entry| service::read(&reader, path, entry)).collect();
    let services = group::services(context, drafts, &inactive, &declared);
    let declared::Declared { volumes, networks, secrets, configs } = declared;
    Project { name, services, volumes, networks, secrets, configs, ..Project::default() }
}

/// The profiles asked for: by the caller, or else in the variable that Docker Compose reads, which may
/// well stand in `.env`.
fn profiles(context: &Context<'_>, scope: &Scope, input: &Input<'_>) -> Vec<String> {
    if !input.profiles.is_empty() {
        return input.profiles.clone();
    }
    let text = context.variable(scope, "COMPOSE_PROFILES").unwrap_or_default();
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}
