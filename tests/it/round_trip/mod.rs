//! What is exported from a stack and imported again is the same stack, whatever is in it.

mod dice;
mod stacks;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use serde_json::{Map, Value, json};

use self::stacks::Maker;
use crate::api::site::{Client, Site};

/// Stacks that are made; `RANCHETTE_ROUND_TRIP_SEED` makes one of them alone.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=40;

/// What a service says that is no property of it: where it is, how it is, and when it was made.
const CIRCUMSTANCES: &[&str] = &[
    "accountId",
    "actions",
    "baseType",
    "createIndex",
    "created",
    "createdTS",
    "currentScale",
    "externalId",
    "fqdn",
    "healthState",
    "id",
    "instanceIds",
    "kind",
    "linkedServices",
    "links",
    "publicEndpoints",
    "stackId",
    "state",
    "transitioning",
    "transitioningMessage",
    "transitioningProgress",
    "uuid",
    "vip",
];
/// Labels that Rancher derives.
const DERIVED: &[&str] = &[
    "io.rancher.service.hash",
    "io.rancher.sidekicks",
    "io.rancher.service.selector.container",
    "io.rancher.service.selector.link",
];

/// What a launch configuration says when nothing is said.
fn defaults() -> [(&'static str, Value); 5] {
    [
        ("drainTimeoutMs", json!(0)),
        ("instanceTriggeredStop", json!("stop")),
        ("kind", json!("container")),
        ("startOnCreate", json!(true)),
        ("vcpu", json!(1)),
    ]
}

/// A stack's services as they are, by name, without ids.
async fn services(owner: &Client, stack: &str, name: &str) -> BTreeMap<String, Value> {
    let list = owner.get(&format!("/stacks/{stack}/services?limit=100")).await.ok(200);
    let mut found = BTreeMap::new();
    for service in list["data"].as_array().expect("a list") {
        let own = service["name"].as_str().expect("a name").to_owned();
        found.insert(own, bare(owner, service.clone(), name).await);
    }
    found
}

async fn bare(owner: &Client, mut service: Value, stack: &str) -> Value {
    let mut links = Map::new();
    for (alias, id) in service["linkedServices"].as_object().cloned().unwrap_or_default() {
        links.insert(alias, name_of(owner, &id, stack).await);
    }
    let fields = service.as_object_mut().expect("an object");
    fields.retain(|field, _| !CIRCUMSTANCES.contains(&field.as_str()));
    fields.insert("linked".to_owned(), links.into());
    for rule in service["lbConfig"]["portRules"].as_array_mut().into_iter().flatten() {
        if !rule["serviceId"].is_null() {
            rule["serviceId"] = name_of(owner, &rule["serviceId"].clone(), stack).await;
        }
    }
    let sidekicks = service["secondaryLaunchConfigs"].as_array().cloned().unwrap_or_default();
    let sidekicks: BTreeMap<String, Value> = sidekicks
        .into_iter()
        .map(|config| {
            (config["name"].as_str().unwrap_or_default().to_owned(), launch(config, stack))
        })
        .collect();
    service["secondaryLaunchConfigs"] = json!(sidekicks);
    // Services without containers have a configuration in name only.
    let has_containers =
        matches!(service["type"].as_str(), Some("service" | "loadBalancerService"));
    service["launchConfig"] = match has_containers {
        true => launch(service["launchConfig"].clone(), stack),
        false => Value::Null,
    };
    service["metadata"] = without_derived(service["metadata"].clone());
    said(service)
}

/// A service's name; with its stack's, if that is another.
async fn name_of(owner: &Client, id: &Value, stack: &str) -> Value {
    let id = id.as_str().expect("an id");
    let service = owner.get(&format!("/services/{id}")).await.ok(200);
    let of = service["stackId"].as_str().expect("a stack");
    let of = owner.get(&format!("/stacks/{of}")).await.ok(200);
    let name = service["name"].as_str().expect("a name");
    if of["name"] == stack { name.into() } else { json!([of["name"], name]) }
}

fn without_derived(mut labels: Value) -> Value {
    if let Some(labels) = labels.as_object_mut() {
        labels.retain(|label, _| !DERIVED.contains(&label.as_str()));
    }
    labels
}

/// A launch configuration without its version; a stack's own volumes have its name before theirs.
fn launch(mut config: Value, stack: &str) -> Value {
    let Some(fields) = config.as_object_mut() else { return config };
    fields.shift_remove("version");
    for (field, default) in defaults() {
        if fields.get(field) == Some(&default) {
            fields.shift_remove(field);
        }
    }
    for secret in fields.get_mut("secrets").and_then(Value::as_array_mut).into_iter().flatten() {
        for (field, default) in [("name", "pass"), ("uid", "0"), ("gid", "0"), ("mode", "0444")] {
            if secret[field].is_null() {
                secret[field] = default.into();
            }
        }
    }
    config["labels"] = without_derived(config["labels"].clone());
    for volume in config["dataVolumes"].as_array_mut().into_iter().flatten() {
        let text = volume.as_str().expect("text");
        *volume = text.strip_prefix(&format!("{stack}_")).unwrap_or(text).into();
    }
    config
}

/// What says something: not null, false or empty.
fn said(value: Value) -> Value {
    let says = |value: &Value| {
        !(value.is_null()
            || *value == false
            || *value == ""
            || *value == json!([])
            || *value == json!({}))
    };
    match value {
        Value::Array(items) => items.into_iter().map(said).collect(),
        Value::Object(map) => {
            // What is empty in the environment, among labels or in a command is meant.
            let is_text = map.values().all(Value::is_string) && !map.is_empty();
            let map = map.into_iter().map(|(key, value)| (key, said(value)));
            map.filter(|(key, value)| is_text || says(value) || key == "0").collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Both exported files: from the action, and the same from the archive.
async fn exported(owner: &Client, stack: &str) -> (String, String) {
    let path = format!("/stacks/{stack}?action=exportconfig");
    let files = owner.post(&path, json!({})).await.ok(200);
    let text = |field: &str| files[field].as_str().expect(field).to_owned();
    let both = (text("dockerComposeConfig"), text("rancherComposeConfig"));
    let request = owner.request("GET", &format!("/stacks/{stack}/composeconfig"));
    let bytes = request.send().await.expect("an answer").bytes().await.expect("bytes");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
    for (name, wanted) in [("docker-compose.yml", &both.0), ("rancher-compose.yml", &both.1)] {
        let mut text = String::new();
        archive.by_name(name).expect(name).read_to_string(&mut text).expect("text");
        assert_eq!(text, *wanted, "{name}");
    }
    both
}

/// Imports files as a stack of that name; its id.
async fn imported(owner: &Client, name: &str, files: &(String, String)) -> String {
    let body = json!({ "name": name, "dockerCompose": files.0, "rancherCompose": files.1 });
    let answer = owner.post("/stackplans", body).await;
    assert_eq!(answer.status, 200, "{}\n{}\n{}", answer.text, files.0, files.1);
    let answer = answer.json();
    let problems = answer["problems"].as_array().expect("problems");
    assert!(problems.is_empty(), "{problems:#?}\n{}\n{}", files.0, files.1);
    answer["stackId"].as_str().expect("a stack").to_owned()
}

/// What differs between a stack and its copy.
async fn goes_round(owner: &Client, secret: &str, seed: u64) -> Vec<String> {
    let mut maker = Maker::new(owner, seed, secret).await;
    maker.fill().await;
    let name = format!("stack{seed}");
    let before = services(owner, &maker.stack, &name).await;
    let mut wrong = Vec::new();
    let mut stack = maker.stack;
    // The copy is exported and imported, too: what its rows say differently means the same.
    for copy in [format!("copy{seed}"), format!("again{seed}")] {
        let files = exported(owner, &stack).await;
        stack = imported(owner, &copy, &files).await;
        let after = services(owner, &stack, &copy).await;
        let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "{copy}\n{}", files.0);
        for (name, service) in &before {
            differences(&format!("{copy}: {name}"), service, &after[name], &mut wrong);
        }
        if !wrong.is_empty() {
            break;
        }
    }
    wrong
}

fn differences(path: &str, before: &Value, after: &Value, wrong: &mut Vec<String>) {
    match (before.as_object(), after.as_object()) {
        (Some(before), Some(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let at = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                differences(&format!("{path}.{key}"), &at(before), &at(after), wrong);
            }
        }
        _ if before == after => {}
        _ => wrong.push(format!("{path}: {before} became {after}")),
    }
}

#[actix_web::test]
async fn a_stack_that_is_exported_and_imported_is_the_same() {
    let site = Site::start().await;
    let owner = site.owner().await;
    let secret = json!({"name": "pass", "value": "Z2VoZWlt"});
    let secret = stacks::make(&owner, "/secrets", secret).await;
    let seeds = match std::env::var("RANCHETTE_ROUND_TRIP_SEED") {
        Ok(seed) => vec![seed.parse().expect("a number")],
        Err(_) => SEEDS.collect(),
    };
    let mut wrong = Vec::new();
    for seed in seeds {
        let found = goes_round(&owner, &secret, seed).await;
        wrong.extend(found);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
