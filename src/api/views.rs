//! What a role sees of every type in a dialect, worked out once: fields with their JSON keys, links,
//! actions, filters. Requests only look things up here; nothing is cloned per request.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::dialect::{self, Dialect, Version};
use super::hooks;
use crate::auth::Role;
use crate::auth::policy::{self, Verb};
use crate::model::registry::{self, Entry};
use crate::model::schema::{Action, Default, Field, Kind, Link, Source};

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

const ROLES: [Role; 11] = [
    Role::Superadmin,
    Role::Admin,
    Role::Service,
    Role::ReadAdmin,
    Role::User,
    Role::Owner,
    Role::Member,
    Role::Restricted,
    Role::ReadOnly,
    Role::Project,
    Role::Token,
];

/// What a role sees in a version of the API.
pub fn views(version: Version, role: Role) -> &'static Views {
    static CACHE: [[OnceLock<Views>; ROLES.len()]; 2] =
        [const { [const { OnceLock::new() }; ROLES.len()] }; 2];
    static NOTHING: OnceLock<Views> = OnceLock::new();
    let slot = ROLES
        .iter()
        .position(|known| *known == role)
        .and_then(|index| CACHE.get(version.index()).and_then(|row| row.get(index)));
    match slot {
        Some(slot) => slot.get_or_init(|| Views::new(version.dialect(), role)),
        None => NOTHING.get_or_init(|| Views::new(version.dialect(), Role::Token)),
    }
}

/// The id prefix that references to a type carry in a dialect.
fn reference_prefix(ty: &str) -> &'static str {
    registry::lookup(ty).map_or("", |entry| entry.prefix.as_str())
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

    /// The type a row is shown as: its kind, when that is a type below its base type, else that.
    pub fn of_row(&self, base: &str, kind: &str) -> Option<&View> {
        self.of_type(kind).filter(|view| view.entry.base == base).or_else(|| self.of_type(base))
    }
}

/// `,"name":`
fn key(name: &str) -> Box<[u8]> {
    format!(",\"{name}\":").into_bytes().into_boxed_slice()
}

impl View {
    fn new(
        dialect: &'static Dialect,
        role: Role,
        entry: &'static Entry,
        sees: &dyn Fn(&str) -> bool,
    ) -> Self {
        let ty = entry.ty;
        let words = dialect.words(ty.name);
        let plural = words.map_or(ty.plural, |words| words.plural);
        let parent = ty.parent.filter(|parent| sees(parent));
        let fields = fields(dialect, role, entry);
        let by_name = fields.iter().enumerate().map(|(index, field)| (field.name, index)).collect();
        Self {
            entry,
            name: words.map_or(ty.name, |words| words.name),
            plural,
            path: plural.to_ascii_lowercase(),
            prefix: words.and_then(|words| words.prefix).unwrap_or(entry.prefix.as_str()),
            base_type: parent.map_or_else(
                || words.map_or(ty.name, |words| words.name),
                |parent| dialect.words(parent).map_or(parent, |words| words.name),
            ),
            links: links(dialect, role, entry, sees),
            actions: actions(role, entry),
            filters: filters(entry, &fields),
            fields,
            by_name,
            links_every_type: hooks::LINKS_EVERY_TYPE.contains(&ty.name),
        }
    }

    /// The shown field of this name.
    pub fn field(&self, name: &str) -> Option<&FieldView> {
        self.by_name.get(name).and_then(|index| self.fields.get(*index))
    }

    /// Whether the type has collections at all.
    pub fn is_listed(&self, role: Role) -> bool {
        self.entry.ty.source != Source::Value && policy::may(role, self.entry, Verb::List)
    }
}

fn fields(dialect: &'static Dialect, role: Role, entry: &'static Entry) -> Vec<FieldView> {
    let words = dialect.words(entry.ty.name);
    let hidden = words.map_or(&[][..], |words| words.hidden);
    let mut fields: Vec<FieldView> = entry
        .ty
        .all_fields()
        .filter(|field| policy::may_read(role, entry, field))
        .filter(|field| !hidden.contains(&field.name))
        .map(|field| FieldView::new(field.name, field, shape(&field.kind, field)))
        .collect();
    for (name, field, prefix) in words.map_or(&[][..], |words| words.also) {
        if let Some(field) = entry.field(field)
            && policy::may_read(role, entry, field)
        {
            fields.push(FieldView::new(name, field, Shape::Id(prefix)));
        }
    }
    let computers = hooks::COMPUTERS.iter().filter(|computer| computer.ty == entry.base);
    for field in
        computers.filter(|own| dialect.newer_fields || !own.newer).flat_map(|own| own.unlisted)
    {
        let shape = shape(&field.kind, field);
        fields.push(FieldView::new(field.name, field, shape));
    }
    fields.sort_by_key(|field| match field.name {
        "name" => (0, field.name),
        "state" => (1, field.name),
        other => (2, other),
    });
    fields
}

