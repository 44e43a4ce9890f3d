//! The reconcile loop: reads facts, asks `reconcile` and `scheduler`, writes rows and processes.
//!
//! It takes no input: a change of a service, of one of its containers or of a host marks services as
//! dirty, and each dirty service is read afresh, planned, and the plan put into rows and processes. A
//! lost notice costs time, never correctness: after a lag every service is looked at again.

mod desired;

mod apply;
mod beside;
mod policy;
mod providers;
mod rollout;
mod rows;

mod settle;

pub mod adopt;
pub mod agents;
pub mod attach;
pub mod balancers;
pub mod bound;
pub mod checks;
pub mod deploy;
pub mod foresee;
pub mod hosts;
pub mod issuance;
pub mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::events::Changes;
use crate::model::resource::Resource;
use crate::process::order;
use crate::process::site::Site;
use crate::reconcile::{self, Verdict};
use crate::scheduler::ALLOCATION_FAILED;
use crate::store::Read;

/// A service whose plan took this long to make rests so many times longer before the next, so that
/// planning a large service while its containers come up costs a bounded share of the machine.
const REST_FACTOR: i64 = 4;
/// The longest rest, in milliseconds.
const LONGEST_REST_MS: i64 = 500;
/// After an error in the database, a service is looked at again this much later, in milliseconds.
const AGAIN_MS: i64 = 2000;

/// The loop.
pub struct Controller {
    site: Arc<Site>,
    stop: CancellationToken,
    /// When each dirty service is due, in Unix milliseconds.
    due: BTreeMap<i64, i64>,
    /// When each service was planned last and how long that took.
    rested: BTreeMap<i64, i64>,
    /// Stacks of which a service has another health than before.
    stacks: BTreeSet<i64>,
}

impl Controller {
    /// A controller for a site; it does nothing until [`Controller::run`].
    pub fn new(site: Arc<Site>, stop: CancellationToken) -> Self {
        Self { site, stop, due: BTreeMap::new(), rested: BTreeMap::new(), stacks: BTreeSet::new() }
    }

    /// Runs until the token is cancelled.
    pub async fn run(mut self) {
        let mut changes = self.site.store.feed().listen();
        self.mark_all();
        while !self.stop.is_cancelled() {
            let next = self.work().await;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                heard = changes.recv() => match heard {
                    Ok(heard) => {
                        self.hear(&heard).await;
                        while let Ok(heard) = changes.try_recv() {
                            self.hear(&heard).await;
                        }
                    }
                    Err(RecvError::Lagged(_)) => self.mark_all(),
                    Err(RecvError::Closed) => break,
                },
                () = self.sleep(next) => {}
            }
        }
    }

    /// Plans every service once, and does what the plans say, as at a start or after a lag.
    pub async fn look_at_all(&mut self) {
        self.mark_all();
        self.work().await;
    }

    async fn sleep(&self, until: Option<i64>) {
        match until {
            Some(until) => self.site.clock.sleep_until(until).await,
            None => std::future::pending().await,
        }
    }

    fn mark_all(&mut self) {
        let now = self.site.clock.now_ms();
        let marked = self.site.store.read(|read| {
            read.for_each("service", |service| {
                self.due.insert(service.id, now);
                self.stacks.extend(service.int("stackId"));
                Ok(())
            })
        });
        if let Err(error) = marked {
            tracing::error!(%error, "cannot list services");
        }
    }

    /// Marks what a commit may have changed.
    async fn hear(&mut self, changes: &Changes) {
        let now = self.site.clock.now_ms();
        for change in changes.iter() {
            let service = match change.ty {
                "service" => Some(change.id),
                "host" => {
                    self.host_changed(change.account_id).await;
                    None
                }
                _ => change.service_id,
            };
            if let Some(service) = service {
                let at = self.rested.get(&service).copied().unwrap_or(now).max(now);
                let due = self.due.entry(service).or_insert(at);
                *due = (*due).min(at);
            }
        }
    }

    /// A host came, went or changed its labels: every service of its environment may be affected, and
    /// containers that found no host ask again.
    async fn host_changed(&mut self, environment: Option<i64>) {
        let now = self.site.clock.now_ms();
        let read = self.site.store.read(|read| {
            read.for_each("service", |service| {
                if service.account_id == environment {
                    self.due.insert(service.id, now);
                }
                Ok(())
            })
        });
        let woken = settle::wake_unplaced(&self.site, environment).await;
        if let Err(error) = read.and(woken) {
            tracing::error!(%error, "cannot follow a host's change");
        }
    }

    /// Plans every service that is due; returns when the next one is.
    async fn work(&mut self) -> Option<i64> {
        loop {
            let now = self.site.clock.now_ms();
            let mut ready: Vec<(i64, i64)> = self
                .due
                .iter()
                .filter(|(_, at)| **at <= now)
                .map(|(service, at)| (*at, *service))
                .collect();
            if ready.is_empty() {
                return self.due.values().min().copied();
            }
            // Those that have waited longest first.
            ready.sort_unstable();
            let sharing = i64::try_from(ready.len()).unwrap_or(i64::MAX);
            for (_, service) in ready {
                if self.stop.is_cancelled() {
                    return None;
                }
                self.turn(service, sharing).await;
            }
            self.stacks().await;
        }
    }

    /// Each stack is looked at once for all of its services that had a turn.
    async fn stacks(&mut self) {
        for stack in std::mem::take(&mut self.stacks) {
            if let Err(error) = settle::stack_health(&self.site, stack).await {
                tracing::error!(%error, stack, "cannot record a stack's health");
            }
        }
    }

    /// One service's turn, and its rest: the longer, the more services share the loop, so that all of
    /// them together take no more than their part of the machine.
    async fn turn(&mut self, service: i64, sharing: i64) {
        let now = self.site.clock.now_ms();
        self.due.remove(&service);
        match self.service(service).await {
            Ok(Some(again)) => {
                self.due.entry(service).or_insert(again);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, service, "cannot reconcile a service");
                self.due.insert(service, now + AGAIN_MS);
            }
        }
        let took = self.site.clock.now_ms() - now;
        if took > 0 {
            let rest =
                took.saturating_mul(REST_FACTOR).saturating_mul(sharing).min(LONGEST_REST_MS);
            self.rested.insert(service, now + took + rest);
        } else {
            self.rested.remove(&service);
        }
    }

    /// One round for one service; returns when to look again if nothing changes before.
    async fn service(&mut self, id: i64) -> Result<Option<i64>> {
        let now = self.site.clock.now_ms();
        self.site.ledger.ensure(&self.site.store).await?;
        let Some(round) = self.site.store.read(|read| Round::read(read, &self.site, id))? else {
            return Ok(None);
        };
        if order::is_held(&round.service) {
            return Ok(None);
        }
        let Some(desired) = &round.desired else {
            settle::without_containers(&self.site, &round.service).await?;
            self.stacks.extend(round.service.int("stackId"));
            return Ok(None);
        };
        let plan = reconcile::plan(&desired.view(), &round.members, now);
        if let Verdict::Unfit { message } = &plan.verdict {
            settle::take_back(&self.site, &round.service, message).await?;
            return Ok(None);
        }
        if !plan.actions.is_empty() {
            apply::apply(&self.site, &round, desired, &plan).await?;
        }
        if policy::follow(&self.site, &round, &plan).await? {
            return Ok(None);
        }
        self.stacks.extend(settle::record(&self.site, &round, desired, &plan).await?);
        let until = match plan.verdict {
            Verdict::Waiting { until, .. } => Some(until),
            Verdict::Settled
            | Verdict::Working { .. }
            | Verdict::Failing { .. }
            | Verdict::Unfit { .. } => None,
        };
        Ok([until, round.given_up].into_iter().flatten().min())
    }
}

