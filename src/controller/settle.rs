//! What a round leaves on a service: its scale, its health, its message, and its process told that
//! nothing is left to do.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::Round;
use super::desired::Wanted;
use super::issuance;
use crate::error::Result;
use crate::model::resource::Resource;
use crate::process;
use crate::process::instance::prepare;
use crate::process::service::SETTLED;
use crate::process::site::Site;
use crate::process::upgrade::TAKEN_BACK;
use crate::reconcile::health::HealthState;
use crate::reconcile::{self, Member, MemberState, Plan, Verdict, Wait};
use crate::store::{Read, Tx};

/// Records a round's outcome; writes nothing when nothing is new. Returns the stack whose health is to be
/// looked at again.
pub async fn record(
    site: &Arc<Site>,
    round: &Round,
    wanted: &Wanted,
    plan: &Plan,
) -> Result<Option<i64>> {
    let outcome = Outcome::of(round, wanted, plan);
    let waits =
        outcome.settled && site.store.read(|read| waiting(read.open_process(round.service.id)?))?;
    if !waits && outcome.is_on(&round.service) {
        return Ok(None);
    }
    let (id, revision) = (round.service.id, round.service.revision);
    site.store
        .write(move |tx| {
            let before = tx.require("service", id)?;
            let after = tx.update(id, |service| {
                outcome.put(service);
                Ok(())
            })?;
            // A service changed since the facts were read is to be looked at again first.
            if outcome.settled && before.revision == revision {
                tell_process(tx, id)?;
            }
            let changed = before.str("healthState") != after.str("healthState");
            Ok(after.int("stackId").filter(|_| changed))
        })
        .await
}

/// What is to be seen on the service.
struct Outcome {
    settled: bool,
    current_scale: usize,
    health: &'static str,
    error: Option<String>,
    progress: Option<String>,
}

impl Outcome {
    fn of(round: &Round, wanted: &Wanted, plan: &Plan) -> Self {
        let counted = |member: &&Member| {
            let gone = matches!(
                member.state,
                MemberState::Removed
                    | MemberState::Removing
                    | MemberState::Error
                    | MemberState::Erroring
            );
            member.config.is_none() && !gone && !member.retired
        };
        let (error, progress) = match &plan.verdict {
            Verdict::Settled => (None, None),
            Verdict::Working { message } => match &round.complaint {
                Some(complaint) => (Some(complaint.clone()), None),
                None => (None, Some(round.progress.clone().unwrap_or_else(|| message.clone()))),
            },
            Verdict::Waiting { message, why: Wait::BackOff, .. }
            | Verdict::Failing { message }
            | Verdict::Unfit { message } => (Some(message.clone()), None),
            Verdict::Waiting { message, why: Wait::Interval, .. } => (None, Some(message.clone())),
        };
        // A balancer's containers keep the last configuration that HAProxy took.
        let told = ["lbRefusal", issuance::TROUBLE].map(|field| round.service.str(field));
        let told: Vec<&str> = told.into_iter().flatten().collect();
        let error = error.or_else(|| (!told.is_empty()).then(|| told.join("; ")));
        Self {
            settled: plan.verdict == Verdict::Settled,
            current_scale: round.members.iter().filter(counted).count(),
            health: wanted.health(&round.members),
            error,
            progress,
        }
    }

    fn put(&self, service: &mut Resource) {
        service.set("currentScale", self.current_scale);
        if self.settled {
            service.data.shift_remove("failing");
        }
        service.set("healthState", self.health);
        let busy = crate::process::lifecycle_of(service)
            .is_ok_and(|lifecycle| lifecycle.is_transitioning(&service.state));
        match (&self.error, &self.progress) {
            (Some(error), _) => service.set_error(error),
            (None, Some(progress)) if busy => service.set_progress(progress),
            (None, _) if busy => {}
            (None, _) => match service.str(TAKEN_BACK).map(str::to_owned) {
                Some(why) => service.set_progress(&why),
                None => service.clear_message(),
            },
        }
    }

