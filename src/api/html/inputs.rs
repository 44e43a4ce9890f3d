//! The inputs of a form: one for each field that the caller may give.

use serde_json::{Map, Value};

use super::{escape, forms};
use crate::api::dialect::Dialect;
use crate::api::input::Purpose;
use crate::api::schemas::kind_name;
use crate::api::views::Views;
use crate::auth::policy;
use crate::model::registry::Entry;
use crate::model::schema::{Default as Usual, Field, Kind};

/// Longer texts get an input of several lines.
const SHORT: i64 = 255;
/// Fields that people look for first.
const FIRST: &[&str] = &["name", "description", "kind"];

/// An input.
pub struct Input {
    /// Name of the field in the dialect.
    pub name: &'static str,
    field: &'static Field,
    dialect: &'static Dialect,
    purpose: Purpose,
}

/// The inputs for what the caller may give of a type.
pub fn of(views: &Views, entry: &'static Entry, purpose: Purpose) -> Vec<Input> {
    let may = |field: &Field| match purpose {
        Purpose::Create => policy::may_create(views.role, entry, field),
        Purpose::Update => policy::may_update(views.role, entry, field),
    };
    let words = views.dialect.words(entry.ty.name);
    let left_out = |name: &str| {
        words.is_some_and(|words| words.hidden.contains(&name) || words.unlisted.contains(&name))
    };
    let also = words.map_or(&[][..], |words| words.also);
    let other = also.iter().filter_map(|(name, of, _)| Some((*name, entry.field(of)?)));
    let own = entry.ty.all_fields().map(|field| (field.name, field));
    let mut inputs: Vec<Input> = own
        .chain(other)
        .filter(|(name, field)| may(field) && !left_out(name))
        .map(|(name, field)| Input { name, field, dialect: views.dialect, purpose })
        .collect();
    let place = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    inputs.sort_by_key(|input| (place(input.name), !input.field.required, input.name));
    inputs
}

/// What a form is filled with: texts by field.
#[derive(Default)]
pub struct Given(Map<String, Value>);

impl Given {
    /// Of a resource. What is secret or made of other things is left blank, which means that it stays as
    /// it is: an answer may not show all of it.
    pub fn of(answer: &Map<String, Value>, inputs: &[Input]) -> Self {
        let mut given = Map::new();
        for input in inputs.iter().filter(|input| is_shown_whole(&input.field.kind)) {
            let text = match answer.get(input.name) {
                None | Some(Value::Null) => continue,
                Some(Value::String(text)) => text.clone(),
                Some(other @ (Value::Array(_) | Value::Object(_))) => format!("{other:#}"),
                Some(other) => other.to_string(),
            };
            if !text.trim().is_empty() {
                given.insert(input.name.to_owned(), text.into());
            }
        }
        Self(given)
    }

    /// Whether there is something for a field.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The names of the fields, so that one that comes back empty is told from one that was.
    pub fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or("")
    }
}

fn is_shown_whole(kind: &Kind) -> bool {
    !matches!(kind.innermost(), Kind::Password | Kind::Json | Kind::Object(_))
}

impl Input {
    /// Whether it belongs to what is seen at once.
    pub fn is_first(&self) -> bool {
        let needed = self.purpose == Purpose::Create && self.field.required;
        needed || FIRST.contains(&self.name)
    }

    /// Writes it with its label.
    pub fn write(&self, out: &mut String, given: &Given) {
        let value = given.text(self.name);
        let field = self.field;
        let usual = match field.default {
            Usual::None => String::new(),
            Usual::Str(text) => text.to_owned(),
            Usual::Int(number) => number.to_string(),
            Usual::Bool(flag) => flag.to_string(),
        };
        let needed = self.purpose == Purpose::Create && field.required && usual.is_empty();
        let label = if needed { format!("{} *", self.name) } else { self.name.to_owned() };
        let needed = if needed { " required" } else { "" };
        let words =
            if field.kind == Kind::Boolean { &["true", "false"][..] } else { field.options };
        let scalar = !matches!(field.kind, Kind::Array(_) | Kind::Map(_));
        if scalar && !words.is_empty() {
            forms::select(out, &label, self.name, words, value);
            return;
        }
        let hint = if usual.is_empty() { kind_name(self.dialect, &field.kind) } else { usual };
        let about = format!("name=\"{}\" placeholder=\"{}\"{needed}", self.name, escape(&hint));
        let (label, value) = (escape(&label), escape(value));
        let input = match self.shape() {
            // A first line break is not part of the text.
            Shape::Lines => format!("<textarea rows=\"2\" {about}>\n{value}</textarea>"),
            Shape::Line(ty) => {
                let limits = self.limits();
                format!("<input type=\"{ty}\" {about}{limits} value=\"{value}\">")
            }
        };
        out.push_str(&format!("<label>{label} {input}</label>\n"));
    }

    fn shape(&self) -> Shape {
        let long = self.field.max_length.is_none_or(|length| length > SHORT);
        match self.field.kind {
            Kind::Array(_) | Kind::Map(_) | Kind::Object(_) | Kind::Json | Kind::Blob => {
                Shape::Lines
            }
            Kind::String if long => Shape::Lines,
            Kind::Password => Shape::Line("password"),
            Kind::Int => Shape::Line("number"),
            Kind::String | Kind::Float | Kind::Boolean | Kind::Date | Kind::Enum => {
                Shape::Line("text")
            }
            Kind::Reference(_) => Shape::Line("text"),
        }
    }

    fn limits(&self) -> String {
        let field = self.field;
        let mut limits = String::new();
        if field.kind == Kind::Int {
            for (key, limit) in [("min", field.min), ("max", field.max)] {
                limits.extend(limit.map(|limit| format!(" {key}=\"{limit}\"")));
            }
        }
        if field.kind == Kind::Password {
            limits.push_str(" autocomplete=\"new-password\"");
        }
        limits
    }
}

/// What an input looks like.
enum Shape {
    /// One line, of a type.
    Line(&'static str),
    /// Several lines.
    Lines,
}
