//! Websockets to a server: on the host we know, over TLS where the server's URL says so.

use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{StatusCode, Uri};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::Result;
use super::super::failure::Failure;
use super::http::Way;
use super::{Client, request};

/// An open websocket.
pub type Socket = WebSocketStream<Way>;

impl Client {
    /// Opens what an action such as `logs` or `execute` answered with.
    ///
    /// # Errors
    /// When it cannot be opened; the ticket in it is worth nothing any more then.
    pub async fn open(&self, access: &Value) -> Result<Socket> {
        self.open_with(access, "").await
    }

    /// The same with more behind the `?`, such as `&output=apart`.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub async fn open_with(&self, access: &Value, query: &str) -> Result<Socket> {
        let path = ticket_path(access)
            .ok_or_else(|| Failure::new("the server gave no address for the connection"))?;
        self.dial(&format!("{path}{query}"), None).await
    }

    /// Opens a websocket of the API itself, such as `/v2-beta/subscribe`.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn socket(&self, path: &str) -> Result<Socket> {
        self.dial(path, request::authorization(&self.proof)).await
    }

    async fn dial(&self, path: &str, authorization: Option<String>) -> Result<Socket> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new(format!("cannot open a connection to {}: {why}", self.access.url))
        };
        let uri: Uri = format!("{}{path}", self.access.url).parse().map_err(|e| failed(&e))?;
        let way = self.http.connect(uri).await.map_err(|why| self.broken(why))?;
        let request = websocket_url(&self.access.url, path);
        let mut request = request.into_client_request().map_err(|error| failed(&error))?;
        if let Some(text) = authorization {
            let mut value = HeaderValue::from_str(&text).map_err(|error| failed(&error))?;
            value.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        match client_async(request, way).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => {
                let status = answer.status();
                let body = answer.body().as_deref().unwrap_or_default();
                let body = serde_json::from_slice(body).unwrap_or(Value::Null);
                let status = StatusCode::from_u16(status.as_u16()).unwrap_or_default();
                Err(self.refusal(status, &body))
            }
            Err(error) => Err(failed(&error)),
        }
    }
}

/// The address with the scheme of a websocket.
fn websocket_url(server: &str, path: &str) -> String {
    // `http` becomes `ws`, and `https` with it `wss`.
    format!("ws{}{path}", server.strip_prefix("http").unwrap_or(server))
}

/// Path and token of a `hostAccess` answer: behind a proxy, the server may know itself by another name
/// than we do.
fn ticket_path(access: &Value) -> Option<String> {
    let url = access["url"].as_str()?;
    let path = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    let token = access["token"].as_str().unwrap_or_default();
    let joint = if path.contains('?') { '&' } else { '?' };
    Some(format!("{path}{joint}token={token}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_socket_is_on_the_server_we_know() {
        let check = |server: &str, access: Value, expect: Option<&str>| {
            let path = ticket_path(&access);
            let url = path.map(|path| websocket_url(server, &path));
            assert_eq!(url.as_deref(), expect);
        };
        let http = "http://127.0.0.1:8080";
        check(
            http,
            json!({"url": "ws://inside/v1/logs/", "token": "T"}),
            Some("ws://127.0.0.1:8080/v1/logs/?token=T"),
        );
        check(
            "https://farm.example",
            json!({"url": "ws://inside:1/v1/logs/?x=1", "token": "T"}),
            Some("wss://farm.example/v1/logs/?x=1&token=T"),
        );
        check(http, json!({"token": "T"}), None);
    }
}
