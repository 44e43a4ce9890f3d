//! A row of the resource table: the columns every resource has, and its other fields as JSON.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::names::{PRIMARY_LAUNCH_CONFIG, label};

/// Fields by their API names. Copies share them until one is changed: a row is handed around far more often
/// than it is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields(Arc<Map<String, Value>>);

impl Deref for Fields {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Fields {
    fn deref_mut(&mut self) -> &mut Self::Target {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(Arc::new(fields))
    }
}

impl From<Fields> for Map<String, Value> {
    fn from(fields: Fields) -> Self {
        Arc::unwrap_or_clone(fields.0)
    }
}

/// A stored resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Numeric id, unique over all types.
    pub id: i64,
    /// Base type it is stored under (`instance`, never `container`).
    pub ty: &'static str,
    /// Concrete type or other kind (`container`).
    pub kind: String,
    /// Account or environment that owns it.
    pub account_id: Option<i64>,
    /// Name.
    pub name: Option<String>,
    /// Globally unique id, lower-case.
    pub uuid: String,
    /// State; changes only along a declared transition.
    pub state: String,
    /// Unix milliseconds.
    pub created: i64,
    /// Unix milliseconds at which it was soft-removed.
    pub removed: Option<i64>,
    /// Number of the last change to the row.
    pub revision: i64,
    /// Every other field by its API name; absent means `null`.
    pub data: Fields,
}

/// What a row is made of before it has an id.
#[derive(Clone, Debug)]
pub struct NewResource {
    /// Base type.
    pub ty: &'static str,
    /// Concrete type or other kind.
    pub kind: String,
    /// Owner.
    pub account_id: Option<i64>,
    /// Name.
    pub name: Option<String>,
    /// Globally unique id.
    pub uuid: String,
    /// First state.
    pub state: String,
    /// Every other field.
    pub data: Map<String, Value>,
}

impl NewResource {
    /// A row of type and kind `ty` in state `requested`.
    pub fn new(ty: &'static str, uuid: String) -> Self {
        Self {
            ty,
            kind: ty.to_owned(),
            account_id: None,
            name: None,
            uuid,
            state: super::lifecycle::REQUESTED.to_owned(),
            data: Map::new(),
        }
    }

    /// Sets the kind.
    pub fn kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// Sets the owner.
    pub fn account(mut self, account_id: i64) -> Self {
        self.account_id = Some(account_id);
        self
    }

    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the first state; for rows that are born by a transition or have no lifecycle.
    pub fn state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// Sets another field.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.data.insert(field.to_owned(), value.into());
        self
    }
}

impl From<NewResource> for Resource {
    /// The row as it is before the store has given it an id and a time: both are 0.
    fn from(new: NewResource) -> Self {
        Self {
            id: 0,
            ty: new.ty,
            kind: new.kind,
            account_id: new.account_id,
            name: new.name,
            uuid: new.uuid,
            state: new.state,
            created: 0,
            removed: None,
            revision: 0,
            data: new.data.into(),
        }
    }
}

impl Resource {
    /// A field as text, if it is text.
    pub fn str(&self, field: &str) -> Option<&str> {
        self.data.get(field).and_then(Value::as_str)
    }

    /// A field as integer, if it is one.
    pub fn int(&self, field: &str) -> Option<i64> {
        self.data.get(field).and_then(Value::as_i64)
    }

    /// A field as truth value; absent is `false`.
    pub fn flag(&self, field: &str) -> bool {
        self.data.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A field as object, if it is one.
    pub fn map(&self, field: &str) -> Option<&Map<String, Value>> {
        self.data.get(field).and_then(Value::as_object)
    }

    /// A field as list; absent is empty.
    pub fn list(&self, field: &str) -> &[Value] {
        self.data.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The text entries of a list field.
    pub fn strings(&self, field: &str) -> Vec<&str> {
        self.list(field).iter().filter_map(Value::as_str).collect()
    }

    /// A label's value.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.map("labels").and_then(|labels| labels.get(key)).and_then(Value::as_str)
    }

    /// Name of the sidekick's launch configuration that a container was made of; `None` for the primary's.
    pub fn sidekick_name(&self) -> Option<&str> {
        self.label(label::LAUNCH_CONFIG).filter(|name| *name != PRIMARY_LAUNCH_CONFIG)
    }

    /// Sets a field; `null` clears it.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        let value = value.into();
        if value.is_null() {
            self.data.shift_remove(field);
        } else {
            self.data.insert(field.to_owned(), value);
        }
    }

    /// The name, or the id for a row without one: for messages to people.
    pub fn display_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.id.to_string())
    }

    /// Records a failure that people see until the next transition.
    pub fn set_error(&mut self, message: &str) {
        self.set("transitioning", "error");
        self.set("transitioningMessage", message);
    }

    /// Records progress of the running transition.
    pub fn set_progress(&mut self, message: &str) {
        self.data.shift_remove("transitioning");
        self.set("transitioningMessage", message);
    }

    /// Forgets the message of the last transition.
    pub fn clear_message(&mut self) {
        for field in ["transitioning", "transitioningMessage", "transitioningProgress"] {
            self.data.shift_remove(field);
        }
    }
}
