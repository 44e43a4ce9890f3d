//! `history`: the versions of a service, and which images they really ran.

use clap::Args;
use serde_json::{Value, json};

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::Inventory;
use super::output::{Output, Row};
use super::settings::Settings;
use super::view::Service;

const HEAD: [&str; 5] = ["VERSION", "WHEN", "WHO", "WHAT", "IMAGES"];

/// Arguments of `history`.
#[derive(Clone, Debug, Default, Args)]
pub struct HistoryArgs {
    /// Service, or STACK/SERVICE
    #[arg(value_name = "SERVICE")]
    pub service: String,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb.
///
/// # Errors
/// When the name is unknown or the server refuses.
pub async fn run(settings: &Settings, out: &Output, args: &HistoryArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    let service = inventory.find_service(&args.service)?;
    let name = inventory.full_name(service);
    let versions = versions(&client, service).await?;
    for version in &versions {
        out.record(&record(&name, version));
    }
    if versions.is_empty() {
        out.note(format!("service `{name}` has no versions yet"));
    } else {
        out.table(&HEAD, &versions.iter().map(row).collect::<Vec<_>>());
    }
    Ok(Exit::Ok)
}

/// The versions of a service that are kept, the newest first.
///
/// # Errors
/// When the server refuses.
pub async fn versions(client: &Client, service: &Service) -> Result<Vec<Value>> {
    let filter = [("serviceId", service.id.as_str())];
    let mut versions = client.list(&client.scoped("serviceversions"), &filter).await?;
    versions.sort_by_key(|version| std::cmp::Reverse(version["versionNumber"].as_i64()));
    Ok(versions)
}

/// The version that somebody means by its number or id.
///
/// # Errors
/// When there is none.
pub fn find<'a>(name: &str, versions: &'a [Value], wanted: &str) -> Result<&'a Value> {
    let is_it = |version: &&Value| {
        version["id"] == wanted
            || version["versionNumber"].as_i64().is_some_and(|own| own.to_string() == wanted)
    };
    versions.iter().find(is_it).ok_or_else(|| {
        let known: Vec<String> =
            versions.iter().map(|version| version["versionNumber"].to_string()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Failure::usage(format!("service `{name}` has no version {wanted}; there are: {known}"))
    })
}

fn record(name: &str, version: &Value) -> Value {
    json!({
        "type": "version",
        "service": name,
        "id": version["id"],
        "version": version["versionNumber"],
        "created": version["created"],
        "by": version["changedBy"],
        "event": version["eventType"],
        "description": version["description"],
        "images": version["images"],
    })
}

fn row(version: &Value) -> Row {
    let text = |field: &str| version[field].as_str().unwrap_or_default().to_owned();
    let when = text("created").chars().take(16).collect::<String>().replace('T', " ");
    let images = version["images"].as_array().into_iter().flatten();
    let images: Vec<String> = images.map(image).collect();
    let images = if images.is_empty() { "never ran".to_owned() } else { images.join(", ") };
    vec![
        (version["versionNumber"].to_string(), None),
        (when, None),
        (text("changedBy"), None),
        (text("description"), None),
        (images, None),
    ]
}

/// `0123456789ab`, and whether it is still to be had.
fn image(image: &Value) -> String {
    let id = image["imageId"].as_str().unwrap_or_default();
    let id: String = id.strip_prefix("sha256:").unwrap_or(id).chars().take(12).collect();
    let here = image["hostIds"].as_array().is_some_and(|hosts| !hosts.is_empty());
    match (here, image["digest"].is_string()) {
        (true, _) => id,
        (false, true) => format!("{id} (in its registry only)"),
        (false, false) => format!("{id} (on no host any more)"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::output::{End, render_table};
    use super::*;

    fn versions() -> [Value; 3] {
        let ran = |id: &str, digest: Value, hosts: Value| json!({ "imageId": format!("sha256:{id}0000"), "digest": digest, "hostIds": hosts });
        [
            json!({ "id": "1sv9", "versionNumber": 3, "created": "2025-01-02T10:20:30Z",
                "changedBy": "ann", "description": "image web:2 instead of web:1", "images": [] }),
            json!({ "id": "1sv8", "versionNumber": 2, "created": "2025-01-01T10:20:30Z",
                "changedBy": null, "description": "image web:1 is another",
                "images": [ran("0123456789ab", json!("web@sha256:1"), json!([])),
                    ran("aaaaaaaaaaaa", Value::Null, json!([]))] }),
            json!({ "id": "1sv7", "versionNumber": 1, "created": "2025-01-01T09:20:30Z",
                "changedBy": "ann", "description": "image web:1",
                "images": [ran("bbbbbbbbbbbb", Value::Null, json!(["1h1"]))] }),
        ]
    }

    #[test]
    fn a_history_says_what_can_be_had() {
        let rows: Vec<Row> = versions().iter().map(row).collect();
        expect![[r#"
            VERSION  WHEN              WHO  WHAT                          IMAGES
            3        2025-01-02 10:20  ann  image web:2 instead of web:1  never ran
            2        2025-01-01 10:20       image web:1 is another        0123456789ab (in its registry only), aaaaaaaaaaaa (on no host any more)
            1        2025-01-01 09:20  ann  image web:1                   bbbbbbbbbbbb"#]].assert_eq(&render_table(&HEAD, &rows, End::Elsewhere, None));
    }

    #[test]
    fn versions_are_found_by_number_and_id() {
        let versions = versions();
        let check = |wanted: &str, expect: &str| {
            let found = find("blog/web", &versions, wanted);
            let found = found.map(|version| version["id"].to_string());
            assert_eq!(found.unwrap_or_else(|failure| failure.to_string()), expect, "{wanted}");
        };
        check("2", "\"1sv8\"");
        check("1sv7", "\"1sv7\"");
        check("4", "service `blog/web` has no version 4; there are: 3, 2, 1");
    }
}
