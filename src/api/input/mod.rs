//! Bodies checked against the schema: conversion, limits, references and defaults, first fault only.
//!
//! Fields are checked in the body's order, then required ones and defaults in the schema's. What the
//! schema does not know, or the caller may not give, is dropped without a word (as in Rancher).

mod convert;
mod limits;

use serde_json::{Map, Value};

use crate::auth::policy;
use crate::auth::{Caller, Role};
use crate::error::{Error, Result};
use crate::model::id;
use crate::model::registry::{self, Entry};
use crate::model::schema::{Default, Field, Kind};

use super::dialect::Dialect;

/// Which of a field's permissions counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A create, or the body of an action.
    Create,
    /// A change.
    Update,
}

/// What checking needs to know besides the body.
pub struct Checker<'a> {
    /// The dialect the body is written in.
    pub dialect: &'static Dialect,
    /// What the caller may give.
    pub role: Role,
    /// Whether plain numbers are taken for ids.
    pub plain_ids: bool,
    /// Whether a row of a base type is there for the caller: (base type, id).
    pub sees: &'a dyn Fn(&Entry, i64) -> Result<bool>,
    /// Now, in Unix milliseconds: for dates given as `now`.
    pub now: i64,
    /// Fields that a schema which came with a driver lets the caller change.
    pub besides: &'a [String],
}

/// Where in a body a value is, for messages: `launchConfig.healthCheck.port`.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    above: Option<&'a Path<'a>>,
    entry: &'static Entry,
    field: &'static Field,
}

impl Path<'_> {
    fn dotted(&self) -> String {
        match self.above {
            Some(above) => format!("{}.{}", above.dotted(), self.field.name),
            None => self.field.name.to_owned(),
        }
    }

    /// A fault of this field; `what` follows its name, as in "must be a number".
    pub fn fault(&self, code: &'static str, what: &str) -> Error {
        let top = self.top();
        Error::field(code, self.field.name).message(format!(
            "field `{}` of {} {what}",
            self.dotted(),
            with_article(top.ty.name)
        ))
    }

    fn top(&self) -> &'static Entry {
        self.above.map_or(self.entry, Path::top)
    }
}

/// "a stack", "an instance".
pub fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// The caller's plain-id option: accounts that see everything may write bare numbers.
pub fn may_use_plain_ids(caller: &Caller) -> bool {
    caller.all_accounts
}

