//! From rows to a balancer: whom its rules mean.

use serde_json::{Map, Value};

use crate::balancer::{Balancer, Check, Protocol, Rule, Stickiness, Target};
use crate::error::Result;
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::model::selector::Selector;
use crate::process::issuance;
use crate::store::{Query, Read, Tx};

/// Label with the ports that speak the proxy protocol.
const PROXY_PORTS: &str = "io.rancher.loadbalancer.proxy-protocol.ports";
/// What the label [`label::LB_TARGET`] says of requests that stay on the balancer's host, whatever happens.
const ONLY_LOCAL: &str = "only-local";
/// What it says of those that stay there as long as somebody is there.
const PREFER_LOCAL: &str = "prefer-local";
/// Digits that tell two contents of a certificate apart.
const HASH_DIGITS: usize = 12;
/// How far aliases of aliases are followed.
const DEPTH: usize = 8;

/// Whether a service is a balancer.
pub fn is_balancer(service: &Resource) -> bool {
    service.kind == "loadBalancerService"
}

/// The host that decides what a balancer's container has to know; `None` if all know the same.
pub fn place(service: &Resource, container: &Resource) -> Option<i64> {
    matches!(own_label(service, label::LB_TARGET), ONLY_LOCAL | PREFER_LOCAL)
        .then(|| container.int("hostId"))
        .flatten()
}

fn own_label<'a>(service: &'a Resource, key: &str) -> &'a str {
    let labels = service.map("launchConfig").and_then(|launch| launch.get("labels")?.as_object());
    labels.and_then(|labels| labels.get(key)?.as_str()).unwrap_or("")
}

/// A balancer as its rows say it is now, wherever its containers are.
///
/// # Errors
/// When the database fails.
pub fn balancer(read: &Read<'_>, service: &Resource) -> Result<Balancer> {
    balancer_at(read, service, None)
}

/// A balancer as a container of it on this host ought to be.
///
/// # Errors
/// When the database fails.
pub fn balancer_at(read: &Read<'_>, service: &Resource, host: Option<i64>) -> Result<Balancer> {
    let config = service.map("lbConfig");
    let nearness = own_label(service, label::LB_TARGET);
    let look = Look { read, only: host.filter(|_| nearness == ONLY_LOCAL) };
    let mut rules = Vec::new();
    for rule in list(config, "portRules") {
        if let Some(rule) = rule.as_object() {
            self::rules(&look, service, rule, &mut rules)?;
        }
    }
    let proxy_ports = own_label(service, PROXY_PORTS);
    let policy = config.and_then(|config| config.get("stickinessPolicy")?.as_object());
    Ok(Balancer {
        rules,
        stickiness: policy.map(|policy| stickiness(policy, service)),
        custom: config.and_then(|config| config.get("config")?.as_str()).unwrap_or("").to_owned(),
        certificates: certificates(read, service)?.iter().map(file_name).collect(),
        challenges: issuance::challenges(read, service)?,
        proxy_ports: proxy_ports.split(',').filter_map(|port| port.trim().parse().ok()).collect(),
        prefers: host.filter(|_| nearness == PREFER_LOCAL),
    })
}

/// How targets are looked for.
#[derive(Clone, Copy)]
struct Look<'a> {
    read: &'a Read<'a>,
    /// The host that containers have to be on.
    only: Option<i64>,
}

/// Certificates of a balancer that are there, the default one first, those of an ACME server last.
///
/// # Errors
/// When the database fails.
pub fn certificates(read: &Read<'_>, service: &Resource) -> Result<Vec<Resource>> {
    let mut found: Vec<Resource> = Vec::new();
    for id in certificate_ids(service) {
        let row = read.get(id)?.filter(|row| {
            row.ty == "certificate" && row.removed.is_none() && row.account_id == service.account_id
        });
        let row = row.filter(|row| row.str("cert").is_some());
        found.extend(row.filter(|row| found.iter().all(|known| known.id != row.id)));
    }
    for row in issuance::of_balancer(read, service)? {
        if found.iter().all(|known| known.id != row.id) {
            found.push(row);
        }
    }
    Ok(found)
}

fn certificate_ids(service: &Resource) -> Vec<i64> {
    let config = service.map("lbConfig");
    let default = config.and_then(|config| config.get("defaultCertificateId")?.as_i64());
    let others = list(config, "certificateIds").iter().filter_map(Value::as_i64);
    default.into_iter().chain(others).collect()
}

/// The file of a certificate; another content has another name, so that HAProxy hears of it.
pub fn file_name(certificate: &Resource) -> String {
    let text = |field: &str| certificate.str(field).unwrap_or_default();
    let hash = super::hash(&format!("{}\n{}", text("cert"), text("certChain")));
    format!("{}-{}.pem", certificate.id, hash.get(..HASH_DIGITS).unwrap_or_default())
}

