//! Stops and removes a container on its host's engine, and gives back what it held.

use serde_json::{Map, Value};

use super::super::step::{Failure, Next, Outcome, StepFuture, Work};
use super::super::{object, reserve, storage};
use super::{engine_ref, engine_unless_gone, mounts, volumes};
use crate::engine::RemoveVolumes;
use crate::error::Result;
use crate::model::names::label;
use crate::store::Tx;

/// A container that ran this long before it died starts again without delay, in milliseconds.
const STEADY_MS: i64 = 10 * 60 * 1000;

/// The step that stops. Input: `timeout` (seconds), `remove`, `start` (afterwards), `observed` (it has
/// stopped by itself), `exitCode`, `then`, `failure`.
pub fn run(work: Work) -> StepFuture {
    Box::pin(async move {
        if !work.input_flag("observed") {
            stop(&work).await?;
        }
        Outcome::commit(record)
    })
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

fn record(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let now = tx.now;
    let observed = work.input_flag("observed");
    let exit_code = work.input("exitCode").cloned();
    let row = tx.update(work.resource.id, |row| {
        if observed {
            let lived = row.int("startedAt").map_or(0, |started| now - started);
            let before = if lived >= STEADY_MS { 0 } else { row.int("failures").unwrap_or(0) };
            row.set("failures", before + 1);
            row.set("diedAt", now);
            row.set("exitCode", exit_code.unwrap_or(Value::Null));
        }
        Ok(())
    })?;
    storage::follow_container(tx, &row)?;
    if !row.list("ports").is_empty() {
        storage::wake_waiting(tx, row.account_id)?;
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
    Ok(Next::Finish)
}

/// The step that removes.
pub fn destroy(work: Work) -> StepFuture {
    Box::pin(async move {
        if let Some(host) = engine_unless_gone(&work)? {
            let volumes = match work.resource.label(label::VOLUME_CLEANUP) {
                Some("none") => RemoveVolumes::None,
                _ => RemoveVolumes::Anonymous,
            };
            host.engine.remove(&engine_ref(&work.resource), volumes).await?;
        }
        Outcome::commit(|tx, work| {
            give_back(tx, work)?;
            Ok(Next::Finish)
        })
    })
}

/// Retires every row that was the container's alone.
fn give_back(tx: &mut Tx<'_>, work: &Work) -> Result<()> {
    let row = &work.resource;
    let named: Vec<i64> = row
        .map("dataVolumeMounts")
        .into_iter()
        .flatten()
        .filter_map(|(_, id)| id.as_i64())
        .collect();
    mounts::unmount(tx, row)?;
    volumes::let_go(tx, row)?;
    storage::follow_container(tx, row)?;
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
