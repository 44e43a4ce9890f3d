//! What this program is made of, as resources for administrators: its registries, the types that have
//! states, and what each type is for.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::{named, pick, row};
use crate::api::hooks::rows::{ACTIONS, COMPUTERS, GUARDS, HOOKS, LINKS, SOURCES};
use crate::api::hooks::{Asked, Source};
use crate::error::Result;
use crate::model::registry::{self, Entry};
use crate::model::resource::{NewResource, Resource};
use crate::model::schema::{Field, Kind};
use crate::process;
use crate::scheduler::filters::FILTERS;

/// `extensionPoints`.
pub const POINTS: Source =
    Source { name: "extensionPoints", list: list_points, get: get_point, write: None };
/// `resourceDefinitions`.
pub const DEFINITIONS: Source = Source {
    name: "resourceDefinitions",
    list: list_definitions,
    get: get_definition,
    write: None,
};
/// `typeDocumentations`.
pub const DOCUMENTATION: Source =
    Source { name: "typeDocumentations", list: list_documents, get: get_document, write: None };

/// A registry and the names of what is in it, each with the place in the program that does it.
fn point(name: &str, place: &str, entries: impl IntoIterator<Item = String>) -> Resource {
    let implementation = |entry: String| {
        let class = format!("{place}::{entry}");
        json!({"className": class, "name": entry, "properties": {}})
    };
    let list: Vec<Value> = entries.into_iter().map(implementation).collect();
    row(NewResource::new("extensionPoint", String::new())
        .name(name)
        .with("id", format!("1ep!{name}"))
        .with("implementations", list))
}

fn points(asked: &Asked<'_>) -> Vec<Resource> {
    let tasks = asked.state.site.tasks.all();
    let dotted = |a: &str, b: &str| format!("{a}.{b}");
    vec![
        point("api.action.handlers", "api", ACTIONS.iter().map(|row| dotted(row.ty, row.action))),
        point("api.action.guards", "api", GUARDS.iter().map(|row| row.ty.to_owned())),
        point("api.computed.fields", "api", COMPUTERS.iter().map(|row| row.ty.to_owned())),
        point("api.link.handlers", "api", LINKS.iter().map(|row| dotted(row.ty, row.link))),
        point("api.resource.hooks", "api", HOOKS.iter().map(|row| row.ty.to_owned())),
        point("api.sources", "api", SOURCES.iter().map(|row| row.name.to_owned())),
        point("process.handlers", "process", process::with_steps().map(str::to_owned)),
        point("scheduler.filters", "scheduler", FILTERS.iter().map(|row| row.name.to_owned())),
        point("tasks", "process", tasks.iter().map(|task| task.name.to_owned())),
    ]
}

fn list_points(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, points(asked)))
}

fn get_point(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(points(asked), text))
}

/// Base types that have states: those whose processes `processDefinition` describes.
fn definitions() -> impl Iterator<Item = Resource> {
    let with_states = registry::registry()
        .all()
        .iter()
        .filter(|entry| !entry.is_child() && entry.ty.lifecycle.is_some());
    with_states.map(|entry| {
        row(NewResource::new("resourceDefinition", String::new())
            .name(entry.ty.name)
            .with("id", format!("1rd!{}", entry.ty.name)))
    })
}

fn list_definitions(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, definitions()))
}

fn get_definition(_: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(definitions(), text))
}

/// The page that says of each type what it means here.
const COMPATIBILITY: &str = include_str!("../../../../docs/compatibility.md");

/// What the page says of each type: (type, what it is).
fn meanings() -> &'static [(&'static str, String)] {
    static MEANINGS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    MEANINGS.get_or_init(|| {
        let row = |line: &'static str| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let ty = cells.next()?.trim().strip_suffix('`')?;
            Some((ty, cells.next()?.replace('`', "")))
        };
        COMPATIBILITY.lines().filter_map(row).collect()
    })
}

/// What a field takes, in words.
fn describe(field: &Field) -> String {
    let mut words = vec![shape(&field.kind)];
    if !field.options.is_empty() {
        words.push(format!("one of {}", field.options.join(", ")));
    }
    if let Some(most) = field.max_length {
        words.push(format!("at most {most} characters long"));
    }
    if let (Some(least), Some(most)) = (field.min, field.max) {
        words.push(format!("from {least} to {most}"));
    }
    if field.required {
        words.push("required on create".to_owned());
    }
    if field.unique {
        words.push("unique".to_owned());
    }
    words.join(", ")
}

fn shape(kind: &Kind) -> String {
    match kind {
        Kind::String | Kind::Blob => "text".to_owned(),
        Kind::Password => "a secret".to_owned(),
        Kind::Int => "a whole number".to_owned(),
        Kind::Float => "a number".to_owned(),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Date => "an instant".to_owned(),
        Kind::Enum => "a word".to_owned(),
        Kind::Json => "any JSON".to_owned(),
        Kind::Reference(ty) => format!("the id of a {ty}"),
        Kind::Array(kind) => format!("a list, each entry {}", shape(kind)),
        Kind::Map(kind) => format!("an object, each value {}", shape(kind)),
        Kind::Object(ty) => format!("an object of type {ty}"),
    }
}

fn document(entry: &'static Entry) -> Resource {
    let found = meanings().iter().find(|(ty, _)| *ty == entry.ty.name);
    let fields = entry.ty.all_fields().map(|field| {
        let described = json!({"description": describe(field)});
        (field.name.to_owned(), described)
    });
    row(NewResource::new("typeDocumentation", String::new())
        .with("id", entry.ty.name)
        .with("description", found.map(|(_, meaning)| meaning.clone()))
        .with("resourceFields", fields.collect::<Map<String, Value>>()))
}

fn seen(asked: &Asked<'_>) -> impl Iterator<Item = &'static Entry> {
    let role = asked.caller.role;
    registry::registry().all().iter().filter(move |entry| crate::auth::policy::sees(role, entry))
}

fn list_documents(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, seen(asked).map(document)))
}

fn get_document(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(seen(asked).find(|entry| entry.ty.name == text).map(document))
}
