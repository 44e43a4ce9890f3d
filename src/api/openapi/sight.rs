//! What a document tells of: all that an administrator sees, inside environments and outside of them.

use std::collections::{BTreeMap, HashMap};

use crate::api::dialect::{Dialect, Version};
use crate::api::views::{ActionView, FieldView, FilterView, LinkView, View, views};
use crate::auth::policy::{self, Verb};
use crate::auth::{Role, access};
use crate::model::registry::Entry;
use crate::model::schema::Field;

/// Everything that is told of.
pub struct Sight {
    /// The dialect.
    pub dialect: &'static Dialect,
    roles: [Role; 2],
    types: Vec<Seen>,
    by_type: HashMap<&'static str, usize>,
}

/// A type as the roles together see it.
pub struct Seen {
    /// The type.
    pub entry: &'static Entry,
    /// Name in the dialect.
    pub name: &'static str,
    /// Plural in the dialect.
    pub plural: &'static str,
    /// The plural as in URLs.
    pub path: &'static str,
    /// Fields shown.
    pub fields: Vec<&'static FieldView>,
    /// Links shown.
    pub links: Vec<&'static LinkView>,
    /// Actions that may be offered.
    pub actions: Vec<&'static ActionView>,
    /// Fields that lists can be filtered by.
    pub filters: Vec<&'static FilterView>,
    /// Whether what follows its id in a URL may be any type.
    pub links_every_type: bool,
}

impl Seen {
    fn new(view: &'static View) -> Self {
        Self {
            entry: view.entry,
            name: view.name,
            plural: view.plural,
            path: &view.path,
            fields: view.fields.iter().collect(),
            links: view.links.iter().collect(),
            actions: view.actions.iter().collect(),
            filters: view.filters.iter().collect(),
            links_every_type: view.links_every_type,
        }
    }

    fn add(&mut self, view: &'static View) {
        add(&mut self.fields, &view.fields, |field| field.name);
        add(&mut self.links, &view.links, |link| link.name);
        add(&mut self.actions, &view.actions, |own| own.action.name);
        add(&mut self.filters, &view.filters, |filter| filter.name);
    }
}

/// Adds what is not there yet, by name.
fn add<T>(there: &mut Vec<&'static T>, more: &'static [T], name: fn(&T) -> &'static str) {
    for one in more {
        if !there.iter().any(|own| name(own) == name(one)) {
            there.push(one);
        }
    }
    there.sort_by_key(|one| name(one));
}

impl Sight {
    /// Of a version.
    pub fn new(version: Version) -> Self {
        let roles = [Role::Admin, access::usual_role_inside(Role::Admin)];
        let mut seen: BTreeMap<&'static str, Seen> = BTreeMap::new();
        for view in roles.into_iter().flat_map(|role| views(version, role).all()) {
            seen.entry(view.name).or_insert_with(|| Seen::new(view)).add(view);
        }
        let types: Vec<Seen> = seen.into_values().collect();
        let place = |(index, seen): (usize, &Seen)| (seen.entry.ty.name, index);
        let by_type = types.iter().enumerate().map(place).collect();
        Self { dialect: version.dialect(), roles, types, by_type }
    }

    /// Every type, by name.
    pub fn types(&self) -> &[Seen] {
        &self.types
    }

    /// A type by its name in the model.
    pub fn of_type(&self, ty: &str) -> Option<&Seen> {
        self.by_type.get(ty).and_then(|index| self.types.get(*index))
    }

    /// A type by its name or plural as in URLs.
    pub fn by_path(&self, path: &str) -> Option<&Seen> {
        self.types.iter().find(|seen| seen.path == path || seen.name.eq_ignore_ascii_case(path))
    }

    /// Whether a method of a type is for one of the roles.
    pub fn may(&self, seen: &Seen, verb: Verb) -> bool {
        self.roles.iter().any(|role| policy::may(*role, seen.entry, verb))
    }

    /// Whether a field may be given on create.
    pub fn may_create(&self, entry: &Entry, field: &Field) -> bool {
        self.roles.iter().any(|role| policy::may_create(*role, entry, field))
    }

    /// Whether a field may be changed.
    pub fn may_update(&self, entry: &Entry, field: &Field) -> bool {
        self.roles.iter().any(|role| policy::may_update(*role, entry, field))
    }
}
