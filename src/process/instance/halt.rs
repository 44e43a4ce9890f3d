//! Stops and removes a container on its host's engine, and gives back what it held.

use serde_json::{Map, Value};

use super::super::native::NATIVE;
use super::super::step::{Failure, Next, Outcome, StepFuture, Work};
use super::super::{balancer, instance_links, keys, object, reserve, service_log, storage};
use super::{engine_ref, engine_unless_gone, mounts, prepare, volumes};
use crate::engine::{Ending, RemoveVolumes};
use crate::error::Result;
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::store::Tx;

/// A container that ran this long before it died starts again without delay, in milliseconds.
const STEADY_MS: i64 = 10 * 60 * 1000;

/// How long an engine has to tell how a container ended, in milliseconds.
const LOOK_MS: u64 = 5000;

/// The field that says that a container ended for want of memory.
pub const OUT_OF_MEMORY: &str = "outOfMemory";

/// The field that says until when a container's requests may end before it is stopped.
const DRAINS_UNTIL: &str = "drainsUntil";

/// The step that stops. Input: `timeout` (seconds), `remove`, `start` (afterwards), `observed` (it has
/// stopped by itself), `exitCode`, `then`, `failure`.
pub fn run(work: Work) -> StepFuture {
    Box::pin(async move {
        if let Some(wait_ms) = drain_ms(&work)? {
            return Outcome::commit(move |tx, work| {
                let until = tx.now.saturating_add(wait_ms);
                tx.update(work.resource.id, |row| {
                    row.set(DRAINS_UNTIL, until);
                    Ok(())
                })?;
                Ok(Next::Wait { until: Some(until), message: DRAINING.to_owned() })
            });
        }
        match work.resource.int(DRAINS_UNTIL) {
            Some(until) if until > work.site.clock.now_ms() => {
                return Outcome::commit(move |_, _| {
                    Ok(Next::Wait { until: Some(until), message: DRAINING.to_owned() })
                });
            }
            _ => {}
        }
        let ending = if work.input_flag("observed") {
            ending(&work).await
        } else {
            stop(&work).await?;
            Ending::default()
        };
        Outcome::commit(move |tx, work| record(tx, work, &ending))
    })
}

/// How a container ended by itself. An engine that is slow to tell is not waited for.
async fn ending(work: &Work) -> Ending {
    let exit_code = work.input("exitCode").and_then(Value::as_i64);
    let plain = Ending { exit_code, ..Ending::default() };
    let Ok(Some(host)) = engine_unless_gone(work) else { return plain };
    let container = engine_ref(&work.resource);
    tokio::select! {
        biased;
        ending = Ending::look(&*host.engine, &container, exit_code) => ending,
        () = work.site.clock.sleep_ms(LOOK_MS) => plain,
    }
}

const DRAINING: &str = "waits until its balancers' requests have ended";

/// How long balancers' requests to a container may take to end before it is stopped, in milliseconds;
/// `None` if it is not to be waited for, or is already. No new ones come: balancers know that it stops.
fn drain_ms(work: &Work) -> Result<Option<i64>> {
    let row = &work.resource;
    let wanted = row.int("drainTimeoutMs").filter(|wait_ms| *wait_ms > 0);
    let ran = row.int("startedAt").is_some() && !work.input_flag("observed");
    let (Some(wait_ms), true, None) = (wanted, ran, row.int(DRAINS_UNTIL)) else {
        return Ok(None);
    };
    let balanced = work.site.store.read(|read| match row.int("serviceId") {
        Some(id) => match read.get(id)? {
            Some(service) => balancer::is_balanced(read, &service),
            None => Ok(false),
        },
        None => Ok(false),
    })?;
    Ok(balanced.then_some(wait_ms))
}

async fn stop(work: &Work) -> Result<(), Failure> {
    let Some(host) = engine_unless_gone(work)? else { return Ok(()) };
    let asked = work.input("timeout").and_then(Value::as_u64).and_then(|s| u32::try_from(s).ok());
    let own = work.resource.int("stopTimeout").and_then(|s| u32::try_from(s).ok());
    let timeout = asked.or(own).unwrap_or(work.site.limits.stop_timeout_s);
    // A permit is not taken: a container may need its whole timeout, and starts must not wait for it.
    host.engine.stop(&engine_ref(&work.resource), timeout).await?;
    Ok(())
}

