//! `webhooks`: who is told of events, and what came of it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::output::{Output, Row, Style};
use super::parts::{Kind, Named, Removal, read, state, text, title};
use super::settings::Settings;
use super::watch::Watched;

/// Arguments of `webhooks`.
#[derive(Clone, Debug, Default, Args)]
pub struct WebhooksArgs {
    #[command(subcommand)]
    what: Option<WebhookVerb>,
    #[command(flatten)]
    watched: Watched,
    #[command(flatten)]
    connection: Connection,
}

/// What is done with webhooks.
#[derive(Clone, Debug, Subcommand)]
enum WebhookVerb {
    /// Show the webhooks
    Ls,
    /// Tell an address of events from now on
    Create(Creation),
    /// Tell a webhook that this is a test
    Test(Named),
    /// Show what was told last, and what came of it
    Deliveries {
        /// Name or id of a webhook; all if absent
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Tell an event once more
    Replay {
        /// Id of the delivery
        #[arg(value_name = "DELIVERY")]
        delivery: String,
    },
    /// Remove a webhook
    Rm(Removal),
}

/// A new webhook.
#[derive(Clone, Debug, Args)]
struct Creation {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to
    // Under its field's name it would be taken for the URL of the server.
    #[arg(id = "address", value_name = "URL")]
    url: String,
    /// How
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// An event that is told; may be said several times; all if absent
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    /// Only what happens to this stack
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,
    /// Only what has these labels, such as `tier=front`
    #[arg(long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// File with the secret that is signed with; standard input if `-`
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// File with the token that is sent along; standard input if `-`
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// How events are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A JSON document, for programs
    Json,
    /// A message of ntfy, for people
    Ntfy,
}

const WEBHOOKS: Kind = Kind {
    noun: "webhook",
    path: "webhooks",
    head: &["WEBHOOK", "STATE", "FORMAT", "URL", "EVENTS"],
    row: webhook_row,
};

/// Deliveries that are shown.
const SHOWN: usize = 50;
const DELIVERIES: &[&str] =
    &["DELIVERY", "STATUS", "EVENT", "CREATED", "TRIES", "MESSAGE", "ERROR"];

/// Runs `webhooks`.
///
/// # Errors
/// When the server refuses, or the name is unknown.
pub async fn run(settings: &Settings, out: &Output, args: &WebhooksArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    match args.what.as_ref().unwrap_or(&WebhookVerb::Ls) {
        WebhookVerb::Ls => WEBHOOKS.list(&client, out, args.watched).await,
        WebhookVerb::Rm(removal) => WEBHOOKS.remove(&client, out, removal).await,
        WebhookVerb::Create(wanted) => {
            let body = body(settings, &client, wanted).await?;
            let made = client.post(&client.scoped("webhooks"), &body).await?;
            let name = &wanted.name;
            let record = json!({ "type": "webhook", "id": made["id"], "webhook": name });
            out.say(format!("webhook {name} is told from now on"), &record);
            Ok(Exit::Ok)
        }
        WebhookVerb::Test(named) => {
            let hook = WEBHOOKS.find(&client, &named.name).await?;
            let path = client.scoped(&format!("webhooks/{}", text(&hook, "id")));
            let delivery = client.act(&path, "test", &json!({})).await?;
            told(out, &delivery, &title(&hook));
            Ok(Exit::Ok)
        }
        WebhookVerb::Replay { delivery } => {
            let path = client.scoped(&format!("webhookdeliveries/{delivery}"));
            let again = client.act(&path, "replay", &json!({})).await?;
            told(out, &again, &text(&again, "event"));
            Ok(Exit::Ok)
        }
        WebhookVerb::Deliveries { name } => deliveries(&client, out, name.as_deref()).await,
    }
}

/// Says which delivery is on its way.
fn told(out: &Output, delivery: &Value, what: &str) {
    let id = text(delivery, "id");
    out.say(format!("{what}: delivery {id} is on its way"), delivery);
}

/// What is asked for.
async fn body(settings: &Settings, client: &Client, wanted: &Creation) -> Result<Value> {
    let format = match wanted.format {
        Format::Json => "json",
        Format::Ntfy => "ntfy",
    };
    let mut body = json!({ "name": wanted.name, "url": wanted.url, "format": format, "events": wanted.events });
    if let Some(stack) = &wanted.stack {
        let found = client.list(&client.scoped("stacks"), &[("name", stack)]).await?;
        let found =
            found.first().ok_or_else(|| Failure::new(format!("there is no stack `{stack}`")))?;
        body["stackId"] = found["id"].clone();
    }
    if let Some(selector) = &wanted.selector {
        body["selector"] = selector.as_str().into();
    }
    for (field, file) in [("secret", &wanted.secret_file), ("token", &wanted.token_file)] {
        let Some(file) = file else { continue };
        let secret = String::from_utf8(read(settings, Some(file))?)
            .map_err(|_| Failure::usage(format!("the {field} is no text")))?;
        // Editors end the last line of a file.
        body[field] = secret.trim_end_matches(['\r', '\n']).into();
    }
    Ok(body)
}

async fn deliveries(client: &Client, out: &Output, name: Option<&str>) -> Result<Exit> {
    let hook = match name {
        Some(name) => Some(WEBHOOKS.find(client, name).await?),
        None => None,
    };
    let mut path = client.scoped(&format!("webhookdeliveries?sort=id&order=desc&limit={SHOWN}"));
    if let Some(hook) = hook {
        path.push_str(&format!("&webhookId={}", text(&hook, "id")));
    }
    let page = client.get(&path).await?;
    let rows = page["data"].as_array().cloned().unwrap_or_default();
    for row in &rows {
        out.record(row);
    }
    match rows.is_empty() {
        true => out.note("nothing has been told yet"),
        false => out.table(DELIVERIES, &rows.iter().map(delivery_row).collect::<Vec<_>>()),
    }
    Ok(Exit::Ok)
}

fn webhook_row(row: &Value) -> Row {
    let events: Vec<&str> =
        row["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let events = if events.is_empty() { "all".to_owned() } else { events.join(" ") };
    vec![
        (title(row), None),
        state(row),
        (text(row, "format"), None),
        (text(row, "url"), None),
        (events, Some(Style::Dim)),
    ]
}

fn delivery_row(row: &Value) -> Row {
    let attempts = row["attempts"].as_array();
    let last = attempts.and_then(|all| all.last());
    let status = text(row, "status");
    let style = match status.as_str() {
        "delivered" => Style::Good,
        "failed" => Style::Bad,
        _ => Style::Busy,
    };
    vec![
        (text(row, "id"), None),
        (status, Some(style)),
        (text(row, "event"), None),
        (text(row, "created"), None),
        (attempts.map_or(0, Vec::len).to_string(), None),
        (text(row, "message"), None),
        (last.map(|last| text(last, "error")).unwrap_or_default(), Some(Style::Dim)),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::output::{End, render_table};
    use super::*;
    use expect_test::expect;

    #[test]
    fn rows() {
        let hook = json!({
            "name": "bell", "state": "active", "format": "ntfy", "url": "https://ntfy.example/a", "events": [],
        });
        let table = render_table(WEBHOOKS.head, &[webhook_row(&hook)], End::Elsewhere, None);
        expect![[r#"
            WEBHOOK  STATE   FORMAT  URL                     EVENTS
            bell     active  ntfy    https://ntfy.example/a  all"#]]
        .assert_eq(&table);
        let delivery = json!({
            "id": "1wd7", "status": "waiting", "event": "test", "created": "2024-05-01T10:11:12Z", "message": "moo",
            "attempts": [{"error": "it answered 503"}, {"error": "it answered 500"}],
        });
        let table = render_table(DELIVERIES, &[delivery_row(&delivery)], End::Elsewhere, None);
        expect![[r#"
            DELIVERY  STATUS   EVENT  CREATED               TRIES  MESSAGE  ERROR
            1wd7      waiting  test   2024-05-01T10:11:12Z  2      moo      it answered 500"#]]
        .assert_eq(&table);
    }
}
