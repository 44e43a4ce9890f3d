//! Processes of services and stacks: each asks the controller to bring things nearer to what is wanted,
//! and waits until nothing is left to do. The controller wakes it when a container has changed.

use serde_json::{Map, Value};

use super::balancer;
use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::{may_begin, start};
use crate::error::Result;
use crate::model::lifecycle::is_gone;
use crate::model::resource::Resource;
use crate::store::Tx;

/// How often a service looks again whether what it depends on is there, in milliseconds.
const DEPENDENCY_MS: i64 = 300;

/// How often a service looks again whether there are ports for it, in milliseconds.
const PORTS_MS: i64 = 2000;

/// Field with what a service's containers prove themselves with; no client sees it.
const TOKEN: &str = "token";
/// Its length in characters.
const TOKEN_LENGTH: usize = 40;

/// Key in a process's data by which the controller says that the service is as wanted.
pub const SETTLED: &str = "settled";

/// Processes of `service`.
pub const SERVICE_PROCESSES: &[Definition] = &[
    Definition {
        name: "service.activate",
        steps: &[Step { name: "converge", run: activate }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "service.create",
        steps: &[Step { name: "chain", run: created }],
        tries: None,
        give_up: None,
    },
    converging("service.deactivate"),
    converging("service.remove"),
    converging("service.restart"),
    converging("service.update"),
];

/// Processes of `stack`.
pub const STACK_PROCESSES: &[Definition] = &[
    Definition {
        name: "stack.create",
        steps: &[Step { name: "import", run: import }],
        tries: Some(1),
        give_up: Some(stack_failed),
    },
    Definition {
        name: "stack.remove",
        steps: &[Step { name: "clear", run: clear }],
        tries: None,
        give_up: None,
    },
];

const fn converging(name: &'static str) -> Definition {
    Definition {
        name,
        steps: &[Step { name: "converge", run: converge }],
        tries: None,
        give_up: None,
    }
}

fn created(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            give_token(tx, &work.resource)?;
            super::selectors::service_changed(tx, &work.resource)?;
            if let Some(message) = super::reserve::reserve(tx, &work.resource)? {
                return Ok(Next::Wait { until: Some(tx.now + PORTS_MS), message });
            }
            if !work.resource.flag("startOnCreate") {
                return Ok(Next::Finish);
            }
            if let Some(message) = unmet(tx, &work.resource)? {
                return Ok(Next::Wait { until: Some(tx.now + DEPENDENCY_MS), message });
            }
            Ok(Next::Chain("activate", Map::new()))
        })
    })
}

/// A service gets something that its own containers can prove themselves with: they alone are told, by the
/// metadata service. It is kept for good.
fn give_token(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    if service.str(TOKEN).is_none() {
        let token = tx.entropy.token(TOKEN_LENGTH);
        tx.update(service.id, |service| {
            service.set(TOKEN, token);
            Ok(())
        })?;
    }
    Ok(())
}

/// What a service still waits for before it starts (`depends_on` of its compose file).
fn unmet(tx: &Tx<'_>, service: &Resource) -> Result<Option<String>> {
    let Some(stack_id) = service.int("stackId") else { return Ok(None) };
    let wanted = service.list("dependsOn");
    if wanted.is_empty() {
        return Ok(None);
    }
    let siblings = tx.referrers("service", "stackId", stack_id)?;
    for dependency in wanted {
        let text = |key: &str| dependency.get(key).and_then(Value::as_str).unwrap_or_default();
        let (name, condition) = (text("service"), text("condition"));
        let Some(other) = siblings.iter().find(|other| other.name.as_deref() == Some(name)) else {
            continue;
        };
        let met = match condition {
            "healthy" => other.state == "active" && other.str("healthState") == Some("healthy"),
            "completed" => completed(tx, other)?,
            _ => other.state == "active",
        };
        if !met {
            return Ok(Some(format!("waits until service `{name}` is {condition}")));
        }
    }
    Ok(None)
}

/// Whether every container of a service ran to its end without a failure.
fn completed(tx: &Tx<'_>, service: &Resource) -> Result<bool> {
    let containers = tx.referrers("instance", "serviceId", service.id)?;
    let done = |row: &Resource| row.state == "stopped" && row.int("exitCode") == Some(0);
    Ok(!containers.is_empty() && containers.iter().all(done))
}

fn activate(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| match super::order::release(tx, work)? {
            Some(message) => Ok(Next::Wait { until: Some(tx.now + DEPENDENCY_MS), message }),
            None => settled(tx, work),
        })
    })
}

fn converge(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(settled) })
}

/// Over as soon as the controller has said that nothing is left to do.
pub(super) fn settled(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    if !work.input_flag(SETTLED) {
        let message = "waits for its containers".to_owned();
        return Ok(Next::Wait { until: None, message });
    }
    bury(tx, work)?;
    // One of an older version has none yet.
    give_token(tx, &work.resource)?;
    let service = tx.require("service", work.resource.id)?;
    super::external::follow(tx, &service)?;
    if service.state != "removing" {
        super::selectors::service_changed(tx, &service)?;
    }
    super::service_log::end(tx, &work.process.data)?;
    Ok(Next::Finish)
}

