//! `extends`: a service that begins as a copy of another, in the same or another file.

use std::collections::HashMap;
use std::rc::Rc;

use super::context::{Context, Scope};
use super::document::{self, Document, Section, Version};
use super::limits::{Budget, Exhausted};
use super::merge;
use super::node::{Entry, Node, Source, Value, View};
use super::source::{directory, join};

/// Services between a service and the last one it is based on; also bounds recursion.
const MAX_CHAIN: usize = 50;

/// Version 1 and 2 files do not hand these on, because they name services the heir may not have.
const NOT_INHERITED: &[&str] = &["links", "volumes_from", "depends_on"];

/// Replaces `extends` in all services of a file. `earlier` are the services of the files this one
/// is laid over, which it may extend too.
pub(super) fn resolve(
    context: &Context<'_>,
    document: Document,
    source: &Rc<Source>,
    scope: &Scope,
    earlier: &[Entry],
) -> Document {
    let mut resolver = Resolver {
        context,
        scope,
        earlier,
        main: source.name.clone(),
        files: HashMap::new(),
        done: HashMap::new(),
    };
    let mut result = document.clone();
    resolver.files.insert(source.name.clone(), Some(Rc::new(document)));
    for entry in result.section_mut(Section::Services) {
        if entry.node.get("extends").is_none() {
            continue;
        }
        let mut trail = Vec::new();
        if let Some(node) = resolver.service(&source.name, &entry.key, &mut trail) {
            entry.node = node;
        }
    }
    result
}

struct Resolver<'r, 'c> {
    context: &'r Context<'c>,
    scope: &'r Scope,
    earlier: &'r [Entry],
    main: String,
    files: HashMap<String, Option<Rc<Document>>>,
    done: HashMap<(String, String), Node>,
}

impl Resolver<'_, '_> {
    /// The service with everything it inherits. None when it cannot be had; said already.
    fn service(
        &mut self,
        file: &str,
        name: &str,
        trail: &mut Vec<(String, String)>,
    ) -> Option<Node> {
        let id = (file.to_owned(), name.to_owned());
        if let Some(node) = self.done.get(&id) {
            return Some(node.clone());
        }
        let document = self.files.get(file).cloned().flatten()?;
        let found = document.section(Section::Services).iter().find(|entry| entry.key == name);
        let entry = match found {
            Some(entry) => entry,
            None if file == self.main => {
                return self.earlier.iter().find(|entry| entry.key == name).map(|e| e.node.clone());
            }
            None => return None,
        };
        let view = View::of_entry(document.services_path(), entry);
        let Some(extends) = view.get("extends") else {
            return Some(entry.node.clone());
        };
        trail.push(id.clone());
        let base = self.base(file, &extends, trail);
        trail.pop();
        let own = without(entry.node.clone(), &["extends"]);
        let node = match base {
            Some(base) => {
                let base = match document.version {
                    Version::V1 | Version::V2 => without(base, NOT_INHERITED),
                    Version::Specification => base,
                };
                merge::merge("", base, own)
            }
            // It keeps its `extends`, by which later readers know that something is missing.
            None => entry.node.clone(),
        };
        if let Err(Exhausted) = self.context.budget.spend_nodes(node.size()) {
            self.context.error(&extends, Budget::explain());
            return None;
        }
        self.done.insert(id, node.clone());
        Some(node)
    }

    /// The service that an `extends` value names.
    fn base(
        &mut self,
        file: &str,
        extends: &View<'_>,
        trail: &mut Vec<(String, String)>,
    ) -> Option<Node> {
        let (name, other) = self.target(extends)?;
        let file = other.unwrap_or_else(|| file.to_owned());
        let spot = extends.into();
        if !self.files.contains_key(&file) {
            let bytes = self.context.read(&file, &spot)?;
            let source = Rc::new(Source { name: file.clone(), base: directory(&file) });
            let document =
                document::read(self.context, &source, &bytes, self.scope, None).map(Rc::new);
            self.files.insert(file.clone(), document);
        }
        let next = (file.clone(), name.clone());
        if let Some(start) = trail.iter().position(|step| *step == next) {
            let steps = trail.iter().skip(start).chain([&next]);
            let local = steps.clone().all(|(step, _)| *step == file);
            let show = |(file, name): &(String, String)| match local {
                true => name.clone(),
                false => format!("{name} of {file}"),
            };
            let steps: Vec<String> = steps.map(show).collect();
            let message = format!("the service extends itself: {}", steps.join(" -> "));
            self.context.error(extends, message);
            return None;
        }
        if trail.len() >= MAX_CHAIN {
            let message = format!("more than {MAX_CHAIN} services extend one another");
            self.context.error(extends, message);
            return None;
        }
        let errors_before = self.files.get(&file).is_some_and(Option::is_none);
        let found = self.service(&file, &name, trail);
        if found.is_none() && !errors_before && !self.holds(&file, &name) {
            self.context.error(extends, format!("service `{name}` is not in file `{file}`"));
        }
        found
    }

    fn holds(&self, file: &str, name: &str) -> bool {
        self.files.get(file).and_then(Option::as_ref).is_some_and(|document| {
            document.section(Section::Services).iter().any(|entry| entry.key == name)
        })
    }

    /// Service name and file of an `extends` value.
    fn target(&self, extends: &View<'_>) -> Option<(String, Option<String>)> {
        if let Some(name) = extends.node.as_text() {
            return Some((name.to_owned(), None));
        }
        let Value::Map(_) = extends.node.value else {
            let message =
                format!("must be a service name or a mapping, not {}", extends.node.kind());
            self.context.error(extends, message);
            return None;
        };
        for (key, view) in extends.entries() {
            if !matches!(key, "service" | "file") {
                self.context.error(&view, "unknown key; `extends` knows `service` and `file`");
            }
        }
        let Some(name) = extends.get("service").and_then(|view| view.node.as_text()) else {
            self.context.error(extends, "lacks `service`, the name of the service to extend");
            return None;
        };
        let file = extends
            .get("file")
            .and_then(|view| Some(join(&view.node.at.source.base, view.node.as_text()?)));
        Some((name.to_owned(), file))
    }
}

/// A mapping without some of its keys.
fn without(mut node: Node, keys: &[&str]) -> Node {
    if let Value::Map(entries) = &mut node.value {
        entries.retain(|entry| !keys.contains(&entry.key.as_str()));
    }
    node
}
