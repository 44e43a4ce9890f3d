//! Talking to a server over HTTP: who we are there, and what its answers mean for a person.

mod access;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

pub use access::{Access, Origin};

use super::Result;
use super::args::Connection;
use super::failure::{Exit, Failure};
use super::settings::Settings;

/// Longest wait for a connection; a server on the other side of the world answers sooner.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for an ordinary answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Resources in one page: what the API gives at most.
const PAGE: &str = "3000";

/// A server and an environment in it.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    access: Access,
    environment: String,
}

impl Client {
    /// Finds the server and who we are there. Asks it only when the environment is not known by id.
    ///
    /// # Errors
    /// When there is no server or no key, each with what to do.
    pub async fn connect(settings: &Settings, connection: &Connection) -> Result<Client> {
        let access = access::find(settings, connection)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .build()
            .map_err(|error| Failure::new(format!("cannot speak HTTP: {error}")))?;
        let mut client = Client { http, access, environment: String::new() };
        client.environment = client.find_environment().await?;
        Ok(client)
    }

    /// The server's address, without a path.
    pub fn url(&self) -> &str {
        &self.access.url
    }

    async fn find_environment(&self) -> Result<String> {
        let wanted = self.access.environment.as_deref();
        if let Some(id) = wanted.filter(|text| is_id(text)) {
            return Ok(id.to_owned());
        }
        let found = self.list("projects", &[("all", "true")]).await?;
        let text = |project: &Value, key: &str| project[key].as_str().unwrap_or("").to_owned();
        let names = || {
            let names: Vec<String> = found.iter().map(|project| text(project, "name")).collect();
            names.join("`, `")
        };
        let fits: Vec<&Value> = match wanted {
            Some(name) => found.iter().filter(|project| text(project, "name") == name).collect(),
            None => found.iter().collect(),
        };
        match (fits.as_slice(), wanted) {
            ([only], _) => Ok(text(only, "id")),
            (_, Some(name)) => Err(Failure::usage(format!("there is no environment `{name}`"))
                .hint(format!("there are `{}`", names()))),
            ([], None) => Err(Failure::not_allowed("this key may act in no environment")),
            (_, None) => Err(Failure::usage("there are several environments")
                .hint(format!("name one with --environment: `{}`", names()))),
        }
    }

    /// Path of something in the environment: `scoped("stacks")`.
    pub fn scoped(&self, path: &str) -> String {
        format!("projects/{}/{path}", self.environment)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = match path.strip_prefix('/') {
            Some(absolute) => format!("{}/{absolute}", self.access.url),
            None => format!("{}/v2-beta/{path}", self.access.url),
        };
        let request = self.http.request(method, url).header("accept", "application/json");
        match &self.access.key {
            Some(key) => request.basic_auth(&key.access, Some(&key.secret)),
            None => request,
        }
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value> {
        let response = self.send(request.timeout(ANSWER)).await?;
        let body = response.bytes().await.map_err(|error| self.broken(&error))?;
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Sends a request; an answer that is no success becomes a failure.
    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Err(self.refusal(status, &body))
    }

    /// A resource that may be gone.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, except with 404.
    pub async fn find(&self, path: &str) -> Result<Option<Value>> {
        let request = self.request(Method::GET, path).timeout(ANSWER);
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.broken(&error))?;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(body)),
            status => Err(self.refusal(status, &body)),
        }
    }

    /// Every resource of a collection, page by page.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn list(&self, path: &str, filters: &[(&str, &str)]) -> Result<Vec<Value>> {
        let first = self.request(Method::GET, path).query(&[("limit", PAGE)]).query(filters);
        let mut page = self.answer(first).await?;
        let mut found = Vec::new();
        loop {
            if let Some(data) = page.get_mut("data").and_then(Value::as_array_mut) {
                found.append(data);
            }
            match next_page(&page) {
                Some(next) => page = self.answer(self.request(Method::GET, &next)).await?,
                None => return Ok(found),
            }
        }
    }

    /// Posts something; the answer's status and body are left to the caller.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value)> {
        let request = self.request(Method::POST, path).json(body).timeout(ANSWER);
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.broken(&error))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Changes a resource.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.answer(self.request(Method::PUT, path).json(body)).await
    }

    /// Runs an action of a resource.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn act(&self, resource: &str, action: &str, body: &Value) -> Result<Value> {
        let request = self.request(Method::POST, &format!("{resource}/"));
        self.answer(request.query(&[("action", action)]).json(body)).await
    }

    /// Sends a stream as a body; the answer comes as a stream, too.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
        body: Option<reqwest::Body>,
    ) -> Result<Response> {
        let mut request = self.request(Method::POST, path).query(query);
        if let Some(body) = body {
            request = request.header("content-type", "application/x-tar").body(body);
        }
        self.send(request).await
    }

    /// What an answer that is no success means.
    pub fn refusal(&self, status: StatusCode, body: &Value) -> Failure {
        let failure = refusal(status.as_u16(), body);
        match (status, &self.access.origin) {
            (StatusCode::UNAUTHORIZED, Origin::Local(file)) => failure.hint(format!(
                "the key in {} is made anew at each start: is the server at {} the one of this data folder?",
                file.display(),
                self.access.url
            )),
            (StatusCode::UNAUTHORIZED, Origin::Given) => {
                failure.hint("check RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY, or their flags")
            }
            _ => failure,
        }
    }

    /// The connection failed or broke.
    pub fn broken(&self, error: &reqwest::Error) -> Failure {
        let url = &self.access.url;
        if error.is_timeout() && !error.is_connect() {
            return Failure::unreachable(format!("the server at {url} does not answer in time"));
        }
        if error.is_connect() {
            let failure = Failure::unreachable(format!("no server answers at {url}"));
            return match &self.access.origin {
                Origin::Local(_) => failure.hint("start one with `ranchette serve`"),
                Origin::Given => failure.hint("check the URL, and that the server runs"),
            };
        }
        let cause = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
        let cause = cause.last().map(ToString::to_string).unwrap_or_default();
        Failure::unreachable(format!("the connection to {url} broke: {cause}"))
    }
}

