//! From an environment and its network's policy to the rules that its bridge needs on each host. What goes
//! from one container to another over a bridge stays on a host, so each host needs to know its own only.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::model::policy::{self, Action, Ports, Problem, Rule, Who};
use crate::model::selector::Selector;
use crate::network::world::{Container, World};

/// Addresses; `None` is every address of the network.
pub type Side = Option<BTreeSet<Ipv4Addr>>;

/// What a network's bridge lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Looked at in order; the first that fits decides.
    pub lines: Vec<Line>,
    /// What becomes of a connection that fits none.
    pub otherwise: Action,
}

/// What the bridges of a network let through, host by host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fences {
    /// By uuid of the host.
    hosts: BTreeMap<String, Fence>,
    /// That of hosts without containers.
    bare: Fence,
}

impl Fences {
    /// That of a host.
    pub fn of(&self, host: &str) -> &Fence {
        self.hosts.get(host).unwrap_or(&self.bare)
    }
}

/// A rule in addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it comes from; fixed words only, nothing that a user wrote.
    pub note: String,
    /// What becomes of a connection that fits.
    pub action: Action,
    /// Where it leads; anywhere if empty.
    pub ports: Vec<Ports>,
    /// From whom to whom; any of these fits.
    pub pairs: Vec<Pair>,
}

/// From whom to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who opens the connection.
    pub from: Side,
    /// Whom to.
    pub to: Side,
}

/// What the bridges of a network need; `None` if its policy changes nothing.
///
/// # Errors
/// When a rule is not understood.
pub fn fences(world: &World, network: usize) -> Result<Option<Fences>, Problem> {
    let Some(own) = world.networks.get(network) else { return Ok(None) };
    let otherwise = policy::action(&own.default_policy_action).unwrap_or(Action::Allow);
    let rules = policy::rules(own.policy.as_ref())?;
    if rules.iter().all(|rule| rule.action == otherwise) && otherwise == Action::Allow {
        return Ok(None);
    }
    let fence = |members: &Members<'_>| members.fence(&rules, otherwise);
    let hosts = Members::by_host(world, network);
    let hosts = hosts
        .iter()
        .filter_map(|(host, members)| Some((world.hosts.get(*host)?.uuid.clone(), fence(members))));
    Ok(Some(Fences { hosts: hosts.collect(), bare: fence(&Members::none(world)) }))
}

impl Pair {
    fn within(all: BTreeSet<Ipv4Addr>) -> Self {
        Self { from: Some(all.clone()), to: Some(all) }
    }

    /// Whether there are two different containers that it is about.
    fn is_of_use(&self) -> bool {
        let empty = |side: &Side| side.as_ref().is_some_and(BTreeSet::is_empty);
        let alone = self.from == self.to && self.from.as_ref().is_some_and(|all| all.len() == 1);
        !empty(&self.from) && !empty(&self.to) && !alone
    }
}

/// The containers of a network on one host. One that shares another's address has that address.
struct Members<'w> {
    world: &'w World,
    at: Vec<(Ipv4Addr, usize, &'w Container)>,
    /// Addresses of services with their sidekicks, by position of the service.
    services: BTreeMap<usize, BTreeSet<Ipv4Addr>>,
}

impl<'w> Members<'w> {
    fn none(world: &'w World) -> Self {
        Self { world, at: Vec::new(), services: BTreeMap::new() }
    }

