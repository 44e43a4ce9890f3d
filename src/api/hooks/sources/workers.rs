//! Who works and what waits, as resources for administrators.

use super::{named, pick, row};
use crate::api::hooks::{Asked, Source};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};

/// `pools`.
pub const POOLS: Source = Source { name: "pools", list: list_pools, get: get_pool, write: None };
/// `summaries`.
pub const SUMMARIES: Source =
    Source { name: "summaries", list: list_summaries, get: get_summary, write: None };

/// Numbers of a pool.
struct Pool {
    name: String,
    size: usize,
    active: usize,
    queued: Option<usize>,
    completed: Option<u64>,
}

fn pool(pool: Pool) -> Resource {
    let new = NewResource::new("processPool", String::new())
        .name(pool.name.clone())
        .with("id", format!("1pp!{}", pool.name))
        .with("activeTasks", pool.active)
        .with("completedTasks", pool.completed)
        .with("maxPoolSize", pool.size)
        .with("minPoolSize", 0)
        .with("poolSize", pool.size)
        // Whatever waits is in the database, which has room for all of it.
        .with("queueRemainingCapacity", i32::MAX)
        .with("queueSize", pool.queued)
        .with("rejectedTasks", 0);
    row(new)
}

/// The workers that run processes, and the calls that each host's engine takes at once.
fn pools(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let site = &asked.state.site;
    let work = site.workers.look();
    let mut found = vec![pool(Pool {
        name: "process".to_owned(),
        size: site.limits.workers,
        active: work.busy.len(),
        queued: Some(work.queued),
        completed: Some(work.completed),
    })];
    let mut engines = site.engines.all();
    engines.sort_unstable_by_key(|(id, _)| *id);
    let most = site.limits.concurrency.max(1);
    for (host_id, engine) in engines {
        let host = asked.read.get(host_id)?;
        let name = host.map_or_else(
            || host_id.to_string(),
            |host| {
                let hostname = host.str("hostname").map(str::to_owned);
                hostname.unwrap_or_else(|| host.display_name())
            },
        );
        found.push(pool(Pool {
            name: format!("engine.{name}"),
            size: most,
            active: most.saturating_sub(engine.permits.available_permits()),
            queued: None,
            completed: None,
        }));
    }
    Ok(found)
}

fn list_pools(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, pools(asked)?))
}

fn get_pool(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(pools(asked)?, text))
}

/// Unfinished processes by name: how many run, may run, and wait.
fn summaries(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    let site = &asked.state.site;
    let mut running = Vec::new();
    for id in site.workers.look().busy {
        running.extend(asked.read.process(id)?.filter(|process| process.ended.is_none()));
    }
    let open = asked.read.open_process_summary(site.clock.now_ms())?;
    let summary = |(name, ready, delayed): (String, i64, i64)| {
        let of_name = running.iter().filter(|process| process.name == name).count();
        let busy = i64::try_from(of_name).unwrap_or(i64::MAX);
        row(NewResource::new("processSummary", String::new())
            .with("id", format!("1ps!{name}"))
            .with("delay", delayed)
            .with("processName", name)
            .with("ready", ready.saturating_sub(busy).max(0))
            .with("running", busy))
    };
    Ok(open.into_iter().map(summary).collect())
}

fn list_summaries(asked: &Asked<'_>) -> Result<Vec<Resource>> {
    Ok(pick(asked.listing, summaries(asked)?))
}

fn get_summary(asked: &Asked<'_>, text: &str) -> Result<Option<Resource>> {
    Ok(named(summaries(asked)?, text))
}
