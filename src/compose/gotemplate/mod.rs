//! Go templates, as far as templates of catalogs use them: a file's text with `{{...}}` and the answers in, its
//! text without them out. Pure, and bounded in time and size.
//!
//! The way: `lex` (text and words) -> `parse` (a tree) -> `eval` (text), with `funcs`. Unlike Go's, a template
//! with a mistake gives an error with its line instead of half a file.

mod eval;
mod format;
mod funcs;
mod lex;
mod lists;
mod parse;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use value::Value;

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line, counted from 1.
    pub line: usize,
    /// In one sentence without a stop.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.message)
    }
}

/// What a template is told besides the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `.Stack.Name`, `.Release.Name`.
    pub stack: String,
    /// `.Environment.Name`.
    pub environment: String,
    /// `.Release.Version`: of the template, if the stack is from one.
    pub version: String,
    /// `.Release.PreviousVersion`: before the upgrade under way.
    pub previous_version: String,
}

/// Whether a file is a template: it has `{{` and does not begin by saying that it is none.
pub fn is_template(text: &str) -> bool {
    let begins = text.trim_start();
    let opted_out = begins.strip_prefix('#').map(str::trim_start);
    text.contains("{{") && !opted_out.is_some_and(|rest| rest.starts_with("notemplating"))
}

/// A template's text with the answers.
///
/// # Errors
/// With the line and what is wrong there.
pub fn render(
    text: &str,
    answers: &BTreeMap<String, String>,
    facts: &Facts,
) -> Result<String, Failure> {
    let tree = parse::parse(lex::lex(text)?)?;
    let texts = |rows: &[(&str, &str)]| {
        let row = |(name, text): &(&str, &str)| ((*name).to_owned(), Value::from(*text));
        Value::Map(rows.iter().map(row).collect())
    };
    let stack = texts(&[
        ("Name", &facts.stack),
        ("Version", &facts.version),
        ("PreviousVersion", &facts.previous_version),
    ]);
    let data = [
        ("Values", Value::Texts(answers.clone())),
        ("Stack", stack.clone()),
        ("Release", stack),
        ("Environment", texts(&[("Name", &facts.environment)])),
    ];
    eval::run(&tree, Value::Map(data.map(|(name, value)| (name.to_owned(), value)).into()))
}
