//! `login` and `logout`: a key for a server, kept in a file that only its owner can read.
//!
//! A password is used once, for a session that ends at once; what is kept is an API key of its own,
//! which can be taken back without touching the password. Neither is ever shown.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::client::access::{self, Access, Key, Origin};
use super::client::{Client, Proof};
use super::contexts::book::{self, Book, Context};
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use super::terminal;

/// Arguments of `login`.
///
/// The password, or the secret key, is asked for on the terminal, or read from standard input.
#[derive(Clone, Debug, Default, Args)]
pub struct LoginArgs {
    /// The server, such as https://ranch.example or http://127.0.0.1:8080
    #[arg(value_name = "URL")]
    url: String,
    /// Name of the context; the server's host if absent
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Login to use; asked for if absent
    #[arg(long, short = 'u', value_name = "LOGIN", conflicts_with = "access_key")]
    user: Option<String>,
    /// Keep this API key in place of a new one; its secret key is asked for
    #[arg(long, value_name = "KEY")]
    access_key: Option<String>,
    /// Environment to act in, by name or id
    #[arg(long, short = 'e', value_name = "NAME")]
    environment: Option<String>,
    /// Certificate (PEM) of the authority behind an https server
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Arguments of `logout`.
#[derive(Clone, Debug, Default, Args)]
pub struct LogoutArgs {
    /// Name of the context; the one in use if absent
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Runs `login`.
///
/// # Errors
/// When the server cannot be reached, does not know the login, or the key cannot be kept.
pub async fn login(settings: &Settings, out: &Output, args: &LoginArgs) -> Result<Exit> {
    let url = access::server_url(&args.url)?;
    let name = context_name(&url, args.name.as_deref())?;
    let mut book = Book::read(&settings.around)?;
    let ca_file = args.ca_file.as_ref().map(|path| settings.absolute(path));
    let nobody = Client::reach(Access {
        url: url.clone(),
        key: None,
        environment: None,
        origin: Origin::Given,
        ca_file: ca_file.clone(),
    })?;
    // Before a password is typed: is this a server, and can it be trusted?
    let status = nobody.get("token").await?;
    let status = status["data"].get(0).cloned().unwrap_or_default();
    if status["type"] != "token" {
        return Err(Failure::new(format!("what answers at {url} is no such server")));
    }
    if url.starts_with("http:") && !access::is_loopback(&url) {
        out.warning(format!("{url} is not encrypted: others on the way can read the key"));
    }
    let key = match &args.access_key {
        _ if status["security"] == json!(false) => None,
        Some(access) => Some(given_key(out, &nobody, access).await?),
        None => Some(new_key(out, &nobody, args, book.contexts.get(&name)).await?),
    };
    let client = nobody.proved(key.clone().map_or(Proof::Nothing, Proof::Key));
    let found = client.environments().await?;
    let environment = environment(&found, args.environment.as_deref())?;
    let context = Context {
        url: url.clone(),
        access_key: key.as_ref().map(|key| key.access.clone()),
        secret_key: key.map(|key| key.secret),
        environment: environment.and_then(|one| one["id"].as_str()).map(str::to_owned),
        ca_file,
    };
    book.contexts.insert(name.clone(), context);
    book.current = Some(name.clone());
    book.write(&settings.around)?;
    let shown = environment.and_then(|one| one["name"].as_str());
    let record = json!({
        "type": "login", "context": name, "url": url, "environment": shown,
    });
    out.say(format!("logged in to {url} as context {name}, which is in use"), &record);
    match (shown, found.len()) {
        (Some(shown), _) => out.note(format!("environment: {shown}")),
        (None, 0) => out.warning("this key may act in no environment"),
        (None, _) => {
            out.note(
                "there are several environments; choose with `ranchette environment use NAME`",
            );
        }
    }
    Ok(Exit::Ok)
}

/// A key that somebody has; tried before it is kept.
async fn given_key(out: &Output, nobody: &Client, access: &str) -> Result<Key> {
    let secret = terminal::hidden(out, "Secret key: ").await?;
    let key = Key { access: access.to_owned(), secret };
    let tried = nobody.proved(Proof::Key(key.clone())).environments().await;
    tried.map_err(|failure| match failure.exit == Exit::NotAllowed {
        true => Failure::not_allowed(format!("the server does not know key {access}"))
            .hint("check both halves; the secret one was shown only when the key was made"),
        false => failure,
    })?;
    Ok(key)
}

/// A new key for whoever knows the password; the one that the context had is given up.
async fn new_key(
    out: &Output,
    nobody: &Client,
    args: &LoginArgs,
    before: Option<&Context>,
) -> Result<Key> {
    let user = match &args.user {
        Some(user) => user.clone(),
        None => terminal::seen(out, "Login: ", "--user LOGIN").await?,
    };
    let password = terminal::hidden(out, &format!("Password of {user}: ")).await?;
    let body = json!({ "code": format!("{user}:{password}") });
    let token = nobody.post("token", &body).await.map_err(|failure| {
        match failure.exit == Exit::NotAllowed {
            true => Failure::not_allowed(format!("login or password of `{user}` is wrong")).hint(
                "who may read the server's data folder can set one: `ranchette reset-password`",
            ),
            false => failure,
        }
    })?;
    let token = token["jwt"].as_str().unwrap_or_default().to_owned();
    let session = nobody.proved(Proof::Session(token));
    let made = make_key(&session, before).await;
    // The session was for the key; one that cannot be ended ends by itself.
    if let Err(failure) = session.delete("token/current").await {
        out.warning(format!("the session for the key goes on until it expires: {failure}"));
    }
    made
}

async fn make_key(session: &Client, before: Option<&Context>) -> Result<Key> {
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let body = json!({
        "name": format!("ranchette on {machine}"),
        "description": "made by `ranchette login`",
    });
    let made = session.post("apikeys", &body).await?;
    let text = |field: &str| made[field].as_str().map(str::to_owned);
    let (Some(access), Some(secret)) = (text("publicValue"), text("secretValue")) else {
        return Err(Failure::new("the server made a key and did not tell it"));
    };
    if let Some(old) = before.and_then(|context| context.access_key.as_deref()) {
        // A key of another account, or another server, is not found and stays.
        give_up(session, old).await?;
    }
    Ok(Key { access, secret })
}

/// Makes a key worthless; whether it was there.
async fn give_up(client: &Client, access: &str) -> Result<bool> {
    let found = client.list("apikeys", &[("publicValue", access)]).await?;
    let active = |key: &&Value| key["state"] != "inactive";
    let Some(id) = found.iter().find(active).and_then(|key| key["id"].as_str()) else {
        return Ok(false);
    };
    client.act(&format!("apikeys/{id}"), "deactivate", &json!({})).await?;
    Ok(true)
}

/// Runs `logout`.
///
/// # Errors
/// When the context is not known, or the file cannot be written.
pub async fn logout(settings: &Settings, out: &Output, args: &LogoutArgs) -> Result<Exit> {
    let mut book = Book::read(&settings.around)?;
    let Some(name) = args.name.clone().or_else(|| book.current.clone()) else {
        return Err(
            Failure::usage("no context is in use").hint("say which: `ranchette logout NAME`")
        );
    };
    let context = book.find(&name)?.clone();
    if let Some(key) = context.key() {
        let access = key.access.clone();
        let client = Client::reach(Access {
            url: context.url.clone(),
            key: Some(key),
            environment: None,
            origin: Origin::Context(name.clone()),
            ca_file: context.ca_file.clone(),
        });
        let given_up = match client {
            Ok(client) => give_up(&client, &access).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = given_up {
            // It is forgotten here in any case: that is what was asked for.
            out.warning(format!("key {access} is still good on the server: {failure}"));
        }
    }
    book.remove(&name);
    book.write(&settings.around)?;
    let record = json!({ "type": "logout", "context": name, "url": context.url });
    out.say(format!("logged out of {}; {name} is forgotten", context.url), &record);
    Ok(Exit::Ok)
}

/// The environment to act in: the one that was named, or the only one.
fn environment<'a>(found: &'a [Value], said: Option<&str>) -> Result<Option<&'a Value>> {
    match (found, said) {
        (found, Some(said)) => {
            let fits = |one: &&Value| one["id"] == said || one["name"] == said;
            found.iter().find(fits).map(Some).ok_or_else(|| {
                let names: Vec<&str> =
                    found.iter().filter_map(|one| one["name"].as_str()).collect();
                Failure::usage(format!("there is no environment `{said}`; nothing is kept"))
                    .hint(format!("there are `{}`", names.join("`, `")))
            })
        }
        ([only], None) => Ok(Some(only)),
        (_, None) => Ok(None),
    }
}

/// The name that was said, or the server's host with its port.
fn context_name(url: &str, said: Option<&str>) -> Result<String> {
    if let Some(said) = said {
        return match book::is_name(said) {
            true => Ok(said.to_owned()),
            false => Err(Failure::usage(format!("`{said}` is no name for a context"))
                .hint("it has 1 to 63 letters, digits, dots, dashes and underscores")),
        };
    }
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let fits = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    let name: String = host.chars().map(fits).take(63).collect();
    let name = name.trim_matches('_').to_owned();
    match book::is_name(&name) {
        true => Ok(name),
        false => Err(Failure::usage(format!("{url} gives no name for a context"))
            .hint("name it with --name NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_named_after_their_server() {
        let check = |url: &str, said: Option<&str>, expect: std::result::Result<&str, &str>| {
            let found = context_name(url, said).map_err(|failure| failure.message);
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "of {url}");
        };
        check("https://ranch.example", None, Ok("ranch.example"));
        check("http://127.0.0.1:8080", None, Ok("127.0.0.1_8080"));
        check("http://[::1]:8080", None, Ok("1__8080"));
        check("http://x", Some("home"), Ok("home"));
        check("http://x", Some("a b"), Err("`a b` is no name for a context"));
    }

    #[test]
    fn the_only_environment_is_used_and_others_are_named() {
        let [a, b] = [json!({"id": "1a5", "name": "A"}), json!({"id": "1a6", "name": "B"})];
        let both = [a.clone(), b.clone()];
        assert_eq!(environment(&both, None), Ok(None));
        assert_eq!(environment(&both[..1], None), Ok(Some(&a)));
        assert_eq!(environment(&both, Some("B")), Ok(Some(&b)));
        assert_eq!(environment(&both, Some("1a5")), Ok(Some(&a)));
        let failure = environment(&both, Some("C")).unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("there are `A`, `B`"));
    }
}
