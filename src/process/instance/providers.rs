//! Containers whose volumes or network a container takes: it waits for those that are on their way.

use serde_json::{Map, Value};

use super::super::step::{Next, Outcome, StepFuture, Work};
use crate::error::Result;
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
            Ok(match awaited(tx, &row)? {
                Some(provider) => Next::Wait {
                    until: Some(tx.now + LOOK_AGAIN_MS),
                    message: format!("waits for container `{}`", provider.display_name()),
                },
                None => Next::Step,
            })
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
