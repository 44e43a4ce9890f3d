//! Image builds: a tar of the build context streams in, the engine's output streams out line by line.

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::sync::mpsc;

use super::ApiState;
use super::call::{Call, Method};
use super::respond;
use crate::auth::policy::{self, Verb};
use crate::auth::{Authenticator as _, Caller};
use crate::engine::BuildOptions;
use crate::error::{Error, Result};
use crate::model::registry;
use crate::process::site::HostEngine;
use crate::store::Query;

/// Pieces of the context or lines of output that may wait for the other side.
const QUEUE: usize = 32;

/// Whether a request wants to build.
pub fn is_wanted(call: &Call) -> bool {
    let named =
        matches!(call.segments.as_slice(), [one] if one.eq_ignore_ascii_case("imagebuilds"));
    named && call.method == Some(Method::Post)
}

/// Builds on a host of the caller's environment.
pub async fn run(
    payload: web::Payload,
    _request: &HttpRequest,
    state: &web::Data<ApiState>,
    call: &Call,
) -> HttpResponse {
    match start(payload, state, call).await {
        Ok(response) => response,
        Err(error) => {
            let reply = respond::failure(&state.entropy, &error);
            respond::finish(state, call, None, reply)
        }
    }
}

async fn start(
    mut payload: web::Payload,
    state: &web::Data<ApiState>,
    call: &Call,
) -> Result<HttpResponse> {
    let caller = state.auth.authenticate(&call.facts).await?;
    allow(&caller)?;
    let Some(tag) = call.params.get("tag").filter(|tag| !tag.is_empty()) else {
        return Err(Error::field("MissingRequired", "tag").message("a build needs a `tag`"));
    };
    let options = BuildOptions {
        tag: tag.to_owned(),
        dockerfile: call.params.get("dockerfile").map(str::to_owned),
        ..Default::default()
    };
    let host = host(state, &caller)?;
    let (context_in, context_out) = mpsc::channel::<Result<Bytes, std::io::Error>>(QUEUE);
    actix_web::rt::spawn(async move {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(std::io::Error::other);
            if context_in.send(chunk).await.is_err() {
                return;
            }
        }
    });
    let (lines_in, lines_out) = mpsc::unbounded_channel::<Bytes>();
    tokio::spawn(build(host, options, context_out, lines_in));
    let lines = futures_util::stream::unfold(lines_out, |mut lines| async move {
        lines.recv().await.map(|line| (Ok::<_, std::io::Error>(line), lines))
    });
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(lines))
}

/// Whoever may make containers may make images for them.
fn allow(caller: &Caller) -> Result<()> {
    let may = registry::lookup("container")
        .is_some_and(|entry| policy::may(caller.role, entry, Verb::Create));
    if may { Ok(()) } else { Err(Error::forbidden("you may not build images here")) }
}

fn host(state: &ApiState, caller: &Caller) -> Result<HostEngine> {
    let hosts = state.store.read(|read| {
        read.list(&Query {
            ty: "host",
            account_id: Some(caller.account_id),
            limit: 100,
            ..Default::default()
        })
    })?;
    hosts
        .iter()
        .find_map(|host| state.site.engines.get(host.id))
        .ok_or_else(|| Error::conflict("the environment has no host to build on"))
}

async fn build(
    host: HostEngine,
    options: BuildOptions,
    context: mpsc::Receiver<Result<Bytes, std::io::Error>>,
    lines: mpsc::UnboundedSender<Bytes>,
) {
    let context = futures_util::stream::unfold(context, |mut context| async move {
        context.recv().await.map(|chunk| (chunk, context))
    });
    let say = |value: serde_json::Value| {
        // A client that has gone does not want the rest.
        let _ = lines.send(format!("{value}\n").into());
    };
    let report = |line: &str| say(json!({ "stream": line }));
    match host.engine.build(context.boxed(), &options, &report).await {
        Ok(()) => say(json!({ "done": options.tag })),
        Err(error) => say(json!({ "error": error.to_string() })),
    }
}
