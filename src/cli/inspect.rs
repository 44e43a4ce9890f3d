//! `inspect`: everything that the server tells of something.

use crate::nearest::nearest;
use clap::Args;
use serde_json::Value;

use super::Result;
use super::args::Connection;
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::{Inventory, Target};
use super::output::Output;
use super::settings::Settings;

/// Arguments of `inspect`.
#[derive(Clone, Debug, Default, Args)]
pub struct InspectArgs {
    /// Stack, STACK/SERVICE, service, container, host or volume
    #[arg(value_name = "NAME")]
    name: String,
    /// Only this field, such as `state` or `launchConfig.labels`
    #[arg(long, short = 'f', value_name = "FIELD")]
    field: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb.
///
/// # Errors
/// When nothing has that name, or it has no such field.
pub async fn run(settings: &Settings, out: &Output, args: &InspectArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::with_containers(&client).await?.at_home(settings);
    let found = match inventory.find(&args.name) {
        Ok(target) => {
            let (ty, id) = match target {
                Target::Stack(stack) => ("stacks", &stack.id),
                Target::Service(service) => ("services", &service.id),
                Target::Container(container) => ("containers", &container.id),
            };
            client.get(&client.scoped(&format!("{ty}/{id}"))).await?
        }
        Err(failure) => elsewhere(&client, &args.name).await?.ok_or(failure)?,
    };
    let found = match &args.field {
        Some(field) => pick(&found, field)?,
        None => &found,
    };
    out.record(found);
    out.line(match found.as_str() {
        Some(text) => text.to_owned(),
        None => format!("{found:#}"),
    });
    Ok(Exit::Ok)
}

/// A host or volume of that name or id.
async fn elsewhere(client: &Client, name: &str) -> Result<Option<Value>> {
    for ty in ["hosts", "volumes"] {
        let rows = client.list(&client.scoped(ty), &[]).await?;
        let is = |row: &Value| ["name", "hostname", "id"].iter().any(|key| row[*key] == name);
        if let Some(row) = rows.into_iter().find(is) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// A field, or one below it.
fn pick<'a>(found: &'a Value, field: &str) -> Result<&'a Value> {
    let mut at = found;
    for part in field.split('.') {
        let below = match (at.as_array(), part.parse::<usize>()) {
            (Some(list), Ok(index)) => list.get(index),
            (Some(_), Err(_)) | (None, _) => at.get(part),
        };
        at = below.ok_or_else(|| {
            let failure = Failure::usage(format!("there is no field `{part}` in `{field}`"));
            match at.as_object() {
                Some(fields) => match nearest(part, fields.keys().map(String::as_str)) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure,
                },
                None => failure,
            }
        })?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_picked() {
        let found = json!({"state": "active", "launchConfig": {"ports": ["80", "81"]}});
        let check = |field: &str, expect: std::result::Result<Value, &str>| {
            let picked = pick(&found, field).cloned();
            let picked = picked.map_err(|failure| failure.hint.unwrap_or_default());
            assert_eq!(picked.as_ref().map_err(String::as_str), expect.as_ref().map_err(|e| *e));
        };
        check("state", Ok(json!("active")));
        check("launchConfig.ports.1", Ok(json!("81")));
        check("launchConfig.port", Err("did you mean `ports`?"));
        check("state.x", Err(""));
    }
}
