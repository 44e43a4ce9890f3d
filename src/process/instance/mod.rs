//! Processes of containers: made ready, launched, halted, removed.

pub mod adopted;
pub mod build;
pub mod prepare;

mod connect;
pub mod mounts;
mod naming;
mod providers;
mod volumes;

mod launch;

mod halt;

pub use halt::{OUT_OF_MEMORY, give_back};
pub use providers::{PROVIDES, of_fields as providers_of};

use serde_json::json;

use super::site::HostEngine;
use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use super::{balancer, object, service_log};
use crate::engine::spec;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{ProcessRow, Tx};

/// Tries after which a container that cannot start is given up (Rancher's `instance.compute.tries`).
const TRIES: u32 = 5;

/// Processes of `instance`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "instance.create",
        steps: &[Step { name: "prepare", run: prepare::run }],
        tries: Some(TRIES),
        give_up: Some(give_up),
    },
    Definition {
        name: "instance.remove",
        steps: &[Step { name: "destroy", run: halt::destroy }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "instance.restart",
        steps: &[Step { name: "chain", run: restart }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "instance.start",
        steps: &[
            Step { name: "ready", run: prepare::made_ready },
            Step { name: "providers", run: providers::ready },
            Step { name: "create", run: launch::create },
            Step { name: "start", run: launch::start },
        ],
        tries: Some(TRIES),
        give_up: Some(give_up),
    },
    Definition {
        name: "instance.update",
        steps: &[
            Step { name: "settle", run: adopted::settle },
            Step { name: "reach", run: adopted::reach },
            Step { name: "configure", run: balancer::configure },
        ],
        tries: Some(TRIES),
        give_up: None,
    },
    Definition {
        name: "instance.stop",
        steps: &[Step { name: "halt", run: halt::run }],
        tries: None,
        give_up: None,
    },
];

/// A restart is a stop that chains to a start.
fn restart(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, _| Ok(Next::Chain("stop", object(json!({ "start": true })))))
    })
}

/// A container that never ran ends in `error`; one that ran before ends stopped, with the message.
fn give_up(tx: &mut Tx<'_>, resource: &Resource, _: &ProcessRow, why: &str) -> Result<Next> {
    let never_ran = resource.data.get("firstRunning").is_none();
    let now = tx.now;
    let row = tx.update(resource.id, |row| {
        row.set("failures", row.int("failures").unwrap_or(0) + 1);
        row.set("diedAt", now);
        Ok(())
    })?;
    service_log::trouble(tx, &row, why)?;
    let mut data = object(json!({ "failure": why }));
    if never_ran {
        data.insert("then".to_owned(), "error".into());
    }
    Ok(Next::Chain("stop", data))
}

/// What the engine knows the container by: its id, or the name it would have been created with.
pub fn engine_ref(row: &Resource) -> String {
    match row.str("externalId") {
        Some(id) => id.to_owned(),
        None => spec::engine_name(row.name.as_deref().unwrap_or_default(), &row.uuid),
    }
}

/// The engine of a container's host; `None` for a container without a host, or whose host is gone with
/// all that was on it. A host that is only out of reach is waited for.
pub(super) fn engine_unless_gone(work: &Work) -> Result<Option<HostEngine>, Failure> {
    let Some(host_id) = work.resource.int("hostId") else { return Ok(None) };
    let host = work.site.store.read(|read| read.get(host_id))?;
    let Some(host) =
        host.filter(|host| host.removed.is_none() && !host.flag(super::host::ABANDONED))
    else {
        return Ok(None);
    };
    // The agent elsewhere runs what is there; what is removed is only shown no more.
    let removes = work.process.name.ends_with(".remove") || work.input_flag("remove");
    if host.flag("remote") && removes {
        return Ok(None);
    }
    engine_of(work).map(Some)
}

/// The engine of a container's host.
pub(super) fn engine_of(work: &Work) -> Result<HostEngine, Failure> {
    work.resource.int("hostId").and_then(|host| work.site.engines.get(host)).ok_or_else(|| {
        Failure {
            message: format!(
                "the host of container `{}` is not reachable",
                work.resource.display_name()
            ),
            retry: Retry::WhenBack,
        }
    })
}
