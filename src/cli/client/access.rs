//! Which server, and who we are there: flags, then `RANCHETTE_*`, then a context that was logged in to,
//! then the key that a server on this machine leaves in its data folder for whoever may read it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::Result;
use super::super::args::Connection;
use super::super::contexts::book::{Book, Context};
use super::super::failure::Failure;
use super::super::settings::{Place, Settings};
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
    /// A context, by its name.
    Context(String),
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
    /// Whom to trust besides those that the machine trusts.
    pub ca_file: Option<PathBuf>,
}

/// What flags and variables say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    /// By a flag: goes before variables.
    context: Option<String>,
    /// By a variable.
    usual_context: Option<String>,
    url: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    environment: Option<String>,
    ca_file: Option<PathBuf>,
    place: Place,
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
    if said.context.is_none()
        && let Some(access) = given(&said)?
    {
        return Ok(access);
    }
    match from_book(&said, &Book::read(&settings.around)?)? {
        Some(access) => Ok(access),
        None => local(settings, &said),
    }
}

/// The server of this machine's data folder, whatever flags and contexts say.
///
/// # Errors
/// When no server has run there, or the folder cannot be read.
pub fn of_this_machine(settings: &Settings) -> Result<Access> {
    local(settings, &Said::default())
}

fn local(settings: &Settings, said: &Said) -> Result<Access> {
    let path = settings.data_dir()?.join(local::FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| no_file(settings, &path, &error))?;
    local_access(said, &path, &text)
}

fn said(settings: &Settings, connection: &Connection) -> Said {
    let variable = |name: &str| settings.around.var(name).map(str::to_owned);
    let either = |flag: &Option<String>, name: &str| flag.clone().or_else(|| variable(name));
    let ca_file = connection.ca_file.clone();
    Said {
        context: connection.context.clone(),
        usual_context: variable("RANCHETTE_CONTEXT"),
        url: either(&connection.url, "RANCHETTE_URL"),
        access_key: either(&connection.access_key, "RANCHETTE_ACCESS_KEY"),
        secret_key: either(&connection.secret_key, "RANCHETTE_SECRET_KEY"),
        environment: either(&connection.environment, "RANCHETTE_ENVIRONMENT"),
        ca_file: ca_file.or_else(|| variable("RANCHETTE_CA_FILE").map(PathBuf::from)),
        place: settings.place,
    }
}

/// The context that is meant, if one is.
fn from_book(said: &Said, book: &Book) -> Result<Option<Access>> {
    let of = |name: &str, context: &Context| Access {
        url: context.url.clone(),
        key: context.key(),
        environment: said.environment.clone().or_else(|| context.environment.clone()),
        origin: Origin::Context(name.to_owned()),
        ca_file: said.ca_file.clone().or_else(|| context.ca_file.clone()),
    };
    let named = |name: &str| book.find(name).map(|context| Some(of(name, context)));
    if let Some(name) = &said.context {
        return named(name);
    }
    if let Some(url) = &said.url {
        let url = server_url(url)?;
        return Ok(book.at(&url).map(|(name, context)| of(name, context)));
    }
    if let Some(name) = &said.usual_context {
        return named(name);
    }
    match (&book.current, said.place) {
        (Some(name), Place::Usual) => named(name),
        (None, _) | (_, Place::Said) => Ok(None),
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
        ca_file: said.ca_file.clone(),
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
        return Err(Failure::usage(format!("there is no key for {url}")).hint(format!(
            "log in with `ranchette login {url}`, or set RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY"
        )));
    }
    Ok(Access {
        url,
        key: Some(Key { access: file.access_key, secret: file.secret_key }),
        environment: said.environment.clone().or(file.project_id),
        origin: Origin::Local(path.to_owned()),
        ca_file: said.ca_file.clone(),
    })
}

fn no_file(settings: &Settings, path: &Path, error: &std::io::Error) -> Failure {
    const OF_ROOT: &str = "/var/lib/ranchette";
    const KEYS: &str = "log in to one elsewhere with `ranchette login URL`";
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
        false => format!("start a server with `ranchette serve`, or {KEYS}"),
    };
    Failure::unreachable(format!("no server has run with the data folder {folder}")).hint(hint)
}

