//! What a template reckons with.

use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nil,
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<Value>),
    /// What is not in it is nothing.
    Map(BTreeMap<String, Value>),
    /// What is not in it is an empty text.
    Texts(BTreeMap<String, String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl Value {
    /// Whether `if` takes it for true.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Flag(flag) => *flag,
            Value::Number(number) => *number != 0,
            Value::Text(text) => !text.is_empty(),
            Value::List(items) => !items.is_empty(),
            Value::Map(entries) => !entries.is_empty(),
            Value::Texts(entries) => !entries.is_empty(),
        }
    }

    /// As it is printed.
    pub fn shown(&self) -> String {
        match self {
            Value::Nil => "<no value>".to_owned(),
            Value::Flag(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(Value::shown).collect();
                format!("[{}]", items.join(" "))
            }
            Value::Map(entries) => {
                let entry = |(key, value): (&String, &Value)| format!("{key}:{}", value.shown());
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("map[{}]", entries.join(" "))
            }
            Value::Texts(entries) => {
                let entry = |(key, value): (&String, &String)| format!("{key}:{value}");
                let entries: Vec<String> = entries.iter().map(entry).collect();
                format!("map[{}]", entries.join(" "))
            }
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Nil => "nothing",
            Value::Flag(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) | Value::Texts(_) => "a map",
        }
    }

    /// The items of a list; nothing is an empty one.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            Value::Nil => Some(&[]),
            Value::Flag(_)
            | Value::Number(_)
            | Value::Text(_)
            | Value::Map(_)
            | Value::Texts(_) => None,
        }
    }

    /// The names in a map.
    pub fn names(&self) -> Option<Vec<String>> {
        match self {
            Value::Map(entries) => Some(entries.keys().cloned().collect()),
            Value::Texts(entries) => Some(entries.keys().cloned().collect()),
            Value::Nil | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    /// A field of it; `None` if it cannot have any.
    pub fn field(&self, name: &str) -> Option<Value> {
        match self {
            Value::Map(entries) => Some(entries.get(name).cloned().unwrap_or(Value::Nil)),
            Value::Texts(entries) => {
                Some(Value::Text(entries.get(name).cloned().unwrap_or_default()))
            }
            Value::Nil | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
                None
            }
        }
    }

    /// How much memory it takes, roughly.
    pub fn weight(&self) -> usize {
        match self {
            Value::Nil | Value::Flag(_) | Value::Number(_) => 1,
            Value::Text(text) => 1 + text.len(),
            Value::List(items) => 1 + items.iter().map(Value::weight).sum::<usize>(),
            Value::Map(entries) => {
                1 + entries.iter().map(|(key, value)| key.len() + value.weight()).sum::<usize>()
            }
            Value::Texts(entries) => {
                1 + entries.iter().map(|(key, text)| key.len() + text.len()).sum::<usize>()
            }
        }
    }
}
