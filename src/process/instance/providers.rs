//! Containers whose volumes or network a container takes: it waits for those that are on their way.

use serde_json::{Map, Value};

use super::super::native::NATIVE;
use super::super::step::{Next, Outcome, StepFuture, Work};
use crate::error::{Error, Result};
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::store::Tx;

/// Marks a container from which others of its unit take: they are woken when it has started.
pub const PROVIDES: &str = "provides";

/// Latest time to look again, in milliseconds.
const LOOK_AGAIN_MS: i64 = 2000;

/// States from which a container comes to run by itself.
const ON_THEIR_WAY: &[&str] = &["requested", "creating", "starting", "restarting"];

/// The step.
pub fn ready(work: Work) -> StepFuture {
    Box::pin(async move {
        if of(&work.resource).next().is_none() {
            return Ok(Outcome::Pass);
        }
        Outcome::commit(|tx, work| {
            let row = tx.require("instance", work.resource.id)?;
            if let Some(provider) = awaited(tx, &row)? {
                return Ok(Next::Wait {
                    until: Some(tx.now + LOOK_AGAIN_MS),
                    message: format!("waits for container `{}`", provider.display_name()),
                });
            }
            match idle(tx, &row)? {
                Some(why) => Err(why),
                None => Ok(Next::Step),
            }
        })
    })
}

/// The containers a container takes from.
pub fn of(row: &Resource) -> impl Iterator<Item = i64> + '_ {
    let volumes = row.list("dataVolumesFrom").iter().filter_map(Value::as_i64);
    row.int("networkContainerId").into_iter().chain(volumes)
}

/// The containers that a container of these fields takes from.
pub fn of_fields(fields: &Map<String, Value>) -> Vec<i64> {
    let volumes = fields.get("dataVolumesFrom").and_then(Value::as_array).into_iter().flatten();
    let network = fields.get("networkContainerId").into_iter();
    network.chain(volumes).filter_map(Value::as_i64).collect()
}

/// One that is not there yet: a network needs a running container, volumes one that was made.
fn awaited(tx: &Tx<'_>, row: &Resource) -> Result<Option<Resource>> {
    for id in of(row) {
        let Some(provider) = tx.get(id)? else { continue };
        let is_made = provider.str("externalId").is_some();
        let shares_network = row.int("networkContainerId") == Some(id);
        if ON_THEIR_WAY.contains(&provider.state.as_str()) && (shares_network || !is_made) {
            return Ok(Some(provider));
        }
    }
    Ok(None)
}

/// What people read of a provider that gives nothing.
pub fn unready(row: &Resource, provider: i64, is: &str) -> String {
    let shares_network = row.int("networkContainerId") == Some(provider);
    let how = if shares_network { "networkFrom" } else { "volumeFrom" };
    format!("Dependencies readiness error: {how} instance is {is}")
}

/// Why the engine is not to be asked: a provider is gone, or does not run. Volumes can be had from a container
/// that has done its work, and from one that is not ours to start.
fn idle(tx: &Tx<'_>, row: &Resource) -> Result<Option<Error>> {
    for id in of(row) {
        let Some(provider) = tx.get(id)? else { continue };
        if provider.removed.is_some() {
            return Ok(Some(Error::conflict(unready(row, id, "removed"))));
        }
        let runs = matches!(provider.state.as_str(), "running" | "updating-running");
        let shares_network = row.int("networkContainerId") == Some(id);
        let is_data = provider.int("serviceId").is_some()
            || provider.flag(NATIVE)
            || provider.label(label::START_ONCE) == Some("true");
        if !runs && (shares_network || !is_data) {
            // Somebody may start it yet.
            return Ok(Some(Error::status(503).message(unready(row, id, "not running"))));
        }
    }
    Ok(None)
}

/// One that others take from has started.
pub fn started(tx: &mut Tx<'_>, row: &Resource) -> Result<()> {
    let unit = row.str("deploymentUnitUuid").filter(|_| row.data.contains_key(PROVIDES));
    let Some(unit) = unit else { return Ok(()) };
    for member in tx.referrers_by_text("instance", "deploymentUnitUuid", unit)? {
        if of(&member).any(|provider| provider == row.id) {
            tx.process_wake(member.id)?;
        }
    }
    Ok(())
}
