//! Asking a registry, through the engine, whether it lets us in.

use bollard::Docker;
use bytes::Bytes;
use serde_json::json;

use super::connect::{Connection, Patience};
use super::failure::{Subject, first_lower};
use crate::engine::{EngineError, RegistryAuth};

/// What the client can ask for, and what is asked for in its place: it does not know logins.
const PING: &str = "/_ping";
const AUTH: &str = "/auth";

impl Connection {
    pub(super) async fn login(&self, auth: &RegistryAuth) -> Result<(), EngineError> {
        let docker = self.client(Patience::Control).await?;
        let Err(error) = as_login(docker, auth).ping().await else { return Ok(()) };
        let (status, words) = match self.failure_words(error) {
            Ok(said) => said,
            Err(away) => return Err(away),
        };
        Err(judge(auth, status, &words))
    }

    /// Status and words of what the engine answered.
    fn failure_words(&self, error: bollard::errors::Error) -> Result<(u16, String), EngineError> {
        if let bollard::errors::Error::DockerResponseServerError { status_code, message } = error {
            return Ok((status_code, message));
        }
        Err(self.failure(Subject::Engine, error))
    }
}

/// Turns the next ping into a login.
fn as_login(docker: Docker, auth: &RegistryAuth) -> Docker {
    let body = json!({
        "username": auth.username,
        "password": auth.password,
        "serveraddress": auth.server,
    });
    let body = Bytes::from(body.to_string());
    docker.with_request_modifier(move |mut request| {
        let address = request.uri().to_string();
        let address = address.strip_suffix(PING).map(|start| format!("{start}{AUTH}"));
        if let Some(address) = address.and_then(|address| address.parse().ok())
            && let Ok(method) = "POST".parse()
        {
            *request.uri_mut() = address;
            *request.method_mut() = method;
            *request.body_mut() = bollard::body_full(body.clone());
        }
        request
    })
}

/// Whether a failed login was refused, or nobody was there to refuse it.
fn judge(auth: &RegistryAuth, status: u16, message: &str) -> EngineError {
    let lower = message.to_ascii_lowercase();
    let words = ["unauthorized", "incorrect username or password", "status: 403", "denied: "];
    let refused = status == 401 || status == 403 || words.iter().any(|word| lower.contains(word));
    let (server, detail) = (auth.server.clone(), first_lower(message.trim()));
    if refused {
        let username = auth.username.clone();
        return EngineError::LoginRefused { server, username, detail };
    }
    EngineError::RegistryAway { server, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(status: u16, message: &str, expect: Expect) {
        let auth = RegistryAuth {
            username: "bob".to_owned(),
            password: "hush".to_owned(),
            server: "reg:5000".to_owned(),
        };
        expect.assert_eq(&judge(&auth, status, message).to_string());
    }

    #[test]
    fn refusals_are_told_from_silence() {
        check(
            401,
            "login attempt to http://reg:5000/v2/ failed with status: 401 Unauthorized",
            expect![
                "registry `reg:5000` refuses the login of `bob`: login attempt to http://reg:5000/v2/ failed with status: 401 Unauthorized"
            ],
        );
        check(
            500,
            "Get \"https://registry-1.docker.io/v2/\": unauthorized: incorrect username or password",
            expect![[
                r#"registry `reg:5000` refuses the login of `bob`: get "https://registry-1.docker.io/v2/": unauthorized: incorrect username or password"#
            ]],
        );
        check(
            500,
            "Get \"https://reg:5000/v2/\": dial tcp: lookup reg: no such host",
            expect![[
                r#"registry `reg:5000` cannot be asked for a login: get "https://reg:5000/v2/": dial tcp: lookup reg: no such host"#
            ]],
        );
        check(
            500,
            "login attempt to http://reg:5000/v2/ failed with status: 404 Not Found",
            expect![
                "registry `reg:5000` cannot be asked for a login: login attempt to http://reg:5000/v2/ failed with status: 404 Not Found"
            ],
        );
    }
}
