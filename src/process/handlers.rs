//! Programs elsewhere that take part in processes. Before a process's own first step each handler of it is
//! asked by an event, one after another; the answers are recorded one by one, so that a server that was
//! killed asks only those that have not answered. A silent handler is waited for, and asked again, until it
//! answers or is deactivated.

use serde_json::{Map, Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::step::{Definition, Failure, Next, Outcome, Retry, Step, StepFuture, Work};
use super::{lifecycle_of, object, retire};
use crate::error::Result;
use crate::events::Change;
use crate::events::bus::{Call, Event};
use crate::model::registry::{self, registry};
use crate::model::resource::Resource;
use crate::model::{id, schema};
use crate::store::{ProcessRow, Read, Tx};

/// Where a process keeps which handlers have answered: a name that no input of a transition has.
const ANSWERED: &str = "answeredHandlers";
/// The maps of handlers to processes.
const MAP: &str = "externalHandlerExternalHandlerProcessMap";
/// The processes that have handlers.
const PROCESS: &str = "externalHandlerProcess";
/// Handlers.
const HANDLER: &str = "externalHandler";
/// How long an answer is waited for unless the handler says otherwise, in milliseconds.
const TIMEOUT_MS: i64 = 15_000;
/// The priority of handlers that do not say otherwise; smaller ones are asked earlier.
pub const PRIORITY: i64 = 1000;
/// How soon a silent handler is asked again, in milliseconds.
const ASK_AGAIN_MS: i64 = 1000;
/// When in a process handlers come; the last take it over.
const RANKS: &[&str] = &["pre", "specific", TAKES_OVER];
const TAKES_OVER: &str = "default_override";

/// Processes of handlers.
pub const PROCESSES: &[Definition] = &[Definition {
    name: "externalhandler.remove",
    steps: &[Step { name: "maps", run: remove }],
    tries: None,
    give_up: None,
}];

/// A handler that is to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    map: i64,
    handler: String,
    event: String,
    on_error: Option<String>,
    takes_over: bool,
    asks: i64,
    timeout_ms: i64,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// It is done, and this is what it says.
    Done(Map<String, Value>),
    /// It has failed, for this reason.
    Failed(String),
    /// Nothing, for this reason.
    Nothing(String),
    /// It is not to be asked any more.
    Released,
}

/// How a process goes on after a handler.
pub enum After {
    /// The next handler, or the process's own steps.
    On,
    /// As after a step.
    Next(Next),
    /// As after a step that failed.
    Failed(Failure),
}

/// The name of a process that can have handlers, as processes are called here. Stacks are called
/// environments in the processes of old.
pub fn process_name(given: &str) -> Option<String> {
    let (lifecycle, transition) = given.trim().split_once('.')?;
    let lifecycle = if lifecycle == "environment" { "stack" } else { lifecycle };
    let mut entries = registry().all().iter().filter(|entry| {
        // What releases a process from its handlers must not wait for one.
        entry.ty.source == schema::Source::Resource && !entry.ty.name.starts_with(HANDLER)
    });
    entries.find_map(|entry| {
        let own = entry.ty.lifecycle.filter(|own| own.name.eq_ignore_ascii_case(lifecycle))?;
        let known = own.transitions.iter().find(|t| t.name.eq_ignore_ascii_case(transition))?;
        Some(format!("{}.{}", own.name, known.name))
    })
}

/// The name of the events by which a handler is asked.
pub fn event_name(process: &str, handler: &str) -> String {
    format!("{process};handler={handler}")
}

