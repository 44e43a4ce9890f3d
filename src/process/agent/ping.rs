//! How an agent is asked whether it is there.

use std::sync::Arc;

use serde_json::json;

use super::report::{HostReport, PingReport};
use super::{SIMULATED, number};
use crate::engine::Engine;
use crate::error::Result;
use crate::events::bus::Event;
use crate::model::resource::Resource;
use crate::model::{id, registry};
use crate::process::site::Site;

/// The setting that says how long an agent may take to answer, in seconds.
const TIMEOUT: &str = "agent.ping.timeout.seconds";
const TIMEOUT_S: i64 = 15;

/// Whether an agent is a simulated one.
pub fn is_simulated(agent: &Resource) -> bool {
    agent.str("uri").is_some_and(|uri| uri.starts_with(SIMULATED))
}

/// The engine of an agent whose engine this server drives.
fn engine(site: &Site, agent: &Resource) -> Result<Option<Arc<dyn Engine>>> {
    let hosts = site.store.read(|read| read.referrers("host", "agentId", agent.id))?;
    let driven = hosts.iter().find_map(|host| site.engines.get(host.id));
    if let Some(host) = driven {
        return Ok(Some(host.engine));
    }
    let name = agent.str("uri").and_then(|uri| uri.strip_prefix(SIMULATED));
    let simulated = name.and_then(|name| Some(site.simulated()?.host(name)));
    Ok(simulated.map(|engine| Arc::new(engine) as Arc<dyn Engine>))
}

/// Whether this server drives the agent's engine itself.
///
/// # Errors
/// When the database fails.
pub fn drives(site: &Site, agent: &Resource) -> Result<bool> {
    Ok(is_simulated(agent) || engine(site, agent)?.is_some())
}

/// The name of events for an agent elsewhere.
pub fn event_name(event: &str, agent_id: i64) -> String {
    format!("{event};agent={agent_id}")
}

/// Asks an agent for its hosts; or why it does not answer, for a person.
pub async fn ping(site: &Site, agent: &Resource) -> Result<PingReport, String> {
    let engine = engine(site, agent).map_err(|error| error.to_string())?;
    if let Some(engine) = engine {
        let info = engine.info().await.map_err(|error| error.to_string())?;
        let mut host = HostReport::of_engine(&info);
        if is_simulated(agent) {
            host.address = Some(simulated_address(agent.id));
        }
        return Ok(PingReport { hosts: vec![host] });
    }
    if is_simulated(agent) {
        return Err("simulated agents are off; `sim.agents = true` switches them on".to_owned());
    }
    ping_by_event(site, agent).await
}

/// An address of its own for each simulated host.
fn simulated_address(agent_id: i64) -> String {
    let [.., b, c, d] = agent_id.to_be_bytes();
    format!("10.{b}.{c}.{d}")
}

async fn ping_by_event(site: &Site, agent: &Resource) -> Result<PingReport, String> {
    let name = event_name("ping", agent.id);
    if !site.bus.is_heard(&name) {
        return Err(format!("agent {} does not listen for events", agent.id));
    }
    let timeout = site
        .store
        .read(|read| number(read, TIMEOUT, TIMEOUT_S))
        .map_err(|error| error.to_string())?;
    let prefix = registry::lookup("agent").map_or("", |entry| entry.prefix.as_str());
    let event = Event {
        resource_type: Some("agent".to_owned()),
        resource_id: Some(id::format(prefix, agent.id)),
        data: json!({ "options": { "resources": true, "instances": false }, "resources": [] }),
        ..Event::new(name, site.entropy.uuid(), site.clock.now_ms())
    };
    let mut call = site.bus.call(event);
    let patience = timeout.max(1).unsigned_abs().saturating_mul(1000);
    tokio::select! {
        biased;
        reply = call.reply() => match reply {
            Some(reply) => Ok(PingReport::of_reply(&reply.data)),
            None => Err(format!("agent {} is gone", agent.id)),
        },
        () = site.clock.sleep_ms(patience) => {
            Err(format!("agent {} has not answered a ping within {timeout} s", agent.id))
        }
    }
}
