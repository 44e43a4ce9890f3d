//! Typed readers: a located value as text, flag, number, size, duration or list, or a finding.

use super::context::Context;
use super::limits::MAX_ITEMS;
use super::node::{Node, Value, View};
use crate::nearest::nearest;

/// A `name` or `name=value`.
pub(super) struct Pair {
    pub name: String,
    /// None for a bare name or a null.
    pub value: Option<String>,
}

impl Context<'_> {
    /// The text of a single value.
    pub fn text(&self, view: &View<'_>) -> Option<String> {
        match view.node.as_text() {
            Some(text) => Some(text.to_owned()),
            None => self.expected(view, "a text"),
        }
    }

    fn expected<T>(&self, view: &View<'_>, what: &str) -> Option<T> {
        self.error(view, format!("must be {what}, not {}", view.node.kind()));
        None
    }

    /// The text of a single value without blanks around it; empty is an error.
    pub fn word(&self, view: &View<'_>) -> Option<String> {
        let text = self.text(view)?;
        let text = text.trim();
        if text.is_empty() {
            self.error(view, "is empty");
            return None;
        }
        Some(text.to_owned())
    }

    /// The same, where Rancher takes an empty one for none.
    pub fn word_if_any(&self, view: &View<'_>) -> Option<String> {
        let is_empty = view.node.as_text().is_some_and(|text| text.trim().is_empty());
        if is_empty { None } else { self.word(view) }
    }

    /// `true` or `false`. The words of older YAML (`yes`, `off`) are taken with a warning.
    pub fn flag(&self, view: &View<'_>) -> Option<bool> {
        let text = self.word(view)?.to_ascii_lowercase();
        let value = match text.as_str() {
            "true" => return Some(true),
            "false" => return Some(false),
            "yes" | "y" | "on" | "1" => true,
            "no" | "n" | "off" | "0" => false,
            _ => {
                self.error(view, format!("must be true or false, not `{text}`"));
                return None;
            }
        };
        self.warning(view, format!("`{text}` is read as {value}; write {value}"));
        Some(value)
    }

    /// A whole number within bounds.
    pub fn integer(&self, view: &View<'_>, min: i64, max: i64) -> Option<i64> {
        let text = self.word(view)?;
        match text.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            Ok(number) => {
                let bounds = if max == i64::MAX {
                    format!("at least {min}")
                } else {
                    format!("between {min} and {max}")
                };
                self.error(view, format!("must be {bounds}, not {number}"));
                None
            }
            Err(_) => {
                self.error(view, format!("must be a whole number, not `{text}`"));
                None
            }
        }
    }

    /// A number that is not negative, for example of CPUs.
    pub fn decimal(&self, view: &View<'_>) -> Option<f64> {
        let text = self.word(view)?;
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() && number >= 0.0 => Some(number),
            Ok(_) | Err(_) => {
                self.error(view, format!("must be a number of at least 0, not `{text}`"));
                None
            }
        }
    }

    /// Bytes from `64m`, `1.5gb`, `1024`; -1 stands for no limit where Docker knows it.
    pub fn bytes(&self, view: &View<'_>) -> Option<i64> {
        let text = self.word(view)?;
        let bytes = parse_bytes(&text);
        if bytes.is_none() {
            let message = format!("must be a size such as `512m` or `1gb`, not `{text}`");
            self.error(view, message);
        }
        bytes
    }

    /// Milliseconds from `1m30s`, `500ms`. A bare number is seconds, with a warning.
    pub fn duration_ms(&self, view: &View<'_>) -> Option<i64> {
        let text = self.word(view)?;
        if let Ok(seconds) = text.parse::<u32>() {
            if seconds > 0 {
                self.warning(view, format!("`{text}` has no unit; seconds are meant"));
            }
            return Some(i64::from(seconds) * 1000);
        }
        let duration = parse_duration_ms(&text);
        if duration.is_none() {
            let message = format!("must be a duration such as `30s` or `1m30s`, not `{text}`");
            self.error(view, message);
        }
        duration
    }

    /// Seconds from a duration, rounded up, because Rancher keeps no smaller ones.
    pub fn duration_s(&self, view: &View<'_>) -> Option<i64> {
        Some((self.duration_ms(view)? + 999).div_euclid(1000))
    }

    /// A text or a list of texts, with their places.
    pub fn text_views<'n>(&self, view: &View<'n>) -> Vec<(String, View<'n>)> {
        let items = match &view.node.value {
            Value::List(_) => self.list_items(view),
            Value::Null => Vec::new(),
            Value::Scalar(_) | Value::Map(_) => vec![view.clone()],
        };
        items.into_iter().filter_map(|item| Some((self.text(&item)?, item))).collect()
    }

    /// A text or a list of texts.
    pub fn texts(&self, view: &View<'_>) -> Vec<String> {
        self.text_views(view).into_iter().map(|(text, _)| text).collect()
    }

    /// A command: a list as it is, a text split like a shell splits words.
    pub fn words(&self, view: &View<'_>) -> Option<Vec<String>> {
        match &view.node.value {
            Value::Scalar(scalar) => {
                let words = shlex::split(&scalar.text);
                if words.is_none() {
                    self.error(view, "has a quote that is not closed");
                }
                words
            }
            Value::List(_) => Some(self.texts(view)),
            Value::Null | Value::Map(_) => self.expected(view, "a text or a list of texts"),
        }
    }

    /// A mapping of names to single values, or a list of `name=value`.
    pub fn pairs(&self, view: &View<'_>) -> Vec<Pair> {
        match &view.node.value {
            Value::Map(_) => view
                .entries()
                .into_iter()
                .filter_map(|(name, view)| {
                    let value = match view.node.is_null() {
                        true => None,
                        false => Some(self.text(&view)?),
                    };
                    Some(Pair { name: name.to_owned(), value })
                })
                .collect(),
            Value::List(_) => self
                .text_views(view)
                .into_iter()
                .filter_map(|(text, view)| {
                    let (name, value) = match text.split_once('=') {
                        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                        None => (text, None),
                    };
                    if name.is_empty() {
                        self.error(&view, "lacks a name before `=`");
                        return None;
                    }
                    Some(Pair { name, value })
                })
                .collect(),
            Value::Scalar(_) => {
                self.expected::<()>(view, "a mapping or a list of `name=value`");
                Vec::new()
            }
            Value::Null => Vec::new(),
        }
    }

    /// The entries of a mapping that has only these keys (`x-` ones are free). Nulls are left out.
    pub fn known<'n>(&self, view: &View<'n>, keys: &[&str]) -> Vec<(&'n str, View<'n>)> {
        if !self.is_map(view) {
            return Vec::new();
        }
        let mut known = Vec::new();
        for (key, child) in view.entries() {
            if key.starts_with("x-") {
                continue;
            }
            if !keys.contains(&key) {
                self.error(&child, unknown_key(key, keys));
            } else if !child.node.is_null() {
                known.push((key, child));
            }
        }
        known
    }

    /// Whether this is a mapping; anything else is an error.
    pub fn is_map(&self, view: &View<'_>) -> bool {
        match view.node.value {
            Value::Map(_) => true,
            Value::Null | Value::Scalar(_) | Value::List(_) => {
                self.expected::<()>(view, "a mapping").is_some()
            }
        }
    }

    /// The items of a list; anything else, and a list beyond all measure, is an error.
    pub fn list_items<'n>(&self, view: &View<'n>) -> Vec<View<'n>> {
        match &view.node.value {
            Value::List(items) if items.len() > MAX_ITEMS => {
                self.error(view, format!("has more than {MAX_ITEMS} items"));
                Vec::new()
            }
            Value::List(_) => view.items(),
            Value::Null => Vec::new(),
            Value::Scalar(_) | Value::Map(_) => {
                self.expected::<()>(view, "a list");
                Vec::new()
            }
        }
    }
}

