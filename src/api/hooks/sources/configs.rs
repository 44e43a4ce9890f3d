//! Generated configuration as resources: what there is, and who has which version of it.

use super::{named, pick, row};
use crate::api::hooks::{Asked, Source};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::model::{id, registry};
use crate::process::configs::Status;

/// `configItems`.
pub const ITEMS: Source =
    Source { name: "configItems", list: list_items, get: get_item, write: None };
/// `configStatuses`.
pub const STATUSES: Source =
    Source { name: "configStatuses", list: list_statuses, get: get_status, write: None };
/// `configContents`.
pub const CONTENTS: Source =
    Source { name: "configContents", list: list_contents, get: get_content, write: None };

fn items(asked: &Asked<'_>) -> Vec<Resource> {
    let item = |name: &'static str| {
        let new = NewResource::new("configItem", String::new())
            .name(name)
            .with("sourceVersion", env!("CARGO_PKG_VERSION"));
        Resource { id: id::of_text(&["configItem", name]), ..row(new) }
    };
    asked.state.site.configs.all().iter().map(|own| item(own.name)).collect()
}

fn list_items(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, items(asked)))
}

fn get_item(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(items(asked), text))
}

fn status_id(item: &str, status: &Status) -> i64 {
    id::of_text(&["configItemStatus", item, &status.id.to_string()])
}

fn status(asked: &Asked<'_>, item: &'static str, status: &Status) -> Result<Resource> {
    let read = asked.read;
    let host = status.host_id.map(|id| read.get(id)).transpose()?.flatten();
    let of = read.get(status.id)?;
    let stack = of.as_ref().and_then(|of| of.int("stackId"));
    let mut new = NewResource::new("configItemStatus", String::new())
        .name(item)
        .with("agentId", host.and_then(|host| host.int("agentId")))
        .with("appliedUpdated", status.applied_at)
        .with("appliedVersion", status.applied.unwrap_or(0))
        .with("hostId", status.host_id)
        // Whatever changes is requested at once: it is what was asked for when somebody looks.
        .with("requestedUpdated", asked.state.clock.now_ms())
        .with("requestedVersion", status.requested)
        .with("resourceId", status.id)
        .with("resourceType", status.ty)
        .with("serviceId", status.service_id)
        .with("sourceVersion", env!("CARGO_PKG_VERSION"))
        .with("stackId", stack);
    new.account_id = status.account_id;
    Ok(Resource { id: status_id(item, status), ..row(new) })
}

fn statuses(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let mut found = Vec::new();
    for item in asked.state.site.configs.all() {
        for own in (item.look)(asked.read)? {
            found.push(status(asked, item.name, &own)?);
        }
    }
    Ok(found)
}

fn list_statuses(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, statuses(asked)?))
}

fn get_status(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(statuses(asked)?, text))
}

/// Who ought to have what, as programs of agents asked for it: the version that is and the one there is.
fn contents(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let mut found = Vec::new();
    for item in asked.state.site.configs.all() {
        for own in (item.look)(asked.read)? {
            let prefix = registry::lookup(own.ty).map_or("", |entry| entry.prefix.as_str());
            let shown = status(asked, item.name, &own)?;
            let name = format!("1cc!{}:{}", item.name, id::format(prefix, own.id));
            found.push(row(NewResource::new("configContent", String::new())
                .with("id", name)
                .with("agentId", shown.int("agentId"))
                .with("current", own.applied.map(|version| version.to_string()))
                .with("version", own.requested.to_string())));
        }
    }
    Ok(found)
}

fn list_contents(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, contents(asked)?))
}

fn get_content(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(contents(asked)?, text))
}
