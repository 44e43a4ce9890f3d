//! `environment`: the environments of the server, and the one in use.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::client::access::{self, Origin};
use super::contexts::book::Book;
use super::failure::{Exit, Failure};
use super::output::{Output, Row, Style};
use super::settings::Settings;

/// Arguments of `environment`.
#[derive(Clone, Debug, Args)]
pub struct EnvironmentArgs {
    #[command(subcommand)]
    what: What,
}

/// What is done with environments.
#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Show the environments that the key may act in
    Ls {
        #[command(flatten)]
        connection: Connection,
    },
    /// Act in an environment from now on, with the context in use or --context
    Use {
        /// Its name or id
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        connection: Connection,
    },
}

/// Titles of the table.
const TITLES: [&str; 5] = ["", "ENVIRONMENT", "ID", "STATE", "HEALTH"];

/// Runs the verb.
///
/// # Errors
/// When the server cannot be reached, or the name is unknown.
pub async fn run(settings: &Settings, out: &Output, args: &EnvironmentArgs) -> Result<Exit> {
    match &args.what {
        What::Ls { connection } => list(settings, out, connection).await,
        What::Use { name, connection } => choose(settings, out, connection, name).await,
    }
}

async fn list(settings: &Settings, out: &Output, connection: &Connection) -> Result<Exit> {
    let access = access::find(settings, connection)?;
    let current = access.environment.clone();
    let found = Client::reach(access)?.environments().await?;
    let is_current = |one: &Value| is(one, current.as_deref()) || found.len() == 1;
    for one in &found {
        out.record(&record(one, is_current(one)));
    }
    let rows: Vec<Row> = found.iter().map(|one| row(one, is_current(one))).collect();
    match rows.is_empty() {
        true => out.note("this key may act in no environment"),
        false => out.table(&TITLES, &rows),
    }
    Ok(Exit::Ok)
}

async fn choose(
    settings: &Settings,
    out: &Output,
    connection: &Connection,
    name: &str,
) -> Result<Exit> {
    let access = access::find(settings, connection)?;
    let Origin::Context(context) = access.origin.clone() else {
        return Err(Failure::usage("only a context remembers its environment")
            .hint("log in with `ranchette login URL`, or say --environment with each verb"));
    };
    let found = Client::reach(access)?.environments().await?;
    let Some(one) = found.iter().find(|one| is(one, Some(name))) else {
        let names: Vec<&str> = found.iter().filter_map(|one| one["name"].as_str()).collect();
        return Err(Failure::usage(format!("there is no environment `{name}`"))
            .hint(format!("there are `{}`", names.join("`, `"))));
    };
    let mut book = Book::read(&settings.around)?;
    if let Some(context) = book.contexts.get_mut(&context) {
        context.environment = one["id"].as_str().map(str::to_owned);
    }
    book.write(&settings.around)?;
    let shown = one["name"].as_str().unwrap_or(name);
    out.say(format!("{context} acts in {shown}"), &record(one, true));
    Ok(Exit::Ok)
}

fn is(environment: &Value, wanted: Option<&str>) -> bool {
    wanted.is_some_and(|wanted| environment["id"] == wanted || environment["name"] == wanted)
}

fn row(one: &Value, is_current: bool) -> Row {
    let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
    vec![
        (if is_current { "*" } else { "" }.to_owned(), Some(Style::Good)),
        (text("name"), None),
        (text("id"), None),
        (text("state"), None),
        (text("healthState"), None),
    ]
}

fn record(one: &Value, is_current: bool) -> Value {
    json!({
        "type": "environment", "id": one["id"], "environment": one["name"], "state": one["state"],
        "health": one["healthState"], "current": is_current,
    })
}
