//! The metadata of a world as trees, one for each version of the service: pure.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::path;
use super::world::{Container, Host, Network, Service, Stack, Texts, World};

/// A version of the metadata service, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// Services name their containers, stacks their services.
    Y2015M07,
    /// Services hold their containers, stacks their services.
    Y2015M12,
    /// Names are in lower case; ports keep the address they are bound to.
    Y2016M07,
}

/// The versions with their names in paths; `latest` is the newest.
pub const VERSIONS: &[(&str, Version)] = &[
    ("2015-07-25", Version::Y2015M07),
    ("2015-12-19", Version::Y2015M12),
    ("2016-07-29", Version::Y2016M07),
    ("latest", Version::Y2016M07),
];

/// What a caller is told of under `self`.
const PARTS: [&str; 4] = ["host", "container", "stack", "service"];

/// All that a version of the service knows of a world.
#[derive(Debug)]
pub struct Tree {
    version: Version,
    /// What every caller is answered.
    common: Map<String, Value>,
}

impl Tree {
    /// Builds the tree; `number` is that of the world: another number, another `/version`.
    pub fn new(world: &World, version: Version, number: u64) -> Self {
        let build = Build { world, version };
        let mut common = Map::new();
        let mut set = |key: &str, value: Value| common.insert(key.to_owned(), value);
        set("version", number.to_string().into());
        set("name", world.name.clone().into());
        set("uuid", world.uuid.clone().into());
        set("environment_name", world.name.clone().into());
        set("environment_uuid", world.uuid.clone().into());
        set("region_name", Value::Null);
        set("regions", json!([]));
        let containers = (0..world.containers.len()).map(|index| build.container(index));
        set("containers", containers.collect());
        set("services", world.services.iter().map(|own| build.service(own)).collect());
        let stacks = world.stacks.iter().enumerate();
        set("stacks", stacks.map(|(index, own)| build.stack(index, own)).collect());
        set("hosts", world.hosts.iter().map(|own| host(world, own)).collect());
        set("networks", world.networks.iter().map(|own| network(world, own)).collect());
        set("environments", json!([{"name": world.name, "uuid": world.uuid, "system": false}]));
        Self { version, common }
    }

    /// What is at a path for the container at this position, or for a caller that is none. Nothing is
    /// copied but a caller's own service, which only it is told the token of.
    pub fn find(
        &self,
        world: &World,
        asker: Option<usize>,
        segments: &[&str],
    ) -> Option<Cow<'_, Value>> {
        let (root, rest) = match segments {
            [] => (Cow::Owned(self.whole(world, asker)), segments),
            [first] if first.eq_ignore_ascii_case("self") => {
                (Cow::Owned(Value::Object(self.own(world, asker))), &[][..])
            }
            [first, part, rest @ ..] if first.eq_ignore_ascii_case("self") => {
                (self.part(world, asker, &part.to_lowercase())?, rest)
            }
            [first, rest @ ..] => {
                let found = self.common.get(*first);
                let found = found.or_else(|| self.common.get(&first.to_lowercase()));
                (Cow::Borrowed(found?), rest)
            }
        };
        match root {
            Cow::Borrowed(root) => path::walk(root, rest).map(Cow::Borrowed),
            Cow::Owned(root) => path::walk(&root, rest).cloned().map(Cow::Owned),
        }
    }

    /// The names of what is at the root.
    pub fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> =
            self.common.keys().map(String::as_str).chain(std::iter::once("self")).collect();
        keys.sort_unstable();
        keys
    }

    /// The whole tree.
    pub fn whole(&self, world: &World, asker: Option<usize>) -> Value {
        let mut all = self.common.clone();
        all.insert("self".to_owned(), Value::Object(self.own(world, asker)));
        Value::Object(all)
    }

    fn own(&self, world: &World, asker: Option<usize>) -> Map<String, Value> {
        let parts = PARTS.iter().filter_map(|part| {
            Some(((*part).to_owned(), self.part(world, asker, part)?.into_owned()))
        });
        parts.collect()
    }

    /// What a caller is told of itself, its service, its stack or its host.
    fn part(&self, world: &World, asker: Option<usize>, part: &str) -> Option<Cow<'_, Value>> {
        let at = |list: &str, index: Option<usize>| {
            let found = index.and_then(|index| self.common.get(list)?.get(index));
            found.map_or(Cow::Owned(Value::Null), Cow::Borrowed)
        };
        let container = asker.and_then(|index| world.containers.get(index));
        match (part, container) {
            ("host", None) => Some(at("hosts", (world.hosts.len() == 1).then_some(0))),
            ("host", Some(container)) => Some(at("hosts", container.host)),
            ("container", Some(_)) => Some(at("containers", asker)),
            ("stack", Some(container)) => Some(at("stacks", container.stack)),
            ("service", Some(container)) => {
                let service = world.services.get(container.service?)?;
                let mut value = at("services", container.service).into_owned();
                value
                    .as_object_mut()?
                    .insert("token".to_owned(), service.shown.token.clone().into());
                Some(Cow::Owned(value))
            }
            _ => None,
        }
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }
}

