//! `upgrade` and `rollback`: services go from one version to the next, and back.

use clap::Args;
use serde_json::{Map, Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::follow::Aim;
use super::history;
use super::inventory::Inventory;
use super::output::Output;
use super::scale;
use super::settings::Settings;
use super::view::Service;
use crate::model::names::label;

/// Arguments of `upgrade`.
#[derive(Clone, Debug, Default, Args)]
pub struct UpgradeArgs {
    /// Service, or STACK/SERVICE
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// The image to go to; without it the same is pulled again
    #[arg(long, short = 'i', value_name = "IMAGE")]
    image: Option<String>,
    /// Units replaced at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Milliseconds between two batches
    #[arg(long, value_name = "MS", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..))]
    interval: u32,
    /// Start the new containers of a unit before the old ones are stopped
    #[arg(long)]
    start_first: bool,
    /// Roll back by itself when a batch is not healthy within so many seconds
    #[arg(long, value_name = "SECONDS")]
    healthy_within: Option<u32>,
    /// Remove the old containers once the new ones are healthy; until then `rollback` has them back
    #[arg(long)]
    finish: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// Arguments of `rollback`.
#[derive(Clone, Debug, Default, Args)]
pub struct RollbackArgs {
    /// Service, or STACK/SERVICE
    #[arg(value_name = "SERVICE")]
    pub service: String,
    /// Go to this version of `history`, with the very images that it ran
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// Runs `upgrade`.
///
/// # Errors
/// When the name is unknown, the server refuses, or the service does not follow.
pub async fn upgrade(settings: &Settings, out: &Output, args: &UpgradeArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    let service = inventory.find_service(&args.service)?;
    let path = client.scoped(&format!("services/{}", service.id));
    let name = inventory.full_name(service);
    if args.finish && service.state == "upgraded" && args.image.is_none() {
        return finish(&client, out, &inventory, service, &args.patience).await;
    }
    let row = found(&client, &path, &name).await?;
    let strategy = strategy(&row, args);
    client.act(&path, "upgrade", &json!({ "inServiceStrategy": strategy })).await?;
    let image = args.image.as_deref().unwrap_or(&service.image);
    let record = json!({
        "type": "upgrade", "service": name, "from": service.image, "to": image,
    });
    out.say(format!("{name}: from {} to {image}", service.image), &record);
    if args.patience.detach {
        return Ok(Exit::Ok);
    }
    let aims = std::iter::once((service, Aim::Upgraded));
    let exit = scale::wait(&client, out, &inventory, aims, &args.patience).await?;
    let now = found(&client, &path, &name).await?;
    if now["state"] != "upgraded" {
        let why = now["transitioningMessage"].as_str().unwrap_or("the upgrade was rolled back");
        return Err(Failure::new(format!("{name}: {why}")));
    }
    if args.finish {
        return finish(&client, out, &inventory, service, &args.patience).await;
    }
    Ok(exit)
}

async fn found(client: &Client, path: &str, name: &str) -> Result<Value> {
    let row = client.find(path).await?;
    row.ok_or_else(|| Failure::new(format!("service `{name}` is gone")))
}

async fn finish(
    client: &Client,
    out: &Output,
    inventory: &Inventory,
    service: &Service,
    patience: &Patience,
) -> Result<Exit> {
    let path = client.scoped(&format!("services/{}", service.id));
    client.act(&path, "finishupgrade", &json!({})).await?;
    let name = inventory.full_name(service);
    out.record(&json!({ "type": "action", "action": "finishupgrade", "service": name }));
    if patience.detach {
        return Ok(Exit::Ok);
    }
    let aims = std::iter::once((service, Aim::Running));
    scale::wait(client, out, inventory, aims, patience).await
}

/// The strategy for what was asked for, from the service as it is.
fn strategy(service: &Value, args: &UpgradeArgs) -> Map<String, Value> {
    let mut launch = service["launchConfig"].as_object().cloned().unwrap_or_default();
    launch.retain(|field, value| field != "version" && !value.is_null());
    if let Some(image) = &args.image {
        let image = match image.strip_prefix("docker:") {
            _ if image.starts_with("sim:") => image.clone(),
            Some(bare) => format!("docker:{bare}"),
            None => format!("docker:{image}"),
        };
        launch.insert("imageUuid".to_owned(), image.into());
    }
    let mut labels = launch.get("labels").and_then(Value::as_object).cloned().unwrap_or_default();
    match args.healthy_within {
        Some(seconds) => {
            labels.insert(label::HEALTHY_WITHIN.to_owned(), seconds.to_string().into())
        }
        None => labels.shift_remove(label::HEALTHY_WITHIN),
    };
    if args.image.is_none() {
        labels.insert(label::PULL_IMAGE.to_owned(), "always".into());
    }
    launch.insert("labels".to_owned(), Value::Object(labels));
    let mut strategy = Map::new();
    strategy.insert("launchConfig".to_owned(), Value::Object(launch));
    strategy.insert("batchSize".to_owned(), args.batch.into());
    strategy.insert("intervalMillis".to_owned(), args.interval.into());
    strategy.insert("startFirst".to_owned(), args.start_first.into());
    strategy
}

/// Runs `rollback`.
///
/// # Errors
/// When the name is unknown, there is nothing to go back to, or the service does not follow.
pub async fn rollback(settings: &Settings, out: &Output, args: &RollbackArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    let service = inventory.find_service(&args.service)?;
    let path = client.scoped(&format!("services/{}", service.id));
    let name = inventory.full_name(service);
    let row = found(&client, &path, &name).await?;
    if let Some(wanted) = &args.to {
        let versions = history::versions(&client, service).await?;
        let version = history::find(&name, &versions, wanted)?["id"].as_str().unwrap_or_default();
        back_to(&client, out, &inventory, service, version, &args.patience).await?;
        return Ok(Exit::Ok);
    }
    let aim = if row["actions"].get("rollback").is_some() {
        client.act(&path, "rollback", &json!({})).await?;
        Aim::Running
    } else if let Some(strategy) = before(&row) {
        client.act(&path, "upgrade", &json!({ "inServiceStrategy": strategy })).await?;
        Aim::Upgraded
    } else {
        return Err(Failure::usage(format!(
            "service `{name}` has not been upgraded; there is nothing to go back to"
        )));
    };
    out.record(&json!({ "type": "action", "action": "rollback", "service": name }));
    if args.patience.detach {
        return Ok(Exit::Ok);
    }
    let aims = std::iter::once((service, aim));
    let exit = scale::wait(&client, out, &inventory, aims, &args.patience).await?;
    match aim {
        Aim::Upgraded => finish(&client, out, &inventory, service, &args.patience).await,
        Aim::Running | Aim::Healthy | Aim::Stopped | Aim::Gone => Ok(exit),
    }
}

/// Upgrades a service to an earlier version of its history, and finishes.
///
/// # Errors
/// When the server refuses, or the service does not follow.
pub async fn back_to(
    client: &Client,
    out: &Output,
    inventory: &Inventory,
    service: &Service,
    version: &str,
    patience: &Patience,
) -> Result<()> {
    let path = client.scoped(&format!("services/{}", service.id));
    let name = inventory.full_name(service);
    client.act(&path, "rollbackto", &json!({ "versionId": version })).await?;
    out.record(&json!({ "type": "action", "action": "rollback", "service": name }));
    if patience.detach {
        return Ok(());
    }
    let aims = std::iter::once((service, Aim::Upgraded));
    scale::wait(client, out, inventory, aims, patience).await?;
    let now = found(client, &path, &name).await?;
    if now["state"] != "upgraded" {
        let why = now["transitioningMessage"].as_str().unwrap_or("the upgrade was rolled back");
        return Err(Failure::new(format!("{name}: {why}")));
    }
    finish(client, out, inventory, service, patience).await.map(drop)
}

/// An upgrade to what was before the last one, when that is finished.
fn before(service: &Value) -> Option<Map<String, Value>> {
    let last = &service["upgrade"]["inServiceStrategy"];
    let primary = last["previousLaunchConfig"].as_object()?;
    let mut strategy = Map::new();
    let bare = |config: &Map<String, Value>| {
        let mut config = config.clone();
        config.retain(|field, value| field != "version" && !value.is_null());
        Value::Object(config)
    };
    strategy.insert("launchConfig".to_owned(), bare(primary));
    let sidekicks = last["previousSecondaryLaunchConfigs"].as_array().into_iter().flatten();
    let sidekicks: Vec<Value> = sidekicks.filter_map(Value::as_object).map(bare).collect();
    if !sidekicks.is_empty() {
        strategy.insert("secondaryLaunchConfigs".to_owned(), sidekicks.into());
    }
    for field in ["batchSize", "intervalMillis", "startFirst"] {
        if let Some(value) = last.get(field).filter(|value| !value.is_null()) {
            strategy.insert(field.to_owned(), value.clone());
        }
    }
    Some(strategy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_changes_only_what_was_asked_for() {
        let service = json!({ "launchConfig": {
            "imageUuid": "docker:nginx:1", "version": "7", "command": null,
            "labels": { "tier": "web", "io.ranchette.upgrade.healthy_within": "5" },
        } });
        let check = |args: UpgradeArgs, expect: Value| {
            let found = strategy(&service, &args);
            assert_eq!(found["launchConfig"], expect);
        };
        check(
            UpgradeArgs { image: Some("nginx:2".to_owned()), ..UpgradeArgs::default() },
            json!({ "imageUuid": "docker:nginx:2", "labels": { "tier": "web" } }),
        );
        check(
            UpgradeArgs { healthy_within: Some(60), ..UpgradeArgs::default() },
            json!({ "imageUuid": "docker:nginx:1", "labels": {
                "tier": "web",
                "io.ranchette.upgrade.healthy_within": "60",
                "io.rancher.container.pull_image": "always",
            } }),
        );
    }

    #[test]
    fn what_was_before_is_an_upgrade_too() {
        let upgrade = json!({ "inServiceStrategy": {
            "batchSize": 2,
            "previousLaunchConfig": { "imageUuid": "docker:nginx:1", "version": "0" },
            "previousSecondaryLaunchConfigs": [{ "name": "logs", "version": "0" }],
        } });
        let found = before(&json!({ "upgrade": upgrade })).map(Value::Object);
        let expect = json!({
            "launchConfig": { "imageUuid": "docker:nginx:1" },
            "secondaryLaunchConfigs": [{ "name": "logs" }],
            "batchSize": 2,
        });
        assert_eq!(found, Some(expect));
        assert_eq!(before(&json!({ "upgrade": null })), None);
    }
}
