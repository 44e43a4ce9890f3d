//! Laying one file over another: the rules of the compose specification, as one table.

use std::collections::HashMap;

use super::limits::MAX_ITEMS;
use super::node::{Entry, Node, Tag, Value};

/// How two values under the same key become one.
#[derive(Clone, Copy)]
enum Rule {
    /// The later one wins.
    Replace,
    /// Both are mappings or lists of `name=value`; later names win.
    Pairs,
    /// Both are mappings or lists of names; later names win.
    Names,
    /// Lists whose items are the same thing when they have the same target.
    Targets,
    /// A text stands for `{context: text}`.
    Build,
    /// Options belong to their driver.
    Logging,
    /// Mappings entry by entry, lists one after the other, anything else by replacing.
    Natural,
}

/// Keys with a rule of their own, at whatever depth they stand inside a service.
const RULES: &[(&str, Rule)] = &[
    ("additional_contexts", Rule::Pairs),
    ("annotations", Rule::Pairs),
    ("args", Rule::Pairs),
    ("build", Rule::Build),
    ("command", Rule::Replace),
    ("configs", Rule::Targets),
    ("depends_on", Rule::Names),
    ("devices", Rule::Targets),
    ("entrypoint", Rule::Replace),
    ("environment", Rule::Pairs),
    ("extends", Rule::Replace),
    ("labels", Rule::Pairs),
    ("logging", Rule::Logging),
    ("networks", Rule::Names),
    ("secrets", Rule::Targets),
    ("sysctls", Rule::Pairs),
    ("test", Rule::Replace),
    ("volumes", Rule::Targets),
];

/// Lays mappings over each other: services over services, volumes over volumes, keys over keys.
pub(super) fn entries(base: Vec<Entry>, over: Vec<Entry>) -> Vec<Entry> {
    let mut result: Vec<Option<Entry>> = base.into_iter().map(Some).collect();
    let place =
        |(index, entry): (usize, &Option<Entry>)| Some((entry.as_ref()?.key.clone(), index));
    let places: HashMap<String, usize> = result.iter().enumerate().filter_map(place).collect();
    for entry in over {
        let slot = places.get(&entry.key).and_then(|index| result.get_mut(*index));
        match (slot, entry.node.tag) {
            (Some(slot), Tag::Reset) => *slot = None,
            (Some(slot), Tag::Override) => *slot = Some(entry),
            (Some(slot), Tag::None) => {
                *slot = slot.take().map(|base| {
                    // A finding about the merged value points at what was written last.
                    let at = if entry.node.is_null() { base.at } else { entry.at };
                    Entry { node: merge(&entry.key, base.node, entry.node), key: entry.key, at }
                });
            }
            (None, Tag::Reset) => {}
            (None, Tag::None | Tag::Override) => result.push(Some(entry)),
        }
    }
    result.into_iter().flatten().collect()
}

/// Lays a value over another that stands under the same key.
pub(super) fn merge(key: &str, base: Node, over: Node) -> Node {
    if over.is_null() {
        return base;
    }
    if base.is_null() {
        return over;
    }
    let rule = RULES.iter().find(|(name, _)| *name == key).map_or(Rule::Natural, |(_, rule)| *rule);
    match rule {
        Rule::Replace => over,
        Rule::Natural => natural(base, over),
        Rule::Pairs => natural(to_map(base, Some('=')), to_map(over, Some('='))),
        Rule::Names => natural(to_map(base, None), to_map(over, None)),
        Rule::Targets => targets(base, over),
        Rule::Build => natural(build(base), build(over)),
        Rule::Logging => {
            let driver =
                |node: &Node| node.get("driver").and_then(Node::as_text).map(str::to_owned);
            match (driver(&base), driver(&over)) {
                (Some(a), Some(b)) if a != b => over,
                (None, Some(_)) | (_, None) | (Some(_), Some(_)) => natural(base, over),
            }
        }
    }
}

fn natural(base: Node, over: Node) -> Node {
    let Node { value: base, .. } = base;
    let Node { value: over, at, tag } = over;
    let value = match (base, over) {
        (Value::Map(base), Value::Map(over)) => Value::Map(entries(base, over)),
        (Value::List(base), Value::List(over)) => Value::List(append(base, over)),
        (Value::List(base), over @ Value::Scalar(_)) => {
            Value::List(append(base, vec![Node { value: over, at: at.clone(), tag }]))
        }
        (base @ Value::Scalar(_), Value::List(over)) => {
            Value::List(append(vec![Node { value: base, at: at.clone(), tag }], over))
        }
        (_, over) => over,
    };
    Node { value, at, tag }
}

/// Items of both lists; what is said twice is kept once. Lists that are too long are refused by
/// their readers later and not worth comparing.
fn append(mut base: Vec<Node>, over: Vec<Node>) -> Vec<Node> {
    let long = base.len() + over.len() > MAX_ITEMS;
    for item in over {
        if long || !base.iter().any(|known| known.same(&item)) {
            base.push(item);
        }
    }
    base
}

/// A list of `name=value` (or of names) as the mapping it stands for.
fn to_map(node: Node, separator: Option<char>) -> Node {
    let Value::List(items) = node.value else { return node };
    let entry = |item: Node| {
        let text = item.as_text().unwrap_or_default();
        let at = item.at.clone();
        match separator.and_then(|separator| text.split_once(separator)) {
            Some((key, value)) => {
                Entry { key: key.to_owned(), node: Node::text(value, at.clone()), at }
            }
            None => Entry { key: text.to_owned(), node: Node::new(Value::Null, at.clone()), at },
        }
    };
    // Items that are no text stay as they are, for the reader to complain about.
    if items.iter().any(|item| item.as_text().is_none()) {
        return Node { value: Value::List(items), ..node };
    }
    Node { value: Value::Map(items.into_iter().map(entry).collect()), ..node }
}

fn build(node: Node) -> Node {
    let Value::Scalar(_) = node.value else { return node };
    let (at, tag) = (node.at.clone(), node.tag);
    let entry = Entry { key: "context".to_owned(), at: at.clone(), node };
    Node { value: Value::Map(vec![entry]), at, tag }
}

fn targets(base: Node, over: Node) -> Node {
    let (Value::List(_), Value::List(_)) = (&base.value, &over.value) else { return over };
    let Value::List(mut items) = base.value else { return over };
    let Value::List(added) = over.value else { return Node { value: Value::List(items), ..over } };
    let long = items.len() + added.len() > MAX_ITEMS;
    for item in added {
        let same = |known: &&mut Node| !long && target(known) == target(&item);
        match items.iter_mut().find(same) {
            Some(known) => *known = item,
            None => items.push(item),
        }
    }
    Node { value: Value::List(items), at: over.at, tag: over.tag }
}

/// What an item is about: the place in the container, or else the name of what is put there.
fn target(item: &Node) -> &str {
    match item.as_text() {
        Some(text) => text.split(':').nth(1).unwrap_or(text),
        None => {
            let key = ["target", "source"].into_iter().find_map(|key| item.get(key)?.as_text());
            key.unwrap_or_default()
        }
    }
}
