//! A host that a driver makes: its machine comes first.

use serde_json::{Map, json};

use super::super::step::{Next, Outcome, StepFuture, Work};
use super::{login, object};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::Tx;

/// How soon to look at the machine again if nobody tells, in milliseconds.
const LOOK_AGAIN_MS: i64 = 5_000;

/// The step that makes the machine.
pub fn machine(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let host = &work.resource;
            if host.str("driver").is_none() {
                return Ok(Next::Chain("activate", Map::new()));
            }
            if host.int("physicalHostId").is_none() {
                let machine = make_machine(tx, work)?;
                tx.update(host.id, |host| {
                    host.set("physicalHostId", machine.id);
                    Ok(())
                })?;
            }
            Ok(Next::Step)
        })
    })
}

fn make_machine(tx: &mut Tx<'_>, work: &Work) -> Result<Resource> {
    let host = &work.resource;
    let name = host.name.as_deref().or(host.str("hostname")).unwrap_or_default();
    let mut machine = NewResource::new("physicalHost", work.site.entropy.uuid())
        .kind("machine")
        .name(name)
        .with("labels", host.data.get("labels").cloned().unwrap_or_else(|| json!({})));
    machine.account_id = host.account_id;
    login::copy(host, &mut machine.data);
    super::super::create(tx, machine, Map::new())
}

/// The step that waits for it.
pub fn wait(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let machine = work.resource.int("physicalHostId").map(|id| tx.get(id)).transpose()?;
            let machine = machine.flatten().filter(|machine| machine.removed.is_none());
            let Some(machine) = machine else {
                let failure = json!({ "failure": "its machine was removed" });
                return Ok(Next::Chain("error", object(failure)));
            };
            let said = machine.str("transitioningMessage").map(str::to_owned);
            if machine.state == "active" {
                return Ok(Next::Chain("activate", Map::new()));
            }
            if matches!(machine.state.as_str(), "error" | "erroring" | "removing") {
                let failure = said.unwrap_or_else(|| "its machine is being removed".to_owned());
                return Ok(Next::Chain("error", object(json!({ "failure": failure }))));
            }
            let message = said.unwrap_or_else(|| "waiting for its machine".to_owned());
            Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message })
        })
    })
}
