//! `pull`: the images of services, on every host that may run them.

use clap::Args;
use serde_json::{Map, Value, json};

use super::Result;
use super::args::{Connection, Patience};
use super::board::{Board, Line, Stage};
use super::client::Client;
use super::failure::{Exit, Failure};
use super::inventory::Inventory;
use super::output::Output;
use super::settings::Settings;
use super::switch;
use crate::clock::Clock;
use crate::model::launch::written;
use crate::model::names::NO_IMAGE;

/// Pause between two looks, in milliseconds.
const PAUSE_MS: u64 = 200;
/// What a host shows that has the image.
const DONE: &str = "Done";
/// Labels that say which hosts a service may run on.
const HOST_LABELS: &str = "io.rancher.scheduler.affinity:host_label";
/// Kinds of services whose image the server chooses.
const OWN_IMAGE: &str = "loadBalancerService";

/// Arguments of `pull`.
#[derive(Clone, Debug, Default, Args)]
pub struct PullArgs {
    /// Stacks, STACK/SERVICE or services
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Only on hosts that have an image of that name already
    #[arg(long)]
    pub cached: bool,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    connection: Connection,
}

/// An image to pull, and where.
#[derive(Clone, Debug, PartialEq)]
struct Order {
    image: String,
    labels: Map<String, Value>,
}

/// Runs the verb.
///
/// # Errors
/// When a name is unknown, the server refuses, or a host does not get an image.
pub async fn run(settings: &Settings, out: &Output, args: &PullArgs) -> Result<Exit> {
    let client = Client::connect(settings, &args.connection).await?;
    let inventory = Inventory::read(&client).await?.at_home(settings);
    let chosen = switch::chosen(&inventory, &args.names)?;
    let mut orders: Vec<Order> = Vec::new();
    for service in chosen {
        let path = client.scoped(&format!("services/{}", service.id));
        let found = client.find(&path).await?.unwrap_or_default();
        for order in orders_of(&found) {
            if !orders.contains(&order) {
                orders.push(order);
            }
        }
    }
    if orders.is_empty() {
        return Err(Failure::new("nothing here has an image to pull"));
    }
    let mut tasks = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let mode = if args.cached { "cached" } else { "all" };
        let body = json!({ "image": order.image, "labels": order.labels, "mode": mode });
        let (status, task) = client.try_post(&client.scoped("pulltasks"), &body).await?;
        if !status.is_success() {
            return Err(client.refusal(status, &task));
        }
        let id = task["id"].as_str().unwrap_or_default();
        let earlier = orders.iter().take(number).filter(|other| other.image == order.image);
        let shown = match earlier.count() {
            0 => order.image.clone(),
            count => format!("{} ({})", order.image, count + 1),
        };
        tasks.push((shown, client.scoped(&format!("pulltasks/{id}"))));
    }
    if args.patience.detach {
        return Ok(Exit::Ok);
    }
    follow(&client, out, &tasks, args.patience.timeout).await
}

/// What a service, as the API shows it, and its sidekicks are made of.
fn orders_of(service: &Value) -> Vec<Order> {
    if service["type"] == OWN_IMAGE {
        return Vec::new();
    }
    let sidekicks = service["secondaryLaunchConfigs"].as_array().into_iter().flatten();
    let configs = std::iter::once(&service["launchConfig"]).chain(sidekicks);
    configs.filter_map(order).collect()
}

fn order(config: &Value) -> Option<Order> {
    let image = config["imageUuid"].as_str()?;
    let image = written(image);
    // What is built is in no registry.
    if image.is_empty() || image == NO_IMAGE || !config["build"].is_null() {
        return None;
    }
    let labels = config["labels"].as_object().into_iter().flatten();
    let labels = labels.filter(|(key, _)| key.to_lowercase().starts_with(HOST_LABELS));
    let labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
    Some(Order { image: image.to_owned(), labels })
}

