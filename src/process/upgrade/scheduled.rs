//! Upgrades of an environment's own stacks that are carried out by themselves: scheduled when the
//! environment's template has other files than its stack, and started when their time has come, some at a
//! time.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::site::Site;
use super::super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::super::tasks::{Every, Found, Task};
use super::super::{may_begin, object, start};
use crate::error::Result;
use crate::model::resource::{NewResource, Resource};
use crate::store::{Query, Read, Tx};

const TYPE: &str = "scheduledUpgrade";
/// The setting that says how many are carried out at a time.
const AT_A_TIME: &str = "concurrent.scheduled.upgrades";
/// The setting that says how many minutes lie between seeing that an upgrade is due and doing it, for
/// environments that do not say it themselves.
const DELAY: &str = "default.schedule.upgrade.delay.minutes";
/// The setting that says which upgrades are scheduled: `all` of them, or none.
const MANAGER: &str = "upgrade.manager";
/// How soon to look again at what is waited for, in milliseconds.
const LOOK_MS: i64 = 1000;
/// Seconds between two looks at which are due.
const ROUND_S: u64 = 60;
/// Fields of a stack that come from its template, by the template's names.
const FILES: &[(&str, &str)] = &[
    ("answers", "environment"),
    ("dockerCompose", "dockerCompose"),
    ("rancherCompose", "rancherCompose"),
];

/// Processes of `scheduledUpgrade`.
pub const PROCESSES: &[Definition] = &[Definition {
    name: "scheduledupgrade.start",
    steps: &[
        Step { name: "queue", run: queue },
        Step { name: "upgrade", run: upgrade },
        Step { name: "follow", run: follow },
    ],
    tries: None,
    give_up: None,
}];

/// The jobs of this file.
pub fn tasks() -> Vec<Task> {
    let schedule = Every::Setting("task.upgrade.schedule.schedule");
    vec![
        Task::new(30, "upgrade.schedule", schedule, |site| in_a_write(site, schedule_all)),
        Task::new(31, "upgrade.run", Every::Seconds(ROUND_S), |site| in_a_write(site, start_due)),
    ]
}

async fn in_a_write(site: Arc<Site>, run: fn(&mut Tx<'_>) -> Result<Found>) -> Result<Found> {
    site.store.write(run).await
}

fn all(read: &Read<'_>, ty: &'static str) -> Result<Vec<Resource>> {
    read.list(&Query { ty, limit: usize::MAX >> 1, ..Query::default() })
}

/// Schedules the upgrade of every stack that its template has newer files for.
fn schedule_all(tx: &mut Tx<'_>) -> Result<Found> {
    let manager = tx.setting(MANAGER)?.unwrap_or_default();
    if !matches!(manager.trim(), "all" | "true") {
        return Ok(Found::Nothing);
    }
    let mut found = Found::Nothing;
    for stack in all(tx, "stack")?.iter().filter(|stack| stack.flag("system")) {
        let known = !tx.referrers(TYPE, "stackId", stack.id)?.is_empty();
        if !known && stack.state == "active" && newer(tx, stack)?.is_some() {
            schedule(tx, stack)?;
            found = Found::Work;
        }
    }
    Ok(found)
}

fn schedule(tx: &mut Tx<'_>, stack: &Resource) -> Result<()> {
    let project = stack.account_id.map(|id| tx.get(id)).transpose()?.flatten();
    let own = project.and_then(|project| project.int("scheduledUpgradeDelayMinutes"));
    let minutes = own.map_or_else(|| tx.setting_int(DELAY), Ok)?.max(0);
    let mut new = NewResource::new(TYPE, tx.entropy.uuid())
        .with("stackId", stack.id)
        .with("priority", 0)
        .with("runAfter", tx.now.saturating_add(minutes.saturating_mul(60_000)));
    new.account_id = stack.account_id;
    super::super::create(tx, new, Map::new())?;
    Ok(())
}

/// What an upgrade to the files of a stack's template is asked with; `None` when the stack has them.
fn newer(read: &Read<'_>, stack: &Resource) -> Result<Option<Map<String, Value>>> {
    let Some(project) = stack.account_id.map(|id| read.get(id)).transpose()?.flatten() else {
        return Ok(None);
    };
    let template = project.int("projectTemplateId").map(|id| read.get(id)).transpose()?.flatten();
    let Some(template) = template.filter(|row| row.removed.is_none()) else { return Ok(None) };
    let named = |entry: &&Value| entry.get("name").and_then(Value::as_str) == stack.name.as_deref();
    let Some(entry) = template.list("stacks").iter().find(named) else { return Ok(None) };
    let mut given = Map::new();
    for (theirs, ours) in FILES {
        if let Some(value) = entry.get(*theirs).filter(|value| !value.is_null()) {
            given.insert((*ours).to_owned(), value.clone());
        }
    }
    let differs = given.iter().any(|(field, value)| stack.data.get(field) != Some(value));
    Ok((differs && given.contains_key("dockerCompose")).then_some(given))
}

/// Starts those whose time has come, the most important first, as long as there is room.
fn start_due(tx: &mut Tx<'_>) -> Result<Found> {
    let rows = all(tx, TYPE)?;
    let running = rows.iter().filter(|row| row.state == "running").count();
    let room = limit(tx)?.saturating_sub(running);
    let due =
        |row: &&Resource| row.state == "scheduled" && row.int("runAfter").unwrap_or(0) <= tx.now;
    let mut due: Vec<&Resource> = rows.iter().filter(due).collect();
    due.sort_by_key(|row| {
        let priority = row.int("priority").unwrap_or(0);
        (std::cmp::Reverse(priority), row.int("runAfter"), row.id)
    });
    due.truncate(room);
    for row in &due {
        start(tx, row.id, "start", Map::new())?;
    }
    Ok(if due.is_empty() { Found::Nothing } else { Found::Work })
}

fn limit(read: &Read<'_>) -> Result<usize> {
    Ok(usize::try_from(read.setting_int(AT_A_TIME)?).unwrap_or(0))
}

/// Waits until fewer than the limit are under way, also when somebody has started it by hand.
fn queue(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let under_way = |row: &Resource| {
                row.id != work.resource.id
                    && row.state == "running"
                    && row.int("started").is_some()
                    && row.int("finished").is_none()
            };
            let others = all(tx, TYPE)?.iter().filter(|row| under_way(row)).count();
            let limit = limit(tx)?;
            if others >= limit {
                let message = format!("waits: {others} scheduled upgrades run, {limit} may");
                return Ok(Next::Wait { until: Some(tx.now + LOOK_MS), message });
            }
            let now = tx.now;
            tx.update(work.resource.id, |row| {
                row.set("started", now);
                Ok(())
            })?;
            Ok(Next::Step)
        })
    })
}