    fn is_on(&self, service: &Resource) -> bool {
        let mut after = service.clone();
        self.put(&mut after);
        after == *service
    }
}

/// Whether a process is still to be told.
fn waiting(process: Option<crate::store::ProcessRow>) -> Result<bool> {
    Ok(process.is_some_and(|process| !process.data.contains_key(SETTLED)))
}

fn tell_process(tx: &mut Tx<'_>, service_id: i64) -> Result<()> {
    let Some(mut process) = tx.open_process(service_id)? else { return Ok(()) };
    if process.data.contains_key(SETTLED) {
        return Ok(());
    }
    process.data.insert(SETTLED.to_owned(), Value::Bool(true));
    tx.process_save(&process)?;
    tx.process_wake(service_id)
}

/// An upgrade whose new version is not fit is taken back, and the service says why.
pub async fn take_back(site: &Arc<Site>, service: &Resource, message: &str) -> Result<()> {
    let (id, revision) = (service.id, service.revision);
    let message = format!("the upgrade was rolled back: {message}");
    site.store
        .write(move |tx| {
            let now = tx.require("service", id)?;
            if now.revision != revision || now.state != "upgrading" {
                return Ok(());
            }
            process::service_log::write(
                tx,
                &now,
                "service.upgrade.exception",
                "error",
                message.clone(),
            )?;
            process::start(tx, id, "rollback", Map::new())?;
            tx.update(id, |service| {
                service.set(TAKEN_BACK, message);
                Ok(())
            })?;
            Ok(())
        })
        .await
}

/// A service that makes no containers is as wanted at once.
pub async fn without_containers(site: &Arc<Site>, service: &Resource) -> Result<()> {
    let (id, revision) = (service.id, service.revision);
    let healthy = HealthState::Healthy.as_str();
    let is_known = service.str("healthState") == Some(healthy);
    if is_known && !site.store.read(|read| waiting(read.open_process(id)?))? {
        return Ok(());
    }
    site.store
        .write(move |tx| {
            let unchanged = tx.require("service", id)?.revision == revision;
            if !is_known {
                tx.update(id, |service| {
                    service.set("healthState", healthy);
                    Ok(())
                })?;
            }
            if unchanged {
                tell_process(tx, id)?;
            }
            Ok(())
        })
        .await
}

/// A stack's health follows its services'; writes nothing when nothing is new.
pub async fn stack_health(site: &Arc<Site>, stack_id: i64) -> Result<()> {
    let changed = site.store.read(|read| {
        let health = combined_health(read, stack_id)?;
        Ok(read.get(stack_id)?.is_some_and(|stack| stack.str("healthState") != Some(health)))
    })?;
    if !changed {
        return Ok(());
    }
    site.store
        .write(move |tx| {
            let health = combined_health(tx, stack_id)?;
            tx.update(stack_id, |stack| {
                stack.set("healthState", health);
                Ok(())
            })?;
            Ok(())
        })
        .await
}

fn combined_health(read: &Read<'_>, stack_id: i64) -> Result<&'static str> {
    let services = read.referrers("service", "stackId", stack_id)?;
    let health = reconcile::health::combined(services.iter().map(|row| {
        let health = row.str("healthState").and_then(HealthState::parse);
        (row.state.as_str(), health.unwrap_or(HealthState::Healthy))
    }))
    .as_str();
    Ok(health)
}

/// Containers that found no host ask again.
pub async fn wake_unplaced(site: &Arc<Site>, environment: Option<i64>) -> Result<()> {
    let now = site.clock.now_ms();
    let waiting = site.store.read(|read| prepare::waiting(read, environment, now))?;
    if waiting.is_empty() {
        return Ok(());
    }
    site.store.write(move |tx| prepare::wake_waiting(tx, environment)).await
}
