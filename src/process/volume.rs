//! Processes of volumes: a removed one is removed from its host's engine, data and all.

use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use crate::engine::EngineError;

/// Tries after which removing a volume is given up: something else uses it.
const TRIES: u32 = 5;

/// Processes of `volume`.
pub const PROCESSES: &[Definition] = &[
    Definition { name: "volume.create", steps: &[], tries: None, give_up: None },
    Definition {
        name: "volume.deactivate",
        steps: &[Step { name: "chain", run: deactivated }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "volume.remove",
        steps: &[Step { name: "destroy", run: destroy }],
        tries: Some(TRIES),
        give_up: None,
    },
];

fn deactivated(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            let remove = work.input_flag("remove");
            Ok(if remove { Next::Chain("remove", serde_json::Map::new()) } else { Next::Finish })
        })
    })
}

fn destroy(work: Work) -> StepFuture {
    Box::pin(async move {
        let host = super::instance::engine_unless_gone(&work)?;
        let native = work.resource.flag("isNative") || work.resource.flag("isHostPath");
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
