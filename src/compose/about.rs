//! What a file says of the template it belongs to: the block `catalog` (or `.catalog`) of a
//! `rancher-compose.yml`, with the questions whose answers become the stack's variables.
//!
//! The block is read even when the rest of the file is not YAML before its Go template is run.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::limits::Budget;
use super::node::{Node, Source, Value};
use super::problem::{Problems, Severity};
use super::yaml;

/// Questions of one template that are read.
const MAX_QUESTIONS: usize = 500;

/// A question to whoever launches a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The variable that the answer is for.
    pub variable: String,
    pub label: String,
    pub description: String,
    /// `string`, `int`, `boolean`, `password`, `multiline`, `enum`, `service`, `certificate`.
    pub kind: String,
    pub default: String,
    pub required: bool,
    pub group: String,
    pub min: i64,
    pub max: i64,
    pub min_length: i64,
    pub max_length: i64,
    pub options: Vec<String>,
    pub valid_chars: String,
    pub invalid_chars: String,
}

/// What a template's files say of one of its versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub name: String,
    pub version: String,
    pub description: String,
    pub minimum_rancher_version: String,
    pub maximum_rancher_version: String,
    /// Versions that can be upgraded to this one; empty: all older ones.
    pub upgrade_from: String,
    pub labels: BTreeMap<String, String>,
    pub questions: Vec<Question>,
}

impl About {
    /// The answer to every question that has one before it is asked.
    pub fn defaults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.questions
            .iter()
            .map(|question| (question.variable.as_str(), question.default.as_str()))
    }
}

/// Top-level entries of a mapping, values as text: `config.yml` of a template.
pub type Entries = BTreeMap<String, Entry>;

/// A value of [`Entries`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Text(String),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
}

impl Entry {
    /// A single value.
    pub fn text(&self) -> &str {
        match self {
            Entry::Text(text) => text,
            Entry::List(_) | Entry::Map(_) => "",
        }
    }

    /// A list, or a single value as one of one.
    pub fn list(&self) -> Vec<String> {
        match self {
            Entry::Text(text) if text.is_empty() => Vec::new(),
            Entry::Text(text) => vec![text.clone()],
            Entry::List(items) => items.clone(),
            Entry::Map(_) => Vec::new(),
        }
    }
}

/// Reads the top level of a file.
///
/// # Errors
/// With what is wrong, for a person, when it is no mapping.
pub fn entries(name: &str, bytes: &[u8]) -> Result<Entries, String> {
    let root = tree(name, bytes)?;
    let Value::Map(entries) = &root.value else {
        return Err(format!("`{name}` holds {}, not a mapping", root.kind()));
    };
    let entry = |node: &Node| match &node.value {
        Value::Null => Entry::Text(String::new()),
        Value::Scalar(scalar) => Entry::Text(scalar.text.clone()),
        Value::List(items) => Entry::List(items.iter().map(text).collect()),
        Value::Map(_) => Entry::Map(texts(node)),
    };
    Ok(entries.iter().map(|found| (found.key.clone(), entry(&found.node))).collect())
}

/// Reads what a `rancher-compose.yml` says of its template; nothing is said by a file without the block.
///
/// # Errors
/// With what is wrong, for a person, when the block cannot be read.
pub fn about(name: &str, bytes: &[u8]) -> Result<About, String> {
    let root = match tree(name, bytes) {
        Ok(root) => root,
        // Lines of a Go template are seldom YAML; the block itself may have none.
        Err(why) => match block(bytes) {
            Some(lines) => tree(name, lines.as_bytes()).map_err(|_| why)?,
            None => return Err(why),
        },
    };
    let services = root.get("services").and_then(|services| services.get(".catalog"));
    match root.get("catalog").or_else(|| root.get(".catalog")).or(services) {
        Some(node) => Ok(read(node)),
        None => Ok(About::default()),
    }
}

/// Reads a file that is nothing but what is said of the template: `template-version.yml`.
///
/// # Errors
/// As [`about`].
pub fn about_alone(name: &str, bytes: &[u8]) -> Result<About, String> {
    tree(name, bytes).map(|root| read(&root))
}