/// What one round goes by.
struct Round {
    service: Resource,
    stack: Option<Resource>,
    desired: Option<desired::Wanted>,
    members: Vec<reconcile::Member>,
    /// What went wrong with a container that is still being tried.
    complaint: Option<String>,
    /// How far a container has come that takes its time (a pull, say).
    progress: Option<String>,
    /// A container found no host that has room for it.
    unplaced: bool,
    /// When the first host of a container is given up that does not answer, in milliseconds since 1970.
    given_up: Option<i64>,
}

impl Round {
    /// Nothing for a service that is not there any more.
    fn read(read: &Read<'_>, site: &Site, id: i64) -> Result<Option<Self>> {
        let Some(service) = read.get(id)?.filter(|row| row.ty == "service") else {
            return Ok(None);
        };
        if service.removed.is_some() {
            return Ok(None);
        }
        let stack = service.int("stackId").map(|id| read.get(id)).transpose()?.flatten();
        let desired = desired::wanted(read, site, &service, stack.as_ref())?;
        let hosts = desired::Hosts::now(site)?;
        let mut members = Vec::new();
        let (mut complaint, mut progress, mut unplaced, mut given_up) = (None, None, false, None);
        read.for_each_referrer("instance", "serviceId", id, |row| {
            if let Some(message) = row.str("transitioningMessage") {
                let homeless = row.state == "creating" && row.int("hostId").is_none();
                unplaced |= homeless;
                // It asks again whenever something changes; until then whoever waits is to know.
                let refused = homeless && message.starts_with(ALLOCATION_FAILED);
                // One that died for the first time is started again at once.
                let died_once = row.state == "stopped" && row.int("failures") == Some(1);
                let failed = row.str("transitioning") == Some("error") && !died_once;
                let failed = failed || refused;
                let place = if failed { &mut complaint } else { &mut progress };
                place.get_or_insert_with(|| format!("{}: {message}", row.display_name()));
            }
            let host = desired::host_of(&row);
            let until = host.and_then(|host| hosts.given_up(host));
            given_up = [given_up, until].into_iter().flatten().min();
            members.extend(desired::member(&row, &hosts));
            Ok(())
        })?;
        desired::mark_displaced(read, site, &mut members)?;
        Ok(Some(Self { service, stack, desired, members, complaint, progress, unplaced, given_up }))
    }
}
