//! The rules of placement a second time, as plainly as possible: no index, every host looked at,
//! soft rules dropped one at a time as the specification tells it.

use std::collections::BTreeMap;

use crate::scheduler::affinity::{self, Rule, Subject};
use crate::scheduler::{
    AccessMode, Health, HostFacts, HostId, InstanceFacts, InstanceId, PortBinding, Request,
    VolumeFacts, VolumeId, VolumeNeed,
};

/// Facts as they were told, in no index.
#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    pub(super) hosts: BTreeMap<HostId, HostFacts>,
    pub(super) instances: BTreeMap<InstanceId, (HostId, InstanceFacts)>,
    pub(super) volumes: BTreeMap<VolumeId, VolumeFacts>,
}

#[derive(Clone, PartialEq)]
enum Demand {
    Affinity(Rule),
    Ports,
    Amounts,
    RequireAny,
    OneOf(Vec<HostId>),
    LastHost(HostId),
    Never,
}

impl Demand {
    fn is_soft(&self) -> bool {
        match self {
            Self::Affinity(rule) => rule.op.is_soft(),
            Self::LastHost(_) => true,
            Self::Ports | Self::Amounts | Self::RequireAny | Self::OneOf(_) | Self::Never => false,
        }
    }
}

impl Reference {
    /// The chosen host and how many soft rules it misses; none for a refusal of any kind.
    pub(super) fn place(&self, request: &Request) -> Option<(HostId, usize)> {
        let mut demands = self.demands(request)?;
        let mut dropped = 0;
        let asked = request.members.iter().find_map(|member| member.requested_host);
        let mut hosts: Vec<&HostFacts> = self
            .hosts
            .values()
            .filter(|host| host.environment == request.environment)
            .filter(|host| match asked {
                Some(id) => host.id == id,
                None => host.standing.takes_new(),
            })
            .collect();
        hosts.sort_by_key(|host| (self.count(host), u64::MAX - self.memory_free(host), host.id));
        loop {
            let failures = |host: &HostFacts, soft: bool| -> Vec<Demand> {
                let of_kind = demands.iter().filter(|demand| demand.is_soft() == soft);
                of_kind.filter(|demand| !self.meets(host, demand, request)).cloned().collect()
            };
            let nearest =
                hosts.iter().min_by_key(|h| (failures(h, false).len(), failures(h, true).len()))?;
            if !failures(nearest, false).is_empty() {
                return None;
            }
            match failures(nearest, true).first() {
                None => return Some((nearest.id, dropped)),
                Some(soft) => {
                    let at = demands.iter().position(|demand| demand == soft)?;
                    demands.remove(at);
                    dropped += 1;
                }
            }
        }
    }

    fn demands(&self, request: &Request) -> Option<Vec<Demand>> {
        let mut demands = Vec::new();
        let asked = request.members.iter().find_map(|member| member.requested_host);
        if asked.is_none() {
            demands.extend(affinity::rules(request).into_iter().map(Demand::Affinity));
            demands.extend([Demand::Ports, Demand::Amounts, Demand::RequireAny]);
            let ports: Vec<&PortBinding> = request.members.iter().flat_map(|m| &m.ports).collect();
            for (index, port) in ports.iter().enumerate() {
                if ports.iter().skip(index + 1).any(|other| other.clashes(port)) {
                    return None;
                }
            }
        }
        let unit: Vec<HostId> = self
            .instances
            .values()
            .filter(|(_, facts)| facts.standing.ties_unit())
            .filter(|(_, facts)| facts.unit.is_some() && facts.unit == request.unit)
            .map(|(host, _)| *host)
            .collect();
        if let Some(host) = unit.first() {
            if unit.iter().any(|other| other != host) {
                return None;
            }
            demands.push(Demand::OneOf(vec![*host]));
        }
        for need in request.members.iter().flat_map(|member| &member.volumes) {
            if let VolumeNeed::Existing(id) = need {
                demands.extend(self.volume_demands(self.volumes.get(id)?)?);
            }
        }
        Some(demands)
    }

