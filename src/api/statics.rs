//! The dashboard's files, embedded in the program.

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;

use super::respond::{CONTENT_POLICY, SECURITY};

/// Everything in `static/`.
#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// A file as a response; `None` when there is none of that name.
fn serve(path: &str, etag_given: Option<&str>) -> Option<HttpResponse> {
    if path.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    let file = Files::get(path)?;
    let hash = file.metadata.sha256_hash();
    let etag = format!("\"{}\"", hex::encode(hash.get(..16).unwrap_or(&hash)));
    let fresh = etag_given.is_some_and(|given| given.trim_start_matches("W/") == etag);
    let mut builder = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    for (name, value) in SECURITY {
        builder.insert_header((*name, *value));
    }
    builder.insert_header(("content-security-policy", CONTENT_POLICY));
    // Kept, but asked for again each time: a new version shows at once.
    builder.insert_header(("cache-control", "max-age=0, no-cache"));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        builder.insert_header((HeaderName::from_static("etag"), value));
    }
    if fresh {
        return Some(builder.finish());
    }
    let kind = file.metadata.mimetype();
    let kind = if kind.starts_with("text/") || kind.ends_with("javascript") {
        format!("{kind}; charset=utf-8")
    } else {
        kind.to_owned()
    };
    Some(builder.content_type(kind).body(file.data.into_owned()))
}

/// A page of the dashboard.
pub fn page(name: &str) -> Option<HttpResponse> {
    serve(name, None)
}

/// `GET /static/<path>`.
pub async fn file(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let given = request.headers().get("if-none-match").and_then(|value| value.to_str().ok());
    serve(&path, given).unwrap_or_else(|| HttpResponse::NotFound().finish())
}