    fn by_host(world: &'w World, network: usize) -> BTreeMap<usize, Self> {
        let mut selected: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, service) in world.services.iter().enumerate() {
            for container in &service.containers {
                selected.entry(*container).or_default().push(position);
            }
        }
        let mut hosts: BTreeMap<usize, Self> = BTreeMap::new();
        for (index, container) in world.containers.iter().enumerate() {
            let owner = container.network_from.and_then(|owner| world.containers.get(owner));
            let place = owner.unwrap_or(container);
            let address = world.address_of(index).filter(|_| place.network == Some(network));
            let Some((address, host)) = address.zip(place.host) else { continue };
            let members = hosts.entry(host).or_insert_with(|| Self::none(world));
            members.at.push((address, index, container));
            let also = selected.get(&index).into_iter().flatten().copied();
            for service in container.service.into_iter().chain(also) {
                members.services.entry(root(world, service)).or_default().insert(address);
            }
        }
        hosts
    }

    fn fence(&self, rules: &[Rule], otherwise: Action) -> Fence {
        let mut lines = vec![self.infrastructure()];
        for (index, rule) in rules.iter().enumerate() {
            lines.push(Line {
                note: format!("rule {}: {}", index + 1, rule.who),
                action: rule.action,
                ports: rule.ports.clone(),
                pairs: self.pairs(rule),
            });
        }
        for line in &mut lines {
            line.pairs.retain(Pair::is_of_use);
        }
        lines.retain(|line| !line.pairs.is_empty());
        Fence { lines, otherwise }
    }

    fn addresses(&self, mut are: impl FnMut(&Container) -> bool) -> BTreeSet<Ipv4Addr> {
        let of = self.at.iter().filter(|(.., container)| are(container));
        of.map(|(address, ..)| *address).collect()
    }

    /// Addresses by what their containers have in common.
    fn groups<K: Ord>(&self, of: impl Fn(&Container) -> Option<K>) -> Vec<Pair> {
        let mut groups: BTreeMap<K, BTreeSet<Ipv4Addr>> = BTreeMap::new();
        for (address, _, container) in &self.at {
            if let Some(key) = of(container) {
                groups.entry(key).or_default().insert(*address);
            }
        }
        groups.into_values().map(Pair::within).collect()
    }

    /// Infrastructure talks with everyone, whatever the rules say. Whoever merely shares its address does
    /// not count.
    fn infrastructure(&self) -> Line {
        let own =
            |container: &Container| container.shown.system && container.network_from.is_none();
        let system = self.addresses(own);
        let pairs = [(Some(system.clone()), None), (None, Some(system))];
        Line {
            note: "infrastructure".to_owned(),
            action: Action::Allow,
            ports: Vec::new(),
            pairs: pairs.map(|(from, to)| Pair { from, to }).into(),
        }
    }

    fn pairs(&self, rule: &Rule) -> Vec<Pair> {
        let selected = |selector: &Selector| {
            self.addresses(|container| {
                let labels = &container.shown.labels;
                selector.matches(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())))
            })
        };
        match &rule.who {
            Who::Linked => self.linked(),
            Who::Service => self.services.values().cloned().map(Pair::within).collect(),
            Who::Stack => self.groups(|container| {
                let service = container.service.and_then(|at| self.world.services.get(at));
                container.stack.or(service.map(|service| service.stack))
            }),
            Who::SameLabel(label) => {
                self.groups(|container| container.shown.labels.get(label).cloned())
            }
            Who::Selected(selector) => vec![Pair::within(selected(selector))],
            Who::FromTo(from, to) => {
                vec![Pair { from: from.as_ref().map(selected), to: to.as_ref().map(selected) }]
            }
        }
    }

    /// From each service to those it is linked to or balances, and from containers to those they are
    /// linked to.
    fn linked(&self) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (service, addresses) in &self.services {
            let mut found = BTreeSet::new();
            for (position, _) in self.rooted(*service) {
                self.targets(position, &mut found);
            }
            let to =
                found.iter().filter_map(|target| self.services.get(&root(self.world, *target)));
            let to = to.flatten().copied().collect();
            pairs.push(Pair { from: Some(addresses.clone()), to: Some(to) });
        }
        let here: BTreeSet<Ipv4Addr> = self.addresses(|_| true);
        for (address, _, container) in &self.at {
            let to = container.links.iter().filter_map(|(_, to)| self.world.address_of(*to));
            let to: BTreeSet<Ipv4Addr> = to.filter(|to| here.contains(to)).collect();
            pairs.push(Pair { from: Some([*address].into()), to: Some(to) });
        }
        pairs
    }

    /// A service and its sidekicks.
    fn rooted(
        &self,
        service: usize,
    ) -> impl Iterator<Item = (usize, &'w crate::network::world::Service)> {
        let all = self.world.services.iter().enumerate();
        all.filter(move |(position, own)| *position == service || own.primary == Some(service))
    }

    /// The services that a service leads to, through aliases.
    fn targets(&self, service: usize, found: &mut BTreeSet<usize>) {
        let Some(own) = self.world.services.get(service) else { return };
        let links = own.links.iter().map(|(_, to)| *to);
        for to in links.chain(own.balances.iter().copied()) {
            let is_alias = self.world.services.get(to).is_some_and(|to| to.kind == "dnsService");
            if found.insert(to) && is_alias {
                self.targets(to, found);
            }
        }
    }
}

/// The service that a sidekick belongs to; of another, itself.
fn root(world: &World, service: usize) -> usize {
    world.services.get(service).and_then(|own| own.primary).unwrap_or(service)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(super) mod tests;
