//! `/subscribe`: a websocket that tells a client of every change it may see.
//!
//! A change is told at most once a second for each resource; the resource is read again when the message
//! is made, so that a client that lags sees the newest state and never one it may no longer see.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::call::{Call, Method};
use super::render::Extras;
use super::serve::Session;
use super::streams::room::{self, Room, Socket};
use super::views::views;
use super::{ApiState, hooks, publish, reads, respond};
use crate::auth::policy::{self, Verb};
use crate::auth::{Authenticator as _, Caller, Role};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::events::bus::Listener;
use crate::events::{Change, Changes};
use crate::model::{id, lifecycle};
use crate::store::{Query, Read};

/// Milliseconds between pings.
const PING_MS: i64 = 5_000;
/// Pings after which the connection ends: 12 hours.
const PINGS: u32 = 8_640;
/// Least time between two messages about one resource.
const PAUSE_MS: i64 = 1_000;
/// How long a full queue may stay full before the client is let go.
const PATIENCE_MS: u64 = 10_000;
/// How long a client that does not read is waited for when there is no more to tell.
const FAREWELL_MS: u64 = 500;
/// The event that every change is.
const CHANGE: &str = "resource.change";

/// Whether a request is for the websocket.
pub fn is_wanted(request: &HttpRequest, call: &Call) -> bool {
    let upgrade = request.headers().get("upgrade").and_then(|value| value.to_str().ok());
    let last = call.segments.first().map(String::as_str).unwrap_or("");
    let is_subscribe = call.segments.len() == 1 && last.eq_ignore_ascii_case("subscribe");
    is_subscribe
        && call.method == Some(Method::Get)
        && upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Opens the websocket.
pub async fn open(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<ApiState>,
    call: &Call,
) -> HttpResponse {
    match accept(request, payload, state, call).await {
        Ok(response) => response,
        Err(error) => {
            let reply = respond::failure(&state.entropy, &error);
            respond::finish(state, call, None, reply)
        }
    }
}

async fn accept(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<ApiState>,
    call: &Call,
) -> Result<HttpResponse> {
    // Listen first: what changes while we look is then heard of.
    let changes = state.store.feed().listen();
    let ended = state.auth.ended_sessions();
    let caller = state.auth.authenticate(&call.facts).await?;
    require_subscriber(call, &caller)?;
    let names = event_names(call)?;
    let heard = state.store.read(|read| qualified(read, &caller, call, &names))?;
    let raw = heard.raw;
    let events = state.site.bus.listen(heard.names);
    let (response, socket, stream) = room::open(request, payload, &state.metrics.websocket_bytes)?;
    let limit = state.store.read(|read| read.setting_int("subscribe.max.queued.messages"))?;
    let limit = usize::try_from(limit).unwrap_or(100).clamp(1, 10_000);
    let clock = state.clock.clone();
    let (outbox, letters) = Outbox::new(clock.clone(), socket.room.clone(), limit);
    let client = Client {
        state: state.clone(),
        call: call.clone(),
        caller,
        wants_changes: names.iter().any(|name| matches_change(base(name))),
        raw,
        outbox,
        waiting: HashMap::new(),
    };
    actix_web::rt::spawn(post(clock, socket, stream, letters));
    actix_web::rt::spawn(client.serve(changes, ended, events));
    Ok(response)
}

/// Refuses roles for which there is nothing to subscribe to.
fn require_subscriber(call: &Call, caller: &Caller) -> Result<()> {
    let Some(view) = views(call.version, caller.role).of_type("subscribe") else {
        return Err(Error::not_found().message("`subscribe` is not a type that you can use"));
    };
    if policy::may(caller.role, view.entry, Verb::List) {
        return Ok(());
    }
    Err(respond::not_allowed(view.name))
}

/// The events a client asks for.
fn event_names(call: &Call) -> Result<Vec<String>> {
    let names: Vec<String> = call
        .params
        .all("eventNames")
        .map(str::to_owned)
        .filter(|name| !base(name).is_empty())
        .collect();
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"*._;=-".contains(&byte);
    if let Some(name) = names.iter().find(|name| !name.bytes().all(letter)) {
        return Err(Error::field("InvalidCharacters", "eventNames")
            .message(format!("`{name}` is no name of an event")));
    }
    if names.is_empty() {
        return Err(Error::field("MissingRequired", "eventNames")
            .message("say what to be told of, such as eventNames=resource.change"));
    }
    Ok(names)
}

/// What a name is before it is qualified.
fn base(name: &str) -> &str {
    name.split(';').next().unwrap_or("")
}

/// The events of other programs that a client hears.
struct Heard {
    names: Vec<String>,
    /// Whether they are shown with what they are qualified by.
    raw: bool,
}

/// Events as they are for those who are trusted with all of them; for everyone else those for the agent or
/// the account, whatever follows `;` in the name.
fn qualified(read: &Read<'_>, caller: &Caller, call: &Call, names: &[String]) -> Result<Heard> {
    let raw = publish::is_raw(caller);
    let asked = call.params.get("agentId").filter(|_| raw);
    let agent = match (asked, caller.role) {
        (Some(text), _) => {
            let known = id::parse(text).map(|id| read.get(id)).transpose()?.flatten();
            let known = known.filter(|row| row.ty == "agent");
            Some(known.map(|row| row.id).ok_or_else(|| {
                Error::field("InvalidReference", "agentId")
                    .message(format!("there is no agent `{text}`"))
            })?)
        }
        (None, Role::Agent) => own_agent(read, caller)?,
        (None, _) => None,
    };
    let qualifier = match (agent, raw) {
        (Some(agent), _) => format!("agent={agent}"),
        (None, false) => format!("account={}", caller.account_id),
        (None, true) => return Ok(Heard { names: names.to_vec(), raw: true }),
    };
    let names = names.iter().map(|name| format!("{};{qualifier}", base(name))).collect();
    Ok(Heard { names, raw: false })
}

/// The agent that an account is of.
pub fn own_agent(read: &Read<'_>, caller: &Caller) -> Result<Option<i64>> {
    let query =
        Query { ty: "agent", account_id: Some(caller.account_id), limit: 1, ..Query::default() };
    Ok(read.list(&query)?.first().map(|agent| agent.id))
}

fn matches_change(name: &str) -> bool {
    name == CHANGE || name == "*" || name.strip_suffix('*').is_some_and(|n| CHANGE.starts_with(n))
}

/// Messages on their way to a client.
struct Outbox {
    clock: Clock,
    room: Room,
    queue: mpsc::Sender<String>,
    /// Dropped with the outbox.
    _open: oneshot::Sender<()>,
}

/// The other end of an [`Outbox`].
struct Letters {
    messages: mpsc::Receiver<String>,
    open: oneshot::Receiver<()>,
}

impl Outbox {
    fn new(clock: Clock, room: Room, limit: usize) -> (Self, Letters) {
        let (queue, messages) = mpsc::channel(limit);
        let (_open, open) = oneshot::channel();
        (Self { clock, room, queue, _open }, Letters { messages, open })
    }

    /// Queues a message when there is room for it; a client that does not read for long is let go.
    async fn send(&self, message: String, patience_ms: u64) -> std::result::Result<(), Gone> {
        let queued =
            async { self.room.take(&message).await && self.queue.send(message).await.is_ok() };
        tokio::select! {
            queued = queued => if queued { Ok(()) } else { Err(Gone) },
            () = self.clock.sleep_ms(patience_ms) => Err(Gone),
        }
    }
}

/// Writes until there are no more messages; a client that does not take the last ones is not waited for.
async fn post(
    clock: Clock,
    socket: Socket,
    stream: actix_ws::MessageStream,
    Letters { messages, open }: Letters,
) {
    let patience = async {
        // It is dropped, never sent.
        let _ = open.await;
        clock.sleep_ms(FAREWELL_MS).await;
    };
    tokio::select! {
        () = write(socket, stream, messages) => {}
        () = patience => {}
    }
}

/// Writes messages until there are no more, and watches for the client's close.
async fn write(
    mut socket: Socket,
    mut stream: actix_ws::MessageStream,
    mut messages: mpsc::Receiver<String>,
) {
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => {
                    if socket.put(message).await.is_err() {
                        return;
                    }
                }
                None => break,
            },
            frame = stream.next() => match frame {
                Some(Ok(actix_ws::Message::Ping(bytes))) => {
                    if socket.pong(&bytes).await.is_err() {
                        return;
                    }
                }
                Some(Ok(actix_ws::Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    // The client may be gone already.
    let _ = socket.close(None).await;
}

/// Why a connection ends.
struct Gone;

struct Client {
    state: web::Data<ApiState>,
    call: Call,
    caller: Caller,
    wants_changes: bool,
    /// Whether events are shown with what they are qualified by.
    raw: bool,
    outbox: Outbox,
    /// By resource: when it may be told of next, and whether there is something to tell.
    waiting: HashMap<i64, (i64, bool)>,
}

impl Client {
    async fn serve(
        mut self,
        changes: broadcast::Receiver<Changes>,
        ended: broadcast::Receiver<String>,
        events: Listener,
    ) {
        let state = Arc::clone(&self.state);
        state.metrics.websockets.inc();
        let Err(Gone) = self.run(changes, ended, events).await;
        state.metrics.websockets.dec();
    }

    async fn run(
        &mut self,
        mut changes: broadcast::Receiver<Changes>,
        mut ended: broadcast::Receiver<String>,
        mut events: Listener,
    ) -> std::result::Result<std::convert::Infallible, Gone> {
        let clock = self.state.clock.clone();
        let mut next_ping = clock.now_ms();
        let mut pings = 0;
        loop {
            let now = clock.now_ms();
            if now >= next_ping {
                if pings >= PINGS {
                    return Err(Gone);
                }
                self.send(self.message("ping", json!({"options": {}, "resources": []}), None))
                    .await?;
                pings += 1;
                next_ping = now.saturating_add(PING_MS);
            }
            self.flush(now).await?;
            let due = self.waiting.values().filter(|wait| wait.1).map(|wait| wait.0).min();
            let wake = due.map_or(next_ping, |due| due.min(next_ping));
            tokio::select! {
                () = clock.sleep_until(wake) => {}
                heard = changes.recv() => self.heard(heard).await?,
                key = ended.recv() => self.session_ended(key).await?,
                event = events.next() => {
                    // A client that has lost events must not go on as if it had not.
                    let event = event.ok_or(Gone)?;
                    let name = if self.raw { event.name.as_str() } else { base(&event.name) };
                    self.send(event.message(name).to_string()).await?;
                }
                () = self.outbox.queue.closed() => return Err(Gone),
            }
        }
    }

    fn message(&self, name: &str, data: Value, about: Option<(&str, &str)>) -> String {
        json!({
            "name": name,
            "id": self.state.entropy.uuid(),
            "time": self.state.clock.now_ms(),
            "resourceType": about.map(|about| about.0),
            "resourceId": about.map(|about| about.1),
            "data": data,
        })
        .to_string()
    }

    /// Tells the client, which is let go when it does not read for long.
    async fn send(&self, message: String) -> std::result::Result<(), Gone> {
        self.outbox.send(message, PATIENCE_MS).await
    }

    async fn session_ended(
        &self,
        key: std::result::Result<String, broadcast::error::RecvError>,
    ) -> std::result::Result<(), Gone> {
        let over = match key {
            Ok(key) => self.caller.session.as_deref() == Some(key.as_str()),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                !self.state.auth.is_live(&self.caller).await.unwrap_or(false)
            }
            Err(broadcast::error::RecvError::Closed) => true,
        };
        if over {
            self.outbox.send(json!({"name": "logout"}).to_string(), FAREWELL_MS).await?;
            return Err(Gone);
        }
        Ok(())
    }

    async fn heard(
        &mut self,
        heard: std::result::Result<Changes, broadcast::error::RecvError>,
    ) -> std::result::Result<(), Gone> {
        match heard {
            Ok(changes) => {
                for change in changes.iter() {
                    if self.wants_changes && self.may_concern(change) {
                        self.waiting.entry(change.id).or_insert((0, true)).1 = true;
                    }
                }
                Ok(())
            }
            // What was missed cannot be told any more; the client must read again.
            Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => {
                Err(Gone)
            }
        }
    }

    /// Whether it is worth reading the row: another account's is not, unless its type has a rule.
    fn may_concern(&self, change: &Change) -> bool {
        let everything = self.caller.all_accounts && !self.caller.in_project();
        everything
            || change.account_id == Some(self.caller.account_id)
            || change.id == self.caller.account_id
            || hooks::VISIBILITIES.iter().any(|rule| rule.ty == change.ty)
    }

    /// Tells of every change whose time has come.
    async fn flush(&mut self, now: i64) -> std::result::Result<(), Gone> {
        let mut due: Vec<i64> = Vec::new();
        self.waiting.retain(|id, (at, changed)| {
            if *changed && *at <= now {
                due.push(*id);
                *at = now.saturating_add(PAUSE_MS);
                *changed = false;
            }
            *changed || *at > now
        });
        due.sort_unstable();
        for id in due {
            match self.changed(id) {
                Ok(Some(message)) => self.send(message).await?,
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, id, "a change could not be told of"),
            }
        }
        Ok(())
    }

    /// The message about a resource as it is now; `None` when the client is not to know.
    fn changed(&self, id: i64) -> Result<Option<String>> {
        let views = views(self.call.version, self.caller.role);
        let session = Session { state: &self.state, call: &self.call, caller: &self.caller, views };
        self.state.store.read(|read| {
            let Some(row) = read.get(id)? else { return Ok(None) };
            let silent = row.removed.is_some() && row.state != lifecycle::REMOVED;
            let Some(view) = views.of_row(row.ty, &row.kind) else { return Ok(None) };
            let silent = silent || !policy::may(self.caller.role, view.entry, Verb::Get);
            let acting = !self.caller.in_project()
                || row.account_id == Some(self.caller.account_id)
                || row.id == self.caller.account_id;
            if silent || !acting || !hooks::is_visible(read, &self.caller, &row)? {
                return Ok(None);
            }
            let formatted = session.renderer().id_of(view, &row);
            let body = reads::one(&session, read, view, row, Extras::default())?;
            let resource: Value = serde_json::from_slice(&body).map_err(Error::internal)?;
            let data = json!({ "resource": resource });
            Ok(Some(self.message(CHANGE, data, Some((view.name, &formatted)))))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use actix_web::body::MessageBody as _;

    use super::*;
    use crate::api::streams::room::ROOM;
    use crate::api::streams::testing::{Installation, settle};

    #[actix_web::test]
    async fn a_client_that_does_not_read_costs_little_and_is_let_go() {
        let installation = Installation::new().await;
        for size in [100, 20_000, 300_000] {
            let (response, socket, client) = installation.socket().await;
            let clock = installation.clock.clone();
            let (outbox, letters) = Outbox::new(clock.clone(), socket.room.clone(), 10_000);
            let writing = actix_web::rt::spawn(post(clock, socket, client, letters));
            let sent = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&sent);
            let telling = actix_web::rt::spawn(async move {
                while outbox.send("x".repeat(size), PATIENCE_MS).await.is_ok() {
                    count.fetch_add(size, Ordering::Relaxed);
                }
            });
            let mut body = Box::pin(response.into_body());
            let mut taken = 0;
            for _ in 0..10 {
                settle().await;
                let held = sent.load(Ordering::Relaxed).saturating_sub(taken);
                assert!((1..=ROOM.max(size)).contains(&held), "{held} bytes of {size} each");
                let piece = std::future::poll_fn(|cx| body.as_mut().poll_next(cx)).await;
                taken += piece.expect("more").expect("bytes").len();
            }
            settle().await;
            installation.time.advance(PATIENCE_MS);
            telling.await.expect("the client is let go");
            settle().await;
            installation.time.advance(FAREWELL_MS);
            writing.await.expect("nothing is left of it");
        }
    }

    #[test]
    fn event_names() {
        for (name, wanted) in [
            ("resource.change", true),
            ("resource.*", true),
            ("*", true),
            ("ping", false),
            ("resource.changes", false),
        ] {
            assert_eq!(matches_change(name), wanted, "{name}");
        }
    }
}
