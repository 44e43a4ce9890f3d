//! One API request taken apart: version, path, method, parameters, and the URLs its answer uses.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;

use super::ApiState;
use super::dialect::{Dialect, Version};
use super::params::Params;
use crate::auth::RequestFacts;
use crate::error::{Error, Result};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET` and `HEAD`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
    /// `OPTIONS`.
    Options,
}

impl Method {
    fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "DELETE" => Some(Self::Delete),
            "OPTIONS" => Some(Self::Options),
            _ => None,
        }
    }

    /// Upper-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// How the answer is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For programs.
    Json,
    /// For people with a browser.
    Html,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// Version asked for.
    pub version: Version,
    /// What it does; `None` for a method that no resource knows.
    pub method: Option<Method>,
    /// Path segments after the version and the environment, decoded.
    pub segments: Vec<String>,
    /// The query as it was sent.
    pub query: String,
    /// Query parameters, later form fields too.
    pub params: Params,
    /// Scheme and host: `http://host:8080`.
    pub origin: String,
    /// Scheme, host and version, lower case.
    pub root: String,
    /// The same with the environment that the URL names.
    pub base: String,
    /// The URL asked for, lower case, without query.
    pub url: String,
    /// How the answer is shown.
    pub format: Format,
    /// `actions`, or `actionLinks` for clients that ask for it.
    pub actions_key: &'static str,
    /// No challenge in a 401.
    pub no_challenge: bool,
    /// What authentication goes by.
    pub facts: RequestFacts,
    /// `If-Match`: what has to be there for a change.
    pub if_match: Option<String>,
    /// `If-None-Match`: what the client has already.
    pub if_none_match: Option<String>,
    /// `Idempotency-Key`: what makes a create the same as one before.
    pub idempotency_key: Option<String>,
    /// The body, for requests with such a key.
    pub sent: serde_json::Value,
}

/// Name of the header that makes a create happen once.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Name of the parameter by which a write is only tried out.
pub const DRY_RUN: &str = "dryRun";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all("cookie")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|pair| pair.0 == name)
        .map(|pair| pair.1.to_owned())
}

/// What follows an environment in a path and is not inside it: links of its own.
const OWN_LINKS: &[&str] = &["hostStats", "projectMembers"];

/// Splits a path that has an environment in it: (environment, rest). The environment's own resource and
/// its own links are not inside it.
fn rescope(mut segments: Vec<String>) -> (Option<String>, Vec<String>) {
    let is = |index: usize, name: &str| {
        segments.get(index).is_some_and(|segment: &String| segment.eq_ignore_ascii_case(name))
    };
    let own = OWN_LINKS.iter().any(|link| is(2, link));
    let inside = segments.len() >= 3 && (is(0, "projects") || is(0, "project")) && !own;
    if !inside {
        return (None, segments);
    }
    let rest = segments.split_off(2);
    (segments.pop(), rest)
}

