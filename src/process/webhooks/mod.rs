//! Webhooks: events told to addresses that people give.
//!
//! [`events`] says which events a change of a row is, [`outbox`] writes them down as deliveries in the same
//! transaction, and [`courier`] makes the deliveries, each until it has arrived or is given up. What is sent
//! is [`message`](crate::outbound::message)'s.

pub mod courier;
pub mod events;
pub mod outbox;
mod tidy;

use serde_json::{Value, json};

use super::secrets;
use super::step::{Definition, Next, Outcome, Step, StepFuture, Work};
use crate::error::{Error, Result};
use crate::model::resource::{NewResource, Resource};
use crate::model::{id, registry};
use crate::outbound::check_literal;
use crate::outbound::message::Event;
use crate::store::{Read, Tx};

pub use tidy::tasks;

/// Type of whom events are told.
pub const SINK: &str = "webhook";
/// Type of what is told.
pub const DELIVERY: &str = "webhookDelivery";
/// Where the key that bodies are signed with is kept, sealed.
pub const SECRET: &str = secrets::KEY;
/// Where the token that calls carry is kept, sealed.
pub const TOKEN: &str = "sealedToken";
/// The field that says what a delivery is.
const STATUS: &str = "status";
/// It is still to be made.
const WAITING: &str = "waiting";
/// It has arrived.
const DELIVERED: &str = "delivered";
/// It was given up.
const FAILED: &str = "failed";

/// Processes of `webhook`.
pub const PROCESSES: &[Definition] = &[Definition {
    name: "webhook.remove",
    steps: &[Step { name: "forget", run: forget }],
    tries: None,
    give_up: None,
}];

/// A webhook takes its deliveries along.
fn forget(_: Work) -> StepFuture {
    Box::pin(async {
        Outcome::commit(|tx, work| {
            for row in tx.referrers(DELIVERY, "webhookId", work.resource.id)? {
                tx.delete(row.id)?;
            }
            Ok(Next::Finish)
        })
    })
}

/// Refuses an address that cannot be called, or must not be. Names are looked up when they are called.
///
/// # Errors
/// 422 that says why.
pub fn check_url(read: &Read<'_>, url: &str) -> Result<()> {
    let rules = super::outbound::rules(read)?;
    check_literal(&rules, url)
        .map_err(|fault| Error::field("InvalidFormat", "url").message(fault.to_string()))
}

/// A sentence about a resource: "service `shop/web` is healthy again".
fn sentence(ty: &str, name: &str, says: &str) -> String {
    let mut noun = String::new();
    for letter in ty.chars() {
        if letter.is_ascii_uppercase() {
            noun.push(' ');
        }
        noun.push(letter.to_ascii_lowercase());
    }
    format!("{noun} `{name}` {says}")
}

/// A row's id in the API.
fn shown_id(ty: &str, id: i64) -> String {
    id::format(registry::lookup(ty).map_or("", |entry| entry.prefix.as_str()), id)
}

/// A new delivery to a webhook.
fn delivery(tx: &Tx<'_>, sink: &Resource, word: &str) -> NewResource {
    let mut new = NewResource::new(DELIVERY, tx.entropy.uuid())
        .state("")
        .with("attempts", json!([]))
        .with("event", word)
        .with(STATUS, WAITING)
        .with("suppressed", 0)
        .with("webhookId", sink.id);
    new.account_id = sink.account_id;
    new
}

/// Adds what came of an attempt to a delivery.
fn note_attempt(row: &mut Resource, attempt: Value) {
    let mut attempts = row.list("attempts").to_vec();
    attempts.push(attempt);
    row.set("attempts", attempts);
}

/// Gives a delivery up.
fn give_up(row: &mut Resource, now: i64) {
    row.set(STATUS, FAILED);
    row.set("endedAt", now);
    row.set("nextAttempt", Value::Null);
}

/// A webhook that can be told something now.
fn active(sink: Option<Resource>) -> Result<Resource> {
    let found = sink.filter(|row| row.ty == SINK && row.removed.is_none());
    let Some(sink) = found else {
        return Err(Error::conflict("the webhook of this delivery is removed"));
    };
    match sink.state.as_str() {
        "active" => Ok(sink),
        state => Err(Error::conflict(format!(
            "webhook `{}` is {state}; activate it first",
            sink.display_name()
        ))),
    }
}

/// Tells a webhook that this is a test.
///
/// # Errors
/// 409 when it is not active.
pub fn test(tx: &mut Tx<'_>, sink: i64) -> Result<Resource> {
    let sink = active(tx.get(sink)?)?;
    let name = sink.display_name();
    let new = delivery(tx, &sink, Event::Test.word())
        .with("eventId", tx.entropy.uuid())
        .with("message", sentence(SINK, &name, "is tested"))
        .with("nextAttempt", tx.now)
        .with("resourceId", shown_id(SINK, sink.id))
        .with("resourceName", name)
        .with("resourceType", SINK);
    outbox::add(tx, sink.id, new)
}

/// Tells an event once more, as a delivery of its own: whoever drops what has come already takes it.
///
/// # Errors
/// 409 when it is still to be delivered, or its webhook is not active.
pub fn replay(tx: &mut Tx<'_>, delivery: &Resource) -> Result<Resource> {
    let sink = active(delivery.int("webhookId").map(|id| tx.get(id)).transpose()?.flatten())?;
    if delivery.str(STATUS) == Some(WAITING) {
        return Err(Error::conflict("it is still to be delivered; there is nothing to replay"));
    }
    let word = delivery.str("event").unwrap_or_default();
    let mut new = self::delivery(tx, &sink, word).with("nextAttempt", tx.now);
    for field in ["eventId", "message", "resourceId", "resourceName", "resourceType", "suppressed"]
    {
        if let Some(value) = delivery.data.get(field) {
            new = new.with(field, value.clone());
        }
    }
    let happened = delivery.int(courier::HAPPENED).unwrap_or(delivery.created);
    let new = new.with("replayOf", delivery.id).with(courier::HAPPENED, happened);
    outbox::add(tx, sink.id, new)
}
