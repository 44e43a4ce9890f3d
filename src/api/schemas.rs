//! Schemas: what a role may do with each type, for clients that read it from the server.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Version};
use super::dynamic::{self, Dynamic};
use super::respond::{Bytes, Reply};
use super::serve::Session;
use super::views::{View, Views};
use crate::auth::Role;
use crate::auth::policy::{self, Verb};
use crate::error::{Error, Result};
use crate::model::schema::{Field, Kind, Link};

/// Collections kept: one for each dialect, role and base URL in use.
const CACHED: usize = 64;

/// Written collections of schemas. They change with the URL and with the dynamic schemas only.
#[derive(Default)]
pub struct Cache {
    written: Mutex<HashMap<(Version, Role, String), Bytes>>,
}

/// `GET /schemas`.
///
/// # Errors
/// When the database fails.
pub fn all(session: &Session<'_>) -> Result<Reply> {
    let dynamic = session.state.store.read(|read| dynamic::all(read, session.caller))?;
    let base = &session.call.base;
    let key = (session.call.version, session.caller.role, format!("{base} {dynamic:?}"));
    let cache = &session.state.schemas.written;
    let cached = cache.lock().ok().and_then(|written| written.get(&key).cloned());
    let body = cached.unwrap_or_else(|| {
        let body = Bytes::from(collection(session.views, &dynamic, base).to_string());
        if let Ok(mut written) = cache.lock() {
            if written.len() >= CACHED {
                written.clear();
            }
            written.insert(key, body.clone());
        }
        body
    });
    Ok(Reply { status: 200, body, ..Reply::default() })
}

/// `GET /schemas/<type>`.
///
/// # Errors
/// 404 for a type that the role does not see.
pub fn one(session: &Session<'_>, name: &str) -> Result<Reply> {
    let found = session.state.store.read(|read| dynamic::all(read, session.caller))?;
    let own = found.iter().find(|dynamic| {
        dynamic.name.eq_ignore_ascii_case(name)
            || format!("{}s", dynamic.name).eq_ignore_ascii_case(name)
    });
    if let Some(own) = own {
        let body = extended(session.views, own, &session.call.base).to_string();
        return Ok(Reply::json(200, body.into_bytes()));
    }
    let view = session.views.by_any_name(name).ok_or_else(|| {
        Error::not_found().message(format!("`{name}` is not a type that you can use"))
    })?;
    let body = schema(session.views, view, &session.call.base).to_string();
    Ok(Reply::json(200, body.into_bytes()))
}

/// A dynamic schema over its parent's, if the role sees that.
fn extended(views: &Views, own: &Dynamic, base: &str) -> Value {
    let parent = own.parent.as_deref().and_then(|parent| views.by_any_name(parent));
    dynamic::schema(own, parent.map(|parent| schema(views, parent, base)), base)
}

fn collection(views: &Views, dynamic: &[Dynamic], base: &str) -> Value {
    let mut data: Vec<Value> = views.all().iter().map(|view| schema(views, view, base)).collect();
    for own in dynamic {
        let schema = extended(views, own, base);
        match data.iter_mut().find(|schema| schema["id"] == own.name.as_str()) {
            Some(place) => *place = schema,
            None => data.push(schema),
        }
    }
    json!({
        "type": "collection",
        "resourceType": "schema",
        "links": {"self": format!("{base}/schemas")},
        "createTypes": {},
        "actions": {},
        "data": data,
        "sortLinks": {},
        "pagination": null,
        "sort": null,
        "filters": {},
        "createDefaults": {},
    })
}

fn schema(views: &Views, view: &View, base: &str) -> Value {
    let (role, dialect) = (views.role, views.dialect);
    let mut links = Map::new();
    links.insert(
        "self".to_owned(),
        format!("{base}/schemas/{}", view.name.to_ascii_lowercase()).into(),
    );
    if view.is_listed(role) {
        links.insert("collection".to_owned(), format!("{base}/{}", view.path).into());
    }
    json!({
        "id": view.name,
        "type": "schema",
        "baseType": "schema",
        "links": links,
        "pluralName": view.plural,
        "resourceMethods": resource_methods(role, view),
        "resourceFields": fields(views, view),
        "resourceActions": actions(dialect, view),
        "collectionMethods": methods(role, view, &[("GET", Verb::List), ("POST", Verb::Create)]),
        "collectionActions": {},
        "collectionFields": {},
        "collectionFilters": filters(view),
        "includeableLinks": includeable(dialect, view),
        "actions": {},
    })
}