/// Balancers that serve a certificate, or will when there is one.
///
/// # Errors
/// When the database fails.
pub fn with_certificate(read: &Read<'_>, certificate: &Resource) -> Result<Vec<Resource>> {
    let mut found = balancers(read, certificate.account_id)?;
    found.retain(|service| {
        certificate_ids(service).contains(&certificate.id)
            || issuance::is_wanted_by(service, certificate)
    });
    Ok(found)
}

/// Whether some balancer sends requests to a service.
///
/// # Errors
/// When the database fails.
pub fn is_balanced(read: &Read<'_>, target: &Resource) -> Result<bool> {
    let names = |rule: &Value| {
        let selector = rule.get("selector").and_then(Value::as_str).map(str::parse::<Selector>);
        rule.get("serviceId").and_then(Value::as_i64) == Some(target.id)
            || matches!(selector, Some(Ok(selector)) if selects(&selector, target))
    };
    let balancers = balancers(read, target.account_id)?;
    let mut serving = balancers.iter().filter(|service| is_served(&service.state));
    Ok(serving.any(|service| list(service.map("lbConfig"), "portRules").iter().any(names)))
}

/// The balancers of an environment.
///
/// # Errors
/// When the database fails.
pub fn balancers(read: &Read<'_>, environment: Option<i64>) -> Result<Vec<Resource>> {
    read.list(&Query {
        ty: "service",
        kinds: vec!["loadBalancerService"],
        account_id: environment,
        limit: usize::MAX >> 1,
        ..Query::default()
    })
}

/// Takes the rules that lead to a service which goes from the balancers of its environment.
///
/// # Errors
/// When the database fails.
pub fn forget(tx: &mut Tx<'_>, target: &Resource) -> Result<()> {
    let leads_there =
        |rule: &Value| rule.get("serviceId").and_then(Value::as_i64) == Some(target.id);
    for balancer in balancers(tx, target.account_id)? {
        if balancer.id == target.id
            || !list(balancer.map("lbConfig"), "portRules").iter().any(leads_there)
        {
            continue;
        }
        tx.update(balancer.id, |row| {
            let config = row.data.get_mut("lbConfig");
            let rules = config.and_then(|config| config.get_mut("portRules")?.as_array_mut());
            if let Some(rules) = rules {
                rules.retain(|rule| !leads_there(rule));
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn list<'a>(map: Option<&'a Map<String, Value>>, field: &str) -> &'a [Value] {
    map.and_then(|map| map.get(field)?.as_array()).map_or(&[], Vec::as_slice)
}

fn text<'a>(map: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    map.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn port(map: &Map<String, Value>, field: &str) -> Option<u16> {
    map.get(field).and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok())
}

fn count(map: &Map<String, Value>, field: &str) -> Option<u32> {
    map.get(field).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok())
}

fn stickiness(policy: &Map<String, Value>, service: &Resource) -> Stickiness {
    let flag = |field: &str| policy.get(field).and_then(Value::as_bool).unwrap_or(false);
    let own = format!("{}_cookie", service.display_name());
    Stickiness {
        cookie: text(policy, "cookie").map_or(own, str::to_owned),
        mode: text(policy, "mode").unwrap_or("insert").to_owned(),
        domain: text(policy, "domain").map(str::to_owned),
        indirect: flag("indirect"),
        nocache: flag("nocache"),
        postonly: flag("postonly"),
    }
}

/// What one rule of the configuration comes to: one rule, or one for each service that it selects.
fn rules(
    look: &Look<'_>,
    service: &Resource,
    rule: &Map<String, Value>,
    rules: &mut Vec<Rule>,
) -> Result<()> {
    if let Some(id) = rule.get("serviceId").and_then(Value::as_i64) {
        let target = look.read.get(id)?.filter(|target| target.removed.is_none());
        if let (Some(target), Some(own)) = (target, self::rule(rule, &Map::new())) {
            rules.push(with_targets(look, &target, own, port(rule, "targetPort"))?);
        }
        return Ok(());
    }
    let Some(Ok(selector)) = text(rule, "selector").map(str::parse::<Selector>) else {
        return Ok(());
    };
    let query = Query {
        ty: "service",
        account_id: service.account_id,
        limit: usize::MAX >> 1,
        ..Query::default()
    };
    for target in look.read.list(&query)? {
        if target.id == service.id || !selects(&selector, &target) {
            continue;
        }
        // A service that is selected may say where it wants to be.
        let told = list(target.map("lbConfig"), "portRules");
        let told: Vec<&Map<String, Value>> = told.iter().filter_map(Value::as_object).collect();
        let nothing = Map::new();
        let told = if told.is_empty() { vec![&nothing] } else { told };
        for own in told {
            let target_port = port(own, "targetPort").or_else(|| port(rule, "targetPort"));
            if let Some(made) = self::rule(rule, own).filter(|_| target_port.is_some()) {
                rules.push(with_targets(look, &target, made, target_port)?);
            }
        }
    }
    Ok(())
}