impl FieldView {
    fn new(name: &'static str, field: &'static Field, shape: Shape) -> Self {
        Self {
            name,
            field,
            key: key(name),
            twin: (field.kind == Kind::Date).then(|| key(&format!("{name}TS"))),
            place: place(field.name),
            shape,
        }
    }
}

fn place(field: &'static str) -> Place {
    match field {
        "accountId" => Place::Account,
        "created" => Place::Created,
        "id" => Place::Id,
        "kind" => Place::Kind,
        "name" => Place::Name,
        "removed" => Place::Removed,
        "state" => Place::State,
        "transitioning" => Place::Transitioning,
        "transitioningMessage" => Place::Message,
        "uuid" => Place::Uuid,
        _ => Place::Data(field),
    }
}

fn shape(kind: &Kind, field: &Field) -> Shape {
    match kind {
        Kind::String | Kind::Password | Kind::Blob | Kind::Enum => Shape::Text,
        Kind::Int | Kind::Float => Shape::Number,
        Kind::Boolean => Shape::Flag(match field.default {
            Default::Bool(value) if !field.nullable => Some(value),
            Default::None | Default::Str(_) | Default::Int(_) | Default::Bool(_) => {
                (!field.nullable).then_some(false)
            }
        }),
        Kind::Date => Shape::Date,
        Kind::Json => Shape::Json,
        Kind::Reference(ty) => Shape::Id(reference_prefix(ty)),
        Kind::Array(kind) => Shape::List(Box::new(shape(kind, field))),
        Kind::Map(kind) => Shape::Map(Box::new(shape(kind, field))),
        Kind::Object(ty) => Shape::Object(ty),
    }
}

fn links(
    dialect: &'static Dialect,
    role: Role,
    entry: &'static Entry,
    sees: &dyn Fn(&str) -> bool,
) -> Vec<LinkView> {
    let renamed = dialect.words(entry.ty.name).map_or(&[][..], |words| words.links);
    let hidden = dialect.words(entry.ty.name).map_or(&[][..], |words| words.hidden);
    let shown = |link: &Link| match link {
        Link::Ref { field, to, .. } => {
            let readable = entry.field(field).is_some_and(|f| policy::may_read(role, entry, f));
            readable && !hidden.contains(field) && sees(to)
        }
        Link::Child { of: ty, .. } | Link::Map { to: ty, .. } => {
            sees(ty) && registry::lookup(ty).is_some_and(|to| policy::may(role, to, Verb::List))
        }
        Link::Computed { name } => hooks::link_handler(entry, name).is_some(),
    };
    let mut views: Vec<LinkView> = entry
        .ty
        .links
        .iter()
        .filter(|link| shown(link))
        .map(|link| {
            let name = renamed
                .iter()
                .find(|word| word.0 == link.name())
                .map_or(link.name(), |word| word.1);
            LinkView {
                name,
                key: format!(",\"{name}\":\"").into_bytes().into_boxed_slice(),
                path: name.to_ascii_lowercase(),
                link,
            }
        })
        .collect();
    views.sort_by_key(|link| link.name);
    views
}

fn actions(role: Role, entry: &'static Entry) -> Vec<ActionView> {
    let mut actions: Vec<ActionView> = entry
        .ty
        .actions
        .iter()
        .filter(|action| policy::may_act(role, entry, action))
        .map(|action| ActionView {
            action,
            handled: hooks::action_handler(entry, action.name).is_some(),
        })
        .collect();
    actions.sort_by_key(|view| view.action.name);
    actions
}

fn filters(entry: &'static Entry, fields: &[FieldView]) -> Vec<FilterView> {
    if entry.ty.source == Source::Value || dialect::WITHOUT_FILTERS.contains(&entry.ty.name) {
        return Vec::new();
    }
    let mut filters: Vec<FilterView> = fields
        .iter()
        .filter(|view| !view.field.read_on_create_only && !view.field.input_only)
        .filter_map(|view| {
            let kind = filter_kind(entry, view)?;
            Some(FilterView { name: view.name, field: view.field.name, kind })
        })
        .collect();
    filters.sort_by_key(|filter| filter.name);
    filters
}

/// How a field can be filtered by; `None` for what Rancher keeps inside a row's JSON.
fn filter_kind(entry: &Entry, view: &FieldView) -> Option<FilterKind> {
    let name = view.field.name;
    let is_column = !dialect::NOT_COLUMNS.contains(&name)
        && !dialect::NOT_COLUMNS_OF.contains(&(entry.base, name));
    if !is_column {
        return None;
    }
    match view.field.kind {
        Kind::String => view.field.max_length.map(|_| FilterKind::Text),
        Kind::Enum => Some(FilterKind::Word),
        Kind::Int if name == "id" => Some(FilterKind::Id),
        Kind::Int | Kind::Float => Some(FilterKind::Number),
        Kind::Boolean => Some(FilterKind::Flag),
        Kind::Date => Some(FilterKind::Date),
        Kind::Reference(_) => Some(FilterKind::Reference),
        Kind::Password
        | Kind::Blob
        | Kind::Json
        | Kind::Array(_)
        | Kind::Map(_)
        | Kind::Object(_) => None,
    }
}
