//! Services of the API back to `docker-compose.yml` (version 2) and `rancher-compose.yml`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::emit;
use super::project::Link;
use crate::model::launch::is_unset;
use launch::launch;

mod launch;

/// Label that only the client which made the service cares about.
const HASH: &str = "io.rancher.service.hash";
const SIDEKICKS: &str = "io.rancher.sidekicks";
const GLOBAL: &str = "io.rancher.scheduler.global";
const MANAGED_LABELS: &[(&str, &str)] = &[
    ("io.rancher.service.selector.link", "selectorLink"),
    ("io.rancher.service.selector.container", "selectorContainer"),
];

/// What is exported.
#[derive(Clone, Debug, Default)]
pub struct ExportInput {
    pub services: Vec<ExportedService>,
    /// API `volumeTemplate`s of the stack.
    pub volume_templates: Vec<Value>,
    /// What the files call volumes that the engine knows by another name, by that name.
    pub volume_keys: BTreeMap<String, String>,
    /// Names by which rules call services: `service`, or `stack/service` for other stacks; by id.
    pub service_names: BTreeMap<String, String>,
    /// Certificate names by id.
    pub certificate_names: BTreeMap<String, String>,
    /// Secret names by id.
    pub secret_names: BTreeMap<String, String>,
}

/// A service and whom it is linked to.
#[derive(Clone, Debug)]
pub struct ExportedService {
    /// The API resource, of any kind of service.
    pub service: Value,
    /// Targets are `service`, or `stack/service` for other stacks.
    pub links: Vec<Link>,
}

/// The two files, with CRLF line ends as Rancher writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub docker_compose: String,
    pub rancher_compose: String,
}

/// Both files before they are texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    pub docker: Map<String, Value>,
    pub rancher: Map<String, Value>,
}

/// Writes the files.
pub fn export(input: &ExportInput) -> Exported {
    let Documents { docker, rancher } = documents(input);
    Exported { docker_compose: write(docker), rancher_compose: write(rancher) }
}

/// What the files say.
pub fn documents(input: &ExportInput) -> Documents {
    let mut files = Files::default();
    for exported in &input.services {
        files.service(input, exported);
    }
    let mut docker = Map::new();
    docker.insert("version".to_owned(), json!("2"));
    if !files.volumes.is_empty() {
        let volumes = files.volumes.iter();
        let volumes = volumes.map(|name| (name.clone(), volume(&input.volume_templates, name)));
        docker.insert("volumes".to_owned(), Value::Object(volumes.collect()));
    }
    if !files.secrets.is_empty() {
        let external = |name: &String| (name.clone(), json!({ "external": true }));
        docker.insert(
            "secrets".to_owned(),
            Value::Object(files.secrets.iter().map(external).collect()),
        );
    }
    docker.insert("services".to_owned(), Value::Object(files.docker));
    let mut rancher = Map::new();
    rancher.insert("version".to_owned(), json!("2"));
    rancher.insert("services".to_owned(), Value::Object(files.rancher));
    Documents { docker, rancher }
}

/// A document with `$` doubled, as it would be read as a variable otherwise.
fn write(map: Map<String, Value>) -> String {
    let map = map.into_iter().map(|(key, value)| (key, doubled(value)));
    emit::document(&map.collect())
}

