//! Load balancers: `lb_config`, and the links, ports and labels of the first generation.

use serde_json::{Map, Value as Json, json};

use super::super::node::View;
use super::super::project::Kind;
use super::super::read::list;
use super::ports::{self, Port};
use super::{Draft, Reader};

const PROTOCOLS: &[&str] = &["http", "https", "tcp", "tls", "sni", "udp"];
const SSL_PORTS: &str = "io.rancher.loadbalancer.ssl.ports";
const TARGET: &str = "io.rancher.loadbalancer.target.";
/// The balancer's own health check listens there.
const RESERVED_PORT: i64 = 42;

/// `lb_config`: of a balancer, or what a service tells balancers that select it.
pub(super) fn lb_config(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    const KEYS: &[&str] = &["certs", "config", "default_cert", "port_rules", "stickiness_policy"];
    let context = reader.context;
    let mut config = Map::new();
    for (key, value) in context.known(view, KEYS) {
        let (field, json) = match key {
            "port_rules" => {
                let rules = context.list_items(&value);
                let rules = rules.iter().filter_map(|rule| port_rule(reader, rule, draft));
                ("portRules", Some(Json::Array(rules.collect())))
            }
            "certs" => ("certs", Some(Json::from(context.texts(&value)))),
            "default_cert" => ("defaultCert", context.word(&value).map(Json::from)),
            "config" => ("config", context.text(&value).map(Json::from)),
            _ => ("stickinessPolicy", Some(stickiness(reader, &value))),
        };
        if let Some(json) = json {
            config.insert(field.to_owned(), json);
        }
    }
    draft.fields.insert("lbConfig".to_owned(), Json::Object(config));
}

/// Keys of a port rule and the API's fields.
const RULE_FIELDS: &[(&str, &str)] = &[
    ("backend_name", "backendName"),
    ("container", ""),
    ("environment", "environment"),
    ("host", ""),
    ("hostname", "hostname"),
    ("path", "path"),
    ("priority", "priority"),
    ("protocol", "protocol"),
    ("region", "region"),
    ("selector", "selector"),
    ("service", "service"),
    ("source_port", "sourcePort"),
    ("target_port", "targetPort"),
    ("weight", "weight"),
];

fn port_rule(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) -> Option<Json> {
    let context = reader.context;
    let keys: Vec<&str> = RULE_FIELDS.iter().map(|(key, _)| *key).collect();
    let mut rule = Map::new();
    for (key, value) in context.known(view, &keys) {
        let field =
            RULE_FIELDS.iter().find(|(name, _)| *name == key).map_or("", |(_, field)| *field);
        let json = match key {
            "source_port" | "target_port" => context.integer(&value, 1, 65535).map(Json::from),
            "priority" => context.integer(&value, 1, i64::from(i32::MAX)).map(Json::from),
            "weight" => context.integer(&value, 0, 256).map(Json::from),
            "protocol" => {
                context.word(&value).filter(|text| protocol(reader, &value, text)).map(Json::from)
            }
            "service" => context.word(&value).map(|text| {
                let name = reader.names.rename(&text).to_owned();
                if !text.contains('/') {
                    draft.targets.push(((&value).into(), text));
                }
                Json::from(name)
            }),
            "host" | "container" => {
                context.warning(&value, "has no effect: rules point at services");
                None
            }
            _ => context.text(&value).map(Json::from),
        };
        if let Some(json) = json {
            rule.insert(field.to_owned(), json);
        }
    }
    if draft.kind == Kind::LoadBalancerService {
        check_rule(reader, view, &mut rule);
    }
    Some(Json::Object(rule))
}

fn protocol(reader: &Reader<'_, '_>, view: &View<'_>, text: &str) -> bool {
    let known = PROTOCOLS.contains(&text);
    if !known {
        let message = format!("must be one of {}, not `{text}`", list(PROTOCOLS));
        reader.context.error(view, message);
    }
    known
}

const NO_UDP: &str = "HAProxy does not carry udp; publish the port at the service itself";

/// The API's own rules for a balancer's rule.
fn check_rule(reader: &Reader<'_, '_>, view: &View<'_>, rule: &mut Map<String, Json>) {
    let fail = |message: &str| reader.context.error(view, message);
    match rule.get("sourcePort").and_then(Json::as_i64) {
        None => fail("the rule lacks `source_port`, the port to listen on"),
        Some(RESERVED_PORT) => fail("port 42 is the balancer's own; choose another `source_port`"),
        Some(_) => {}
    }
    match (rule.contains_key("service"), rule.contains_key("selector")) {
        (false, false) => fail("the rule lacks `service` or `selector`, its target"),
        (true, true) => fail("the rule has both `service` and `selector`"),
        (true, false) if !rule.contains_key("targetPort") => {
            fail("the rule lacks `target_port`, the port of the service");
        }
        (true, false) | (false, true) => {}
    }
    if rule.contains_key("region") && !rule.contains_key("environment") {
        fail("the rule has a `region` but no `environment`");
    }
    if rule.get("protocol").and_then(Json::as_str) == Some("udp") {
        fail(NO_UDP);
    }
    rule.entry("protocol").or_insert_with(|| Json::from("http"));
}

fn stickiness(reader: &Reader<'_, '_>, view: &View<'_>) -> Json {
    const KEYS: &[&str] = &["cookie", "domain", "indirect", "mode", "name", "nocache", "postonly"];
    let context = reader.context;
    let mut policy = Map::new();
    for (key, value) in context.known(view, KEYS) {
        let json = match key {
            "indirect" | "nocache" | "postonly" => context.flag(&value).map(Json::from),
            "mode" => match context.word(&value).as_deref() {
                Some(mode @ ("rewrite" | "insert" | "prefix")) => Some(Json::from(mode)),
                _ => {
                    context.error(&value, "must be rewrite, insert or prefix");
                    None
                }
            },
            _ => context.text(&value).map(Json::from),
        };
        if let Some(json) = json {
            policy.insert(key.to_owned(), json);
        }
    }
    Json::Object(policy)
}

