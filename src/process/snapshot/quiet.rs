//! Those who use a volume, kept still while it is read: not at all, frozen for a moment, or stopped and
//! started again.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::instance::engine_ref;
use super::super::site::{HostEngine, Site};
use super::super::step::{Failure, Next, Retry, Work};
use super::super::{may_begin, start};
use crate::error::{Error, Result};
use crate::model::names::is_active_service;
use crate::model::resource::Resource;
use crate::store::{Read, Tx};

/// Field of a snapshot: the services and containers that were stopped for it.
const STOPPED: &str = "stoppedForIt";
/// How soon to look again whether they have stopped, in milliseconds.
const LOOK_AGAIN_MS: i64 = 500;

/// How those who use a volume are kept still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// They go on: what is read is what a power failure would leave.
    Not,
    /// They are frozen while it is read.
    Paused,
    /// They are stopped before and started after.
    Stopped,
}

impl Quiet {
    /// By the word of the API.
    pub fn of(word: Option<&str>) -> Self {
        match word {
            Some("pause") => Self::Paused,
            Some("stop") => Self::Stopped,
            _ => Self::Not,
        }
    }
}

/// Containers that mount a volume.
///
/// # Errors
/// When the database fails.
pub fn users(read: &Read<'_>, volume: i64) -> Result<Vec<Resource>> {
    let mut found = Vec::new();
    for mount in read.referrers("mount", "volumeId", volume)? {
        let container = mount.int("instanceId").map(|id| read.get(id)).transpose()?.flatten();
        let known = |row: &Resource| found.iter().any(|other: &Resource| other.id == row.id);
        found.extend(container.filter(|row| row.removed.is_none() && !known(row)));
    }
    Ok(found)
}

/// Which of these volumes containers are at work in.
///
/// # Errors
/// When the database fails.
pub fn in_use(read: &Read<'_>, volumes: &[i64]) -> Result<HashSet<i64>> {
    let mut found = HashSet::new();
    for mount in read.referring("mount", "volumeId", volumes)? {
        let container = mount.int("instanceId").map(|id| read.get(id)).transpose()?.flatten();
        let works = container.is_some_and(|row| row.removed.is_none() && is_at_work(&row));
        found.extend(mount.int("volumeId").filter(|_| works));
    }
    Ok(found)
}

/// Whether a container may be changing what is in its volumes.
pub fn is_at_work(container: &Resource) -> bool {
    !matches!(
        container.state.as_str(),
        "requested" | "creating" | "stopped" | "updating-stopped" | "error" | "erroring"
    )
}

/// Stops the users of a volume, services as a whole, and waits until they have stopped.
pub fn stop(tx: &mut Tx<'_>, work: &Work, volume: i64) -> Result<Next> {
    let snapshot = tx.require(work.resource.ty, work.resource.id)?;
    let at_work: Vec<Resource> = users(tx, volume)?.into_iter().filter(is_at_work).collect();
    match snapshot.map(STOPPED) {
        None => begin(tx, &snapshot, &at_work)?,
        // A service whose containers have stopped is not at rest yet, and could not be started again.
        Some(stopped) if at_work.is_empty() && at_rest(tx, stopped)? => return Ok(Next::Step),
        Some(_) => {}
    }
    let message = format!("waits until {} containers have stopped", at_work.len());
    Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message })
}

/// Whether nothing goes on any more with what was stopped.
fn at_rest(tx: &Tx<'_>, stopped: &Map<String, Value>) -> Result<bool> {
    for id in stopped.values().filter_map(Value::as_array).flatten().filter_map(Value::as_i64) {
        if tx.open_process(id)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn begin(tx: &mut Tx<'_>, snapshot: &Resource, at_work: &[Resource]) -> Result<()> {
    let mut services: Vec<i64> = at_work.iter().filter_map(|row| row.int("serviceId")).collect();
    services.sort_unstable();
    services.dedup();
    let mut stopped = Vec::new();
    for id in services {
        let service = tx.require("service", id)?;
        if !is_active_service(&service.state) {
            continue;
        }
        if !may_begin(&service, "deactivate") {
            return Err(Error::conflict(format!(
                "service `{}` is {}; it cannot be stopped for a snapshot now",
                service.display_name(),
                service.state
            )));
        }
        start(tx, id, "deactivate", Map::new())?;
        stopped.push(id);
    }
    let alone: Vec<i64> = at_work
        .iter()
        .filter(|row| row.int("serviceId").is_none() && may_begin(row, "stop"))
        .map(|row| row.id)
        .collect();
    for id in &alone {
        start(tx, *id, "stop", Map::new())?;
    }
    tx.update(snapshot.id, |row| {
        row.set(STOPPED, json!({ "services": stopped, "containers": alone }));
        Ok(())
    })?;
    Ok(())
}

/// Starts what was stopped for a snapshot, once.
pub fn resume(tx: &mut Tx<'_>, snapshot: i64) -> Result<()> {
    let Some(row) = tx.get(snapshot)? else { return Ok(()) };
    let Some(stopped) = row.map(STOPPED).cloned() else { return Ok(()) };
    for (field, transition) in [("services", "activate"), ("containers", "start")] {
        let ids = stopped.get(field).and_then(Value::as_array).into_iter().flatten();
        for id in ids.filter_map(Value::as_i64) {
            if tx.get(id)?.is_some_and(|row| may_begin(&row, transition)) {
                start(tx, id, transition, Map::new())?;
            }
        }
    }
    tx.update(snapshot, |row| {
        row.set(STOPPED, Value::Null);
        Ok(())
    })?;
    Ok(())
}

/// Freezes the users of a volume on their hosts, does `work`, and lets them go on, whatever came of it.
pub async fn frozen<T>(
    site: &Site,
    users: &[Resource],
    work: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    let mut containers = Vec::new();
    for user in users.iter().filter(|row| is_at_work(row)) {
        // One without a host has not begun.
        let Some(host) = user.int("hostId") else { continue };
        let host = site.engines.get(host).ok_or_else(|| Failure {
            message: format!("the host of container `{}` is not reachable", user.display_name()),
            retry: Retry::WhenBack,
        })?;
        containers.push((host, engine_ref(user)));
    }
    let mut outcome = Ok(());
    for (host, name) in &containers {
        if let Err(error) = host.engine.pause(name).await {
            outcome = Err(Failure::from(error));
            break;
        }
    }
    let done = match outcome {
        Ok(()) => work.await,
        Err(failure) => Err(failure),
    };
    let thawed = thaw(&containers).await;
    done.and_then(|value| thawed.map(|()| value))
}

async fn thaw(containers: &[(HostEngine, String)]) -> std::result::Result<(), Failure> {
    let mut outcome = Ok(());
    for (host, name) in containers {
        match host.engine.unpause(name).await {
            // It ended while it was frozen: somebody killed it.
            Ok(()) => {}
            Err(error) if error.is_no_container() => {}
            Err(error) => outcome = Err(Failure::from(error)),
        }
    }
    outcome
}