struct Build<'a> {
    world: &'a World,
    version: Version,
}

impl Build<'_> {
    /// A name as this version writes it.
    fn name(&self, name: &str) -> String {
        if self.version >= Version::Y2016M07 { name.to_lowercase() } else { name.to_owned() }
    }

    fn stack_name(&self, stack: Option<usize>) -> Value {
        stack.and_then(|stack| self.world.stacks.get(stack)).map(|own| self.name(&own.name)).into()
    }

    fn container(&self, index: usize) -> Value {
        let Some(own) = self.world.containers.get(index) else { return Value::Null };
        let world = self.world;
        let (service, facts) = (own.service.and_then(|at| world.services.get(at)), &own.shown);
        let host = own.host.and_then(|at| world.hosts.get(at));
        let ip = world.address_of(index).map(|ip| ip.to_string());
        let host_ip = host.and_then(|host| host.agent_ip.clone());
        let of = |at: Option<usize>| at.and_then(|at| world.containers.get(at));
        let links: Map<String, Value> = own
            .links
            .iter()
            .filter_map(|(name, to)| Some((name.clone(), of(Some(*to))?.uuid.clone().into())))
            .collect();
        let checkers: Vec<&str> = facts
            .health_check
            .as_ref()
            .and(host)
            .map(|host| host.uuid.as_str())
            .into_iter()
            .collect();
        json!({
            "name": self.name(&own.name),
            "uuid": own.uuid,
            "external_id": own.external_id,
            "primary_ip": ip,
            "ips": ip.iter().collect::<Vec<_>>(),
            "primary_mac_address": facts.mac,
            "ports": self.ports(own, host_ip.as_deref()),
            "service_name": service.map(|service| self.name(&service.name)),
            "service_uuid": service.map(|service| service.uuid.clone()),
            "stack_name": self.stack_name(own.stack),
            "stack_uuid": own.stack.and_then(|at| world.stacks.get(at)).map(|own| own.uuid.clone()),
            "labels": facts.labels,
            "create_index": facts.create_index,
            "service_index": facts.service_index,
            "start_count": facts.start_count,
            "state": facts.state,
            "health_state": facts.health_state,
            "health_check": facts.health_check,
            "health_check_hosts": checkers,
            "host_uuid": host.map(|host| host.uuid.clone()),
            "host_ip": host_ip,
            "hostname": facts.hostname,
            "network_uuid": own.network.and_then(|at| world.networks.get(at)).map(|own| own.uuid.clone()),
            "network_from_container_uuid": of(own.network_from).map(|own| own.uuid.clone()),
            "dns": own.dns,
            "dns_search": facts.dns_search,
            "links": links,
            "memory_reservation": facts.memory_reservation,
            "milli_cpu_reservation": facts.milli_cpu_reservation,
            "system": facts.system,
            "environment_uuid": world.uuid,
        })
    }

    /// Published ports; before the newest version the host's address stands for any address.
    fn ports(&self, own: &Container, host_ip: Option<&str>) -> Vec<String> {
        let any = "0.0.0.0:";
        own.shown
            .ports
            .iter()
            .map(|port| match (port.strip_prefix(any), host_ip) {
                (Some(rest), Some(ip)) if self.version < Version::Y2016M07 => {
                    format!("{ip}:{rest}")
                }
                _ => port.clone(),
            })
            .collect()
    }

    fn service(&self, own: &Service) -> Value {
        let (world, facts) = (self.world, &own.shown);
        let primary = own.primary.and_then(|at| world.services.get(at)).unwrap_or(own);
        let containers: Vec<Value> = own
            .containers
            .iter()
            .filter_map(|at| {
                let container = world.containers.get(*at)?;
                Some(match self.version {
                    Version::Y2015M07 => container.name.clone().into(),
                    Version::Y2015M12 | Version::Y2016M07 => self.container(*at),
                })
            })
            .collect();
        let links: Map<String, Value> = own
            .links
            .iter()
            .filter_map(|(alias, at)| {
                let target = world.services.get(*at)?;
                let key = format!("{}/{}", world.stack_of(target), target.name);
                Some((self.name(&key), self.name(alias).into()))
            })
            .collect();
        let sidekicks: Vec<String> = own.sidekicks.iter().map(|name| self.name(name)).collect();
        json!({
            "name": self.name(&own.name),
            "uuid": own.uuid,
            "stack_name": self.stack_name(Some(own.stack)),
            "stack_uuid": world.stacks.get(own.stack).map(|own| own.uuid.clone()),
            "kind": own.kind,
            "state": own.state,
            "hostname": own.hostname,
            "vip": own.vip.map(|ip| ip.to_string()),
            "create_index": facts.create_index,
            "external_ips": own.external_ips.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "sidekicks": sidekicks,
            "primary_service_name": self.name(&primary.name),
            "ports": facts.ports,
            "expose": facts.expose,
            "labels": facts.labels,
            "metadata": facts.metadata,
            "scale": facts.scale,
            "fqdn": facts.fqdn,
            "health_check": facts.health_check,
            "lb_config": facts.lb_config,
            "links": links,
            "containers": containers,
            "token": null,
            "system": facts.system,
            "environment_uuid": world.uuid,
        })
    }

    fn stack(&self, index: usize, own: &Stack) -> Value {
        let services = self.world.services.iter().filter(|service| service.stack == index);
        let services: Vec<Value> = services
            .map(|service| match self.version {
                Version::Y2015M07 => service.name.clone().into(),
                Version::Y2015M12 | Version::Y2016M07 => self.service(service),
            })
            .collect();
        json!({
            "name": self.name(&own.name),
            "uuid": own.uuid,
            "services": services,
            "environment_name": self.world.name,
            "environment_uuid": self.world.uuid,
            "system": own.system,
        })
    }
}

