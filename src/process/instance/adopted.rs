//! Containers that somebody else made and a service has taken over: they get their place on the
//! environment's network while they run, and give it back when that is undone.

use serde_json::{Map, Value};

use super::super::instance_links;
use super::super::site::{HostEngine, Site};
use super::super::step::{Failure, Next, Outcome, StepFuture, Work};
use super::launch::attachment;
use super::{connect, engine_of, engine_ref, engine_unless_gone, mounts, naming, prepare, volumes};
use crate::engine::spec::{Extras, NetworkAttachment};
use crate::engine::{Endpoint, EngineError};
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::store::{Read, Tx};

/// Field of a container that was taken over: its fields before.
pub const BEFORE: &str = "adoptedFrom";
/// What the `update` process is told whose container leaves a network of ours: its name in the engine.
pub const LEAVE: &str = "leave";
/// Field of a service that was taken over: networks that its containers were on, with their names there.
pub const FORMER_NETWORKS: &str = "formerNetworks";

/// How soon to look again for what a container waits for, in milliseconds.
const LOOK_AGAIN_MS: i64 = 1000;

/// Whether a row stands for a container that was taken over and is still the same one.
pub fn is_adopted(row: &Resource) -> bool {
    let before = row.map(BEFORE).and_then(|before| before.get("externalId")?.as_str());
    before.is_some() && before == row.str("externalId")
}

/// The step that gives an adopted container its volumes, address and ports: all rows, no engine.
pub fn settle(work: Work) -> StepFuture {
    Box::pin(async move {
        if !is_adopted(&work.resource) || work.resource.int("primaryNetworkId").is_some() {
            return Ok(Outcome::Pass);
        }
        Outcome::commit(|tx, work| {
            let row = tx.require("instance", work.resource.id)?;
            match place(tx, &work.site, &row)? {
                None => Ok(Next::Step),
                Some(message) => Ok(Next::Wait { until: Some(tx.now + LOOK_AGAIN_MS), message }),
            }
        })
    })
}

/// Why it has to wait, if it has.
fn place(tx: &mut Tx<'_>, site: &Site, row: &Resource) -> Result<Option<String>> {
    let row = match volumes::attach(tx, site, row)? {
        volumes::Found::All(row) => *row,
        volumes::Found::Wait(message) => return Ok(Some(message)),
        volumes::Found::Never(message) => return Err(Error::conflict(message)),
    };
    let row = match connect::attach_network(tx, site, &row)? {
        connect::Attached::Here(row) => *row,
        connect::Attached::Wait(message) => return Ok(Some(message)),
        connect::Attached::Nowhere(message) => return Err(Error::conflict(message)),
    };
    // It keeps the one that the engine gives it when it joins.
    let row = tx.update(row.id, |row| {
        row.set(connect::MAC, Value::Null);
        Ok(())
    })?;
    mounts::mount(tx, &row)?;
    prepare::ports(tx, site, &row)?;
    instance_links::make(tx, &row)?;
    Ok(None)
}

/// The step that connects an adopted container to its network, or takes one that is adopted no more off it.
pub fn reach(work: Work) -> StepFuture {
    Box::pin(async move {
        if let Some(network) = work.input(LEAVE).and_then(Value::as_str) {
            if let Some(host) = engine_unless_gone(&work)? {
                host.engine.network_disconnect(&engine_ref(&work.resource), network).await?;
            }
            return Ok(Outcome::Pass);
        }
        if is_adopted(&work.resource) {
            join(&work).await?;
        }
        Ok(Outcome::Pass)
    })
}

async fn join(work: &Work) -> Result<(), Failure> {
    let row = &work.resource;
    let (network, spec) = work.site.store.read(|read| attachment(read, &work.site, row))?;
    let mut extras = Extras { network, ..Extras::default() };
    naming::name(row, &work.site.engines, &mut extras);
    let (NetworkAttachment::Named(endpoint), Some(spec)) = (&extras.network, spec) else {
        return Ok(());
    };
    let host = engine_of(work)?;
    host.engine.network_ensure(&spec).await?;
    host.engine.network_connect(&engine_ref(row), endpoint).await?;
    Ok(())
}

/// Connects a new container of a service that was taken over to the networks that its neighbours still know
/// it on, under the names by which they ask for it. Once none of the stack's containers is an adopted one,
/// nobody asks there any more.
pub(super) async fn meet_neighbours(
    work: &Work,
    host: &HostEngine,
    container: &str,
) -> Result<(), Failure> {
    let networks = work.site.store.read(|read| former_networks(read, &work.resource))?;
    for (network, names) in networks {
        let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
        let place = Endpoint {
            network,
            aliases: names.map(str::to_owned).collect(),
            ..Endpoint::default()
        };
        match host.engine.network_connect(container, &place).await {
            // Whoever made it has removed it: nobody is there.
            Ok(()) | Err(EngineError::NoSuchNetwork { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn former_networks(read: &Read<'_>, row: &Resource) -> Result<Map<String, Value>> {
    let service = row.int("serviceId").map(|id| read.get(id)).transpose()?.flatten();
    let sidekick = row.sidekick_name().unwrap_or_default();
    let networks = service
        .as_ref()
        .and_then(|service| service.map(FORMER_NETWORKS)?.get(sidekick)?.as_object().cloned());
    let Some((networks, stack)) = networks.zip(row.int("stackId")) else { return Ok(Map::new()) };
    // One that shares another's network is not on any of its own.
    let managed = row.int("primaryNetworkId").map(|id| read.get(id)).transpose()?.flatten();
    let is_managed = managed.is_some_and(|network| !network.kind.starts_with("docker"));
    let others = read.referrers("instance", "stackId", stack)?;
    let is_asked = others.iter().any(is_adopted);
    Ok(if is_managed && is_asked { networks } else { Map::new() })
}