/// Scheme, host and port of a URL; a path such as `/v2-beta` is cut off.
///
/// # Errors
/// When it is no URL of a server.
pub fn server_url(text: &str) -> Result<String> {
    let bad = |why: &str| {
        Failure::usage(format!("`{text}` is no server: {why}"))
            .hint("a server is written like http://127.0.0.1:8080")
    };
    let url = reqwest::Url::parse(text).map_err(|error| bad(&error.to_string()))?;
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return Err(bad("it has to begin with http:// or https://"));
    }
    let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{host}{port}"))
}

/// Whether a server is on this machine.
pub fn is_loopback(url: &str) -> bool {
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
            let found = match found {
                Some(found) if said.context.is_none() => Some(found),
                _ => from_book(&said, &book())?,
            };
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

    fn book() -> Book {
        let context = |url: &str, environment: Option<&str>| Context {
            url: url.to_owned(),
            access_key: text("AK"),
            secret_key: text("SK"),
            environment: environment.map(str::to_owned),
            ca_file: None,
        };
        let mut book = Book::default();
        book.contexts.insert("farm".to_owned(), context("https://farm.example", Some("1a7")));
        book.contexts.insert("lab".to_owned(), context("http://lab:8080", None));
        book
    }

    #[test]
    fn contexts_go_before_the_local_file() {
        let describe = |said: &Said, current: Option<&str>| {
            let book = Book { current: current.map(str::to_owned), ..book() };
            match from_book(said, &book) {
                Ok(Some(access)) => {
                    format!("{} {:?} {:?}", access.url, access.environment, access.origin)
                }
                Ok(None) => "local".to_owned(),
                Err(failure) => {
                    format!("{failure}; {}", failure.hint.clone().unwrap_or_default())
                }
            }
        };
        let check = |said: Said, current, expect: Expect| {
            expect.assert_eq(&describe(&said, current));
        };
        check(Said::default(), None, expect!["local"]);
        let farm = Some("farm");
        check(
            Said::default(),
            farm,
            expect![[r#"https://farm.example Some("1a7") Context("farm")"#]],
        );
        check(Said { place: Place::Said, ..Said::default() }, farm, expect!["local"]);
        check(
            Said { place: Place::Said, context: text("lab"), ..Said::default() },
            farm,
            expect![[r#"http://lab:8080 None Context("lab")"#]],
        );
        check(
            Said { usual_context: text("lab"), environment: text("Lab"), ..Said::default() },
            farm,
            expect![[r#"http://lab:8080 Some("Lab") Context("lab")"#]],
        );
        check(
            Said { url: text("http://lab:8080/v2-beta"), ..Said::default() },
            farm,
            expect![[r#"http://lab:8080 None Context("lab")"#]],
        );
        check(Said { url: text("http://else:80"), ..Said::default() }, farm, expect!["local"]);
        check(
            Said { context: text("fram"), ..Said::default() },
            None,
            expect!["there is no context `fram`; did you mean `farm`?"],
        );
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
                "2 there is no key for http://elsewhere:8080; log in with `ranchette login http://elsewhere:8080`, or set RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY"
            ],
        );
    }

    #[test]
    fn urls_that_are_no_server() {
        let at = |url: &str| Said { url: text(url), ..Said::default() };
        check(
            at("ranch:8080"),
            expect![
                "2 `ranch:8080` is no server: it has to begin with http:// or https://; a server is written like http://127.0.0.1:8080"
            ],
        );
        check(
            at("https://ranch.example/v2-beta"),
            expect![
                "2 there is no key for https://ranch.example; log in with `ranchette login https://ranch.example`, or set RANCHETTE_ACCESS_KEY and RANCHETTE_SECRET_KEY"
            ],
        );
    }

    #[test]
    fn a_key_keeps_its_secret() {
        let key = Key { access: "AK".to_owned(), secret: "hidden".to_owned() };
        assert_eq!(format!("{key:?}"), r#"Key { access: "AK", .. }"#);
    }
}
