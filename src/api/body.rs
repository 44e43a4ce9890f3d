//! Request bodies: size and depth limits, JSON, and the two kinds of form.

use actix_web::web;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use super::params::Params;
use crate::error::{Error, Result};

/// How deep JSON may be nested.
const MAX_DEPTH: usize = 64;
/// Size of multipart fields in total, in bytes.
const MAX_MULTIPART: usize = 100 << 10;

/// What a request brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// One object; nothing at all counts as an empty one.
    Object(Map<String, Value>),
    /// A list of objects, to be made one after the other.
    List(Vec<Map<String, Value>>),
}

impl Body {
    /// As JSON.
    pub fn value(&self) -> Value {
        match self {
            Self::Object(fields) => Value::Object(fields.clone()),
            Self::List(items) => items.iter().cloned().map(Value::Object).collect(),
        }
    }
}

fn unreadable(message: impl Into<String>) -> Error {
    Error::code("InvalidBodyContent").message(message)
}

/// Reads a body up to `limit` bytes.
///
/// # Errors
/// 413 when there is more, 400 when the connection breaks.
pub async fn read(mut payload: web::Payload, limit: usize) -> Result<web::Bytes> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unreadable(format!("the body broke off: {error}")))?;
        if body.len() + chunk.len() > limit {
            return Err(Error::status(413)
                .message(format!("the body is larger than the {limit} bytes that are accepted")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Understands a body by its content type; form fields are added to `params`.
///
/// # Errors
/// 400 `InvalidBodyContent` with the reason.
pub fn parse(bytes: &[u8], content_type: &str, params: &mut Params) -> Result<Body> {
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" if !looks_like_json(bytes) => {
            let text = std::str::from_utf8(bytes)
                .map_err(|_| unreadable("the form is not valid UTF-8"))?;
            for (name, value) in Params::parse(text).pairs() {
                params.push(name.clone(), value.clone());
            }
            Ok(Body::Object(Map::new()))
        }
        "multipart/form-data" => {
            multipart(bytes, content_type, params)?;
            Ok(Body::Object(Map::new()))
        }
        _ => json(bytes),
    }
}

/// Some clients send JSON under the form's content type, as `curl -d` does.
fn looks_like_json(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"{") || text.starts_with(b"[")
}

fn json(bytes: &[u8]) -> Result<Body> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Body::Object(Map::new()));
    }
    if depth(bytes) > MAX_DEPTH {
        return Err(unreadable(format!("the JSON is nested deeper than {MAX_DEPTH} levels")));
    }
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| unreadable(format!("the body is not valid JSON: {error}")))?;
    match value {
        Value::Object(fields) => Ok(Body::Object(fields)),
        Value::Null => Ok(Body::Object(Map::new())),
        Value::Array(items) => {
            let objects: Option<Vec<_>> = items
                .into_iter()
                .map(|item| if let Value::Object(fields) = item { Some(fields) } else { None })
                .collect();
            objects.map(Body::List).ok_or_else(|| unreadable("a list must hold JSON objects only"))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(unreadable("the body must be a JSON object"))
        }
    }
}

/// How deep brackets are nested, those inside texts apart.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut deepest, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn multipart(bytes: &[u8], content_type: &str, params: &mut Params) -> Result<()> {
    if bytes.len() > MAX_MULTIPART {
        return Err(Error::status(413).message(format!(
            "the form is larger than the {MAX_MULTIPART} bytes that are accepted"
        )));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("the form is not valid UTF-8"))?;
    let boundary = attribute(content_type, "boundary")
        .filter(|boundary| !boundary.is_empty())
        .ok_or_else(|| unreadable("the form names no boundary"))?;
    for part in text.split(&format!("--{boundary}")).skip(1) {
        let Some((head, value)) = part.split_once("\r\n\r\n") else { continue };
        let name = head.lines().find_map(|line| {
            let (header, rest) = line.split_once(':')?;
            let wanted = header.trim().eq_ignore_ascii_case("content-disposition");
            wanted.then(|| attribute(rest, "name")).flatten()
        });
        if let Some(name) = name {
            params.push(name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).to_owned());
        }
    }
    Ok(())
}

/// The value of an attribute of a header: `form-data; name="x"`.
fn attribute<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &[u8], expect: &str) {
        let mut params = Params::default();
        let found = match parse(body, content_type, &mut params) {
            Ok(Body::Object(mut fields)) => {
                params.merge_into(&mut fields);
                Value::Object(fields).to_string()
            }
            Ok(Body::List(items)) => format!("{} items", items.len()),
            Err(error) => format!("{} {}: {error}", error.status, error.code),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn json_bodies() {
        check("application/json", b"", "{}");
        check("application/json", b" null ", "{}");
        check("", br#"{"name":"a"}"#, r#"{"name":"a"}"#);
        check("application/x-www-form-urlencoded", br#"{"name":"a"}"#, r#"{"name":"a"}"#);
        check("application/json", br#"[{"a":1},{}]"#, "2 items");
        check("", b"[1]", "400 InvalidBodyContent: a list must hold JSON objects only");
        check("", b"7", "400 InvalidBodyContent: the body must be a JSON object");
        check(
            "application/json",
            b"{\"name\":",
            "400 InvalidBodyContent: the body is not valid JSON: \
             EOF while parsing a value at line 1 column 8",
        );
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
        check(
            "",
            deep.as_bytes(),
            "400 InvalidBodyContent: the JSON is nested deeper than 64 levels",
        );
        let texts = format!("{{\"a\":\"{}\"}}", "[{\\\"".repeat(100));
        assert!(json(texts.as_bytes()).is_ok());
    }

    #[test]
    fn invalid_utf8_is_refused() {
        let mut params = Params::default();
        for kind in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"]
        {
            let error = parse(b"\"\xff\xfe", kind, &mut params).expect_err(kind);
            assert_eq!((error.status, error.code), (400, "InvalidBodyContent"), "{kind}");
        }
    }

    #[test]
    fn forms() {
        check("application/x-www-form-urlencoded", b"code=a%3Ab&x=1", r#"{"code":"a:b","x":"1"}"#);
        check(
            "multipart/form-data; boundary=XX",
            b"--XX\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nadmin:pw\r\n--XX--\r\n",
            r#"{"code":"admin:pw"}"#,
        );
    }
}
