//! OpenAPI 3.1 of a dialect, out of the same declarations that the handlers go by.

use serde_json::{Map, Value, json};

use super::dialect::{Dialect, Version};
use super::views::{View, Views, views};
use crate::auth::Role;
use crate::auth::policy::{self, Verb};
use crate::model::schema::{Default, Field, Kind, Link, Source};

/// The document: what an administrator sees, which is all there is.
pub fn document(version: Version, origin: &str) -> Value {
    let views = views(version, Role::Admin);
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for view in views.all() {
        schemas.insert(view.name.to_owned(), schema(views, view));
        if view.entry.ty.source != Source::Value {
            collection(&mut paths, views, view);
            resource(&mut paths, views, view);
        }
    }
    schemas.insert("error".to_owned(), error_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Ranchette",
            "summary": "The Rancher 1.6 API",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": format!("{origin}/{}", version.path())}],
        "security": [{"key": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "basic", "description": "An API key's access key and secret key"},
                "session": {"type": "http", "scheme": "bearer", "description": "The jwt of a token"},
            },
            "responses": {
                "error": {
                    "description": "What went wrong",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}},
                },
            },
            "parameters": {
                "id": {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
            },
        },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "status", "code"],
        "properties": {
            "id": {"type": "string"},
            "type": {"const": "error"},
            "status": {"type": "integer"},
            "code": {"type": "string"},
            "message": {"type": ["string", "null"]},
            "detail": {"type": ["string", "null"]},
            "fieldName": {"type": "string"},
        },
    })
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn content(schema: &Value) -> Value {
    json!({"application/json": {"schema": schema}})
}

fn responses(status: &str, description: &str, schema: &Value) -> Value {
    json!({
        status: {"description": description, "content": content(schema)},
        "default": {"$ref": "#/components/responses/error"},
    })
}

fn operation(view: &View, verb: &str, summary: &str) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), format!("{}_{verb}", view.name).into());
    operation.insert("summary".to_owned(), summary.into());
    operation.insert("tags".to_owned(), json!([view.name]));
    operation
}

fn collection(paths: &mut Map<String, Value>, views: &Views, view: &View) {
    let mut item = Map::new();
    if policy::may(views.role, view.entry, Verb::List) {
        let list = json!({
            "type": "object",
            "properties": {
                "type": {"const": "collection"},
                "resourceType": {"type": "string"},
                "data": {"type": "array", "items": reference(view.name)},
                "pagination": {"type": ["object", "null"]},
            },
        });
        let mut get = operation(view, "list", &format!("Lists {}", view.plural));
        get.insert("parameters".to_owned(), parameters(view));
        get.insert("responses".to_owned(), responses("200", "A page", &list));
        item.insert("get".to_owned(), Value::Object(get));
    }
    if policy::may(views.role, view.entry, Verb::Create) {
        let mut post = operation(view, "create", &format!("Creates one of {}", view.plural));
        post.insert("requestBody".to_owned(), body(view.name));
        post.insert("responses".to_owned(), responses("201", "Made", &reference(view.name)));
        item.insert("post".to_owned(), Value::Object(post));
    }
    if !item.is_empty() {
        paths.insert(format!("/{}", view.path), Value::Object(item));
    }
}

fn body(name: &str) -> Value {
    json!({"content": content(&reference(name))})
}

fn parameters(view: &View) -> Value {
    let query = |name: &str, kind: &str| json!({"name": name, "in": "query", "required": false, "schema": {"type": kind}});
    let mut parameters = vec![
        query("limit", "integer"),
        query("marker", "string"),
        query("sort", "string"),
        query("order", "string"),
        query("include", "string"),
    ];
    for filter in &view.filters {
        parameters.push(query(filter.name, "string"));
        let modified = filter.kind.modifiers().iter().filter(|modifier| **modifier != "eq");
        parameters.extend(
            modified.map(|modifier| query(&format!("{}_{modifier}", filter.name), "string")),
        );
    }
    Value::Array(parameters)
}

fn resource(paths: &mut Map<String, Value>, views: &Views, view: &View) {
    let one = reference(view.name);
    let mut item = Map::new();
    let may = |verb| policy::may(views.role, view.entry, verb);
    if may(Verb::Get) {
        let mut get = operation(view, "show", &format!("Shows one of {}", view.plural));
        get.insert("responses".to_owned(), responses("200", "It", &one));
        item.insert("get".to_owned(), Value::Object(get));
    }
    if may(Verb::Update) {
        let mut put = operation(view, "update", "Changes the fields that are given");
        put.insert("requestBody".to_owned(), body(view.name));
        put.insert("responses".to_owned(), responses("200", "Changed", &one));
        item.insert("put".to_owned(), Value::Object(put));
    }
    if may(Verb::Delete) {
        let mut delete = operation(view, "delete", "Removes it");
        delete.insert("responses".to_owned(), responses("200", "Being removed", &one));
        item.insert("delete".to_owned(), Value::Object(delete));
    }
    if !view.actions.is_empty() {
        item.insert("post".to_owned(), action(views.dialect, view));
    }
    if item.is_empty() {
        return;
    }
    item.insert("parameters".to_owned(), json!([{"$ref": "#/components/parameters/id"}]));
    paths.insert(format!("/{}/{{id}}", view.path), Value::Object(item));
    links(paths, views, view);
}

