//! Sees to it that the containers of balancers have the configuration that fits their targets.
//!
//! A loop without input (I6): it hears that services or containers changed, waits a moment for what
//! comes with it, works out the configuration of each balancer of the environment, and starts the
//! process that brings it to the containers that have another.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Map;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::issuance;
use crate::error::Result;
use crate::events::Changes;
use crate::process::balancer;
use crate::process::{self, site::Site};
use crate::store::{Query, Read};

/// What comes within so many milliseconds of a change is looked at together with it.
const GATHER_MS: u64 = 50;
/// Types that a configuration is made of.
const WATCHED: &[&str] =
    &["certificate", "instance", "service", "serviceConsumeMap", "serviceExposeMap"];

/// Runs until the token is cancelled.
pub async fn run(site: Arc<Site>, stop: CancellationToken) {
    let mut changes = site.store.feed().listen();
    let mut due: Option<BTreeSet<i64>> = None;
    loop {
        match environments(&site, due.take()) {
            Ok(environments) => {
                for environment in environments {
                    if let Err(error) = look(&site, environment).await {
                        tracing::warn!(%error, environment, "cannot look after balancers");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "cannot look for balancers"),
        }
        let mut heard = BTreeSet::new();
        while heard.is_empty() {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                next = changes.recv() => match next {
                    Ok(next) => note(&next, &mut heard),
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                },
            }
        }
        let all = heard.is_empty();
        tokio::select! {
            () = stop.cancelled() => return,
            () = site.clock.sleep_ms(GATHER_MS) => {}
        }
        while let Ok(next) = changes.try_recv() {
            note(&next, &mut heard);
        }
        due = (!all).then_some(heard);
    }
}

fn note(changes: &Changes, heard: &mut BTreeSet<i64>) {
    let own = changes.iter().filter(|change| WATCHED.contains(&change.ty));
    heard.extend(own.filter_map(|change| change.account_id));
    // An environment's account with an ACME server is a field of the environment.
    let accounts = changes.iter().filter(|change| change.ty == "account");
    heard.extend(accounts.map(|change| change.id));
}

/// The environments to look at: those named, or all.
pub(super) fn environments(site: &Site, named: Option<BTreeSet<i64>>) -> Result<BTreeSet<i64>> {
    if let Some(named) = named {
        return Ok(named);
    }
    let mut all = BTreeSet::new();
    site.store.read(|read| {
        read.for_each("service", |service| {
            all.extend(service.account_id.filter(|_| balancer::is_balancer(&service)));
            Ok(())
        })
    })?;
    Ok(all)
}

async fn look(site: &Arc<Site>, environment: i64) -> Result<()> {
    issuance::look(site, environment).await?;
    let outdated = site.store.read(|read| outdated(read, environment))?;
    if outdated.is_empty() {
        return Ok(());
    }
    site.store
        .write(move |tx| {
            for id in outdated {
                let idle = tx.get(id)?.is_some_and(|row| row.state == "running");
                if idle && tx.open_process(id)?.is_none() {
                    process::start(tx, id, "update", Map::new())?;
                }
            }
            Ok(())
        })
        .await
}

/// Running containers of balancers that have another configuration than they ought to.
fn outdated(read: &Read<'_>, environment: i64) -> Result<Vec<i64>> {
    let query = Query {
        ty: "service",
        kinds: vec!["loadBalancerService"],
        account_id: Some(environment),
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    let mut outdated = Vec::new();
    for service in read.list(&query)? {
        let mut hashes = balancer::Hashes::of(read, &service);
        for container in read.referrers("instance", "serviceId", service.id)? {
            let runs = container.state == "running";
            if runs && balancer::differs(&container, hashes.wanted(&container)?) {
                outdated.push(container.id);
            }
        }
    }
    Ok(outdated)
}
