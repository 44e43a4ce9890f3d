//! Events become deliveries in the very transaction that they happen in: none is lost, and none is told
//! twice because the server was started again.
//!
//! Of one thing about one resource [`AT_ONCE`] events are told in [`WINDOW_MS`]. What comes after that waits
//! until the time is over, and only the newest of it is told, with how many it stands for: a container that
//! dies over and over is told of now and then, and how things stand in the end is always told.

use serde_json::{Value, json};

use super::events::{self, Happened, MARKS};
use super::{DELIVERY, SINK, STATUS, WAITING};
use crate::error::Result;
use crate::model::registry;
use crate::model::resource::{NewResource, Resource};
use crate::model::selector::Selector;
use crate::outbound::message::Event;
use crate::store::{Condition, Follower, Heard, Op, Order, Query, Read, Tx};

/// So many events about one thing of one resource are told at once.
const AT_ONCE: usize = 5;
/// In this time.
const WINDOW_MS: i64 = 10 * 60 * 1000;
/// So many deliveries of one webhook wait at most; the oldest is given up for one more.
const MOST_WAITING: i64 = 1000;
/// How long a service has to be unhealthy before that is told, in milliseconds: a container that starts anew
/// is no news.
const PATIENCE_MS: i64 = 15_000;
/// Webhooks of an environment that are looked at.
const MOST_SINKS: usize = 1000;
/// The field of a delivery that waits so that others of its kind can take its place; not shown.
pub const HELD: &str = "held";

/// Writes deliveries.
pub struct Outbox;

impl Follower for Outbox {
    fn cares(&self, before: Option<&Resource>, after: Option<&Resource>) -> bool {
        !events::of(before, after).is_empty()
    }

    fn follow(&self, tx: &mut Tx<'_>, heard: Vec<Heard>) -> Result<()> {
        for (before, after) in heard {
            let Some(row) = &after else { continue };
            let sinks = sinks(tx, row.account_id)?;
            for happened in events::of(before.as_ref(), after.as_ref()) {
                tell(tx, row, &sinks, &happened)?;
            }
        }
        Ok(())
    }
}

/// The webhooks of an environment that are told of anything.
fn sinks(read: &Read<'_>, environment: Option<i64>) -> Result<Vec<Resource>> {
    let Some(environment) = environment else { return Ok(Vec::new()) };
    read.list(&Query {
        ty: SINK,
        account_id: Some(environment),
        conditions: vec![condition("state", "active")],
        limit: MOST_SINKS,
        ..Query::default()
    })
}

fn condition(field: &str, value: impl Into<Value>) -> Condition {
    Condition { field: field.to_owned(), op: Op::Eq, value: value.into() }
}

/// Tells whoever wants to know of an event.
fn tell(tx: &mut Tx<'_>, row: &Resource, sinks: &[Resource], happened: &Happened) -> Result<()> {
    let Some(now) = tx.get(row.id)? else { return Ok(()) };
    if let Some((mark, set)) = happened.mark
        && is_news(&now, mark, set, sinks.is_empty())
    {
        tx.update(row.id, |row| {
            let mut marks = row.map(MARKS).cloned().unwrap_or_default();
            match set {
                true => drop(marks.insert(mark.to_owned(), true.into())),
                false => drop(marks.shift_remove(mark)),
            }
            row.set(MARKS, if marks.is_empty() { Value::Null } else { Value::Object(marks) });
            Ok(())
        })?;
    } else if happened.mark.is_some_and(|(mark, set)| set && events::is_marked(&now, mark)) {
        // Told already, by an earlier change of the same transaction.
        return Ok(());
    }
    if sinks.is_empty() {
        return Ok(());
    }
    let subject = Subject::of(tx, row)?;
    for sink in sinks {
        if wants(sink, happened.event, &subject) {
            deliver(tx, sink, happened, &subject)?;
        }
    }
    Ok(())
}

/// Whether a mark is to be changed. Where nobody listens rows stay as they are.
fn is_news(row: &Resource, mark: &str, set: bool, unheard: bool) -> bool {
    events::is_marked(row, mark) != set && !(set && unheard)
}

/// What an event happened to.
struct Subject {
    /// What it is one of many of: its own number, or that of a container's service or a backup's volume.
    group: i64,
    /// Type and id in the API.
    shown: (String, String),
    /// Its name, the stack's before it.
    name: String,
    stack: Option<i64>,
    labels: Vec<(String, String)>,
}

impl Subject {
    fn of(read: &Read<'_>, row: &Resource) -> Result<Self> {
        let referred = |field: &str, ty: &str| -> Result<Option<Resource>> {
            let found = row.int(field).map(|id| read.get(id)).transpose()?.flatten();
            Ok(found.filter(|found| found.ty == ty))
        };
        let owner = match row.ty {
            "stack" => None,
            _ => match referred("stackId", "stack")? {
                Some(stack) => Some(stack),
                None => Self::stack_behind(read, row)?,
            },
        };
        let stack = if row.ty == "stack" { Some(row.id) } else { owner.as_ref().map(|own| own.id) };
        let own = registry::lookup(&row.kind).or_else(|| registry::lookup(row.ty));
        let host = row.str("hostname").map(str::to_owned);
        let plain = row.name.clone().or(host).unwrap_or_else(|| row.id.to_string());
        // Containers have the name of their stack in their own.
        let name = match owner.filter(|_| row.ty == "service").and_then(|own| own.name) {
            Some(stack) => format!("{stack}/{plain}"),
            None => plain,
        };
        let ty = own.filter(|own| own.base == row.ty).map_or(row.ty, |own| own.ty.name);
        let labels = row.map("launchConfig").and_then(|launch| launch.get("labels")?.as_object());
        let labels = labels.or_else(|| row.map("labels")).into_iter().flatten();
        let text = |(key, value): (&String, &Value)| {
            value.as_str().map(|value| (key.clone(), value.to_owned()))
        };
        Ok(Self {
            group: Self::above(row).unwrap_or(row.id),
            shown: (ty.to_owned(), super::shown_id(row.ty, row.id)),
            name,
            stack,
            labels: labels.filter_map(text).collect(),
        })
    }

