//! JSON values as block YAML, the way Rancher writes exported files: 2 spaces, single quotes where a
//! plain text would be read as something else.

use serde_json::{Map, Value};

/// How lines end.
const LINE_END: &str = "\r\n";

/// A mapping as a YAML document.
pub fn document(map: &Map<String, Value>) -> String {
    let mut out = String::new();
    mapping(&mut out, map, 0, false);
    out
}

/// Writes entries; `inline` says that the first one continues a line (`- key: value`).
fn mapping(out: &mut String, map: &Map<String, Value>, indent: usize, inline: bool) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 || !inline {
            pad(out, indent);
        }
        out.push_str(&inline_text(key));
        out.push(':');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push_str(LINE_END);
                mapping(out, map, indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push_str(LINE_END);
                list(out, items, indent);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                out.push(' ');
                scalar(out, value, indent + 2);
            }
        }
    }
}

fn list(out: &mut String, items: &[Value], indent: usize) {
    for item in items {
        pad(out, indent);
        out.push_str("- ");
        match item {
            Value::Object(map) if !map.is_empty() => mapping(out, map, indent + 2, true),
            Value::Array(items) if !items.is_empty() => {
                // A list in a list begins on a line of its own.
                out.truncate(out.len() - 1);
                out.push_str(LINE_END);
                list(out, items, indent + 2);
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => scalar(out, item, indent + 2),
        }
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn scalar(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        Value::String(text) if is_block(text) => {
            block(out, text, indent);
            return;
        }
        Value::String(text) => out.push_str(&inline_text(text)),
    }
    out.push_str(LINE_END);
}

/// A character that only an escape can carry.
fn needs_escape(letter: char) -> bool {
    let invisible = matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    letter.is_control() || invisible
}

/// Whether a text of several lines can be written as it looks.
fn is_block(text: &str) -> bool {
    let first = text.chars().next();
    text.contains('\n')
        && first.is_some_and(|letter| !letter.is_whitespace())
        && !text.chars().any(|letter| letter != '\n' && needs_escape(letter))
}

/// A literal block, with the mark that says what follows the last line.
fn block(out: &mut String, text: &str, indent: usize) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    out.push_str(LINE_END);
    let lines = text.strip_suffix('\n').unwrap_or(text);
    for line in lines.split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push_str(LINE_END);
    }
}

/// A text on one line, quoted if need be.
fn inline_text(text: &str) -> String {
    if text.chars().any(needs_escape) {
        return escaped(text);
    }
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn escaped(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if needs_escape(letter) => out.push_str(&format!("\\u{:04x}", letter as u32)),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Words that YAML 1.1 or 1.2 reads as something other than text.
const RESERVED: &[&str] =
    &["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", "=", "<<", ".inf", ".nan"];

/// Whether a text is read back as itself without quotes, by old readers too.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let indicator = "-?:,[]{}#&*!|>'\"%@`".contains(first);
    // Numbers, dates, and `22:22`, which YAML 1.1 takes for a number of base 60.
    let numeric = text
        .starts_with(|letter: char| letter.is_ascii_digit() || ".+-".contains(letter))
        && text.chars().all(|letter| letter.is_ascii_hexdigit() || "xXoO+-._:".contains(letter));
    let reserved = RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word));
    let trimmed = text.trim() == text;
    let split = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    trimmed && !indicator && !numeric && !reserved && !split
}