/// A balancer without `lb_config` is of the first generation: every linked service gets a rule for
/// every port. Links of balancers mean nothing else, so they go.
pub(super) fn finish(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if draft.kind != Kind::LoadBalancerService {
        return;
    }
    let links = std::mem::take(&mut draft.links);
    if !draft.fields.contains_key("lbConfig") {
        let published = view.get("ports").map(|view| ports::parse_all(reader.context, &view));
        let internal = view.get("expose").map(|view| ports::parse_all(reader.context, &view));
        let published = published.unwrap_or_default();
        // `source:target`: the balancer listens on the source port itself.
        draft.launch.remove("ports");
        let source = |port: &Port| port.public.unwrap_or(port.private);
        draft.extend(
            "ports",
            published.iter().map(|port| format!("{0}:{0}/tcp", source(port))).collect(),
        );
        let all: Vec<Port> = published.into_iter().chain(internal.unwrap_or_default()).collect();
        if all.iter().any(|port| port.protocol == Some("udp")) {
            reader.context.error(view, NO_UDP);
        }
        let mut rules = Vec::new();
        for (spot, link) in links {
            let label = draft.labels.remove(&format!("{TARGET}{}", link.target));
            for port in &all {
                rules.extend(legacy_rules(reader, draft, port, &link.target, label.as_deref()));
            }
            if !link.target.contains('/') {
                draft.targets.push((spot, link.target));
            }
        }
        draft.fields.insert("lbConfig".to_owned(), json!({ "portRules": rules }));
    }
    legacy_settings(reader, view, draft);
}

/// The rules of one port for one linked service.
fn legacy_rules(
    reader: &Reader<'_, '_>,
    draft: &Draft,
    port: &Port,
    service: &str,
    label: Option<&str>,
) -> Vec<Json> {
    let source = port.public.unwrap_or(port.private);
    let secure = draft
        .labels
        .get(SSL_PORTS)
        .is_some_and(|ports| ports.split(',').any(|text| text.trim() == source.to_string()));
    let protocol = match (port.protocol, secure) {
        (Some(_), false) => "tcp",
        (Some(_), true) => "tls",
        (None, false) => "http",
        (None, true) => "https",
    };
    let rule = |target: Target| {
        if target.source.is_some_and(|wanted| wanted != source) {
            return None;
        }
        let mut rule = Map::new();
        rule.insert("sourcePort".to_owned(), Json::from(source));
        rule.insert("protocol".to_owned(), Json::from(protocol));
        for (field, text) in [("hostname", target.hostname), ("path", target.path)] {
            if !text.is_empty() {
                rule.insert(field.to_owned(), Json::from(text));
            }
        }
        rule.insert("service".to_owned(), Json::from(reader.names.rename(service)));
        rule.insert("targetPort".to_owned(), Json::from(target.port.unwrap_or(port.private)));
        Some(Json::Object(rule))
    };
    match label {
        None => rule(Target::default()).into_iter().collect(),
        Some(label) => {
            label.split(',').filter_map(|text| rule(parse_target(text.trim()))).collect()
        }
    }
}

/// One item of a target label.
#[derive(Default)]
struct Target {
    hostname: String,
    source: Option<u16>,
    path: String,
    port: Option<u16>,
}

/// `hostname:source/path=port`, every part optional; a number alone is the target port.
fn parse_target(text: &str) -> Target {
    let (request, port) = match text.split_once('=') {
        Some((request, port)) => (request, port.trim().parse().ok()),
        None => match text.parse() {
            Ok(port) => ("", Some(port)),
            Err(_) => (text, None),
        },
    };
    let (host, path) = match request.find('/') {
        Some(index) => request.split_at(index),
        None => (request, ""),
    };
    let (hostname, source) = match host.split_once(':') {
        Some((hostname, source)) => (hostname, source.parse().ok()),
        None => match host.parse() {
            Ok(source) => ("", Some(source)),
            Err(_) => (host, None),
        },
    };
    Target { hostname: hostname.to_owned(), source, path: path.to_owned(), port }
}

/// `certs`, `default_cert` and `load_balancer_config` beside the service's keys.
fn legacy_settings(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut settings = Map::new();
    if let Some(certs) = view.get("certs") {
        settings.insert("certs".to_owned(), Json::from(context.texts(&certs)));
    }
    if let Some(name) = view.get("default_cert").and_then(|cert| context.word(&cert)) {
        settings.insert("defaultCert".to_owned(), Json::from(name));
    }
    if let Some(config) = view.get("load_balancer_config") {
        let keys = ["haproxy_config", "lb_cookie_stickiness_policy", "name"];
        for (key, value) in context.known(&config, &keys) {
            match key {
                "lb_cookie_stickiness_policy" => {
                    settings.insert("stickinessPolicy".to_owned(), stickiness(reader, &value));
                }
                "haproxy_config" => {
                    let mut text = String::new();
                    for (section, lines) in context.known(&value, &["defaults", "global"]) {
                        let lines = context.text(&lines).unwrap_or_default();
                        text.push_str(&format!("{section}\n{}\n", lines.trim_end()));
                    }
                    settings.insert("config".to_owned(), Json::from(text));
                }
                _ => {}
            }
        }
    }
    if let Some(Json::Object(config)) = draft.fields.get_mut("lbConfig") {
        for (field, value) in settings {
            config.entry(field).or_insert(value);
        }
    }
}
