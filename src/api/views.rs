//! What a role sees of every type in a dialect, worked out once: fields with their JSON keys, links,
//! actions, filters. Requests only look things up here; nothing is cloned per request.

mod build;

use std::collections::HashMap;
use std::sync::OnceLock;

use super::dialect::{Dialect, Version};
use crate::auth::Role;
use crate::auth::policy;
use crate::model::id;
use crate::model::registry::{self, Entry};
use crate::model::resource::Resource;
use crate::model::schema::{Action, Field, Link};

/// Every type that a role sees in a dialect.
pub struct Views {
    /// The dialect.
    pub dialect: &'static Dialect,
    /// The role.
    pub role: Role,
    views: Vec<View>,
    by_type: HashMap<&'static str, usize>,
    by_any_name: HashMap<String, usize>,
}

/// One type as a role sees it in a dialect.
pub struct View {
    /// The type.
    pub entry: &'static Entry,
    /// Name in the dialect.
    pub name: &'static str,
    /// Plural in the dialect.
    pub plural: &'static str,
    /// The plural as in URLs: lower case.
    pub path: String,
    /// Id prefix in the dialect.
    pub prefix: &'static str,
    /// Value of `baseType`.
    pub base_type: &'static str,
    /// Fields shown, in the order of a resource's JSON.
    pub fields: Vec<FieldView>,
    /// What the fields of a row without any value are written as.
    pub absent: Absent,
    /// Fields shown, by name: for objects inside other resources.
    pub by_name: HashMap<&'static str, usize>,
    /// Links shown, `self` apart.
    pub links: Vec<LinkView>,
    /// Actions that may be offered.
    pub actions: Vec<ActionView>,
    /// Fields that lists can be filtered and sorted by, by name.
    pub filters: Vec<FilterView>,
    /// Whether resources of it have one link for each type that is listed.
    pub links_every_type: bool,
}

/// The JSON of absent fields, in one piece: most fields of most rows are absent, and what lies between
/// two that are there is copied at once.
#[derive(Default)]
pub struct Absent {
    /// The JSON.
    pub json: Vec<u8>,
    /// Where each field of the view lies in it: begin and end. Fields that every row has lie nowhere.
    pub places: Vec<(usize, usize)>,
    /// Fields that are kept in the rows' JSON, by the name they have there.
    pub stored: HashMap<&'static str, usize>,
    /// Fields that are kept there and shown under a second name too: (the first, the second).
    pub twice: Vec<(usize, usize)>,
}

/// A field as shown.
pub struct FieldView {
    /// Name in the dialect.
    pub name: &'static str,
    /// The declaration.
    pub field: &'static Field,
    /// `,"name":`
    pub key: Box<[u8]>,
    /// `,"nameTS":` for dates.
    pub twin: Option<Box<[u8]>>,
    /// Where a row keeps it.
    pub place: Place,
    /// Shape of the value.
    pub shape: Shape,
    /// Shown only in the answer to the create.
    pub once: bool,
}

/// Where a row keeps a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `accountId`.
    Account,
    /// `created`.
    Created,
    /// `id`.
    Id,
    /// `kind`.
    Kind,
    /// `name`.
    Name,
    /// `removed`.
    Removed,
    /// `state`.
    State,
    /// `transitioning`: follows from the state.
    Transitioning,
    /// `transitioningMessage`.
    Message,
    /// `uuid`.
    Uuid,
    /// The JSON, under this name.
    Data(&'static str),
}

