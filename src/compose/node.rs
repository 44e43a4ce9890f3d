//! A small located tree: what a YAML file says, with the file and line of every piece.

use std::collections::HashMap;
use std::rc::Rc;

/// A file that was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Name for messages, relative to the project directory.
    pub name: String,
    /// Directory, relative to the project directory ("" for itself), that relative paths written
    /// in this file start from.
    pub base: String,
}

/// Where a node was written.
#[derive(Clone, Debug)]
pub(super) struct Loc {
    pub source: Rc<Source>,
    pub line: usize,
}

/// How a node wants to be merged over an earlier file (compose-spec `!reset` and `!override`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    Reset,
    Override,
}

/// One value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub value: Value,
    pub at: Loc,
    pub tag: Tag,
}

/// The text of a scalar as written, so that `22:22`, `yes` and `1.10` stay what they look like;
/// readers decide on the type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub text: String,
    /// Written without quotes, so that `true` or `3` may be more than a string.
    pub plain: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value` pair; `at` is the place of the key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub at: Loc,
    pub node: Node,
}

impl Node {
    pub fn new(value: Value, at: Loc) -> Self {
        Node { value, at, tag: Tag::None }
    }

    pub fn text(text: impl Into<String>, at: Loc) -> Self {
        Node::new(Value::Scalar(Scalar { text: text.into(), plain: false }), at)
    }

    /// What this is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The entry of a mapping, or none when this is no mapping or lacks the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The entries of a mapping; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Scalar(_) | Value::List(_) => &[],
        }
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Number of nodes in this tree, keys not counted. Trees are no deeper than `yaml::MAX_DEPTH`
    /// plus what merging two such trees gives, so recursion is safe.
    pub fn size(&self) -> usize {
        match &self.value {
            Value::Null | Value::Scalar(_) => 1,
            Value::List(items) => 1 + items.iter().map(Node::size).sum::<usize>(),
            Value::Map(entries) => 1 + entries.iter().map(|e| e.node.size()).sum::<usize>(),
        }
    }

    /// Number of levels in this tree; 1 for a scalar.
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::Null | Value::Scalar(_) => 1,
            Value::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(entries) => 1 + entries.iter().map(|e| e.node.depth()).max().unwrap_or(0),
        }
    }

    /// Whether both trees say the same, wherever they were written.
    pub fn same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text,
            (Value::List(a), Value::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Value::Map(a), Value::Map(b)) => {
                let theirs: HashMap<&str, &Node> =
                    b.iter().map(|entry| (entry.key.as_str(), &entry.node)).collect();
                a.len() == b.len()
                    && a.iter().all(|e| theirs.get(e.key.as_str()).is_some_and(|n| n.same(&e.node)))
            }
            _ => false,
        }
    }
}

/// A node together with its dotted path and the place of its key: what every finding names.
#[derive(Clone)]
pub(super) struct View<'n> {
    pub node: &'n Node,
    /// Place of the key this stands under; for list items, of the item.
    pub at: &'n Loc,
    pub path: String,
}

impl<'n> View<'n> {
    pub fn new(node: &'n Node, path: impl Into<String>) -> Self {
        View { node, at: &node.at, path: path.into() }
    }

    /// An entry of a mapping found at `parent`.
    pub fn of_entry(parent: &str, entry: &'n Entry) -> Self {
        let path =
            if parent.is_empty() { entry.key.clone() } else { format!("{parent}.{}", entry.key) };
        View { node: &entry.node, at: &entry.at, path }
    }

    /// An entry of the mapping, none when absent or null.
    pub fn get(&self, key: &str) -> Option<View<'n>> {
        let entry = self.node.entries().iter().find(|entry| entry.key == key)?;
        (!entry.node.is_null()).then(|| View::of_entry(&self.path, entry))
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> Vec<View<'n>> {
        let Value::List(items) = &self.node.value else { return Vec::new() };
        let at = |index| format!("{}[{index}]", self.path);
        let view = |(index, node): (usize, &'n Node)| View::new(node, at(index));
        items.iter().enumerate().map(view).collect()
    }

    /// The entries of a mapping with their keys; none for anything else.
    pub fn entries(&self) -> Vec<(&'n str, View<'n>)> {
        let view = |entry: &'n Entry| (entry.key.as_str(), View::of_entry(&self.path, entry));
        self.node.entries().iter().map(view).collect()
    }
}
