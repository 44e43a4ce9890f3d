//! The row of a service's new container: its launch configuration, a name, labels and a unit.

use serde_json::{Map, Value};

use super::desired::Wanted;
use crate::model::id;
use crate::model::names::label;
use crate::model::resource::{NewResource, Resource};
use crate::reconcile::{labels, names};

/// Fields of a launch configuration that say nothing about the container itself.
const NOT_COPIED: &[&str] = &[
    "type",
    "name",
    "restartPolicy",
    "dataVolumesFromLaunchConfigs",
    "networkLaunchConfig",
    "requestedHostId",
    "count",
];

/// Where a container belongs within its service.
pub struct Place<'a> {
    /// Index of its unit.
    pub index: u32,
    /// Uuid of its unit.
    pub unit: &'a str,
    /// Host it must run on.
    pub host: Option<i64>,
}

/// The row; its uuid and number are given when it is inserted.
pub fn instance(
    service: &Resource,
    stack: Option<&Resource>,
    wanted: &Wanted,
    config: usize,
    place: &Place<'_>,
) -> NewResource {
    let empty = Map::new();
    let launch = wanted.launch.get(config).unwrap_or(&empty);
    let stack_name = stack.and_then(|stack| stack.name.as_deref()).unwrap_or_default();
    let service_name = service.name.as_deref().unwrap_or_default();
    let sidekick = wanted.config_name(config);
    let name = names::container(stack_name, service_name, sidekick, place.index);
    let mut row = NewResource::new("instance", String::new()).kind("container").name(name.clone());
    row.account_id = service.account_id;
    row.data = launch
        .iter()
        .filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let labels = labels(wanted, config, stack_name, service_name, place);
    if labels.get(label::HOSTNAME_OVERRIDE).and_then(Value::as_str) == Some("container_name") {
        let domain = launch.get("domainName").and_then(Value::as_str);
        row = row.with("hostname", names::hostname(&name, domain));
    }
    let version = launch.get("version").cloned().unwrap_or_else(|| "0".into());
    row = row
        .with("labels", labels)
        .with("version", version)
        .with("serviceId", service.id)
        .with("deploymentUnitUuid", place.unit)
        .with("unitIndex", place.index)
        .with("serviceIndex", place.index.to_string())
        .with("startOnCreate", true);
    let index =
        [service.id.to_string(), sidekick.unwrap_or("").to_owned(), place.index.to_string()];
    row = row.with("serviceIndexId", id::of_text(&index.each_ref().map(String::as_str)));
    if let Some(stack) = service.int("stackId") {
        row = row.with("stackId", stack);
    }
    let files = service.map("composeFiles").and_then(|files| files.get(sidekick.unwrap_or("")));
    if let Some(files) = files {
        row = row.with("files", files.clone());
    }
    let requested = launch.get("requestedHostId").and_then(Value::as_i64);
    match place.host.or(requested) {
        Some(host) => row.with("requestedHostId", host),
        None => row,
    }
}

/// The container's labels: its own, what places its unit, and those by which Rancher's tools find it.
fn labels(
    wanted: &Wanted,
    config: usize,
    stack: &str,
    service: &str,
    place: &Place<'_>,
) -> Map<String, Value> {
    let of =
        |launch: &'_ Map<String, Value>| launch.get("labels").and_then(Value::as_object).cloned();
    let all: Vec<Map<String, Value>> =
        wanted.launch.iter().map(|l| of(l).unwrap_or_default()).collect();
    let own = all.get(config).into_iter().flatten();
    let placement =
        all.iter().flatten().filter(|(key, _)| key.starts_with("io.rancher.scheduler."));
    let text = |(key, value): (&'_ String, &'_ Value)| {
        value.as_str().map(|value| (key.clone(), value.to_owned()))
    };
    let own: Vec<(String, String)> = own.filter_map(text).collect();
    let placement: Vec<(String, String)> =
        placement.filter_map(text).filter(|(key, _)| !own.iter().any(|(k, _)| k == key)).collect();
    let identity = labels::Place {
        stack,
        service,
        sidekick: wanted.config_name(config),
        unit: place.unit,
        host: place.host,
        system: false,
    };
    labels::labels(&identity, borrowed(&own), borrowed(&placement))
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect()
}

fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}