fn methods(role: Role, view: &View, verbs: &[(&'static str, Verb)]) -> Vec<&'static str> {
    let allowed = verbs.iter().filter(|(_, verb)| policy::may(role, view.entry, *verb));
    allowed.map(|(name, _)| *name).collect()
}

fn resource_methods(role: Role, view: &View) -> Vec<&'static str> {
    methods(role, view, &[("GET", Verb::Get), ("PUT", Verb::Update), ("DELETE", Verb::Delete)])
}

/// The name of a kind, such as `array[reference[service]]`.
pub fn kind_name(dialect: &Dialect, kind: &Kind) -> String {
    match kind {
        Kind::String => "string".to_owned(),
        Kind::Password => "password".to_owned(),
        Kind::Blob => "blob".to_owned(),
        Kind::Int => "int".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Date => "date".to_owned(),
        Kind::Enum => "enum".to_owned(),
        Kind::Json => "json".to_owned(),
        Kind::Reference("") => "reference".to_owned(),
        Kind::Reference(ty) => format!("reference[{}]", dialect.name(ty)),
        Kind::Array(kind) => format!("array[{}]", kind_name(dialect, kind)),
        Kind::Map(kind) => format!("map[{}]", kind_name(dialect, kind)),
        Kind::Object(ty) => dialect.name(ty).to_owned(),
    }
}

fn fields(views: &Views, view: &View) -> Map<String, Value> {
    let (role, entry) = (views.role, view.entry);
    let words = views.dialect.words(entry.ty.name);
    let mut listed = Map::new();
    for field in entry.ty.all_fields() {
        let left_out = words.is_some_and(|words| {
            words.hidden.contains(&field.name) || words.unlisted.contains(&field.name)
        });
        let known = policy::may_read(role, entry, field)
            || policy::may_create(role, entry, field)
            || policy::may_update(role, entry, field);
        if known && !left_out {
            listed.insert(field.name.to_owned(), describe(views, view, field));
        }
    }
    let extra = words.map_or(&[][..], |words| words.extra).iter();
    for field in extra.filter(|field| policy::may_read(role, entry, field)) {
        listed.insert(field.name.to_owned(), describe(views, view, field));
    }
    for (name, field, _) in words.map_or(&[][..], |words| words.also) {
        if let Some(field) = entry.field(field) {
            listed.insert((*name).to_owned(), describe(views, view, field));
        }
    }
    listed
}

fn describe(views: &Views, view: &View, field: &Field) -> Value {
    let (role, entry) = (views.role, view.entry);
    let mut about = Map::new();
    let mut set = |key: &str, value: Value| about.insert(key.to_owned(), value);
    set("type", kind_name(views.dialect, &field.kind).into());
    set("description", Value::Null);
    set("create", policy::may_create(role, entry, field).into());
    set("update", policy::may_update(role, entry, field).into());
    set("readOnCreateOnly", policy::shown_once(role, entry, field).into());
    for (key, flag) in
        [("nullable", field.nullable), ("required", field.required), ("unique", field.unique)]
    {
        if flag {
            set(key, true.into());
        }
    }
    if let Some(default) = field.default.value() {
        set("default", default);
    }
    let states = entry.ty.lifecycle.filter(|_| field.name == "state").map(|own| own.states());
    let options = states.unwrap_or_else(|| field.options.to_vec());
    if !options.is_empty() {
        set("options", options.into());
    }
    for (key, limit) in field.limits() {
        set(key, limit.into());
    }
    if let Some(chars) = field.valid_chars {
        set("validChars", chars.into());
    }
    Value::Object(about)
}

fn actions(dialect: &Dialect, view: &View) -> Map<String, Value> {
    let name = |ty: Option<&'static str>| ty.map(|ty| dialect.name(ty));
    view.actions
        .iter()
        .map(|own| {
            let about = json!({"input": name(own.action.input), "output": name(own.action.output)});
            (own.action.name.to_owned(), about)
        })
        .collect()
}

fn filters(view: &View) -> Map<String, Value> {
    view.filters
        .iter()
        .map(|filter| (filter.name.to_owned(), json!({"modifiers": filter.kind.modifiers()})))
        .collect()
}

fn includeable(dialect: &Dialect, view: &View) -> Vec<String> {
    view.links
        .iter()
        .filter(|link| !matches!(link.link, Link::Computed { .. }))
        .map(|link| if dialect.lower_links { link.path.clone() } else { link.name.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests;
