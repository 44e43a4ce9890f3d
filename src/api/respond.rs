//! Answers: status, headers and body, as JSON or as a page for people.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};

use futures_util::stream;
use tokio::io::AsyncReadExt as _;

use super::call::{Call, Format, Method};
use super::hooks::Attachment;
use super::{ApiState, etag, html, json};
use crate::auth::csrf::{self, Transport};
use crate::auth::{Authenticator as _, Caller};
use crate::clock::Entropy;
use crate::error::Error;
use crate::metrics::RequestLabels;
use crate::model::id;

/// What a handler answers.
#[derive(Debug, Default)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON; nothing for 204.
    pub body: Bytes,
    /// `Set-Cookie` headers.
    pub cookies: Vec<String>,
    /// `Location` of something made.
    pub location: Option<String>,
    /// A file in place of JSON.
    pub file: Option<Attachment>,
    /// Entity tag; the answer to a `GET` without one gets that of its body.
    pub etag: Option<String>,
    /// `Allow`: the methods that there are.
    pub allow: Option<String>,
    /// Whether this is the answer from before, to a request with the same `Idempotency-Key`.
    pub is_replayed: bool,
}

pub use actix_web::web::Bytes;

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }
}

/// 405 for a thing that does not know the method.
pub fn not_allowed(what: &str) -> Error {
    Error::status(405).message(format!("{what} cannot be used in this way by you"))
}

/// The error object of a failure. Causes of our own faults go to the log, not to the client.
pub fn failure(entropy: &Entropy, error: &Error) -> Reply {
    let id = entropy.uuid();
    let internal = error.status == 500 && error.code == crate::error::status_text(500);
    if internal {
        tracing::error!(%id, %error, detail = error.detail.as_deref(), "a request failed");
    }
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"id\":");
    json::text(&mut out, &id);
    out.extend_from_slice(
        b",\"type\":\"error\",\"links\":{},\"actions\":{},\"baseType\":\"error\",\"status\":",
    );
    json::int(&mut out, i64::from(error.status));
    out.extend_from_slice(b",\"code\":");
    json::text(&mut out, error.code);
    for (key, value) in [
        ("message", error.message.as_deref()),
        ("detail", error.detail.as_deref().filter(|_| !internal)),
    ] {
        out.extend_from_slice(format!(",\"{key}\":").as_bytes());
        match value {
            Some(value) => json::text(&mut out, value),
            None => out.extend_from_slice(b"null"),
        }
    }
    if let Some(field) = &error.field {
        out.extend_from_slice(b",\"fieldName\":");
        json::text(&mut out, field);
    }
    out.push(b'}');
    Reply::json(error.status, out)
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Whether cookies are for HTTPS only.
pub fn transport(call: &Call) -> Transport {
    if call.origin.starts_with("https:") { Transport::Tls } else { Transport::Plain }
}

/// Headers that every answer carries, whatever it is.
pub const SECURITY: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// What our own pages may load: their own files, and nothing inside the page itself.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// What an answer depends on besides its URL.
const VARY: &str = "accept, authorization, cookie, user-agent, x-api-project-id";

/// The entity tag of an answer that is JSON and no error. Pages hold what is different each time.
fn tag(call: &Call, reply: &Reply) -> Option<String> {
    if call.format == Format::Html || reply.status >= 300 || reply.file.is_some() {
        return None;
    }
    let body = || etag::of_body(&reply.body);
    reply.etag.clone().or_else(|| (call.method == Some(Method::Get)).then(body))
}

/// Whether the client has this answer already.
fn has_already(call: &Call, tag: Option<&str>) -> bool {
    let wanted = call.if_none_match.as_deref().and_then(|text| etag::Wanted::parse(text).ok());
    tag.zip(wanted).is_some_and(|(tag, wanted)| wanted.names(tag))
}

/// Turns a reply into a response.
pub fn finish(
    state: &ApiState,
    call: &Call,
    caller: Option<&Caller>,
    reply: Reply,
) -> HttpResponse {
    let mut builder = HttpResponse::build(status(reply.status));
    let tag = tag(call, &reply);
    for (name, value) in headers(state, call, caller, &reply, tag.as_deref()) {
        // A name with letters that no header may have is left out rather than the answer lost.
        if let Ok(value) = HeaderValue::from_str(&value) {
            builder.insert_header((HeaderName::from_static(name), value));
        }
    }
    for cookie in reply.cookies {
        builder.append_header(("set-cookie", cookie));
    }
    let mut proof = None;
    if call.facts.is_browser() {
        let value = match &call.facts.csrf_cookie {
            Some(value) if !value.is_empty() => value.clone(),
            Some(_) | None => csrf::new_value(&state.entropy),
        };
        builder.append_header(("set-cookie", csrf::csrf_cookie(&value, transport(call))));
        proof = Some(value);
    }
    if call.method == Some(Method::Get) && has_already(call, tag.as_deref()) {
        return builder.status(StatusCode::NOT_MODIFIED).finish();
    }
    if reply.status == 204 {
        return builder.finish();
    }
    if let Some(file) = reply.file {
        return attach(builder, file);
    }
    match call.format {
        Format::Json => {
            builder.insert_header(("content-type", "application/json; charset=utf-8"));
            builder.body(reply.body)
        }
        Format::Html => {
            builder.insert_header(("content-type", "text/html; charset=utf-8"));
            builder.insert_header(("content-security-policy", CONTENT_POLICY));
            builder.body(html::page(call, caller, proof.as_deref(), reply.status, &reply.body))
        }
    }
}

