//! Opening a websocket with a ticket.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};

use super::line::{Guard, Line};
use super::tickets::{Grant, Purpose};
use super::{exec, logs, room, stats};
use crate::api::call::Call;
use crate::api::dialect::Version;
use crate::api::params::Params;
use crate::api::{ApiState, hooks, respond};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::model::resource::Resource;
use crate::process::instance::engine_ref;

/// `GET` of one of the streams' paths, with `?token=` or `Authorization: Bearer`.
pub async fn open(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<ApiState>,
) -> HttpResponse {
    let outcome = accept(&request, payload, &state).await;
    told(&request, &state, outcome)
}

/// What was answered, or the answer to a request that was refused.
pub(super) fn told(
    request: &HttpRequest,
    state: &ApiState,
    outcome: Result<HttpResponse>,
) -> HttpResponse {
    outcome.unwrap_or_else(|error| {
        let call = Call::new(state, request, Version::V1, "");
        respond::finish(state, &call, None, respond::failure(&state.entropy, &error))
    })
}

pub(super) fn refused() -> Error {
    Error::status(401).message("the token is not good here: unknown, used, or too old")
}

/// A request whose ticket is good.
pub(super) struct Admitted {
    /// Notices when the caller's session ends.
    pub guard: Guard,
    /// What the ticket is for.
    pub purpose: Purpose,
    /// The row that the ticket is bound to.
    pub row: Resource,
}

/// Looks at the ticket of a request.
///
/// # Errors
/// 401 when it is not good here, or its caller may no longer see what it is for.
pub(super) async fn admit(request: &HttpRequest, state: &web::Data<ApiState>) -> Result<Admitted> {
    let token = token(request).ok_or_else(refused)?;
    let grant = state.streams.redeem(&state.clock, &token).ok_or_else(refused)?;
    if !grant.purpose.is_at(request.path()) {
        return Err(refused());
    }
    // Listen first: a session that ends while we look is then heard of.
    let guard = Guard::new(Arc::clone(&state.auth), grant.caller.clone());
    if !guard.is_live().await {
        return Err(refused());
    }
    let row = row(state, &grant)?;
    Ok(Admitted { guard, purpose: grant.purpose, row })
}

async fn accept(
    request: &HttpRequest,
    payload: web::Payload,
    state: &web::Data<ApiState>,
) -> Result<HttpResponse> {
    let Admitted { guard, purpose, row } = admit(request, state).await?;
    let params = Params::parse(request.query_string());
    let purpose = purpose.dialled(params.get("output"));
    let source = source(state, &purpose, &row)?;
    let (response, socket, client) = room::open(request, payload, &state.metrics.websocket_bytes)?;
    let line = Line { clock: state.clock.clone(), socket, client, guard };
    let state = state.clone();
    actix_web::rt::spawn(async move {
        let _open = Counted::new(&state);
        serve(&state, line, purpose, row, source).await;
    });
    Ok(response)
}

/// The token as the client gives it.
fn token(request: &HttpRequest) -> Option<String> {
    let params = Params::parse(request.query_string());
    if let Some(token) = params.get("token") {
        return Some(token.to_owned());
    }
    let header = request.headers().get("authorization")?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// The row that the ticket is bound to, if the caller still sees it.
fn row(state: &ApiState, grant: &Grant) -> Result<Resource> {
    state.store.read(|read| {
        let row = read.get(grant.purpose.resource())?.filter(|row| row.removed.is_none());
        let row = row.ok_or_else(refused)?;
        if hooks::is_visible(read, &grant.caller, &row)? { Ok(row) } else { Err(refused()) }
    })
}

/// The engine of a container's host; nothing for what is not one container.
pub(super) fn source(
    state: &ApiState,
    purpose: &Purpose,
    row: &Resource,
) -> Result<Option<Arc<dyn Engine>>> {
    match purpose {
        Purpose::ServiceStats { .. }
        | Purpose::HostContainers { .. }
        | Purpose::HostStats { .. }
        | Purpose::ProjectStats { .. } => Ok(None),
        Purpose::Logs { .. }
        | Purpose::Exec { .. }
        | Purpose::Proxy { .. }
        | Purpose::ContainerStats { .. } => {
            let host = row.int("hostId").and_then(|host| state.site.engines.get(host));
            let host = host.ok_or_else(|| {
                let name = row.display_name();
                let message = format!("the host of container `{name}` is not reachable");
                Error::status(503).message(message)
            })?;
            Ok(Some(host.engine))
        }
    }
}

async fn serve(
    state: &web::Data<ApiState>,
    line: Line,
    purpose: Purpose,
    row: Resource,
    engine: Option<Arc<dyn Engine>>,
) {
    let frames = match (purpose, engine) {
        (Purpose::Exec { spec, output, .. }, Some(engine)) => {
            return exec::serve(line, engine, engine_ref(&row), spec, output).await;
        }
        (Purpose::Logs { options, .. }, Some(engine)) => {
            logs::frames(&engine, &engine_ref(&row), &options)
        }
        (Purpose::ContainerStats { .. }, Some(engine)) => stats::container(&engine, &row),
        (Purpose::ServiceStats { service }, _) => {
            stats::containers(state, move |read| stats::containers_of(read, service))
        }
        (Purpose::HostContainers { host }, _) => {
            stats::containers(state, move |read| stats::containers_on(read, host))
        }
        (Purpose::HostStats { host }, _) => stats::hosts(state, move |_| Ok(vec![host])),
        (Purpose::ProjectStats { project }, _) => {
            stats::hosts(state, move |read| stats::hosts_of(read, project))
        }
        // `source` has seen to an engine for each of these, and a proxy is no stream of frames.
        (Purpose::Exec { .. } | Purpose::Logs { .. } | Purpose::ContainerStats { .. }, None)
        | (Purpose::Proxy { .. }, _) => return,
    };
    line.carry(frames, None).await;
}

/// Counts an open websocket for as long as it lives.
pub(super) struct Counted(web::Data<ApiState>);

impl Counted {
    pub(super) fn new(state: &web::Data<ApiState>) -> Self {
        state.metrics.websockets.inc();
        Self(state.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.websockets.dec();
    }
}
