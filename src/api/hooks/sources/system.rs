//! The server and its database, as resources for administrators.

use serde_json::json;

use super::{named, pick, row};
use crate::api::hooks::{Asked, Source};
use crate::api::json::parse_date;
use crate::auth::seed;
use crate::error::Result;
use crate::model::id;
use crate::model::resource::{NewResource, Resource};
use crate::store::Migration;

/// `migrations`.
pub const MIGRATIONS: Source =
    Source { name: "migrations", list: list_migrations, get: get_migration, write: None };
/// `databaseLocks`.
pub const LOCKS: Source =
    Source { name: "databaseLocks", list: list_locks, get: get_lock, write: None };
/// `members`.
pub const MEMBERS: Source =
    Source { name: "members", list: list_members, get: get_member, write: None };
/// `data`.
pub const FACTS: Source = Source { name: "data", list: list_facts, get: get_fact, write: None };

/// Facts that say nothing a superadmin may not read. Of others only the name is shown.
const OPEN_FACTS: &[&str] = &[seed::SERVER];

fn migration(index: usize, migration: Migration) -> Resource {
    let Migration { version, name, applied, checksum } = migration;
    let new = NewResource::new("databasechangelog", String::new())
        .with("author", "ranchette")
        .with("dateexecuted", parse_date(&applied))
        .with("description", name.replace('_', " "))
        .with("exectype", "EXECUTED")
        .with("filename", format!("V{version}__{name}.sql"))
        .with("md5sum", checksum)
        .with("orderexecuted", index + 1);
    Resource { id: version, ..row(new) }
}

fn migrations(asked: &Asked<'_>) -> Result<impl Iterator<Item = Resource>> {
    let ran = asked.read.migrations()?;
    Ok(ran.into_iter().enumerate().map(|(index, ran)| migration(index, ran)))
}

fn list_migrations(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, migrations(asked)?))
}

fn get_migration(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(migrations(asked)?, text))
}

/// The one lock: a server has the database for itself from its start to its end.
fn lock(asked: &Asked<'_>) -> Resource {
    let node = &asked.state.site.node;
    let new = NewResource::new("databasechangeloglock", String::new())
        .with("locked", true)
        .with("lockedby", format!("{} (process {})", node.hostname, node.process))
        .with("lockgranted", node.started);
    Resource { id: 1, ..row(new) }
}

fn list_locks(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, [lock(asked)]))
}

fn get_lock(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named([lock(asked)], text))
}

/// This node, which is all of the cluster.
fn member(asked: &Asked<'_>) -> Result<Resource> {
    let site = &asked.state.site;
    let uuid = asked.read.fact(seed::SERVER)?.unwrap_or_default();
    let config = json!({
        "hostname": site.node.hostname,
        "process": site.node.process,
        "started": site.node.started,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let new = NewResource::new("clusterMembership", uuid)
        .name(site.node.hostname.clone())
        .with("clustered", false)
        .with("config", config.to_string())
        .with("heartbeat", site.clock.now_ms());
    Ok(Resource { id: 1, ..row(new) })
}

fn list_members(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, [member(asked)?]))
}

fn get_member(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named([member(asked)?], text))
}

fn facts(asked: &Asked<'_>) -> Result<impl Iterator<Item = Resource>> {
    let facts = asked.read.facts()?;
    Ok(facts.into_iter().map(|(name, value)| {
        let visible = OPEN_FACTS.contains(&name.as_str());
        let id = id::of_text(&["data", &name]);
        let new = NewResource::new("data", String::new())
            .name(name)
            .with("value", visible.then_some(value))
            .with("visible", visible);
        Resource { id, ..row(new) }
    }))
}

fn list_facts(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, facts(asked)?))
}

fn get_fact(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    let wanted = id::parse(text);
    Ok(facts(asked)?.find(|fact| Some(fact.id) == wanted || fact.name.as_deref() == Some(text)))
}