fn doubled(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$")),
        Value::Array(items) => Value::Array(items.into_iter().map(doubled).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, doubled(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

fn volume(templates: &[Value], name: &str) -> Value {
    let named = |template: &&Value| template.get("name").and_then(Value::as_str) == Some(name);
    let Some(template) = templates.iter().find(named) else {
        return json!({ "external": true });
    };
    let mut out = Map::new();
    for (field, key) in [
        ("driver", "driver"),
        ("driverOpts", "driver_opts"),
        ("external", "external"),
        ("perContainer", "per_container"),
    ] {
        if let Some(value) = template.get(field).filter(|value| !is_unset(value)) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    Value::Object(out)
}

/// Both files while they are made.
#[derive(Default)]
struct Files {
    docker: Map<String, Value>,
    rancher: Map<String, Value>,
    volumes: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl Files {
    fn service(&mut self, input: &ExportInput, exported: &ExportedService) {
        let service = &exported.service;
        let text = |field: &str| service.get(field).and_then(Value::as_str);
        let Some(name) = text("name") else { return };
        let kind = text("type").or_else(|| text("kind")).unwrap_or("service");
        let config = service.get("launchConfig").unwrap_or(&Value::Null);
        let sidekicks = service.get("secondaryLaunchConfigs").and_then(Value::as_array);
        let sidekicks = sidekicks.map(Vec::as_slice).unwrap_or_default();
        let mut docker = self.launch(input, config);
        match kind {
            "externalService" => {
                docker.insert("image".to_owned(), json!("rancher/external-service"));
            }
            "dnsService" => {
                docker.insert("image".to_owned(), json!("rancher/dns-service"));
            }
            _ if !docker.contains_key("image") => {
                docker.insert("image".to_owned(), json!("rancher/none"));
            }
            _ => {}
        }
        labels(service, sidekicks, &mut docker);
        links(kind, service, &exported.links, &mut docker);
        self.docker.insert(name.to_owned(), Value::Object(docker));
        let mut rancher = rancher_launch(config);
        rancher_service(input, kind, service, &mut rancher);
        self.rancher.insert(name.to_owned(), Value::Object(rancher));
        for sidekick in sidekicks {
            let Some(name) = sidekick.get("name").and_then(Value::as_str) else { continue };
            let mut docker = self.launch(input, sidekick);
            labels(&Value::Null, &[], &mut docker);
            self.docker.insert(name.to_owned(), Value::Object(docker));
            let rancher = rancher_launch(sidekick);
            if !rancher.is_empty() {
                self.rancher.insert(name.to_owned(), Value::Object(rancher));
            }
        }
    }

    /// A launch config as a service of the compose file; notes the volumes and secrets it uses.
    fn launch(&mut self, input: &ExportInput, config: &Value) -> Map<String, Value> {
        let mut docker = launch(config);
        for volume in docker.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten()
        {
            match volume.as_str().and_then(|text| text.split_once(':')) {
                Some((source, rest)) if !source.starts_with(['/', '.', '~']) => {
                    let key = input.volume_keys.get(source).map_or(source, String::as_str);
                    self.volumes.insert(key.to_owned());
                    *volume = json!(format!("{key}:{rest}"));
                }
                Some(_) | None => {}
            }
        }
        let secrets = config.get("secrets").and_then(Value::as_array).into_iter().flatten();
        let secrets: Vec<Value> = secrets.filter_map(|secret| self.secret(input, secret)).collect();
        if !secrets.is_empty() {
            docker.insert("secrets".to_owned(), Value::Array(secrets));
        }
        docker
    }

    /// A secret in the short form if it only has a name.
    fn secret(&mut self, input: &ExportInput, secret: &Value) -> Option<Value> {
        let id = secret.get("secretId").and_then(Value::as_str).unwrap_or_default();
        let target = secret.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let source = input.secret_names.get(id).map(String::as_str).or(target)?;
        self.secrets.insert(source.to_owned());
        let mut long = Map::new();
        for field in ["uid", "gid", "mode"] {
            if let Some(value) = secret.get(field).filter(|value| !is_unset(value)) {
                long.insert(field.to_owned(), value.clone());
            }
        }
        if long.is_empty() && target.is_none_or(|target| target == source) {
            return Some(json!(source));
        }
        long.insert("source".to_owned(), json!(source));
        long.insert("target".to_owned(), json!(target.unwrap_or(source)));
        Some(Value::Object(long))
    }
}

/// The user's labels, with those that Rancher derives made anew.
fn labels(service: &Value, sidekicks: &[Value], docker: &mut Map<String, Value>) {
    let mut labels = match docker.shift_remove("labels") {
        Some(Value::Object(labels)) => labels,
        _ => Map::new(),
    };
    labels.retain(|label, _| label != HASH && label != SIDEKICKS);
    let names = sidekicks.iter().filter_map(|sidekick| sidekick.get("name")?.as_str());
    let names: Vec<&str> = names.collect();
    if !names.is_empty() {
        labels.insert(SIDEKICKS.to_owned(), json!(names.join(",")));
    }
    for (label, field) in MANAGED_LABELS {
        if let Some(selector) = service.get(field).filter(|value| !is_unset(value)) {
            labels.insert((*label).to_owned(), selector.clone());
        }
    }
    if !labels.is_empty() {
        docker.insert("labels".to_owned(), Value::Object(labels));
    }
}

/// Links within the stack and to others; balancers name their targets in rules instead.
fn links(kind: &str, service: &Value, links: &[Link], docker: &mut Map<String, Value>) {
    let selected = service.get("selectorLink").is_some_and(|selector| !is_unset(selector));
    if selected || matches!(kind, "loadBalancerService" | "externalService") {
        return;
    }
    let (outside, inside): (Vec<&Link>, Vec<&Link>) =
        links.iter().partition(|link| link.target.contains('/'));
    for (key, links) in [("links", inside), ("external_links", outside)] {
        if !links.is_empty() {
            let text = |link: &&Link| format!("{}:{}", link.target, link.alias);
            docker.insert(key.to_owned(), links.iter().map(text).collect());
        }
    }
}

/// What `rancher-compose.yml` says about a launch config.
fn rancher_launch(config: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    for (field, key) in
        [("milliCpuReservation", "milli_cpu_reservation"), ("drainTimeoutMs", "drain_timeout_ms")]
    {
        if let Some(value) = config.get(field).filter(|value| !is_unset(value)) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(check) = config.get("healthCheck").filter(|check| !is_unset(check)) {
        out.insert("health_check".to_owned(), snake(check));
    }
    out
}

/// What `rancher-compose.yml` says about the service itself.
fn rancher_service(input: &ExportInput, kind: &str, service: &Value, out: &mut Map<String, Value>) {
    let set = |field: &str| service.get(field).filter(|value| !is_unset(value));
    let global = |config: &Value| {
        let label = config.get("labels").and_then(|labels| labels.get(GLOBAL));
        label.and_then(Value::as_str).is_some_and(|label| label.eq_ignore_ascii_case("true"))
    };
    let sidekicks = service.get("secondaryLaunchConfigs").and_then(Value::as_array);
    let mut configs =
        service.get("launchConfig").into_iter().chain(sidekicks.into_iter().flatten());
    let counted = matches!(kind, "service" | "loadBalancerService");
    if counted
        && !configs.any(global)
        && let Some(scale) = service.get("scale").filter(|scale| scale.is_number())
    {
        out.insert("scale".to_owned(), scale.clone());
    }
    for (field, key) in [("startOnCreate", "start_on_create"), ("retainIp", "retain_ip")] {
        if let Some(value) = set(field) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Value::Object(metadata)) = set("metadata") {
        let mut metadata = metadata.clone();
        metadata.retain(|key, _| key != HASH);
        if !metadata.is_empty() {
            out.insert("metadata".to_owned(), Value::Object(metadata));
        }
    }
    if let Some(policy) = set("scalePolicy") {
        out.insert("scale_policy".to_owned(), snake(policy));
    }
    if let Some(config) = set("lbConfig") {
        out.insert("lb_config".to_owned(), lb_config(input, config));
    }
    if kind == "externalService" {
        for (field, key) in [("externalIpAddresses", "external_ips"), ("hostname", "hostname")] {
            if let Some(value) = set(field) {
                out.insert(key.to_owned(), value.clone());
            }
        }
        if let Some(check) = set("healthCheck") {
            out.insert("health_check".to_owned(), snake(check));
        }
    }
}

/// `lbConfig` with names in the place of ids.
fn lb_config(input: &ExportInput, config: &Value) -> Value {
    let mut out = Map::new();
    let certificate = |id: &str| json!(input.certificate_names.get(id).map_or(id, String::as_str));
    for (field, value) in config.as_object().into_iter().flatten() {
        if is_unset(value) {
            continue;
        }
        match (field.as_str(), value) {
            ("certificateIds" | "certs", Value::Array(ids)) => {
                let names = ids.iter().filter_map(Value::as_str).map(certificate).collect();
                out.insert("certs".to_owned(), Value::Array(names));
            }
            ("defaultCertificateId" | "defaultCert", Value::String(id)) => {
                out.insert("default_cert".to_owned(), certificate(id));
            }
            ("portRules", Value::Array(rules)) => {
                let rules = rules.iter().map(|rule| port_rule(input, rule)).collect();
                out.insert("port_rules".to_owned(), Value::Array(rules));
            }
            ("stickinessPolicy", policy) => {
                out.insert("stickiness_policy".to_owned(), snake(policy));
            }
            ("config", text) => {
                out.insert("config".to_owned(), text.clone());
            }
            _ => {}
        }
    }
    Value::Object(out)
}

fn port_rule(input: &ExportInput, rule: &Value) -> Value {
    let Value::Object(mut rule) = snake(rule) else { return Value::Null };
    if let Some(Value::String(id)) = rule.shift_remove("service_id") {
        let name = input.service_names.get(&id).cloned().unwrap_or(id);
        rule.insert("service".to_owned(), json!(name));
    }
    Value::Object(rule)
}

/// An API object with the keys of compose: `healthyThreshold` is `healthy_threshold`. Unset values
/// and the API's own `type` are left out.
fn snake(value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let key = |name: &str| {
        name.chars().fold(String::new(), |mut key, letter| {
            if letter.is_ascii_uppercase() {
                key.push('_');
            }
            key.push(letter.to_ascii_lowercase());
            key
        })
    };
    let kept = map.iter().filter(|(name, value)| *name != "type" && !is_unset(value));
    Value::Object(kept.map(|(name, value)| (key(name), snake(value))).collect())
}
