//! Upgrades of stacks: the services that changed files name are upgraded, and the stack follows them.

use serde_json::{Map, Value, json};

use super::super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use super::super::{may_begin, object, start};
use crate::error::Result;
use crate::model::resource::Resource;
use crate::store::{ProcessRow, Tx};

/// How soon to look again at the services, in milliseconds.
const LOOK_MS: i64 = 300;

/// Fields of a stack that an upgrade replaces.
const REPLACED: &[&str] =
    &["dockerCompose", "environment", "externalId", "rancherCompose", "templates"];
/// Those of them that are shown as they were before, and where.
const SHOWN: &[(&str, &str)] =
    &[("environment", "previousEnvironment"), ("externalId", "previousExternalId")];
/// Field of a stack: what the replaced fields were before.
pub const BEFORE: &str = "beforeUpgrade";
/// Key in a process's data: who asked for it.
const ASKED_BY: &str = "askedBy";

/// Processes of upgrades of stacks.
pub const PROCESSES: &[Definition] = &[
    Definition {
        name: "stack.cancelupgrade",
        steps: &[Step { name: "cancel", run: cancel }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "stack.finishupgrade",
        steps: &[Step { name: "finish", run: finish }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "stack.rollback",
        steps: &[Step { name: "back", run: roll_back }],
        tries: None,
        give_up: None,
    },
    Definition {
        name: "stack.upgrade",
        steps: &[Step { name: "apply", run: apply }, Step { name: "follow", run: follow }],
        tries: Some(1),
        give_up: Some(refused),
    },
];

/// A stack whose new files are wrong is as it was, and says what is wrong with them.
fn refused(_: &mut Tx<'_>, _: &Resource, _: &ProcessRow, why: &str) -> Result<Next> {
    Ok(Next::Chain("cancelupgrade", object(json!({ "failure": why }))))
}

/// What an upgrade gives, as far as it gives something.
fn given(data: &Map<String, Value>) -> Map<String, Value> {
    let mut given = Map::new();
    for field in REPLACED {
        let value = data.get(*field).filter(|value| !is_empty(value));
        given.extend(value.map(|value| ((*field).to_owned(), value.clone())));
    }
    // Clients of the first generation call the answers so.
    let answers = data.get("answers").filter(|answers| !is_empty(answers));
    if let Some(answers) = answers.filter(|_| !given.contains_key("environment")) {
        given.insert("environment".to_owned(), answers.clone());
    }
    given
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

/// Who asked for the upgrade is known as it begins, and told when it is applied.
///
/// # Errors
/// None.
pub fn begin(tx: &mut Tx<'_>, _: &Resource, _: &str, data: &mut Map<String, Value>) -> Result<()> {
    data.extend(tx.by.clone().map(|by| (ASKED_BY.to_owned(), by.into())));
    Ok(())
}

fn apply(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            tx.by = work.input(ASKED_BY).and_then(Value::as_str).map(str::to_owned);
            let given = given(&work.process.data);
            let has_files = given.contains_key("dockerCompose");
            tx.update(work.resource.id, |stack| {
                let mut before = Map::new();
                for (field, value) in given {
                    let old = stack.data.get(&field).cloned().unwrap_or_default();
                    for (_, place) in SHOWN.iter().filter(|shown| shown.0 == field) {
                        stack.set(place, old.clone());
                    }
                    stack.set(&field, value);
                    before.insert(field, old);
                }
                stack.set(BEFORE, before);
                Ok(())
            })?;
            if has_files {
                work.site.importer.upgrade(tx, &work.site, work.resource.id)?;
            }
            Ok(Next::Step)
        })
    })
}

/// Waits for the services that are under way. One that took its upgrade back has its say in the end.
fn follow(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            const BUSY: &[&str] =
                &["upgrading", "registering", "activating", "updating-active", "rolling-back"];
            waits(tx, work, BUSY, "upgrades")
        })
    })
}

/// Waits while a service of the stack is in one of these states.
fn waits(tx: &Tx<'_>, work: &Work, states: &[&str], doing: &str) -> Result<Next> {
    let services = tx.referrers("service", "stackId", work.resource.id)?;
    let busy: Vec<String> = services
        .iter()
        .filter(|service| states.contains(&service.state.as_str()))
        .map(Resource::display_name)
        .collect();
    let Some(first) = busy.first() else { return Ok(Next::Finish) };
    let more = match busy.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let message = format!("waits until service `{first}`{more} {doing}");
    Ok(Next::Wait { until: Some(tx.now + LOOK_MS), message })
}

/// Starts a transition of every service of the stack that may begin it.
fn each(tx: &mut Tx<'_>, work: &Work, transition: &str) -> Result<()> {
    for service in tx.referrers("service", "stackId", work.resource.id)? {
        if may_begin(&service, transition) {
            start(tx, service.id, transition, Map::new())?;
        }
    }
    Ok(())
}

fn cancel(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            each(tx, work, "cancelupgrade")?;
            Ok(Next::Finish)
        })
    })
}

fn finish(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            each(tx, work, "finishupgrade")?;
            let next = waits(tx, work, &["upgraded", "finishing-upgrade"], "has finished")?;
            if next == Next::Finish {
                tx.update(work.resource.id, |stack| {
                    forget(stack);
                    Ok(())
                })?;
            }
            Ok(next)
        })
    })
}

/// Nothing is left of what was before.
fn forget(stack: &mut Resource) {
    stack.data.shift_remove(BEFORE);
    for (_, place) in SHOWN {
        stack.data.shift_remove(*place);
    }
}

fn roll_back(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            each(tx, work, "rollback")?;
            let next = waits(tx, work, &["upgraded", "rolling-back"], "is rolled back")?;
            if next == Next::Finish {
                tx.update(work.resource.id, |stack| {
                    if let Some(before) = stack.map(BEFORE).cloned() {
                        for (field, value) in before {
                            stack.set(&field, value);
                        }
                    }
                    forget(stack);
                    Ok(())
                })?;
            }
            Ok(next)
        })
    })
}
