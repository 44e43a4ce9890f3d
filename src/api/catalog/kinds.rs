//! The types of the catalog, as clients read them in its schemas.

use serde_json::{Map, Value, json};

/// A type of the catalog.
pub struct Kind {
    pub name: &'static str,
    pub plural: &'static str,
    /// Name, type, and whether whoever makes one may give it.
    fields: &'static [(&'static str, &'static str, Given)],
    collection_methods: &'static [&'static str],
    resource_methods: &'static [&'static str],
}

/// Whether a field may be given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    Never,
    Once,
}

use Given::{Never, Once};

const READ: &[&str] = &["GET"];

/// Every type, with the fields that clients know.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "catalog",
        plural: "catalogs",
        fields: &[
            ("name", "string", Once),
            ("url", "string", Once),
            ("branch", "string", Once),
            ("kind", "string", Once),
            ("commit", "string", Never),
            ("environmentId", "string", Never),
            ("state", "string", Never),
            ("transitioningMessage", "string", Never),
        ],
        collection_methods: &["GET", "POST"],
        resource_methods: &["GET", "PUT", "DELETE"],
    },
    Kind {
        name: "template",
        plural: "templates",
        fields: &[
            ("name", "string", Never),
            ("description", "string", Never),
            ("category", "string", Never),
            ("categories", "array[string]", Never),
            ("templateBase", "string", Never),
            ("catalogId", "string", Never),
            ("defaultVersion", "string", Never),
            ("defaultTemplateVersionId", "string", Never),
            ("folderName", "string", Never),
            ("iconFilename", "string", Never),
            ("labels", "map[string]", Never),
            ("license", "string", Never),
            ("maintainer", "string", Never),
            ("path", "string", Never),
            ("isSystem", "string", Never),
            ("upgradeFrom", "string", Never),
            ("versionLinks", "map[string]", Never),
        ],
        collection_methods: READ,
        resource_methods: READ,
    },
    Kind {
        name: "templateVersion",
        plural: "templateversions",
        fields: &[
            ("version", "string", Never),
            ("revision", "int", Never),
            ("files", "map[string]", Never),
            ("questions", "array[question]", Never),
            ("bindings", "json", Never),
            ("labels", "map[string]", Never),
            ("templateId", "string", Never),
            ("minimumRancherVersion", "string", Never),
            ("maximumRancherVersion", "string", Never),
            ("upgradeFrom", "string", Never),
            ("upgradeVersionLinks", "map[string]", Never),
        ],
        collection_methods: READ,
        resource_methods: READ,
    },
    Kind {
        name: "question",
        plural: "questions",
        fields: &[
            ("variable", "string", Never),
            ("label", "string", Never),
            ("description", "string", Never),
            ("type", "string", Never),
            ("default", "string", Never),
            ("required", "boolean", Never),
            ("group", "string", Never),
            ("options", "array[string]", Never),
            ("min", "int", Never),
            ("max", "int", Never),
            ("minLength", "int", Never),
            ("maxLength", "int", Never),
            ("validChars", "string", Never),
            ("invalidChars", "string", Never),
        ],
        collection_methods: READ,
        resource_methods: READ,
    },
];

/// The schema of schemas, for which clients ask and go by the header alone.
const SCHEMA: Kind = Kind {
    name: "schema",
    plural: "schemas",
    fields: &[],
    collection_methods: READ,
    resource_methods: READ,
};

/// A type by its name or that of its collection, in any letters.
pub fn named(name: &str) -> Option<&'static Kind> {
    let is = |kind: &&Kind| {
        kind.plural.eq_ignore_ascii_case(name) || kind.name.eq_ignore_ascii_case(name)
    };
    KINDS.iter().find(is)
}

/// The schema of a type, or that of schemas.
pub fn schema_named(base: &str, name: &str) -> Option<Value> {
    if name.eq_ignore_ascii_case("schema") || name.eq_ignore_ascii_case("schemas") {
        return Some(schema(base, &SCHEMA));
    }
    named(name).map(|kind| schema(base, kind))
}

/// The schema of a type.
pub fn schema(base: &str, kind: &Kind) -> Value {
    let field = |(name, ty, given): &(&str, &str, Given)| {
        let field = json!({ "type": ty, "create": *given == Once, "update": *given == Once });
        ((*name).to_owned(), field)
    };
    let fields: Map<String, Value> = kind.fields.iter().map(field).collect();
    let refresh = if kind.name == "template" { json!({ "refresh": {} }) } else { json!({}) };
    json!({
        "id": kind.name,
        "type": "schema",
        "links": {
            "self": format!("{base}/schemas/{}", kind.name),
            "collection": format!("{base}/{}", kind.plural),
        },
        "actions": {},
        "pluralName": kind.plural,
        "resourceMethods": kind.resource_methods,
        "resourceFields": fields,
        "resourceActions": {},
        "collectionMethods": kind.collection_methods,
        "collectionActions": refresh,
        "collectionFilters": {},
    })
}
