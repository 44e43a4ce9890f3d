//! YAML text to the located tree: anchors expanded within a budget, `<<` merged, duplicates found.
//!
//! Scalars stay text (`22:22`, `yes`, `1.10`); only the null of the YAML 1.2 core schema is told
//! apart here, because compose gives it a meaning of its own.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::limits::{Budget, Exhausted, MAX_FILE_BYTES};
use super::node::{Entry, Loc, Node, Scalar, Source, Tag, Value};
use super::problem::{Problems, Severity};

/// Levels of nesting; compose itself needs about ten.
pub(super) const MAX_DEPTH: usize = 64;

/// Reads one YAML document. Findings go to `problems`; none when nothing usable is left.
pub(super) fn parse(
    bytes: &[u8],
    source: &Rc<Source>,
    budget: &Budget,
    problems: &Problems,
) -> Option<Node> {
    let whole = Loc { source: Rc::clone(source), line: 0 };
    let fail = |at: &Loc, message: String| {
        problems.add(Severity::Error, at, "", message);
        None
    };
    if bytes.len() > MAX_FILE_BYTES {
        return fail(&whole, format!("the file is larger than {MAX_FILE_BYTES} bytes"));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            return fail(&Loc { line, ..whole }, "the file is not valid UTF-8 text".to_owned());
        }
    };
    let mut builder = Builder::new(source, budget, problems);
    for event in Parser::new_from_str(text) {
        let outcome = match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => Err(scan_failure(text, &error)),
        };
        match outcome {
            Ok(()) => {}
            Err(Failure { line, message }) => {
                let path = builder.path();
                let at = Loc { line, ..whole };
                problems.add(Severity::Error, &at, &path, message);
                return None;
            }
        }
    }
    match builder.root {
        Some(root) => Some(root),
        None => fail(&whole, "the file is empty".to_owned()),
    }
}

/// Ends the reading of a file.
struct Failure {
    line: usize,
    message: String,
}

/// The scanner's complaint; for tabs, which it often only stumbles over later, the real reason.
fn scan_failure(text: &str, error: &ScanError) -> Failure {
    let line = error.marker().line();
    let tabbed = |number: usize| {
        let content = text.lines().nth(number.wrapping_sub(1)).unwrap_or_default();
        let indent = content.len() - content.trim_start().len();
        content.get(..indent).is_some_and(|indent| indent.contains('\t'))
    };
    match [line, line.saturating_sub(1), line + 1].into_iter().find(|number| tabbed(*number)) {
        Some(line) => {
            Failure { line, message: "a tab in the indentation; YAML needs spaces".to_owned() }
        }
        None => Failure { line, message: format!("not valid YAML: {}", error.info()) },
    }
}

/// A collection that is still open.
enum Frame {
    List { items: Vec<Node>, start: Start },
    Map { entries: Vec<Entry>, merges: Vec<Node>, key: Option<Key>, start: Start },
}

struct Start {
    at: Loc,
    anchor: usize,
    tag: Tag,
}

struct Key {
    text: String,
    at: Loc,
    merge: bool,
}