fn selects(selector: &Selector, service: &Resource) -> bool {
    let labels = service.map("launchConfig").and_then(|launch| launch.get("labels")?.as_object());
    let labels = labels.into_iter().flatten();
    let labels = labels.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    selector.matches(labels)
}

/// A rule of the balancer, with what the selected service says of itself over it.
fn rule(rule: &Map<String, Value>, told: &Map<String, Value>) -> Option<Rule> {
    let either = |field: &str| text(told, field).or_else(|| text(rule, field));
    Some(Rule {
        source_port: port(rule, "sourcePort")?,
        protocol: Protocol::parse(text(rule, "protocol").unwrap_or("http"))?,
        hostname: either("hostname").unwrap_or("").to_owned(),
        path: either("path").unwrap_or("").to_owned(),
        priority: count(rule, "priority"),
        backend: either("backendName").map(str::to_owned),
        weight: count(rule, "weight"),
        targets: Vec::new(),
    })
}

fn with_targets(
    look: &Look<'_>,
    target: &Resource,
    rule: Rule,
    target_port: Option<u16>,
) -> Result<Rule> {
    let port = target_port.unwrap_or(rule.source_port);
    Ok(Rule { targets: targets(look, target, port, 0)?, ..rule })
}

fn targets(look: &Look<'_>, service: &Resource, port: u16, depth: usize) -> Result<Vec<Target>> {
    if !is_served(&service.state) {
        return Ok(Vec::new());
    }
    let addresses = service.strings("externalIpAddresses");
    let outside = if addresses.is_empty() {
        service.str("hostname").filter(|_| service.kind == "externalService").into_iter().collect()
    } else {
        addresses
    };
    if !outside.is_empty() {
        let target = |address: &str| Target {
            name: address.to_owned(),
            address: address.to_owned(),
            port,
            check: None,
            host: None,
        };
        return Ok(outside.into_iter().map(target).collect());
    }
    if service.kind == "dnsService" {
        return of_alias(look, service, port, depth);
    }
    of_containers(look, service, port)
}

/// Whether requests go to a service in this state.
fn is_served(state: &str) -> bool {
    !matches!(
        state,
        "inactive" | "deactivating" | "removing" | "removed" | "requested" | "registering"
    )
}

fn of_alias(look: &Look<'_>, service: &Resource, port: u16, depth: usize) -> Result<Vec<Target>> {
    let (read, mut found) = (look.read, Vec::new());
    if depth >= DEPTH {
        return Ok(found);
    }
    for map in read.referrers("serviceConsumeMap", "serviceId", service.id)? {
        let target = map.int("consumedServiceId").map(|id| read.get(id)).transpose()?.flatten();
        if let Some(target) = target {
            found.extend(targets(look, &target, port, depth + 1)?);
        }
    }
    Ok(found)
}

/// The containers of a service that requests go to: those that run and are well, or, as with names, all that
/// run if none is well. One that only starts would keep a request waiting for a connection.
fn of_containers(look: &Look<'_>, service: &Resource, port: u16) -> Result<Vec<Target>> {
    let read = look.read;
    let (mut well, mut found) = (Vec::new(), Vec::new());
    let leaving: Vec<i64> = read
        .referrers("serviceExposeMap", "serviceId", service.id)?
        .iter()
        .filter(|map| map.flag("upgrade"))
        .filter_map(|map| map.int("instanceId"))
        .collect();
    for row in read.referrers("instance", "serviceId", service.id)? {
        let is_primary = row.sidekick_name().is_none();
        let is_there = matches!(row.state.as_str(), "running" | "updating-running");
        let host = row.int("hostId");
        let is_elsewhere = look.only.is_some() && host != look.only;
        let goes = row.flag("retired") || leaving.contains(&row.id);
        if !is_primary || !is_there || goes || is_elsewhere {
            continue;
        }
        let owner = row.int("networkContainerId").map(|id| read.get(id)).transpose()?.flatten();
        let Some(address) = owner.as_ref().unwrap_or(&row).str("primaryIpAddress") else {
            continue;
        };
        let target = Target {
            name: row.uuid.clone(),
            address: address.to_owned(),
            port,
            check: row.map("healthCheck").and_then(check),
            host,
        };
        if matches!(row.str("healthState"), None | Some("healthy" | "updating-healthy")) {
            well.push(target.clone());
        }
        found.push(target);
    }
    Ok(if well.is_empty() { found } else { well })
}

fn check(check: &Map<String, Value>) -> Option<Check> {
    let request = text(check, "requestLine").map(|line| line.replace('"', ""));
    Some(Check {
        port: port(check, "port")?,
        interval_ms: check.get("interval").and_then(Value::as_u64).unwrap_or(2000),
        rise: count(check, "healthyThreshold").unwrap_or(2),
        fall: count(check, "unhealthyThreshold").unwrap_or(3),
        request,
    })
}
