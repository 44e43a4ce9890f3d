//! The schemas of a document: what answers show of each type, and what may be sent.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::sight::{Seen, Sight};
use crate::api::input::Purpose;
use crate::api::schemas::kind_name;
use crate::api::views::{FieldView, Place, Shape};
use crate::model::registry::{self, Entry};
use crate::model::schema::{Default, Field, Kind};

/// The schema of an error.
pub const ERROR: &str = "error";
/// The schema of what a dry run answers.
pub const DRY_RUN: &str = "dryRun";
/// Fields that a schema calls numbers, and answers show as ids: (type, field).
const FORMATTED: &[(&str, &str)] = &[("auditLog", "resourceId")];
/// The schema of what every list has.
const LIST: &str = "collection";

/// A reference to a schema.
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// The schemas that were asked for so far.
pub struct Shapes<'a> {
    sight: &'a Sight,
    schemas: Map<String, Value>,
    begun: BTreeSet<String>,
}

impl<'a> Shapes<'a> {
    /// Those that no type brings.
    pub fn new(sight: &'a Sight) -> Self {
        let schemas = Map::from_iter([
            (ERROR.to_owned(), error()),
            (DRY_RUN.to_owned(), dry_run()),
            (LIST.to_owned(), list()),
        ]);
        Self { sight, schemas, begun: BTreeSet::new() }
    }

    /// Every schema, by name.
    pub fn finish(mut self) -> Map<String, Value> {
        self.schemas.sort_keys();
        self.schemas
    }

    /// What answers show of a type.
    pub fn answer(&mut self, seen: &Seen) -> Value {
        if self.begun.insert(seen.name.to_owned()) {
            let text = || json!({"type": "string"});
            let urls = || json!({"type": "object", "additionalProperties": {"type": "string"}});
            let mut properties = Map::from_iter([
                // Answers that stand for no resource have none.
                ("id".to_owned(), json!({"type": ["string", "null"]})),
                ("type".to_owned(), text()),
                ("links".to_owned(), urls()),
                ("actions".to_owned(), urls()),
                ("baseType".to_owned(), text()),
            ]);
            let shown = |field: &&&FieldView| {
                field.place != Place::Id && field.name != "type" && !field.field.input_only
            };
            for field in seen.fields.iter().filter(shown) {
                let formatted = FORMATTED.contains(&(seen.entry.ty.name, field.name));
                let schema =
                    if formatted { json!({"type": ["string", "null"]}) } else { self.shown(field) };
                properties.insert(field.name.to_owned(), schema);
                if field.twin.is_some() {
                    let twin = json!({"type": ["integer", "null"], "format": "int64"});
                    properties.insert(format!("{}TS", field.name), twin);
                }
            }
            let schema = json!({"type": "object", "required": ["type"], "properties": properties});
            self.schemas.insert(seen.name.to_owned(), schema);
        }
        reference(seen.name)
    }

