//! What the audit log is told of a request, once its answer is known.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::ApiState;
use super::body::Body;
use super::call::{Call, Method};
use super::respond::Reply;
use super::serve::Session;
use crate::auth::Caller;
use crate::auth::audit::{self, Deed};
use crate::error::Result;
use crate::store::{Announcement, NewAudit};

/// What handlers find out on the way.
#[derive(Debug, Default)]
pub struct Note {
    /// Type in the model.
    pub ty: Option<&'static str>,
    /// Row.
    pub resource_id: Option<i64>,
    /// Whether a command was asked to change nothing.
    pub only_tries: bool,
    request: Value,
    hidden: &'static [&'static str],
    announced: Option<Arc<Announcement>>,
}

impl Note {
    /// About a type of the model.
    pub fn of(ty: &'static str) -> Self {
        Self { ty: Some(ty), ..Self::default() }
    }

    /// Fields of the answer that the log must not know.
    pub fn hide(&mut self, fields: &'static [&'static str]) {
        self.hidden = fields;
    }

    /// Remembers the body; secrets are masked when it is written.
    pub fn body(&mut self, body: &Body) {
        self.request = body.value();
    }
}

/// What a request does, unless it only looks.
fn deed(call: &Call) -> Option<Deed> {
    match (call.method, call.params.get("action")) {
        (Some(Method::Post), Some(_)) => Some(Deed::Action),
        (Some(Method::Post), None) => Some(Deed::Create),
        (Some(Method::Put), _) => Some(Deed::Update),
        (Some(Method::Delete), _) => Some(Deed::Delete),
        (Some(Method::Get | Method::Options) | None, _) => None,
    }
}

/// The entry of a request, of which the answer may not be known yet.
fn entry(call: &Call, caller: &Caller, note: &Note, answer: Answer<'_>) -> Option<NewAudit> {
    let (Some(ty), Some(deed)) = (note.ty, deed(call)) else { return None };
    audit::entry(&audit::Call {
        caller: Some(caller),
        client_ip: call.facts.client_ip,
        ty,
        deed,
        resource_id: note.resource_id,
        request: &note.request,
        response: answer.body,
        status: answer.status,
        runtime_ms: answer.runtime_ms,
        description: call.params.get("action").map(str::to_owned),
    })
}

/// What is known of an answer.
struct Answer<'a> {
    body: &'a Value,
    status: u16,
    runtime_ms: i64,
}

/// Does what a request asks for; what it changes brings the request's entry along.
pub async fn accompany<T>(
    session: &Session<'_>,
    note: &mut Note,
    work: impl AsyncFnOnce(&mut Note) -> T,
) -> T {
    let nothing = Answer { body: &Value::Null, status: 0, runtime_ms: 0 };
    let Some(mut entry) = entry(session.call, session.caller, note, nothing) else {
        return work(note).await;
    };
    entry.data.shift_remove("responseCode");
    let announced = Announcement::new(session.state.entropy.uuid(), entry);
    note.announced = Some(Arc::clone(&announced));
    announced.accompany(work(note)).await
}

/// Records a request that was no `GET`. Nothing can be lost: what a change has brought along is completed
/// without keeping the client waiting for it, anything else is on disk before there is an answer.
pub async fn record(
    state: &ApiState,
    call: &Call,
    caller: Option<&Caller>,
    note: Note,
    reply: &Reply,
    started: i64,
) {
    let Some(caller) = caller else { return };
    // What only looks is not recorded: its answer, which may be large, is not read again.
    if note.ty.is_none() || deed(call).is_none() {
        return;
    }
    let mut response: Value =
        serde_json::from_slice(&reply.body).unwrap_or_else(|_| Value::Object(Map::new()));
    if let Some(fields) = response.as_object_mut() {
        fields.retain(|field, _| !note.hidden.contains(&field.as_str()));
    }
    let answer = Answer {
        body: &response,
        status: reply.status,
        runtime_ms: state.clock.now_ms().saturating_sub(started),
    };
    let Some(entry) = entry(call, caller, &note, answer) else { return };
    let store = state.store.clone();
    match note.announced.filter(|announced| announced.is_stored()) {
        Some(announced) => {
            let complete = store.clone();
            actix_web::rt::spawn(async move {
                settle(complete.write(move |tx| tx.audit_complete(&announced, &entry)).await);
            });
        }
        None => settle(store.write(move |tx| tx.audit_insert(&entry).map(drop)).await),
    }
}

fn settle(recorded: Result<()>) {
    if let Err(error) = recorded {
        tracing::error!(%error, "a request could not be recorded in the audit log");
    }
}

/// Records something that is about to begin, and fails if it cannot be recorded.
///
/// # Errors
/// When the database fails.
pub async fn begin(
    state: &ApiState,
    call: &Call,
    caller: &Caller,
    ty: &'static str,
    request: Value,
    status: u16,
) -> Result<()> {
    let note = Note { ty: Some(ty), request, ..Note::default() };
    let answer = Answer { body: &Value::Null, status, runtime_ms: 0 };
    let Some(entry) = entry(call, caller, &note, answer) else { return Ok(()) };
    state.store.write(move |tx| tx.audit_insert(&entry)).await.map(drop)
}
