//! What the API says of itself.

use super::prelude::*;

/// Every type of this file.
pub const TYPES: &[&Type] = &[
    &SCHEMA,
    &API_VERSION,
    &COLLECTION,
    &ERROR,
    &RESOURCE,
    &TYPE_DOCUMENTATION,
    &FIELD_DOCUMENTATION,
];

/// `schema`.
pub const SCHEMA: Type = Type::computed(
    "schema",
    "schemas",
    "schemas",
    &[&[
        f("collectionActions", Map(&Json)).c(),
        f("collectionFields", Map(&Json)).c(),
        f("collectionFilters", Map(&Json)).c(),
        f("collectionMethods", Array(&String)).c(),
        f("includeableLinks", Array(&String)).c(),
        f("pluralName", String).c(),
        f("resourceActions", Map(&Json)).c(),
        f("resourceFields", Map(&Json)).c(),
        f("resourceMethods", Array(&String)).c(),
    ]],
);

/// `apiVersion`.
pub const API_VERSION: Type = Type::value("apiVersion", "apiVersions", &[&[]]).for_audience(Super);

/// `collection`.
pub const COLLECTION: Type = Type::value(
    "collection",
    "collections",
    &[&[
        f("actions", Map(&Json)).r_by(Super),
        f("createDefaults", Map(&Json)).r_by(Super),
        f("createTypes", Map(&Json)).r_by(Super),
        f("data", Array(&Object("resource"))).r_by(Super),
        f("filters", Map(&Array(&Json))).r_by(Super),
        f("links", Map(&Json)).r_by(Super),
        f("pagination", Json).r_by(Super),
        f("resourceType", String).r_by(Super),
        f("sort", Json).r_by(Super),
        f("sortLinks", Map(&Json)).r_by(Super),
        f("type", String).r_by(Super),
    ]],
)
.for_audience(Super);

/// `error`.
pub const ERROR: Type = Type::value(
    "error",
    "errors",
    &[&[
        f("code", String).r_by(Super),
        f("detail", String).r_by(Super),
        f("message", String).r_by(Super),
        f("status", Int).r_by(Super),
    ]],
)
.for_audience(Super);

/// `resource`.
pub const RESOURCE: Type = Type::value(
    "resource",
    "resources",
    &[&[
        f("actions", Map(&Json)).r_by(Super),
        f("baseType", String).r_by(Super),
        f("id", String).r_by(Super),
        f("links", Map(&Json)).r_by(Super),
        f("type", String).r_by(Super),
    ]],
)
.for_audience(Super);

/// `typeDocumentation`.
pub const TYPE_DOCUMENTATION: Type = Type::computed(
    "typeDocumentation",
    "typeDocumentations",
    "typeDocumentations",
    &[&[
        f("description", String).cu(),
        f("id", String),
        f("resourceFields", Map(&Object("fieldDocumentation"))),
    ]],
);

/// `fieldDocumentation`.
pub const FIELD_DOCUMENTATION: Type = Type::value(
    "fieldDocumentation",
    "fieldDocumentations",
    &[&[f("description", String).cu(), f("placeholder", String).r_by(Super)]],
);
