//! The metadata service as containers reach it: paths in, JSON or text out, and waiting for changes.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::board::{Board, Page, container_address};
use super::path;
use super::tree::{VERSIONS, Version};
use crate::clock::Clock;

/// How long a caller waits for a change when it does not say, in seconds.
const WAIT_S: u64 = 60;
/// How long a caller may wait at most, in seconds.
const LONGEST_WAIT_S: u64 = 120;

/// What the containers of one environment are answered from.
#[derive(Clone)]
pub struct Service {
    /// Metadata.
    pub board: Board,
    /// The environment.
    pub environment: i64,
    /// Time, for those who wait for a change.
    pub clock: Clock,
}

/// Adds the service to an application.
pub fn configure(service: Service) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config.app_data(web::Data::new(service)).default_service(web::get().to(answer));
    }
}

async fn answer(request: HttpRequest, service: web::Data<Service>) -> HttpResponse {
    let segments = decoded(request.uri().path());
    let mut changes = service.board.changes();
    let found = find(&service, &request, &segments);
    let wait = Wait::of(request.uri().query().unwrap_or(""));
    let Some(wait) = wait else { return write(&request, found) };
    let mut found = found;
    let until = service.clock.sleep_ms(wait.longest_s.saturating_mul(1000));
    tokio::pin!(until);
    while matches!(&found, Ok(value) if path::text(value) == wait.value) {
        tokio::select! {
            () = &mut until => break,
            changed = changes.changed() => if changed.is_err() { break },
        }
        found = find(&service, &request, &segments);
    }
    write(&request, found)
}

fn decoded(path: &str) -> Vec<String> {
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(crate::network::path::decoded).collect()
}

/// What a path leads to, or why nowhere.
fn find(
    service: &Service,
    request: &HttpRequest,
    segments: &[String],
) -> Result<Value, &'static str> {
    let Some((version, rest)) = segments.split_first() else {
        return Ok(VERSIONS.iter().map(|(name, _)| Value::from(format!("{name}/"))).collect());
    };
    let version = VERSIONS.iter().find(|(name, _)| name == version);
    let (_, version) = version.ok_or("Invalid version")?;
    let page = service.board.of(service.environment).ok_or("Not found")?;
    let asker = request.peer_addr().map(|peer| container_address(peer.ip()));
    let asker = asker.and_then(|address| page.names.asker(address));
    lookup(&page, *version, asker, rest).ok_or("Not found")
}

fn lookup(page: &Page, version: Version, asker: Option<usize>, rest: &[String]) -> Option<Value> {
    let segments: Vec<&str> = rest.iter().map(String::as_str).collect();
    let found = page.tree(version).find(page.names.world(), asker, &segments)?;
    Some(found.into_owned())
}

/// `?wait=true&value=<old>&maxWait=<seconds>`.
#[derive(Debug, PartialEq, Eq)]
struct Wait {
    value: String,
    longest_s: u64,
}

impl Wait {
    fn of(query: &str) -> Option<Self> {
        let get = |wanted: &str| {
            let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let mut values = pairs.filter(|(key, _)| *key == wanted).map(|(_, value)| value);
            values.next().map(path::decoded)
        };
        if get("wait").as_deref() != Some("true") {
            return None;
        }
        let longest = get("maxWait").and_then(|text| text.parse().ok()).unwrap_or(WAIT_S);
        Some(Self {
            value: get("value").unwrap_or_default(),
            longest_s: longest.min(LONGEST_WAIT_S),
        })
    }
}

fn write(request: &HttpRequest, found: Result<Value, &'static str>) -> HttpResponse {
    let json = wants_json(request.headers());
    let (status, body) = match found {
        Ok(value) if json => (StatusCode::OK, value.to_string()),
        Ok(value) => (StatusCode::OK, path::text(&value)),
        Err(message) if json => {
            let error = serde_json::json!({"type": "error", "code": 404, "message": message});
            (StatusCode::NOT_FOUND, error.to_string())
        }
        Err(message) => (StatusCode::NOT_FOUND, message.to_owned()),
    };
    let kind = if json { "application/json" } else { "text/plain; charset=utf-8" };
    HttpResponse::build(status)
        .content_type(kind)
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .body(body)
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.contains("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_asked_for_in_the_query() {
        for (query, expect) in [
            ("", None),
            ("wait=false", None),
            ("wait=true", Some(("", 60))),
            ("wait=true&value=a%20b&maxWait=5", Some(("a b", 5))),
            ("wait=true&maxWait=500", Some(("", 120))),
            ("wait=true&maxWait=x", Some(("", 60))),
        ] {
            let wait = Wait::of(query);
            let expect = expect
                .map(|(value, longest_s): (&str, u64)| Wait { value: value.to_owned(), longest_s });
            assert_eq!(wait, expect, "{query}");
        }
    }
}