fn host(world: &World, own: &Host) -> Value {
    let labels: &Texts = &own.labels;
    json!({
        "name": own.name,
        "uuid": own.uuid,
        "hostname": own.hostname,
        "agent_ip": own.agent_ip,
        "labels": labels,
        "memory": own.memory,
        "milli_cpu": own.milli_cpu,
        "local_storage_mb": own.local_storage_mb,
        "hostId": own.id,
        "state": own.state,
        "agent_state": own.agent_state,
        "environment_uuid": world.uuid,
    })
}

fn network(world: &World, own: &Network) -> Value {
    json!({
        "name": own.name,
        "uuid": own.uuid,
        "metadata": own.metadata,
        "is_default": own.is_default,
        "host_ports": own.host_ports,
        "default_policy_action": own.default_policy_action,
        "policy": own.policy,
        "environment_uuid": world.uuid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World {
            name: "Default".to_owned(),
            uuid: "e".to_owned(),
            stacks: vec![Stack { name: "Blog".to_owned(), uuid: "s".to_owned(), system: false }],
            services: vec![Service {
                name: "Web".to_owned(),
                uuid: "w".to_owned(),
                kind: "service".to_owned(),
                containers: vec![0],
                links: vec![("Self".to_owned(), 0)],
                shown: super::super::world::ServiceFacts {
                    token: Some("t".to_owned()),
                    ..Default::default()
                },
                ..Service::default()
            }],
            containers: vec![Container {
                name: "Blog-Web-1".to_owned(),
                uuid: "c".to_owned(),
                ip: "10.42.0.2".parse().ok(),
                service: Some(0),
                stack: Some(0),
                host: Some(0),
                shown: super::super::world::ContainerFacts {
                    ports: vec!["0.0.0.0:80:80/tcp".to_owned(), "127.0.0.1:1:1/tcp".to_owned()],
                    ..Default::default()
                },
                ..Container::default()
            }],
            hosts: vec![Host {
                uuid: "h".to_owned(),
                agent_ip: Some("192.0.2.1".to_owned()),
                ..Host::default()
            }],
            networks: Vec::new(),
        }
    }

    #[test]
    fn versions_differ_in_depth_case_and_ports() {
        let world = world();
        let at = |version: Version, pointer: &str| {
            Tree::new(&world, version, 7).whole(&world, Some(0)).pointer(pointer).cloned()
        };
        for (version, pointer, expect) in [
            (Version::Y2015M07, "/services/0/containers", json!(["Blog-Web-1"])),
            (Version::Y2015M07, "/stacks/0/services", json!(["Web"])),
            (Version::Y2015M12, "/services/0/containers/0/name", json!("Blog-Web-1")),
            (Version::Y2015M12, "/stacks/0/services/0/name", json!("Web")),
            (Version::Y2015M12, "/services/0/links", json!({"Blog/Web": "Self"})),
            (Version::Y2015M12, "/containers/0/ports/0", json!("192.0.2.1:80:80/tcp")),
            (Version::Y2016M07, "/containers/0/ports/0", json!("0.0.0.0:80:80/tcp")),
            (Version::Y2016M07, "/containers/0/ports/1", json!("127.0.0.1:1:1/tcp")),
            (Version::Y2016M07, "/services/0/name", json!("web")),
            (Version::Y2016M07, "/services/0/links", json!({"blog/web": "self"})),
            (Version::Y2016M07, "/version", json!("7")),
            (Version::Y2016M07, "/services/0/token", json!(null)),
            (Version::Y2016M07, "/self/service/token", json!("t")),
            (Version::Y2016M07, "/self/host/agent_ip", json!("192.0.2.1")),
        ] {
            assert_eq!(at(version, pointer), Some(expect), "{version:?} {pointer}");
        }
    }

    #[test]
    fn strangers_see_everything_but_themselves() {
        let world = world();
        let tree = Tree::new(&world, Version::Y2016M07, 1);
        let own = tree.find(&world, None, &["self"]).unwrap();
        assert_eq!(own.as_object().unwrap().keys().collect::<Vec<_>>(), ["host"]);
        assert!(tree.find(&world, None, &["containers"]).is_some());
        assert!(tree.find(&world, None, &["nothing"]).is_none());
        assert!(tree.find(&world, None, &["self", "container"]).is_none());
    }

    #[test]
    fn paths_lead_to_what_the_whole_tree_has() {
        let world = world();
        let tree = Tree::new(&world, Version::Y2016M07, 1);
        for (path, expect) in [
            ("self/service/token", Some(json!("t"))),
            ("Self/Container/name", Some(json!("blog-web-1"))),
            ("self/stack/services/web/scale", Some(json!(0))),
            ("self/host/agent_ip", Some(json!("192.0.2.1"))),
            ("self/nothing", None),
            ("services/Web/containers/0/primary_ip", Some(json!("10.42.0.2"))),
            ("services/web/nothing", None),
            ("VERSION", Some(json!("1"))),
        ] {
            let segments: Vec<&str> = path.split('/').collect();
            let found = tree.find(&world, Some(0), &segments).map(Cow::into_owned);
            assert_eq!(found, expect, "{path}");
        }
        let whole = tree.find(&world, Some(0), &[]).map(Cow::into_owned);
        assert_eq!(whole, Some(tree.whole(&world, Some(0))));
    }
}