    /// A list of a type.
    pub fn list(&mut self, seen: &Seen) -> Value {
        let name = format!("{}.list", seen.name);
        if self.begun.insert(name.clone()) {
            let data = json!({"type": "array", "items": self.answer(seen)});
            let schema = json!({
                "allOf": [reference(LIST)],
                "type": "object",
                "properties": {"data": data},
            });
            self.schemas.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// What may be sent of a type; `None` for one that cannot be sent at all.
    pub fn input(&mut self, entry: &'static Entry, purpose: Purpose) -> Option<Value> {
        let seen = self.sight.of_type(entry.ty.name)?;
        let name = match purpose {
            Purpose::Create => format!("{}.create", seen.name),
            Purpose::Update => format!("{}.update", seen.name),
        };
        if self.begun.insert(name.clone()) {
            let schema = self.accepted(entry, purpose);
            self.schemas.insert(name.clone(), schema);
        }
        Some(reference(&name))
    }

    fn accepted(&mut self, entry: &'static Entry, purpose: Purpose) -> Value {
        let sight = self.sight;
        let may = |field: &Field| match purpose {
            Purpose::Create => sight.may_create(entry, field),
            Purpose::Update => sight.may_update(entry, field),
        };
        let words = sight.dialect.words(entry.ty.name);
        let also = words.map_or(&[][..], |words| words.also);
        let other = also.iter().filter_map(|(name, of, _)| Some((*name, entry.field(of)?)));
        let own = entry.ty.all_fields().map(|field| (field.name, field));
        let left_out = |name: &str| {
            words
                .is_some_and(|words| words.hidden.contains(&name) || words.unlisted.contains(&name))
        };
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, field) in own.chain(other).filter(|(_, field)| may(field)) {
            if left_out(name) {
                continue;
            }
            properties.insert(name.to_owned(), self.sent(field));
            let has_default = field.default != Default::None;
            if field.required && purpose == Purpose::Create && !has_default {
                required.push(name);
            }
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
            schema.insert("required".to_owned(), required.into());
        }
        schema
    }

    /// The value of a field as answers show it.
    fn shown(&mut self, view: &FieldView) -> Value {
        let schema = self.shape(&view.field.kind);
        let always = match view.place {
            Place::Kind | Place::State | Place::Transitioning | Place::Uuid => true,
            Place::Data(_) => matches!(view.shape, Shape::Flag(Some(_))),
            Place::Account
            | Place::Created
            | Place::Id
            | Place::Name
            | Place::Removed
            | Place::Message => false,
        };
        if always && !view.once { schema } else { or_null(schema) }
    }

    fn shape(&mut self, kind: &Kind) -> Value {
        let sight = self.sight;
        match kind {
            Kind::Array(of) => json!({"type": "array", "items": self.shape(of)}),
            Kind::Map(of) => {
                let of = or_null(self.shape(of));
                json!({"type": "object", "additionalProperties": of})
            }
            Kind::Object(ty) => match sight.of_type(ty) {
                Some(seen) => self.answer(seen),
                None => json!({"type": "null"}),
            },
            Kind::String
            | Kind::Password
            | Kind::Blob
            | Kind::Int
            | Kind::Float
            | Kind::Boolean
            | Kind::Date
            | Kind::Enum
            | Kind::Json
            | Kind::Reference(_) => self.scalar(kind),
        }
    }

    /// The value of a field as it may be sent.
    fn sent(&mut self, field: &Field) -> Value {
        let mut schema = self.accepted_kind(&field.kind, field);
        if let Some(default) = field.default.value() {
            set(&mut schema, "default", default);
        }
        if field.required && matches!(field.kind, Kind::Array(_)) {
            set(&mut schema, "minItems", 1.into());
        }
        if field.nullable { or_null(schema) } else { schema }
    }

    fn accepted_kind(&mut self, kind: &Kind, field: &Field) -> Value {
        match kind {
            // Limits are those of the elements.
            Kind::Array(of) => json!({"type": "array", "items": self.accepted_kind(of, field)}),
            Kind::Map(of) => {
                let of = or_null(self.accepted_kind(of, &Field::new(field.name, field.kind)));
                json!({"type": "object", "additionalProperties": of})
            }
            Kind::Object(ty) => registry::lookup(ty)
                .and_then(|entry| self.input(entry, Purpose::Create))
                .unwrap_or_else(|| json!({"type": "object"})),
            Kind::String
            | Kind::Password
            | Kind::Blob
            | Kind::Int
            | Kind::Float
            | Kind::Boolean
            | Kind::Date
            | Kind::Enum
            | Kind::Json
            | Kind::Reference(_) => {
                let mut schema = self.scalar(kind);
                limits(&mut schema, kind, field);
                schema
            }
        }
    }
}

impl Shapes<'_> {
    fn scalar(&self, kind: &Kind) -> Value {
        match kind {
            Kind::Password => json!({"type": "string", "format": "password"}),
            Kind::Int => json!({"type": "integer", "format": "int64"}),
            Kind::Float => json!({"type": "number"}),
            Kind::Boolean => json!({"type": "boolean"}),
            Kind::Date => json!({"type": "string", "format": "date-time"}),
            Kind::Json => json!({}),
            // The same words as in the API's own schemas.
            Kind::Reference(_) => {
                json!({"type": "string", "format": kind_name(self.sight.dialect, kind)})
            }
            Kind::String
            | Kind::Blob
            | Kind::Enum
            | Kind::Array(_)
            | Kind::Map(_)
            | Kind::Object(_) => json!({"type": "string"}),
        }
    }
}

fn set(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(schema) = schema {
        schema.insert(key.to_owned(), value);
    }
}

