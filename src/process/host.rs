//! Processes of hosts: coming up with a storage pool, and going with everything on them.

use serde_json::{Map, json};

use super::native::NATIVE;
use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use crate::error::Result;
use crate::model::names::label;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Condition, Op, Query, Read, Tx};

/// How soon to look again whether what is being removed is gone, in milliseconds.
const LOOK_AGAIN_MS: i64 = 100;

/// States of an agent that cannot be reached.
const LOST: &[&str] = &["disconnected", "disconnecting", "reconnecting"];
/// Marks a host that is removed while its machine cannot be reached: nothing on it is waited for.
pub const ABANDONED: &str = "abandoned";

/// The active hosts of an environment, or of all.
///
/// # Errors
/// When the database fails.
pub fn active(read: &Read<'_>, environment: Option<i64>) -> Result<Vec<Resource>> {
    let is_active = Condition { field: "state".to_owned(), op: Op::Eq, value: "active".into() };
    read.list(&Query {
        ty: "host",
        account_id: environment,
        conditions: vec![is_active],
        limit: usize::MAX >> 1,
        ..Query::default()
    })
}

/// Processes of `host`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "host.activate",
        steps: &[Step { name: "equip", run: equip }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "host.create",
        steps: &[Step { name: "chain", run: chain }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "host.deactivate",
        steps: &[Step { name: "chain", run: deactivated }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "host.remove",
        steps: &[Step { name: "clear", run: clear }, Step { name: "disconnect", run: disconnect }],
        tries: None,
        give_up: None,
    },
];

/// A host that a driver makes has to be provisioned first.
fn chain(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            let host = &work.resource;
            let made = host.str("driver").is_some() && host.int("physicalHostId").is_none();
            Ok(Next::Chain(if made { "provision" } else { "activate" }, Map::new()))
        })
    })
}

/// Goes on to the removal, if that was what was asked for.
pub fn deactivated(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            let remove = work.input_flag("remove");
            Ok(if remove { Next::Chain("remove", Map::new()) } else { Next::Finish })
        })
    })
}

/// The host's volumes are a storage pool, and networks that waited for a host go on.
fn equip(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            pool(tx, work)?;
            wake_networks(tx, work)?;
            if let Some(project) = work.resource.account_id {
                super::template::start_all(tx, project)?;
            }
            Ok(Next::Finish)
        })
    })
}

fn pool(tx: &mut Tx<'_>, work: &Work) -> Result<()> {
    let host = &work.resource;
    if !host.list("poolIds").is_empty() {
        return Ok(());
    }
    let mut pool = NewResource::new("storagePool", work.site.entropy.uuid())
        .kind("docker")
        .name(format!("{} volumes", host.str("hostname").unwrap_or("local")))
        .state("active")
        .with("agentId", host.int("agentId"))
        .with("driverName", "local")
        .with("hostIds", json!([host.id]));
    pool.account_id = host.account_id;
    let pool = tx.insert(pool)?;
    tx.update(host.id, |host| {
        host.set("poolIds", json!([pool.id]));
        Ok(())
    })?;
    Ok(())
}

fn wake_networks(tx: &mut Tx<'_>, work: &Work) -> Result<()> {
    let query = crate::store::Query {
        ty: "network",
        account_id: work.resource.account_id,
        limit: 100,
        ..Default::default()
    };
    for network in tx.list(&query)? {
        tx.process_wake(network.id)?;
    }
    Ok(())
}

/// Lets a host take nothing new and removes every container from it but those of the infrastructure and those
/// that somebody else runs; services make theirs again elsewhere.
///
/// # Errors
/// When the database fails.
pub fn evacuate(tx: &mut Tx<'_>, host: &Resource) -> Result<Resource> {
    let row = if super::may_begin(host, "deactivate") {
        super::start(tx, host.id, "deactivate", Map::new())?
    } else {
        host.clone()
    };
    for container in tx.referrers("instance", "hostId", host.id)? {
        let stays = container.flag("system")
            || container.label(label::SYSTEM).is_some()
            || container.flag(NATIVE);
        if !stays {
            super::project::remove(tx, &container)?;
        }
    }
    Ok(row)
}

fn clear(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(take_down) })
}

/// Containers on the host are removed first; services make theirs again elsewhere.
fn take_down(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let host = &work.resource;
    let unreachable = host.str("agentState").is_some_and(|state| LOST.contains(&state));
    let lost = host.int("physicalHostId").is_some() && unreachable;
    if lost && !host.flag(ABANDONED) {
        tx.update(host.id, |host| {
            host.set(ABANDONED, true);
            Ok(())
        })?;
    }
    let left = tx.referrers("instance", "hostId", work.resource.id)?;
    for row in &left {
        super::project::remove(tx, row)?;
    }
    if !left.is_empty() {
        let message = format!("removing {} containers", left.len());
        return Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message });
    }
    super::agent::retire_rows(tx, &work.resource)?;
    for pool in work.resource.list("poolIds").iter().filter_map(serde_json::Value::as_i64) {
        super::retire(tx, pool)?;
    }
    Ok(Next::Step)
}

/// The environment's networks leave nothing behind on the host's engine.
fn disconnect(work: Work) -> StepFuture {
    Box::pin(async move {
        let engine = work.site.engines.get(work.resource.id);
        let has_own = !work.resource.flag(ABANDONED) && !shares_engine(&work)?;
        if let Some(host) = engine.filter(|_| has_own) {
            let query = crate::store::Query {
                ty: "network",
                account_id: work.resource.account_id,
                limit: 100,
                ..Default::default()
            };
            let networks = work.site.store.read(|read| read.list(&query))?;
            for name in networks.iter().filter_map(|network| network.str("engineName")) {
                host.engine.network_remove(name).await?;
                work.site.engines.network_unknown(work.resource.id, name);
            }
        }
        Outcome::commit(|tx, work| {
            if let Some(agent) = work.resource.int("agentId") {
                super::agent::without_hosts(tx, agent, work.resource.id)?;
            }
            super::machine::remove_of(tx, &work.resource)?;
            Ok(Next::Finish)
        })
    })
}

/// Whether another host of the environment is the same engine, which then keeps the networks.
fn shares_engine(work: &Work) -> Result<bool> {
    let Some(engine) = work.resource.str("reportedUuid").filter(|id| !id.is_empty()) else {
        return Ok(false);
    };
    let query = crate::store::Query {
        ty: "host",
        account_id: work.resource.account_id,
        limit: 1000,
        ..Default::default()
    };
    let hosts = work.site.store.read(|read| read.list(&query))?;
    let mut others = hosts.iter().filter(|host| host.id != work.resource.id);
    Ok(others.any(|host| host.str("reportedUuid") == Some(engine)))
}