impl Call {
    /// Takes a request apart; `tail` is the path after the version.
    /// Nothing is wrong yet: what names nothing is found out later.
    pub fn new(state: &ApiState, request: &HttpRequest, version: Version, tail: &str) -> Self {
        let headers = request.headers();
        let mut params = Params::parse(request.query_string());
        let mut query = request.query_string().to_owned();
        let format = format(headers, &params);
        if format == Format::Html && request.method() == "GET" {
            params.of_filter_form();
            query = params.query(&[], &[]);
        }
        let segments = tail
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(super::params::decode_segment)
            .collect();
        let (project, segments) = rescope(segments);
        let given = params.get("_method").unwrap_or(request.method().as_str());
        let (method, name) = (Method::parse(given), given.to_owned());
        let peer = request.peer_addr().map(|address| address.ip());
        let trusted = peer.is_none_or(|peer| state.config.trusts(peer));
        let origin = match &state.config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => origin(request, headers, trusted),
        };
        let root = format!("{}/{}", origin.to_ascii_lowercase(), version.path());
        let base = match &project {
            Some(project) => format!("{root}/projects/{}", project.to_ascii_lowercase()),
            None => root.clone(),
        };
        let mut url = base.clone();
        for segment in &segments {
            url.push('/');
            url.push_str(&super::params::encode(&segment.to_ascii_lowercase()));
        }
        let facts = facts(request, headers, &params, project, client_ip(headers, peer, trusted));
        let facts = RequestFacts {
            method: method.map_or(name, |method| method.as_str().to_owned()),
            for_token: segments.first().is_some_and(|first| is_token(version, first)),
            ..facts
        };
        let links =
            headers.contains_key("x-api-action-links") || params.get("_actionLinks").is_some();
        Self {
            version,
            method,
            format,
            segments,
            query,
            params,
            origin,
            root,
            base,
            url,
            actions_key: if links { "actionLinks" } else { "actions" },
            no_challenge: header(headers, "x-api-no-challenge")
                .is_some_and(|value| value.eq_ignore_ascii_case("true"))
                || header(headers, "connection")
                    .is_some_and(|value| value.to_ascii_lowercase().contains("upgrade")),
            facts,
            if_match: header(headers, "if-match").map(str::to_owned),
            if_none_match: header(headers, "if-none-match").map(str::to_owned),
            // One that is no text is refused rather than passed over.
            idempotency_key: headers
                .get("idempotency-key")
                .map(|value| value.to_str().unwrap_or("").to_owned()),
            sent: serde_json::Value::Null,
        }
    }

    /// Whether a write is only tried out.
    ///
    /// # Errors
    /// 422 for a word that says neither yes nor no: doing it for good would be the worse guess.
    pub fn is_dry_run(&self) -> Result<bool> {
        match self.params.get(DRY_RUN).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1" | "") => Ok(true),
            Some(other) => Err(Error::field("InvalidFormat", DRY_RUN)
                .message(format!("`{DRY_RUN}` must be true or false, not `{other}`"))),
        }
    }

    /// The version's table.
    pub const fn dialect(&self) -> &'static Dialect {
        self.version.dialect()
    }

    /// Takes the method that a form names in place of its own.
    pub fn set_method(&mut self, name: &str) {
        self.method = Method::parse(name);
        self.facts.method =
            self.method.map_or_else(|| name.to_owned(), |method| method.as_str().to_owned());
    }

    /// Where a client finds the schemas for what it goes on to ask: those of an environment at the
    /// environment's own URL, too, for a client may have been given nothing else.
    pub fn schemas_url(&self) -> String {
        let is_in = |name: &str| {
            name.eq_ignore_ascii_case("projects") || name.eq_ignore_ascii_case("project")
        };
        match self.segments.as_slice() {
            [first, _] if is_in(first) && self.facts.project_path.is_none() => {
                format!("{}/schemas", self.url)
            }
            _ => format!("{}/schemas", self.base),
        }
    }

    /// The method.
    ///
    /// # Errors
    /// 405 for one that no resource knows.
    pub fn method(&self) -> Result<Method> {
        self.method.ok_or_else(|| {
            Error::status(405).message(format!("no resource knows {}", self.facts.method))
        })
    }
}

fn is_token(version: Version, segment: &str) -> bool {
    let dialect = version.dialect();
    let words = dialect.words("token");
    let plural = words.map_or("tokens", |words| words.plural);
    segment.eq_ignore_ascii_case(dialect.name("token")) || segment.eq_ignore_ascii_case(plural)
}

/// Scheme and host as the client sees them. Proxies that are trusted may say so in their headers.
fn origin(request: &HttpRequest, headers: &HeaderMap, trusted: bool) -> String {
    let own_scheme = if request.app_config().secure() { "https" } else { "http" };
    let forwarded = |name: &str| {
        let value = header(headers, name).filter(|_| trusted)?;
        value.split(',').next().map(str::trim).filter(|value| is_host_like(value))
    };
    let host = forwarded("x-forwarded-host")
        .or_else(|| header(headers, "host").filter(|host| is_host_like(host)))
        .or_else(|| request.uri().authority().map(|authority| authority.as_str()))
        .unwrap_or("localhost");
    let scheme = forwarded("x-forwarded-proto")
        .filter(|scheme| matches!(*scheme, "http" | "https"))
        .unwrap_or(own_scheme);
    let (name, own_port) = split_port(host);
    let port =
        forwarded("x-forwarded-port").filter(|port| port.parse::<u16>().is_ok()).or(own_port);
    match (scheme, port) {
        (_, None) | ("http", Some("80")) | ("https", Some("443")) => format!("{scheme}://{name}"),
        (_, Some(port)) => format!("{scheme}://{name}:{port}"),
    }
}

