//! Which addresses a name means to the container that asks: pure.
//!
//! The rules are those of Rancher's DNS (behaviour of version 1.6): links first, then services as
//! `service.stack`, sidekicks as `sidekick.service.stack`, and containers by name. Only containers that
//! run and pass their checks are answered; when none does, the last one alone, so that an answer is
//! never empty for a service that has containers.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::world::{Container, Service, World};

/// The domain under which we alone know what there is.
pub const DOMAIN: &str = "rancher.internal";
/// Where containers find DNS and metadata.
pub const WELL_KNOWN: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 250);
/// Name of the metadata service.
const METADATA: &str = "rancher-metadata";
/// How far aliases of aliases are followed.
const DEPTH: usize = 8;

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These addresses, in no particular order; none for a service without containers.
    Addresses(Vec<Ipv4Addr>),
    /// What this other name means.
    Alias(String),
    /// Nothing, and nobody else need be asked.
    Unknown,
    /// Nothing that we know of: these servers may, or the host's if there are none.
    Elsewhere(Vec<String>),
}

/// The names of a world, ready to be looked up.
#[derive(Debug, Default)]
pub struct Names {
    world: World,
    by_address: HashMap<Ipv4Addr, usize>,
    /// By `service.stack` and `sidekick.service.stack`, in lower case.
    services: HashMap<String, usize>,
    /// By `alias.stack`, in lower case.
    aliases: HashMap<String, Vec<usize>>,
    /// By name, in lower case.
    containers: HashMap<String, usize>,
}

