//! How a view is worked out of a type's declaration, the policy and the dialect.

use super::{Absent, ActionView, FieldView, FilterKind, FilterView, LinkView, Place, Shape, View};
use crate::api::dialect::{self, Dialect};
use crate::api::hooks;
use crate::auth::Role;
use crate::auth::policy::{self, Verb};
use crate::model::registry::{self, Entry};
use crate::model::schema::{Default, Field, Kind, Link, Source};

/// The id prefix that references to a type carry in a dialect.
fn reference_prefix(ty: &str) -> &'static str {
    registry::lookup(ty).map_or("", |entry| entry.prefix.as_str())
}

/// `,"name":`
fn key(name: &str) -> Box<[u8]> {
    format!(",\"{name}\":").into_bytes().into_boxed_slice()
}

impl View {
    pub(super) fn new(
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
            absent: absent(&fields),
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
        .map(|field| FieldView {
            once: policy::shown_once(role, entry, field) && !field.blanked,
            ..FieldView::new(field.name, field, shape(&field.kind, field))
        })
        .collect();
    let extra = words.map_or(&[][..], |words| words.extra).iter();
    for field in extra.filter(|field| policy::may_read(role, entry, field)) {
        fields.push(FieldView::new(field.name, field, shape(&field.kind, field)));
    }
    for (name, field, prefix) in words.map_or(&[][..], |words| words.also) {
        if let Some(field) = entry.field(field)
            && policy::may_read(role, entry, field)
        {
            fields.push(FieldView::new(name, field, Shape::Id(prefix)));
        }
    }
    let computers = hooks::COMPUTERS
        .iter()
        .filter(|computer| computer.ty == entry.base || computer.ty == entry.ty.name);
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
            once: false,
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
    if field.blanked {
        return Shape::Blank;
    }
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

/// What absent fields are written as.
fn absent(fields: &[FieldView]) -> Absent {
    let mut absent = Absent::default();
    for (index, field) in fields.iter().enumerate() {
        let begin = absent.json.len();
        if let Place::Data(name) = field.place
            && !field.field.input_only
        {
            absent.json.extend_from_slice(&field.key);
            let json = match field.shape {
                Shape::Flag(default) => {
                    default.map_or("null", |flag| if flag { "true" } else { "false" })
                }
                Shape::Text
                | Shape::Number
                | Shape::Date
                | Shape::Json
                | Shape::Id(_)
                | Shape::List(_)
                | Shape::Map(_)
                | Shape::Object(_)
                | Shape::Blank => "null",
            };
            absent.json.extend_from_slice(json.as_bytes());
            if let Some(twin) = &field.twin {
                absent.json.extend_from_slice(twin);
                absent.json.extend_from_slice(b"null");
            }
            if let Some(first) = absent.stored.get(name) {
                absent.twice.push((*first, index));
            } else {
                absent.stored.insert(name, index);
            }
        }
        absent.places.push((begin, absent.json.len()));
    }
    absent
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
        Link::Child { of: ty, .. } | Link::Map { to: ty, .. } | Link::Many { to: ty, .. } => {
            sees(ty) && registry::lookup(ty).is_some_and(|to| policy::may(role, to, Verb::List))
        }
        Link::Computed { name } => hooks::link_handler(entry, name).is_some_and(|handler| {
            let trusted = matches!(role, Role::Superadmin | Role::Service);
            if hooks::SECRET_LINKS.contains(&(entry.ty.name, *name)) && !trusted {
                return false;
            }
            let mut actions = entry.ty.actions.iter().filter(|own| own.name == handler.needs);
            handler.needs.is_empty() || actions.any(|own| policy::may_act(role, entry, own))
        }),
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
                from: hooks::link_handler(entry, link.name()).map_or("", |handler| handler.from),
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
    if dialect::WITHOUT_FILTERS.contains(&entry.ty.name) {
        return Vec::new();
    }
    let mut filters: Vec<FilterView> = fields
        .iter()
        .filter(|view| !view.once && !view.field.input_only)
        .filter_map(|view| {
            let kind = filter_kind(view)?;
            Some(FilterView { name: view.name, field: view.field.name, kind })
        })
        .collect();
    filters.sort_by_key(|filter| filter.name);
    filters
}

/// How a field can be filtered by; `None` for what Rancher keeps inside a row's JSON.
fn filter_kind(view: &FieldView) -> Option<FilterKind> {
    if view.field.name == "id" {
        return Some(if view.field.kind == Kind::Int { FilterKind::Id } else { FilterKind::Text });
    }
    if !view.field.is_column() {
        return None;
    }
    match view.field.kind {
        Kind::String | Kind::Password | Kind::Blob => Some(FilterKind::Text),
        Kind::Enum => Some(FilterKind::Word),
        Kind::Int | Kind::Float => Some(FilterKind::Number),
        Kind::Boolean => Some(FilterKind::Flag),
        Kind::Date => Some(FilterKind::Date),
        Kind::Reference(_) => Some(FilterKind::Reference),
        Kind::Json | Kind::Array(_) | Kind::Map(_) | Kind::Object(_) => None,
    }
}
