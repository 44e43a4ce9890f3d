//! Image builds: a tar of the build context streams in, the engine's output streams out line by line.

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::ApiState;
use super::audit;
use super::call::{Call, Method};
use super::params::Params;
use super::respond;
use crate::auth::policy::{self, Verb};
use crate::auth::{Authenticator as _, Caller};
use crate::engine::{BaseImages, BuildCache, BuildOptions};
use crate::error::{Error, Result};
use crate::model::registry;
use crate::process::site::HostEngine;
use crate::store::Query;

/// What the audit log calls a build.
const TYPE: &str = "imageBuild";
/// Pieces of the context or lines of output that may wait for the other side.
const QUEUE: usize = 32;

/// Whether a request wants to build.
pub fn is_wanted(call: &Call) -> bool {
    let named =
        matches!(call.segments.as_slice(), [one] if one.eq_ignore_ascii_case("imagebuilds"));
    named && call.method == Some(Method::Post)
}

/// Builds on a host of the caller's environment.
pub async fn run(payload: web::Payload, state: &web::Data<ApiState>, call: &Call) -> HttpResponse {
    let mut caller = None;
    match start(payload, state, call, &mut caller).await {
        Ok(response) => response,
        Err(error) => {
            if let Some(caller) = &caller {
                let asked = asked(&call.params);
                let refused = audit::begin(state, call, caller, TYPE, asked, error.status).await;
                if let Err(error) = refused {
                    tracing::error!(%error, "a refused build could not be recorded");
                }
            }
            let reply = respond::failure(&state.entropy, &error);
            respond::finish(state, call, None, reply)
        }
    }
}

async fn start(
    mut payload: web::Payload,
    state: &web::Data<ApiState>,
    call: &Call,
    caller: &mut Option<Caller>,
) -> Result<HttpResponse> {
    let caller = caller.insert(state.auth.authenticate(&call.facts).await?);
    allow(caller)?;
    let options = options(&call.params)?;
    let host = host(state, caller)?;
    // A build can bring anything into the environment's images: it does not begin unrecorded.
    audit::begin(state, call, caller, TYPE, asked(&call.params), 200).await?;
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

/// What the audit log says of a build: arguments may be secrets, so that only their names are told, and
/// a context elsewhere may be had by a login.
fn asked(params: &Params) -> Value {
    let mut asked = Map::new();
    for (name, value) in params.pairs() {
        let told = match name.as_str() {
            "buildargs" => {
                let args: Map<String, Value> = serde_json::from_str(value).unwrap_or_default();
                args.keys().cloned().map(Value::from).collect()
            }
            "remote" => without_login(value).into(),
            "CSRF" | "projectId" | "token" => continue,
            _ => Value::from(value.as_str()),
        };
        asked.insert(name.clone(), told);
    }
    Value::Object(asked)
}

/// `https://name:secret@host/path` without what is before the `@`.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    match host.rsplit_once('@') {
        Some((login, _)) => format!("{scheme}://{}", rest.get(login.len() + 1..).unwrap_or("")),
        None => url.to_owned(),
    }
}

/// What the builder is told, by Docker's own names; what it is not told is refused, not dropped.
fn options(params: &Params) -> Result<BuildOptions> {
    let mut options = BuildOptions::default();
    for (name, value) in params.pairs() {
        let text = || Some(value.clone());
        match name.as_str() {
            "buildargs" => options.args = json_of(name, value)?,
            "cachefrom" => options.cache_from = json_of(name, value)?,
            "dockerfile" => options.dockerfile = text(),
            "extrahosts" => options.extra_hosts = value.split(',').map(str::to_owned).collect(),
            "labels" => options.labels = json_of(name, value)?,
            "networkmode" => options.network = text(),
            "nocache" => options.cache = BuildCache::Ignore,
            "platform" => options.platform = text(),
            "pull" => options.base = BaseImages::Pull,
            "remote" => options.remote = text(),
            "shmsize" => options.shm_size = Some(json_of(name, value)?),
            "tag" => options.tag.clone_from(value),
            "target" => options.target = text(),
            "CSRF" | "projectId" | "token" => {}
            other => {
                return Err(Error::field("InvalidOption", other)
                    .message(format!("a build has no option `{other}`")));
            }
        }
    }
    if options.tag.is_empty() {
        return Err(Error::field("MissingRequired", "tag").message("a build needs a `tag`"));
    }
    Ok(options)
}

fn json_of<T: serde::de::DeserializeOwned>(name: &str, value: &str) -> Result<T> {
    serde_json::from_str(value).map_err(|error| {
        Error::field("InvalidFormat", name).message(format!("`{name}` cannot be read: {error}"))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str) -> String {
        match options(&Params::parse(query)) {
            Ok(options) => format!("{} {:?} {:?}", options.tag, options.args, options.target),
            Err(error) => format!("{} {}", error.code, error.field.unwrap_or_default()),
        }
    }

    #[test]
    fn the_log_is_told_no_secrets() {
        let query = "tag=app&buildargs={\"KEY\":\"hidden\"}&token=hidden&\
                     remote=https://me:hidden@git.example/x%3Fref=a@b";
        assert_eq!(
            asked(&Params::parse(query)).to_string(),
            r#"{"tag":"app","buildargs":["KEY"],"remote":"https://git.example/x?ref=a@b"}"#
        );
        assert_eq!(without_login("git@host:x"), "git@host:x");
        assert_eq!(without_login("http://host/a@b"), "http://host/a@b");
    }

    #[test]
    fn options_are_dockers_and_none_is_dropped() {
        for (query, expect) in [
            ("tag=app&buildargs={\"A\":\"1\"}&target=prod", "app {\"A\": \"1\"} Some(\"prod\")"),
            ("tag=app&buildargs=A", "InvalidFormat buildargs"),
            ("tag=app&squash=1", "InvalidOption squash"),
            ("target=prod", "MissingRequired tag"),
        ] {
            assert_eq!(check(query), expect, "{query}");
        }
    }
}
