//! From files to one document: overrides laid over each other, `extends` resolved, `include` added.

use std::collections::HashMap;
use std::rc::Rc;

use super::context::{Context, Scope};
use super::document::{self, Document, Section, Version};
use super::extends;
use super::merge;
use super::node::{Entry, Source, Value, View};
use super::problem::Spot;
use super::source::{self, LoadError, join};

/// Files between the first one and the last one included; also bounds recursion.
const MAX_INCLUDES: usize = 20;

/// A file whose text is at hand.
pub(super) struct File {
    pub source: Rc<Source>,
    pub bytes: Vec<u8>,
}

/// Reads files that belong together, each laid over the ones before.
pub(super) fn assemble(
    context: &Context<'_>,
    files: &[File],
    scope: &Scope,
    trail: &mut Vec<String>,
) -> Document {
    let mut result: Option<Document> = None;
    for file in files {
        let Some(read) = document::read(context, &file.source, &file.bytes, scope, None) else {
            continue;
        };
        let earlier = result.as_ref().map_or(&[][..], |doc| doc.section(Section::Services));
        let resolved = extends::resolve(context, read, &file.source, scope, earlier);
        trail.push(file.source.name.clone());
        let included = included(context, &resolved, scope, trail);
        trail.pop();
        let mut whole = match result.take() {
            None => resolved,
            Some(base) => overlay(base, resolved),
        };
        for document in included {
            add(context, &mut whole, document);
        }
        result = Some(whole);
    }
    result.unwrap_or_else(|| Document::empty(Version::Specification))
}

/// Lays a document over an earlier one.
pub(super) fn overlay(mut base: Document, mut over: Document) -> Document {
    for section in Section::ALL {
        let below = std::mem::take(base.section_mut(section));
        let above = std::mem::take(over.section_mut(section));
        *base.section_mut(section) = merge::entries(below, above);
    }
    base.name = over.name.or(base.name);
    base
}

/// The documents that a document includes.
fn included(
    context: &Context<'_>,
    document: &Document,
    scope: &Scope,
    trail: &mut Vec<String>,
) -> Vec<Document> {
    let Some(entry) = &document.include else { return Vec::new() };
    let view = View::of_entry("", entry);
    let items = match &view.node.value {
        Value::List(_) => view.items(),
        Value::Null => Vec::new(),
        Value::Scalar(_) | Value::Map(_) => vec![view],
    };
    items.iter().filter_map(|item| include(context, item, scope, trail)).collect()
}

/// A text or a list of texts.
fn texts<'n>(context: &Context<'_>, view: &View<'n>) -> Vec<(String, View<'n>)> {
    let items = match &view.node.value {
        Value::List(_) => view.items(),
        Value::Null | Value::Scalar(_) | Value::Map(_) => vec![view.clone()],
    };
    let text = |item: View<'n>| match item.node.as_text() {
        Some(text) => Some((text.to_owned(), item)),
        None => {
            context.error(&item, format!("must be a path, not {}", item.node.kind()));
            None
        }
    };
    items.into_iter().filter_map(text).collect()
}

fn include(
    context: &Context<'_>,
    item: &View<'_>,
    scope: &Scope,
    trail: &mut Vec<String>,
) -> Option<Document> {
    let here = item.node.at.source.base.clone();
    let paths = match &item.node.value {
        Value::Map(_) => {
            for (key, view) in item.entries() {
                if !matches!(key, "path" | "project_directory" | "env_file") {
                    let message =
                        "unknown key; `include` knows `path`, `project_directory` and `env_file`";
                    context.error(&view, message);
                }
            }
            match item.get("path") {
                Some(view) => texts(context, &view),
                None => {
                    context.error(item, "lacks `path`, the file to include");
                    return None;
                }
            }
        }
        Value::Null | Value::Scalar(_) | Value::List(_) => texts(context, item),
    };
    let first = join(&here, &paths.first()?.0);
    let directory = item
        .get("project_directory")
        .and_then(|view| view.node.as_text().map(|text| join(&here, text)));
    let base = directory.unwrap_or_else(|| source::directory(&first));
    let scope = include_scope(context, item, &here, &base, scope);
    let mut files = Vec::new();
    for (path, view) in paths {
        let name = join(&here, &path);
        if trail.contains(&name) {
            let message =
                format!("the files include one another: {} -> {name}", trail.join(" -> "));
            context.error(&view, message);
            return None;
        }
        if trail.len() > MAX_INCLUDES {
            context
                .error(&view, format!("files are included more than {MAX_INCLUDES} levels deep"));
            return None;
        }
        let bytes = context.read(&name, &Spot::from(&view))?;
        files.push(File { source: Rc::new(Source { name, base: base.clone() }), bytes });
    }
    Some(assemble(context, &files, &scope, trail))
}

/// The variables an included file sees: the including file's, then those of its own `.env`.
fn include_scope(
    context: &Context<'_>,
    item: &View<'_>,
    here: &str,
    base: &str,
    scope: &Scope,
) -> Scope {
    let Some(env_file) = item.get("env_file") else {
        // Only a directory of its own has a `.env` that was not read yet.
        return if base == here {
            scope.clone()
        } else {
            with_dotenv(context, base, scope, item.into())
        };
    };
    let mut scope = scope.clone();
    // Later files count more, and an earlier layer counts more than a later one.
    for (path, view) in texts(context, &env_file).into_iter().rev() {
        let spot = Spot::from(&view);
        if let Some(bytes) = context.read(&join(here, &path), &spot) {
            let layer = context.env_layer(&scope, &bytes, &spot);
            scope = scope.with(layer);
        }
    }
    scope
}

/// The scope with the variables of the `.env` in a directory, if there is one.
pub(super) fn with_dotenv(context: &Context<'_>, base: &str, scope: &Scope, spot: Spot) -> Scope {
    match context.load(&join(base, ".env")) {
        Ok(bytes) => scope.with(context.env_layer(scope, &bytes, &spot)),
        Err(LoadError::NotFound(_)) => scope.clone(),
        Err(error @ LoadError::Refused(..)) => {
            context.problems.warning(&spot, format!("`.env` is not used: {error}"));
            scope.clone()
        }
    }
}

/// Adds the resources of an included document; the same name for different things is an error.
fn add(context: &Context<'_>, whole: &mut Document, included: Document) {
    for section in Section::ALL {
        let places = whole.section(section).iter().enumerate();
        let places: HashMap<String, usize> =
            places.map(|(index, entry)| (entry.key.clone(), index)).collect();
        for entry in included.section(section) {
            let place = places.get(&entry.key).copied();
            match place.and_then(|index| whole.section(section).get(index)) {
                Some(known) if known.node.same(&entry.node) => {}
                Some(known) => conflict(context, section, known, entry),
                None => whole.section_mut(section).push(entry.clone()),
            }
        }
    }
}

fn conflict(context: &Context<'_>, section: Section, known: &Entry, entry: &Entry) {
    let message = format!(
        "the included file declares `{}` differently from `{}` line {}",
        entry.key, known.at.source.name, known.at.line
    );
    context.error(&View::of_entry(section.name(), entry), message);
}
