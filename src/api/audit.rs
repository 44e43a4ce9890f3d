//! What the audit log is told of a request, once its answer is known.

use serde_json::{Map, Value};

use super::ApiState;
use super::body::Body;
use super::call::{Call, Method};
use super::respond::Reply;
use crate::auth::Caller;
use crate::auth::audit::{self, Deed};

/// What handlers find out on the way.
#[derive(Debug, Default)]
pub struct Note {
    /// Type in the model.
    pub ty: Option<&'static str>,
    /// Row.
    pub resource_id: Option<i64>,
    request: Value,
}

impl Note {
    /// Remembers the body; secrets are masked when it is written.
    pub fn body(&mut self, body: &Body) {
        self.request = body.value();
    }
}

/// Records a request that was no `GET`, without keeping the client waiting for it.
pub fn record(
    state: &ApiState,
    call: &Call,
    caller: Option<&Caller>,
    note: Note,
    reply: &Reply,
    started: i64,
) {
    let action = call.params.get("action");
    let deed = match (call.method, action) {
        (Some(Method::Post), Some(_)) => Deed::Action,
        (Some(Method::Post), None) => Deed::Create,
        (Some(Method::Put), _) => Deed::Update,
        (Some(Method::Delete), _) => Deed::Delete,
        (Some(Method::Get | Method::Options) | None, _) => return,
    };
    let (Some(ty), Some(caller)) = (note.ty, caller) else { return };
    let response: Value =
        serde_json::from_slice(&reply.body).unwrap_or_else(|_| Value::Object(Map::new()));
    let entry = audit::entry(&audit::Call {
        caller: Some(caller),
        client_ip: call.facts.client_ip,
        ty,
        deed,
        resource_id: note.resource_id,
        request: &note.request,
        response: &response,
        status: reply.status,
        runtime_ms: state.clock.now_ms().saturating_sub(started),
        description: action.map(str::to_owned),
    });
    let Some(entry) = entry else { return };
    let store = state.store.clone();
    actix_web::rt::spawn(async move {
        if let Err(error) = store.write(move |tx| tx.audit_insert(&entry)).await {
            tracing::error!(%error, "a request could not be recorded in the audit log");
        }
    });
}
