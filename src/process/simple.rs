//! Types whose create leads straight to active, as Rancher's `activateByDefault` list says.

use serde_json::Map;

use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};

/// Their `create` processes.
pub const PROCESSES: &[Definition] = &[
    activating("agent.create"),
    activating("credential.create"),
    activating("externalhandler.create"),
    activating("externalhandlerexternalhandlerprocessmap.create"),
    activating("externalhandlerprocess.create"),
    activating("hostipaddressmap.create"),
    activating("image.create"),
    activating("ipaddress.create"),
    activating("ipaddressnicmap.create"),
    activating("port.create"),
    activating("projectmember.create"),
    activating("storagepool.create"),
    activating("subnet.create"),
    activating("userpreference.create"),
];

const fn activating(name: &'static str) -> Definition {
    Definition { name, steps: &[Step { name: "chain", run: chain }], tries: None, give_up: None }
}

fn chain(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(|_, _| Ok(Next::Chain("activate", Map::new()))) })
}