/// Whether a text is an environment's id rather than its name.
fn is_id(text: &str) -> bool {
    text.strip_prefix("1a").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Path and query of the next page; the host in it may be one only the server knows.
fn next_page(page: &Value) -> Option<String> {
    let pagination = page.get("pagination")?;
    if pagination["partial"] != json!(true) {
        return None;
    }
    let next = pagination["next"].as_str()?;
    let path = next
        .split_once("://")
        .map_or(next, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    Some(path.to_owned())
}

/// The failure for a refused request, from the API's error object.
fn refusal(status: u16, body: &Value) -> Failure {
    let text = |key: &str| body[key].as_str().filter(|text| !text.is_empty());
    let mut message = match (text("message"), text("code")) {
        (Some(message), _) => message.to_owned(),
        (None, Some(code)) => format!("the server answered {status} {code}"),
        (None, None) => format!("the server answered {status}"),
    };
    if let Some(field) = text("fieldName").filter(|field| !message.contains(field)) {
        message = format!("{field}: {message}");
    }
    if let Some(detail) = text("detail").filter(|detail| !message.contains(detail)) {
        message = format!("{message} ({detail})");
    }
    match status {
        401 => Failure::not_allowed(format!("the server does not know this key: {message}")),
        403 => Failure::not_allowed(format!("the server does not allow this: {message}")),
        413 => Failure::new("the request is larger than the server takes")
            .hint("raise `server.body_limit_bytes` in the server's configuration"),
        _ => Failure { exit: Exit::Failed, message, hint: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    #[test]
    fn refusals_are_sentences_with_exit_codes() {
        let check = |status, body, expect: Expect| {
            let failure = refusal(status, &body);
            let hint = failure.hint.clone().unwrap_or_default();
            expect.assert_eq(&format!("{} {failure} {hint}", failure.exit.code()));
        };
        check(
            422,
            json!({"code": "NotUnique", "fieldName": "name", "message": null}),
            expect!["1 name: the server answered 422 NotUnique "],
        );
        check(
            409,
            json!({"code": "Conflict", "message": "stack `a` is removing", "detail": "wait"}),
            expect!["1 stack `a` is removing (wait) "],
        );
        check(
            401,
            json!({"code": "Unauthorized", "message": "Unauthorized"}),
            expect!["4 the server does not know this key: Unauthorized "],
        );
        check(
            403,
            json!({"message": "readonly"}),
            expect!["4 the server does not allow this: readonly "],
        );
        check(
            413,
            Value::Null,
            expect![[
                "1 the request is larger than the server takes raise `server.body_limit_bytes` in the server's configuration"
            ]],
        );
        check(500, Value::Null, expect!["1 the server answered 500 "]);
    }

    #[test]
    fn pages_are_followed_on_the_host_we_know() {
        let page =
            |partial: bool, next: Value| json!({"pagination": {"partial": partial, "next": next}});
        let next = "http://inside:8080/v2-beta/stacks?limit=3000&marker=m3000";
        assert_eq!(
            next_page(&page(true, json!(next))).as_deref(),
            Some("/v2-beta/stacks?limit=3000&marker=m3000")
        );
        assert_eq!(next_page(&page(false, json!(next))), None);
        assert_eq!(next_page(&page(true, Value::Null)), None);
        assert_eq!(next_page(&json!({"pagination": null})), None);
    }

    #[test]
    fn environments_are_known_by_id_or_name() {
        assert!(is_id("1a5"));
        for name in ["Default", "1a", "1ax", "1st5", ""] {
            assert!(!is_id(name), "{name}");
        }
    }
}
