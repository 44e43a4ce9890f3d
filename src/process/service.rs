//! Processes of services and stacks: each asks the controller to bring things nearer to what is wanted,
//! and waits until nothing is left to do. The controller wakes it when a container has changed.

use serde_json::Map;

use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::{may_begin, start};
use crate::error::Result;
use crate::store::Tx;

/// Key in a process's data by which the controller says that the service is as wanted.
pub const SETTLED: &str = "settled";

/// Processes of `service`.
pub const SERVICE_PROCESSES: &[Definition] = &[
    converging("service.activate"),
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
        Outcome::commit(|_, work| {
            let start = work.resource.flag("startOnCreate");
            Ok(if start { Next::Chain("activate", Map::new()) } else { Next::Finish })
        })
    })
}

fn converge(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            if !work.input_flag(SETTLED) {
                let message = "waits for its containers".to_owned();
                return Ok(Next::Wait { until: None, message });
            }
            bury(tx, work)?;
            Ok(Next::Finish)
        })
    })
}

/// A removed service takes its expose maps along.
fn bury(tx: &mut Tx<'_>, work: &Work) -> Result<()> {
    if work.process.name == "service.remove" {
        for map in tx.referrers("serviceExposeMap", "serviceId", work.resource.id)? {
            super::retire(tx, map.id)?;
        }
    }
    Ok(())
}

fn import(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            work.site.importer.import(tx, &work.site, work.resource.id)?;
            Ok(Next::Finish)
        })
    })
}

/// A stack whose files are wrong ends in `error`, with the reason on it.
fn stack_failed(
    _: &mut Tx<'_>,
    _: &crate::model::resource::Resource,
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
    if work.input_flag("volumes") {
        for volume in tx.referrers("volume", "stackId", work.resource.id)? {
            if may_begin(&volume, "remove") {
                start(tx, volume.id, "remove", Map::new())?;
            }
        }
    }
    Ok(Next::Finish)
}