/// What to say about an unknown key: the known one that looks most like it, or all if they are few.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(name) => format!("unknown key; `{name}` is meant"),
        None if known.len() <= 10 => format!("unknown key; known are {}", list(known)),
        None => "unknown key".to_owned(),
    }
}

/// Names for a message: `a`, `b`.
pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A tree as JSON: plain scalars get the type of the YAML 1.2 core schema.
pub(super) fn to_json(node: &Node) -> serde_json::Value {
    use serde_json::Value as Json;
    match &node.value {
        Value::Null => Json::Null,
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|e| (e.key.clone(), to_json(&e.node))).collect())
        }
        Value::Scalar(scalar) if !scalar.plain => Json::String(scalar.text.clone()),
        Value::Scalar(scalar) => {
            let text = scalar.text.as_str();
            let number = || {
                let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
                // `0644` was octal once and is decimal now; as a text it means neither.
                let octal = digits.len() > 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
                let octal = octal && digits.starts_with('0');
                let numeric = !octal && digits.starts_with(|letter: char| letter.is_ascii_digit());
                let integer = text.parse::<i64>().ok().map(Json::from);
                let decimal = || text.parse::<f64>().ok().map(Json::from);
                if numeric { integer.or_else(decimal) } else { None }
            };
            match text {
                "true" | "True" | "TRUE" => Json::Bool(true),
                "false" | "False" | "FALSE" => Json::Bool(false),
                _ => number().unwrap_or_else(|| Json::String(text.to_owned())),
            }
        }
    }
}

/// Units are powers of 1024, as everywhere in Docker.
fn parse_bytes(text: &str) -> Option<i64> {
    if text == "-1" {
        return Some(-1);
    }
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1i64,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<i64>() {
        return whole.checked_mul(factor);
    }
    let bytes = number.parse::<f64>().ok()? * factor as f64;
    (bytes.is_finite() && bytes < i64::MAX as f64).then_some(bytes as i64)
}

/// Units as in Go durations, which compose takes.
fn parse_duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let factor = match unit {
            "ns" => 0.000_001,
            "us" | "µs" => 0.001,
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    // A century is beyond any sensible wait and keeps the conversion exact.
    (total.is_finite() && total < 3.2e12).then_some(total.round() as i64)
}