/// A service is changed: it may grow again, and retain its addresses from now on.
///
/// # Errors
/// When the database fails.
pub fn begin_update(
    tx: &mut Tx<'_>,
    service: &Resource,
    transition: &str,
    data: &mut Map<String, Value>,
) -> Result<()> {
    super::service_log::begin(tx, service, transition, data)?;
    super::reserve::retain_changed(tx, service)?;
    tx.update(service.id, |service| {
        service.data.shift_remove("lockedScale");
        Ok(())
    })?;
    Ok(())
}

/// A restart begins: what was asked for is kept on the service.
///
/// # Errors
/// When the database fails.
pub fn begin_restart(
    tx: &mut Tx<'_>,
    service: &Resource,
    transition: &str,
    data: &mut Map<String, Value>,
) -> Result<()> {
    super::service_log::begin(tx, service, transition, data)?;
    let asked = Value::Object(data.clone());
    tx.update(service.id, |service| {
        let strategy = asked.get("rollingRestartStrategy").cloned().unwrap_or_default();
        service.set("restart", serde_json::json!({ "rollingRestartStrategy": strategy }));
        Ok(())
    })?;
    Ok(())
}

/// A service that has changed its state: its storage driver follows, and a stack that waits for its end goes
/// on. That is one transaction with the end: nobody else would wake the stack after a power failure.
///
/// # Errors
/// When the database fails.
pub fn followed(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    super::storage::follow_service(tx, service)?;
    match service.int("stackId").filter(|_| is_gone(&service.state)) {
        Some(stack) => tx.process_wake(stack),
        None => Ok(()),
    }
}

fn bury(tx: &mut Tx<'_>, work: &Work) -> Result<()> {
    if work.process.name == "service.remove" { dismantle(tx, &work.resource) } else { Ok(()) }
}

/// A removed service takes its expose maps along, and whatever else was its own.
///
/// # Errors
/// When the database fails.
pub fn dismantle(tx: &mut Tx<'_>, service: &Resource) -> Result<()> {
    for map in tx.referrers("serviceExposeMap", "serviceId", service.id)? {
        super::retire(tx, map.id)?;
    }
    super::links::bury(tx, service.id)?;
    balancer::forget(tx, service)?;
    super::versions::bury(tx, service.id)?;
    super::reserve::release(tx, service)
}

fn import(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            work.site.importer.import(tx, &work.site, work.resource.id)?;
            super::template::start_if_hosted(tx, &work.resource)?;
            Ok(Next::Finish)
        })
    })
}

/// A stack whose files are wrong ends in `error`, with the reason on it.
fn stack_failed(
    _: &mut Tx<'_>,
    _: &Resource,
    _: &crate::store::ProcessRow,
    why: &str,
) -> Result<Next> {
    let data = super::object(serde_json::json!({ "failure": why }));
    Ok(Next::Chain("error", data))
}

fn clear(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(take_down) })
}

/// Services go first, then the stack's volumes if that was asked for.
fn take_down(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let services = tx.referrers("service", "stackId", work.resource.id)?;
    for service in &services {
        if may_begin(service, "remove") {
            start(tx, service.id, "remove", Map::new())?;
        }
    }
    if !services.is_empty() {
        let message = format!("removing {} services", services.len());
        return Ok(Next::Wait { until: None, message });
    }
    for secret in tx.referrers("secret", "stackId", work.resource.id)? {
        if may_begin(&secret, "remove") {
            start(tx, secret.id, "remove", Map::new())?;
        }
    }
    // What the stack's templates stand for is the stack's own; other volumes outlive it, unless it is said.
    let all = work.input_flag("volumes");
    for volume in tx.referrers("volume", "stackId", work.resource.id)? {
        let own = volume.int("volumeTemplateId").is_some();
        if (all || own) && may_begin(&volume, "remove") {
            start(tx, volume.id, "remove", Map::new())?;
        }
    }
    for template in tx.referrers("volumeTemplate", "stackId", work.resource.id)? {
        super::retire(tx, template.id)?;
    }
    Ok(Next::Finish)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Entropy};
    use crate::model::resource::NewResource;
    use crate::store::{NewProcess, Store};

    #[tokio::test]
    async fn a_stack_goes_on_in_the_very_transaction_that_ends_its_last_service() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(&folder.path().join("db"), Clock::System, Entropy::seeded(1)).unwrap();
        let (stack, woken) = store
            .write(|tx| {
                let stack =
                    tx.insert(NewResource::new("stack", tx.entropy.uuid()).state("removing"))?;
                let mut waiting = tx.process_insert(NewProcess {
                    name: "stack.remove".to_owned(),
                    resource_id: stack.id,
                    account_id: None,
                    data: Map::new(),
                })?;
                waiting.run_after = i64::MAX;
                tx.process_save(&waiting)?;
                let mut service =
                    tx.insert(NewResource::new("service", tx.entropy.uuid()).state("removing"))?;
                service.set("stackId", stack.id);
                let mut woken = Vec::new();
                for state in ["removing", "removed"] {
                    service.state = state.to_owned();
                    followed(tx, &service)?;
                    woken.push(tx.ready_processes(tx.now, 10)?.len());
                }
                Ok((stack, woken))
            })
            .await
            .unwrap();
        assert_eq!(woken, [0, 1], "{stack:?}");
    }
}