    /// What a row belongs to: a container's service, a backup's volume.
    fn above(row: &Resource) -> Option<i64> {
        row.int("serviceId").or_else(|| row.int("volumeId"))
    }

    /// The stack of what a row belongs to.
    fn stack_behind(read: &Read<'_>, row: &Resource) -> Result<Option<Resource>> {
        let above = Self::above(row).map(|id| read.get(id)).transpose()?.flatten();
        let stack = above.and_then(|above| above.int("stackId"));
        stack.map_or(Ok(None), |stack| read.get(stack))
    }
}

/// Whether a webhook is to be told of an event.
fn wants(sink: &Resource, event: Event, subject: &Subject) -> bool {
    let events = sink.strings("events");
    let named = events.is_empty() || events.contains(&event.word());
    let stack = sink.int("stackId").is_none_or(|stack| subject.stack == Some(stack));
    let selected = sink.str("selector").filter(|text| !text.trim().is_empty()).is_none_or(|text| {
        let labels = subject.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        text.parse::<Selector>().is_ok_and(|selector| selector.matches(labels))
    });
    named && stack && selected
}

/// Makes the delivery of an event, or adds it to one that waits.
fn deliver(tx: &mut Tx<'_>, sink: &Resource, happened: &Happened, subject: &Subject) -> Result<()> {
    let topic = format!("{} {}", happened.about, subject.group);
    let lately = lately(tx, sink.id, &topic)?;
    let word = happened.event.word();
    // What was not told yet and is not so any more is not told at all.
    let undone = happened.event.opposite().and_then(|opposite| {
        lately
            .iter()
            .find(|row| row.str("event") == Some(opposite.word()) && is_unsent(row, tx.now))
    });
    if let Some(undone) = undone {
        return tx.delete(undone.id);
    }
    let (now, event) = (tx.now, tx.entropy.uuid());
    let message = super::sentence(&subject.shown.0, &subject.name, &happened.says);
    if let Some(held) = lately.iter().find(|row| row.flag(HELD) && is_unsent(row, tx.now)) {
        tx.update(held.id, |row| {
            row.set("event", word);
            row.set("eventId", event);
            row.set(super::courier::HAPPENED, now);
            row.set("message", message);
            row.set("suppressed", row.int("suppressed").unwrap_or(0) + 1);
            Ok(())
        })?;
        return Ok(());
    }
    let burst = lately.len() >= AT_ONCE;
    let first = lately.iter().map(|row| row.created).min().unwrap_or(now);
    let at = match (burst, happened.event) {
        (true, _) => first.saturating_add(WINDOW_MS),
        (false, Event::ServiceUnhealthy) => now.saturating_add(PATIENCE_MS),
        (false, _) => now,
    };
    let new = super::delivery(tx, sink, word)
        .with("eventId", event)
        .with("message", message)
        .with("nextAttempt", at)
        .with("resourceId", subject.shown.1.as_str())
        .with("resourceName", subject.name.as_str())
        .with("resourceType", subject.shown.0.as_str())
        .with("topic", topic);
    add(tx, sink.id, if burst { new.with(HELD, true) } else { new })?;
    Ok(())
}

/// Whether nobody can have heard of it yet: it does not even try.
fn is_unsent(row: &Resource, now: i64) -> bool {
    let later = row.int("nextAttempt").is_some_and(|at| at > now);
    row.str(STATUS) == Some(WAITING) && later && row.list("attempts").is_empty()
}

/// Deliveries about a topic that were made in the time that counts, newest first.
fn lately(read: &Tx<'_>, sink: i64, topic: &str) -> Result<Vec<Resource>> {
    let since = read.now.saturating_sub(WINDOW_MS);
    let mut found = read.list(&Query {
        ty: DELIVERY,
        conditions: vec![condition("topic", topic), condition("webhookId", sink)],
        order: Order::Descending,
        // One that is held may be older than what comes after it.
        limit: AT_ONCE + 1,
        ..Query::default()
    })?;
    found.retain(|row| row.created > since || is_unsent(row, read.now));
    Ok(found)
}

/// Adds a delivery; the oldest that waits is given up if there are too many.
///
/// # Errors
/// When the database fails.
pub fn add(tx: &mut Tx<'_>, sink: i64, new: NewResource) -> Result<Resource> {
    let waiting = Query {
        ty: DELIVERY,
        conditions: vec![condition("webhookId", sink), condition(STATUS, WAITING)],
        limit: 1,
        ..Query::default()
    };
    if tx.count(&waiting)? >= MOST_WAITING {
        let now = tx.now;
        for oldest in tx.list(&waiting)? {
            let why = format!("more than {MOST_WAITING} deliveries waited for this webhook");
            tx.update(oldest.id, |row| {
                super::give_up(row, now);
                super::note_attempt(row, json!({ "at": now, "error": why }));
                Ok(())
            })?;
        }
    }
    tx.insert(new)
}

#[cfg(test)]
mod tests;
