//! Files of `NAME=value` lines: `.env`, `env_file` and `label_file`.

use std::collections::BTreeMap;

use super::context::{Context, Scope};
use super::problem::Spot;

/// Whether values may hold variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Quotes, comments and variables mean something.
    Expanded,
    /// Everything after `=` is the value (`format: raw`).
    Raw,
}

/// Reads such a file. A name without `=` has no value of its own. Findings name the line of the
/// file and are reported at `spot`, the place that names the file.
pub(super) fn read(
    context: &Context<'_>,
    scope: &Scope,
    bytes: &[u8],
    spot: &Spot,
    style: Style,
) -> Vec<(String, Option<String>)> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        context.problems.error(spot, "the file is not valid UTF-8 text");
        return Vec::new();
    };
    let mut lines = Lines { rest: text.strip_prefix('\u{feff}').unwrap_or(text), number: 0 };
    let mut variables = Vec::new();
    let mut known = BTreeMap::new();
    while let Some(line) = lines.next() {
        let number = lines.number;
        match assignment(line, &mut lines, style) {
            Ok(None) => {}
            Ok(Some((name, parsed))) => {
                let value = match parsed {
                    None => None,
                    Some(Parsed::Literal(value)) => Some(value),
                    Some(Parsed::Template(value)) if !value.contains('$') => Some(value),
                    Some(Parsed::Template(value)) => {
                        let scope = scope.with(known.clone());
                        context.expand_leniently(&scope, &value, spot)
                    }
                };
                if let Some(value) = &value {
                    known.insert(name.clone(), value.clone());
                }
                variables.push((name, value));
            }
            Err(message) => {
                context.problems.error(spot, format!("line {number} of the file: {message}"));
            }
        }
    }
    variables
}

/// The lines of a file; quoted values take more than one.
struct Lines<'t> {
    rest: &'t str,
    number: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        self.number += 1;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

/// A value as written.
enum Parsed {
    Literal(String),
    Template(String),
}

fn assignment(
    line: &str,
    lines: &mut Lines<'_>,
    style: Style,
) -> Result<Option<(String, Option<Parsed>)>, String> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line.strip_prefix("export ").map_or(line, str::trim_start);
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value)),
        None => (line.split(" #").next().unwrap_or_default().trim(), None),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("`{name}` is not a variable name"));
    }
    let value = match (value, style) {
        (None, _) => None,
        (Some(value), Style::Raw) => Some(Parsed::Literal(value.to_owned())),
        (Some(value), Style::Expanded) => Some(parse_value(value.trim_start(), lines)?),
    };
    Ok(Some((name.to_owned(), value)))
}

fn parse_value(value: &str, lines: &mut Lines<'_>) -> Result<Parsed, String> {
    match value.chars().next() {
        Some('\'') => {
            let body = quoted(value, '\'', lines)?;
            Ok(Parsed::Literal(body))
        }
        Some('"') => {
            let body = quoted(value, '"', lines)?;
            Ok(Parsed::Template(unescape(&body)))
        }
        _ => {
            // A comment needs a blank before its `#`, so that `pass#word` stays whole.
            let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
            let value = if value.starts_with('#') { "" } else { value.get(..end).unwrap_or(value) };
            Ok(Parsed::Template(value.trim_end().to_owned()))
        }
    }
}

/// The text between quotes, over several lines if need be.
fn quoted(first: &str, quote: char, lines: &mut Lines<'_>) -> Result<String, String> {
    let mut body = String::new();
    let mut text = first.strip_prefix(quote).unwrap_or(first);
    loop {
        let mut escaped = false;
        let end = text.char_indices().find(|(_, letter)| {
            let ends = *letter == quote && !escaped;
            escaped = quote == '"' && *letter == '\\' && !escaped;
            ends
        });
        if let Some((end, _)) = end {
            let (inside, after) = text.split_at(end);
            body.push_str(inside);
            let after = after.strip_prefix(quote).unwrap_or(after).trim();
            if after.is_empty() || after.starts_with('#') {
                return Ok(body);
            }
            return Err("text follows the closing quote".to_owned());
        }
        body.push_str(text);
        body.push('\n');
        text = lines.next().ok_or_else(|| format!("the quote `{quote}` is not closed"))?;
    }
}

/// Backslash escapes of double quotes; an escaped `$` becomes `$$`, which stays a plain `$`.
fn unescape(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut letters = body.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('$') => out.push_str("$$"),
            Some(plain @ ('"' | '\\' | '\'')) => out.push(plain),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}
