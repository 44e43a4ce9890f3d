//! Processes of networks: an environment's network claims a subnet that nothing else on the host uses.

use serde_json::Map;

use super::addresses::Subnet;
use super::site::HostEngine;
use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use crate::engine::{EngineError, NetworkSpec};
use crate::error::{Error, Result};
use crate::model::resource::NewResource;
use crate::store::{Query, Tx};

/// How many subnets are tried before giving up: `10.42.0.0/16` to `10.105.0.0/16`.
const CANDIDATES: usize = 64;

/// How soon to look again for a host that is coming up, in milliseconds.
const HOST_MS: i64 = 300;

/// Processes of `network`.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "network.create",
        steps: &[Step { name: "claim", run: claim }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "network.remove",
        steps: &[Step { name: "release", run: release }],
        tries: None,
        give_up: None,
    },
];

/// Makes the network on the environment's first host with the first subnet that the engine accepts.
fn claim(work: Work) -> StepFuture {
    Box::pin(async move {
        let Some(name) = work.resource.str("engineName").map(str::to_owned) else {
            return Outcome::commit(|_, _| Ok(Next::Chain("activate", Map::new())));
        };
        let Some((host_id, host)) = first_host(&work)? else {
            return Outcome::commit(wait_for_host);
        };
        let subnet = match work.resource.str("claimed").and_then(Subnet::parse) {
            Some(subnet) => subnet,
            None => find_subnet(&work, &host, &name).await?,
        };
        work.site.engines.network_known(host_id, &name);
        Outcome::commit(move |tx, work| {
            record(tx, work, subnet)?;
            Ok(Next::Chain("activate", Map::new()))
        })
    })
}

/// Sleeps until a host is activated, unless one has come while the step looked.
fn wait_for_host(tx: &mut Tx<'_>, work: &Work) -> Result<Next> {
    let hosts =
        Query { ty: "host", account_id: work.resource.account_id, limit: 1, ..Default::default() };
    let until = (tx.count(&hosts)? > 0).then_some(tx.now + HOST_MS);
    Ok(Next::Wait { until, message: "waits for a host".to_owned() })
}

fn first_host(work: &Work) -> Result<Option<(i64, HostEngine)>> {
    let hosts = work.site.store.read(|read| {
        read.list(&Query {
            ty: "host",
            account_id: work.resource.account_id,
            limit: 100,
            ..Default::default()
        })
    })?;
    Ok(hosts.iter().find_map(|host| Some((host.id, work.site.engines.get(host.id)?))))
}

async fn find_subnet(work: &Work, host: &HostEngine, name: &str) -> Result<Subnet, Failure> {
    let taken = taken(work)?;
    let first = Subnet::parse(&work.site.limits.first_subnet).ok_or_else(|| {
        Failure::from(Error::internal(format!(
            "`{}` is not a subnet",
            work.site.limits.first_subnet
        )))
    })?;
    let candidates = std::iter::successors(Some(first), Subnet::next).take(CANDIDATES);
    let mut refusal = String::from("every candidate is taken");
    for subnet in candidates.filter(|subnet| !taken.contains(&subnet.to_string())) {
        let spec = NetworkSpec {
            name: name.to_owned(),
            subnet: Some(subnet.to_string()),
            gateway: Some(subnet.gateway().to_string()),
            bridge: None,
            labels: [("io.ranchette.network.uuid".to_owned(), work.resource.uuid.clone())].into(),
        };
        match host.engine.network_ensure(&spec).await {
            Ok(_) => return Ok(subnet),
            Err(away @ EngineError::Unavailable { .. }) => return Err(away.into()),
            Err(error) => refusal = error.to_string(),
        }
    }
    Err(Failure {
        message: format!("no free subnet for network `{name}`: {refusal}"),
        retry: Retry::Later,
    })
}

/// Subnets of every live network of this installation.
fn taken(work: &Work) -> Result<Vec<String>> {
    work.site.store.read(|read| {
        let mut taken = Vec::new();
        read.for_each("network", |network| {
            taken.extend(network.str("claimed").map(str::to_owned));
            Ok(())
        })?;
        Ok(taken)
    })
}

fn record(tx: &mut Tx<'_>, work: &Work, subnet: Subnet) -> Result<()> {
    tx.update(work.resource.id, |network| {
        network.set("claimed", subnet.to_string());
        Ok(())
    })?;
    if !tx.referrers("subnet", "networkId", work.resource.id)?.is_empty() {
        return Ok(());
    }
    let text = subnet.to_string();
    let (address, _) = text.split_once('/').unwrap_or((text.as_str(), ""));
    let mut row = NewResource::new("subnet", work.site.entropy.uuid())
        .name(text.clone())
        .state("active")
        .with("networkId", work.resource.id)
        .with("networkAddress", address)
        .with("cidrSize", subnet.prefix())
        .with("gateway", subnet.gateway().to_string());
    row.account_id = work.resource.account_id;
    tx.insert(row)?;
    Ok(())
}

fn release(work: Work) -> StepFuture {
    Box::pin(async move {
        if let Some(name) = work.resource.str("engineName") {
            // Wherever it may be: what this server has made before its last start is not remembered.
            for (host_id, host) in work.site.engines.all() {
                host.engine.network_remove(name).await?;
                work.site.engines.network_unknown(host_id, name);
            }
        }
        Outcome::commit(|tx, work| {
            for subnet in tx.referrers("subnet", "networkId", work.resource.id)? {
                super::retire(tx, subnet.id)?;
            }
            Ok(Next::Finish)
        })
    })
}