/// All actions of a resource share its URL and differ by a parameter.
fn action(dialect: &Dialect, view: &View) -> Value {
    let names: Vec<&str> = view.actions.iter().map(|own| own.action.name).collect();
    let inputs: Vec<Value> = view
        .actions
        .iter()
        .filter_map(|own| own.action.input)
        .map(|ty| reference(dialect.name(ty)))
        .collect();
    let mut post = operation(view, "act", "Begins an action");
    post.insert(
        "parameters".to_owned(),
        json!([{"name": "action", "in": "query", "required": true, "schema": {"enum": names}}]),
    );
    if !inputs.is_empty() {
        let schema = json!({"anyOf": inputs});
        post.insert("requestBody".to_owned(), json!({"content": content(&schema)}));
    }
    let any = json!({"type": "object"});
    let mut answers = responses("202", "Begun", &any);
    if let Value::Object(answers) = &mut answers {
        answers.insert("200".to_owned(), json!({"description": "Done", "content": content(&any)}));
    }
    post.insert("responses".to_owned(), answers);
    Value::Object(post)
}

fn links(paths: &mut Map<String, Value>, views: &Views, view: &View) {
    for link in &view.links {
        let schema = match link.link {
            Link::Ref { to, .. } => views.of_type(to).map(|to| reference(to.name)),
            Link::Child { .. } | Link::Map { .. } | Link::Many { .. } | Link::Computed { .. } => {
                None
            }
        };
        let mut get =
            operation(view, &format!("{}_link", link.name), &format!("Follows {}", link.name));
        let schema = schema.unwrap_or_else(|| json!({"type": "object"}));
        get.insert("responses".to_owned(), responses("200", "What it leads to", &schema));
        paths.insert(
            format!("/{}/{{id}}/{}", view.path, link.path),
            json!({"parameters": [{"$ref": "#/components/parameters/id"}], "get": get}),
        );
    }
}

fn schema(views: &Views, view: &View) -> Value {
    let (role, entry) = (views.role, view.entry);
    let mut properties = Map::new();
    for field in entry.ty.all_fields() {
        let reads = policy::may_read(role, entry, field) && !field.input_only;
        let writes =
            policy::may_create(role, entry, field) || policy::may_update(role, entry, field);
        if !reads && !writes {
            continue;
        }
        let mut about = kind(views, &field.kind);
        limits(&mut about, field, reads, writes);
        properties.insert(field.name.to_owned(), about);
    }
    for name in ["links", "actions"] {
        properties.insert(name.to_owned(), json!({"type": "object", "readOnly": true}));
    }
    if entry.field("id").is_some() {
        // In the model ids are numbers; in JSON they are written with a prefix.
        properties.insert("id".to_owned(), json!({"type": "string", "readOnly": true}));
    }
    properties.insert("type".to_owned(), json!({"type": "string"}));
    json!({"type": "object", "properties": properties})
}

fn kind(views: &Views, kind_of: &Kind) -> Value {
    match kind_of {
        Kind::String | Kind::Blob | Kind::Enum | Kind::Reference(_) => json!({"type": "string"}),
        Kind::Password => json!({"type": "string", "format": "password"}),
        Kind::Int => json!({"type": "integer", "format": "int64"}),
        Kind::Float => json!({"type": "number"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Date => json!({"type": "string", "format": "date-time"}),
        Kind::Json => json!({}),
        Kind::Array(of) => json!({"type": "array", "items": kind(views, of)}),
        Kind::Map(of) => json!({"type": "object", "additionalProperties": kind(views, of)}),
        Kind::Object(ty) => match views.of_type(ty) {
            Some(view) => reference(view.name),
            None => json!({"type": "object"}),
        },
    }
}

fn limits(about: &mut Value, field: &Field, reads: bool, writes: bool) {
    let Value::Object(about) = about else { return };
    if about.contains_key("$ref") {
        return;
    }
    let mut set = |key: &str, value: Value| about.insert(key.to_owned(), value);
    if !writes {
        set("readOnly", true.into());
    }
    if !reads {
        set("writeOnly", true.into());
    }
    match field.default {
        Default::None => {}
        Default::Str(text) => drop(set("default", text.into())),
        Default::Int(number) => drop(set("default", number.into())),
        Default::Bool(flag) => drop(set("default", flag.into())),
    }
    let is_number = matches!(field.kind, Kind::Int | Kind::Float);
    for (key, limit, applies) in [
        ("minimum", field.min, is_number),
        ("maximum", field.max, is_number),
        ("minLength", field.min_length, field.kind == Kind::String),
        ("maxLength", field.max_length, field.kind == Kind::String),
    ] {
        if let Some(limit) = limit.filter(|_| applies) {
            set(key, limit.into());
        }
    }
    if field.kind == Kind::Enum && !field.options.is_empty() {
        set("enum", field.options.to_vec().into());
    } else if field.nullable
        && let Some(Value::String(ty)) = about.get("type").cloned()
    {
        about.insert("type".to_owned(), json!([ty, "null"]));
    }
}