/// The same, or nothing.
fn or_null(mut schema: Value) -> Value {
    let Value::Object(about) = &mut schema else { return schema };
    if about.is_empty() {
        return schema;
    }
    match about.get("type") {
        Some(Value::String(ty)) if ty != "null" => {
            let types = json!([ty, "null"]);
            about.insert("type".to_owned(), types);
            if let Some(Value::Array(options)) = about.get_mut("enum") {
                options.push(Value::Null);
            }
            schema
        }
        Some(_) => schema,
        None => json!({"anyOf": [schema, {"type": "null"}]}),
    }
}

fn limits(schema: &mut Value, kind: &Kind, field: &Field) {
    let number = matches!(kind, Kind::Int | Kind::Float);
    let text = matches!(kind, Kind::String | Kind::Password | Kind::Blob | Kind::Enum);
    for (key, limit, applies) in [
        ("minimum", field.min, number),
        ("maximum", field.max, number),
        ("minLength", field.min_length, text),
        ("maxLength", field.max_length, text),
    ] {
        if let Some(limit) = limit.filter(|_| applies) {
            set(schema, key, limit.into());
        }
    }
    if text && !field.options.is_empty() {
        set(schema, "enum", field.options.into());
    } else if let Some(class) = field.valid_chars.filter(|_| text) {
        set(schema, "pattern", pattern(class).into());
    }
}

/// The regular expression of texts whose letters are of a class such as `a-zA-Z0-9_.-`.
fn pattern(class: &str) -> String {
    let mut escaped = String::new();
    for letter in class.chars() {
        if matches!(letter, '\\' | ']' | '[' | '^') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    format!("^[{escaped}]*$")
}

fn error() -> Value {
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
            "fieldName": {"type": ["string", "null"]},
        },
    })
}

fn list() -> Value {
    let urls = json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({
        "type": "object",
        "required": ["type", "resourceType", "links", "data"],
        "properties": {
            "type": {"const": "collection"},
            "resourceType": {"type": "string"},
            "links": urls,
            "createTypes": urls,
            "actions": urls,
            "sortLinks": urls,
            "pagination": {
                "type": ["object", "null"],
                "properties": {
                    "first": {"type": "null"},
                    "previous": {"type": "null"},
                    "next": {"type": ["string", "null"]},
                    "limit": {"type": "integer"},
                    "total": {"type": "null"},
                    "partial": {"type": "boolean"},
                },
            },
            "sort": {
                "type": ["object", "null"],
                "properties": {
                    "name": {"type": "string"},
                    "order": {"enum": ["asc", "desc"]},
                    "reverse": {"type": "string"},
                },
            },
            "filters": {
                "type": "object",
                "additionalProperties": {
                    "type": ["array", "null"],
                    "items": {
                        "type": "object",
                        "properties": {
                            "value": {"type": "string"},
                            "modifier": {"type": "string"},
                        },
                    },
                },
            },
            "createDefaults": {"type": "object"},
        },
    })
}

fn dry_run() -> Value {
    let objects = json!({"type": "array", "items": {"type": "object"}});
    json!({
        "type": "object",
        "required": ["type", "status", "changes", "processes", "foreseen", "resource"],
        "properties": {
            "type": {"const": DRY_RUN},
            "status": {"type": "integer"},
            "changes": objects,
            "processes": objects,
            "foreseen": objects,
            "resource": {"type": ["object", "null"]},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_let_in_beside_the_schema() {
        let text = |schema: Value| or_null(schema).to_string();
        assert_eq!(text(json!({})), "{}");
        assert_eq!(text(json!({"type": "string"})), r#"{"type":["string","null"]}"#);
        assert_eq!(
            text(json!({"type": "string", "enum": ["a"]})),
            r#"{"type":["string","null"],"enum":["a",null]}"#
        );
        assert_eq!(
            text(reference("a")),
            r##"{"anyOf":[{"$ref":"#/components/schemas/a"},{"type":"null"}]}"##
        );
    }

    #[test]
    fn classes_of_letters_become_patterns() {
        assert_eq!(pattern("a-z0-9_.-"), "^[a-z0-9_.-]*$");
        assert_eq!(pattern("a]^\\"), "^[a\\]\\^\\\\]*$");
    }
}
