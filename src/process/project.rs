//! Processes of accounts: an environment gets its networks, and takes everything in it along.

use serde_json::{Map, json};

use super::site::Site;
use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::{may_begin, native, start};
use crate::error::Result;
use crate::model::lifecycle::REMOVED;
use crate::model::resource::{NewResource, Resource};
use crate::model::schema::Source;
use crate::model::{id, registry};
use crate::store::{Query, Tx};

/// Docker's own networks, which every environment shows: (kind, name).
const DOCKER_NETWORKS: &[(&str, &str)] = &[
    ("dockerHost", "Docker Host Network Mode"),
    ("dockerNone", "Docker None Network Mode"),
    ("dockerContainer", "Docker Container Network Mode"),
    ("dockerBridge", "Docker Bridge Network Mode"),
];

/// What an environment owns, in the order it is taken down.
const OWNED: &[&str] = &["stack", "service", "instance", "volume", "network", "host"];

/// Rows looked at in one round of taking an environment down.
const ROUND: usize = 500;

/// How soon to look again whether what is being removed is gone, in milliseconds.
const LOOK_AGAIN_MS: i64 = 100;

/// Processes of `account`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "account.create",
        steps: &[Step { name: "equip", run: equip }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "account.deactivate",
        steps: &[Step { name: "chain", run: super::host::deactivated }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "account.remove",
        steps: &[Step { name: "clear", run: clear }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "account.upgrade",
        steps: &[Step { name: "version", run: upgrade }],
        tries: None,
        give_up: None,
    },
];

fn equip(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            if work.resource.kind == "project" && work.resource.int("defaultNetworkId").is_none() {
                networks(tx, &work.site, &work.resource)?;
                super::template::make(tx, &work.resource)?;
            }
            Ok(Next::Chain("activate", Map::new()))
        })
    })
}

/// Docker's networks and the environment's own, whose subnet is settled once there is a host.
fn networks(tx: &mut Tx<'_>, site: &Site, project: &Resource) -> Result<()> {
    for (kind, name) in DOCKER_NETWORKS {
        let network = NewResource::new("network", site.entropy.uuid())
            .kind(kind)
            .name(*name)
            .account(project.id)
            .state("active");
        tx.insert(network)?;
    }
    let uuid = site.entropy.uuid();
    let short: String = uuid.chars().take(8).collect();
    let network = NewResource::new("network", uuid)
        .kind("cni")
        .name("managed")
        .account(project.id)
        .with("engineName", format!("ranchette-{short}"))
        .with("hostPorts", true)
        .with("isDefault", true)
        .with("dns", json!(["169.254.169.250"]))
        .with("dnsSearch", json!(["rancher.internal"]));
    let network = super::create(tx, network, Map::new())?;
    tx.update(project.id, |row| {
        row.set("defaultNetworkId", network.id);
        Ok(())
    })?;
    Ok(())
}

/// An environment is as new as new ones are.
fn upgrade(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let version = tx.setting("account.version")?;
            tx.update(work.resource.id, |row| {
                row.set("version", version);
                Ok(())
            })?;
            Ok(Next::Finish)
        })
    })
}

fn clear(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(take_down) })
}

/// Starts the removal of whatever is left; the environment is gone when nothing is.
fn take_down(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    for ty in OWNED {
        let query =
            Query { ty, account_id: Some(work.resource.id), limit: ROUND, ..Default::default() };
        let left = tx.list(&query)?;
        for row in &left {
            remove(tx, row)?;
        }
        if !left.is_empty() {
            let message = format!("removing what is in it: {} {} left", left.len(), ty);
            return Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message });
        }
    }
    for member in tx.referrers("projectMember", "projectId", work.resource.id)? {
        super::retire(tx, member.id)?;
    }
    let external = id::format("a", work.resource.id);
    for member in tx.referrers_by_text("projectMember", "externalId", &external)? {
        super::retire(tx, member.id)?;
    }
    match rest(tx, work.resource.id)? {
        0 => Ok(Next::Finish),
        left => {
            let message = format!("removing what belongs to it: {left} left");
            Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message })
        }
    }
}

/// Keys, secrets, registries, preferences and whatever else belongs to the account and runs nowhere goes at
/// once; returns how many rows there may be left.
fn rest(tx: &mut Tx<'_>, account_id: i64) -> Result<usize> {
    for entry in registry::registry().all() {
        let own = entry.ty.source == Source::Resource && entry.ty.lifecycle.is_some();
        if !own || entry.is_child() || OWNED.contains(&entry.ty.name) || entry.ty.name == "account"
        {
            continue;
        }
        let query = Query {
            ty: entry.ty.name,
            account_id: Some(account_id),
            limit: ROUND,
            ..Default::default()
        };
        let rows = tx.list(&query)?;
        for row in &rows {
            bury(tx, row.id)?;
        }
        if rows.len() == ROUND {
            return Ok(ROUND);
        }
    }
    Ok(0)
}

/// Ends whatever a row is doing, and takes it the shortest way to its removal.
///
/// # Errors
/// When the database fails.
pub fn bury(tx: &mut Tx<'_>, id: i64) -> Result<()> {
    tx.process_supersede(id)?;
    super::retire(tx, id)?;
    let now = tx.now;
    tx.update(id, |row| {
        // From a state that no transition leads on from; nobody is left who could act on it.
        if row.removed.is_none() {
            row.removed = Some(now);
            REMOVED.clone_into(&mut row.state);
        }
        Ok(())
    })?;
    Ok(())
}

/// Starts a row's removal by whatever way its state allows. A container that somebody else runs stays: what
/// goes is only its row, and at once.
pub fn remove(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    if row.flag(native::NATIVE) {
        return native::let_go(tx, row);
    }
    if may_begin(row, "remove") {
        start(tx, row.id, "remove", Map::new())?;
    } else if may_begin(row, "stop") {
        start(tx, row.id, "stop", super::object(json!({ "remove": true })))?;
    } else if may_begin(row, "deactivate") {
        start(tx, row.id, "deactivate", super::object(json!({ "remove": true })))?;
    }
    Ok(())
}
