//! Makes deliveries: each webhook has one under way at a time, and many webhooks do not wait for each other.
//!
//! A delivery that has been sent and not recorded when the server is killed is sent again: whoever takes it
//! knows it by its id.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::outbox::HELD;
use super::{DELIVERED, DELIVERY, SECRET, SINK, STATUS, TOKEN, WAITING};
use crate::error::Result;
use crate::events::Changes;
use crate::model::resource::Resource;
use crate::outbound::message::{
    Event, Proof, Sink, Told, Verdict, message, next_ms, pause_ms, verdict,
};
use crate::outbound::{Answer, Client, Limits, Request};
use crate::process::site::Site;
use crate::process::{outbound, secrets};
use crate::store::{Condition, Op, Query, Read, Tx};

/// Deliveries under way at once.
const AT_ONCE: usize = 128;
/// What a call may cost. Nobody reads what is answered.
const LIMITS: Limits = Limits { time_ms: 10_000, body: 0, redirects: 3 };
/// How soon to look again when the database fails, in milliseconds.
const AGAIN_MS: i64 = 5_000;
/// The field of a delivery with when its event happened, if that was before it was made; not shown.
pub const HAPPENED: &str = "happenedAt";

/// Makes the deliveries that are due.
pub struct Courier {
    site: Arc<Site>,
    stop: CancellationToken,
    client: Arc<Client>,
    under_way: JoinSet<i64>,
    /// Webhooks that are told something.
    busy: HashSet<i64>,
}

/// A delivery that is to be made now.
struct Due {
    sink: i64,
    delivery: i64,
    at: i64,
}

/// What came of an attempt.
struct Came {
    verdict: Verdict,
    status: Option<u16>,
    error: Option<String>,
    /// Milliseconds for which it asks to be left alone.
    pause_ms: i64,
}

impl Came {
    /// No answer came.
    fn nothing(error: String) -> Self {
        Self { verdict: Verdict::Later, status: None, error: Some(error), pause_ms: 0 }
    }
}

impl Courier {
    /// A courier.
    pub fn new(site: Arc<Site>, stop: CancellationToken) -> Self {
        let client = Arc::new(Client::new(site.clock.clone()));
        Self { site, stop, client, under_way: JoinSet::new(), busy: HashSet::new() }
    }

    /// Works until it is stopped. Attempts under way are cut off, and made again after the next start.
    pub async fn run(mut self) {
        let mut changes = self.site.store.feed().listen();
        loop {
            let next = self.launch();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(done) = self.under_way.join_next() => match done {
                    Ok(sink) => drop(self.busy.remove(&sink)),
                    Err(error) => {
                        tracing::error!(%error, "a delivery panicked");
                        // Whose it was is not known; those that are under way are found busy by nobody else.
                        self.busy.clear();
                    }
                },
                () = changed(&mut changes) => {}
                () = sleep(&self.site, next) => {}
            }
        }
        self.under_way.shutdown().await;
    }

    /// Starts what is due; returns when to look again if nothing changes before.
    fn launch(&mut self) -> Option<i64> {
        let now = self.site.clock.now_ms();
        let mut waiting = match self.site.store.read(|read| waiting(read, &self.busy)) {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(%error, "cannot read which deliveries are due");
                return Some(now.saturating_add(AGAIN_MS));
            }
        };
        // Those that have waited longest first.
        waiting.sort_by_key(|due| (due.at, due.delivery));
        for due in waiting {
            if due.at > now {
                return Some(due.at);
            }
            if self.busy.len() >= AT_ONCE {
                break;
            }
            self.busy.insert(due.sink);
            let (site, client) = (Arc::clone(&self.site), Arc::clone(&self.client));
            self.under_way.spawn(async move {
                if let Err(error) = attempt(&site, &client, due.delivery).await {
                    tracing::error!(%error, "a delivery could not be recorded");
                    site.clock.sleep_until(now.saturating_add(AGAIN_MS)).await;
                }
                due.sink
            });
        }
        None
    }
}

/// Waits until something that deliveries go by has changed.
async fn changed(changes: &mut Receiver<Changes>) {
    while let Ok(heard) = changes.recv().await {
        if heard.iter().any(|change| change.ty == SINK || change.ty == DELIVERY) {
            return;
        }
    }
}

