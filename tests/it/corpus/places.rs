//! What Ranchette made of a project, brought into a form that can be compared.

use std::collections::BTreeMap;

use ranchette::compose::{Build, Condition, FileContent, FileKind, Project, Service};
use serde_json::{Map, Value, json};

/// Lists whose order says nothing.
const SETS: &[&str] =
    &["dataVolumes", "devices", "expose", "extraHosts", "netAlias", "ports", "ulimits"];

/// Docker Compose doubles every `$` in what it prints, so that it can be read again.
pub fn unescaped(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("$$", "$")),
        Value::Array(items) => items.into_iter().map(unescaped).collect(),
        Value::Object(map) => {
            let plain = |(key, value): (String, Value)| (key.replace("$$", "$"), unescaped(value));
            Value::Object(map.into_iter().map(plain).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

/// A launch configuration with its sets in order and without what is empty.
pub fn sorted(launch: &Map<String, Value>) -> Map<String, Value> {
    let mut launch = launch.clone();
    for field in SETS {
        if let Some(Value::Array(items)) = launch.get_mut(*field) {
            if *field == "dataVolumes" {
                items.iter_mut().for_each(|item| *item = mount(item.as_str().expect("text")));
            }
            items.sort_by_key(ToString::to_string);
        }
    }
    if let Some(Value::Object(mounts)) = launch.get_mut("tmpfs") {
        for options in mounts.values_mut() {
            *options = options_of(options.as_str().expect("text"));
        }
    }
    // Docker Compose leaves out what is off already, and what is empty.
    let says_nothing =
        |value: &Value| *value == false || *value == json!([]) || *value == json!({});
    launch.retain(|field, value| field == "runInit" || !says_nothing(value));
    launch
}

/// Options of a mount in order; `rw` says nothing, nor does how consistent a mount is on Linux.
pub fn options_of(text: &str) -> Value {
    let nothing =
        |option: &&str| !matches!(*option, "" | "rw" | "cached" | "consistent" | "delegated");
    let mut options: Vec<&str> = text.split(',').filter(nothing).collect();
    options.sort_unstable();
    options.join(",").into()
}

/// `source:target:options` with the options in order.
fn mount(text: &str) -> Value {
    let parts: Vec<&str> = text.split(':').collect();
    match parts.as_slice() {
        [source, target, options] => match options_of(options).as_str() {
            Some("") | None => format!("{source}:{target}").into(),
            Some(options) => format!("{source}:{target}:{options}").into(),
        },
        _ => text.into(),
    }
}

/// What a service says besides its containers.
pub fn service(service: &Service) -> Value {
    let condition = |condition: Condition| match condition {
        Condition::Started => "service_started",
        Condition::Healthy => "service_healthy",
        Condition::CompletedSuccessfully => "service_completed_successfully",
    };
    let depends: BTreeMap<&str, &str> =
        service.depends_on.iter().map(|d| (d.service.as_str(), condition(d.condition))).collect();
    let links: BTreeMap<&str, &str> =
        service.links.iter().map(|link| (link.alias.as_str(), link.target.as_str())).collect();
    let mut builds: BTreeMap<&str, Value> =
        service.sidekick_builds.iter().map(|(name, b)| (name.as_str(), build(b))).collect();
    builds.extend(service.build.as_ref().map(|b| (service.name.as_str(), build(b))));
    let mut files: Vec<Value> = service
        .files
        .iter()
        .map(|file| {
            let kind = match file.kind {
                FileKind::Secret => "secret",
                FileKind::Config => "config",
            };
            json!([kind, file.source, file.target, file.uid, file.gid, file.mode])
        })
        .collect();
    files.sort_by_key(ToString::to_string);
    let fields = &service.fields;
    assert!(fields.keys().all(|key| KNOWN_FIELDS.contains(&key.as_str())), "{fields:?}");
    json!({
        "scale": service.scale, "global": service.global, "upgrade": service.upgrade,
        "depends": depends, "links": links, "builds": builds, "files": files,
    })
}

/// Fields of a service that only `rancher-compose.yml` and Rancher's labels give; their tests are
/// those of the compose layer.
const KNOWN_FIELDS: &[&str] = &[
    "externalIpAddresses",
    "healthCheck",
    "hostname",
    "lbConfig",
    "metadata",
    "retainIp",
    "scalePolicy",
    "selectorContainer",
    "selectorLink",
];

fn build(build: &Build) -> Value {
    json!({
        "context": build.context.trim_end_matches('/'), "dockerfile": build.dockerfile,
        "inline": build.dockerfile_inline, "args": build.args, "labels": build.labels,
        "target": build.target, "cache_from": build.cache_from, "extra_hosts": build.extra_hosts,
        "shm_size": build.shm_size, "network": build.network, "no_cache": build.no_cache,
        "pull": build.pull, "platform": build.platform, "tags": build.extra_tags,
    })
}

/// The sections beside the services.
pub fn declared(project: &Project) -> Value {
    let volumes: BTreeMap<&str, Value> = project
        .volumes
        .iter()
        .map(|volume| {
            let is = json!({
                "name": volume.name, "driver": volume.driver, "options": volume.driver_opts,
                "labels": volume.labels, "external": volume.external,
            });
            (volume.key.as_str(), is)
        })
        .collect();
    let files = project.secrets.iter().chain(&project.configs).map(|file| {
        let content = match &file.content {
            FileContent::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            FileContent::External => format!("external {}", file.name),
        };
        (file.key.as_str(), content)
    });
    let networks: BTreeMap<&str, Value> = project
        .networks
        .iter()
        .filter(|network| network.key != "default" || network.external)
        .map(|network| {
            let is = json!({
                "driver": network.driver, "external": network.external,
                "internal": network.internal,
            });
            (network.key.as_str(), is)
        })
        .collect();
    json!({ "volumes": volumes, "files": files.collect::<BTreeMap<_, _>>(), "networks": networks })
}
