//! Paths into a metadata tree, and how what they lead to is written: pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

/// The value at the rest of a path. Elements of lists are found by position, `name` or `uuid`; a segment
/// that is not there is looked for in lower case.
pub fn walk<'v>(mut value: &'v Value, segments: &[&str]) -> Option<&'v Value> {
    for segment in segments {
        value = step(value, segment).or_else(|| step(value, &segment.to_lowercase()))?;
    }
    Some(value)
}

fn step<'v>(value: &'v Value, segment: &str) -> Option<&'v Value> {
    match value {
        Value::Object(members) => members.get(segment),
        Value::Array(elements) => elements
            .iter()
            .find(|element| names(element).any(|name| name == segment))
            .or_else(|| elements.get(segment.parse::<usize>().ok()?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The texts that an element of a list is found by.
fn names(element: &Value) -> impl Iterator<Item = &str> {
    ["name", "uuid"].into_iter().filter_map(|key| element.get(key)?.as_str())
}

/// Text as shells like it: keys of objects one a line, a scalar as it is.
pub fn text(value: &Value) -> String {
    let deeper =
        |value: &Value| if matches!(value, Value::Object(_) | Value::Array(_)) { "/" } else { "" };
    let lines: Vec<String> = match value {
        Value::Null => Vec::new(),
        Value::Bool(flag) => vec![flag.to_string()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Object(members) => {
            let mut lines: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{}{}", escaped(key), deeper(value)))
                .collect();
            lines.sort_unstable();
            lines
        }
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, element)| match names(element).next() {
                Some(name) => format!("{index}={}", escaped(name)),
                None => format!("{index}{}", deeper(element)),
            })
            .collect(),
    };
    lines.join("\n")
}

/// What stays as it is in a segment of a URL's path.
const KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':').remove(b'@');

/// A key as part of a URL's path.
fn escaped(key: &str) -> String {
    utf8_percent_encode(key, KEPT).to_string()
}

/// A segment or value as it was before it was put into a URL; broken escapes stay as they are.
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_find_members_and_elements() {
        let tree = json!({
            "services": [{"name": "web", "uuid": "u1", "scale": 2}, {"name": "db"}],
            "labels": {"a/b": "c", "flag": true},
            "ports": ["80:80", ["x"]],
            "none": null,
        });
        for (path, expect) in [
            ("", Some("labels/\nnone\nports/\nservices/")),
            ("services", Some("0=web\n1=db")),
            ("services/web/scale", Some("2")),
            ("services/WEB/scale", Some("2")),
            ("services/u1/scale", Some("2")),
            ("services/0/scale", Some("2")),
            ("services/2", None),
            ("services/web/scale/more", None),
            ("labels", Some("a%2Fb\nflag")),
            ("labels/flag", Some("true")),
            ("ports", Some("0\n1/")),
            ("ports/0", Some("80:80")),
            ("none", Some("")),
            ("nothing", None),
        ] {
            let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            assert_eq!(walk(&tree, &segments).map(text).as_deref(), expect, "{path}");
        }
    }
}
