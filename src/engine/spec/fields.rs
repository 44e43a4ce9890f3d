//! Typed reading of a resource's JSON fields, with errors that name the field.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::engine::EngineError;

/// A field of a launch configuration that no engine can understand.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("field `{field}` of container `{container}` {problem}")]
pub struct SpecError {
    /// Name of the container.
    pub container: String,
    /// Name of the field.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

impl From<SpecError> for EngineError {
    fn from(err: SpecError) -> EngineError {
        let detail = format!("field `{}` {}", err.field, err.problem);
        EngineError::BadSpec { what: err.container, detail }
    }
}

/// Reads fields of one JSON object. An absent field and a null one are the same.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    container: &'a str,
    prefix: &'a str,
    data: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// The fields of a container; `container` is its name, for messages.
    pub fn new(container: &'a str, data: &'a Map<String, Value>) -> Fields<'a> {
        Fields { container, prefix: "", data }
    }

    /// The fields of an object inside the field `prefix`.
    pub fn inner(&self, prefix: &'a str, data: &'a Map<String, Value>) -> Fields<'a> {
        Fields { container: self.container, prefix, data }
    }

    /// An error about `field`.
    pub fn wrong(&self, field: &str, problem: impl Into<String>) -> SpecError {
        let dot = if self.prefix.is_empty() { "" } else { "." };
        SpecError {
            container: self.container.to_owned(),
            field: format!("{}{dot}{field}", self.prefix),
            problem: problem.into(),
        }
    }

    fn get(&self, field: &str) -> Option<&'a Value> {
        self.data.get(field).filter(|value| !value.is_null())
    }

    /// A string; empty if absent.
    pub fn text(&self, field: &str) -> Result<String, SpecError> {
        match self.get(field) {
            None => Ok(String::new()),
            Some(value) => scalar(value).ok_or_else(|| self.wrong(field, "is not a string")),
        }
    }

    /// A whole number.
    pub fn int(&self, field: &str) -> Result<Option<i64>, SpecError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        number.map(Some).ok_or_else(|| self.wrong(field, "is not a whole number"))
    }

    /// A yes or no.
    pub fn flag(&self, field: &str) -> Result<Option<bool>, SpecError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.wrong(field, "is not true or false"))
    }

    /// A list of strings; empty if absent.
    pub fn list(&self, field: &str) -> Result<Vec<String>, SpecError> {
        let Some(value) = self.get(field) else { return Ok(Vec::new()) };
        let items = value.as_array().and_then(|items| items.iter().map(scalar).collect());
        items.ok_or_else(|| self.wrong(field, "is not a list of strings"))
    }

    /// A map of strings in the order it was written; empty if absent.
    pub fn pairs(&self, field: &str) -> Result<Vec<(String, String)>, SpecError> {
        let text =
            |value: &Value| if value.is_null() { Some(String::new()) } else { scalar(value) };
        self.object(field)?
            .into_iter()
            .flatten()
            .map(|(key, value)| Some((key.clone(), text(value)?)))
            .collect::<Option<_>>()
            .ok_or_else(|| self.wrong(field, "is not a map of strings"))
    }

    /// A map of strings; empty if absent.
    pub fn map(&self, field: &str) -> Result<BTreeMap<String, String>, SpecError> {
        Ok(self.pairs(field)?.into_iter().collect())
    }

    /// An object.
    pub fn object(&self, field: &str) -> Result<Option<&'a Map<String, Value>>, SpecError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| self.wrong(field, "is not an object"))
    }

    /// A list of objects; empty if absent.
    pub fn objects(&self, field: &str) -> Result<Vec<&'a Map<String, Value>>, SpecError> {
        let Some(value) = self.get(field) else { return Ok(Vec::new()) };
        let items = value.as_array().and_then(|items| items.iter().map(Value::as_object).collect());
        items.ok_or_else(|| self.wrong(field, "is not a list of objects"))
    }
}

/// Compose files hold numbers and flags where strings are meant; they mean what they look like.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
