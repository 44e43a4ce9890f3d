//! A request to an API that stands beside `/v2-beta`, as Rancher's catalog and webhook services did: read,
//! authenticated, answered and recorded alike, whatever it asks for.

use actix_web::{HttpResponse, web};

use super::audit::{self, Note};
use super::call::Call;
use super::respond::{self, Reply};
use super::{ApiState, body};
use crate::auth::{Authenticator as _, Caller};
use crate::error::Result;

/// Authenticates a request, has it answered and recorded. What `note` says at first, and what the answer adds to
/// it, is for the audit log.
pub async fn serve(
    state: &ApiState,
    call: &mut Call,
    payload: web::Payload,
    mut note: Note,
    work: impl AsyncFnOnce(&mut Call, &Caller, &[u8], &mut Note) -> Result<Reply>,
) -> HttpResponse {
    let started = state.clock.now_ms();
    let caller = state.auth.authenticate(&call.facts).await;
    let reply = match &caller {
        Ok(caller) => match body::read(payload, state.config.body_limit).await {
            Ok(bytes) => work(call, caller, &bytes, &mut note).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error.clone()),
    };
    let reply = reply.unwrap_or_else(|error| respond::failure(&state.entropy, &error));
    let caller = caller.as_ref().ok();
    audit::record(state, call, caller, note, &reply, started).await;
    respond::finish(state, call, caller, reply)
}
