//! A request on its way to being sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::super::Result;
use super::super::failure::Failure;
use super::Proof;
use super::http::{Body, whole};

/// Method, URL, headers and body.
pub struct Request {
    method: Method,
    url: String,
    query: Vec<(String, String)>,
    authorization: Option<String>,
    content: Option<&'static str>,
    body: Body,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, url: &str, proof: &Proof) -> Self {
        Request {
            method,
            url: url.to_owned(),
            query: Vec::new(),
            authorization: authorization(proof),
            content: None,
            body: whole(Vec::new()),
        }
    }

    /// Adds to what stands behind `?`.
    pub fn query<'a, V: AsRef<str> + 'a>(
        mut self,
        pairs: impl IntoIterator<Item = &'a (&'a str, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        self.query
            .extend(pairs.map(|(name, value)| ((*name).to_owned(), value.as_ref().to_owned())));
        self
    }

    /// Sets the body.
    pub fn body(self, content: &'static str, body: Body) -> Self {
        Request { content: Some(content), body, ..self }
    }

    /// Sets the body to a JSON value.
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", whole(value.to_string().into_bytes()))
    }

    /// The request as it is sent.
    ///
    /// # Errors
    /// When there is something in it that no request may contain.
    pub fn ready(self) -> Result<hyper::Request<Body>> {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("`{}` cannot be asked for: {error}", self.url))
        };
        let mut url = reqwest::Url::parse(&self.url).map_err(|error| wrong(&error))?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(url.as_str())
            .header(ACCEPT, "application/json");
        if let Some(text) = &self.authorization {
            let mut value = HeaderValue::from_str(text).map_err(|error| wrong(&error))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(content) = self.content {
            request = request.header(CONTENT_TYPE, content);
        }
        request.body(self.body).map_err(|error| wrong(&error))
    }
}

/// The header by which a caller proves who it is.
pub fn authorization(proof: &Proof) -> Option<String> {
    match proof {
        Proof::Nothing => None,
        Proof::Key(key) => {
            let pair = format!("{}:{}", key.access, key.secret);
            Some(format!("Basic {}", STANDARD.encode(pair)))
        }
        Proof::Session(token) => Some(format!("Bearer {token}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;
    use serde_json::json;

    #[test]
    fn requests_as_they_are_sent() {
        let key = Key { access: "A".to_owned(), secret: "S".to_owned() };
        let check = |request: Request, expect: &str| {
            let sent = request.ready().unwrap();
            let header = |name| sent.headers().get(name).map_or("-", |h| h.to_str().unwrap());
            let (auth, content) = (header(AUTHORIZATION), header(CONTENT_TYPE));
            assert_eq!(format!("{} {} {auth} {content}", sent.method(), sent.uri()), expect);
        };
        let at = |url: &str, proof: &Proof| Request::new(Method::GET, url, proof);
        check(at("http://h:1/v2-beta/a b", &Proof::Nothing), "GET http://h:1/v2-beta/a%20b - -");
        check(
            at("https://h/x/?a=1", &Proof::Key(key)).query(&[("action", "a&b")]),
            "GET https://h/x/?a=1&action=a%26b Basic QTpT -",
        );
        check(
            at("http://h/x", &Proof::Session("T".to_owned())).json(&json!({})),
            "GET http://h/x Bearer T application/json",
        );
    }
}
