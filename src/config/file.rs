//! The TOML file: sections of keys, each looked up in the option table with its line.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem};
use super::options::{self, OPTIONS};
use super::sections::Config;
use super::slot::Given;

/// Applies the text of one file; `path` is only for messages.
pub fn apply(config: &mut Config, path: &Path, text: &str, problems: &mut Vec<Problem>) {
    let source = Source { path, text };
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(e) => {
            let why = e.message().replace('\n', ", ");
            problems.push(Problem::Syntax { place: source.place(e.span().unwrap_or(0..0)), why });
            return;
        }
    };
    let mut found = Vec::new();
    for (section, keys) in table.get_ref() {
        let name = section.get_ref();
        let place = source.place(section.span());
        match keys.get_ref().as_table() {
            Some(keys) if is_section(name) => source.section(config, name, keys, &mut found),
            _ if is_section(name) => found.push(Problem::BadValue {
                place,
                key: name.to_string(),
                value: format!("of type {}", keys.get_ref().type_str()),
                allowed: format!("a section, [{name}]"),
            }),
            _ => found.push(Problem::UnknownKey {
                place,
                key: name.to_string(),
                nearest: nearest_section(name),
            }),
        }
    }
    // The table is in the order of its keys; a person reads from the top.
    found.sort_by_key(|problem| problem.line());
    problems.append(&mut found);
}

/// The place of every key of a file that [`apply`] has taken.
pub fn places(path: &Path, text: &str) -> Vec<(String, Place)> {
    let source = Source { path, text };
    let Ok(table) = DeTable::parse(text) else { return Vec::new() };
    let mut found = Vec::new();
    for (section, keys) in table.get_ref() {
        for (key, _) in keys.get_ref().as_table().into_iter().flatten() {
            let name = format!("{}.{}", section.get_ref(), key.get_ref());
            found.push((name, source.place(key.span())));
        }
    }
    found
}

/// The file being read, to turn byte ranges into places.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    fn section(
        &self,
        config: &mut Config,
        section: &str,
        keys: &DeTable<'_>,
        problems: &mut Vec<Problem>,
    ) {
        for (key, value) in keys {
            let name = format!("{section}.{}", key.get_ref());
            let place = self.place(key.span());
            options::set(
                config,
                &name,
                &self.given(value.get_ref(), value.span()),
                place,
                problems,
            );
        }
    }

    fn given(&self, value: &DeValue<'_>, span: Range<usize>) -> Given {
        let as_written = || self.text.get(span.clone()).unwrap_or_default().to_owned();
        match value {
            DeValue::String(s) => Given::Text(s.to_string()),
            DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
                Ok(n) => Given::Number(n),
                Err(_) => Given::Other(as_written()),
            },
            DeValue::Boolean(b) => Given::Switch(*b),
            DeValue::Array(items) => {
                let texts = items.iter().map(|i| i.get_ref().as_str().map(str::to_owned)).collect();
                match texts {
                    Some(texts) => Given::List(texts),
                    None => Given::Other(as_written()),
                }
            }
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
                Given::Other(as_written())
            }
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Place::File { path: self.path.to_owned(), line }
    }
}

fn is_section(name: &str) -> bool {
    OPTIONS.iter().any(|o| o.section() == name)
}

/// For `listen` outside any section this proposes `server.listen`, for `[sever]` the section.
fn nearest_section(name: &str) -> Option<String> {
    let bare = OPTIONS.iter().find(|o| o.name() == name).map(|o| o.key.to_owned());
    bare.or_else(|| options::nearest(name, OPTIONS.iter().map(|o| o.section().to_owned())))
}
