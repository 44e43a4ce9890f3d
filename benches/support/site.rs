//! A server's API, with the administrator's key.

use std::path::Path;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// The environment that a server begins with.
pub const ENVIRONMENT: &str = "/v2-beta/projects/1a5";

/// A running server and the administrator's key to it.
pub struct Site {
    pub http: Client,
    pub url: String,
    pub access: String,
    pub secret: String,
}

impl Site {
    /// The server with this data directory.
    pub fn of(data: &Path) -> Self {
        let text = std::fs::read_to_string(data.join("local-access.json")).expect("the key");
        let access: Value = serde_json::from_str(&text).expect("JSON");
        let word = |name: &str| access[name].as_str().expect(name).to_owned();
        let (url, access, secret) = (word("url"), word("accessKey"), word("secretKey"));
        Self { http: Client::new(), url, access, secret }
    }

    /// A request as the administrator.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.basic_auth(&self.access, Some(&self.secret))
    }

    /// What is at a path of the environment.
    pub async fn get(&self, path: &str) -> Value {
        self.answer(self.request(Method::GET, &format!("{ENVIRONMENT}/{path}"))).await
    }

    /// What came of a body that is posted to a path of the environment.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.answer(self.request(Method::POST, &format!("{ENVIRONMENT}/{path}")).json(body)).await
    }

    /// What came of a change of what is at a path of the environment.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.answer(self.request(Method::PUT, &format!("{ENVIRONMENT}/{path}")).json(body)).await
    }

    async fn answer(&self, request: RequestBuilder) -> Value {
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }
}
