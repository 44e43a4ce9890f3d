//! Values for fields: good ones, ones that a caller may not give, and ids put wherever an id can stand.

use ranchette::model::id;
use ranchette::model::registry::{self, Entry};
use ranchette::model::schema::{Field, Kind};
use serde_json::{Map, Value, json};

use super::plant::Plot;
use super::table::Table;

/// How deep objects in objects are looked at.
const DEPTH: usize = 4;
/// Stands in every value that a caller gives without being allowed to.
pub const INTRUDER: &str = "intruder";
/// The number that a caller gives without being allowed to.
pub const INTRUDER_NUMBER: i64 = 666_666_666;

/// The id of an account's row of a type, as clients write it.
pub fn id_of(plot: &Plot, owner: i64, ty: &str) -> Option<String> {
    let entry = registry::lookup(ty)?;
    let number = if entry.base == "account" { owner } else { *plot.get(ty)? };
    Some(id::format(&entry.prefix, number))
}

/// A value that a field accepts.
pub fn good(field: &Field, plot: &Plot, owner: i64) -> Option<Value> {
    accepted(field, &field.kind, plot, owner, DEPTH)
}

fn accepted(field: &Field, kind: &Kind, plot: &Plot, owner: i64, depth: usize) -> Option<Value> {
    let inner = |kind| accepted(field, kind, plot, owner, depth);
    Some(match kind {
        Kind::Enum if !field.options.is_empty() => field.options[0].into(),
        Kind::String | Kind::Password | Kind::Blob | Kind::Enum => text(field).into(),
        Kind::Int => field.min.unwrap_or(1).max(1).min(field.max.unwrap_or(i64::MAX)).into(),
        Kind::Float => json!(1.5),
        Kind::Boolean => true.into(),
        Kind::Date => "2031-02-03T04:05:06Z".into(),
        Kind::Json => json!({"good": "yes"}),
        Kind::Reference(to) => id_of(plot, owner, to)?.into(),
        Kind::Array(kind) => json!([inner(kind)?]),
        Kind::Map(kind) => json!({"good": inner(kind)?}),
        Kind::Object(to) => {
            let entry = registry::lookup(to)?;
            let depth = depth.checked_sub(1)?;
            let required = entry.ty.all_fields().filter(|field| field.required);
            let value = |field: &Field| accepted(field, &field.kind, plot, owner, depth);
            let fields = required.map(|field| Some((field.name.to_owned(), value(field)?)));
            Value::Object(fields.collect::<Option<_>>()?)
        }
    })
}

/// A certificate that is valid for long, and its key.
const CERTIFICATE: &str = include_str!("../../../src/certificate/fixtures/ec.pem");
const KEY: &str = include_str!("../../../src/certificate/fixtures/ec.key");

/// A text of a length and of letters that the field takes.
fn text(field: &Field) -> String {
    match field.name {
        "cert" => return CERTIFICATE.to_owned(),
        "key" if field.read_on_create_only => return KEY.to_owned(),
        _ => {}
    }
    let least = usize::try_from(field.min_length.unwrap_or(1)).unwrap_or(1);
    let most = usize::try_from(field.max_length.unwrap_or(8)).unwrap_or(8);
    let letter =
        if field.valid_chars.is_some_and(|class| !class.contains("a-z")) { "1" } else { "x" };
    letter.repeat(least.max(most.min(8)))
}

/// A value that is recognised wherever it turns up.
pub fn intruder(field: &Field, stranger: i64) -> Value {
    match field.kind {
        Kind::Int | Kind::Float | Kind::Date => INTRUDER_NUMBER.into(),
        Kind::Boolean => true.into(),
        Kind::Reference("account" | "project") => id::format("a", stranger).into(),
        Kind::Array(_) => json!([INTRUDER]),
        Kind::Map(_) | Kind::Json | Kind::Object(_) => json!({"intruder": INTRUDER}),
        Kind::String | Kind::Password | Kind::Blob | Kind::Enum | Kind::Reference(_) => {
            INTRUDER.into()
        }
    }
}

/// A place in a body where an id can stand.
pub struct Place {
    /// As in `launchConfig.dataVolumesFrom`.
    pub path: String,
    /// The type referred to.
    pub to: &'static str,
    build: Box<dyn Fn(Value) -> Map<String, Value>>,
}

impl Place {
    /// A body with the id in its place and nothing else.
    pub fn body(&self, id: &str) -> Value {
        Value::Object((self.build)(id.into()))
    }
}

/// Every place in the bodies of a type that the letter opens to a role. Objects inside are creates,
/// whatever the body is.
pub fn places(table: &Table, entry: &'static Entry, letter: char) -> Vec<Place> {
    below(table, entry, letter, DEPTH)
}

fn below(table: &Table, entry: &'static Entry, letter: char, depth: usize) -> Vec<Place> {
    let Some(row) = table.row(entry.ty.name) else { return Vec::new() };
    let mut found = Vec::new();
    for field in entry.ty.all_fields().filter(|field| row.has(field.name, letter)) {
        for (path, to, build) in of_kind(table, &field.kind, depth) {
            let name = field.name;
            let build = Box::new(move |id| Map::from_iter([(name.to_owned(), build(id))]));
            found.push(Place { path: format!("{name}{path}"), to, build });
        }
    }
    found
}

type Build = Box<dyn Fn(Value) -> Value>;

fn of_kind(table: &Table, kind: &'static Kind, depth: usize) -> Vec<(String, &'static str, Build)> {
    let wrapped = |kind, sign: &str, wrap: fn(Value) -> Value| {
        let inner = of_kind(table, kind, depth).into_iter();
        let wrap = |(path, to, build): (String, _, Build)| -> (String, &'static str, Build) {
            (format!("{sign}{path}"), to, Box::new(move |id| wrap(build(id))))
        };
        inner.map(wrap).collect()
    };
    match kind {
        Kind::Reference(to) => vec![(String::new(), *to, Box::new(|id| id))],
        Kind::Array(kind) => wrapped(*kind, "[]", |value| json!([value])),
        Kind::Map(kind) => wrapped(*kind, "{}", |value| json!({ "key": value })),
        Kind::Object(to) if depth > 0 => {
            let entry = registry::lookup(to).expect(to);
            let inner = below(table, entry, 'c', depth - 1).into_iter();
            let inner = inner.map(|place| {
                let build: Build = Box::new(move |id| Value::Object((place.build)(id)));
                (format!(".{}", place.path), place.to, build)
            });
            inner.collect()
        }
        Kind::Object(_)
        | Kind::String
        | Kind::Password
        | Kind::Blob
        | Kind::Enum
        | Kind::Int
        | Kind::Float
        | Kind::Boolean
        | Kind::Date
        | Kind::Json => Vec::new(),
    }
}