fn record(tx: &mut Tx<'_>, work: &Work, ending: &Ending) -> Result<Next> {
    let now = tx.now;
    let observed = work.input_flag("observed");
    let row = tx.update(work.resource.id, |row| {
        row.data.shift_remove(DRAINS_UNTIL);
        if observed {
            let lived = row.int("startedAt").map_or(0, |started| now - started);
            let before = if lived >= STEADY_MS { 0 } else { row.int("failures").unwrap_or(0) };
            row.set("failures", before + 1);
            row.set("diedAt", now);
            row.set("exitCode", ending.exit_code);
            row.set(OUT_OF_MEMORY, ending.out_of_memory.then_some(true));
        }
        Ok(())
    })?;
    let trouble = ending.trouble();
    if let Some(trouble) = &trouble {
        service_log::trouble(tx, &row, trouble)?;
    }
    storage::follow_container(tx, &row)?;
    if !row.list("ports").is_empty() {
        prepare::wake_waiting(tx, row.account_id)?;
    }
    let removes_itself = row.str("instanceTriggeredStop") == Some("remove") && observed;
    if work.input_flag("remove") || removes_itself {
        return Ok(Next::Chain("remove", Map::new()));
    }
    if work.input_flag("start") {
        return Ok(Next::Chain("start", Map::new()));
    }
    if work.input("then").and_then(Value::as_str) == Some("error") {
        let failure = work.input("failure").cloned().unwrap_or(Value::Null);
        return Ok(Next::Chain("error", object(serde_json::json!({ "failure": failure }))));
    }
    Ok(trouble.map_or(Next::Finish, Next::Remark))
}

/// The step that removes.
pub fn destroy(work: Work) -> StepFuture {
    Box::pin(async move {
        if let Some(host) = engine_unless_gone(&work)? {
            let volumes = match work.resource.label(label::VOLUME_CLEANUP) {
                Some("none") => RemoveVolumes::None,
                // Whoever made the container may want them back.
                _ if work.resource.flag(NATIVE) => RemoveVolumes::None,
                _ => RemoveVolumes::Anonymous,
            };
            host.engine.remove(&engine_ref(&work.resource), volumes).await?;
            let balancer =
                work.site.store.read(|read| balancer::service_of(read, &work.resource))?;
            if balancer.is_some() || !work.resource.list("secrets").is_empty() {
                host.engine.secrets_remove(&work.resource.uuid).await?;
            }
        }
        Outcome::commit(|tx, work| {
            give_back(tx, &work.resource)?;
            Ok(Next::Finish)
        })
    })
}

/// Retires every row that was the container's alone.
///
/// # Errors
/// When the database fails.
pub fn give_back(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    let named: Vec<i64> = row
        .map("dataVolumeMounts")
        .into_iter()
        .flatten()
        .filter_map(|(_, id)| id.as_i64())
        .collect();
    keys::bury(tx, row)?;
    mounts::unmount(tx, row)?;
    volumes::let_go(tx, row)?;
    storage::follow_container(tx, row)?;
    instance_links::bury(tx, row.id)?;
    for (ty, field) in [("port", "instanceId"), ("serviceExposeMap", "instanceId")] {
        for dependent in tx.referrers(ty, field, row.id)? {
            super::super::retire(tx, dependent.id)?;
        }
    }
    if let Some(address) = row.int("ipAddressId")
        && !reserve::outlives(tx, row, address)?
    {
        super::super::retire(tx, address)?;
    }
    if row.label(label::VOLUME_CLEANUP) == Some("all") {
        for volume in named {
            if super::super::may_begin(&tx.require("volume", volume)?, "remove") {
                super::super::start(tx, volume, "remove", Map::new())?;
            }
        }
    }
    Ok(())
}