/// The shape of a value, with ids' prefixes resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Text; numbers and truth values become text.
    Text,
    /// A number.
    Number,
    /// A truth value; what stands for `null`.
    Flag(Option<bool>),
    /// Unix milliseconds, shown as text with a numeric twin.
    Date,
    /// Anything.
    Json,
    /// An id, with its prefix.
    Id(&'static str),
    /// A list.
    List(Box<Shape>),
    /// An object with values of one shape.
    Map(Box<Shape>),
    /// An object of a type.
    Object(&'static str),
    /// Secrets: only their shape is shown.
    Blank,
}

/// A link as shown.
pub struct LinkView {
    /// Name in the dialect.
    pub name: &'static str,
    /// `,"name":"`
    pub key: Box<[u8]>,
    /// Last segment of its URL.
    pub path: String,
    /// The declaration.
    pub link: &'static Link,
    /// The field without which the link leads nowhere; empty if that is for its handler to say.
    pub from: &'static str,
}

/// An action that may be offered.
pub struct ActionView {
    /// The declaration.
    pub action: &'static Action,
    /// Whether a handler of its own does it, rather than a transition.
    pub handled: bool,
}

/// A field that lists can be filtered by.
pub struct FilterView {
    /// Name in the dialect.
    pub name: &'static str,
    /// Name in the model.
    pub field: &'static str,
    /// Kind of values.
    pub kind: FilterKind,
}

/// Kinds of filtered values: each has its comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterKind {
    /// Text.
    Text,
    /// Numbers.
    Number,
    /// Instants.
    Date,
    /// The numeric `id`.
    Id,
    /// Truth values.
    Flag,
    /// Ids of other resources.
    Reference,
    /// States and other words: equal or not.
    Word,
}

impl FilterKind {
    /// The comparisons, as in `collectionFilters`.
    pub const fn modifiers(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["eq", "ne", "prefix", "like", "notlike", "null", "notnull"],
            Self::Number | Self::Date | Self::Id => {
                &["eq", "ne", "lt", "lte", "gt", "gte", "null", "notnull"]
            }
            Self::Flag | Self::Reference | Self::Word => &["eq", "ne", "null", "notnull"],
        }
    }
}

/// What a role sees in a version of the API.
pub fn views(version: Version, role: Role) -> &'static Views {
    static CACHE: [[OnceLock<Views>; Role::ALL.len()]; 2] =
        [const { [const { OnceLock::new() }; Role::ALL.len()] }; 2];
    static NOTHING: OnceLock<Views> = OnceLock::new();
    let slot = Role::ALL
        .iter()
        .position(|known| *known == role)
        .and_then(|index| CACHE.get(version.index()).and_then(|row| row.get(index)));
    match slot {
        Some(slot) => slot.get_or_init(|| Views::new(version.dialect(), role)),
        None => NOTHING.get_or_init(|| Views::new(version.dialect(), Role::Token)),
    }
}

impl Views {
    fn new(dialect: &'static Dialect, role: Role) -> Self {
        let sees = |name: &str| {
            !dialect.hidden.contains(&name)
                && registry::lookup(name).is_some_and(|entry| policy::sees(role, entry))
        };
        let mut views = Vec::new();
        for entry in registry::registry().all() {
            if sees(entry.ty.name) {
                views.push(View::new(dialect, role, entry, &sees));
            }
        }
        views.sort_by_key(|view| view.name);
        let mut by_type = HashMap::new();
        let mut by_any_name = HashMap::new();
        for (index, view) in views.iter().enumerate() {
            by_type.insert(view.entry.ty.name, index);
            by_any_name.insert(view.name.to_ascii_lowercase(), index);
            by_any_name.insert(view.path.clone(), index);
        }
        Self { dialect, role, views, by_type, by_any_name }
    }

    /// Every type, sorted by its name in the dialect.
    pub fn all(&self) -> &[View] {
        &self.views
    }

    /// A type by its name in the model.
    pub fn of_type(&self, ty: &str) -> Option<&View> {
        self.by_type.get(ty).and_then(|index| self.views.get(*index))
    }

    /// A type by its name or plural in the dialect, in any letter case.
    pub fn by_any_name(&self, name: &str) -> Option<&View> {
        self.by_any_name
            .get(name.to_ascii_lowercase().as_str())
            .and_then(|index| self.views.get(*index))
    }

    /// What a row is called in messages: its name where the role is shown it, else its id.
    pub fn called(&self, row: &Resource) -> String {
        match self.of_row(row.ty, &row.kind) {
            Some(view) if view.field("name").is_none() => id::format(view.prefix, row.id),
            Some(_) | None => row.display_name(),
        }
    }

    /// The type a row is shown as: its kind, when that is a type below its base type, else that.
    pub fn of_row(&self, base: &str, kind: &str) -> Option<&View> {
        self.of_type(kind).filter(|view| view.entry.base == base).or_else(|| self.of_type(base))
    }
}
