//! Reads an environment out of the store as a [`World`].

use std::collections::HashMap;
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::lb_config::{self, Names};
use super::world::{
    Container, ContainerFacts, Host, Network, Service, ServiceFacts, Stack, Texts, World,
};
use crate::error::Result;
use crate::model::id;
use crate::model::names::label;
use crate::model::resource::Resource;
use crate::model::selector::Selector;
use crate::store::{Query, Read};

/// Positions by database id.
type Places = HashMap<i64, usize>;

/// The present world of an environment; `None` when there is no such environment.
///
/// # Errors
/// When the database fails.
pub fn world(read: &Read<'_>, environment: i64) -> Result<Option<World>> {
    let Some(project) = read.get(environment)?.filter(|row| row.removed.is_none()) else {
        return Ok(None);
    };
    let all = |ty: &'static str| rows(read, environment, ty);
    let (stacks, services, instances) = (all("stack")?, all("service")?, all("instance")?);
    let (hosts, networks) = (all("host")?, all("network")?);
    let instances: Vec<Resource> =
        instances.into_iter().filter(|row| !row.flag("retired")).collect();
    let places = [&stacks, &services, &instances, &hosts, &networks].map(|rows| positions(rows));
    let [stack_at, service_at, instance_at, host_at, network_at] = places;
    let mut world = World {
        name: project.display_name(),
        uuid: project.uuid.clone(),
        stacks: stacks.iter().map(stack).collect(),
        services: services.iter().map(|row| service(row, &stack_at)).collect(),
        containers: Vec::with_capacity(instances.len()),
        hosts: hosts.iter().map(host).collect(),
        networks: networks.iter().map(|row| network(row, &project)).collect(),
    };
    balances(&services, &service_at, &mut world);
    lb_configs(read, &services, (&service_at, &instances), &mut world)?;
    let sidekicks = sidekicks(&services, &mut world);
    let ports = ports(&all("port")?);
    let calls = calls(&all("instanceLink")?, &instance_at);
    for row in &instances {
        let place = |field: &str, places: &Places| places.get(&row.int(field)?).copied();
        let primary = place("serviceId", &service_at);
        let sidekick = primary.zip(row.sidekick_name()).and_then(|(primary, name)| {
            sidekicks.get(&(primary, name.to_ascii_lowercase())).copied()
        });
        world.containers.push(Container {
            network_from: place("networkContainerId", &instance_at),
            service: sidekick.or(primary),
            stack: place("stackId", &stack_at),
            host: place("hostId", &host_at),
            network: place("primaryNetworkId", &network_at),
            links: calls.get(&row.id).cloned().unwrap_or_default(),
            ..container(row, ports.get(&row.id))
        });
    }
    members(read, environment, (&service_at, &instance_at), &mut world)?;
    links(&all("serviceConsumeMap")?, &service_at, &mut world);
    Ok(Some(world))
}

fn rows(read: &Read<'_>, environment: i64, ty: &'static str) -> Result<Vec<Resource>> {
    let query =
        Query { ty, account_id: Some(environment), limit: usize::MAX >> 1, ..Query::default() };
    read.list(&query)
}

fn positions(rows: &[Resource]) -> Places {
    rows.iter().enumerate().map(|(index, row)| (row.id, index)).collect()
}

