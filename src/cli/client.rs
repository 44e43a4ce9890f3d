//! Talking to a server over HTTP: who we are there, and what its answers mean for a person.

pub mod access;
mod http;
mod request;
mod socket;

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::Incoming;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

pub use access::{Access, Key, Origin};
use http::Http;
pub use http::{Body, Broken, streamed};
use request::Request;
pub use socket::Socket;

use super::Result;
use super::args::Connection;
use super::failure::{Exit, Failure};
use super::settings::Settings;

/// Longest wait for an ordinary answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Resources in one page: what the API gives at most.
const PAGE: &str = "3000";

/// How a caller proves who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// It does not.
    Nothing,
    /// By an API key.
    Key(Key),
    /// By the token of a session.
    Session(String),
}

// A secret must not reach a log by way of `{:?}`.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Proof::Nothing => "Nothing",
            Proof::Key(_) => "Key",
            Proof::Session(_) => "Session",
        })
    }
}

/// A server and an environment in it.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
    access: Access,
    proof: Proof,
    environment: String,
}

impl Client {
    /// Finds the server and who we are there. Asks it only when the environment is not known by id.
    ///
    /// # Errors
    /// When there is no server or no key, each with what to do.
    pub async fn connect(settings: &Settings, connection: &Connection) -> Result<Client> {
        let mut client = Client::reach(access::find(settings, connection)?)?;
        client.environment = client.find_environment().await?;
        Ok(client)
    }

    /// The server of this machine's data folder, whatever flags and contexts say.
    ///
    /// # Errors
    /// When there is none, or it cannot be reached.
    pub async fn of_this_machine(settings: &Settings) -> Result<Client> {
        let mut client = Client::reach(access::of_this_machine(settings)?)?;
        client.environment = client.find_environment().await?;
        Ok(client)
    }

    /// A server, without an environment in it. Asks nothing yet.
    ///
    /// # Errors
    /// When the certificates of authorities cannot be read.
    pub fn reach(access: Access) -> Result<Client> {
        let http = Http::new(&access.url, access.ca_file.as_deref())?;
        let proof = access.key.clone().map_or(Proof::Nothing, Proof::Key);
        Ok(Client { http, access, proof, environment: String::new() })
    }

    /// The same server, as somebody else.
    pub fn proved(&self, proof: Proof) -> Client {
        Client { proof, ..self.clone() }
    }

    /// The environments that the caller may act in.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn environments(&self) -> Result<Vec<Value>> {
        self.list("projects", &[]).await
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
            (_, None) => Err(Failure::usage("there are several environments").hint(format!(
                "name one with --environment, or choose with `ranchette environment use`: `{}`",
                names()
            ))),
        }
    }

    /// Path of something in the environment: `scoped("stacks")`.
    pub fn scoped(&self, path: &str) -> String {
        format!("projects/{}/{path}", self.environment)
    }

    fn request(&self, method: Method, path: &str) -> Request {
        let url = match path.strip_prefix('/') {
            Some(absolute) => format!("{}/{absolute}", self.access.url),
            None => format!("{}/v2-beta/{path}", self.access.url),
        };
        Request::new(method, &url, &self.proof)
    }

    async fn answer(&self, request: Request) -> Result<Value> {
        let (status, body) = self.ask(request).await?;
        match status.is_success() {
            true => Ok(body),
            false => Err(self.refusal(status, &body)),
        }
    }

    /// Sends a request; status and body of the answer, whatever they say.
    async fn ask(&self, request: Request) -> Result<(StatusCode, Value)> {
        let answer = self.http.send(request.ready()?, Some(ANSWER)).await;
        let answer = answer.map_err(|why| self.broken(why))?;
        let status = answer.status();
        let body = Http::body(answer, ANSWER).await.map_err(|why| self.broken(why))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// A resource that may be gone.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, except with 404.
    pub async fn find(&self, path: &str) -> Result<Option<Value>> {
        let (status, body) = self.ask(self.request(Method::GET, path)).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(body)),
            status => Err(self.refusal(status, &body)),
        }
    }

    /// A resource, or whatever else answers there.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.answer(self.request(Method::GET, path)).await
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
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    /// Makes a resource.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// Removes a resource.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.answer(self.request(Method::DELETE, path)).await
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
        body: Option<Body>,
    ) -> Result<impl Stream<Item = Result<Bytes, Broken>> + use<>> {
        let mut request = self.request(Method::POST, path).query(query);
        if let Some(body) = body {
            request = request.body("application/x-tar", body);
        }
        let answer = self.http.send(request.ready()?, None).await;
        let answer: Response<Incoming> = answer.map_err(|why| self.broken(why))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Http::pieces(answer));
        }
        let body = Http::body(answer, ANSWER).await.unwrap_or_default();
        Err(self.refusal(status, &serde_json::from_slice(&body).unwrap_or(Value::Null)))
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
            (StatusCode::UNAUTHORIZED, Origin::Context(name)) => failure.hint(format!(
                "log in again with `ranchette login {} --name {name}`",
                self.access.url
            )),
            _ => failure,
        }
    }

    /// There was no answer.
    pub fn broken(&self, why: Broken) -> Failure {
        let url = &self.access.url;
        match why {
            Broken::Late => {
                Failure::unreachable(format!("the server at {url} does not answer in time"))
            }
            Broken::Connect(why) => {
                let failure = Failure::unreachable(format!("no server answers at {url}: {why}"));
                match &self.access.origin {
                    Origin::Local(_) => failure.hint("start one with `ranchette serve`"),
                    Origin::Given | Origin::Context(_) => {
                        failure.hint("check the URL, and that the server runs")
                    }
                }
            }
            Broken::Distrusted(why) => {
                Failure::unreachable(format!("the certificate of {url} is not trusted: {why}"))
                    .hint("name the file of the authority that signed it with --ca-file")
            }
            Broken::Lost(why) => {
                Failure::unreachable(format!("the connection to {url} broke: {why}"))
            }
        }
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
