//! Keys of `rancher-compose.yml` and the labels and images by which Rancher tells services apart.

use serde_json::{Map, Value as Json};

use super::super::node::View;
use super::super::project::Kind;
use super::super::read::to_json;
use super::{Draft, GLOBAL, Reader, SIDEKICKS};
use crate::model::launch::written;

const SELECTOR_LINK: &str = "io.rancher.service.selector.link";
const SELECTOR_CONTAINER: &str = "io.rancher.service.selector.container";

/// Images that stand for a kind of service, without tag.
const IMAGES: &[(&str, Kind)] = &[
    ("rancher/dns-service", Kind::DnsService),
    ("rancher/external-service", Kind::ExternalService),
    ("rancher/lb-service-haproxy", Kind::LoadBalancerService),
    ("rancher/load-balancer-service", Kind::LoadBalancerService),
];

/// The kind of a service by its image, or by keys that only one kind has.
pub(super) fn kind(view: &View<'_>, image: Option<&str>) -> Kind {
    let name = image.map(|image| {
        let image = written(image);
        let image = image.strip_prefix("docker.io/").unwrap_or(image);
        image.split([':', '@']).next().unwrap_or(image)
    });
    if let Some((_, kind)) = IMAGES.iter().find(|(known, _)| Some(*known) == name) {
        return *kind;
    }
    if view.get("external_ips").is_some() {
        return Kind::ExternalService;
    }
    let rules = view.get("lb_config").and_then(|config| config.get("port_rules"));
    let listens =
        |rules: View<'_>| rules.items().iter().any(|rule| rule.get("source_port").is_some());
    if rules.is_some_and(listens) { Kind::LoadBalancerService } else { Kind::Service }
}

/// What Rancher does not let go together.
pub(super) fn finish(reader: &Reader<'_, '_>, view: &View<'_>, draft: &Draft) {
    let yes = Some(&Json::Bool(true));
    if draft.upgrade.get("startFirst") == yes && draft.fields.get("retainIp") == yes {
        let at = view.get("retain_ip").unwrap_or_else(|| view.clone());
        let message = "cannot be used with upgrades that start the new container first";
        reader.context.error(&at, message);
    }
}

/// What labels say about the service rather than its containers.
pub(super) fn labels(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let at = view.get("labels").unwrap_or_else(|| view.clone());
    let global = draft.labels.get(GLOBAL).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    draft.global |= global;
    for (label, field) in
        [(SELECTOR_LINK, "selectorLink"), (SELECTOR_CONTAINER, "selectorContainer")]
    {
        if let Some(selector) = draft.labels.get(label) {
            draft.fields.insert(field.to_owned(), Json::from(selector.as_str()));
        }
    }
    if let Some(sidekicks) = draft.labels.get_mut(SIDEKICKS) {
        let keys: Vec<String> = sidekicks
            .split(',')
            .map(|key| key.trim().to_owned())
            .filter(|key| !key.is_empty())
            .collect();
        let names: Vec<&str> = keys.iter().map(|key| reader.names.rename(key)).collect();
        *sidekicks = names.join(",");
        draft.sidekicks = keys.into_iter().map(|key| ((&at).into(), key)).collect();
    }
}

/// `external_ips`.
pub(super) fn external_ips(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut ips = Vec::new();
    for (ip, item) in context.text_views(view) {
        match ip.parse::<std::net::IpAddr>() {
            Ok(_) => ips.push(ip),
            Err(_) => context.error(&item, format!("`{ip}` is not an IP address")),
        }
    }
    if draft.fields.contains_key("hostname") {
        context.error(view, "an external service has either `external_ips` or `hostname`");
    }
    draft.fields.insert("externalIpAddresses".to_owned(), Json::from(ips));
}

/// `hostname`: of the container, or the name that an external service stands for.
pub(super) fn hostname(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let Some(name) = reader.context.word(view) else { return };
    match draft.kind {
        Kind::ExternalService => {
            if draft.fields.contains_key("externalIpAddresses") {
                let message = "an external service has either `external_ips` or `hostname`";
                reader.context.error(view, message);
            }
            draft.fields.insert("hostname".to_owned(), Json::from(name));
        }
        Kind::Service | Kind::LoadBalancerService | Kind::DnsService => draft.set("hostname", name),
    }
}

/// `metadata`: any mapping, served to containers as it is.
pub(super) fn metadata(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if reader.context.is_map(view) {
        draft.fields.insert("metadata".to_owned(), to_json(view.node));
    }
}

/// `retain_ip`.
pub(super) fn retain_ip(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    if let Some(flag) = reader.context.flag(view) {
        draft.fields.insert("retainIp".to_owned(), Json::from(flag));
    }
}

/// `start_on_create`.
pub(super) fn start_on_create(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    draft.start_on_create = reader.context.flag(view);
}

/// `scale_policy`.
pub(super) fn scale_policy(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    let mut policy = Map::new();
    for (key, value) in context.known(view, &["increment", "max", "min"]) {
        if let Some(number) = context.integer(&value, 1, i64::from(i32::MAX)) {
            policy.insert(key.to_owned(), Json::from(number));
        }
    }
    let bound = |key: &str| policy.get(key).and_then(Json::as_i64).unwrap_or(1);
    if policy.contains_key("max") && bound("min") > bound("max") {
        let message = format!("`min` {} is greater than `max` {}", bound("min"), bound("max"));
        context.error(view, message);
    }
    draft.fields.insert("scalePolicy".to_owned(), Json::Object(policy));
}

/// `upgrade_strategy`.
pub(super) fn upgrade_strategy(reader: &Reader<'_, '_>, view: &View<'_>, draft: &mut Draft) {
    let context = reader.context;
    for (key, value) in context.known(view, &["batch_size", "interval_millis", "start_first"]) {
        let number = || context.integer(&value, 0, i64::from(i32::MAX)).map(Json::from);
        let (field, json) = match key {
            "batch_size" => ("batchSize", number()),
            "interval_millis" => ("intervalMillis", number()),
            _ => ("startFirst", context.flag(&value).map(Json::from)),
        };
        if let Some(json) = json {
            draft.upgrade.insert(field.to_owned(), json);
        }
    }
}