fn texts(map: Option<&Map<String, Value>>) -> Texts {
    let pairs = map.into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn list(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn stack(row: &Resource) -> Stack {
    Stack { name: row.display_name(), uuid: row.uuid.clone(), system: row.flag("system") }
}

fn service(row: &Resource, stacks: &Places) -> Service {
    let config = row.map("launchConfig");
    let configs = row.list("secondaryLaunchConfigs").iter();
    let stack = row.int("stackId").and_then(|id| stacks.get(&id)).copied();
    Service {
        name: row.display_name(),
        uuid: row.uuid.clone(),
        stack: stack.unwrap_or(usize::MAX),
        kind: row.kind.clone(),
        state: row.state.clone(),
        sidekicks: configs.filter_map(|own| own.get("name")?.as_str().map(str::to_owned)).collect(),
        vip: row.str("vip").and_then(|text| text.parse().ok()),
        external_ips: row
            .strings("externalIpAddresses")
            .iter()
            .filter_map(|ip| ip.parse().ok())
            .collect(),
        hostname: row.str("hostname").map(str::to_owned),
        shown: ServiceFacts {
            create_index: row.int("createIndex"),
            scale: row.int("scale").unwrap_or(1),
            metadata: row.map("metadata").cloned().unwrap_or_default(),
            fqdn: row.str("fqdn").map(str::to_owned),
            token: row.str("token").map(str::to_owned),
            system: row.flag("system"),
            ..config_facts(config)
        },
        ..Service::default()
    }
}

/// What a launch configuration says of its service.
fn config_facts(config: Option<&Map<String, Value>>) -> ServiceFacts {
    let get = |field: &str| config.and_then(|config| config.get(field));
    ServiceFacts {
        ports: list(get("ports")),
        expose: list(get("expose")),
        labels: texts(get("labels").and_then(Value::as_object)),
        health_check: get("healthCheck").and_then(health_check),
        ..ServiceFacts::default()
    }
}

/// A health check in the metadata service's words.
fn health_check(check: &Value) -> Option<Value> {
    let of = |key: &str| check.get(key).cloned().unwrap_or_default();
    check.get("port")?.as_i64()?;
    Some(json!({
        "port": of("port"),
        "interval": of("interval"),
        "response_timeout": of("responseTimeout"),
        "healthy_threshold": of("healthyThreshold"),
        "unhealthy_threshold": of("unhealthyThreshold"),
        "initializing_timeout": of("initializingTimeout"),
        "request_line": of("requestLine"),
    }))
}

/// Where the rules of balancers lead: to services by id, and to those that they select.
fn balances(services: &[Resource], places: &Places, world: &mut World) {
    for (index, row) in services.iter().enumerate() {
        let rules = row.map("lbConfig").and_then(|config| config.get("portRules")?.as_array());
        let mut found = Vec::new();
        for rule in rules.into_iter().flatten().filter(|_| row.kind == "loadBalancerService") {
            found.extend(
                rule.get("serviceId").and_then(Value::as_i64).and_then(|id| places.get(&id)),
            );
            let selector = rule.get("selector").and_then(Value::as_str).map(str::parse::<Selector>);
            let Some(Ok(selector)) = selector else { continue };
            let labels = |own: &Service| {
                let labels = own.shown.labels.iter();
                selector.matches(labels.map(|(key, value)| (key.as_str(), value.as_str())))
            };
            let selected = world.services.iter().enumerate().filter(|(_, own)| labels(own));
            found.extend(selected.map(|(position, _)| position));
        }
        if let Some(service) = world.services.get_mut(index) {
            service.balances = found;
        }
    }
}

/// What balancers and services that say where they want to be are told of themselves.
fn lb_configs(
    read: &Read<'_>,
    services: &[Resource],
    (service_at, instances): (&Places, &[Resource]),
    world: &mut World,
) -> Result<()> {
    for (index, row) in services.iter().enumerate() {
        let Some(config) = row.map("lbConfig") else { continue };
        let mut names = Names::default();
        for id in lb_config::services(config) {
            let target = service_at.get(&id).and_then(|at| world.services.get(*at));
            let name = target.map(|own| format!("{}/{}", world.stack_of(own), own.name));
            names.services.extend(name.map(|name| (id, name)));
        }
        for id in lb_config::certificates(config) {
            let row = read.get(id)?.filter(|row| row.removed.is_none());
            names.certificates.extend(row.and_then(|row| row.name).map(|name| (id, name)));
        }
        for id in lb_config::containers(config) {
            let row = instances.iter().find(|row| row.id == id);
            names.containers.extend(row.map(|row| (id, row.display_name())));
        }
        if let Some(service) = world.services.get_mut(index) {
            service.shown.lb_config = Some(lb_config::shown(config, &names));
        }
    }
    Ok(())
}

/// Adds each sidekick as a service; their positions by (service, name).
fn sidekicks(services: &[Resource], world: &mut World) -> HashMap<(usize, String), usize> {
    let mut places = HashMap::new();
    for (primary, row) in services.iter().enumerate() {
        for config in row.list("secondaryLaunchConfigs") {
            let Some(name) = config.get("name").and_then(Value::as_str) else { continue };
            let Some(owner) = world.services.get(primary) else { continue };
            let sidekick = Service {
                name: name.to_owned(),
                uuid: owner.uuid.clone(),
                stack: owner.stack,
                kind: owner.kind.clone(),
                state: owner.state.clone(),
                primary: Some(primary),
                shown: ServiceFacts {
                    create_index: owner.shown.create_index,
                    scale: owner.shown.scale,
                    metadata: owner.shown.metadata.clone(),
                    token: owner.shown.token.clone(),
                    system: owner.shown.system,
                    ..config_facts(config.as_object())
                },
                ..Service::default()
            };
            places.insert((primary, name.to_ascii_lowercase()), world.services.len());
            world.services.push(sidekick);
        }
    }
    places
}

/// Published ports of containers, as `hostIp:public:private/protocol`.
fn ports(rows: &[Resource]) -> HashMap<i64, Vec<String>> {
    let mut ports: HashMap<i64, Vec<String>> = HashMap::new();
    for row in rows {
        let Some((container, public)) = row.int("instanceId").zip(row.int("publicPort")) else {
            continue;
        };
        let address = row.str("bindAddress").unwrap_or("0.0.0.0");
        let (private, protocol) =
            (row.int("privatePort").unwrap_or(public), row.str("protocol").unwrap_or("tcp"));
        let text = format!("{address}:{public}:{private}/{protocol}");
        ports.entry(container).or_default().push(text);
    }
    ports
}

fn container(row: &Resource, ports: Option<&Vec<String>>) -> Container {
    let owned = |field: &str| row.str(field).map(str::to_owned);
    let health = row.str("healthState");
    Container {
        name: row.display_name(),
        uuid: row.uuid.clone(),
        external_id: owned("externalId"),
        ip: row.str("primaryIpAddress").and_then(|text| text.parse::<Ipv4Addr>().ok()),
        running: matches!(
            row.state.as_str(),
            "running" | "starting" | "restarting" | "updating-running"
        ),
        healthy: matches!(health, None | Some("healthy" | "updating-healthy")),
        aliases: row.strings("netAlias").into_iter().map(str::to_owned).collect(),
        dns: row.strings("dns").into_iter().map(str::to_owned).collect(),
        shown: ContainerFacts {
            state: row.state.clone(),
            health_state: health.map(str::to_owned),
            health_check: row.data.get("healthCheck").and_then(health_check),
            mac: owned("primaryMacAddress"),
            ports: ports.cloned().unwrap_or_default(),
            labels: texts(row.map("labels")),
            create_index: row.int("createIndex"),
            service_index: owned("serviceIndex"),
            start_count: row.int("startCount"),
            hostname: owned("hostname"),
            dns_search: row.strings("dnsSearch").into_iter().map(str::to_owned).collect(),
            memory_reservation: row.int("memoryReservation"),
            milli_cpu_reservation: row.int("milliCpuReservation"),
            system: row.flag("system"),
        },
        ..Container::default()
    }
}

fn host(row: &Resource) -> Host {
    Host {
        name: row
            .name
            .clone()
            .or_else(|| row.str("hostname").map(str::to_owned))
            .unwrap_or_default(),
        uuid: row.uuid.clone(),
        hostname: row.str("hostname").unwrap_or_default().to_owned(),
        agent_ip: row.str("agentIpAddress").map(str::to_owned),
        labels: texts(row.map("labels")),
        memory: row.int("memory"),
        milli_cpu: row.int("milliCpu"),
        local_storage_mb: row.int("localStorageMb"),
        id: id::format("h", row.id),
        state: row.state.clone(),
        agent_state: row.str("agentState").map(str::to_owned),
    }
}

fn network(row: &Resource, project: &Resource) -> Network {
    Network {
        name: row.display_name(),
        uuid: row.uuid.clone(),
        metadata: row.map("metadata").cloned().unwrap_or_default(),
        is_default: project.int("defaultNetworkId") == Some(row.id),
        host_ports: row.flag("hostPorts"),
        default_policy_action: row.str("defaultPolicyAction").unwrap_or("allow").to_owned(),
        policy: row.data.get("policy").filter(|policy| !policy.is_null()).cloned(),
    }
}

/// Names that containers call others by, and the positions of those.
fn calls(rows: &[Resource], instance_at: &Places) -> HashMap<i64, Vec<(String, usize)>> {
    let mut calls: HashMap<i64, Vec<(String, usize)>> = HashMap::new();
    for row in rows {
        let target = row.int("targetInstanceId").and_then(|id| instance_at.get(&id));
        let (Some(caller), Some(name), Some(target)) =
            (row.int("instanceId"), row.str("linkName"), target)
        else {
            continue;
        };
        calls.entry(caller).or_default().push((name.to_owned(), *target));
    }
    calls
}

/// Puts containers into their services: those of the service, those it selects.
fn members(
    read: &Read<'_>,
    environment: i64,
    (service_at, instance_at): (&Places, &Places),
    world: &mut World,
) -> Result<()> {
    for (index, container) in world.containers.iter().enumerate() {
        if let Some(service) = container.service.and_then(|at| world.services.get_mut(at)) {
            service.containers.push(index);
        }
    }
    for map in rows(read, environment, "serviceExposeMap")? {
        let at = |field: &str, places: &Places| places.get(&map.int(field)?).copied();
        let Some((service, container)) =
            at("serviceId", service_at).zip(at("instanceId", instance_at))
        else {
            continue;
        };
        let own = world.containers.get(container).and_then(|own| own.service);
        let Some(service) = world.services.get_mut(service) else { continue };
        if map.flag("upgrade") {
            // On its way out: an upgrade has replaced it.
            service.containers.retain(|member| *member != container);
        } else if own.is_none() && !service.containers.contains(&container) {
            service.containers.push(container);
        }
    }
    let global: Vec<usize> = world
        .services
        .iter()
        .enumerate()
        .filter(|(_, own)| own.shown.labels.get(label::GLOBAL).is_some_and(|on| on == "true"))
        .map(|(index, _)| index)
        .collect();
    for index in global {
        if let Some(service) = world.services.get_mut(index) {
            service.shown.scale = i64::try_from(service.containers.len()).unwrap_or(i64::MAX);
        }
    }
    Ok(())
}

/// Links between services, under the name given or the target's own.
fn links(maps: &[Resource], services: &Places, world: &mut World) {
    for map in maps {
        let at = |field: &str| services.get(&map.int(field)?).copied();
        let Some((from, to)) = at("serviceId").zip(at("consumedServiceId")) else { continue };
        let name = map.name.clone().filter(|name| !name.is_empty());
        let name = name.or_else(|| world.services.get(to).map(|target| target.name.clone()));
        if let Some((service, name)) = world.services.get_mut(from).zip(name) {
            service.links.push((name, to));
        }
    }
}
