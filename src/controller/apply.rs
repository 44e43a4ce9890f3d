//! Puts a plan into rows and processes, some actions to a transaction.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Round;
use super::desired::Wanted;
use super::providers::Providers;
use super::rows;
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::process::instance::PROVIDES;
use crate::process::site::Site;
use crate::process::{self};
use crate::reconcile::service_log::{Cause, Kind};
use crate::reconcile::{Action, Member, Plan};
use crate::store::Tx;

/// Containers made or moved in one transaction: others get their turn in between.
const CHUNK: usize = 200;

/// Back-off that a replacement takes over from the container it replaces.
#[derive(Clone, Copy)]
struct Legacy {
    failures: u32,
    died_at: Option<i64>,
}

impl Legacy {
    /// What a service remembers of a container that failed and is gone.
    fn remembered(failing: &Map<String, Value>, key: &(String, Option<String>)) -> Option<Self> {
        let entry = failing.get(&failing_key(&key.0, key.1.as_deref()))?;
        Some(Self {
            failures: entry.get("failures")?.as_u64()?.try_into().ok()?,
            died_at: entry.get("diedAt").and_then(Value::as_i64),
        })
    }
}

fn failing_key(unit: &str, config: Option<&str>) -> String {
    format!("{unit}/{}", config.unwrap_or_default())
}

/// Before a container that failed is removed, its service remembers how often: the next one waits longer.
pub(super) fn remember_failure(tx: &mut Tx<'_>, service_id: i64, row: &Resource) -> Result<()> {
    let Some(failures) = row.int("failures").filter(|failures| *failures > 0) else {
        return Ok(());
    };
    let unit = row.str("deploymentUnitUuid").unwrap_or_default();
    let key = failing_key(unit, row.sidekick_name());
    let entry = json!({ "failures": failures, "diedAt": row.int("diedAt") });
    tx.update(service_id, |service| {
        let mut failing = service.map("failing").cloned().unwrap_or_default();
        failing.insert(key, entry);
        service.set("failing", failing);
        Ok(())
    })?;
    Ok(())
}

/// Does one action of a plan in the caller's transaction, which is to be taken back.
///
/// # Errors
/// When the database fails.
pub fn rehearse(tx: &mut Tx<'_>, round: &Round, wanted: &Wanted, action: &Action) -> Result<()> {
    let mut steps = Vec::new();
    spread(action, round, wanted, &legacies(round, wanted), &mut steps);
    let service_id = round.service.id;
    let made = steps.iter().filter(|step| matches!(step, Step::Make { .. })).count();
    let mut index = take_indexes(tx, service_id, made)?;
    let entropy = tx.entropy.clone();
    for step in steps {
        step.take(tx, &entropy, service_id, &mut index)?;
    }
    Ok(())
}

/// What replacements take over. Members come in the order they were made: the newest of a unit's
/// containers counts.
fn legacies(round: &Round, wanted: &Wanted) -> HashMap<(String, Option<String>), Legacy> {
    // What failed in another version says nothing of this one.
    let same_version = |member: &&Member| {
        let known = wanted.position(member.config.as_deref());
        known.is_some_and(|at| wanted.version(at) == member.version)
    };
    round
        .members
        .iter()
        .filter(same_version)
        .map(|member| {
            let legacy = Legacy { failures: member.failures, died_at: member.died_at };
            ((member.unit.clone(), member.config.clone()), legacy)
        })
        .collect()
}

