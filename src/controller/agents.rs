//! Looks after agents: watches the engines of hosts that come and go, and pings the agents elsewhere.
//!
//! The loop takes no input: it is poked by changes, then looks at what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::watch;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process::agent::{self, PingReport};
use crate::process::site::Site;

/// Between two pings of an agent, in milliseconds.
const PING_MS: i64 = 5000;
/// The setting that says after how many missed pings an agent is looked for.
const MISSED: &str = "agent.ping.reconnect.after.failed.count";
const MISSED_TIMES: i64 = 6;

/// Drives the simulated hosts there are, before anything else begins.
///
/// # Errors
/// When the database fails.
pub fn attach(site: &Site) -> Result<()> {
    let mut agents = Vec::new();
    site.store.read(|read| {
        read.for_each("agent", |row| {
            if agent::is_simulated(&row) {
                agents.push(row);
            }
            Ok(())
        })
    })?;
    for row in agents {
        for host in site.store.read(|read| read.referrers("host", "agentId", row.id))? {
            agent::attach_simulated(site, &row, host.id);
        }
    }
    Ok(())
}

/// Runs until the token is cancelled.
pub async fn run(site: Arc<Site>, compare_ms: u64, stop: CancellationToken) {
    let mut changes = site.store.feed().listen();
    let mut keeper = Keeper { site, watches: JoinSet::new(), missed: BTreeMap::new() };
    let mut next = keeper.site.clock.now_ms();
    let mut dirty = true;
    loop {
        if dirty {
            keeper.watch(compare_ms, &stop);
        }
        if keeper.site.clock.now_ms() >= next {
            if let Err(error) = keeper.ping().await {
                tracing::warn!(%error, "cannot look after agents");
            }
            next = keeper.site.clock.now_ms().saturating_add(PING_MS);
        }
        dirty = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            heard = changes.recv() => match heard {
                Ok(heard) => heard.iter().any(|change| change.ty == "host"),
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => true,
                Err(tokio::sync::broadcast::error::RecvError::Closed) => break,
            },
            Some(_) = keeper.watches.join_next(), if !keeper.watches.is_empty() => false,
            () = keeper.site.clock.sleep_until(next) => false,
        };
    }
    while keeper.watches.join_next().await.is_some() {}
}

struct Keeper {
    site: Arc<Site>,
    watches: JoinSet<()>,
    /// Pings missed in a row, by agent.
    missed: BTreeMap<i64, i64>,
}

impl Keeper {
    /// Watches every engine that nobody watches yet.
    fn watch(&mut self, compare_ms: u64, stop: &CancellationToken) {
        for host in self.site.engines.unwatched() {
            if self.site.engines.claim_watch(host) {
                let site = Arc::clone(&self.site);
                self.watches.spawn(watch::watch(site, host, compare_ms, stop.clone()));
            }
        }
    }

    /// Pings every agent elsewhere that is active, and those that are lost but listen again.
    async fn ping(&mut self) -> Result<()> {
        let elsewhere = self.elsewhere()?;
        let known: BTreeSet<i64> = elsewhere.iter().map(|row| row.id).collect();
        self.missed.retain(|agent, _| known.contains(agent));
        let mut pings = JoinSet::new();
        for row in elsewhere {
            let listens = self.site.bus.is_heard(&agent::event_name("ping", row.id));
            match row.state.as_str() {
                "active" => {
                    let site = Arc::clone(&self.site);
                    pings.spawn(async move {
                        let answer = agent::ping(&site, &row).await;
                        (row, answer)
                    });
                }
                "disconnected" | "reconnecting" | "activating" if listens => {
                    let id = row.id;
                    self.site.store.write(move |tx| agent::heard(tx, id)).await?;
                }
                _ => {}
            }
        }
        while let Some(done) = pings.join_next().await {
            if let Ok((row, answer)) = done {
                self.answered(row, answer).await?;
            }
        }
        Ok(())
    }

    /// Agents that are reached by events.
    fn elsewhere(&self) -> Result<Vec<Resource>> {
        let mut rows = Vec::new();
        self.site.store.read(|read| {
            read.for_each("agent", |row| {
                if !agent::is_simulated(&row) && row.account_id.is_some() {
                    rows.push(row);
                }
                Ok(())
            })
        })?;
        Ok(rows)
    }

    async fn answered(&mut self, row: Resource, answer: Result<PingReport, String>) -> Result<()> {
        let site = Arc::clone(&self.site);
        match answer {
            Ok(report) => {
                self.missed.remove(&row.id);
                let write =
                    move |tx: &mut crate::store::Tx<'_>| agent::take_in(tx, &site, &row, &report);
                self.site.store.write(write).await
            }
            Err(why) => {
                let missed = self.missed.entry(row.id).or_default();
                *missed += 1;
                let patience = site.store.read(|read| agent::number(read, MISSED, MISSED_TIMES))?;
                if *missed < patience {
                    return Ok(());
                }
                self.missed.remove(&row.id);
                tracing::warn!(agent = row.id, why, "an agent does not answer");
                self.site.store.write(move |tx| agent::silent(tx, row.id)).await
            }
        }
    }
}
