//! People as resources, for choosing members: one's own, or found by name.

use super::row;
use crate::api::hooks::{Asked, Source};
use crate::auth::identities::{self, Identity, Match};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};

/// `identities`.
pub const SOURCE: Source = Source { name: "identities", list, get, write: None };

fn list(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let found = match (asked.params.get("all"), asked.params.get("name")) {
        (Some(part), _) => identities::search(asked.read, Match::Contains(part))?,
        (None, Some(name)) => identities::search(asked.read, Match::Exact(name))?,
        (None, None) => identities::own(asked.read, asked.caller)?,
    };
    Ok(found.iter().map(resource).collect())
}

/// Ids look like `1i!rancher_id:1a7`; the part before `!` may be missing.
fn get(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    let text = text.split_once('!').map_or(text, |(_, rest)| rest);
    Ok(identities::by_id(asked.read, text)?.as_ref().map(resource))
}

/// An identity as a resource.
pub fn resource(identity: &Identity) -> Resource {
    let mut new = NewResource::new("identity", String::new());
    new.data = identity.render();
    new.name = identity.name.clone().or_else(|| identity.login.clone());
    let id = new.data.get("id").and_then(|id| id.as_str()).map(|id| format!("1i!{id}"));
    row(new.with("id", id))
}
