//! The table of all resource types, built once from `types/`.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::id;
use super::schema::{Field, Type};
use super::types;

/// A type with what is derived from it.
#[derive(Debug)]
pub struct Entry {
    /// The declaration.
    pub ty: &'static Type,
    /// Name of the root of its parent chain, under which its rows are stored.
    pub base: &'static str,
    /// Id prefix of its rows.
    pub prefix: String,
    /// Types that name it as parent, transitively, sorted.
    pub descendants: Vec<&'static str>,
    /// Names of the fields kept in the reference index.
    pub indexed: Vec<&'static str>,
    fields: HashMap<&'static str, &'static Field>,
}

impl Entry {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.get(name).copied()
    }

    /// Whether rows of this type are stored under another type's name.
    pub fn is_child(&self) -> bool {
        self.base != self.ty.name
    }
}

/// All types, by name.
#[derive(Debug)]
pub struct Registry {
    entries: Vec<Entry>,
    by_name: HashMap<&'static str, usize>,
    by_any_name: HashMap<String, usize>,
}

/// The registry.
pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::new(types::ALL))
}

/// The entry of a type that is known to exist, by its exact name.
pub fn lookup(name: &str) -> Option<&'static Entry> {
    registry().get(name)
}

impl Registry {
    fn new(groups: &[&'static [&'static Type]]) -> Self {
        let types: Vec<&'static Type> =
            groups.iter().flat_map(|group| group.iter().copied()).collect();
        let parents: HashMap<&str, Option<&'static str>> =
            types.iter().map(|ty| (ty.name, ty.parent)).collect();
        let mut entries: Vec<Entry> = types.iter().map(|ty| entry(ty, &types, &parents)).collect();
        entries.sort_by_key(|entry| entry.ty.name);
        let mut by_name = HashMap::new();
        let mut by_any_name = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            by_name.insert(entry.ty.name, index);
            by_any_name.insert(entry.ty.name.to_ascii_lowercase(), index);
            by_any_name.insert(entry.ty.plural.to_ascii_lowercase(), index);
        }
        Self { entries, by_name, by_any_name }
    }

    /// Every type, sorted by name.
    pub fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// A type by its exact name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).and_then(|index| self.entries.get(*index))
    }

    /// A type by its name or plural in any letter case, as URLs give it.
    pub fn by_any_name(&self, name: &str) -> Option<&Entry> {
        self.by_any_name
            .get(name.to_ascii_lowercase().as_str())
            .and_then(|index| self.entries.get(*index))
    }
}

fn base_of(name: &'static str, parents: &HashMap<&str, Option<&'static str>>) -> &'static str {
    let mut base = name;
    while let Some(Some(parent)) = parents.get(base) {
        base = parent;
    }
    base
}

fn entry(
    ty: &'static Type,
    types: &[&'static Type],
    parents: &HashMap<&str, Option<&'static str>>,
) -> Entry {
    let base = base_of(ty.name, parents);
    let base_type = types.iter().find(|other| other.name == base);
    let prefix = base_type
        .and_then(|base_type| base_type.prefix)
        .map_or_else(|| id::derived_prefix(base), str::to_owned);
    let mut descendants: Vec<_> = types
        .iter()
        .filter(|other| other.name != ty.name && is_below(other.name, ty.name, parents))
        .map(|other| other.name)
        .collect();
    descendants.sort_unstable();
    // Rows of a family share one index, so that a parent's query finds every child's rows.
    let mut indexed: Vec<_> = types
        .iter()
        .filter(|other| base_of(other.name, parents) == base)
        .flat_map(|other| other.all_fields())
        .filter(|field| field.indexed && field.name != "accountId")
        .map(|field| field.name)
        .collect();
    indexed.sort_unstable();
    indexed.dedup();
    let fields = ty.all_fields().map(|field| (field.name, field)).collect();
    Entry { ty, base, prefix, descendants, indexed, fields }
}

fn is_below(
    name: &'static str,
    ancestor: &str,
    parents: &HashMap<&str, Option<&'static str>>,
) -> bool {
    let mut current = name;
    while let Some(Some(parent)) = parents.get(current) {
        if *parent == ancestor {
            return true;
        }
        current = parent;
    }
    false
}