/// The handler to ask next: `pre` before `specific` before those that take over, then by priority.
///
/// # Errors
/// When the database fails.
pub fn next(read: &Read<'_>, process: &ProcessRow) -> Result<Option<Asked>> {
    // A process that has begun with its own steps is past its handlers.
    if process.step > 0 || (process.started.is_some() && !process.data.contains_key(ANSWERED)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for row in read.by_name(PROCESS, None, &process.name)? {
        if !is_active(&row) {
            continue;
        }
        for map in read.referrers(MAP, "externalHandlerProcessId", row.id)? {
            let handler = map.int("externalHandlerId").map(|id| read.get(id)).transpose()?;
            let handler = handler.flatten().filter(is_active);
            if let Some(handler) = handler.filter(|_| is_active(&map))
                && !answered(process).contains(&map.id.into())
            {
                found.push((handler, map));
            }
        }
    }
    found.sort_by_key(|(handler, map)| {
        (rank(handler), handler.int("priority").unwrap_or(PRIORITY), map.id)
    });
    Ok(found.into_iter().next().map(|(handler, map)| {
        let name = handler.display_name();
        Asked {
            map: map.id,
            event: match map.str("eventName") {
                Some(event) => event.to_owned(),
                None => event_name(&process.name, &name),
            },
            on_error: map.str("onError").map(str::to_owned),
            takes_over: rank(&handler) + 1 == RANKS.len(),
            asks: handler.int("retries").unwrap_or(1).max(1),
            timeout_ms: handler.int("timeoutMillis").unwrap_or(TIMEOUT_MS).max(1),
            handler: name,
        }
    }))
}

fn is_active(row: &Resource) -> bool {
    row.removed.is_none() && matches!(row.state.as_str(), "active" | "updating-active")
}

fn rank(handler: &Resource) -> usize {
    let name = handler.str("priorityName").unwrap_or("specific");
    RANKS.iter().position(|rank| *rank == name).unwrap_or(1)
}

fn answered(process: &ProcessRow) -> &[Value] {
    process.data.get(ANSWERED).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Asks a handler and waits for its answer, as often and as long as it says.
///
/// # Errors
/// When the database fails.
pub async fn ask(work: &Work, asked: &Asked) -> Result<Said> {
    let site = &work.site;
    if !site.bus.is_heard(&asked.event) {
        let why = format!(
            "waits for the handler `{}`, which does not listen for {}",
            asked.handler, asked.event
        );
        return Ok(Said::Nothing(why));
    }
    let mut changes = site.store.feed().listen();
    for _ in 0..asked.asks {
        let mut call = site.bus.call(event(work, asked));
        loop {
            let until = site.clock.now_ms().saturating_add(asked.timeout_ms);
            match hear(work, asked, &mut call, &mut changes, until).await? {
                Heard::Progress(text) => work.show(text).await,
                Heard::Silence => break,
                Heard::Answer(said) => return Ok(said),
            }
        }
    }
    let why = format!(
        "the handler `{}` has not answered {} within {} ms",
        asked.handler, asked.event, asked.timeout_ms
    );
    Ok(Said::Nothing(why))
}

enum Heard {
    Progress(String),
    Silence,
    Answer(Said),
}

async fn hear(
    work: &Work,
    asked: &Asked,
    call: &mut Call,
    changes: &mut tokio::sync::broadcast::Receiver<crate::events::Changes>,
    until: i64,
) -> Result<Heard> {
    let site = &work.site;
    loop {
        tokio::select! {
            reply = call.reply() => return Ok(reply.map_or(Heard::Silence, understand)),
            heard = changes.recv() => {
                let concerns = match &heard {
                    Ok(heard) => heard.iter().any(|change| concerns(work, change)),
                    Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => return Ok(Heard::Silence),
                };
                if concerns && !site.store.read(|read| is_wanted(read, work, asked))? {
                    return Ok(Heard::Answer(Said::Released));
                }
            }
            () = site.clock.sleep_until(until) => return Ok(Heard::Silence),
        }
    }
}

fn concerns(work: &Work, change: &Change) -> bool {
    change.id == work.resource.id || change.ty.starts_with(HANDLER)
}

/// Whether the process is still there and this handler is still the one to ask.
fn is_wanted(read: &Read<'_>, work: &Work, asked: &Asked) -> Result<bool> {
    let Some(process) = read.process(work.process.id)?.filter(|row| row.ended.is_none()) else {
        return Ok(false);
    };
    Ok(next(read, &process)?.is_some_and(|next| next.map == asked.map))
}

fn understand(reply: Event) -> Heard {
    let message = reply.word("transitioningMessage").map(str::to_owned);
    match reply.word("transitioning") {
        Some("yes") => Heard::Progress(message.unwrap_or_default()),
        Some("error") => {
            Heard::Answer(Said::Failed(message.unwrap_or_else(|| "it does not say why".to_owned())))
        }
        _ => Heard::Answer(Said::Done(object(reply.data))),
    }
}

/// What a handler is told: which resource goes where. It reads the rest with its own rights.
fn event(work: &Work, asked: &Asked) -> Event {
    let (row, site) = (&work.resource, &work.site);
    let entry = registry::lookup(&row.kind).or_else(|| registry::lookup(row.ty));
    let prefix = entry.map_or("", |entry| entry.prefix.as_str());
    let ty = entry.map_or(row.ty, |entry| entry.ty.name);
    let formatted = id::format(prefix, row.id);
    let about = json!({
        "id": formatted,
        "uuid": row.uuid,
        "name": row.name,
        "kind": row.kind,
        "state": row.state,
    });
    Event {
        resource_type: Some(ty.to_owned()),
        resource_id: Some(formatted),
        data: json!({ "processName": work.process.name, (ty): about }),
        ..Event::new(asked.event.clone(), site.entropy.uuid(), site.clock.now_ms())
    }
}

/// Records what came of asking, in the process's row and the resource's `data`.
///
/// # Errors
/// When the database fails.
pub fn record(
    tx: &mut Tx<'_>,
    resource: &Resource,
    row: &mut ProcessRow,
    asked: &Asked,
    said: Said,
) -> Result<After> {
    let mut answered = answered(row).to_vec();
    let after = match said {
        Said::Done(data) => {
            answered.push(asked.map.into());
            if !data.is_empty() {
                tx.update(resource.id, |row| {
                    let mut own = row.map("data").cloned().unwrap_or_default();
                    own.extend(data);
                    row.set("data", own);
                    Ok(())
                })?;
            }
            if asked.takes_over { After::Next(Next::Finish) } else { After::On }
        }
        Said::Failed(why) => failed(resource, asked, &why)?,
        Said::Nothing(message) => {
            After::Next(Next::Wait { until: Some(tx.now + ASK_AGAIN_MS), message })
        }
        Said::Released => After::On,
    };
    row.data.insert(ANSWERED.to_owned(), answered.into());
    Ok(after)
}

/// The transition that the handler names for this case follows, if it can begin; else it is a try that
/// failed, like a step's.
fn failed(resource: &Resource, asked: &Asked, why: &str) -> Result<After> {
    let message = format!("the handler `{}` has failed: {why}", asked.handler);
    let lifecycle = lifecycle_of(resource)?;
    let named = asked.on_error.as_deref().and_then(|name| name.split_once('.'));
    let follows = named
        .filter(|(own, _)| *own == lifecycle.name)
        .and_then(|(_, transition)| lifecycle.transition(transition))
        .filter(|transition| transition.via(&resource.state).is_some());
    Ok(match follows {
        Some(transition) => {
            After::Next(Next::Chain(transition.name, object(json!({ "failure": message }))))
        }
        None => After::Failed(Failure { message, retry: Retry::Later }),
    })
}

/// What only the handler has goes with it.
fn remove(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            for map in tx.referrers(MAP, "externalHandlerId", work.resource.id)? {
                retire(tx, map.id)?;
                let Some(process) = map.int("externalHandlerProcessId") else { continue };
                if tx.referrers(MAP, "externalHandlerProcessId", process)?.is_empty() {
                    retire(tx, process)?;
                }
            }
            Ok(Next::Finish)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_go_by_their_own_names() {
        for (given, name) in [
            ("instance.start", Some("instance.start")),
            ("Instance.Start", Some("instance.start")),
            ("environment.create", Some("stack.create")),
            ("instance.explode", None),
            ("instance", None),
            ("externalhandler.deactivate", None),
            ("externalhandlerprocess.create", None),
        ] {
            assert_eq!(process_name(given).as_deref(), name, "{given}");
        }
    }
}