/// The headers of an answer, cookies and what depends on its form apart.
fn headers(
    state: &ApiState,
    call: &Call,
    caller: Option<&Caller>,
    reply: &Reply,
    tag: Option<&str>,
) -> Vec<(&'static str, String)> {
    let security = SECURITY.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let mut found: Vec<(&'static str, String)> = security.collect();
    let mut header = |name: &'static str, value: String| found.push((name, value));
    header("x-api-schemas", call.schemas_url());
    if let Some(address) = call.facts.client_ip {
        header("x-api-client-ip", address.to_string());
    }
    if let Some(caller) = caller {
        header("x-api-account-id", id::format("a", caller.account_id));
        header("x-api-user-id", id::format("a", caller.user_id));
        header("x-api-account-kind", caller.user_kind.clone());
        header("x-api-account-name", caller.user_name.clone().unwrap_or_default());
    }
    let banner = state.banners.get(&state.store).ok();
    if let Some(version) = banner.as_ref().and_then(|banner| banner.version.clone()) {
        header("x-rancher-version", version);
    }
    if reply.status == 401 && state.auth.is_enabled() && !call.no_challenge {
        let realm = banner.map(|banner| banner.realm.clone()).unwrap_or_default();
        header("www-authenticate", format!("Basic realm=\"{realm}\""));
    }
    if let Some(location) = &reply.location {
        header("location", location.clone());
    }
    if let Some(allow) = &reply.allow {
        header("allow", allow.clone());
    }
    if reply.is_replayed {
        header("idempotency-replayed", "true".to_owned());
    }
    if let Some(tag) = tag {
        header("etag", tag.to_owned());
    }
    // Answers differ by caller; a shared cache must not keep them. The caller's own may, if it asks first
    // whether they are still good.
    let kept = tag.is_some() && call.method == Some(Method::Get);
    header("cache-control", if kept { "private, no-cache" } else { "no-store" }.to_owned());
    header("vary", VARY.to_owned());
    found
}

/// Bytes read at a time from a file that is sent.
const PIECE: usize = 64 << 10;

/// Sends a file. What cannot be read any more ends the answer early, which the client notices.
fn attach(mut builder: HttpResponseBuilder, file: Attachment) -> HttpResponse {
    let (name, media) = match &file {
        Attachment::Bytes(name, media, _) | Attachment::Open(name, media, _) => (name, *media),
    };
    builder.insert_header(("content-type", media));
    builder.insert_header(("content-disposition", format!("attachment; filename=\"{name}\"")));
    match file {
        Attachment::Bytes(_, _, bytes) => builder.body(bytes),
        Attachment::Open(_, _, file) => builder.streaming(stream::unfold(
            tokio::fs::File::from_std(file),
            |mut file| async move {
                let mut piece = Vec::with_capacity(PIECE);
                match (&mut file).take(PIECE as u64).read_to_end(&mut piece).await {
                    Ok(0) => None,
                    Ok(_) => Some((Ok(Bytes::from(piece)), file)),
                    Err(error) => Some((Err(error), file)),
                }
            },
        )),
    }
}

/// Counts a request.
pub fn measure(state: &ApiState, call: &Call, reply: &Reply, started: i64) {
    let route = match (call.method, call.segments.len()) {
        (Some(Method::Get), 0 | 1) => "list",
        (Some(Method::Get), 2) => "show",
        (Some(Method::Get), _) => "link",
        (Some(Method::Post), 2) => "action",
        (Some(Method::Post), _) => "create",
        (Some(Method::Put), _) => "update",
        (Some(Method::Delete), _) => "delete",
        (Some(Method::Options) | None, _) => "other",
    };
    let labels = RequestLabels {
        method: call.method.map_or("other", Method::as_str),
        route,
        status: match reply.status {
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        },
    };
    let elapsed_ms = state.clock.now_ms().saturating_sub(started).max(0);
    let seconds = f64::from(u32::try_from(elapsed_ms).unwrap_or(u32::MAX)) / 1000.0;
    state.metrics.requests.get_or_create(&labels).observe(seconds);
}
