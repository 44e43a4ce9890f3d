//! Which server, and who we are there: flags, then `RANCHETTE_*`, then the key that a server on this
//! machine leaves in its data folder for whoever may read it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::Result;
use super::super::args::Connection;
use super::super::failure::Failure;
use super::super::settings::Settings;
use crate::auth::local;
use crate::config::User;

/// An API key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// Its public half.
    pub access: String,
    /// Its secret half.
    pub secret: String,
}

// A secret must not reach a log by way of `{:?}`.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("access", &self.access).finish_non_exhaustive()
    }
}

/// Where the key came from; decides what advice helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Flags or variables.
    Given,
    /// The local operator's file.
    Local(PathBuf),
}

/// Everything needed to call a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Scheme, host and port, without a trailing slash.
    pub url: String,
    /// The key, if there is one.
    pub key: Option<Key>,
    /// Name or id of the environment.
    pub environment: Option<String>,
    /// Where the key came from.
    pub origin: Origin,
}

/// What flags and variables say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    url: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    environment: Option<String>,
}

/// The local operator's file; see `auth::local`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocalFile {
    url: String,
    access_key: String,
    secret_key: String,
    project_id: Option<String>,
}

/// Finds the server and the key.
///
/// # Errors
/// When a half of the key is missing, the URL makes no sense, or there is neither a key nor a file.
pub fn find(settings: &Settings, connection: &Connection) -> Result<Access> {
    let said = said(settings, connection);
    if let Some(access) = given(&said)? {
        return Ok(access);
    }
    let path = settings.data_dir()?.join(local::FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| no_file(settings, &path, &error))?;
    local_access(&said, &path, &text)
}

fn said(settings: &Settings, connection: &Connection) -> Said {
    let either = |flag: &Option<String>, variable: &str| {
        flag.clone().or_else(|| settings.around.var(variable).map(str::to_owned))
    };
    Said {
        url: either(&connection.url, "RANCHETTE_URL"),
        access_key: either(&connection.access_key, "RANCHETTE_ACCESS_KEY"),
        secret_key: either(&connection.secret_key, "RANCHETTE_SECRET_KEY"),
        environment: either(&connection.environment, "RANCHETTE_ENVIRONMENT"),
    }
}

/// Access that needs no file: a key was said.
fn given(said: &Said) -> Result<Option<Access>> {
    let key = match (&said.access_key, &said.secret_key) {
        (None, None) => return Ok(None),
        (Some(access), Some(secret)) => Key { access: access.clone(), secret: secret.clone() },
        (Some(_), None) => {
            return Err(Failure::usage("there is an access key without its secret key")
                .hint("set RANCHETTE_SECRET_KEY, or give --secret-key"));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("there is a secret key without its access key")
                .hint("set RANCHETTE_ACCESS_KEY, or give --access-key"));
        }
    };
    let url = said.url.as_deref().unwrap_or("http://127.0.0.1:8080");
    Ok(Some(Access {
        url: server_url(url)?,
        key: Some(key),
        environment: said.environment.clone(),
        origin: Origin::Given,
    }))
}

/// Access by the local operator's file.
fn local_access(said: &Said, path: &Path, text: &str) -> Result<Access> {
    let file: LocalFile = serde_json::from_str(text).map_err(|error| {
        Failure::new(format!("{} is not what a server writes: {error}", path.display()))
    })?;
    let own = server_url(&file.url)?;
    let url = said.url.as_deref().map_or(Ok(own.clone()), server_url)?;
    // The key opens everything on this machine; it is not shown to other machines.
    if url != own && !is_loopback(&url) {
        return Err(Failure::usage(format!("there is no key for {url}")).hint(
            "set RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY to an API key of that server",
        ));
    }
    Ok(Access {
        url,
        key: Some(Key { access: file.access_key, secret: file.secret_key }),
        environment: said.environment.clone().or(file.project_id),
        origin: Origin::Local(path.to_owned()),
    })
}

