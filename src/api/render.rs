//! Rows to JSON, straight into a byte buffer, as one role sees them in one dialect.

use serde_json::{Map, Value};

use super::views::{FieldView, LinkView, Place, Shape, View, Views, views};
use super::{hooks, json};
use crate::auth::access;
use crate::model::id;
use crate::model::lifecycle::Lifecycle;
use crate::model::resource::Resource;
use crate::model::schema::{Action, Link};

/// How ids are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// `1st5`.
    Formatted,
    /// `5`, for callers that ask for it and may.
    Plain,
}

/// How a request wants resources written.
pub struct Renderer<'a> {
    /// What the caller sees.
    pub views: &'a Views,
    /// Scheme, host and version: `http://host/v2-beta`.
    pub root: &'a str,
    /// The same with the environment acted in, where the URL names it.
    pub base: &'a str,
    /// How ids are written.
    pub ids: Ids,
    /// `actions`, or `actionLinks` for clients that ask for it.
    pub actions_key: &'static str,
}

/// What is written with a single resource besides its row.
#[derive(Default)]
pub struct Extras {
    /// Values shown this once: secrets in the answer to a create.
    pub reveal: Map<String, Value>,
    /// Linked resources to embed: link name and JSON.
    pub included: Vec<(&'static str, Vec<u8>)>,
}

/// Text shown while a process that has said nothing yet runs.
const IN_PROGRESS: &str = "In Progress";

/// What `transitioning` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transitioning {
    Yes,
    No,
    Error,
}

fn transitioning(lifecycle: Option<&Lifecycle>, row: &Resource) -> Transitioning {
    if row.str("transitioning") == Some("error") {
        return Transitioning::Error;
    }
    match lifecycle {
        Some(lifecycle) if lifecycle.is_transitioning(&row.state) => Transitioning::Yes,
        _ => Transitioning::No,
    }
}

/// Whether an action is offered on a row: its states, else those its transition begins in.
pub fn is_offered(view: &View, row: &Resource, action: &Action) -> bool {
    let Some(own) = view.actions.iter().find(|own| own.action.name == action.name) else {
        return false;
    };
    // A row is born by `create`; offering it again would mean nothing.
    if action.name == "create" || is_denied(row, action) {
        return false;
    }
    let transition = view.entry.ty.lifecycle.and_then(|own| own.transition(action.name));
    // What nobody does is not offered.
    if !own.handled && transition.is_none() {
        return false;
    }
    if !action.states.is_empty() {
        return action.states.contains(&row.state.as_str());
    }
    match transition {
        Some(transition) => transition.via(&row.state).is_some(),
        None => row.removed.is_none(),
    }
}

/// Whether a guard has taken the action off the row. Logs are for everyone who sees the row.
fn is_denied(row: &Resource, action: &Action) -> bool {
    let mut denied = row.list(hooks::DENIED).iter().filter_map(|name| name.as_str());
    action.name != "logs" && denied.any(|name| name == hooks::EVERY_ACTION || name == action.name)
}