/// Carries a plan's actions out, in order.
pub async fn apply(site: &Arc<Site>, round: &Round, wanted: &Wanted, plan: &Plan) -> Result<()> {
    let legacies = legacies(round, wanted);
    let mut steps = Vec::new();
    for action in &plan.actions {
        spread(action, round, wanted, &legacies, &mut steps);
    }
    log(site, round, plan).await?;
    let service_id = round.service.id;
    while !steps.is_empty() {
        let rest = steps.split_off(CHUNK.min(steps.len()));
        let chunk = std::mem::replace(&mut steps, rest);
        let entropy = site.entropy.clone();
        site.store
            .write(move |tx| {
                let made = chunk.iter().filter(|step| matches!(step, Step::Make { .. })).count();
                let mut index = take_indexes(tx, service_id, made)?;
                for step in chunk {
                    step.take(tx, &entropy, service_id, &mut index)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

/// An action on one container.
enum Step {
    /// The configurations it takes from, and the names they have.
    Make {
        row: Box<NewResource>,
        providers: Providers,
        names: Arc<[Option<String>]>,
    },
    Move {
        id: i64,
        transition: &'static str,
        data: Map<String, serde_json::Value>,
    },
    Retire {
        id: i64,
    },
    Remove {
        id: i64,
    },
}

fn spread(
    action: &Action,
    round: &Round,
    wanted: &Wanted,
    legacies: &HashMap<(String, Option<String>), Legacy>,
    steps: &mut Vec<Step>,
) {
    let names: Arc<[Option<String>]> = (0..wanted.launch.len())
        .map(|position| wanted.config_name(position).map(str::to_owned))
        .collect();
    let mut make = |index: u32, unit: &str, config: usize, host: Option<i64>| {
        let place = rows::Place { index, unit, host };
        let mut row = rows::instance(&round.service, round.stack.as_ref(), wanted, config, &place);
        let key = (unit.to_owned(), wanted.config_name(config).map(str::to_owned));
        let known = legacies.get(&key).copied();
        let legacy = known.or_else(|| Legacy::remembered(round.service.map("failing")?, &key));
        if let Some(legacy) = legacy.filter(|legacy| legacy.failures > 0) {
            row = row.with("failures", legacy.failures);
            if let Some(died_at) = legacy.died_at {
                row = row.with("diedAt", died_at);
            }
        }
        if wanted.provides(config) {
            row = row.with(PROVIDES, true);
        }
        steps.push(Step::Make {
            row: Box::new(row),
            providers: wanted.providers(config),
            names: Arc::clone(&names),
        });
    };
    match action {
        Action::CreateUnit { index, unit, host, members, .. } => {
            for config in members {
                make(*index, unit, *config, *host);
            }
        }
        Action::AddMember { index, unit, config, host, .. } => make(*index, unit, *config, *host),
        Action::Start { id, .. } => {
            steps.push(Step::Move { id: *id, transition: "start", data: Map::new() });
        }
        Action::Stop { id, .. } => {
            steps.push(Step::Move { id: *id, transition: "stop", data: Map::new() });
        }
        Action::Retire { id, .. } => {
            steps.push(Step::Retire { id: *id });
            steps.push(Step::Move { id: *id, transition: "stop", data: Map::new() });
        }
        Action::Remove { id, .. } => steps.push(Step::Remove { id: *id }),
    }
}

/// Hands out the next numbers of a service's containers (`createIndex`).
fn take_indexes(tx: &mut Tx<'_>, service_id: i64, count: usize) -> Result<i64> {
    let mut first = 0;
    if count > 0 {
        tx.update(service_id, |service| {
            first = service.int("createIndex").unwrap_or(0);
            service.set("createIndex", first + i64::try_from(count).unwrap_or(0));
            Ok(())
        })?;
    }
    Ok(first)
}

impl Step {
    fn take(
        self,
        tx: &mut Tx<'_>,
        entropy: &crate::clock::Entropy,
        service_id: i64,
        index: &mut i64,
    ) -> Result<()> {
        match self {
            Self::Make { row, providers, names } => {
                *index += 1;
                let name = |at: usize| names.get(at).and_then(Option::as_deref);
                let mut row = providers.refer(tx, row.with("createIndex", *index), name)?;
                row.uuid = entropy.uuid();
                let account_id = row.account_id;
                let instance = process::create(tx, row, Map::new())?;
                let mut map = NewResource::new("serviceExposeMap", entropy.uuid())
                    .state("active")
                    .with("serviceId", service_id)
                    .with("instanceId", instance.id)
                    .with("managed", true);
                map.account_id = account_id;
                tx.insert(map)?;
            }
            Self::Move { id, transition, data } => {
                if tx.get(id)?.is_some_and(|row| process::may_begin(&row, transition)) {
                    process::start(tx, id, transition, data)?;
                }
            }
            Self::Retire { id } => process::upgrade::set_aside(tx, id, true)?,
            Self::Remove { id } => {
                if let Some(row) = tx.get(id)? {
                    remember_failure(tx, service_id, &row)?;
                    process::project::remove(tx, &row)?;
                }
            }
        }
        Ok(())
    }
}

/// Writes the plan's lines into the service log.
async fn log(site: &Arc<Site>, round: &Round, plan: &Plan) -> Result<()> {
    if plan.log.is_empty() {
        return Ok(());
    }
    let lines = plan.log.clone();
    let (service_id, account_id) = (round.service.id, round.service.account_id);
    let stack_id = round.service.int("stackId");
    let entropy = site.entropy.clone();
    let cause = match round.service.state.as_str() {
        "activating" => Cause::Activate,
        "restarting" => Cause::Restart,
        "updating-active" | "updating-inactive" => Cause::Update,
        "upgrading" => Cause::Upgrade,
        "rolling-back" => Cause::Rollback,
        "finishing-upgrade" => Cause::FinishUpgrade,
        _ => Cause::Trigger,
    };
    site.store
        .write(move |tx| {
            for line in lines {
                let sub_log = line.kind != Kind::Top;
                let mut row = NewResource::new("serviceLog", entropy.uuid())
                    .state("")
                    .with("serviceId", service_id)
                    .with("eventType", line.event_type(cause))
                    .with("level", line.level())
                    .with("description", line.description)
                    .with("endTime", tx.now)
                    .with("subLog", sub_log);
                if let Some(stack) = stack_id {
                    row = row.with("stackId", stack);
                }
                row.account_id = account_id;
                tx.insert(row)?;
            }
            Ok(())
        })
        .await
}