async fn sleep(site: &Site, until: Option<i64>) {
    match until {
        Some(until) => site.clock.sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The next delivery of each active webhook that is not told something already.
fn waiting(read: &Read<'_>, busy: &HashSet<i64>) -> Result<Vec<Due>> {
    let mut sinks = Vec::new();
    read.for_each(SINK, |sink| {
        if sink.state == "active" && !busy.contains(&sink.id) {
            sinks.push(sink.id);
        }
        Ok(())
    })?;
    let condition =
        |field: &str, value: Value| Condition { field: field.to_owned(), op: Op::Eq, value };
    let mut found = Vec::new();
    for sink in sinks {
        let first = read.list(&Query {
            ty: DELIVERY,
            conditions: vec![
                condition("webhookId", sink.into()),
                condition(STATUS, WAITING.into()),
            ],
            sort: Some("nextAttempt".to_owned()),
            limit: 1,
            ..Query::default()
        })?;
        found.extend(first.into_iter().map(|row| Due {
            sink,
            delivery: row.id,
            at: row.int("nextAttempt").unwrap_or(0),
        }));
    }
    Ok(found)
}

/// Tries to make a delivery, and records what came of it.
async fn attempt(site: &Arc<Site>, client: &Client, delivery: i64) -> Result<()> {
    let Some((request, rules)) = site.store.read(|read| prepare(site, read, delivery))? else {
        return Ok(());
    };
    let began = site.clock.now_ms();
    let came = match request {
        Ok(request) => match client.send(&rules, request, LIMITS).await {
            Ok(answer) => answered(&answer, site.clock.now_ms()),
            Err(fault) => Came::nothing(fault.to_string()),
        },
        Err(error) => Came::nothing(error),
    };
    let lasted = site.clock.now_ms().saturating_sub(began).max(0);
    site.store.write(move |tx| record(tx, delivery, came, began, lasted)).await
}

fn answered(answer: &Answer, now: i64) -> Came {
    let status = answer.status;
    let pause_ms = pause_ms(status, answer.retry_after.as_deref(), now);
    let error = match status {
        200..=299 => None,
        300..=399 => Some(format!(
            "it answered {status} and sends elsewhere; a webhook needs the address that it leads to"
        )),
        410 => Some(format!("it answered {status}: it wants to hear no more")),
        _ if pause_ms > 0 => Some(format!(
            "it answered {status} and is left alone for {} seconds as it asks",
            pause_ms.saturating_add(999) / 1000
        )),
        _ => Some(format!("it answered {status}")),
    };
    Came { verdict: verdict(status), status: Some(status), error, pause_ms }
}

/// What to send and by which rules; nothing when the delivery is not to be made any more. A secret that
/// cannot be opened is said where an answer would be.
type Prepared = Option<(std::result::Result<Request, String>, crate::outbound::Rules)>;

fn prepare(site: &Site, read: &Read<'_>, delivery: i64) -> Result<Prepared> {
    let row = read.get(delivery)?.filter(|row| row.str(STATUS) == Some(WAITING));
    let Some(row) = row else { return Ok(None) };
    let sink = row.int("webhookId").map(|id| read.get(id)).transpose()?.flatten();
    let Some(sink) = sink.filter(|sink| sink.state == "active") else { return Ok(None) };
    let rules = match outbound::rules(read) {
        Ok(rules) => rules,
        // Nothing is called by rules that nobody understands.
        Err(error) => return Ok(Some((Err(error.to_string()), crate::outbound::Rules::default()))),
    };
    let request = proof(site, &sink).map(|proof| request(&sink, &row, &proof, site.clock.now_ms()));
    Ok(Some((request.map_err(|error| error.to_string()), rules)))
}

/// What the webhook knows us by.
fn proof(site: &Site, sink: &Resource) -> Result<Proof> {
    let open = |field: &str| match sink.str(field) {
        Some(_) => secrets::unseal(&site.vault, sink, field).map(Some),
        None => Ok(None),
    };
    let token = open(TOKEN)?.map(|token| String::from_utf8_lossy(&token).into_owned());
    Ok(Proof { key: open(SECRET)?.unwrap_or_default(), token })
}

fn request(sink: &Resource, row: &Resource, proof: &Proof, now: i64) -> Request {
    let text = |field: &str| row.str(field).unwrap_or_default().to_owned();
    let told = Told {
        id: text("eventId"),
        delivery: row.uuid.clone(),
        event: Event::of_word(row.str("event").unwrap_or_default()),
        at_ms: row.int(HAPPENED).unwrap_or(row.created),
        project: row.account_id.map(|own| super::shown_id("account", own)).unwrap_or_default(),
        about: (text("resourceType"), text("resourceId"), text("resourceName")),
        message: text("message"),
        untold: row.int("suppressed").unwrap_or(0),
    };
    let format = if sink.str("format") == Some("ntfy") { Sink::Ntfy } else { Sink::Json };
    let message = message(format, &told, proof, now / 1000);
    Request {
        method: "POST",
        url: sink.str("url").unwrap_or_default().to_owned(),
        headers: message.headers,
        body: message.body.into(),
    }
}

fn record(tx: &mut Tx<'_>, delivery: i64, came: Came, began: i64, lasted: i64) -> Result<()> {
    // Its webhook may have been removed meanwhile.
    if tx.get(delivery)?.is_none_or(|row| row.str(STATUS) != Some(WAITING)) {
        return Ok(());
    }
    let now = tx.now;
    tx.update(delivery, |row| {
        super::note_attempt(
            row,
            json!({
                "at": began,
                "durationMs": lasted,
                "error": came.error,
                "statusCode": came.status,
            }),
        );
        row.data.shift_remove(HELD);
        let tries = u32::try_from(row.list("attempts").len()).unwrap_or(u32::MAX);
        let first = row.list("attempts").first().and_then(|first| first["at"].as_i64());
        let next = next_ms(first.unwrap_or(began), now, tries, came.pause_ms);
        match (came.verdict, next) {
            (Verdict::Arrived, _) => {
                row.set(STATUS, DELIVERED);
                row.set("endedAt", now);
                row.set("nextAttempt", Value::Null);
            }
            (Verdict::Later, Some(next)) => row.set("nextAttempt", next),
            (Verdict::Later, None) | (Verdict::Never, _) => super::give_up(row, now),
        }
        Ok(())
    })?;
    Ok(())
}