async fn follow(
    client: &Client,
    out: &Output,
    tasks: &[(String, String)],
    timeout_s: Option<u32>,
) -> Result<Exit> {
    let clock = Clock::System;
    let began = clock.now_ms();
    let mut board = Board::new(out, tasks.iter().map(|(name, _)| name.as_str()));
    loop {
        let mut lines = Vec::new();
        for (name, path) in tasks {
            let task = client.find(path).await?;
            lines.push(line(name, task.as_ref()));
        }
        lines.iter().for_each(|line| board.show(line));
        let late = timeout_s.is_some_and(|limit| clock.now_ms() - began >= i64::from(limit) * 1000);
        if late || lines.iter().all(|line| line.stage != Stage::Going) {
            board.end();
            let missing = lines.iter().filter(|line| line.stage != Stage::Done);
            let missing: Vec<String> =
                missing.map(|line| format!("  {}: {}", line.name, line.text)).collect();
            if missing.is_empty() {
                return Ok(Exit::Ok);
            }
            let text = format!("not every image is everywhere:\n{}", missing.join("\n"));
            return Err(Failure::new(text));
        }
        clock.sleep_ms(PAUSE_MS).await;
    }
}

/// How far a task is.
fn line(name: &str, task: Option<&Value>) -> Line {
    let status = task.and_then(|task| task["status"].as_object()).cloned().unwrap_or_default();
    let hosts = status.iter().map(|(host, text)| (host.as_str(), text.as_str().unwrap_or("")));
    let done = hosts.clone().filter(|(_, text)| *text == DONE).count();
    let others: Vec<String> = hosts
        .filter(|(_, text)| *text != DONE)
        .map(|(host, text)| format!("{host}: {}", text.strip_suffix('.').unwrap_or(text)))
        .collect();
    let over = task.is_none_or(|task| task["transitioning"] != "yes");
    let (stage, text) = match (over, others.is_empty()) {
        (true, _) if task.is_none() => (Stage::Failed, "its task was removed".to_owned()),
        (true, true) if done == 0 => (Stage::Done, "no host is to have it".to_owned()),
        (true, true) => (Stage::Done, format!("on {done} of {done} hosts")),
        (true, false) => (Stage::Failed, others.join("; ")),
        (false, _) => {
            let doing = others.first().map(|text| format!("; {text}")).unwrap_or_default();
            (Stage::Going, format!("on {done} of {} hosts{doing}", status.len()))
        }
    };
    let record = json!({
        "type": "pull", "image": name, "status": status, "done": stage == Stage::Done,
    });
    Line { name: name.to_owned(), stage, text, record }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_a_service_with_its_sidekicks() {
        let host = format!("{HOST_LABELS}_ne");
        let service = json!({
            "type": "service",
            "launchConfig": {
                "imageUuid": "docker:nginx:1", "labels": { &host: "disk=hdd", "colour": "green" },
            },
            "secondaryLaunchConfigs": [
                { "imageUuid": "docker:reg.test/side" },
                { "imageUuid": "docker:rancher/none" },
                { "imageUuid": "docker:shop_web", "build": { "context": "." } },
            ],
        });
        let found: Vec<(String, Value)> = orders_of(&service)
            .into_iter()
            .map(|order| (order.image, order.labels.into()))
            .collect();
        let expect = [
            ("nginx:1".to_owned(), json!({ &host: "disk=hdd" })),
            ("reg.test/side".to_owned(), json!({})),
        ];
        assert_eq!(found, expect);
        let balancer = json!({
            "type": "loadBalancerService", "launchConfig": { "imageUuid": "docker:lb" },
        });
        assert_eq!(orders_of(&balancer), []);
    }

    #[test]
    fn lines_say_how_far_each_host_is() {
        let check = |transitioning: &str, status: Value, expect: (Stage, &str)| {
            let task = json!({ "transitioning": transitioning, "status": status });
            let found = line("nginx", Some(&task));
            assert_eq!((found.stage, found.text.as_str()), expect);
        };
        check(
            "yes",
            json!({ "a": "Done", "b": "Pulling: 1 of 2 layers" }),
            (Stage::Going, "on 1 of 2 hosts; b: Pulling: 1 of 2 layers"),
        );
        check("no", json!({ "a": "Done", "b": "Done" }), (Stage::Done, "on 2 of 2 hosts"));
        check("no", json!({ "a": "Done", "b": "no space" }), (Stage::Failed, "b: no space"));
        check("no", json!({}), (Stage::Done, "no host is to have it"));
        let gone = line("nginx", None);
        assert_eq!((gone.stage, gone.text.as_str()), (Stage::Failed, "its task was removed"));
    }
}
