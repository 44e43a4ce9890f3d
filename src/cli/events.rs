//! `events`: what changes on the server, as it changes.

use clap::Args;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::output::{Output, Style};
use super::settings::Settings;

/// Arguments of `events`.
#[derive(Clone, Debug, Default, Args)]
pub struct EventsArgs {
    /// Only what has this name or id
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only resources of this type, such as service, container, host or volume
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// End after so many
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb until Ctrl-C.
///
/// # Errors
/// When the server cannot be reached, or goes away.
pub async fn run(settings: &Settings, out: &Output, args: &EventsArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let path = format!("/v2-beta/{}", client.scoped("subscribe?eventNames=resource.change"));
    let mut socket = client.socket(&path).await?;
    let mut left = args.count;
    while left != Some(0) {
        let message = match socket.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap_or(Value::Null),
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                return Err(Failure::unreachable("the server ended the connection")
                    .hint("it may be restarting; say this again"));
            }
            Some(Ok(
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_),
            )) => continue,
        };
        let Some(event) = read(&message).filter(|event| is_wanted(event, args)) else { continue };
        left = left.map(|left| left - 1);
        out.record(&event);
        out.line(line(out, &event));
    }
    Ok(Exit::Ok)
}

/// What a message tells; nothing for one that is not about a resource.
fn read(message: &Value) -> Option<Value> {
    if message["name"] != "resource.change" {
        return None;
    }
    let resource = &message["data"]["resource"];
    let time = message["time"].as_i64().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    Some(json!({
        "type": "event",
        "time": time.map(|time| time.to_string()),
        "resourceType": message["resourceType"],
        "id": message["resourceId"],
        "name": resource["name"],
        "state": resource["state"],
        "health": resource["healthState"],
        "message": resource["transitioningMessage"],
    }))
}

fn is_wanted(event: &Value, args: &EventsArgs) -> bool {
    let is = |field: &str, wanted: &String| event[field].as_str() == Some(wanted.as_str());
    let of_type = |wanted: &String| {
        event["resourceType"].as_str().is_some_and(|ty| ty.eq_ignore_ascii_case(wanted))
    };
    (args.types.is_empty() || args.types.iter().any(of_type))
        && (args.names.is_empty() || args.names.iter().any(|one| is("name", one) || is("id", one)))
}

fn line(out: &Output, event: &Value) -> String {
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    let time = out.paint(Style::Dim, text("time"));
    let name = if text("name").is_empty() { text("id") } else { text("name") };
    let mut line = format!("{time} {:<12} {name}  {}", text("resourceType"), text("state"));
    for field in ["health", "message"] {
        if !text(field).is_empty() {
            line.push_str("  ");
            line.push_str(text(field));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::output::{End, Format};
    use super::*;
    use expect_test::expect;

    fn message(ty: &str, name: &str) -> Value {
        json!({
            "name": "resource.change", "time": 1_714_558_272_000_i64, "resourceType": ty,
            "resourceId": "1x1", "data": {"resource": {"name": name, "state": "active",
            "healthState": "healthy", "transitioningMessage": null}},
        })
    }

    #[test]
    fn changes_are_lines() {
        let out = Output { format: Format::Text, out: End::Plain, err: End::Plain, width: None };
        let shown = |message: Value| read(&message).map(|event| line(&out, &event));
        expect!["2024-05-01T10:11:12Z service      web  active  healthy"]
            .assert_eq(&shown(message("service", "web")).unwrap());
        assert_eq!(shown(json!({"name": "ping", "data": {}})), None);
    }

    #[test]
    fn types_and_names_choose() {
        let check = |types: &[&str], names: &[&str], expect: bool| {
            let texts = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
            let args =
                EventsArgs { types: texts(types), names: texts(names), ..EventsArgs::default() };
            let event = read(&message("service", "web")).unwrap();
            assert_eq!(is_wanted(&event, &args), expect, "{types:?} {names:?}");
        };
        check(&[], &[], true);
        check(&["Service"], &[], true);
        check(&["container", "service"], &["1x1"], true);
        check(&["container"], &[], false);
        check(&[], &["db", "web"], true);
        check(&["service"], &["db"], false);
    }
}
