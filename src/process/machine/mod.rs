//! Processes of machines: reaching one, and making a host of it. A host and its machine go together,
//! whichever of the two is made or removed first.

pub mod bundle;
pub mod driver;
pub mod login;

mod provision;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use super::{agent, object};
use crate::engine::EngineError;
use crate::engine::machine::{Install, Login, Ready};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{ProcessRow, Tx};

/// Tries to reach a machine before it is given up.
const TRIES: u32 = 5;

/// How soon to look again whether what is being removed is gone, in milliseconds.
const LOOK_AGAIN_MS: i64 = 100;

/// Processes of `physicalHost`, and of hosts that a driver makes.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "host.provision",
        steps: &[
            Step { name: "machine", run: provision::machine },
            Step { name: "wait", run: provision::wait },
        ],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "physicalhost.bootstrap",
        steps: &[Step { name: "reach", run: reach }, Step { name: "register", run: register }],
        tries: Some(TRIES),
        give_up: Some(give_up),
    },
    Definition {
        name: "physicalhost.create",
        steps: &[Step { name: "chain", run: chain }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "physicalhost.remove",
        steps: &[Step { name: "hosts", run: hosts }, Step { name: "forget", run: forget }],
        tries: None,
        give_up: None,
    },
];

fn chain(_: Work) -> StepFuture {
    Box::pin(async { Outcome::commit(|_, _| Ok(Next::Chain("bootstrap", Map::new()))) })
}

/// Logs in at the machine and sees to it that Docker is there. From then on its host key is asked for.
fn reach(work: Work) -> StepFuture {
    Box::pin(async move {
        // One without a driver was made by its agent, which has reached us.
        if work.resource.str("driver").is_none() {
            return Ok(Outcome::Pass);
        }
        let (login, install) = login::login(&work.site.vault, &work.resource)?;
        let ready = prepare(&work, &login, install).await.map_err(|error| Failure {
            message: error.to_string(),
            retry: if error.retryable() { Retry::Later } else { Retry::Never },
        })?;
        Outcome::commit(move |tx, work| {
            tx.update(work.resource.id, |row| {
                row.set("hostKey", ready.host_key);
                let public = Some(ready.public_key).filter(|key| !key.is_empty());
                row.set(bundle::PUBLIC_KEY, public);
                row.set("externalId", ready.info.id);
                row.set("hostname", ready.info.hostname);
                row.set("engineUrl", login.endpoint());
                Ok(())
            })?;
            Ok(Next::Step)
        })
    })
}

/// Prepares the machine, showing what is being done.
async fn prepare(work: &Work, login: &Login, install: Install) -> Result<Ready, EngineError> {
    let (sender, mut said) = watch::channel(String::new());
    let report = move |text: &str| {
        sender.send_replace(text.to_owned());
    };
    let preparing = work.site.machines.prepare(login, install, &report);
    tokio::pin!(preparing);
    loop {
        tokio::select! {
            outcome = &mut preparing => return outcome,
            Ok(()) = said.changed() => {
                let text = said.borrow_and_update().clone();
                show(work, text).await;
            }
        }
    }
}

async fn show(work: &Work, text: String) {
    let id = work.resource.id;
    let shown = work.site.store.write(move |tx| {
        tx.update(id, |row| {
            row.set_progress(&text);
            Ok(())
        })?;
        // The host that waits for the machine shows it, too.
        wake_hosts_of(tx, id)
    });
    if let Err(error) = shown.await {
        tracing::warn!(%error, "cannot show how a machine is prepared");
    }
}

/// The machine's host: the one that waits for it, or a new one.
fn register(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let machine = &work.resource;
            if machine.str("driver").is_none() {
                return Ok(Next::Finish);
            }
            let url = machine.str("engineUrl").unwrap_or_default().to_owned();
            let waiting = tx.referrers("host", "physicalHostId", machine.id)?;
            if waiting.is_empty() {
                make_host(tx, work, url)?;
                return Ok(Next::Finish);
            }
            for host in waiting {
                let agent = agent_of(tx, machine, &host, &url)?;
                let url = url.clone();
                tx.update(host.id, |host| {
                    host.set("engineUrl", url);
                    host.set("agentId", agent.id);
                    host.set("agentState", agent.state.as_str());
                    Ok(())
                })?;
                tx.process_wake(host.id)?;
            }
            Ok(Next::Finish)
        })
    })
}

/// The agent of a host whose machine was reached.
fn agent_of(tx: &mut Tx<'_>, machine: &Resource, host: &Resource, url: &str) -> Result<Resource> {
    match host.int("agentId").map(|id| tx.get(id)).transpose()?.flatten() {
        Some(agent) => Ok(agent),
        None => agent::driven(tx, machine.account_id.unwrap_or(0), url),
    }
}

fn make_host(tx: &mut Tx<'_>, work: &Work, url: String) -> Result<()> {
    let machine = &work.resource;
    let name = machine.name.clone().unwrap_or_default();
    let agent = agent::driven(tx, machine.account_id.unwrap_or(0), &url)?;
    let mut host = NewResource::new("host", work.site.entropy.uuid())
        .kind("docker")
        .name(name.clone())
        .with("hostname", machine.str("hostname").unwrap_or(&name))
        .with("engineUrl", url)
        .with("agentId", agent.id)
        .with("agentState", agent.state.as_str())
        .with("physicalHostId", machine.id)
        .with("labels", machine.data.get("labels").cloned().unwrap_or_else(|| json!({})));
    host.account_id = machine.account_id;
    super::create(tx, host, Map::new())?;
    Ok(())
}

fn give_up(tx: &mut Tx<'_>, resource: &Resource, _: &ProcessRow, why: &str) -> Result<Next> {
    wake_hosts_of(tx, resource.id)?;
    Ok(Next::Chain("error", object(json!({ "failure": why }))))
}

/// The machine's hosts go first.
fn hosts(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let left = tx.referrers("host", "physicalHostId", work.resource.id)?;
            for host in &left {
                super::project::remove(tx, host)?;
            }
            if left.is_empty() {
                return Ok(Next::Step);
            }
            let message = "removing its host".to_owned();
            Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message })
        })
    })
}

/// What could log in there is not kept.
fn forget(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            tx.update(work.resource.id, |row| {
                row.set(login::SECRETS, Value::Null);
                Ok(())
            })?;
            Ok(Next::Finish)
        })
    })
}

/// Starts the removal of a host's machine, at the end of the host's own.
pub fn remove_of(tx: &mut Tx<'_>, host: &Resource) -> Result<()> {
    let Some(id) = host.int("physicalHostId") else { return Ok(()) };
    tx.update(host.id, |row| {
        row.set(login::SECRETS, Value::Null);
        Ok(())
    })?;
    match tx.get(id)?.filter(|machine| machine.removed.is_none()) {
        Some(machine) => super::project::remove(tx, &machine),
        None => Ok(()),
    }
}

/// Wakes the processes of a machine's hosts.
fn wake_hosts_of(tx: &mut Tx<'_>, machine: i64) -> Result<()> {
    for host in tx.referrers("host", "physicalHostId", machine)? {
        tx.process_wake(host.id)?;
    }
    Ok(())
}