fn tree(name: &str, bytes: &[u8]) -> Result<Node, String> {
    let source = Rc::new(Source { name: name.to_owned(), base: String::new() });
    let problems = Problems::default();
    match yaml::parse(bytes, &source, &Budget::default(), &problems) {
        // A key that is given twice counts once, as it always did.
        Some(root) => Ok(root),
        None => {
            let list = problems.into_sorted();
            let first = list.iter().find(|problem| problem.severity == Severity::Error);
            Err(first.map_or_else(|| format!("`{name}` cannot be read"), ToString::to_string))
        }
    }
}

/// Whether the block begins in this line.
fn begins_block(line: &str) -> bool {
    let line = line.trim_end();
    ["catalog:", ".catalog:", "'.catalog':", "\".catalog\":"].contains(&line)
}

/// Whether a line goes on with a block that begins at the margin.
fn is_inside(line: &str) -> bool {
    let line = line.trim_end();
    line.is_empty() || line.starts_with([' ', '\t', '#', '-'])
}

/// A file with empty lines in place of the block.
pub(super) fn without_block(text: &str) -> String {
    let mut inside = false;
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        inside = begins_block(line) || (inside && is_inside(line));
        out.push_str(if inside { "\n" } else { line });
    }
    out
}

/// The lines of the block: from its key, which begins a line, to the next line that is not indented.
fn block(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines().skip_while(|line| !begins_block(line));
    let mut found = lines.next()?.to_owned();
    for line in lines.take_while(|line| is_inside(line)) {
        found.push('\n');
        found.push_str(line);
    }
    Some(found)
}

fn text(node: &Node) -> String {
    node.as_text().unwrap_or_default().to_owned()
}

fn texts(node: &Node) -> BTreeMap<String, String> {
    node.entries().iter().map(|entry| (entry.key.clone(), text(&entry.node))).collect()
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null | Value::Scalar(_) | Value::Map(_) => &[],
    }
}

fn read(node: &Node) -> About {
    let get = |key: &str| node.get(key).map(text).unwrap_or_default();
    let questions = node.get("questions").map(items).unwrap_or_default();
    About {
        name: get("name"),
        version: get("version"),
        description: get("description"),
        minimum_rancher_version: get("minimum_rancher_version"),
        maximum_rancher_version: get("maximum_rancher_version"),
        upgrade_from: get("upgrade_from"),
        labels: node.get("labels").map(texts).unwrap_or_default(),
        questions: questions.iter().take(MAX_QUESTIONS).filter_map(question).collect(),
    }
}

