//! Processes of agents: pinged until they answer, taken in with their hosts, given up when they are lost.
//!
//! An agent is what speaks for a host. Three kinds live the same life: the engine that this server drives
//! itself, a simulated host (`sim://`), and a program elsewhere that listens for events (`event://`).

mod hosts;
mod ping;
mod report;

use serde_json::{Map, json};

use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::{may_begin, retire, start};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Query, Read, Tx};

pub use hosts::{attach_simulated, retire_rows, take_in};
pub use ping::{drives, event_name, is_simulated, ping};
pub use report::{HostReport, PingReport};

/// What the address of a simulated agent begins with.
pub const SIMULATED: &str = "sim://";
/// Where an agent keeps the key it registered with: a name that no field has.
pub const REGISTERED_BY: &str = "registeredBy";
/// The fact that says whether agents may be simulated hosts: [`OFF`], [`ALONE`] or [`BESIDE_REAL`].
pub const SIMULATION: &str = "simulated agents";
/// They may not.
pub const OFF: &str = "off";
/// They may, and run images of every kind.
pub const ALONE: &str = "alone";
/// They may, and run `sim:` images only.
pub const BESIDE_REAL: &str = "beside real hosts";
/// How soon an agent that does not answer is pinged again, in milliseconds.
pub const PING_AGAIN_MS: i64 = 2000;
/// How soon to look again whether what is being removed is gone, in milliseconds.
const LOOK_AGAIN_MS: i64 = 100;
/// The setting that says how long an agent may be silent before it counts as lost, in seconds.
const LOST_AFTER: &str = "agent.disconnect.after.seconds";
const LOST_AFTER_S: i64 = 180;

/// Processes of `agent`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "agent.activate",
        steps: &[Step { name: "ping", run: activate }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "agent.deactivate",
        steps: &[Step { name: "chain", run: deactivated }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "agent.reconnect",
        steps: &[Step { name: "ping", run: reconnect }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "agent.remove",
        steps: &[Step { name: "clear", run: clear }],
        tries: None,
        give_up: None,
    },
];

/// A setting of whole numbers, whatever the table of settings knows.
pub fn number(read: &Read<'_>, setting: &str, default: i64) -> Result<i64> {
    let text = read.setting(setting)?;
    Ok(text.and_then(|text| text.trim().parse().ok()).unwrap_or(default))
}

fn activate(work: Work) -> StepFuture {
    Box::pin(async move { answered(ping(&work.site, &work.resource).await, Next::Finish) })
}

fn reconnect(work: Work) -> StepFuture {
    Box::pin(async move {
        let next = Next::Chain("finishreconnect", Map::new());
        answered(ping(&work.site, &work.resource).await, next)
    })
}

/// An answer takes the agent's hosts in; silence is waited out until the agent counts as lost.
fn answered(
    answer: Result<PingReport, String>,
    next: Next,
) -> Result<Outcome, super::step::Failure> {
    Outcome::commit(move |tx, work| match answer {
        Ok(report) => {
            take_in(tx, &work.site, &work.resource, &report)?;
            Ok(next)
        }
        Err(message) => {
            let patience = number(tx, LOST_AFTER, LOST_AFTER_S)?.max(0).saturating_mul(1000);
            if tx.now.saturating_sub(work.process.created) >= patience {
                return Ok(Next::Chain("disconnect", Map::new()));
            }
            Ok(Next::Wait { until: Some(tx.now + PING_AGAIN_MS), message })
        }
    })
}

fn deactivated(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|_, work| {
            let remove = work.input_flag("remove");
            Ok(if remove { Next::Chain("remove", Map::new()) } else { Next::Finish })
        })
    })
}

fn clear(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(take_down) })
}

/// The agent's hosts go first, then what it proves itself with and how it came.
fn take_down(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let agent = &work.resource;
    let hosts = tx.referrers("host", "agentId", agent.id)?;
    for host in &hosts {
        super::project::remove(tx, host)?;
    }
    if !hosts.is_empty() {
        let message = format!("removing {} hosts", hosts.len());
        return Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message });
    }
    if let Some(key) = agent.str(REGISTERED_BY) {
        for row in tx.referrers_by_text("genericObject", "key", key)? {
            retire(tx, row.id)?;
        }
    }
    let own = agent.account_id.map(|id| tx.get(id)).transpose()?.flatten();
    if let Some(account) = own.filter(|account| account.kind == "agent") {
        let query = Query {
            ty: "credential",
            account_id: Some(account.id),
            limit: 100,
            ..Query::default()
        };
        for credential in tx.list(&query)? {
            retire(tx, credential.id)?;
        }
        retire(tx, account.id)?;
    }
    Ok(Next::Finish)
}

/// Makes the agent of an engine that this server drives. It proves itself to nobody, so it has no account.
///
/// # Errors
/// When the database fails.
pub fn driven(tx: &mut Tx<'_>, environment: i64, address: &str) -> Result<Resource> {
    let agent = NewResource::new("agent", tx.entropy.uuid())
        .with("agentResourcesAccountId", environment)
        .with("managedConfig", false)
        .with("uri", address);
    super::create(tx, agent, Map::new())
}

/// Shows an agent's state on its hosts; called whenever the state changes.
pub fn mirror(tx: &mut Tx<'_>, agent: &Resource) -> Result<()> {
    for host in tx.referrers("host", "agentId", agent.id)? {
        tx.update(host.id, |row| {
            row.set("agentState", agent.state.as_str());
            if agent.state == "active" {
                row.clear_message();
            }
            Ok(())
        })?;
        super::lost_hosts::follow(tx, &host, &agent.state)?;
    }
    Ok(())
}

/// Starts the removal of an agent that has lost its last host.
pub fn without_hosts(tx: &mut Tx<'_>, agent_id: i64, host_id: i64) -> Result<()> {
    let others = tx.referrers("host", "agentId", agent_id)?;
    if others.iter().any(|host| host.id != host_id) {
        return Ok(());
    }
    let Some(agent) = tx.get(agent_id)? else { return Ok(()) };
    if may_begin(&agent, "remove") {
        start(tx, agent_id, "remove", Map::new())?;
    } else if may_begin(&agent, "deactivate") {
        start(tx, agent_id, "deactivate", super::object(json!({ "remove": true })))?;
    }
    Ok(())
}

/// Something was heard of an agent that this server cannot reach: it is pinged until it answers.
pub fn silent(tx: &mut Tx<'_>, agent_id: i64) -> Result<()> {
    let Some(agent) = tx.get(agent_id)? else { return Ok(()) };
    if agent.state == "active" {
        start(tx, agent_id, "reconnect", Map::new())?;
    }
    Ok(())
}

/// An agent can be reached: whatever waits for it goes on at once.
pub fn heard(tx: &mut Tx<'_>, agent_id: i64) -> Result<()> {
    let Some(agent) = tx.get(agent_id)? else { return Ok(()) };
    match agent.state.as_str() {
        "disconnected" | "disconnecting" => {
            start(tx, agent_id, "reconnect", Map::new())?;
        }
        "activating" | "reconnecting" => tx.process_wake(agent_id)?,
        _ => {}
    }
    Ok(())
}
