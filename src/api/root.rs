//! What is not under a version: the dashboard, the list of versions, liveness, numbers and OpenAPI.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::call::{Call, Format};
use super::dialect::Version;
use super::params::Params;
use super::respond::{self, Reply};
use super::serve::Session;
use super::{ApiState, openapi, statics};
use crate::error::Error;

/// `GET /`: the dashboard for people, the versions for programs.
pub async fn index(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let call = Call::new(&state, &request, Version::V2Beta, "");
    if call.format == Format::Html
        && let Some(page) = statics::page("index.html")
    {
        return page;
    }
    let version = |version: Version| {
        let url = format!("{}/{}", call.origin.to_ascii_lowercase(), version.path());
        json!({
            "id": version.path(),
            "type": "apiVersion",
            "links": {"self": url},
            "actions": {},
            "baseType": "apiVersion",
        })
    };
    let origin = call.origin.to_ascii_lowercase();
    let body = json!({
        "type": "collection",
        "resourceType": "apiVersion",
        "links": {"self": format!("{origin}/"), "latest": call.root},
        "createTypes": {},
        "actions": {},
        "data": Version::ALL.map(version),
        "sortLinks": {},
        "pagination": null,
        "sort": null,
        "filters": {},
        "createDefaults": {},
    });
    respond::finish(&state, &call, None, Reply::json(200, body.to_string().into_bytes()))
}

/// `GET /<version>`: links to every collection of the role.
pub fn version(session: &Session<'_>) -> Reply {
    let base = &session.call.base;
    let mut links = Map::new();
    links.insert("self".to_owned(), base.as_str().into());
    for view in session.views.all() {
        if view.is_listed(session.views.role) {
            links.insert(view.plural.to_owned(), format!("{base}/{}", view.path).into());
        }
    }
    let body = json!({
        "id": session.call.version.path(),
        "type": "apiVersion",
        "links": Value::Object(links),
        "actions": {},
        "baseType": "apiVersion",
    });
    Reply::json(200, body.to_string().into_bytes())
}

/// `GET /ping`.
pub async fn ping() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("pong")
}

/// `GET /healthz`: whether the database answers.
pub async fn health(state: web::Data<ApiState>) -> HttpResponse {
    match state.store.read(|read| read.fact("alive")) {
        Ok(_) => HttpResponse::Ok().content_type("text/plain").body("ok"),
        Err(error) => {
            tracing::error!(%error, "the health check failed");
            HttpResponse::ServiceUnavailable().content_type("text/plain").body("unavailable")
        }
    }
}

/// `GET /metrics`.
pub async fn metrics(state: web::Data<ApiState>) -> HttpResponse {
    match state.metrics.text() {
        Ok(text) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// `GET /openapi.json`, of one version or of the one that `dialect` names.
pub async fn openapi(request: HttpRequest, path: web::Path<OpenapiPath>) -> HttpResponse {
    let params = Params::parse(request.query_string());
    let named = path.version.as_deref().or_else(|| params.get("dialect"));
    let version = named.and_then(Version::parse).unwrap_or(Version::V2Beta);
    HttpResponse::Ok()
        .content_type("application/json; charset=utf-8")
        .insert_header(("cache-control", "no-cache"))
        .body(openapi::text(version))
}

/// Path parameters of `openapi.json`.
#[derive(serde::Deserialize)]
pub struct OpenapiPath {
    version: Option<String>,
}

/// Everything else.
pub async fn nothing(request: HttpRequest, state: web::Data<ApiState>) -> HttpResponse {
    let call = Call::new(&state, &request, Version::V2Beta, "");
    let error = Error::not_found().message(format!("nothing is at {}", request.path()));
    respond::finish(&state, &call, None, respond::failure(&state.entropy, &error))
}