impl Names {
    /// Indexes a world.
    pub fn new(world: World) -> Self {
        let services = world.services.iter().enumerate().map(|(index, service)| {
            let stack = world.stack_of(service);
            let name = match service.primary.and_then(|primary| world.services.get(primary)) {
                Some(primary) => format!("{}.{}.{stack}", service.name, primary.name),
                None => format!("{}.{stack}", service.name),
            };
            (name.to_ascii_lowercase(), index)
        });
        let services = services.collect();
        let mut aliases: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, container) in world.containers.iter().enumerate() {
            let stack = container.stack.and_then(|stack| world.stacks.get(stack));
            for alias in &container.aliases {
                let stack = stack.map_or("", |stack| stack.name.as_str());
                let name = format!("{alias}.{stack}").to_ascii_lowercase();
                aliases.entry(name).or_default().push(index);
            }
        }
        let containers = world.containers.iter().enumerate();
        let containers =
            containers.map(|(index, own)| (own.name.to_ascii_lowercase(), index)).collect();
        Self { by_address: world.by_address(), services, aliases, containers, world }
    }

    /// The world that is answered out of.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Position of the container with this address.
    pub fn asker(&self, address: Ipv4Addr) -> Option<usize> {
        self.by_address.get(&address).copied()
    }

    /// What `name` means to the container at `address`. A final dot does not matter, nor does case.
    pub fn resolve(&self, address: Ipv4Addr, name: &str) -> Answer {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let asker = self.asker(address).and_then(|index| self.world.containers.get(index));
        let ours = name.strip_suffix(DOMAIN).and_then(|rest| rest.strip_suffix('.'));
        let found = self.find(asker, ours.unwrap_or(&name), 0);
        if let Some(answer) = found {
            return answer;
        }
        // A bare name is the asker's stack's, as the search domains would make it.
        if let Some(answer) = self.short(asker, &name).filter(|_| ours.is_none()) {
            return answer;
        }
        if ours.is_some() || name == DOMAIN {
            return Answer::Unknown;
        }
        Answer::Elsewhere(asker.map(|asker| asker.dns.clone()).unwrap_or_default())
    }

    fn find(&self, asker: Option<&Container>, name: &str, depth: usize) -> Option<Answer> {
        if name == METADATA {
            return Some(Answer::Addresses(vec![WELL_KNOWN]));
        }
        if let Some(answer) = asker.and_then(|asker| self.linked(asker, name, depth)) {
            return Some(answer);
        }
        if let Some(service) = self.services.get(name) {
            return Some(self.service(*service, depth));
        }
        if let Some(containers) = self.aliases.get(name) {
            return Some(self.of_containers(containers));
        }
        let container = *self.containers.get(name)?;
        Some(Answer::Addresses(self.world.address_of(container).into_iter().collect()))
    }

    /// A name without its stack, or inside a unit without its service.
    fn short(&self, asker: Option<&Container>, name: &str) -> Option<Answer> {
        let asker = asker?;
        let stack = self.world.stacks.get(asker.stack?)?;
        let inside = |domain: String| self.find(Some(asker), &format!("{name}.{domain}"), 0);
        let stack = stack.name.to_ascii_lowercase();
        inside(stack.clone()).or_else(|| {
            let service = self.world.services.get(asker.service?)?;
            let primary = service.primary.and_then(|primary| self.world.services.get(primary));
            let service = primary.unwrap_or(service).name.to_ascii_lowercase();
            inside(format!("{service}.{stack}"))
        })
    }

    /// `alias` and `alias.stack` of the asker's own links; those of its service go before its own.
    fn linked(&self, asker: &Container, name: &str, depth: usize) -> Option<Answer> {
        let stack = asker.stack.and_then(|stack| self.world.stacks.get(stack));
        let stack = stack.map(|stack| stack.name.to_ascii_lowercase());
        let is = |alias: &str| {
            let alias = alias.to_ascii_lowercase();
            let rest = name.strip_prefix(alias.as_str());
            rest.is_some_and(|rest| {
                rest.is_empty()
                    || stack.as_deref().is_some_and(|stack| rest.strip_prefix('.') == Some(stack))
            })
        };
        let service = asker.service.and_then(|service| self.world.services.get(service));
        let links = |service: &Service| {
            service.links.iter().find(|(alias, _)| is(alias)).map(|(_, target)| *target)
        };
        let of_primary = || {
            let primary = service?.primary?;
            self.world.services.get(primary).and_then(links)
        };
        if let Some(target) = service.and_then(links).or_else(of_primary) {
            return Some(self.service(target, depth + 1));
        }
        let (_, target) = asker.links.iter().find(|(alias, _)| is(alias))?;
        Some(Answer::Addresses(self.world.address_of(*target).into_iter().collect()))
    }

    fn service(&self, index: usize, depth: usize) -> Answer {
        let Some(service) = self.world.services.get(index) else {
            return Answer::Addresses(Vec::new());
        };
        if let Some(vip) = service.vip {
            return Answer::Addresses(vec![vip]);
        }
        if let Some(hostname) =
            service.hostname.as_ref().filter(|_| service.external_ips.is_empty())
        {
            return Answer::Alias(hostname.clone());
        }
        if !service.external_ips.is_empty() {
            return Answer::Addresses(service.external_ips.clone());
        }
        if service.kind == "dnsService" {
            return self.union(service, depth);
        }
        self.of_containers(&service.containers)
    }

    /// An alias: all that its links lead to.
    fn union(&self, service: &Service, depth: usize) -> Answer {
        let mut addresses = Vec::new();
        for (_, target) in service.links.iter().filter(|_| depth < DEPTH) {
            match self.service(*target, depth + 1) {
                Answer::Addresses(more) => {
                    addresses.extend(
                        more.into_iter().filter(|own| !addresses.contains(own)).collect::<Vec<_>>(),
                    );
                }
                alias @ Answer::Alias(_) if addresses.is_empty() => return alias,
                Answer::Alias(_) | Answer::Unknown | Answer::Elsewhere(_) => {}
            }
        }
        Answer::Addresses(addresses)
    }

    fn of_containers(&self, positions: &[usize]) -> Answer {
        let there = |wanted: &dyn Fn(&Container) -> bool| -> Vec<Ipv4Addr> {
            let running = positions.iter().filter(|index| {
                self.world.containers.get(**index).is_some_and(|own| own.running && wanted(own))
            });
            running.filter_map(|index| self.world.address_of(*index)).collect()
        };
        let healthy = there(&|container| container.healthy);
        if !healthy.is_empty() {
            return Answer::Addresses(healthy);
        }
        Answer::Addresses(there(&|_| true).pop().into_iter().collect())
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