impl<'a> Renderer<'a> {
    /// The view a row is shown through; `None` when the role does not see its type.
    pub fn view_of(&self, row: &Resource) -> Option<&'a View> {
        self.views.of_row(row.ty, &row.kind)
    }

    /// Writes a row's id as it stands in URLs and `id`.
    pub fn id_of(&self, view: &View, row: &Resource) -> String {
        match row.str("id") {
            Some(text) => text.to_owned(),
            None if self.ids == Ids::Plain => row.id.to_string(),
            None => id::format(view.prefix, row.id),
        }
    }

    /// The URL of a row.
    pub fn url_of(&self, view: &View, row: &Resource) -> String {
        let id = self.id_of(view, row).to_ascii_lowercase();
        format!("{}/{}/{id}", self.base, view.path)
    }

    /// Writes a resource.
    pub fn resource(&self, out: &mut Vec<u8>, view: &View, row: &Resource, extras: &Extras) {
        let id = self.id_of(view, row);
        let url = format!("{}/{}/{}", self.base, view.path, id.to_ascii_lowercase());
        out.extend_from_slice(b"{\"id\":");
        json::text(out, &id);
        out.extend_from_slice(b",\"type\":");
        // Few rows are shown as another type than the one they are listed under.
        json::text(out, row.str("type").unwrap_or(view.name));
        self.links(out, view, row, &url);
        self.actions(out, view, row, &url);
        out.extend_from_slice(b",\"baseType\":");
        json::text(out, view.base_type);
        self.fields(out, view, row, extras);
        for (name, included) in &extras.included {
            out.extend_from_slice(b",");
            json::text(out, name);
            out.extend_from_slice(b":");
            out.extend_from_slice(included);
        }
        out.push(b'}');
    }

    fn fields(&self, out: &mut Vec<u8>, view: &View, row: &Resource, extras: &Extras) {
        let absent = &view.absent;
        let mut values: Vec<Option<&Value>> = vec![None; view.fields.len()];
        for (name, value) in row.data.iter().filter(|(_, value)| !value.is_null()) {
            let slot = absent.stored.get(name.as_str()).and_then(|index| values.get_mut(*index));
            if let Some(slot) = slot {
                *slot = Some(value);
            }
        }
        for (first, second) in &absent.twice {
            let value = values.get(*first).copied().flatten();
            if let Some(slot) = values.get_mut(*second) {
                *slot = value;
            }
        }
        let mut copied = 0;
        for ((field, value), (begin, end)) in view.fields.iter().zip(values).zip(&absent.places) {
            let stored = matches!(field.place, Place::Data(_));
            let revealed = extras.reveal.contains_key(field.name);
            let hidden = field.once && !revealed;
            if stored && (value.is_none() || hidden) && !revealed {
                continue;
            }
            out.extend_from_slice(absent.json.get(copied..*begin).unwrap_or_default());
            copied = *end;
            match (field.place, value) {
                (Place::Data(_), Some(value)) if !field.once => {
                    match extras.reveal.get(field.name) {
                        Some(secret) => revealed_value(out, field, secret),
                        None => self.data(out, field, Some(value)),
                    }
                }
                _ => self.field(out, view, row, field, extras),
            }
        }
        out.extend_from_slice(absent.json.get(copied..).unwrap_or_default());
    }

    fn links(&self, out: &mut Vec<u8>, view: &View, row: &Resource, url: &str) {
        out.extend_from_slice(b",\"links\":{\"self\":");
        json::text(out, url);
        let inside = view.links_every_type.then(|| self.views_inside());
        let leads = |link: &LinkView| match (inside, link.link) {
            // The links of an environment are collections inside it.
            (Some(there), Link::Child { of, .. }) => {
                there.of_type(of).is_some_and(|listed| listed.is_listed(there.role))
            }
            _ => has_target(link, row),
        };
        for link in view.links.iter().filter(|link| leads(link)) {
            out.extend_from_slice(&link.key);
            out.extend_from_slice(url.as_bytes());
            out.push(b'/');
            out.extend_from_slice(link.path.as_bytes());
            out.push(b'"');
        }
        if let Some(there) = inside {
            self.type_links(out, view, row, there);
        }
        out.push(b'}');
    }

    /// What the caller will see inside an environment.
    fn views_inside(&self) -> &'static Views {
        views(self.views.dialect.version, access::usual_role_inside(self.views.role))
    }

    /// One link for each type that is listed inside the environment that the row is.
    fn type_links(&self, out: &mut Vec<u8>, view: &View, row: &Resource, there: &Views) {
        let inside = format!("{}/{}/{}/", self.root, view.path, self.id_of(view, row));
        for listed in there.all() {
            let taken = view.links.iter().any(|link| link.name == listed.plural);
            if taken || !listed.is_listed(there.role) {
                continue;
            }
            out.push(b',');
            json::text(out, listed.plural);
            out.extend_from_slice(b":\"");
            out.extend_from_slice(inside.as_bytes());
            out.extend_from_slice(listed.path.as_bytes());
            out.push(b'"');
        }
    }

    fn actions(&self, out: &mut Vec<u8>, view: &View, row: &Resource, url: &str) {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(self.actions_key.as_bytes());
        out.extend_from_slice(b"\":{");
        let mut first = true;
        for own in &view.actions {
            if !is_offered(view, row, own.action) {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            json::text(out, own.action.name);
            out.extend_from_slice(b":\"");
            out.extend_from_slice(url.as_bytes());
            out.extend_from_slice(b"/?action=");
            out.extend_from_slice(own.action.name.as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
    }

    fn field(
        &self,
        out: &mut Vec<u8>,
        view: &View,
        row: &Resource,
        field: &FieldView,
        extras: &Extras,
    ) {
        if field.place == Place::Id || field.field.input_only {
            return;
        }
        if field.once {
            match extras.reveal.get(field.name) {
                Some(secret) => revealed_value(out, field, secret),
                None => {
                    out.extend_from_slice(&field.key);
                    out.extend_from_slice(b"null");
                }
            }
            return;
        }
        if let Place::Data(name) = field.place {
            return self.data(out, field, row.data.get(name));
        }
        out.extend_from_slice(&field.key);
        match field.place {
            Place::Account => self.reference(out, &field.shape, row.account_id),
            Place::Created => date(out, field, (row.created > 0).then_some(row.created)),
            Place::Kind => json::text(out, self.views.dialect.name(&row.kind)),
            Place::Name => optional_text(out, row.name.as_deref()),
            Place::Removed => date(out, field, row.removed),
            Place::State => json::text(out, &row.state),
            Place::Transitioning | Place::Message => transition(out, view, row, field.place),
            Place::Uuid => json::text(out, &row.uuid),
            Place::Id | Place::Data(_) => {}
        }
    }

    fn reference(&self, out: &mut Vec<u8>, shape: &Shape, target: Option<i64>) {
        match (target, shape, self.ids) {
            (Some(target), Shape::Id(prefix), Ids::Formatted) => json::id(out, prefix, target),
            (Some(target), _, _) => {
                out.push(b'"');
                json::int(out, target);
                out.push(b'"');
            }
            (None, _, _) => out.extend_from_slice(b"null"),
        }
    }

    fn data(&self, out: &mut Vec<u8>, field: &FieldView, value: Option<&Value>) {
        out.extend_from_slice(&field.key);
        match (&field.shape, value.filter(|value| !value.is_null())) {
            (Shape::Date, value) => date(out, field, value.and_then(Value::as_i64)),
            (Shape::Flag(Some(default)), None) => {
                out.extend_from_slice(if *default { b"true" } else { b"false" });
            }
            (_, None) => out.extend_from_slice(b"null"),
            (shape, Some(value)) => self.value(out, shape, value),
        }
    }

    /// Writes a stored value in its shape. A value of another shape is written as it is: a client that
    /// finds text where it expects a number says so, and nothing is lost.
    pub fn value(&self, out: &mut Vec<u8>, shape: &Shape, value: &Value) {
        match (shape, value) {
            (Shape::Text, Value::Number(number)) => json::text(out, &number.to_string()),
            (Shape::Text, Value::Bool(flag)) => json::text(out, &flag.to_string()),
            (Shape::Id(_), Value::Number(number)) => self.reference(out, shape, number.as_i64()),
            (Shape::Date, Value::Number(number)) => match number.as_i64() {
                Some(ms) => json::date(out, ms),
                None => json::value(out, value),
            },
            (Shape::List(shape), Value::Array(items)) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.value(out, shape, item);
                }
                out.push(b']');
            }
            (Shape::Map(shape), Value::Object(items)) => {
                out.push(b'{');
                for (index, (name, item)) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    json::text(out, name);
                    out.push(b':');
                    self.value(out, shape, item);
                }
                out.push(b'}');
            }
            (Shape::Object(ty), Value::Object(items)) => self.object(out, ty, items),
            (Shape::Blank, value) => json::value(out, &json::blank(value)),
            _ => json::value(out, value),
        }
    }

    /// Writes an object inside a resource: what is stored of it, field by field, with its `type`.
    fn object(&self, out: &mut Vec<u8>, ty: &'static str, items: &Map<String, Value>) {
        let Some(view) = self.views.of_type(ty) else {
            // The role does not see the type: nothing of it is shown.
            out.extend_from_slice(b"null");
            return;
        };
        out.extend_from_slice(b"{\"type\":");
        json::text(out, view.name);
        for (name, value) in items {
            let Some(declared) = view.entry.field(name) else {
                if name != "type" {
                    out.push(b',');
                    json::text(out, name);
                    out.push(b':');
                    json::value(out, value);
                }
                continue;
            };
            if let Some(field) = view.field(name)
                && !declared.input_only
                && name != "type"
            {
                self.data(out, field, Some(value));
            }
        }
        out.push(b'}');
    }
}

