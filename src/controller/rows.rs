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
    let system = service.flag("system") || stack.is_some_and(|stack| stack.flag("system"));
    let labels = labels(wanted, config, system, (stack_name, service_name), place);
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
        .with("system", system)
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
    system: bool,
    (stack, service): (&str, &str),
    place: &Place<'_>,
) -> Map<String, Value> {
    let all: Vec<Vec<(String, String)>> = wanted.launch.iter().map(written).collect();
    let own = all.get(config).map(Vec::as_slice).unwrap_or_default();
    let placement = placement(own, &all);
    let identity = labels::Place {
        stack,
        service,
        sidekick: wanted.config_name(config),
        unit: place.unit,
        host: place.host,
        environment: &wanted.environment_uuid,
        system,
    };
    labels::labels(&identity, borrowed(own), borrowed(&placement))
        .into_iter()
        .map(|(key, value)| (key, value.into()))
        .collect()
}

/// The labels of a launch configuration.
fn written(launch: &Map<String, Value>) -> Vec<(String, String)> {
    let labels = launch.get("labels").and_then(Value::as_object).into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// What places a unit, with the rules of all its members. A key is spelled as the container spells it, else as
/// the first that has it.
fn placement(own: &[(String, String)], all: &[Vec<(String, String)>]) -> Vec<(String, String)> {
    let spelled = |key: &str| {
        let same = |pair: &&(String, String)| pair.0.eq_ignore_ascii_case(key);
        own.iter().chain(all.iter().flatten()).find(same).map(|(known, _)| known.clone())
    };
    let merged = crate::scheduler::merge_labels(all);
    merged.into_iter().map(|(key, value)| (spelled(&key).unwrap_or(key), value)).collect()
}

fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}
