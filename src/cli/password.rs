//! `reset-password`: a new password for somebody who is locked out, set on the server's machine.
//!
//! With the server stopped it is written into the database; while the server runs, the server is
//! asked with the local operator's key, so that its sessions end at once.

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::output::Output;
use super::settings::Settings;
use super::terminal;
use crate::auth::local;
use crate::auth::secret::{Cost, Passwords};
use crate::clock::{Clock, Entropy};
use crate::config::Config;
use crate::model::resource::Resource;
use crate::server::data_dir::{self, DataDir};
use crate::store::{Query, Store};

/// Arguments of `reset-password`.
///
/// The password is asked for on the terminal, or read from standard input.
#[derive(Clone, Debug, Default, Args)]
pub struct PasswordArgs {
    /// Login; the only one if absent
    #[arg(value_name = "LOGIN")]
    pub login: Option<String>,
}

/// Logins that are listed when there are several.
const LISTED: usize = 100;

/// Runs the verb.
///
/// # Errors
/// When there is no such login or the password will not do.
pub async fn run(settings: &Settings, out: &Output, args: &PasswordArgs) -> Result<Exit> {
    let mut config = settings.config()?;
    config.server.data_dir = settings.data_dir()?;
    let database = data_dir::database(&config.server.data_dir);
    if let Err(error) = std::fs::File::open(&database) {
        return Err(Failure::file("read", &database, &error)
            .hint("name the server's data folder with --data-dir, and use the server's own user"));
    }
    let login = match DataDir::open(&config.server.data_dir) {
        Ok(dir) => in_database(&dir, &config, out, args).await?,
        Err(error) if error.status == 409 => through_server(settings, out, args).await?,
        Err(error) => return Err(error.into()),
    };
    out.say(
        format!("{login} has a new password; its sessions have ended"),
        &json!({ "type": "password", "login": login }),
    );
    Ok(Exit::Ok)
}

async fn in_database(
    dir: &DataDir,
    config: &Config,
    out: &Output,
    args: &PasswordArgs,
) -> Result<String> {
    let store = Store::open(&dir.database(), Clock::System, Entropy::System)?;
    let query = Query {
        ty: "credential",
        kinds: vec![crate::auth::keys::PASSWORD],
        limit: LISTED,
        ..Query::default()
    };
    let found = store.read(|read| read.list(&query))?;
    let logins = found.iter().filter_map(|row: &Resource| row.str("publicValue"));
    let login = choose(args, logins.map(str::to_owned).collect())?;
    let cost = Cost {
        memory_kib: config.auth.argon2_memory_kib,
        iterations: config.auth.argon2_iterations,
        parallelism: config.auth.argon2_parallelism,
    };
    let passwords = Passwords::new(cost, Entropy::System)?;
    let password = terminal::new_password(out, &login).await?;
    local::reset_password(&store, &passwords, &login, &password).await?;
    Ok(login)
}

async fn through_server(settings: &Settings, out: &Output, args: &PasswordArgs) -> Result<String> {
    let client = Client::of_this_machine(settings).await?;
    let found = client.list("passwords", &[]).await?;
    let named = |one: &Value| one["publicValue"].as_str().map(str::to_owned);
    let login = choose(args, found.iter().filter_map(named).collect())?;
    let Some(id) = found.iter().find(|one| one["publicValue"] == json!(login)) else {
        return Err(nobody(&login));
    };
    let path = format!("passwords/{}", id["id"].as_str().unwrap_or_default());
    let password = terminal::new_password(out, &login).await?;
    let secrets = json!({ "newSecret": password, "oldSecret": "" });
    client.act(&path, "changesecret", &secrets).await?;
    Ok(login)
}

/// The login that is meant.
fn choose(args: &PasswordArgs, logins: Vec<String>) -> Result<String> {
    match (&args.login, logins.as_slice()) {
        (Some(login), known) if known.contains(login) => Ok(login.clone()),
        (Some(login), []) => Err(nobody(login)),
        (Some(login), known) => {
            Err(nobody(login).hint(format!("there are `{}`", known.join("`, `"))))
        }
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Failure::new("nobody has a login yet")
            .hint("start the server and use the set-up code it prints")),
        (None, several) => Err(Failure::usage("there are several logins")
            .hint(format!("name one of `{}`", several.join("`, `")))),
    }
}

fn nobody(login: &str) -> Failure {
    Failure::new(format!("nobody logs in as `{login}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_is_chosen_or_asked_for() {
        let check =
            |said: Option<&str>, known: &[&str], expect: std::result::Result<&str, &str>| {
                let args = PasswordArgs { login: said.map(str::to_owned) };
                let found = choose(&args, known.iter().map(|one| (*one).to_owned()).collect());
                let found = found.map_err(|failure| {
                    format!("{failure}; {}", failure.hint.clone().unwrap_or_default())
                });
                assert_eq!(found.as_deref().map_err(String::as_str), expect);
            };
        check(Some("ann"), &["ann", "bob"], Ok("ann"));
        check(None, &["ann"], Ok("ann"));
        check(None, &["ann", "bob"], Err("there are several logins; name one of `ann`, `bob`"));
        check(Some("eve"), &["ann"], Err("nobody logs in as `eve`; there are `ann`"));
        check(
            None,
            &[],
            Err("nobody has a login yet; start the server and use the set-up code it prints"),
        );
    }
}
