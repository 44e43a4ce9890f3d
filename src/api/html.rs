//! The API as pages for people: JSON with links to follow, a form to filter lists, buttons for actions.
//!
//! A page is self-contained HTML without scripts; everything it does are links and forms, so that the
//! strict content policy holds. The style sheet is `static/api.css`.

use serde_json::{Map, Value};

use super::call::Call;
use crate::auth::Caller;

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
    out.push_str("<link rel=\"stylesheet\" href=\"/static/api.css\">\n</head>\n<body>\n");
    header(&mut out, call, caller);
    out.push_str(&format!("<main>\n<h1>{}</h1>\n", escape(&title)));
    if let Value::Object(fields) = &value {
        if status >= 400 {
            failure(&mut out, status, fields);
        }
        filters(&mut out, call, fields);
        pages(&mut out, fields);
        actions(&mut out, proof, fields);
    }
    out.push_str("<pre class=\"json\">");
    json(&mut out, &value, 0, &call.origin.to_ascii_lowercase());
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

/// A form that filters, sorts and cuts the list.
fn filters(out: &mut String, call: &Call, fields: &Map<String, Value>) {
    let Some(Value::Object(filters)) = fields.get("filters") else { return };
    if filters.is_empty() {
        return;
    }
    out.push_str("<form class=\"filters\" method=\"get\"><fieldset><legend>Filter</legend>\n");
    for name in ["name", "state", "kind"].iter().filter(|name| filters.contains_key(**name)) {
        let given = call.params.get(name).unwrap_or("");
        out.push_str(&format!(
            "<label>{name} <input name=\"{name}\" value=\"{}\"></label>\n",
            escape(given)
        ));
    }
    out.push_str("<label>sort <select name=\"sort\"><option value=\"\"></option>");
    for name in filters.keys() {
        let chosen = if call.params.get("sort") == Some(name) { " selected" } else { "" };
        out.push_str(&format!("<option{chosen}>{}</option>", escape(name)));
    }
    out.push_str("</select></label>\n<label>order <select name=\"order\">");
    for order in ["asc", "desc"] {
        let chosen = if call.params.get("order") == Some(order) { " selected" } else { "" };
        out.push_str(&format!("<option{chosen}>{order}</option>"));
    }
    out.push_str("</select></label>\n");
    let limit = call.params.get("limit").unwrap_or("100");
    out.push_str(&format!(
        "<label>limit <input name=\"limit\" type=\"number\" value=\"{}\"></label>\n",
        escape(limit)
    ));
    out.push_str("<button>Show</button>\n</fieldset></form>\n");
}

fn pages(out: &mut String, fields: &Map<String, Value>) {
    let next = fields.get("pagination").and_then(|pages| pages.get("next")).and_then(Value::as_str);
    if let Some(next) = next {
        out.push_str(&format!("<p><a rel=\"next\" href=\"{}\">Next page</a></p>\n", escape(next)));
    }
}

/// A button for each action, and one to remove the resource.
fn actions(out: &mut String, proof: Option<&str>, fields: &Map<String, Value>) {
    let actions = fields.get("actions").and_then(Value::as_object);
    let own = fields.get("links").and_then(|links| links.get("self")).and_then(Value::as_str);
    let is_resource = fields.contains_key("id") && fields.contains_key("state");
    let (Some(actions), Some(own), true) = (actions, own, is_resource) else { return };
    out.push_str("<div class=\"actions\">\n");
    for (name, url) in actions.iter().filter_map(|(name, url)| Some((name, url.as_str()?))) {
        button(out, url, name, None, proof);
    }
    button(out, own, "delete", Some("DELETE"), proof);
    out.push_str("</div>\n");
}

fn button(out: &mut String, url: &str, name: &str, method: Option<&str>, proof: Option<&str>) {
    out.push_str(&format!("<form method=\"post\" action=\"{}\">", escape(url)));
    if let Some(proof) = proof {
        let proof = escape(proof);
        out.push_str(&format!("<input type=\"hidden\" name=\"CSRF\" value=\"{proof}\">"));
    }
    if let Some(method) = method {
        out.push_str(&format!("<input type=\"hidden\" name=\"_method\" value=\"{method}\">"));
    }
    out.push_str(&format!("<button>{}</button></form>\n", escape(name)));
}

/// JSON, indented and coloured; what is a URL of ours is a link.
fn json(out: &mut String, value: &Value, depth: usize, origin: &str) {
    match value {
        Value::Null => out.push_str("<i>null</i>"),
        Value::Bool(flag) => out.push_str(&format!("<b>{flag}</b>")),
        Value::Number(number) => out.push_str(&format!("<b>{number}</b>")),
        Value::String(text) if text.starts_with(origin) => {
            let url = escape(text);
            out.push_str(&format!("\"<a href=\"{url}\">{url}</a>\""));
        }
        Value::String(_) => {
            out.push_str(&format!("<span>{}</span>", escape(&value.to_string())));
        }
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(items) if items.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(out, index, depth + 1);
                json(out, item, depth + 1, origin);
            }
            line(out, 0, depth);
            out.push(']');
        }
        Value::Object(items) => {
            out.push('{');
            for (index, (name, item)) in items.iter().enumerate() {
                line(out, index, depth + 1);
                out.push_str(&format!(
                    "<u>{}</u>: ",
                    escape(&Value::from(name.as_str()).to_string())
                ));
                json(out, item, depth + 1, origin);
            }
            line(out, 0, depth);
            out.push('}');
        }
    }
}

fn line(out: &mut String, index: usize, depth: usize) {
    if index > 0 {
        out.push(',');
    }
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_links_and_nothing_breaks_out() {
        let value =
            serde_json::json!({"a": "http://h/v1/x?a=1&b=2", "b": "<script>\"'", "c": [1, null]});
        let mut out = String::new();
        json(&mut out, &value, 0, "http://h");
        expect_test::expect![[r#"
            {
              <u>&quot;a&quot;</u>: "<a href="http://h/v1/x?a=1&amp;b=2">http://h/v1/x?a=1&amp;b=2</a>",
              <u>&quot;b&quot;</u>: <span>&quot;&lt;script&gt;\&quot;&#39;&quot;</span>,
              <u>&quot;c&quot;</u>: [
                <b>1</b>,
                <i>null</i>
              ]
            }"#]]
        .assert_eq(&out);
    }
}
