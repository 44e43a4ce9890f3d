//! Processes of volumes: a removed one is removed from its host's engine, data and all.

use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use crate::engine::EngineError;

/// Tries after which removing a volume is given up: something else uses it.
const TRIES: u32 = 5;

/// Processes of `volume`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "volume.create",
        steps: &[Step { name: "announce", run: announce }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "volume.deactivate",
        steps: &[Step { name: "chain", run: deactivated }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "volume.update",
        steps: &[Step { name: "place", run: place }],
        tries: Some(TRIES),
        give_up: None,
    },
    Definition {
        name: "volume.remove",
        steps: &[Step { name: "destroy", run: destroy }],
        tries: Some(TRIES),
        give_up: None,
    },
];

/// Containers may have waited for it.
fn announce(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            super::instance::prepare::wake_waiting(tx, work.resource.account_id)?;
            Ok(Next::Finish)
        })
    })
}

fn deactivated(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            let remove = work.input_flag("remove");
            Ok(if remove { Next::Chain("remove", serde_json::Map::new()) } else { Next::Finish })
        })
    })
}

/// A volume that is told its host is made there.
fn place(work: Work) -> StepFuture {
    Box::pin(async move {
        let fresh = work.resource.state == "updating-inactive" && !is_foreign(&work);
        match super::instance::engine_unless_gone(&work)?.filter(|_| fresh) {
            Some(host) => {
                let spec = super::storage::engine_volume(&work.resource)?;
                host.engine.volume_ensure(&spec).await?;
                Outcome::commit(|_, _| Ok(Next::Chain("deactivate", serde_json::Map::new())))
            }
            None => Outcome::commit(|_, _| Ok(Next::Finish)),
        }
    })
}

/// Whether a volume is not ours to make or to remove.
fn is_foreign(work: &Work) -> bool {
    work.resource.flag("isNative") || work.resource.flag("isHostPath")
}

fn destroy(work: Work) -> StepFuture {
    Box::pin(async move {
        let host = super::instance::engine_unless_gone(&work)?;
        let native = is_foreign(&work);
        if let (Some(host), Some(name), false) = (host, work.resource.name.as_deref(), native) {
            match host.engine.volume_remove(name).await {
                Err(error @ EngineError::InUse { .. }) => {
                    return Err(Failure { message: error.to_string(), retry: Retry::Later });
                }
                outcome => outcome?,
            }
        }
        Outcome::commit(|_, _| Ok(Next::Finish))
    })
}