struct Builder<'a> {
    source: &'a Rc<Source>,
    budget: &'a Budget,
    problems: &'a Problems,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Rc<Source>, budget: &'a Budget, problems: &'a Problems) -> Self {
        let anchors = HashMap::new();
        Builder { source, budget, problems, frames: Vec::new(), anchors, root: None }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Failure> {
        let line = span.start.line();
        let at = Loc { source: Rc::clone(self.source), line };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(failure(line, "the file holds more than one YAML document"))
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    let node = node.clone();
                    self.close(node, None)
                }
                None => Err(failure(line, "an alias stands inside the value it refers to")),
            },
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let string = tag.as_ref().is_some_and(|tag| tag.suffix == "str");
                let tag = self.tag(tag.as_deref(), &at);
                self.scalar(&text, plain && !string, Start { at, anchor, tag })
            }
            Event::SequenceStart(anchor, tag) => {
                let tag = self.tag(tag.as_deref(), &at);
                self.open(Frame::List { items: Vec::new(), start: Start { at, anchor, tag } })
            }
            Event::MappingStart(anchor, tag) => {
                let tag = self.tag(tag.as_deref(), &at);
                let start = Start { at, anchor, tag };
                self.open(Frame::Map { entries: Vec::new(), merges: Vec::new(), key: None, start })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn tag(&self, tag: Option<&saphyr_parser::Tag>, at: &Loc) -> Tag {
        match tag {
            None => Tag::None,
            Some(tag) if tag.is_yaml_core_schema() => Tag::None,
            Some(tag) if tag.suffix == "reset" => Tag::Reset,
            Some(tag) if tag.suffix == "override" => Tag::Override,
            Some(tag) => {
                let message = format!("the YAML tag `{tag}` is not known and is ignored");
                self.problems.add(Severity::Warning, at, &self.path(), message);
                Tag::None
            }
        }
    }

    fn open(&mut self, frame: Frame) -> Result<(), Failure> {
        let line = match &frame {
            Frame::List { start, .. } | Frame::Map { start, .. } => start.at.line,
        };
        if let Some(Frame::Map { key: None, .. }) = self.frames.last() {
            return Err(failure(line, "a list or mapping cannot be a key"));
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(failure(line, &too_deep()));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn scalar(&mut self, text: &str, plain: bool, start: Start) -> Result<(), Failure> {
        if let Some(Frame::Map { key: key @ None, .. }) = self.frames.last_mut() {
            let merge = plain && text == "<<";
            if start.anchor != 0 {
                let node = Node::text(text, start.at.clone());
                self.anchors.insert(start.anchor, node);
            }
            *key = Some(Key { text: text.to_owned(), at: start.at, merge });
            return Ok(());
        }
        let null = plain && matches!(text, "" | "~" | "null" | "Null" | "NULL");
        let value = match null {
            true => Value::Null,
            false => Value::Scalar(Scalar { text: text.to_owned(), plain }),
        };
        let node = Node { value, at: start.at, tag: start.tag };
        self.close(node, Some(start.anchor))
    }

    fn end(&mut self) -> Result<(), Failure> {
        let (node, anchor) = match self.frames.pop() {
            Some(Frame::List { items, start }) => {
                (Node { value: Value::List(items), at: start.at, tag: start.tag }, start.anchor)
            }
            Some(Frame::Map { entries, merges, start, .. }) => {
                let entries = self.merge(entries, merges)?;
                (Node { value: Value::Map(entries), at: start.at, tag: start.tag }, start.anchor)
            }
            None => return Ok(()),
        };
        self.close(node, Some(anchor))
    }

    /// Puts a finished node in its place. `anchor` is none for an expanded alias, whose whole
    /// tree counts against the budget.
    fn close(&mut self, node: Node, anchor: Option<usize>) -> Result<(), Failure> {
        let line = node.at.line;
        let cost = if anchor.is_some() { 1 } else { node.size() };
        self.budget.spend_nodes(cost).map_err(|Exhausted| failure(line, &Budget::explain()))?;
        if anchor.is_none() && self.frames.len() + node.depth() > MAX_DEPTH {
            return Err(failure(line, &too_deep()));
        }
        if let Some(anchor) = anchor.filter(|anchor| *anchor != 0) {
            self.budget
                .spend_nodes(node.size())
                .map_err(|Exhausted| failure(line, &Budget::explain()))?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.frames.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { entries, merges, key, .. }) => match key.take() {
                Some(key) if key.merge => merges.push(node),
                Some(key) => entries.push(Entry { key: key.text, at: key.at, node }),
                // An alias where a key belongs.
                None => match node.as_text() {
                    Some(text) => {
                        *key = Some(Key { text: text.to_owned(), at: node.at, merge: false });
                    }
                    None => return Err(failure(line, "a list or mapping cannot be a key")),
                },
            },
        }
        Ok(())
    }

    /// Reports duplicate keys (the first wins) and adds what `<<` brings for keys not given.
    fn merge(&self, entries: Vec<Entry>, merges: Vec<Node>) -> Result<Vec<Entry>, Failure> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut result = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(first) = seen.get(&entry.key) {
                let message = format!("the key is given twice, first in line {first}");
                self.problems.add(Severity::Error, &entry.at, &self.below(&entry.key), message);
                continue;
            }
            seen.insert(entry.key.clone(), entry.at.line);
            result.push(entry);
        }
        for (index, merge) in merges.into_iter().enumerate() {
            if index == 1 {
                let message = "the key is given twice; write `<<: [*a, *b]`";
                self.problems.add(Severity::Error, &merge.at, &self.below("<<"), message);
            }
            let at = merge.at.clone();
            let maps = match merge.value {
                Value::List(items) => items,
                Value::Map(_) | Value::Null | Value::Scalar(_) => vec![merge],
            };
            for map in maps {
                let Value::Map(added) = map.value else {
                    let message = format!("`<<` needs a mapping, not {}", map.kind());
                    self.problems.add(Severity::Error, &at, &self.below("<<"), message);
                    continue;
                };
                for entry in added {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(entry.key.clone(), entry.at.line);
                        result.push(entry);
                    }
                }
            }
        }
        Ok(result)
    }

    /// Dotted path of the value being read.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            match frame {
                Frame::List { items, .. } => path.push_str(&format!("[{}]", items.len())),
                Frame::Map { key: Some(key), .. } => {
                    let dot = if path.is_empty() { "" } else { "." };
                    path.push_str(&format!("{dot}{}", key.text));
                }
                Frame::Map { key: None, .. } => {}
            }
        }
        path
    }

    fn below(&self, key: &str) -> String {
        let path = self.path();
        if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
    }
}

fn failure(line: usize, message: &str) -> Failure {
    Failure { line, message: message.to_owned() }
}

fn too_deep() -> String {
    format!("values are nested more than {MAX_DEPTH} levels deep")
}
