//! What authentication needs to know of an HTTP request, free of any HTTP library.
//!
//! The API layer fills it in; [`Authenticator`] turns it into a [`Caller`]. Texts are as received:
//! not decoded, not trimmed, never logged.

use std::net::IpAddr;

use async_trait::async_trait;

use super::caller::Caller;
use crate::error::Result;

/// The facts of one request.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// Method after `_method` has been applied, upper-case.
    pub method: String,
    /// Path as the client sent it, without query: for limits and the audit log.
    pub path: String,
    /// Header `Authorization`.
    pub authorization: Option<String>,
    /// Value of the cookie `token`.
    pub token_cookie: Option<String>,
    /// Value of the cookie `CSRF`.
    pub csrf_cookie: Option<String>,
    /// Header `X-API-CSRF`, else the parameter `CSRF`.
    pub csrf: Option<String>,
    /// Header `User-Agent`.
    pub user_agent: Option<String>,
    /// Header `Host`, or what stands for it: the name that the client knows us by.
    pub host: Option<String>,
    /// Header `Origin`: present on what a browser's page sends to us from elsewhere.
    pub origin: Option<String>,
    /// Header `X-API-Project-Id`.
    pub project_header: Option<String>,
    /// Query parameter `projectId`.
    pub project_query: Option<String>,
    /// The id in a path that begins `/v2-beta/projects/<id>/` and goes on.
    pub project_path: Option<String>,
    /// Header `X-API-Client-Access-Key`.
    pub client_access_key: Option<String>,
    /// Query parameter `token`.
    pub token_query: Option<String>,
    /// Whether header `X-ENFORCE-AUTHENTICATION` is `true`.
    pub enforce: bool,
    /// Whether the request is for the type `token`, which needs no authentication.
    pub for_token: bool,
    /// The client's address, past trusted proxies only.
    pub client_ip: Option<IpAddr>,
}

impl std::fmt::Debug for RequestFacts {
    /// Without credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestFacts")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("client_ip", &self.client_ip)
            .finish_non_exhaustive()
    }
}

impl RequestFacts {
    /// The environment the request wants to act in, as text: the first of header, query and path that is
    /// given (the header of basic authentication's bearer form and the access key come after these).
    pub fn project(&self) -> Option<&str> {
        self.project_header
            .as_deref()
            .or(self.project_query.as_deref())
            .or(self.project_path.as_deref())
            .filter(|id| !id.is_empty())
    }

    /// Whether the client is a browser, to which the CSRF rules apply.
    pub fn is_browser(&self) -> bool {
        self.user_agent
            .as_deref()
            .is_some_and(|agent| agent.to_ascii_lowercase().contains("mozilla"))
    }
}

/// Finds out who sent a request, and in which environment it acts.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The caller of a request.
    ///
    /// # Errors
    /// 401 when nobody proves itself, 403 when the environment is not the caller's (or the CSRF values
    /// differ), 400 when the environment's id does not parse, 429 when it has failed too often.
    async fn authenticate(&self, request: &RequestFacts) -> Result<Caller>;

    /// Whether access control is on: only then a 401 carries a challenge.
    fn is_enabled(&self) -> bool;

    /// Hashes of sessions as they end; a listener that lags asks [`Authenticator::is_live`] again.
    fn ended_sessions(&self) -> tokio::sync::broadcast::Receiver<String>;

    /// Whether a caller's session, key or account is still good: asked again on long connections.
    ///
    /// # Errors
    /// When the database fails.
    async fn is_live(&self, caller: &Caller) -> Result<bool>;
}