fn stack_of(tx: &Tx<'_>, work: &Work) -> Result<Option<Resource>> {
    let stack = work.resource.int("stackId").map(|id| tx.get(id)).transpose()?.flatten();
    Ok(stack.filter(|stack| stack.removed.is_none()))
}

/// Starts the stack's upgrade, once nobody else is at work on it.
fn upgrade(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let Some(stack) = stack_of(tx, work)? else { return finish(tx, work, None) };
            let Some(files) = newer(tx, &stack)? else { return finish(tx, work, None) };
            if stack.state != "active" || !may_begin(&stack, "upgrade") {
                let name = stack.display_name();
                let message = format!("waits: stack `{name}` is {}", stack.state);
                return Ok(Next::Wait { until: Some(tx.now + LOOK_MS), message });
            }
            start(tx, stack.id, "upgrade", files)?;
            Ok(Next::Step)
        })
    })
}

/// Finishes the stack's upgrade when it is through. One that somebody stopped is theirs from then on.
fn follow(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            let Some(stack) = stack_of(tx, work)? else { return finish(tx, work, None) };
            let name = stack.display_name();
            match stack.state.as_str() {
                "active" => {
                    let failure = stack.str("transitioningMessage").map(str::to_owned);
                    return finish(tx, work, failure);
                }
                "canceling-upgrade" | "canceled-upgrade" => {
                    let why = stack.str("transitioningMessage").unwrap_or("it was cancelled");
                    let failure = format!("the upgrade of stack `{name}` was stopped: {why}");
                    return finish(tx, work, Some(failure));
                }
                "upgraded" => {
                    start(tx, stack.id, "finishupgrade", Map::new())?;
                }
                _ => {}
            }
            let message = format!("stack `{name}` is {}", stack.state);
            Ok(Next::Wait { until: Some(tx.now + LOOK_MS), message })
        })
    })
}

/// It is over, and not to be seen any more; what went wrong stays on it.
fn finish(tx: &mut Tx<'_>, work: &Work, failure: Option<String>) -> Result<Next> {
    let now = tx.now;
    tx.update(work.resource.id, |row| {
        row.set("finished", now);
        Ok(())
    })?;
    let data = failure.map(|why| object(serde_json::json!({ "failure": why })));
    Ok(Next::Chain("remove", data.unwrap_or_default()))
}