impl Checker<'_> {
    /// Checks the body of a create.
    ///
    /// # Errors
    /// 422 with the code, the field and what is wrong with it.
    pub fn create(
        &self,
        entry: &'static Entry,
        body: Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        self.object(entry, None, body, Purpose::Create)
    }

    /// Checks the body of a change: only what it names, no defaults.
    ///
    /// # Errors
    /// As [`Checker::create`].
    pub fn update(
        &self,
        entry: &'static Entry,
        mut body: Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        body.shift_remove("id");
        self.object(entry, None, body, Purpose::Update)
    }

    fn object(
        &self,
        entry: &'static Entry,
        above: Option<&Path<'_>>,
        body: Map<String, Value>,
        purpose: Purpose,
    ) -> Result<Map<String, Value>> {
        let mut checked = Map::new();
        for (name, value) in body {
            let Some(field) = self.field(entry, &name) else { continue };
            if !self.may_give(entry, field, purpose) || checked.contains_key(field.name) {
                continue;
            }
            let path = Path { above, entry, field };
            if value.is_null() {
                if field.nullable {
                    checked.insert(field.name.to_owned(), Value::Null);
                } else if field.default == Default::None {
                    return Err(path.fault("NotNullable", "must not be null"));
                }
                continue;
            }
            let value = self.value(&path, &field.kind, value)?;
            limits::check(&path, &value)?;
            checked.insert(field.name.to_owned(), value);
        }
        if purpose == Purpose::Create {
            self.complete(entry, above, &mut checked)?;
        }
        Ok(checked)
    }

    /// Required fields and defaults, in the schema's order. Defaults are set even for fields that the
    /// role may not give.
    fn complete(
        &self,
        entry: &'static Entry,
        above: Option<&Path<'_>>,
        checked: &mut Map<String, Value>,
    ) -> Result<()> {
        for field in entry.ty.all_fields() {
            let given = match checked.get(field.name) {
                Some(Value::Null) => field.nullable,
                Some(_) => true,
                None => false,
            };
            if let Some(default) = field.default.value().filter(|_| !given) {
                // A few are declared in another kind than the field's, as in Rancher.
                let path = Path { above, entry, field };
                let default = self.value(&path, &field.kind, default)?;
                checked.insert(field.name.to_owned(), default);
            }
            if field.required
                && self.knows(entry, field)
                && self.may_give(entry, field, Purpose::Create)
            {
                let missing = match checked.get(field.name) {
                    None | Some(Value::Null) => true,
                    Some(Value::Array(items)) => items.is_empty(),
                    Some(_) => false,
                };
                if missing {
                    let path = Path { above, entry, field };
                    return Err(path.fault("MissingRequired", "is required"));
                }
            }
        }
        Ok(())
    }

    /// The field a name stands for in the dialect.
    fn field(&self, entry: &'static Entry, name: &str) -> Option<&'static Field> {
        let words = self.dialect.words(entry.ty.name);
        let also = words.and_then(|words| words.also.iter().find(|also| also.0 == name));
        entry.field(also.map_or(name, |also| also.1))
    }

    /// Whether the dialect has the field: nobody must give what cannot be said.
    fn knows(&self, entry: &Entry, field: &Field) -> bool {
        !self.dialect.words(entry.ty.name).is_some_and(|words| words.hidden.contains(&field.name))
    }

    fn may_give(&self, entry: &Entry, field: &Field, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Create => policy::may_create(self.role, entry, field),
            Purpose::Update => {
                policy::may_update(self.role, entry, field)
                    || self.besides.iter().any(|own| own == field.name)
            }
        }
    }

    /// Converts a value to a kind; conversion is lax, as in Rancher.
    fn value(&self, path: &Path<'_>, kind: &Kind, value: Value) -> Result<Value> {
        match kind {
            Kind::String | Kind::Password | Kind::Blob | Kind::Enum => convert::text(path, value),
            Kind::Int => convert::int(path, &value),
            Kind::Float => convert::float(path, &value),
            Kind::Boolean => convert::flag(path, &value),
            Kind::Date => convert::date(path, &value, self.now),
            Kind::Json => Ok(value),
            Kind::Reference(ty) => self.reference(path, ty, &value),
            Kind::Array(kind) => self.array(path, kind, value),
            Kind::Map(kind) => self.map(path, kind, value),
            Kind::Object(ty) => self.nested(path, ty, value),
        }
    }

    fn array(&self, path: &Path<'_>, kind: &Kind, value: Value) -> Result<Value> {
        let items = if let Value::Array(items) = value { items } else { vec![value] };
        let mut checked = Vec::with_capacity(items.len());
        for item in items {
            if item.is_null() {
                return Err(path.fault("NotNullable", "must not hold null"));
            }
            checked.push(self.value(path, kind, item)?);
        }
        Ok(Value::Array(checked))
    }

    fn map(&self, path: &Path<'_>, kind: &Kind, value: Value) -> Result<Value> {
        let Value::Object(items) = value else {
            return Err(path.fault("InvalidFormat", "must be a JSON object"));
        };
        let mut checked = Map::new();
        for (name, item) in items {
            let item = if item.is_null() { item } else { self.value(path, kind, item)? };
            checked.insert(name, item);
        }
        Ok(Value::Object(checked))
    }

    /// An object; or its JSON as text, which old clients write into lists.
    fn nested(&self, path: &Path<'_>, ty: &str, value: Value) -> Result<Value> {
        let read = value.as_str().and_then(|text| serde_json::from_str(text).ok());
        let value = read.unwrap_or(value);
        let Value::Object(items) = value else {
            return Err(path.fault("InvalidFormat", "must be a JSON object"));
        };
        let Some(entry) = registry::lookup(ty) else {
            return Err(Error::internal(format!("no type is called {ty}")));
        };
        Ok(Value::Object(self.object(entry, Some(path), items, Purpose::Create)?))
    }

    fn reference(&self, path: &Path<'_>, ty: &str, value: &Value) -> Result<Value> {
        let target = match value {
            Value::String(text) if text.is_empty() && path.field.nullable => {
                return Ok(Value::Null);
            }
            Value::String(text) => id::parse(text).or_else(|| self.plain(text)),
            Value::Number(number) if self.plain_ids => number.as_i64(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        };
        let Some(target) = target else {
            let what = format!("holds {value}, which is not an id");
            return Err(path.fault("InvalidReference", &what));
        };
        let there = registry::lookup(ty)
            .map(|entry| (self.sees)(entry, target))
            .transpose()?
            .unwrap_or(false);
        if !there {
            let what = format!("refers to the {ty} {value}, which does not exist");
            return Err(path.fault("InvalidReference", &what));
        }
        Ok(target.into())
    }

    fn plain(&self, text: &str) -> Option<i64> {
        self.plain_ids.then(|| text.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests;
