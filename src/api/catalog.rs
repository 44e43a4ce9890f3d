//! `/v1-catalog`: what the catalog service of Rancher's answered. No catalog can be added yet, so every list is
//! empty and every id unknown. Clients ask all the same: `rancher stack ls` looks there for upgrades, and
//! shows no stack without an answer.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::ApiState;
use super::call::{Call, Method};
use super::dialect::Version;
use super::respond::{self, Reply};
use crate::auth::Authenticator as _;
use crate::error::{Error, Result};

/// A type of the catalog.
struct Type {
    name: &'static str,
    plural: &'static str,
    fields: &'static [(&'static str, &'static str)],
}

/// Every type, with the fields that clients know.
const TYPES: &[Type] = &[
    Type {
        name: "catalog",
        plural: "catalogs",
        fields: &[
            ("name", "string"),
            ("url", "string"),
            ("branch", "string"),
            ("kind", "string"),
            ("environmentId", "string"),
        ],
    },
    Type {
        name: "template",
        plural: "templates",
        fields: &[
            ("name", "string"),
            ("description", "string"),
            ("category", "string"),
            ("categories", "array[string]"),
            ("templateBase", "string"),
            ("catalogId", "string"),
            ("defaultVersion", "string"),
            ("defaultTemplateVersionId", "string"),
            ("folderName", "string"),
            ("labels", "map[string]"),
            ("license", "string"),
            ("maintainer", "string"),
            ("path", "string"),
            ("isSystem", "string"),
            ("upgradeFrom", "string"),
            ("versionLinks", "map[string]"),
        ],
    },
    Type {
        name: "templateVersion",
        plural: "templateversions",
        fields: &[
            ("version", "string"),
            ("revision", "int"),
            ("files", "map[string]"),
            ("questions", "array[question]"),
            ("bindings", "json"),
            ("labels", "map[string]"),
            ("templateId", "string"),
            ("minimumRancherVersion", "string"),
            ("maximumRancherVersion", "string"),
            ("upgradeFrom", "string"),
            ("upgradeVersionLinks", "map[string]"),
        ],
    },
    Type {
        name: "question",
        plural: "questions",
        fields: &[
            ("variable", "string"),
            ("label", "string"),
            ("description", "string"),
            ("type", "string"),
            ("default", "string"),
            ("required", "boolean"),
            ("group", "string"),
            ("options", "array[string]"),
            ("min", "int"),
            ("max", "int"),
            ("minLength", "int"),
            ("maxLength", "int"),
            ("validChars", "string"),
            ("invalidChars", "string"),
        ],
    },
];

/// Path parameters of the catalog's routes.
#[derive(serde::Deserialize)]
pub struct CatalogPath {
    #[serde(default)]
    tail: String,
}

/// Serves every URL of the catalog, to whoever has proved who it is.
pub async fn serve(
    request: HttpRequest,
    path: web::Path<CatalogPath>,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let mut call = Call::new(&state, &request, Version::V2Beta, &path.tail);
    call.base = format!("{}/v1-catalog", call.origin.to_ascii_lowercase());
    let caller = state.auth.authenticate(&call.facts).await;
    let reply = match &caller {
        Ok(_) => answer(&call),
        Err(error) => Err(error.clone()),
    };
    let reply = reply.unwrap_or_else(|error| respond::failure(&state.entropy, &error));
    respond::finish(&state, &call, caller.as_ref().ok(), reply)
}

fn answer(call: &Call) -> Result<Reply> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let method = call.method()?;
    let named = |name: &str| TYPES.iter().find(|ty| ty.plural == name || ty.name == name);
    match (method, segments.as_slice()) {
        (Method::Get, [] | ["schemas"]) => {
            let schemas = TYPES.iter().map(|ty| schema(&call.base, ty)).collect();
            Ok(collection(call, "schema", "schemas", schemas))
        }
        // Clients ask for the schema of schemas, and go by the header alone.
        (Method::Get, ["schemas", "schema" | "schemas"]) => {
            let schema = Type { name: "schema", plural: "schemas", fields: &[] };
            Ok(json_reply(&self::schema(&call.base, &schema)))
        }
        (Method::Get, ["schemas", name]) => match named(name) {
            Some(ty) => Ok(json_reply(&schema(&call.base, ty))),
            None => Err(nothing(call)),
        },
        (Method::Get, [plural]) => match named(plural) {
            Some(ty) => Ok(collection(call, ty.name, ty.plural, Vec::new())),
            None => Err(nothing(call)),
        },
        (Method::Post, ["templates"]) if call.params.get("action") == Some("refresh") => {
            // There is nothing to get anew.
            Ok(Reply { status: 204, ..Reply::default() })
        }
        (Method::Get, [plural, id]) if named(plural).is_some() => {
            Err(Error::not_found().message(format!("no catalog has `{id}`: there are none yet")))
        }
        (Method::Get, _) => Err(nothing(call)),
        (Method::Post | Method::Put | Method::Delete | Method::Options, _) => {
            Err(Error::status(405).message("catalogs cannot be added or changed yet"))
        }
    }
}

fn nothing(call: &Call) -> Error {
    Error::not_found().message(format!("nothing is at {}", call.facts.path))
}

fn json_reply(value: &Value) -> Reply {
    Reply::json(200, value.to_string().into_bytes())
}

fn collection(call: &Call, ty: &str, plural: &str, data: Vec<Value>) -> Reply {
    let base = &call.base;
    let mut actions = Map::new();
    if plural == "templates" {
        actions.insert("refresh".to_owned(), format!("{base}/templates?action=refresh").into());
    }
    json_reply(&json!({
        "type": "collection",
        "resourceType": ty,
        "links": { "self": format!("{base}/{plural}") },
        "actions": actions,
        "data": data,
    }))
}

fn schema(base: &str, ty: &Type) -> Value {
    let field = |(name, kind): &(&str, &str)| {
        ((*name).to_owned(), json!({ "type": kind, "create": false, "update": false }))
    };
    let fields: Map<String, Value> = ty.fields.iter().map(field).collect();
    json!({
        "id": ty.name,
        "type": "schema",
        "links": {
            "self": format!("{base}/schemas/{}", ty.name),
            "collection": format!("{base}/{}", ty.plural),
        },
        "actions": {},
        "pluralName": ty.plural,
        "resourceMethods": ["GET"],
        "resourceFields": fields,
        "resourceActions": {},
        "collectionMethods": ["GET"],
        "collectionActions": {},
        "collectionFilters": {},
    })
}