fn has_target(link: &LinkView, row: &Resource) -> bool {
    match link.link {
        Link::Ref { field: "accountId", .. } => row.account_id.is_some(),
        Link::Ref { field, .. } => row.data.get(*field).is_some_and(|target| !target.is_null()),
        Link::Computed { .. } if !link.from.is_empty() => {
            row.data.get(link.from).is_some_and(|from| !from.is_null())
        }
        Link::Child { .. } | Link::Map { .. } | Link::Many { .. } | Link::Computed { .. } => true,
    }
}

fn optional_text(out: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(value) => json::text(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// Writes a secret in the answer to its create.
fn revealed_value(out: &mut Vec<u8>, field: &FieldView, secret: &Value) {
    out.extend_from_slice(&field.key);
    json::value(out, secret);
}

fn date(out: &mut Vec<u8>, field: &FieldView, ms: Option<i64>) {
    let Some(ms) = ms else {
        out.extend_from_slice(b"null");
        if let Some(twin) = &field.twin {
            out.extend_from_slice(twin);
            out.extend_from_slice(b"null");
        }
        return;
    };
    json::date(out, ms);
    if let Some(twin) = &field.twin {
        out.extend_from_slice(twin);
        json::int(out, ms);
    }
}

fn transition(out: &mut Vec<u8>, view: &View, row: &Resource, place: Place) {
    let now = transitioning(view.entry.ty.lifecycle, row);
    if place == Place::Transitioning {
        json::text(
            out,
            match now {
                Transitioning::Yes => "yes",
                Transitioning::No => "no",
                Transitioning::Error => "error",
            },
        );
        return;
    }
    match row.str("transitioningMessage") {
        Some(message) if now != Transitioning::No => json::text(out, message),
        None if now == Transitioning::Yes => json::text(out, IN_PROGRESS),
        _ => out.extend_from_slice(b"null"),
    }
}

#[cfg(test)]
mod tests;