fn no_file(settings: &Settings, path: &Path, error: &std::io::Error) -> Failure {
    const OF_ROOT: &str = "/var/lib/ranchette";
    const KEYS: &str = "set RANCHETTE_URL, RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY";
    let folder = path.parent().unwrap_or(path).display();
    if error.kind() == ErrorKind::PermissionDenied {
        return Failure::not_allowed(format!(
            "only the owner of {folder} may use the server there"
        ))
        .hint(format!("use `sudo`, or {KEYS}"));
    }
    if error.kind() != ErrorKind::NotFound {
        return Failure::file("read", path, error);
    }
    let roots = settings.around.user == User::Plain && Path::new(OF_ROOT).is_dir();
    let hint = match roots {
        true => format!("a server of this machine's root seems to exist: use `sudo`, or {KEYS}"),
        false => format!("start a server with `ranchette serve`, or {KEYS} for one elsewhere"),
    };
    Failure::unreachable(format!("no server has run with the data folder {folder}")).hint(hint)
}

/// Scheme, host and port of a URL; a path such as `/v2-beta` is cut off.
fn server_url(text: &str) -> Result<String> {
    let bad = |why: &str| {
        Failure::usage(format!("`{text}` is no server: {why}"))
            .hint("a server is written like http://127.0.0.1:8080")
    };
    let url = reqwest::Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    match url.scheme() {
        "http" => {}
        "https" => {
            let host = url.host_str().unwrap_or("HOST");
            return Err(bad("this client speaks HTTP only").hint(format!(
                "open a tunnel with `ssh -N -L 8080:127.0.0.1:8080 {host}` and use http://127.0.0.1:8080"
            )));
        }
        _ => return Err(bad("it has to begin with http://")),
    }
    let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("http://{host}{port}"))
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or("").trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const FILE: &str = r#"{"url": "http://127.0.0.1:8080", "accessKey": "AK", "secretKey": "SK", "projectId": "1a5"}"#;

    fn check(said: Said, expect: Expect) {
        let found = given(&said).and_then(|found| {
            found.map_or_else(|| local_access(&said, Path::new("/d/f"), FILE), Ok)
        });
        let shown = match found {
            Ok(access) => format!(
                "{} {} {:?}",
                access.url,
                access.environment.unwrap_or_else(|| "-".to_owned()),
                access.origin
            ),
            Err(failure) => {
                format!(
                    "{} {failure}; {}",
                    failure.exit.code(),
                    failure.hint.clone().unwrap_or_default()
                )
            }
        };
        expect.assert_eq(&shown);
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn keys_come_from_flags_or_the_local_file() {
        check(Said::default(), expect![[r#"http://127.0.0.1:8080 1a5 Local("/d/f")"#]]);
        check(
            Said { environment: text("Lab"), ..Said::default() },
            expect![[r#"http://127.0.0.1:8080 Lab Local("/d/f")"#]],
        );
        let key = Said { access_key: text("A"), secret_key: text("S"), ..Said::default() };
        check(key.clone(), expect!["http://127.0.0.1:8080 - Given"]);
        check(
            Said { url: text("http://ranch:80/v2-beta/projects/1a5"), ..key },
            expect!["http://ranch - Given"],
        );
        check(
            Said { access_key: text("A"), ..Said::default() },
            expect![
                "2 there is an access key without its secret key; set RANCHETTE_SECRET_KEY, or give --secret-key"
            ],
        );
    }

    #[test]
    fn the_local_key_is_not_shown_to_other_machines() {
        let at = |url: &str| Said { url: text(url), ..Said::default() };
        check(
            at("http://localhost:9000/"),
            expect![[r#"http://localhost:9000 1a5 Local("/d/f")"#]],
        );
        check(at("http://[::1]:9000"), expect![[r#"http://[::1]:9000 1a5 Local("/d/f")"#]]);
        check(
            at("http://elsewhere:8080"),
            expect![
                "2 there is no key for http://elsewhere:8080; set RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY to an API key of that server"
            ],
        );
    }

    #[test]
    fn urls_that_are_no_server() {
        let at = |url: &str| Said { url: text(url), ..Said::default() };
        check(
            at("ranch:8080"),
            expect![
                "2 `ranch:8080` is no server: it has to begin with http://; a server is written like http://127.0.0.1:8080"
            ],
        );
        check(
            at("https://ranch.example"),
            expect![
                "2 `https://ranch.example` is no server: this client speaks HTTP only; open a tunnel with `ssh -N -L 8080:127.0.0.1:8080 ranch.example` and use http://127.0.0.1:8080"
            ],
        );
    }

    #[test]
    fn a_key_keeps_its_secret() {
        let key = Key { access: "AK".to_owned(), secret: "hidden".to_owned() };
        assert_eq!(format!("{key:?}"), r#"Key { access: "AK", .. }"#);
    }
}