    fn volume_demands(&self, volume: &VolumeFacts) -> Option<Vec<Demand>> {
        let mut demands = Vec::new();
        if let Some(host) = volume.host {
            demands.push(Demand::OneOf(vec![host]));
        } else if let Some(pool) = volume.pool {
            let mapped = self.hosts.values().filter(|h| h.pools.iter().any(|p| p.pool == pool));
            demands.push(Demand::OneOf(mapped.map(|host| host.id).collect()));
        }
        let users: Vec<&(HostId, InstanceFacts)> = self
            .instances
            .values()
            .filter(|(_, facts)| facts.standing.holds_reservations())
            .filter(|(_, facts)| facts.volumes.contains(&volume.id))
            .collect();
        match volume.access {
            AccessMode::MultiHostRw => {}
            AccessMode::SingleInstanceRw => {
                if users.iter().any(|(_, facts)| facts.health == Health::Fine) {
                    demands.push(Demand::Never);
                }
            }
            AccessMode::SingleHostRw => match (users.first(), volume.last_host) {
                (Some((host, _)), _) if users.iter().all(|(other, _)| other == host) => {
                    demands.push(Demand::OneOf(vec![*host]));
                }
                (Some(_), _) => return None,
                (None, Some(last)) => demands.push(Demand::LastHost(last)),
                (None, None) => {}
            },
        }
        Some(demands)
    }

    fn meets(&self, host: &HostFacts, demand: &Demand, request: &Request) -> bool {
        match demand {
            Demand::Affinity(rule) => self.holds(host, rule, request),
            Demand::Ports => request.members.iter().flat_map(|member| &member.ports).all(|port| {
                let addresses = scheduler_addresses(host);
                if port.address.is_none() && !addresses.is_empty() {
                    let put = |ip: &_| PortBinding { address: Some(*ip), ..*port };
                    addresses.iter().any(|ip| self.port_free(host, &put(ip)))
                } else {
                    self.port_free(host, port)
                }
            }),
            Demand::Amounts => {
                let memory: u64 = request.members.iter().map(|m| m.memory_bytes).sum();
                let cpu: u64 = request.members.iter().map(|m| m.milli_cpu).sum();
                let used: u64 = self.holding(host).map(|facts| facts.milli_cpu).sum();
                memory <= self.memory_free(host)
                    && (host.milli_cpu == 0
                        || cpu <= host.milli_cpu.saturating_sub(used)
                        || cpu == 0)
            }
            Demand::RequireAny => {
                let wanted = label(host, "io.rancher.scheduler.require_any");
                wanted.is_none_or(|wanted| {
                    let labels = request.members.iter().flat_map(|member| &member.labels);
                    labels.clone().any(|(key, value)| {
                        wanted.split(',').any(|one| one == key || one == format!("{key}={value}"))
                    })
                })
            }
            Demand::OneOf(hosts) => hosts.contains(&host.id),
            Demand::LastHost(last) => host.id == *last,
            Demand::Never => false,
        }
    }

    fn holds(&self, host: &HostFacts, rule: &Rule, request: &Request) -> bool {
        let equal = |labels: &[(String, String)]| {
            labels.iter().any(|(key, value)| {
                key.to_lowercase() == rule.key && Some(value.to_lowercase()) == rule.value
            })
        };
        let own = |facts: &InstanceFacts| {
            !rule.op.is_attraction() && facts.unit.is_some() && facts.unit == request.unit
        };
        let mut placed =
            self.instances.values().filter(|(on, facts)| *on == host.id && !own(facts));
        let has = match rule.subject {
            Subject::HostLabel => equal(&host.labels),
            Subject::ContainerLabel => placed.any(|(_, facts)| equal(&facts.labels)),
            Subject::Container => placed.any(|(_, facts)| {
                [&facts.name, &facts.uuid].iter().any(|name| name.to_lowercase() == rule.key)
            }),
        };
        has == rule.op.is_attraction()
    }

    fn holding(&self, host: &HostFacts) -> impl Iterator<Item = &InstanceFacts> {
        let id = host.id;
        let here = self.instances.values().filter(move |(on, _)| *on == id);
        here.map(|(_, facts)| facts).filter(|facts| facts.standing.holds_reservations())
    }

    fn count(&self, host: &HostFacts) -> usize {
        self.holding(host).count()
    }

    fn memory_free(&self, host: &HostFacts) -> u64 {
        let used: u64 = self.holding(host).map(|facts| facts.memory_bytes).sum();
        if host.memory_bytes == 0 { u64::MAX } else { host.memory_bytes.saturating_sub(used) }
    }

    fn port_free(&self, host: &HostFacts, port: &PortBinding) -> bool {
        let id = host.id;
        self.instances
            .values()
            .filter(|(on, facts)| *on == id && facts.standing.holds_ports())
            .map(|(_, facts)| facts)
            .all(|facts| facts.ports.iter().all(|taken| !taken.clashes(port)))
    }
}

fn label<'a>(host: &'a HostFacts, key: &str) -> Option<&'a str> {
    host.labels.iter().find(|(its, _)| its == key).map(|(_, value)| value.as_str())
}

fn scheduler_addresses(host: &HostFacts) -> Vec<std::net::IpAddr> {
    let listed = label(host, "io.rancher.scheduler.ips").unwrap_or_default();
    listed.split(',').filter_map(|ip| ip.parse().ok()).collect()
}