/// Whether a header holds a host, port or scheme and nothing that could break out of a URL.
fn is_host_like(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

/// `host:port`; the port of an IPv6 address comes after its bracket.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.parse::<u16>().is_ok() => {
            (name, Some(port))
        }
        _ => (host, None),
    }
}

fn client_ip(headers: &HeaderMap, peer: Option<IpAddr>, trusted: bool) -> Option<IpAddr> {
    header(headers, "x-forwarded-for")
        .filter(|_| trusted)
        .and_then(|list| list.split(',').next())
        .and_then(|first| first.trim().parse().ok())
        .or(peer)
}

fn facts(
    request: &HttpRequest,
    headers: &HeaderMap,
    params: &Params,
    project: Option<String>,
    client_ip: Option<IpAddr>,
) -> RequestFacts {
    let text = |name: &str| header(headers, name).map(str::to_owned);
    let param = |name: &str| params.get(name).map(str::to_owned);
    RequestFacts {
        method: String::new(),
        path: request.path().to_owned(),
        authorization: text("authorization"),
        token_cookie: cookie(headers, "token"),
        csrf_cookie: cookie(headers, "CSRF"),
        csrf: text("x-api-csrf").or_else(|| param("CSRF")),
        user_agent: text("user-agent"),
        host: text("host")
            .or_else(|| request.uri().authority().map(|authority| authority.as_str().to_owned())),
        origin: text("origin"),
        project_header: text("x-api-project-id"),
        project_query: param("projectId"),
        project_path: project,
        client_access_key: text("x-api-client-access-key"),
        token_query: param("token"),
        enforce: text("x-enforce-authentication").is_some_and(|value| value == "true"),
        for_token: false,
        client_ip,
    }
}

fn format(headers: &HeaderMap, params: &Params) -> Format {
    match params.get("_format") {
        Some("json") => return Format::Json,
        Some("html") => return Format::Html,
        Some(_) | None => {}
    }
    let browser = header(headers, "user-agent")
        .is_some_and(|agent| agent.to_ascii_lowercase().contains("mozilla"));
    let anything = header(headers, "accept").is_none_or(|accept| accept.contains("*/*"));
    // A page's own script asks for JSON by naming it; a person's browser asks for HTML.
    let script = header(headers, "x-requested-with").is_some();
    if browser && anything && !script { Format::Html } else { Format::Json }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_in_the_path_is_taken_out() {
        for (path, project, rest) in [
            ("services/1s5", None, "services/1s5"),
            ("projects/1a5", None, "projects/1a5"),
            ("projects/1a5/services", Some("1a5"), "services"),
            ("Projects/1a5/services/1s1/instances", Some("1a5"), "services/1s1/instances"),
            ("projects/1a5/projectmembers", None, "projects/1a5/projectmembers"),
            ("projects/1a5/hoststats", None, "projects/1a5/hoststats"),
            ("projects/1a5/projects/1a5", Some("1a5"), "projects/1a5"),
        ] {
            let segments = path.split('/').map(str::to_owned).collect();
            let (found, left) = rescope(segments);
            assert_eq!((found.as_deref(), left.join("/").as_str()), (project, rest), "{path}");
        }
    }

    #[test]
    fn ports_are_split_from_hosts() {
        for (host, name, port) in [
            ("example.org", "example.org", None),
            ("example.org:8080", "example.org", Some("8080")),
            ("[::1]", "[::1]", None),
            ("[::1]:80", "[::1]", Some("80")),
            ("bad:port", "bad:port", None),
        ] {
            assert_eq!(split_port(host), (name, port));
        }
    }
}
