//! The API as pages for people: JSON with links to follow, and forms for all that the caller may do.
//!
//! A page is self-contained HTML without scripts; everything it does are links and forms, so that the
//! strict content policy holds. The style sheet is `static/api.css`.

mod code;
mod forms;
mod inputs;

use serde_json::{Map, Value};

use super::call::Call;
use super::views::views;
use crate::auth::Caller;
use forms::Forms;

/// Escapes text for HTML.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// The page of an answer; `proof` is the CSRF value that its forms repeat.
pub fn page(
    call: &Call,
    caller: Option<&Caller>,
    proof: Option<&str>,
    status: u16,
    body: &[u8],
) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let title = title(call, status, &value);
    let mut out = String::with_capacity(body.len() * 2 + 2048);
    out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str(&format!("<title>{}</title>\n", escape(&title)));
    out.push_str("<link rel=\"icon\" href=\"/static/favicon.svg\">\n");
    out.push_str("<link rel=\"stylesheet\" href=\"/static/api.css\">\n</head>\n<body>\n");
    header(&mut out, call, caller);
    out.push_str(&format!("<main>\n<h1>{}</h1>\n", escape(&title)));
    if let Value::Object(fields) = &value {
        if status >= 400 {
            failure(&mut out, status, fields);
        }
        pages(&mut out, fields);
        if let Some(caller) = caller {
            let views = views(call.version, caller.role);
            forms::write(&mut out, &Forms { call, views, proof }, fields);
        }
    }
    out.push_str("<pre class=\"json\">");
    code::write(&mut out, &value, 0, &call.origin.to_ascii_lowercase());
    out.push_str("</pre>\n</main>\n</body>\n</html>\n");
    out
}

fn title(call: &Call, status: u16, value: &Value) -> String {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    match (text("type"), text("name").or(text("id"))) {
        (Some("error"), _) => format!("{status} {}", text("code").unwrap_or("error")),
        (Some("collection"), _) => {
            text("resourceType").map_or("collection".to_owned(), |ty| format!("{ty} collection"))
        }
        (Some(ty), Some(name)) => format!("{ty} {name}"),
        (Some(ty), None) => ty.to_owned(),
        (None, _) => call.url.clone(),
    }
}

/// Where we are: each part of the URL is a link; who we are; where the schema is.
fn header(out: &mut String, call: &Call, caller: Option<&Caller>) {
    out.push_str("<header>\n<nav aria-label=\"path\"><a href=\"/\">Ranchette</a>");
    let path = call.url.strip_prefix(&call.origin.to_ascii_lowercase()).unwrap_or("");
    let mut so_far = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        so_far.push('/');
        so_far.push_str(part);
        out.push_str(&format!(" / <a href=\"{}\">{}</a>", escape(&so_far), escape(part)));
    }
    out.push_str("</nav>\n<p class=\"who\">");
    if let Some(caller) = caller {
        let name = caller.user_name.as_deref().unwrap_or(&caller.user_kind);
        out.push_str(&format!("{} ({}) · ", escape(name), caller.role.as_str()));
    }
    out.push_str(&format!("<a href=\"{}/schemas\">schemas</a> · ", escape(&call.base)));
    out.push_str("<a href=\"?_format=json\">JSON</a></p>\n</header>\n");
}

fn failure(out: &mut String, status: u16, fields: &Map<String, Value>) {
    let text = |field: &str| fields.get(field).and_then(Value::as_str);
    let message = text("message").or(text("detail")).or(text("code")).unwrap_or("it failed");
    out.push_str(&format!("<p class=\"failure\" role=\"alert\">{}</p>\n", escape(message)));
    if status == 401 {
        out.push_str("<p><a href=\"/\">Log in</a> and come back.</p>\n");
    }
}

fn pages(out: &mut String, fields: &Map<String, Value>) {
    let next = fields.get("pagination").and_then(|pages| pages.get("next")).and_then(Value::as_str);
    if let Some(next) = next {
        out.push_str(&format!("<p><a rel=\"next\" href=\"{}\">Next page</a></p>\n", escape(next)));
    }
}