/// One question; what asks for no variable asks nothing.
fn question(node: &Node) -> Option<Question> {
    let get = |key: &str| node.get(key).map(text).unwrap_or_default();
    let number = |key: &str| get(key).trim().parse::<i64>().unwrap_or(0);
    let variable = get("variable").trim().to_owned();
    if variable.is_empty() {
        return None;
    }
    let kind = get("type").trim().to_ascii_lowercase();
    Some(Question {
        variable,
        label: get("label"),
        description: get("description"),
        kind: if kind.is_empty() { "string".to_owned() } else { kind },
        default: get("default"),
        required: matches!(get("required").trim(), "true" | "True" | "TRUE" | "yes" | "on"),
        group: get("group"),
        min: number("min"),
        max: number("max"),
        min_length: number("min_length"),
        max_length: number("max_length"),
        options: node.get("options").map(items).unwrap_or_default().iter().map(text).collect(),
        valid_chars: get("valid_chars"),
        invalid_chars: get("invalid_chars"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_KIND: &str = r#"
.catalog:
  name: Shop
  version: v1.2.0
  minimum_rancher_version: v1.6.0
  maximum_rancher_version: v1.6.99
  upgrade_from: ">=v1.0.0"
  labels: {tier: front}
  questions:
    - {variable: NAME, label: Name, type: string, required: true, min_length: 3, max_length: 9, valid_chars: a-z, invalid_chars: q}
    - {variable: PORT, type: Int, default: 8080, min: 1, max: 65535, group: Network}
    - {variable: TLS, type: boolean, default: true}
    - {variable: SECRET, type: password}
    - {variable: TEXT, type: multiline, default: "a\nb"}
    - {variable: SIZE, type: enum, options: [small, 2, large], default: small}
    - {variable: DB, type: service}
    - {variable: CERT, type: certificate}
    - {variable: PLAIN}
    - {label: asks for nothing}
web:
  scale: 1
"#;

    #[test]
    fn every_kind_of_question_is_read() {
        let about = about("rancher-compose.yml", EVERY_KIND.as_bytes()).expect("a block");
        assert_eq!((about.name.as_str(), about.version.as_str()), ("Shop", "v1.2.0"));
        assert_eq!(about.minimum_rancher_version, "v1.6.0");
        assert_eq!(about.maximum_rancher_version, "v1.6.99");
        assert_eq!(about.upgrade_from, ">=v1.0.0");
        assert_eq!(about.labels.get("tier").map(String::as_str), Some("front"));
        let kinds: Vec<_> =
            about.questions.iter().map(|q| (q.variable.as_str(), q.kind.as_str())).collect();
        let expect = [
            ("NAME", "string"),
            ("PORT", "int"),
            ("TLS", "boolean"),
            ("SECRET", "password"),
            ("TEXT", "multiline"),
            ("SIZE", "enum"),
            ("DB", "service"),
            ("CERT", "certificate"),
            ("PLAIN", "string"),
        ];
        assert_eq!(kinds, expect);
        let [name, port, tls, _, lines, size, ..] = about.questions.as_slice() else {
            panic!("nine questions")
        };
        assert!(name.required && name.min_length == 3 && name.max_length == 9);
        assert_eq!((name.valid_chars.as_str(), name.invalid_chars.as_str()), ("a-z", "q"));
        assert_eq!((port.default.as_str(), port.min, port.max), ("8080", 1, 65535));
        assert_eq!(port.group, "Network");
        assert_eq!((tls.default.as_str(), tls.required), ("true", false));
        assert_eq!(lines.default, "a\nb");
        assert_eq!(size.options, ["small", "2", "large"]);
        assert_eq!(about.defaults().find(|pair| pair.0 == "PORT"), Some(("PORT", "8080")));
    }

    #[test]
    fn the_block_is_found_where_it_may_stand() {
        let check = |text: &str, expect: Result<&str, &str>| {
            let found = about("f", text.as_bytes()).map(|about| about.version);
            assert_eq!(found.as_deref(), expect.map_err(str::to_owned).as_deref(), "{text}");
        };
        check("catalog:\n  version: a\n", Ok("a"));
        check(".catalog: {version: b}\n", Ok("b"));
        check("version: '2'\nservices:\n  .catalog:\n    version: c\n", Ok("c"));
        check("version: '2'\nservices: {}\n", Ok(""));
        check("web:\n  scale: 1\n", Ok(""));
        // A template that is no YAML yet.
        check("catalog:\n  version: d\n\n  questions: []\n{{- if x}}\nweb:\n{{- end}}\n", Ok("d"));
        check("{{- if x}}\nweb: {\n{{- end}}\n.catalog:\n  version: e\n", Ok("e"));
        check(
            "{{- if x}}\nweb: {\n",
            Err("f:1: error: not valid YAML: \"-\" is only valid inside a block"),
        );
    }

    #[test]
    fn the_top_level_is_read() {
        let text = "name: A\ncategories: [x, 1]\nlabels: {a: 1}\nempty:\ncategory: y\n";
        let found = entries("config.yml", text.as_bytes()).expect("a mapping");
        assert_eq!(found["name"].text(), "A");
        assert_eq!(found["categories"].list(), ["x", "1"]);
        assert_eq!(found["category"].list(), ["y"]);
        assert_eq!(found["labels"], Entry::Map(BTreeMap::from([("a".into(), "1".into())])));
        assert!(found["empty"].list().is_empty());
        assert_eq!(entries("c", b"- a\n"), Err("`c` holds a list, not a mapping".to_owned()));
    }
}
